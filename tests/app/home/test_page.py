"""The front door in a real browser: before Streamlit is there, and in it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from adaspec import replays, runs
from adaspec.runs import Run
from app.home import front, welcome
from tests.app.tokens.test_pages import link_of
from tests.axe import obstacles
from tests.studio import settle, studio

expect.set_options(timeout=20_000)  # two busy cores
READABLE = 500_000  # bytes that may come before Home can be read


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(tmp_path_factory.mktemp("home")) as where:
        yield where


def test_it_is_read_and_plays_without_streamlit(chromium: Browser, address: str) -> None:
    page = chromium.new_page()
    requested: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{address}/")
    expect(page.get_by_role("heading", level=1)).to_have_text(welcome.TITLE)
    expect(page.locator(".chip.accepted").first).to_be_visible()  # it plays by itself
    assert [url for url in requested if not url.endswith("favicon.ico")] == [f"{address}/"]
    assert faults == []
    page.close()


def test_it_is_light_and_is_sent_once(address: str) -> None:
    plain = urlopen(f"{address}/")
    asked = Request(f"{address}/", headers={"Accept-Encoding": "gzip"})
    zipped = urlopen(asked)
    content = zipped.read()
    assert len(content) < READABLE / 10
    assert gzip.decompress(content) == plain.read()
    again = Request(f"{address}/", headers={"If-None-Match": zipped.headers["etag"]})
    with pytest.raises(Exception, match="304"):
        urlopen(again)


@pytest.mark.parametrize("number", range(len(welcome.DOORS)))
def test_a_door_leads_to_its_page(page: Page, address: str, number: int) -> None:
    door = welcome.DOORS[number]
    page.goto(f"{address}/")
    page.get_by_role("link", name=door.title).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(door.page.capitalize())
    settle(page)
    assert page.url.startswith(f"{address}/{door.page}")
    if door.of_run:
        assert link_of(page)["run"] == welcome.featured().id
    expect(page).to_have_title(f"{door.page.capitalize()} · AdaSPEC Studio")


def test_it_leads_back_to_where_one_left_off(page: Page, address: str) -> None:
    page.goto(f"{address}/")
    left = page.get_by_role("link", name="Where you left off")
    expect(left).to_have_count(0)
    page.goto(f"{address}/filter?run=example&k=0.3")
    settle(page)
    page.goto(f"{address}/")
    expect(left).to_contain_text("Filter")
    left.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Filter")
    settle(page)
    assert link_of(page) | {"run": "example", "k": "0.3"} == link_of(page)


def test_a_foreign_link_is_no_place_to_come_back_to(page: Page, address: str) -> None:
    page.goto(f"{address}/")
    for link in ("https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:0"):
        place = json.dumps({"link": link, "title": "<b>here</b>"})
        page.evaluate("place => localStorage.setItem('adaspec-left', place)", place)
        page.reload()
        expect(page.get_by_role("link", name="Where you left off")).to_have_count(0)


def test_the_menu_leads_to_the_same_words_and_the_same_replay(page: Page, address: str) -> None:
    page.goto(f"{address}/runs")
    settle(page)
    page.get_by_role("link", name="Home").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(welcome.TITLE)
    expect(page.locator(".chip.accepted").first).to_be_visible()
    expect(page.get_by_text(welcome.SENTENCE)).to_be_visible()
    for door in welcome.DOORS:
        expect(page.get_by_role("link", name=door.title)).to_be_visible()


def test_its_name_leads_to_it(page: Page, address: str) -> None:
    page.goto(f"{address}/home")
    expect(page.get_by_role("heading", level=1)).to_have_text(welcome.TITLE)
    assert page.url == f"{address}/"


def test_an_old_link_to_the_root_is_still_a_run(page: Page, address: str) -> None:
    page.goto(f"{address}/?run=example")
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
    assert link_of(page)["run"] == "example"


@pytest.mark.parametrize("width", [390, 1024, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_everybody_can_use_it(
    chromium: Browser, address: str, width: int, scheme: str
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.goto(f"{address}/")
    page.get_by_role("button", name="Pause").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert obstacles(page) == []
    page.close()


def test_what_plays_is_a_trained_draft() -> None:
    run = welcome.featured()
    view = welcome.replay(run)
    assert view["draft"] in replays.drafts(run)
    assert view["draft"] != "stock"
    assert view["brief"]


@pytest.mark.parametrize("made", [welcome.about, welcome.replay])
def test_what_home_shows_is_made_once(made: Callable[[Run], object]) -> None:
    assert made(welcome.featured()) is made(welcome.featured())


def test_without_its_example_there_is_no_front(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runs.folder, "EXAMPLES", {"example": tmp_path})
    front.prepared.cache_clear()
    front.prepare()  # no exception in its thread
    assert front.prepared.cache_info().currsize == 0
