"""The Runs page in a real browser, with the real server and a real run in progress."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from adaspec import runs
from adaspec.runs import Run
from app import start
from tests.studio import CHROMIUM, browser, enough, mini, settle, studio

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed (Debian: apt-get install chromium)"
)
expect.set_options(timeout=20_000)  # two busy cores
FINISHED = "01AAAAAAAAAAAAAAAAAAAAAAAA"

# Streamlit puts a new chart in the place of the old one: no frame may pass without a drawn one.
COUNT_BLANK_FRAMES = """() => {
    window.frames_seen = window.frames_blank = 0;
    const look = () => {
        const drawn = [...document.querySelectorAll('.st-key-acceptance')].some(
            one => one.clientHeight > 300 && one.querySelector('.xtick'));
        window.frames_seen += 1;
        window.frames_blank += drawn ? 0 : 1;
        requestAnimationFrame(look);
    };
    look();
}"""


@pytest.fixture(scope="module")
def studio_home(tmp_path_factory: pytest.TempPathFactory, finished_run: Run) -> Path:
    home = tmp_path_factory.mktemp("studio")
    shutil.copytree(finished_run.path, home / "runs" / FINISHED)
    return home


@pytest.fixture(scope="module")
def address(studio_home: Path) -> Iterator[str]:
    with studio(studio_home) as where:
        yield where


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as one:
        yield one


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong, neither in the browser nor on the server."""
    complaints: list[str] = []
    one = chromium.new_page(viewport={"width": 1440, "height": 900})
    one.on("console", lambda told: told.type == "error" and complaints.append(told.text))
    one.on("pageerror", lambda error: complaints.append(str(error)))
    yield one
    expect(one.get_by_test_id("stException")).to_have_count(0)
    assert complaints == []
    one.close()


def test_a_finished_run_from_list_to_link(page: Page, address: str):
    page.goto(address)
    settle(page)
    page.locator(f".st-key-open-{FINISHED} button").click()
    expect(page).to_have_url(re.compile(f"run={FINISHED}"))
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.get_by_text("Highest acceptance:")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    page.get_by_role("radio", name="sequences").click()
    axis_title = page.locator(".st-key-acceptance .xtitle").get_by_text("sequences")
    expect(axis_title).to_be_visible()
    expect(page).to_have_url(re.compile("axis=sequences"))
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    settle(page)
    expect(page.get_by_text(FINISHED)).to_be_visible()
    expect(axis_title).to_be_visible()


def test_a_started_run_appears_and_moves_by_itself(
    page: Page,
    address: str,
    studio_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    page.goto(f"{address}/?run={FINISHED}")
    settle(page)
    page.evaluate("window.neverReloaded = true")
    monkeypatch.setenv("ADASPEC_HOME", str(studio_home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    identity = start.start(str(mini(tmp_path / "mini.yaml", stage1_epochs=150)))
    training = psutil.Process(start.pending()[0].process.pid)
    try:
        row = page.locator(f".st-key-open-{identity} button")
        expect(row).to_be_visible()  # nothing ran: the list looks every 10 seconds
        row.click()
        curves = page.locator(".st-key-acceptance .js-plotly-plot")
        expect(curves).to_be_visible(timeout=60_000)
        page.evaluate(COUNT_BLANK_FRAMES)
        step = page.get_by_test_id("stMetric").filter(has_text="Step")
        run, seen = Run(studio_home / "runs" / identity), set()
        enough(lambda: seen.add(step.inner_text()) or len(seen) > 2 or not running(run))
        assert len(seen) > 2
        assert page.evaluate("window.frames_seen") > 50
        assert page.evaluate("window.frames_blank") == 0
        expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=60_000)
    finally:
        if training.is_running():
            training.kill()
    expect(page.get_by_test_id("stMetric")).to_have_count(0)
    assert page.evaluate("window.neverReloaded")
    assert f"run={identity}" in page.url


def running(run: Run) -> bool:
    return runs.read_state(run).state == "running"


def test_a_finished_page_asks_for_little(page: Page, address: str):
    page.goto(f"{address}/?run={FINISHED}")
    settle(page)
    figure = page.locator(".st-key-acceptance .js-plotly-plot").element_handle()
    reruns = page.evaluate(
        """async () => {
            let count = 0;
            const app = document.querySelector('[data-testid=stApp]');
            new MutationObserver(changes => changes.forEach(change => {
                if (app.dataset.testScriptState === 'running') count += 1;
            })).observe(app, {attributes: true, attributeFilter: ['data-test-script-state']});
            await new Promise(done => setTimeout(done, 5000));
            return count;
        }"""
    )
    assert reruns <= 1
    assert figure.evaluate("one => one.isConnected")


def test_both_themes_follow_the_viewer(chromium: Browser, address: str):
    grounds = {}
    for theme in ("light", "dark"):
        page = chromium.new_page(color_scheme=theme)
        page.goto(address)
        settle(page)
        app = page.get_by_test_id("stApp")
        grounds[theme] = app.evaluate("one => getComputedStyle(one).backgroundColor")
        page.close()
    assert grounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}


def test_nothing_spills_sideways(chromium: Browser, address: str):
    page = chromium.new_page(viewport={"width": 1024, "height": 768})
    page.goto(f"{address}/?run={FINISHED}")
    settle(page)
    width = "document.querySelector('[data-testid=stMain]').scrollWidth"
    assert page.evaluate(width) <= 1024
    page.close()
