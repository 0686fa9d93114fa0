"""The filter lab in a real browser: in a page of its own, held against its payload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.filter.lab_app import view
from tests.axe import obstacles
from tests.studio import serve_script
from tests.views import HOSTILE, unpacked

VIEW = view()
ENTRY = unpacked(VIEW["text"]["entry"])
KEPT = unpacked(VIEW["kept"])
THRESHOLD = unpacked(VIEW["threshold"])
MASS = unpacked(VIEW["mass"])
TOKENS = VIEW["tokens"]
Open = Callable[..., Page]

# All that the lab shows and that k decides.
SHOWN = """lab => ({
    numbers: [...lab.querySelectorAll('dd')].map(one => [...one.children].map(
        part => part.textContent)),
    sides: [...lab.querySelectorAll('.sides > span')].map(one => one.textContent),
    flag: lab.querySelector('.flag').textContent,
    cut: lab.querySelector('.coloured:is(svg)').style.clipPath,
    handle: lab.querySelector('.handle').style.left,
    said: lab.querySelector('.handle').getAttribute('aria-valuetext'),
    slider: lab.querySelector('[type=range]').value,
    number: lab.querySelector('[type=number]').value,
    outlined: [...lab.querySelectorAll('.token')].flatMap(
        (one, row) => getComputedStyle(one).boxShadow === 'none' ? [] : [row]),
    tables: [...lab.querySelectorAll('table')].map(table =>
        [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent))),
    bars: [...lab.querySelectorAll('.meter')].map(one => [
        Number(/[(](.*)[)]/.exec(one.querySelector('i').style.transform)[1]),
        parseFloat(one.querySelector('b').style.left) / 100]),
})"""

# From now on, which tokens are touched and how many elements come in.
WATCH = """lab => {
    const tokens = [...lab.querySelectorAll('.token')];
    window.seen = {tokens: new Set(), elements: 0};
    new MutationObserver(records => {
        for (const {target, addedNodes} of records) {
            if (tokens.includes(target)) seen.tokens.add(tokens.indexOf(target));
            seen.elements += [...addedNodes].filter(node => node instanceof Element).length;
        }
    }).observe(lab, {subtree: true, childList: true, attributes: true});
}"""
SEEN = "() => ({tokens: [...seen.tokens], elements: seen.elements})"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The page with nothing but a filter lab, served; its address."""
    with serve_script("tests/app/filter/lab_app.py") as address:
        yield address


