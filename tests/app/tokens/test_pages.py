"""The Tokens and Filter pages in a real browser: first look, links, lists, files, own texts."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from adaspec import runs, tokens
from adaspec.runs import Run
from adaspec.runs.tables import EXAMPLES, VOCABULARY
from tests.studio import enough, faultless, settle, studio
from tests.views import ATTACK, HOSTILE

expect.set_options(timeout=20_000)  # two busy cores
EXAMPLE = Run(runs.EXAMPLES["example"])
RATIO = "k: share of tokens kept"
HOSTILE_RUN = "01HHHHHHHHHHHHHHHHHHHHHHHH"


@pytest.fixture(scope="module")
def studio_home(tmp_path_factory: pytest.TempPathFactory, finished_run: Run) -> Path:
    """A home with one run, whose vocabulary and texts are hostile."""
    home = tmp_path_factory.mktemp("studio")
    run = Run(home / "runs" / HOSTILE_RUN)
    shutil.copytree(finished_run.path, run.path)
    pieces = pq.read_table(run.vocabulary_file).to_pydict()
    strange = [text.encode() for text in [*HOSTILE, "x" * 10_000]] + [b"\xe2\x82", b"\x00\xff"]
    pieces["data"] = [strange[i % len(strange)] for i in range(len(pieces["id"]))]
    pq.write_table(pa.table(pieces, schema=VOCABULARY), run.vocabulary_file)
    texts = pq.read_table(run.examples_file).to_pydict()
    texts["prompt"] = texts["response"] = [ATTACK + "$x^2$ :red[x]"] * len(texts["seq"])
    pq.write_table(pa.table(texts, schema=EXAMPLES), run.examples_file)
    state = json.loads(run.state_file.read_text())
    run.state_file.write_text(json.dumps(state | {"name": ATTACK}))
    return home


@pytest.fixture(scope="module")
def address(studio_home: Path) -> Iterator[str]:
    with studio(studio_home) as where:
        yield where


def visit(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)


def link_of(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def wait_for_link(page: Page, **expected: str) -> None:
    enough(lambda: page.wait_for_timeout(100) or expected.items() <= link_of(page).items(), 20)


def select(page: Page, label: str, choice: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=choice, exact=True).click()
    settle(page)


def download(page: Page, menu: str, name: str, folder: Path) -> Path:
    """A file from a menu of tables, or from a button beside it."""
    if menu:
        page.get_by_role("button", name=menu).click()
    place = page.get_by_test_id("stPopoverBody") if menu else page
    with page.expect_download() as got:
        place.get_by_role("button", name=name, exact=True).first.click()
    got.value.save_as(folder / got.value.suggested_filename)
    return folder / got.value.suggested_filename


def test_what_filter_shows_can_be_taken_away(
    page: Page, chromium: Browser, address: str, tmp_path: Path
):
    visit(page, f"{address}/filter?run=example&k=0.4")
    file = download(page, "", "Page", tmp_path)
    frame = pd.read_csv(download(page, "Tables", "CSV", tmp_path))
    of_class = frame[frame["property"] == "token class"]
    entries = tokens.entries(EXAMPLE, "generated", "stock", "corpus")
    assert of_class["kept"].sum() == (entries <= 400).sum()
    assert of_class["tokens"].sum() == len(entries)
    assert frame["share"].to_numpy() == pytest.approx(frame["kept"] / frame["tokens"])
    with faultless(chromium) as offline:
        offline.goto(file.as_uri())
        kept = offline.locator(".filter dd strong").first
        expect(kept).to_have_text("0.400")
        offline.locator(".filter [type=number]").fill("0.2")
        offline.keyboard.press("Enter")
        expect(kept).to_have_text("0.200")


def test_the_first_minute(page: Page, address: str):
    """Nothing is set, and there is the hardest example of the newest run that has tables."""
    visit(page, f"{address}/tokens?run=example")
    hardest = tokens.ranking(EXAMPLE, "generated", "hardest", "adaspec").iloc[0]
    expect(page.get_by_text(f"tiny · generated #{hardest['seq']}")).to_be_visible()
    coloured = page.locator(".token.scored")
    expect(coloured).to_have_count(int(hardest["tokens"]))
    kl = tokens.rows(EXAMPLE, "generated", int(hardest["seq"]), ["adaspec"])["kl@adaspec"]
    highest = int(kl.argmax())
    coloured.nth(highest).hover()
    expect(page.locator(".card:visible").first).to_contain_text(f"{kl[highest]:.3f}"[:4])


def test_a_link_is_the_view(page: Page, address: str, chromium: Browser):
    visit(page, f"{address}/tokens?run=example&example=12")
    text = page.get_by_role("listbox")
    text.focus()
    text.press("2")
    for _ in range(3):
        text.press("ArrowRight")
    text.press("p")
    text.press("[")
    page.get_by_role("slider", name=RATIO).press("ArrowRight")
    first = len(tokens.prompt_ids(EXAMPLE, "generated", 12))
    wait_for_link(page, metric="delta", example="12", step="adaspec@75")
    link = link_of(page)
    assert link["pins"] == link["token"]
    assert 0 <= int(link["token"]) <= first + 3
    k = round(1000 * float(link["k"]))
    assert k > 400
    with faultless(chromium) as other:
        visit(other, page.url)
        assert link_of(other) == link
        chosen = page.locator("#current-token").inner_text()
        expect(other.locator("#current-token")).to_have_text(chosen)
        expect(other.get_by_role("combobox", name="Colour by")).to_have_value("delta")
        expect(other.get_by_role("slider", name=RATIO)).to_have_value(str(k))
        expect(other.locator(".pins .card")).to_have_count(1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("run=01NOSUCHRUN", "There is no run '01NOSUCHRUN' here"),
        ("run=example&example=9999", "example=9999 in the link is not a number from 0 to 199"),
        ("run=example&draft=nobody", "There is no draft q 'nobody' here"),
        ("run=example&metric=beauty", "There is no metric 'beauty'"),
        ("run=example&k=7", "k=7 in the link is not a number from 0 to 1"),
        ("run=example&token=-4", "token=-4 in the link is not a number from 0"),
        ("run=example&step=adaspec@9", "There is no step 'adaspec@9'"),
        ("run=example&source=<b>x</b>", "There is no text '<b>x</b>' here"),
    ],
)
def test_a_wrong_link_says_so_and_shows_the_nearest(page: Page, address: str, wrong: str, message):
    visit(page, f"{address}/tokens?{wrong}")
    expect(page.get_by_test_id("stAlert").filter(has_text=message).first).to_be_visible()
    expect(page.locator(".token.scored").first).to_be_visible()


def test_every_token_from_the_hardest_on(page: Page, address: str, tmp_path: Path):
    # As from the list of examples, of which one was open: no token was yet.
    link = "tokens?run=example&rival=distillspec-data&example=3&of=Every+token"
    visit(page, f"{address}/{link}")
    ranked = tokens.ranked_tokens(
        EXAMPLE, "generated", "hardest", "adaspec", "distillspec-data", most=5
    )

    def expect_open(place: int) -> None:
        seq, pos = (int(ranked[name][place]) for name in ("seq", "pos"))
        row = len(tokens.prompt_ids(EXAMPLE, "generated", seq)) + pos
        wait_for_link(page, example=str(seq), token=str(row))
        expect(page.get_by_text(f"tiny · generated #{seq}", exact=True)).to_be_visible()
        expect(page.locator("#current-token")).to_have_count(1)

    expect_open(0)
    page.get_by_role("button", name="Next hardest").click()
    expect_open(1)
    expect(page.get_by_text("2nd of 1,000")).to_be_visible()
    table = page.get_by_test_id("stDataFrame").locator(".dvn-scroller")
    table.click(position={"x": 18, "y": 35 + 35 * 3 + 17})
    expect_open(3)
    page.get_by_role("button", name="Next hardest").click()
    expect_open(4)
    file = download(page, "Tables", "CSV", tmp_path)
    frame = pd.read_csv(file)
    assert frame["kl"][:5].to_numpy() == pytest.approx(ranked["kl"].to_numpy(), abs=1e-6)
    assert len(frame) == 1000


def test_every_token_in_another_order_and_of_a_class(page: Page, address: str):
    visit(page, f"{address}/tokens?run=example&rival=distillspec-data&of=Every+token")
    select(page, "Order", "most disputed")
    select(page, "Class", "number")
    assert (link_of(page)["rank"], link_of(page)["class"]) == ("disputed", "number")
    ranked = tokens.ranked_tokens(
        *(EXAMPLE, "generated", "disputed", "adaspec", "distillspec-data"), kind="number", most=1
    )
    page.get_by_role("button", name="Next most disputed").click()
    seq, pos = int(ranked["seq"][0]), int(ranked["pos"][0])
    row = len(tokens.prompt_ids(EXAMPLE, "generated", seq)) + pos
    wait_for_link(page, example=str(seq), token=str(row))


def test_order_and_search(page: Page, address: str):
    visit(page, f"{address}/tokens?run=example")
    select(page, "Order", "most improved")
    best = tokens.ranking(EXAMPLE, "generated", "improved", "adaspec").iloc[0]["seq"]
    assert link_of(page)["order"] == "improved"
    assert link_of(page)["example"] != str(best)  # the example stays until another is chosen
    search = page.get_by_role("textbox", name="Search", exact=True)
    search.fill("Xenia")
    search.press("Enter")
    there = tokens.examples(EXAMPLE, "generated")
    count = (there["prompt"] + "\n" + there["response"]).str.contains("xenia", case=False).sum()
    expect(page.get_by_text(f"{count} of 200 examples")).to_be_visible()
    search.fill("no such word")
    search.press("Enter")
    expect(page.get_by_text("No example contains this.")).to_be_visible()
    expect(page.locator(".token.scored").first).to_be_visible()


def test_another_example_from_the_list(page: Page, address: str):
    visit(page, f"{address}/tokens?run=example&token=30&pins=31")
    before = link_of(page)["example"]
    table = page.get_by_test_id("stDataFrame").locator(".dvn-scroller")
    table.click(position={"x": 18, "y": 35 + 35 * 3 + 17})
    enough(lambda: page.wait_for_timeout(100) or link_of(page)["example"] != before, 20)
    ranked = tokens.ranking(EXAMPLE, "generated", "hardest", "adaspec")
    assert link_of(page)["example"] == str(ranked.iloc[3]["seq"])
    # They are of the other text.
    enough(lambda: page.wait_for_timeout(100) or not {"token", "pins"} & link_of(page).keys(), 20)
    expect(page.get_by_text(f"tiny · generated #{ranked.iloc[3]['seq']}")).to_be_visible()


def test_files_to_take_away(page: Page, address: str, chromium: Browser, tmp_path: Path):
    visit(page, f"{address}/tokens?run=example&source=dataset&example=5&metric=delta&k=0.3")
    expected = tokens.rows(EXAMPLE, "dataset", 5, ["stock", "adaspec@8"])

    def download(name: str) -> bytes:
        with page.expect_download() as got:
            page.get_by_role("button", name=name, exact=True).click()
        return Path(got.value.path()).read_bytes()

    for table in (
        pd.read_csv(io.BytesIO(download("CSV"))),
        pd.read_parquet(io.BytesIO(download("Parquet"))),
    ):
        np.testing.assert_allclose(table["kl@adaspec@8"], expected["kl@adaspec@8"], atol=1e-6)
        delta = expected["kl@stock"] - table["kl@reference"]
        np.testing.assert_allclose(table["delta@stock"], delta, atol=1e-6)
    file = tmp_path / "view.html"
    file.write_bytes(download("Page"))
    alone = chromium.new_page()
    alone.route(re.compile("^http"), lambda route: pytest.fail("it asks the network"))
    alone.goto(file.as_uri())
    expect(alone.locator(".token.scored")).to_have_count(len(expected))
    expect(alone.get_by_role("combobox", name="Colour by")).to_have_value("delta")
    alone.close()


def test_a_text_of_ones_own_by_the_server(page: Page, address: str):
    page.add_init_script("delete window.Worker")  # as an old browser
    visit(page, f"{address}/tokens?run=example&of=Your+own+text")
    expect(page.locator(".token.scored").first).to_be_visible(timeout=60_000)  # the target goes on
    answer = page.get_by_label("Answer", exact=True)
    answer.fill("Step by step. <script>window.hacked=1</script> 東京 🙂 = 4")
    page.get_by_role("button", name="Read").click()
    expect(page.get_by_text("Read in")).to_be_visible()
    expect(page.get_by_role("listbox")).to_contain_text("script")
    assert page.evaluate("window.hacked") is None
    took = page.get_by_text("Read in").inner_text()
    assert float(re.search(r"[\d.]+", took)[0]) < 5
    page.get_by_label("Prompt", exact=True).fill("")
    answer.fill("x")
    page.get_by_role("button", name="Read").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("write at least two tokens")
    assert "answer=x" in page.url


def test_hostile_text_is_text_on_both_pages(page: Page, address: str):
    for where in ("tokens", "tokens?order=first", "filter"):
        visit(page, f"{address}/{where}{'&' if '?' in where else '?'}run={HOSTILE_RUN}")
        token = page.locator(".token:not(.prompt)").first
        expect(token).to_be_visible()
        token.hover()
        assert page.evaluate("window.hacked") is None
        assert page.locator("script:has-text('hacked')").count() == 0
    expect(page.get_by_text("window.hacked=1").first).to_be_visible()


def test_from_a_ratio_to_a_training(page: Page, address: str):
    visit(page, f"{address}/filter?run=example&k=0.4")
    handle = page.get_by_role("slider").first
    handle.focus()
    handle.press("PageUp")
    handle.press("ArrowRight")
    page.wait_for_timeout(1200)
    k = link_of(page)["k"]
    assert k != "0.4"
    page.get_by_role("button", name="Train with this k").click()
    expect(page.get_by_role("heading", name="Train")).to_be_visible()
    settle(page)
    wait_for_link(page, k=k)
    expect(page.locator(".st-key-train-k")).to_contain_text(k)


def test_from_a_ratio_to_the_same_tokens(page: Page, address: str):
    """Draft, text, pool and k stay: the Tokens page outlines what Filter has kept."""
    visit(page, f"{address}/filter?run=example&source=dataset&snapshot=adaspec@25&pool=batch&k=0.3")
    page.get_by_role("link", name="See the tokens").click()
    expect(page.get_by_role("heading", name="Tokens")).to_be_visible()
    expect(page.locator(".token.scored").first).to_be_visible()
    settle(page)
    same = {
        "run": "example",
        "source": "dataset",
        "step": "adaspec@25",
        "pool": "batch",
        "by": "draft",
        "k": "0.3",
    }
    assert link_of(page) | same == link_of(page)


def test_a_page_s_link_is_copied(chromium: Browser, address: str):
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    visit(page, f"{address}/filter?run=example&k=0.3")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    context.close()


def test_where_a_browser_refuses_the_link_can_be_copied_by_hand(page: Page, address: str):
    visit(page, f"{address}/filter?run=example&k=0.3")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_label("Link", exact=True)).to_have_value(page.url)


def test_from_a_run_to_its_tokens(page: Page, address: str):
    visit(page, f"{address}/?run=example")
    page.locator(".st-key-run-views").get_by_role("link", name="Tokens").click()
    expect(page.get_by_role("heading", name="Tokens")).to_be_visible()
    expect(page.locator(".token.scored").first).to_be_visible()
    assert link_of(page).get("run") == "example"
