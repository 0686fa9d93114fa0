"""The token heatmap in a real browser: the component in a page, and the export from disk."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from adaspec.views import TokenView
from adaspec.views.metrics import METRICS, Metric
from adaspec.views.token_view import STATE, standalone
from tests.axe import obstacles
from tests.studio import serve_script
from tests.views import ATTACK, HOSTILE, LONG, PROMPT, TIMELINE, unpacked, view

VIEW = view()
RESPONSE = unpacked(VIEW["tokens"]["response"]) == 1
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The page with nothing but a heatmap, served; its address."""
    with serve_script("tests/app/tokens/heatmap_app.py") as address:
        yield address


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Opens pages on which nothing may go wrong."""
    complaints: list[str] = []
    opened: list[Page] = []

    def open_one(address: str, theme: str = "light", **options: Any) -> Page:
        page = chromium.new_page(
            viewport={"width": 1440, "height": 1100}, color_scheme=theme, **options
        )
        page.on(
            "console", lambda message: message.type == "error" and complaints.append(message.text)
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        opened.append(page)
        page.wait_for_selector(".text[data-complete]", timeout=20_000)
        return page

    yield open_one
    for page in opened:
        assert page.evaluate("window.hacked") is None
        page.close()
    assert complaints == []


@pytest.fixture
def exported(open_page: Open, tmp_path: Path) -> Open:
    """Opens the export of a view in a state, from disk."""

    def export(state: dict[str, Any] | None = None, shown: Any = VIEW, **options: Any) -> Page:
        file = tmp_path / "heatmap.html"
        page = standalone(TokenView.model_validate(shown), state or {})
        file.write_text(page, encoding="utf-8")
        return open_page(file.as_uri(), **options)

    return export


@pytest.fixture
def served(open_page: Open, server: str) -> Open:
    """Opens the component in a state."""

    def serve(state: dict[str, Any] | None = None, **options: Any) -> Page:
        return open_page(f"{server}/?state={quote(json.dumps(state or {}))}", **options)

    return serve


def column(name: str) -> NDArray[Any]:
    return unpacked(VIEW["columns"][name])


def values(metric: Metric, draft: str = "adaspec") -> NDArray[Any]:
    roles = VIEW["roles"] | {"draft": draft}

    def of(role: str | None) -> NDArray[Any]:
        name = f"{metric.column}@{roles[role]}" if role else metric.column
        return np.where(RESPONSE, column(name).astype(float), np.nan)

    return of(metric.of) - (of(metric.minus) if metric.minus else 0)


def levels(
    metric: Metric, draft: str = "adaspec", limits: tuple[float, float] | None = None
) -> NDArray[Any]:
    """What should be drawn, from -1 to 1; NaN for what has no colour."""
    low, high = limits or (metric.low, metric.high)
    value = values(metric, draft)
    if metric.diverging:
        return np.clip(np.where(value < 0, value / -low, value / high), -1, 1)
    if metric.scale == "log":
        return np.clip(np.log(value / low) / np.log(high / low), 0, 1)
    return np.clip((value - low) / (high - low), 0, 1)


def drawn(page: Page) -> NDArray[Any]:
    values = page.locator(".token").evaluate_all(
        """tokens => tokens.map(token => token.classList.contains('scored')
            ? token.style.getPropertyValue('--v') * (token.classList.contains('minus') ? -1 : 1)
            : null)"""
    )
    return np.array([np.nan if value is None else value for value in values], float)


def agree(page: Page, *expected: Any, **named: Any) -> None:
    page.wait_for_selector(".text[data-complete]")
    np.testing.assert_allclose(drawn(page), levels(*expected, **named), atol=6e-4)


def rows(page: Page, selector: str) -> list[int]:
    values: list[int] = page.locator(selector).evaluate_all("all => all.map(one => one.row)")
    return values


def written(value: float) -> str:
    """A number as the card writes it."""
    if float(value).is_integer():
        return str(int(value)).replace("-", "−")
    if abs(value) >= 0.001:
        return f"{value:.3f}".replace("-", "−")
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}e{int(power)}".replace("-", "−")


def token(page: Page, row: int) -> Locator:
    return page.locator(".token").nth(row)


def left(page: Page) -> dict[str, Any]:
    """The state as the server knows it."""
    state: dict[str, Any] = json.loads(page.get_by_text("state: {").inner_text()[len("state: ") :])
    return state


def reported(page: Page, **expected: Any) -> None:
    for name, value in expected.items():
        expect(page.get_by_text("state: {")).to_contain_text(f'"{name}": {json.dumps(value)}')


def runs(page: Page) -> int:
    return int(page.get_by_text("runs: ").inner_text()[len("runs: ") :])


# Colours.


def test_colours_are_what_the_scale_says(exported: Open):
    page = exported()
    agree(page, METRICS[0])
    for metric in METRICS:
        page.locator(".metric select").select_option(metric.name)
        agree(page, metric)
    page.locator(".text").focus()
    for number, metric in enumerate(METRICS[:9]):
        page.keyboard.press(str(number + 1))
        expect(page.locator(".metric select")).to_have_value(metric.name)
        agree(page, metric)
        expect(page.locator(".metric .explanation")).to_have_text(metric.explanation)


def test_a_metric_without_its_columns_is_not_offered(exported: Open):
    roles = {name: snapshot for name, snapshot in VIEW["roles"].items() if name != "rival"}
    page = exported(shown=VIEW | {"roles": roles})
    offered = page.locator(".metric option").evaluate_all("all => all.map(one => one.value)")
    assert offered == [metric.name for metric in METRICS if metric.name != "dispute"]


CONTRASTS = """tokens => {
    const pen = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
    const light = colour => {
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map(one => one / 255)
            .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    const ground = getComputedStyle(tokens[0].closest('.text')).backgroundColor;
    return tokens.map(token => {
        const under = getComputedStyle(token).backgroundColor;
        const behind = light(under === 'rgba(0, 0, 0, 0)' ? ground : under);
        const inks = [token, ...token.children].map(one => light(getComputedStyle(one).color));
        return [behind, Math.min(...inks.map(ink =>
            Math.max(ink, behind) / Math.min(ink, behind)))];
    });
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_legible_on_every_colour(exported: Open, theme: str):
    page = exported({"metric": "p"}, theme=theme)
    strengths = levels(next(metric for metric in METRICS if metric.name == "p"))
    assert np.nanmax(strengths) > 0.95
    contrasts = np.array(page.locator(".token").evaluate_all(CONTRASTS))
    assert contrasts[:, 1].min() >= 4.5
    order = np.argsort(strengths[RESPONSE])
    steps = np.diff(contrasts[RESPONSE, 0][order])
    assert (steps >= -0.003).all() if theme == "dark" else (steps <= 0.003).all()
    page.locator(".metric select").select_option("delta")
    page.locator(".limits input").first.fill("-0.01")
    page.locator(".limits input").last.fill("0.01")
    page.keyboard.press("Enter")
    page.wait_for_selector(".text[data-complete]")
    assert {-1.0, 1.0} <= set(drawn(page))
    assert np.array(page.locator(".token").evaluate_all(CONTRASTS))[:, 1].min() >= 4.5


def test_the_height_of_the_underline_is_the_value_too(exported: Open):
    page = exported()
    row = int(np.nanargmax(np.where(levels(METRICS[0]) < 1, levels(METRICS[0]), np.nan)))
    size = token(page, row).evaluate("one => getComputedStyle(one).backgroundSize")
    assert float(re.findall(r"[\d.]+", size)[-1]) == pytest.approx(
        7 * levels(METRICS[0])[row], abs=0.01
    )
    page.get_by_label("underline").select_option("triple")
    page.wait_for_selector(".text[data-complete]")
    bars = token(page, row).evaluate(
        "one => [0, 1, 2].map(bar => Number(one.style.getPropertyValue(`--v${bar}`)))"
    )
    for bar, snapshot in zip(bars, ("stock", "reference", "adaspec"), strict=True):
        assert bar == pytest.approx(min(1, column(f"kl@{snapshot}")[row] / 4), abs=6e-4)
    colours = page.locator(".text").evaluate(
        "one => [0, 1, 2].map(bar => one.style.getPropertyValue(`--c${bar}`))"
    )
    assert colours == ["#8A8F98", "#1F83C9", "#D55E00"]
    page.get_by_label("underline").select_option("none")
    assert token(page, row).evaluate("one => getComputedStyle(one).backgroundImage") == "none"


def test_limits_are_typed_dragged_and_reset(exported: Open):
    page = exported()
    low, high = page.locator(".limits input").all()
    reset = page.get_by_role("button", name="reset")
    expect(reset).to_be_hidden()
    high.fill("1")
    high.press("Enter")
    agree(page, METRICS[0], limits=(0.0, 1.0))
    low.fill("3")  # above the high limit: refused
    low.press("Enter")
    expect(low).to_have_value("0")
    agree(page, METRICS[0], limits=(0.0, 1.0))
    handle = page.locator(".plot input").last
    box = handle.bounding_box()
    page.mouse.move(box["x"] + 6 + (box["width"] - 12) * 0.25, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 6 + (box["width"] - 12) * 0.5, box["y"] + 9, steps=4)
    page.mouse.up()
    moved = float(high.input_value())
    assert moved == pytest.approx(2, abs=0.05)
    agree(page, METRICS[0], limits=(0.0, moved))
    page.locator(".metric select").select_option("overlap")
    agree(page, METRICS[2])
    page.locator(".metric select").select_option("kl")
    agree(page, METRICS[0], limits=(0.0, moved))
    reset.click()
    agree(page, METRICS[0])


# What is kept.


def test_exactly_the_tokens_kept_at_k_are_outlined(exported: Open):
    page = exported()
    slider = page.get_by_label("k: share of tokens kept")
    by = page.get_by_label("selected by")
    expect(by).to_have_value("stock")  # as a training begins
    for pool, name, of in (
        ("corpus", "entry", "stock"),
        ("batch", "entry_batch", "stock"),
        ("corpus", "entry", "draft"),
        ("batch", "entry_batch", "draft"),
    ):
        page.get_by_role("radio", name=pool).check()
        by.select_option(of)
        entries = column(f"{name}@{'adaspec' if of == 'draft' else of}")
        for k in (400, 401, 0, 1000, 37, 999):
            slider.fill(str(k))
            page.wait_for_selector(".text[data-complete]")
            kept = np.flatnonzero(entries <= k)
            assert rows(page, ".token.kept") == kept.tolist()
            count = page.locator(".kept-count")
            expect(count).to_contain_text(f"{len(kept)} of {RESPONSE.sum()} response tokens kept")
    expect(page.locator(".selection .figure")).to_have_text("0.999")
    expect(page.locator(".selection .explanation")).to_have_text(VIEW["pools"]["batch"])


def test_nothing_is_sent_while_k_is_dragged(served: Open):
    page = served()
    before = runs(page)
    box = page.get_by_label("k: share of tokens kept").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = set()
    for part in (0.5, 0.6, 0.7):
        page.mouse.move(box["x"] + box["width"] * part, box["y"] + box["height"] / 2)
        page.wait_for_timeout(500)
        seen.add(page.locator(".token.kept").count())
    assert len(seen) == 3
    assert runs(page) == before
    page.mouse.up()
    k = int(page.get_by_label("k: share of tokens kept").input_value())
    reported(page, k=k)
    assert runs(page) == before + 1
    assert 650 < k < 750


# Looking at one token.


def test_a_hovered_token_shows_its_numbers(exported: Open):
    page = exported()
    row = 33
    token(page, row).hover()
    shown = page.locator(".float .card")
    expect(shown).to_be_visible()
    for role, snapshot in VIEW["roles"].items():
        cells = shown.locator(f"tr[data-role={role}] td").all_inner_texts()
        expected = [column(f"{name}@{snapshot}")[row] for name in ("q", "rank", "kl", "overlap")]
        assert cells == [written(value) for value in expected]
    target = shown.locator("tr[data-role=target] td").all_inner_texts()
    assert target == [written(column("p")[row]), written(column("rank")[row]), "0", "1"]
    delta = column("kl@adaspec")[row] - column("kl@reference")[row]
    expect(shown.locator("dl")).to_contain_text(f"ΔL{written(delta)}")
    entry = column("entry@stock")[row]
    expect(shown.locator("dl")).to_contain_text(f"kept (corpus)from k = 0.{entry:03} on")
    for position, model in enumerate(("target", "reference", "adaspec")):
        likely = unpacked(VIEW["top"][model]["p"])[row * 5 : row * 5 + 5]
        guesses = shown.locator(".guesses > div").nth(position).locator(".guess")
        probabilities = guesses.locator("> span:last-child").all_inner_texts()
        assert probabilities == [written(value) for value in likely]
        assert guesses.evaluate_all("all => all.map(one => one.classList.contains('came'))") == (
            [False, True, False, False, False]
        )
    first, last = (column(f"kl@{snapshot}")[row] for snapshot in (TIMELINE[0], TIMELINE[-1]))
    expect(shown.locator(".learning")).to_contain_text(f"step 0: {written(first)}")
    expect(shown.locator(".learning")).to_contain_text(f"step 225: {written(last)}")
    assert page.locator(".position .pointer").get_attribute("d").startswith("M83.75 ")
    assert page.locator(".legend .pointer").get_attribute("d") != ""
    page.mouse.move(2, 2)
    expect(shown).to_be_hidden()


def test_a_piece_of_a_character_names_the_character(exported: Open):
    page = exported()
    expect(token(page, 41)).to_have_text("82")
    token(page, 41).hover()
    expect(page.locator(".float header")).to_contain_text("part of €")


def test_the_line_and_the_histogram_point_at_tokens(exported: Open):
    page = exported()
    plot = page.locator(".position svg")
    box = plot.bounding_box()
    at = {"x": box["width"] * 300.5 / 400, "y": 20}
    plot.hover(position=at)
    assert rows(page, ".token.hovered") == [300]
    expect(page.locator(".float header")).to_contain_text("token 301 of 400")
    plot.click(position=at)
    assert rows(page, ".token.current") == [300]
    expect(token(page, 300)).to_be_in_viewport()
    plot = page.locator(".legend svg")
    plot.hover(position={"x": plot.bounding_box()["width"] * 10.5 / 64, "y": 20})
    page.wait_for_selector(".text[data-complete]")
    value = values(METRICS[0])
    inside = np.flatnonzero((value >= 4 * 10 / 64) & (value < 4 * 11 / 64))
    assert rows(page, ".token.lit") == inside.tolist()
    count = VIEW["corpus"]["kl"]["counts"][10]
    expect(page.locator(".limits span")).to_contain_text(
        f": {len(inside)} here, {count} in the corpus"
    )
    assert page.locator(".position .lit").get_attribute("d").count("M") == len(inside)
    page.mouse.move(2, 2)
    page.wait_for_selector(".text[data-complete]")
    assert rows(page, ".token.lit") == []


def test_cards_are_pinned_side_by_side_and_removed(exported: Open):
    page = exported()
    token(page, 20).click()
    token(page, 25).click()
    cards = page.locator(".pins .card")
    expect(cards).to_have_count(2)
    left, right = (card.bounding_box() for card in cards.all())
    assert left["y"] == right["y"]
    page.locator(".text").press("ArrowRight")
    page.keyboard.press("p")
    assert cards.evaluate_all("all => all.map(one => one.dataset.row)") == ["20", "25", "26"]
    page.keyboard.press("P")
    expect(cards).to_have_count(2)
    cards.first.get_by_label("Remove the card").click()
    assert cards.evaluate_all("all => all.map(one => one.dataset.row)") == ["25"]
    assert cards.locator("td[title]").count() == 20


# Keys and search.


def test_arrows_walk_the_text(exported: Open):
    page = exported()
    text = page.locator(".text")
    text.focus()

    def after(key: str) -> int:
        page.keyboard.press(key)
        assert text.get_attribute("aria-activedescendant") == "current-token"
        [row] = rows(page, ".token[aria-selected=true]")
        return row

    assert [after(key) for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft")] == (
        [0, 1, 2, 1]
    )
    description = page.locator(".told")
    expect(description).to_contain_text("token 2: prompt, not measured")
    assert after("End") == 399
    expect(token(page, 399)).to_be_in_viewport()
    assert after("Home") == 0
    for _ in range(20):
        row = after("ArrowRight")
    here = token(page, row).bounding_box()
    below = token(page, after("ArrowDown")).bounding_box()
    assert 20 < below["y"] - here["y"] < 50
    assert abs(below["x"] - here["x"]) < 60
    assert after("ArrowUp") == row
    expect(description).to_contain_text(f"KL, draft {written(column('kl@adaspec')[row])} nats")
    page.get_by_label("prompt", exact=True).uncheck()
    text.focus()
    assert after("Home") == PROMPT


def test_search_marks_matches_across_tokens(exported: Open):
    page = exported()
    page.locator(".text").focus()
    page.keyboard.press("/")
    field = page.get_by_role("searchbox")
    expect(field).to_be_focused()
    ids = unpacked(VIEW["tokens"]["id"])
    words = [VIEW["vocabulary"][str(identity)].get("text", "") for identity in ids]
    pair = words[30] + words[31]
    field.fill(pair.upper())
    joined = "".join(words).lower()
    count = joined.count(pair)
    expect(page.locator(".search output")).to_have_text(f"{count} found")
    assert {30, 31} <= set(rows(page, ".token.found"))
    assert len(rows(page, ".token.found")) == 2 * count
    field.press("Enter")
    expect(page.locator(".search output")).to_have_text(f"1 of {count}")
    assert rows(page, ".token.current")[0] in rows(page, ".token.found")
    field.fill("€")
    assert rows(page, ".token.found") == [40, 41, 42]
    field.press("Escape")
    expect(page.locator(".text")).to_be_focused()
    expect(field).to_have_value("")
    assert rows(page, ".token.found") == []


def test_checkpoints_are_scrubbed(exported: Open):
    page = exported({"pins": [30], "by": "draft"})
    page.locator(".text").focus()
    for snapshot in reversed(TIMELINE[:-1]):
        page.keyboard.press("[")
        agree(page, METRICS[0], draft=snapshot)
        step = VIEW["snapshots"][snapshot]["step"]
        expect(page.locator(".training .figure")).to_have_text(f"{snapshot} · step {step}")
        draft = page.locator(".pins tr[data-role=draft] td").nth(2)
        expect(draft).to_have_text(written(column(f"kl@{snapshot}")[30]))
        assert (
            rows(page, ".token.kept") == np.flatnonzero(column(f"entry@{snapshot}") <= 400).tolist()
        )
    page.keyboard.press("[")  # there is no earlier one
    page.keyboard.press("]")
    agree(page, METRICS[0], draft=TIMELINE[1])
    page.get_by_label("checkpoint of the draft").fill("4")
    agree(page, METRICS[0])


def test_toggles_change_how_text_is_set(exported: Open):
    page = exported()
    style = "(one, name) => getComputedStyle(one)[name]"
    shown = token(page, 30)
    assert shown.evaluate(style, "fontSize") == "18px"
    page.get_by_label("density").select_option("compact")
    assert shown.evaluate(style, "fontSize") == "14px"
    page.get_by_label("wrap").uncheck()
    assert page.locator(".text").evaluate("one => one.scrollWidth > one.clientWidth")
    page.get_by_label("wrap").check()
    assert page.locator(".text").evaluate("one => one.scrollWidth === one.clientWidth")
    page.get_by_label("prompt", exact=True).uncheck()
    expect(token(page, 3)).to_be_hidden()
    kept = page.locator(".token.kept").first
    assert kept.evaluate(style, "boxShadow") != "none"
    page.locator(".text").press("s")
    assert kept.evaluate(style, "boxShadow") == "none"
    expect(page.get_by_label("outline kept")).not_to_be_checked()


# State.


def test_what_is_reported_shows_the_same_again(served: Open):
    page = served()
    assert left(page) == STATE
    assert runs(page) == 1  # nothing is sent while mounting
    page.locator(".metric select").select_option("delta")
    page.get_by_label("k: share of tokens kept").fill("250")
    page.get_by_role("radio", name="batch").check()
    page.get_by_label("underline").select_option("triple")
    page.get_by_label("density").select_option("compact")
    page.get_by_label("prompt", exact=True).uncheck()
    page.get_by_label("checkpoint of the draft").fill("2")
    token(page, 50).click()
    page.mouse.move(2, 2)
    reported(page, token=50, pins=[50], step="adaspec@25", k=250, metric="delta")
    state = left(page)
    assert set(state) == set(STATE)
    again = served(state)
    assert left(again) == state
    looks = "one => [...one.classList].sort() + one.style.cssText + one.textContent"
    for part in (".text", ".pins", ".selection", ".training", ".token.current", ".token >> nth=90"):
        assert again.locator(part).evaluate(looks) == page.locator(part).evaluate(looks)
    for control in (".metric select", ".selection input", ".training input", ".setting select"):
        assert again.locator(control).first.input_value() == (
            page.locator(control).first.input_value()
        )
    assert drawn(again).tolist() == pytest.approx(drawn(page).tolist(), nan_ok=True)
    assert runs(again) == 1


def test_a_rerun_loses_nothing_and_another_text_keeps_how_it_is_seen(served: Open):
    page = served()
    page.locator(".metric select").select_option("overlap")
    page.locator(".limits input").last.fill("0.5")
    page.keyboard.press("Enter")
    token(page, 50).click()
    reported(page, pins=[50], metric="overlap")
    element = token(page, 50).element_handle()
    before = runs(page)
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_text(f"runs: {before + 1}")).to_be_visible()
    assert element.evaluate("one => one.isConnected")
    expect(page.locator(".pins .card")).to_have_count(1)
    page.get_by_test_id("stButtonGroup").get_by_text("b", exact=True).click()
    expect(page.locator(".view-title")).to_contain_text("#b")
    page.wait_for_selector(".text[data-complete]")
    assert not element.evaluate("one => one.isConnected")
    expect(page.locator(".heatmap")).to_have_count(1)
    expect(page.locator(".pins .card")).to_have_count(0)
    agree(page, METRICS[2], limits=(0.0, 0.5))


def test_streamlits_own_keys_do_not_hear_what_is_typed(served: Open):
    page = served()
    before = runs(page)
    page.locator(".text").press("r")
    page.get_by_role("searchbox").press_sequentially("r")
    page.wait_for_timeout(800)
    assert runs(page) == before


# Every text, and everywhere.


def test_hostile_tokens_are_text(exported: Open, served: Open):
    row = 60
    for page in (exported(), served()):
        expect(token(page, row)).to_have_text(ATTACK)
        expect(token(page, row + len(HOSTILE))).to_have_text(LONG)
        assert token(page, row + 2).inner_text() == "U+202Emirrored"
        assert token(page, row + 8).inner_text() == "a␀b"
        for offset in (0, 2, 5, 8, 14, len(HOSTILE)):
            token(page, row + offset).evaluate("one => one.click()")
        expect(page.locator(".pins .card")).to_have_count(6)
        expect(page.locator(".pins .title").first).to_have_text(ATTACK)
        expect(page.locator(".pins .title").last).to_have_text(LONG)
        expect(page.locator(".view-title")).to_have_text(VIEW["title"])
        assert page.locator(".heatmap :is(script, img, b)").count() == 0
        assert (
            page.locator(".token").first.evaluate("one => getComputedStyle(one).unicodeBidi")
            == "isolate"
        )
        width = "document.documentElement.scrollWidth <= window.innerWidth"
        assert page.evaluate(width)


def test_a_long_text_is_built_whole_and_in_order(exported: Open):
    shown = view(5000, 3)
    page = exported(shown=shown)
    assert rows(page, ".token") == list(range(5000))
    assert 10 < page.locator(".block").count() < 20
    assert page.locator(".block.begins").count() == 2
    assert page.locator(".text").evaluate("one => one.scrollTop") == 0
    page.locator(".text").press("End")
    expect(token(page, 4999)).to_be_in_viewport()


def test_the_text_is_downloaded_as_a_picture(exported: Open):
    page = exported()
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    assert download.value.suggested_filename == "tiny-b-generated-b-a.png"
    picture = Image.open(download.value.path())
    assert picture.format == "PNG"
    assert picture.width == 2 * (page.locator(".text").evaluate("one => one.scrollWidth") + 32)
    assert picture.height > 2 * 3000  # all of the text, not only what is in view
    colours = picture.convert("RGB").crop((0, 0, picture.width, 700)).getcolors(1 << 20)
    assert len(colours) > 200  # grounds of many values, letters, bars


def test_the_export_asks_nobody(exported: Open):
    asked: list[str] = []
    page = exported()
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.wait_for_selector(".text[data-complete]")
    token(page, 30).hover()
    expect(page.locator(".float .card")).to_be_visible()
    page.locator(".metric select").select_option("entropy")
    agree(page, METRICS[5])
    assert [url for url in asked if not url.startswith("file:")] == []
    assert len(asked) == 1
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'none';")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("where", ["served", "exported"])
def test_nothing_stands_in_anybodys_way(request: Any, theme: str, where: str):
    page = request.getfixturevalue(where)({"pins": [30, 41], "token": 30}, theme=theme)
    assert obstacles(page, None if where == "exported" else ".stBidiComponent") == []