@pytest.fixture
def lab(chromium: Browser, server: str) -> Iterator[Open]:
    """Opens labs with which nothing may go wrong."""
    complaints: list[str] = []
    opened: list[Page] = []

    def open_one(query: str = "", theme: str = "light", width: int = 1440) -> Page:
        page = chromium.new_page(viewport={"width": width, "height": 1100}, color_scheme=theme)
        page.on("console", lambda told: told.type == "error" and complaints.append(told.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{server}/?{query}")
        opened.append(page)
        expect(page.get_by_text("runs: 1")).to_be_visible(timeout=20_000)
        page.wait_for_selector(".filter .token")
        return page

    yield open_one
    for page in opened:
        assert page.evaluate("window.hacked") is None
        page.close()
    assert complaints == []


def shown(page: Page) -> dict[str, Any]:
    said: dict[str, Any] = page.locator(".filter").evaluate(SHOWN)
    return said


def ratio(page: Page) -> int:
    return round(1000 * float(page.locator(".filter dd strong").first.inner_text()))


def percent(share: float) -> str:
    return f"{Decimal(float(share) * 100).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"


def nats(value: float) -> str:
    written = Decimal(float(value)).quantize(Decimal("0.001"), ROUND_HALF_UP)
    return f"{written:.3f}".replace("-", "−")


def agrees(page: Page, k: int) -> None:
    """Everything on the page is what the payload says of this k."""
    said = shown(page)
    kept = int(KEPT[k])
    assert said["numbers"] == [
        [f"{k / 1000:.3f}", "0 to 1"],
        [f"{kept:,}", f"{percent(kept / TOKENS)} of {TOKENS:,}"],
        [nats(THRESHOLD[k]), "nats"],
        [percent(MASS[k]), "of its sum over all tokens"],
    ]
    assert said["sides"] == [f"left out {TOKENS - kept:,}", f"kept {kept:,}"]
    assert said["flag"] == f"ΔL ≥ {nats(THRESHOLD[k])}"
    assert said["cut"].split()[-1] == f"{said['handle']})"
    assert said["said"] == (
        f"k = {k / 1000:.3f}, keeps {kept:,} of {TOKENS:,} tokens, "
        f"dL of at least {nats(THRESHOLD[k]).replace('−', '-')} nats"
    )
    assert (said["slider"], float(said["number"])) == (str(k), k / 1000)
    assert said["outlined"] == np.flatnonzero(k >= ENTRY).tolist()
    tables, bars = expected(k)
    assert said["tables"] == tables
    assert np.allclose(said["bars"], bars, atol=1e-4)


def expected(k: int) -> tuple[list[list[list[str]]], list[tuple[float, float]]]:
    """The tables' cells, and every bar's length and tick."""
    whole = KEPT[k] / TOKENS
    tables, bars = [], []
    for group in VIEW["groups"]:
        cells = []
        for row in group["rows"]:
            kept = unpacked(row["kept"])[k]
            shares = kept / row["tokens"], kept / KEPT[k], row["tokens"] / TOKENS
            cells.append([row["label"], *map(percent, shares)])
            bars.append((shares[0], whole))
        tables.append(cells)
    for overlap in VIEW["overlaps"]:
        both = [unpacked(row["shared"])[k] / KEPT[k] for row in overlap["rows"]]
        labels = [row["label"] for row in overlap["rows"]]
        tables.append([[label, percent(share)] for label, share in zip(labels, both, strict=True)])
        bars += [(share, whole) for share in both]
    return tables, bars


def middle(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_drag_moves_everything_and_the_server_hears_of_its_end(lab: Open):
    page = lab()
    agrees(page, 400)
    x, y = middle(page, ".filter .handle")
    page.mouse.move(x, y)
    page.mouse.down()
    agrees(page, 400)  # holding it changes nothing
    passed = []
    for way in (7, 40, 90, -30, -120):
        page.mouse.move(x + way, y + 5, steps=4)
        passed.append(ratio(page))
        agrees(page, passed[-1])
        expect(page.locator(".filter .flag")).to_be_visible()
    assert passed == sorted(passed[:3], reverse=True) + passed[3:]
    assert len(set(passed)) == 5
    page.wait_for_timeout(700)  # held still, and longer than the server would wait
    assert page.get_by_text("runs: 1").is_visible()
    page.mouse.up()
    expect(page.get_by_text(f"k: {passed[-1]}", exact=True)).to_be_visible()
    expect(page.get_by_text("runs: 2")).to_be_visible()
    agrees(page, passed[-1])


def test_the_handle_stays_under_the_pointer(lab: Open):
    page = lab()
    x, y = middle(page, ".filter .handle")
    page.mouse.move(x + 6, y)  # off the line, on the handle
    page.mouse.down()
    page.mouse.move(x + 66, y, steps=3)
    now, _ = middle(page, ".filter .handle")
    assert abs(now - (x + 60)) < 3


def test_a_click_goes_there_and_the_ends_are_ends(lab: Open):
    page = lab()
    left, y = middle(page, ".filter .plot")
    box = page.locator(".filter .plot").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.6, y)
    agrees(page, ratio(page))
    assert ratio(page) < 400
    for place, k in ((box["x"] + box["width"] + 300, 0), (box["x"] - 30, 1000)):
        page.mouse.move(left, y)
        page.mouse.down()
        page.mouse.move(place, y, steps=3)
        page.mouse.up()
        agrees(page, k)
        expect(page.get_by_text(f"k: {k}", exact=True)).to_be_visible()


def test_every_k_can_be_typed(lab: Open):
    page = lab("k=0")
    number = page.get_by_label("k as a number")
    agrees(page, 0)
    for k in (1, 37, 500, 655, 999, 1000):
        number.fill(str(k / 1000))
        agrees(page, k)
    for nonsense in ("1.2", "-0.1", ""):
        number.fill(nonsense)
        assert ratio(page) == 1000
    number.blur()
    expect(number).to_have_value("1.000")
    expect(page.get_by_text("k: 1000", exact=True)).to_be_visible()


def test_keys(lab: Open):
    page = lab()
    handle, slider = page.get_by_role("slider", name="ΔL"), page.get_by_label("k", exact=True)
    handle.focus()
    for key, k in {
        "ArrowLeft": 405,  # to the left more is kept
        "ArrowDown": 410,
        "ArrowRight": 405,
        "ArrowUp": 400,
        "PageUp": 350,
        "PageDown": 400,
        "Home": 1000,
        "End": 0,
    }.items():
        before, _ = middle(page, ".filter .handle")
        page.keyboard.press(key)
        agrees(page, k)
        after, _ = middle(page, ".filter .handle")
        assert (after > before) == (key in ("ArrowRight", "ArrowUp", "PageUp", "End"))
    page.keyboard.press("ArrowRight")
    agrees(page, 0)
    slider.focus()
    for key, k in {"ArrowRight": 5, "PageUp": 55, "End": 1000, "ArrowLeft": 995}.items():
        page.keyboard.press(key)
        agrees(page, k)
    expect(page.get_by_text("k: 995", exact=True)).to_be_visible()


def test_a_slider_that_is_held_tells_nothing(lab: Open):
    page = lab()
    box = page.get_by_label("k", exact=True).bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=3)
    agrees(page, ratio(page))
    page.wait_for_timeout(600)
    assert page.get_by_text("runs: 1").is_visible()
    page.mouse.up()
    expect(page.get_by_text(f"k: {ratio(page)}", exact=True)).to_be_visible()


def test_a_rerun_keeps_what_is_there_and_another_view_keeps_k(lab: Open):
    page = lab()
    page.get_by_label("k as a number").fill("0.25")
    expect(page.get_by_text("k: 250", exact=True)).to_be_visible()
    token = page.locator(".filter .token").first.element_handle()
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_text("runs: 3")).to_be_visible()
    page.wait_for_timeout(500)
    assert token.evaluate("one => one.isConnected")
    agrees(page, 250)
    page.get_by_role("radio", name="b").click()
    expect(page.locator(".filter h2")).to_have_text("tiny · <b>held-out</b> answers · b")
    assert not token.evaluate("one => one.isConnected")
    expect(page.locator(".filter")).to_have_count(1)
    assert ratio(page) == 250
    expect(page.get_by_text("k: 250", exact=True)).to_be_visible()


