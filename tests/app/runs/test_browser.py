"""The Runs page in a real browser, with the real server and a real run in progress."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from adaspec import recipe, runs
from adaspec.jobs import queue
from adaspec.runs import Run
from tests.studio import (
    enough,
    faultless,
    mini,
    settle,
    studio,
    supervisor,
    workers,
)

expect.set_options(timeout=20_000)  # two busy cores
FINISHED = "01AAAAAAAAAAAAAAAAAAAAAAAA"
HOSTILE = "<img src=x onerror=window.hacked=1> **b** :red[c] $x^2$"

# Streamlit puts a new chart in the place of the old one: once both are drawn, no frame may pass
# without a drawn one of each.
COUNT_BLANK_FRAMES = """() => {
    window.frames_seen = window.frames_blank = 0;
    const look = () => {
        const drawn = ['acceptance', 'loss'].every(key =>
            [...document.querySelectorAll(`.st-key-${key}`)].some(
                one => one.clientHeight > 200 && one.querySelector('.xtick')));
        window.frames_seen += window.frames_seen || drawn ? 1 : 0;
        window.frames_blank += window.frames_seen && !drawn ? 1 : 0;
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


@pytest.fixture(autouse=True)
def at_home(studio_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADASPEC_HOME", str(studio_home))


def submit(home: Path, stage1_epochs: int) -> str:
    """Queue a recipe of seconds, or more; the job's id."""
    chosen = recipe.load(str(mini(home / "mini.yaml", stage1_epochs)))
    return queue.submit(chosen, queue.me()).id


def test_a_finished_run_from_list_to_link(page: Page, address: str):
    page.goto(f"{address}/runs")
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


def test_filters_are_in_the_link_and_survive_it(page: Page, address: str, studio_home: Path):
    page.goto(f"{address}/runs?run={FINISHED}")
    settle(page)
    openers = page.locator("[class*=st-key-open-] button")
    expect(openers).to_have_count(3)  # and the bundled examples
    page.get_by_label("Find runs").fill("mini")
    page.get_by_label("Find runs").press("Enter")
    expect(openers).to_have_count(1)
    page.get_by_role("button", name="Sort and filter").click()
    page.get_by_text("Group by recipe").click()
    page.get_by_role("combobox", name="States").click()
    page.get_by_role("option", name="finished").click()
    page.keyboard.press("Tab")  # closes the list of states
    page.get_by_role("combobox", name="Order").click()
    page.get_by_role("option", name="Oldest first").click()
    for part in ("find=mini", "group=true", "state=finished", "order=oldest"):
        expect(page).to_have_url(re.compile(part))
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    settle(page)
    expect(openers).to_have_count(1)
    expect(page.locator(".runs-heading abbr").first).to_have_text("mini")
    page.get_by_role("button", name="Clear").click()
    expect(openers).to_have_count(3)
    expect(page).not_to_have_url(re.compile("find="))


def test_a_report_can_be_taken_away(
    page: Page, chromium: Browser, address: str, studio_home: Path, tmp_path: Path
):
    page.goto(f"{address}/runs?run={FINISHED}")
    settle(page)
    report = runs.read_report(Run(studio_home / "runs" / FINISHED))
    with page.expect_download() as got:
        page.get_by_role("button", name="Report", exact=True).click()
    file = tmp_path / "report.html"
    got.value.save_as(file)
    page.get_by_role("button", name="Tables").click()
    for ending, label in (("csv", "CSV"), ("tex", "LaTeX"), ("md", "Markdown")):
        with page.expect_download() as got:
            page.get_by_role("button", name=label, exact=True).first.click()
        assert got.value.suggested_filename == f"report-{FINISHED}-drafts.{ending}"
        text = got.value.path().read_text(encoding="utf-8")
        assert all(draft.name in text for draft in report.drafts)
    with faultless(chromium) as offline:
        offline.goto(file.as_uri())
        expect(offline.get_by_role("heading", name="Cost")).to_be_visible()
        expect(offline.get_by_role("cell", name="adaspec").first).to_be_visible()
        expect(offline.get_by_text("selector: top_delta")).to_be_visible()
        offline.screenshot(path=tmp_path / "report.png", full_page=True)


def test_tags_are_typed_and_found(page: Page, address: str, studio_home: Path):
    page.goto(f"{address}/runs?run={FINISHED}")
    settle(page)
    page.get_by_role("button", name="Tags and note").click()
    page.get_by_role("combobox", name="Tags").last.fill("paper")
    page.keyboard.press("Enter")
    page.get_by_role("textbox", name="Note").fill("Figure 3.\nSeed 2 is missing.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".st-key-run-head")).to_be_visible()
    expect(page.get_by_text("Seed 2 is missing.")).to_be_visible()
    expect(page.locator(".runs").get_by_text("paper")).to_be_visible()
    run = Run(studio_home / "runs" / FINISHED)
    assert runs.read_notes(run).tags == ["paper"]
    page.goto(f"{address}/runs?run={FINISHED}&tag=paper")
    settle(page)
    expect(page.locator("[class*=st-key-open-] button")).to_have_count(1)


RECORD_NOTICES = """() => {
    window.notices = [];
    window.Notification = class {
        static requestPermission = async () => 'granted';
        constructor(title) { window.notices.push(title); }
        addEventListener() {}
    };
}"""


def test_a_viewer_is_told_of_the_end_only_where_he_asked(
    page: Page, address: str, studio_home: Path
):
    watched, other = submit(studio_home, 2), submit(studio_home, 3)
    page.goto(f"{address}/runs?run={watched}")
    settle(page)
    page.evaluate(RECORD_NOTICES)
    page.get_by_role("button", name="Tell me when it ends").click()
    expect(page.get_by_role("button", name="You will be told when it ends")).to_be_visible()
    queue.cancel(other)
    row = page.locator(f".st-key-open-{FINISHED} button")
    row.click()  # another run is open
    expect(page).to_have_url(re.compile(FINISHED))
    queue.cancel(watched)
    enough(lambda: page.wait_for_timeout(200) or page.evaluate("window.notices.length > 0"), 40)
    assert page.evaluate("window.notices") == ["mini: cancelled"]


def test_a_queued_job_appears_and_moves_by_itself(page: Page, address: str, studio_home: Path):
    page.goto(f"{address}/?run={FINISHED}")
    settle(page)
    page.evaluate("window.neverReloaded = true")
    identity = submit(studio_home, stage1_epochs=400)
    row = page.locator(f".st-key-open-{identity} button")
    expect(row).to_be_visible()  # nothing ran: the list looks every 10 seconds
    row.click()
    state = page.locator(".st-key-run-head")
    expect(state).to_contain_text("queued")
    with supervisor(studio_home):  # only now, so that the page is there before the job begins
        expect(state).to_contain_text("running", timeout=60_000)
        # the finished run's three charts are gone, and this one has something to show
        expect(page.locator(".js-plotly-plot")).to_have_count(2)
        page.evaluate(COUNT_BLANK_FRAMES)
        enough(lambda: page.evaluate("window.frames_seen > 0"))
        step = page.get_by_test_id("stMetric").filter(has_text="Step")
        run, seen = Run(studio_home / "runs" / identity), set()
        enough(lambda: seen.add(step.inner_text()) or len(seen) > 2 or not running(run))
        assert len(seen) > 2
        assert page.evaluate("window.frames_seen") > 50
        assert page.evaluate("window.frames_blank") == 0
        expect(page.get_by_role("heading", name="Result")).to_be_visible(timeout=120_000)
    expect(page.get_by_test_id("stMetric")).to_have_count(0)
    assert page.evaluate("window.neverReloaded")
    assert f"run={identity}" in page.url


def running(run: Run) -> bool:
    return runs.read_state(run).state == "running"


def test_cancel_resume_and_rename_a_job_at_work(page: Page, address: str, studio_home: Path):
    with supervisor(studio_home):
        identity = submit(studio_home, stage1_epochs=2000)
        page.goto(f"{address}/?run={identity}")
        state = page.locator(".st-key-run-head")
        expect(state).to_contain_text("running", timeout=60_000)
        page.get_by_role("button", name="Rename").click()
        name = page.get_by_label("Name", exact=True)
        name.fill("")
        name.press_sequentially("my *first* run", delay=300)  # the page refreshes meanwhile
        name.press("Enter")
        heading = page.get_by_role("heading", name="my *first* run")
        expect(heading).to_be_visible()
        page.keyboard.press("Escape")  # a look at the numbers under way may have opened it again
        expect(name).to_be_hidden()
        page.get_by_role("button", name="Cancel").click()
        expect(state).to_contain_text("cancelled")
        assert queue.find(identity).state == "cancelled"
        step = page.get_by_test_id("stMetric").filter(has_text="Step").inner_text()
        page.get_by_role("button", name="Resume").click()
        expect(state).to_contain_text("running", timeout=60_000)
        expect(state).to_contain_text("attempt 2")
        expect(page.get_by_test_id("stMetric").filter(has_text="Step")).not_to_have_text(step)
        page.get_by_role("button", name="Cancel").click()
        expect(state).to_contain_text("cancelled")
        expect(heading).to_be_visible()
        enough(lambda: not workers(studio_home))


def test_delete_asks_and_then_deletes(page: Page, address: str, studio_home: Path):
    doomed = studio_home / "runs" / "01CCCCCCCCCCCCCCCCCCCCCCCC"
    shutil.copytree(studio_home / "runs" / FINISHED, doomed, dirs_exist_ok=True)
    page.goto(f"{address}/?run={doomed.name}")
    settle(page)
    question = page.get_by_role("dialog")
    for button in ("Keep it", "Close"):
        page.get_by_role("button", name="Delete", exact=True).click()
        expect(question).to_contain_text(doomed.name)
        expect(question).to_contain_text(re.compile("[0-9]+ kB on disk"))
        question.get_by_role("button", name=button).click()
        expect(question).to_be_hidden()
        assert doomed.is_dir()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_timeout(11_500)  # the list looks again, and the question stays
    question.get_by_role("button", name="Delete it").click()
    expect(page.locator(f".st-key-open-{doomed.name}")).to_have_count(0)
    expect(question).to_be_hidden()
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    assert not doomed.exists()


def test_runs_are_laid_over_each_other(page: Page, address: str, studio_home: Path):
    other = studio_home / "runs" / "01DDDDDDDDDDDDDDDDDDDDDDDD"
    shutil.copytree(studio_home / "runs" / FINISHED, other, dirs_exist_ok=True)
    runs.rename(Run(other), HOSTILE)
    page.goto(f"{address}/?run={FINISHED}")
    settle(page)
    expect(page.locator(f".st-key-open-{other.name}")).to_be_visible()  # looked at anew by then
    lines = page.locator(".st-key-acceptance .js-line")
    expect(lines).to_have_count(3)
    choice = page.get_by_role("combobox", name="Compare with")
    choice.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # scrolling closes an open list
    choice.click()
    page.get_by_role("option", name=re.compile("…DDDD")).click()
    expect(lines).to_have_count(6)
    expect(page).to_have_url(re.compile(f"with={other.name}"))
    page.reload()
    expect(lines).to_have_count(6)
    expect(page.get_by_text("A ━━━ mini …AAAA")).to_be_visible()
    page.locator(f".st-key-open-{other.name} button").click()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    expect(page).not_to_have_url(re.compile("with="))
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_a_run_is_duplicated_on_the_train_page(page: Page, address: str):
    page.goto(f"{address}/?run={FINISHED}")
    settle(page)
    page.get_by_role("button", name="Duplicate with changes").click()
    expect(page).to_have_url(re.compile(f"/train.*from={FINISHED}"))


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
        page.goto(f"{address}/runs")
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
