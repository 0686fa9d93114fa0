"""The Learn page in a real browser: links, bets, questions, keys, what is kept, the lab."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, expect

from app.learn.blocks import Table
from app.learn.view import StepView, learn_view
from tests.app.tokens.test_pages import link_of, visit, wait_for_link
from tests.axe import obstacles
from tests.studio import enough, faultless, settle, studio

expect.set_options(timeout=20_000)  # two busy cores
STEPS = learn_view().steps
EXHIBITS = {
    "guess": ".replay .ladder",
    "decide": ".replay .why",
    "lossless": ".lab",
    "hard": ".heatmap .token.scored",
    "reference": ".heatmap .token.scored",
    "choose": ".filter .handle",
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(tmp_path_factory.mktemp("learn")) as where:
        yield where


def told(step: StepView) -> str:
    return "".join(part.text for part in step.shown)


def heading(page: Page) -> str:
    return page.locator(".learn h2").inner_text()


def option(page: Page, part: str, text: str):
    return page.locator(f".{part}").get_by_role("button", name=text, exact=True)


def test_every_step_is_bet_on_and_shown(page: Page, address: str):
    visit(page, f"{address}/learn?step=1")
    for number, step in enumerate(STEPS, 1):
        expect(page.locator(".learn h2")).to_have_text(f"{number}. {step.title}")
        expect(page.locator(".idea")).to_have_text("".join(part.text for part in step.idea))
        expect(page.locator(".outcome")).to_have_count(0)  # a bet first
        expect(page.locator(".exhibit")).to_be_empty()
        for bet in step.options:
            expect(option(page, "prediction", bet.text)).to_be_visible()
        wrong = next(bet for bet in step.options if bet.id != step.right)
        option(page, "prediction", wrong.text).click()
        expect(page.locator(".outcome .reply")).to_have_text(f"It went another way. {told(step)}")
        right = next(bet.text for bet in step.options if bet.id == step.right)
        expect(page.locator(".prediction .option.right")).to_contain_text(right)
        for block in step.outcome:
            if isinstance(block, Table):
                expect(page.locator(".outcome table")).to_contain_text(block.rows[-1][-1])
        if shown := EXHIBITS.get(step.id):
            expect(page.locator(shown).first).to_be_visible()
        else:
            expect(page.locator(".exhibit")).to_be_empty()
        link = page.get_by_role("link", name=step.look)
        assert link.get_attribute("href") == step.link
        mistaken = next(answer for answer in step.answers if not answer.right)
        option(page, "question", mistaken.text).click()
        expect(page.locator(".question .reply")).to_have_text(mistaken.says)
        expect(page.locator(".question .right")).to_have_count(0)  # try again
        answer = next(answer for answer in step.answers if answer.right)
        option(page, "question", answer.text).click()
        expect(page.locator(".question .reply")).to_have_text(answer.says)
        expect(page.locator("nav .done")).to_have_count(number)
        wait_for_link(page, step=str(number))
        if number < len(STEPS):
            page.get_by_role("button", name="Next step").click()


@pytest.mark.parametrize("name", ["decide", "reference", "choose", "fair"])
def test_its_link_leads_to_the_same_place(page: Page, address: str, name: str):
    """One link to each of the pages."""
    step = next(step for step in STEPS if step.id == name)
    visit(page, f"{address}/{step.link}")
    amiss = page.get_by_test_id("stAlert").filter(
        has_text=re.compile("There is no|is not a number")
    )
    expect(amiss).to_have_count(0)
    for part in step.link.partition("?")[2].split("&"):
        key, _, value = part.partition("=")
        assert link_of(page).get(key) in (unquote(value), None), part


def test_a_right_bet_is_as_one_thought(page: Page, address: str):
    visit(page, f"{address}/learn?step=1")
    step = STEPS[0]
    right = next(bet.text for bet in step.options if bet.id == step.right)
    option(page, "prediction", right).click()
    expect(page.locator(".outcome .reply")).to_have_text(f"As you thought. {told(step)}")


def test_progress_is_kept(page: Page, address: str):
    visit(page, f"{address}/learn?step=4")
    page.locator(".prediction .option").nth(1).click()
    right = next(answer.text for answer in STEPS[3].answers if answer.right)
    option(page, "question", right).click()
    page.reload()
    settle(page)
    expect(page.locator(".outcome")).to_be_visible()
    expect(page.locator(".question .right")).to_contain_text(right)
    expect(page.locator("nav .done")).to_have_count(1)
    visit(page, f"{address}/learn")  # without a step: where one was
    expect(page.locator(".learn h2")).to_have_text(f"4. {STEPS[3].title}")
    wait_for_link(page, step="4")
    page.get_by_role("button", name="Forget my answers").click()
    expect(page.locator(".outcome")).to_have_count(0)
    expect(page.locator("nav .done")).to_have_count(0)


def test_what_is_kept_may_be_anything(page: Page, address: str):
    visit(page, f"{address}/learn?step=1")
    for kept in ("{", "null", '{"at": "x", "steps": 3}', '{"at": 99, "steps": {"guess": {}}}'):
        page.evaluate("kept => localStorage.setItem('adaspec-learned', kept)", kept)
        visit(page, f"{address}/learn")
        expect(page.locator(".prediction .option").first).to_be_visible()


def test_keys_are_enough(page: Page, address: str):
    """A clicker's, and a keyboard's."""
    visit(page, f"{address}/learn")
    expect(page.locator(".learn h2")).to_have_text(f"1. {STEPS[0].title}")
    page.keyboard.press("PageDown")
    expect(page.locator(".outcome .reply")).to_have_text(told(STEPS[0]))  # nobody has bet
    page.keyboard.press("PageDown")
    expect(page.locator(".question .right")).to_be_visible()
    page.keyboard.press("PageDown")
    expect(page.locator(".learn h2")).to_have_text(f"2. {STEPS[1].title}")
    wait_for_link(page, step="2")
    page.keyboard.press("2")
    expect(page.locator(".prediction .chosen")).to_have_text(
        STEPS[1].options[1].text if STEPS[1].options[1].id != STEPS[1].right
        else f"✓ {STEPS[1].options[1].text}"
    )  # fmt: skip
    expect(page.locator(EXHIBITS["decide"])).to_be_visible()
    page.keyboard.press("PageUp")
    expect(page.locator(".learn h2")).to_have_text(f"1. {STEPS[0].title}")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".learn h2")).to_have_text(f"5. {STEPS[4].title}")
    wait_for_link(page, step="5")
    page.wait_for_timeout(1500)  # what the server has answered late moves nobody back
    expect(page.locator(".learn h2")).to_have_text(f"5. {STEPS[4].title}")
    page.keyboard.press("ArrowLeft")
    wait_for_link(page, step="4")


def test_the_exhibit_keeps_its_own_keys(page: Page, address: str):
    visit(page, f"{address}/learn?step=1")
    page.keyboard.press("PageDown")
    slider = page.get_by_role("slider", name="Step")
    before = slider.input_value()
    slider.press("ArrowRight")
    expect(slider).not_to_have_value(before)
    expect(page.locator(".learn h2")).to_have_text(f"1. {STEPS[0].title}")


def test_the_browsers_back_goes_a_step_back(page: Page, address: str):
    visit(page, f"{address}/learn?step=2")
    page.get_by_role("button", name="Next step").click()
    wait_for_link(page, step="3")
    page.go_back()
    expect(page.locator(".learn h2")).to_have_text(f"2. {STEPS[1].title}")


@pytest.mark.parametrize("wrong", ["0", "99", "x", "<b>"])
def test_a_wrong_link_says_so_and_shows_a_step(page: Page, address: str, wrong: str):
    visit(page, f"{address}/learn?step={wrong}")
    expect(page.get_by_test_id("stAlert")).to_contain_text(
        f"is not a number from 1 to {len(STEPS)}"
    )
    expect(page.locator(".prediction .option").first).to_be_visible()


def test_dotted_words_explain_themselves(page: Page, address: str):
    visit(page, f"{address}/learn?step=1")
    page.get_by_role("button", name="draft", exact=True).click()
    expect(page.locator(".definition")).to_have_text(learn_view().terms["draft"])


def test_the_end_leads_on(page: Page, address: str):
    visit(page, f"{address}/learn?step={len(STEPS)}")
    expect(page.get_by_role("button", name="Next step")).to_have_count(0)
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    whole = learn_view()
    for door in whole.onward:
        assert page.get_by_role("link", name=door.text).get_attribute("href") == door.link


# The lab


def test_the_lab_notices_every_broken_rule_and_not_the_right_one(page: Page, address: str):
    visit(page, f"{address}/learn?step=3")
    page.keyboard.press("PageDown")
    verdict = page.locator(".lab .verdict")
    expect(verdict).to_contain_text("✓ Not noticed")
    for rule in ("keep every guess", "replace from the whole target", "keep the guess after"):
        page.get_by_label(rule).check()
        expect(verdict).to_contain_text("✗ Noticed")
    page.get_by_label("the rule, unbroken").check()
    expect(verdict).to_contain_text("✓ Not noticed")
    expect(page.locator(".so-far")).to_contain_text("10,000 draws")


def test_the_labs_distributions_can_be_changed(page: Page, address: str):
    visit(page, f"{address}/learn?step=3")
    page.keyboard.press("PageDown")
    shared = page.locator(".lab .summary strong")
    first = shared.inner_text()
    rows = page.locator(".lab .row")
    for at in range(rows.count()):  # the draft becomes the target
        row = rows.nth(at)
        row.locator("input.q").fill(row.locator("input.p").input_value())
    draft = [float(row.locator("input.q").input_value()) for row in rows.all()]
    assert sum(draft) == pytest.approx(1, abs=0.05)
    page.get_by_role("button", name="As at first").click()
    expect(shared).to_have_text(first)
    rows.last.locator("input.q").fill("1")  # a draft that knows one word
    expect(shared).not_to_have_text(first)
    expect(page.locator(".lab .verdict")).to_contain_text("✓ Not noticed")


def test_the_lab_alone_says_what_comes_of_each_rule(page: Page, address: str):
    visit(page, f"{address}/learn")
    assert page.get_by_role("link", name="Losslessness lab").get_attribute("href") == "lossless"
    page.goto(f"{address}/lossless")
    off = page.locator(".sums tfoot td").last
    grows = page.locator(".grows")
    expect(off).to_have_text("0.0 %")
    expect(grows).to_contain_text("the draws are right")
    page.get_by_label("keep every guess").check()
    expect(off).not_to_have_text("0.0 %")
    expect(grows).to_contain_text("the line is crossed after about")
    kept = page.locator(".sums tfoot td").nth(2).inner_text()
    page.locator(".lab .row input.q").last.fill("1")
    expect(page.locator(".sums tfoot td").nth(2)).not_to_have_text(kept)
    expect(page.locator(".sums tbody tr").last.locator("td").nth(1)).to_have_text("100.0 %")


# Who reads it where


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(390, 844, "light"), (1280, 720, "dark")], ids=["phone", "hall"]
)
def test_it_fits_and_everybody_can_use_it(
    chromium: Browser, address: str, width: int, height: int, scheme: str
):
    """A phone, and a projector of 1920 x 1080 at 150 %."""
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    visit(page, f"{address}/learn?step=1")
    for number, step in enumerate(STEPS, 1):
        expect(page.locator(".learn h2")).to_have_text(f"{number}. {step.title}")
        if width > 1000:  # all options are there without scrolling
            box = page.locator(".prediction .option").last.bounding_box()
            assert box
            assert box["y"] + box["height"] <= height, step.id
        page.keyboard.press("PageDown")
        page.keyboard.press("PageDown")
        expect(page.locator(".question .right")).to_be_visible()
        if shown := EXHIBITS.get(step.id):
            expect(page.locator(shown).first).to_be_visible()
        main = "document.querySelector('[data-testid=stMain]')"
        assert page.evaluate(f"{main}.scrollWidth") <= width, step.id
        if step.id in ("lossless", "overlap"):
            assert obstacles(page, ".stBidiComponent") == [], step.id
        page.keyboard.press("ArrowRight")
    context.close()


def test_the_handout_is_downloaded(page: Page, address: str):
    visit(page, f"{address}/learn?step=1")
    with page.expect_download() as got:
        page.get_by_role("button", name="Handout").click()
    text = html.unescape(Path(got.value.path()).read_text(encoding="utf-8"))
    assert STEPS[-1].question in text


def test_two_learners_do_not_meet(chromium: Browser, address: str):
    with faultless(chromium) as one, faultless(chromium) as other:
        visit(one, f"{address}/learn?step=2")
        visit(other, f"{address}/learn?step=3")
        one.keyboard.press("PageDown")
        expect(one.locator(".outcome")).to_be_visible()
        expect(other.locator(".outcome")).to_have_count(0)
        enough(lambda: heading(other) == f"3. {STEPS[2].title}")
