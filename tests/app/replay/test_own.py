"""Own prompts: decoded in the viewer's browser where the pair is small, else by the server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from adaspec import inference, run_models, runs, tokens
from adaspec.runs import Run
from adaspec.speculation.trace import Trace
from adaspec.views import replay_view
from tests.app.tokens.test_pages import link_of, select, visit, wait_for_link
from tests.engine import check_same
from tests.studio import LARGE, faultless, large_example, studio

expect.set_options(timeout=20_000)  # two busy cores
ODD = "The dog 🙂 ran to 東京 <b>&amp; naïve\t\u200dand\n\nthen"
ASKED = [
    ("english", {"prompt": ODD, "draft": "adaspec", "seed": 5, "max_new_tokens": 48}),
    ("english", {"prompt": "Lily", "temperature": 0.0, "gamma": 3, "draft": "kl-from-reference"}),
    (
        "example",
        {
            "prompt": "Mia has 7 shells.\n",
            "draft": "adaspec",
            "temperature": 0.7,
            "top_k": 40,
            "top_p": 0.9,
            "gamma": 6,
            "seed": 9,
        },
    ),
]
WITHOUT_WORKERS = "delete window.Worker"  # as an old browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("own")
    large_example(home)
    with studio(home) as where:
        yield where


def asking(run: str, **asked: Any) -> str:
    return "replay?" + urlencode({"run": run, "of": "own"} | asked)


def decoded(page: Page) -> None:
    expect(page.locator(".own .doing")).to_contain_text("in this browser alone")
    expect(page.locator(".replay .ladder")).to_be_visible()


def looks(page: Page) -> list[Any]:
    """The passes, the text and the card of the player, with what marks their parts."""
    marked = "one => [one.textContent, [...one.querySelectorAll('[class]')].map(x => x.className)]"
    parts = (".ladder", ".text", ".answer")
    return [page.locator(f".replay {part}").evaluate(marked) for part in parts]


def download(page: Page, name: str) -> bytes:
    with page.expect_download() as got:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(got.value.path()).read_bytes()


@pytest.mark.parametrize(("name", "asked"), ASKED, ids=["sampled", "greedy", "narrowed"])
def test_the_browsers_decoding_is_the_servers(page: Page, address: str, name: str, asked) -> None:
    """Token by token and decision by decision; so is what a file of it says."""
    run = Run(runs.EXAMPLES[name])
    ours = inference.speculate(inference.open_run(run), **asked)
    visit(page, f"{address}/{asking(name, **asked, step=0)}")
    decoded(page)
    page.get_by_role("button", name="Files").click()
    document = json.loads(download(page, "JSON"))
    theirs = Trace.model_validate(document["trace"])
    check_same(ours.model_dump(), theirs.model_dump())
    assert theirs.plain_ms
    expect(page.get_by_text(f"of {replay_view.steps(ours)}, beginning")).to_be_visible()


def test_an_old_browser_shows_the_same_by_the_server(
    page: Page, address: str, chromium: Browser
) -> None:
    link = asking("english", prompt=ODD, seed=2, max_new_tokens=24, step=40, token="1.0")
    visit(page, f"{address}/{link}")
    decoded(page)
    with faultless(chromium) as old:
        old.add_init_script(WITHOUT_WORKERS)
        visit(old, f"{address}/{link}")
        expect(old.get_by_text("This browser is too old to run the models")).to_be_visible()
        expect(old.locator(".replay .ladder")).to_be_visible(timeout=60_000)
        assert old.locator(".own").count() == 0
        assert link_of(old) == link_of(page)
        assert looks(old) == looks(page)
        # For the rest of the visit the server is asked at once.
        old.get_by_label("Prompt", exact=True).fill("Tom had")
        old.get_by_role("button", name="Decode").click()
        expect(old.locator(".replay .text")).to_contain_text("Tom had", timeout=60_000)
        expect(old.get_by_text("This browser is too old to run the models")).to_be_visible()


def test_a_larger_pair_is_the_servers(page: Page, address: str) -> None:
    visit(page, f"{address}/{asking(LARGE, max_new_tokens=8)}")
    most = run_models.LARGEST // 1_000_000
    sentence = f"has 30 million parameters; browsers run up to {most} million."
    expect(
        page.get_by_text(f"Decoded on the server. This pair's larger model {sentence}")
    ).to_be_visible()
    expect(page.locator(".replay .ladder")).to_be_visible(timeout=60_000)
    assert page.locator(".own").count() == 0


def test_models_that_do_not_come_leave_it_to_the_server(chromium: Browser, address: str) -> None:
    page = chromium.new_page()
    page.route(re.compile("/engine/.*safetensors$"), lambda route: route.abort())
    visit(page, f"{address}/{asking('example', max_new_tokens=8)}")
    expect(page.get_by_text("The models did not come from the server.")).to_be_visible()
    expect(page.locator(".replay .ladder")).to_be_visible(timeout=60_000)
    page.close()


def test_one_prompt_after_another(page: Page, address: str) -> None:
    """The models come once; what cannot be decoded is said in a line; another draft is another."""
    fetched: list[str] = []
    page.on("request", lambda request: "safetensors" in request.url and fetched.append(request.url))
    visit(page, f"{address}/{asking('english', max_new_tokens=16)}")
    decoded(page)
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("The cat <script>window.hacked=1</script> sat")
    page.get_by_role("button", name="Decode").click()
    expect(page.locator(".replay .text")).to_contain_text("window.hacked=1</script> sat")
    assert page.evaluate("window.hacked") is None
    assert len(fetched) == 2
    prompt.fill("")
    page.get_by_role("button", name="Decode").click()
    expect(page.locator(".own .doing")).to_contain_text("There is nothing to go on from")
    expect(page.locator(".replay .ladder")).not_to_be_visible()
    prompt.fill("word " * 1500)
    page.get_by_role("button", name="Decode").click()
    expect(page.locator(".own .doing")).to_contain_text("the models take 1024: shorten it")
    prompt.fill("Tom had 5 apples")
    page.get_by_role("button", name="Decode").click()
    decoded(page)
    select(page, "Draft q", "stock")
    expect(page.locator(".replay h2")).to_contain_text("your prompt · stock")
    decoded(page)
    assert len(fetched) == 4  # target and draft: the target's from the browser's own store


def test_stop_stops_and_decode_begins_anew(page: Page, address: str) -> None:
    visit(page, f"{address}/{asking('english', prompt='Tom', max_new_tokens=8)}")
    decoded(page)
    tokens = page.get_by_label("Tokens", exact=True)
    tokens.fill("1000")
    page.get_by_role("button", name="Decode").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".own .doing")).to_have_text("Stopped. Asked for again, it begins anew.")
    expect(page.get_by_role("progressbar", name="Decoding")).not_to_be_visible()
    page.get_by_role("button", name="Decode").click()
    decoded(page)
    assert int(page.locator(".count").last.inner_text().split()[-1]) > 8


def test_a_link_and_a_reload_bring_the_view_back(page: Page, address: str) -> None:
    visit(page, f"{address}/{asking('english', prompt='Anna has', seed=4, max_new_tokens=24)}")
    decoded(page)
    page.get_by_role("button", name=re.compile("Pause|Play")).click()
    page.get_by_role("slider", name="Step").fill("30")
    page.locator(".ladder .chip.rejected").first.click()
    wait_for_link(page, run="english", of="own", prompt="Anna has", seed="4", step="30")
    before, link = looks(page), link_of(page)
    page.reload()
    decoded(page)
    assert looks(page) == before
    assert link_of(page) == link


def test_the_verdict_stands_beside_the_replay(page: Page, address: str) -> None:
    visit(page, f"{address}/{asking('english', max_new_tokens=32)}")
    decoded(page)
    verdict = page.get_by_role("region", name="Whether speculating pays in this browser")
    expect(verdict).to_contain_text(re.compile(r"in this browser: \d\.\d\d times as fast"))
    expect(verdict).to_contain_text(
        re.compile(r"c = \d\.\d\d · v\(5\) = \d\.\d\d · α = \d\.\d\d of")
    )
    expect(verdict.locator(".track")).to_have_count(3)
    expect(verdict.locator(".track").last).to_contain_text("computed")
    verdict.get_by_role("button", name="v(5)").click()
    expect(page.get_by_role("note")).to_contain_text("The target's pass over γ + 1 tokens")


# A draft tried out.


def tried(page: Page) -> None:
    expect(page.locator(".trial .doing")).to_contain_text("in this browser alone")


def test_a_draft_is_tried_live_and_writes_what_is_replayed(page: Page, address: str) -> None:
    """Token by token, each by whom the decoding says; both speeds are there."""
    run = Run(runs.EXAMPLES["english"])
    asked = {"prompt": "Tom had", "draft": "adaspec", "seed": 3, "max_new_tokens": 40, "gamma": 3}
    trace = inference.speculate(inference.open_run(run), **asked)
    pieces = tokens.vocabulary(run)
    makers = [
        maker
        for decoded in trace.rounds
        for maker in [*["accepted"] * decoded.accepted, decoded.last and decoded.last.kind]
        if maker
    ]
    visit(page, f"{address}/{asking('english', **asked | {'of': 'try'})}")
    tried(page)
    words = page.locator(".trial .text .word:not(.prompt)")
    classes = words.evaluate_all("all => all.map((word) => word.className.split(' ')[1])")
    assert classes == makers
    said = page.locator(".trial .text").inner_text()
    assert said.startswith("Tom had")
    assert len(classes) == len(trace.text)
    assert pieces[trace.text[0]].data.decode().strip() in said
    counted = f"{len(trace.text)} tokens in {len(trace.rounds)} passes of the target"
    expect(page.locator(".trial")).to_contain_text(counted)
    for name in ("with the draft", "target alone"):
        track = page.locator(".trial .track").filter(has_text=name)
        assert float(track.locator(".count").inner_text()) > 0
    expect(page.locator(".trial")).to_contain_text("as many tokens as were asked for")
    # Every other press writes it anew; what was stopped stays.
    page.get_by_label("Tokens", exact=True).fill("1000")
    page.get_by_label("Temperature", exact=True).fill("1.5")
    # Stopped by the page itself: a fast machine is through while a driver asks for the button.
    page.locator(".trial").evaluate(
        """trial => {
          const buttons = [...trial.querySelectorAll("button")];
          const watch = setInterval(() => {
            if (trial.innerText.includes("asked for") || !trial.querySelector(".word.accepted"))
              return;
            clearInterval(watch);
            buttons.find(({ textContent }) => textContent === "Stop").click();
          });
        }"""
    )
    page.get_by_role("button", name="Decode").click()
    expect(page.locator(".trial .doing")).to_contain_text("Stopped.")
    written = words.count()
    assert 0 < written < 1000
    wait_for_link(page, of="try", temperature="1.5", max_new_tokens="1000")
    page.get_by_label("Prompt", exact=True).fill("")
    page.get_by_role("button", name="Decode").click()
    expect(page.locator(".trial .doing")).to_contain_text("nothing to go on from")
    expect(words).to_have_count(0)


def test_what_no_browser_runs_is_not_tried(page: Page, address: str) -> None:
    visit(page, f"{address}/{asking(LARGE, of='try')}")
    expect(page.get_by_test_id("stAlert")).to_contain_text("browsers run up to 5 million. Choose")


def test_a_replay_that_a_browser_made_up_is_refused(page: Page, address: str) -> None:
    """What comes back for the files is read as anything from outside."""
    link = asking("example", max_new_tokens=8)
    page.add_init_script(
        """Object.defineProperty(Worker.prototype, 'onmessage', {set(hear) {
          this.addEventListener('message', event => {
            const trace = event.data.result?.trace;
            if (trace) trace.rounds[0].last.token = 10 ** 6;
            hear(event);
          });
        }});"""
    )
    visit(page, f"{address}/{link}")
    expect(page.locator(".own .doing")).to_contain_text("in this browser")
    page.get_by_role("button", name="Files").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("The browser sent no replay")


def test_the_servers_models_stay_asleep(page: Page, address: str) -> None:
    run = runs.EXAMPLES["english"]
    before = answering(run)
    visit(page, f"{address}/{asking('english', prompt='A boy', max_new_tokens=8)}")
    decoded(page)
    assert answering(run) == before


def answering(run: Path) -> set[int]:
    """Processes that hold this run's models."""
    return {
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if {"adaspec.inference", str(run)} <= set(process.info["cmdline"] or [])
    }