def test_hostile_text_is_text(lab: Open):
    page = lab()
    tokens = page.locator(".filter .token").all_inner_texts()
    for row, text in enumerate(HOSTILE, 20):
        if text.isprintable() and text.strip():
            assert tokens[row] == text
        assert tokens[row]
    assert page.locator(".filter :is(script, img)").count() == 0


def test_a_definition_opens_by_click_by_key_and_closes(lab: Open):
    page = lab()
    term = page.locator(".filter .term", has_text="smallest ΔL kept")
    definition = page.locator(".definition")
    for act in (term.click, lambda: term.press("Enter"), lambda: term.press("Space")):
        act()
        expect(definition).to_contain_text("how much better the reference does here than the draft")
        page.keyboard.press("Escape")
        expect(definition).to_have_count(0)
    term.click()
    page.locator(".filter h2").first.click()
    expect(definition).to_have_count(0)


def test_what_has_a_title_shows_it_to_a_finger(chromium: Browser, server: str):
    phone = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = phone.new_page()
    page.goto(server)
    row = page.locator(".filter th[title]", has_text="stock").first
    row.tap()
    definition = page.locator(".definition")
    expect(definition).to_have_text("As stock.")
    box = definition.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    phone.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_for_everybody(lab: Open, theme: str):
    page = lab(theme=theme, width=1024)
    assert obstacles(page, ".stBidiComponent") == []
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 1024


def test_a_step_of_a_drag_touches_only_what_it_changes(lab: Open):
    page = lab("rows=2000")
    x, y = middle(page, ".filter .handle")
    page.mouse.move(x, y)
    page.mouse.down()
    before = {*shown(page)["outlined"]}
    page.locator(".filter").evaluate(WATCH)
    page.mouse.move(x + 3, y)
    changed = before ^ {*shown(page)["outlined"]}
    assert 0 < len(changed) < 200
    seen = page.evaluate(SEEN)
    assert {*seen["tokens"]} == changed
    assert seen["elements"] == 0
