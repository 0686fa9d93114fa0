"""Own texts: read in the viewer's browser where the models are small, else by the server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from adaspec import inference, runs
from adaspec.runs import Run
from adaspec.views import token_view
from adaspec.views.token_view import Roles
from tests.app.replay.test_own import WITHOUT_WORKERS
from tests.app.tokens.test_pages import link_of, visit, wait_for_link
from tests.studio import faultless, studio
from tests.views import unpacked

expect.set_options(timeout=20_000)  # two busy cores
TEXTS = [
    ("english", "Lily has 3 cats 🙂.\n", "Each day <b>she</b> feeds 東京 & na\u00efve 2."),
    ("example", "Mia has 7 shells.\n", ""),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(tmp_path_factory.mktemp("own")) as where:
        yield where


def asking(run: str, prompt: str, answer: str, **asked: Any) -> str:
    text = {"run": run, "of": "Your own text", "before": prompt, "answer": answer}
    roles = {"draft": "adaspec", "rival": "distillspec-data"}
    return "tokens?" + urlencode(text | roles | asked)


def read(page: Page) -> None:
    expect(page.locator(".doing")).to_contain_text("in this browser alone")
    expect(page.locator(".token.scored").first).to_be_visible()


@pytest.mark.parametrize(("name", "prompt", "answer"), TEXTS, ids=["answer", "continued"])
def test_the_browser_says_what_the_server_says(
    page: Page, address: str, name: str, prompt: str, answer: str
) -> None:
    """To 1e-4, from the worker of a real browser to the file that one takes away."""
    run, roles = Run(runs.EXAMPLES[name]), Roles("adaspec", "distillspec-data")
    visit(page, f"{address}/{asking(name, prompt, answer)}")
    read(page)
    page.get_by_role("button", name="Files").click()
    with page.expect_download() as got:
        page.get_by_role("button", name="Page", exact=True).click()
    content = Path(got.value.path()).read_text()
    shown = re.search(r'<script type="application/json" id="shown">(.*?)</script>', content)
    assert shown
    theirs = json.loads(shown[1])["view"]
    names = list(dict.fromkeys([*roles.known(run).values(), *token_view.way(run, "adaspec")]))
    rows = inference.read_text(inference.open_run(run), prompt, answer, names)
    ours = token_view.text(run, "generated", rows, roles, theirs["id"]).model_dump()
    assert theirs["tokens"] == ours["tokens"]
    assert theirs["pieces"] == ours["pieces"]
    assert theirs["timeline"] == ours["timeline"]
    assert theirs["columns"].keys() == ours["columns"].keys()
    for column, values in ours["columns"].items():
        wanted = unpacked(values)
        close = 1e-4 if wanted.dtype.kind == "f" else 1 if column.startswith("entry") else 0
        there = unpacked(theirs["columns"][column]).astype(float)
        np.testing.assert_allclose(there, wanted.astype(float), atol=close, rtol=0, err_msg=column)


def test_an_old_browser_shows_the_same_by_the_server(
    page: Page, address: str, chromium: Browser
) -> None:
    link = asking(*TEXTS[0], metric="delta", k="0.3", token="14", pins="12,14")
    visit(page, f"{address}/{link}")
    read(page)
    with faultless(chromium) as old:
        old.add_init_script(WITHOUT_WORKERS)
        visit(old, f"{address}/{link}")
        expect(old.get_by_text("Read on the server. This browser is too old")).to_be_visible()
        expect(old.locator(".token.scored").first).to_be_visible(timeout=120_000)
        assert link_of(old) == link_of(page)
        marked = "all => all.map(one => [one.textContent, one.className])"
        for part in (".token", ".pins .card"):
            here, there = (x.locator(part).evaluate_all(marked) for x in (page, old))
            assert here
            assert here == there


def test_one_text_after_another(page: Page, address: str) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: "safetensors" in request.url and fetched.append(request.url))
    visit(page, f"{address}/{asking('english', 'Tom', '')}")
    read(page)
    models = len(fetched)
    answer = page.get_by_label("Answer", exact=True)
    answer.fill("Step by step. <script>window.hacked=1</script> 東京 🙂 = 4")
    page.get_by_role("button", name="Read").click()
    expect(page.get_by_role("listbox")).to_contain_text("hacked")
    assert page.evaluate("window.hacked") is None
    page.get_by_label("Prompt", exact=True).fill("")
    answer.fill("x")
    page.get_by_role("button", name="Read").click()
    expect(page.locator(".doing")).to_contain_text("write at least two tokens")
    expect(page.locator(".heatmap")).not_to_be_visible()
    answer.fill("a dog ran")
    page.get_by_role("button", name="Read").click()
    read(page)
    expect(page.locator(".notes")).to_contain_text("among the generated tokens")
    page.get_by_role("combobox", name="Text").first.click()  # what it is compared with
    page.get_by_role("option", name="the data set's answers").click()
    expect(page.locator(".notes")).to_contain_text("among the dataset tokens")
    assert len(fetched) == models


def test_a_link_and_a_reload_bring_the_view_back(page: Page, address: str) -> None:
    visit(page, f"{address}/{asking('english', 'Anna', ' has 5 red apples.')}")
    read(page)
    page.locator(".token.scored").nth(3).click()
    page.get_by_role("combobox", name="Colour by").select_option("entropy")
    wait_for_link(page, metric="entropy", pins="5", token="5", before="Anna")
    link = link_of(page)
    page.reload()
    read(page)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("Anna")
    expect(page.locator(".pins .card")).to_have_count(1)
    expect(page.get_by_role("combobox", name="Colour by")).to_have_value("entropy")
    assert link_of(page) == link


def test_a_reading_that_a_browser_made_up_is_refused(page: Page, address: str) -> None:
    page.add_init_script(
        """Object.defineProperty(Worker.prototype, 'onmessage', {set(hear) {
          this.addEventListener('message', event => {
            const rows = event.data.result?.rows;
            if (rows) rows.columns.p.pop();
            hear(event);
          });
        }});"""
    )
    visit(page, f"{address}/{asking('example', 'Tom', ' has 5')}")
    read(page)
    page.get_by_role("button", name="Files").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("The browser sent no reading")
