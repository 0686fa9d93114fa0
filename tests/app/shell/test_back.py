"""Back goes back, one press for each thing that the viewer did, and the page follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.app.tokens.test_pages import link_of, select, visit, wait_for_link
from tests.studio import settle, studio

expect.set_options(timeout=20_000)  # two busy cores
Step = Callable[[Page], object]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(tmp_path_factory.mktemp("home")) as where:
        yield where


def press(name: str, key: str) -> Step:
    return lambda page: page.get_by_role("slider", name=name, exact=True).press(key)


def choose(label: str, option: str) -> Step:
    return lambda page: select(page, label, option)


def colour_by(metric: str) -> Step:
    return lambda page: page.get_by_role("combobox", name="Colour by").select_option(metric)


WALKS: dict[str, tuple[str, list[tuple[Step, dict[str, str]]]]] = {
    "replay": (
        "replay?run=example&step=9",
        [
            (press("Step", "ArrowRight"), {"step": "10"}),
            (press("Step", "ArrowRight"), {"step": "11"}),
            (choose("Draft q", "stock"), {"draft": "stock"}),
        ],
    ),
    "tokens": (
        "tokens?run=example&example=12",
        [
            (colour_by("delta"), {"metric": "delta"}),
            (colour_by("overlap"), {"metric": "overlap"}),
            (choose("Draft q", "stock"), {"draft": "stock"}),
        ],
    ),
    "filter": (
        "filter?run=example",
        [
            (press("k", "ArrowRight"), {"k": "0.405"}),
            (choose("Draft q in ΔL", "adaspec"), {"snapshot": "adaspec"}),
        ],
    ),
    "compare": (
        "compare?run=example",
        [
            (choose("Baseline", "stock"), {"baseline": "stock"}),
            (press("round shown last", "ArrowLeft"), {}),
        ],
    ),
}


SHORT = ("tokens", "replay")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in SHORT)) for name in WALKS]
)
def test_back_undoes_one_step_a_press(page: Page, address: str, name: str) -> None:
    link, steps = WALKS[name]
    visit(page, f"{address}/{link}")
    seen = [(link_of(page), shown(page))]
    for step, expected in steps:
        step(page)
        wait_for_link(page, **expected)
        page.wait_for_timeout(900)  # what rests, and is told
        settle(page)
        seen.append((link_of(page), shown(page)))
        assert seen[-1] != seen[-2]
    for there, says in reversed(seen[:-1]):
        page.go_back()
        wait_for_link(page, **there)
        settle(page)
        assert link_of(page) == there
        assert shown(page) == says
    page.go_forward()
    wait_for_link(page, **seen[1][0])
    settle(page)
    assert (link_of(page), shown(page)) == seen[1]


def shown(page: Page) -> list[str]:
    """What the page's fields say, Streamlit's and those of components."""
    fields = page.locator("main :is(input:not([type=checkbox], [type=radio]), select)")
    return [field.input_value() for field in fields.all()]


def test_what_a_page_fills_in_is_no_step(page: Page, address: str) -> None:
    visit(page, f"{address}/tokens?run=example")
    page.get_by_role("link", name="Replay").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Replay")
    wait_for_link(page, run="example")  # filled in
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tokens")
