"""The Train page in a real browser: from a click to a job, and all that can be typed wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from adaspec import recipe
from adaspec.jobs import queue
from app.train import recipe_link
from tests.studio import settle, studio

expect.set_options(timeout=20_000)  # two busy cores
HOSTILE = (
    '"**b** <img src=x onerror=alert(1)>",answer\n'
    '"<script>alert(1)</script> $x^2$","{question} :red[x] <b>[l](javascript:alert(1))</b>"\n'
) + "x,y\n" * 9


@pytest.fixture(scope="module")
def studio_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def address(studio_home: Path) -> Iterator[str]:
    with studio(studio_home) as where:
        yield f"{where}/train"


def visit(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)


def field(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-train-{name}").locator("input, textarea").first


def retype(page: Page, name: str, text: str) -> Locator:
    """What is in the field is replaced, key by key."""
    box = field(page, name)
    box.click()
    box.press("Control+a")
    box.press("Delete")
    box.press_sequentially(text, delay=20)
    return box


def start_button(page: Page) -> Locator:
    return page.locator(".st-key-train-start-button button")


def expect_link(page: Page, text: str) -> None:
    """Wait until the address has this."""
    page.wait_for_function(
        "text => decodeURIComponent(location.search.replaceAll('+', ' ')).includes(text)", arg=text
    )


def test_from_tiny_to_a_job_in_the_queue(
    page: Page, address: str, studio_home: Path, monkeypatch: pytest.MonkeyPatch
):
    visit(page, address)
    expect(page.get_by_text("2.5 times the sequences of distillspec")).to_be_visible()
    slider = page.locator(".st-key-train-k input[type=range]")
    slider.focus()
    for _ in range(10):
        slider.press("ArrowLeft")
    expect(page.get_by_text("3.3 times the sequences of distillspec")).to_be_visible()
    retype(page, "name", "tiny at 0.3")
    expect_link(page, 'k=0.3&set=name="tiny at 0.3"')
    start_button(page).click()
    expect(page).to_have_url(re.compile("[?&]run="))
    monkeypatch.setenv("ADASPEC_HOME", str(studio_home))
    (job,) = queue.all_jobs()
    assert job.id in page.url
    assert (job.name, job.state) == ("tiny at 0.3", "queued")
    wanted = [("name", "tiny at 0.3"), ("stage2.k", "0.3")]
    assert recipe.read(job.recipe) == recipe_link.changed(recipe.load("tiny"), wanted)
    assert job.seconds > 30  # the bundled example says how long it takes
    page.get_by_role("link", name="Train", exact=True).click()
    expect(start_button(page)).to_be_disabled()
    expect(page.get_by_text("You have already started it: it is queued.")).to_be_visible()
    page.get_by_role("link", name="Open it").click()
    expect(page).to_have_url(re.compile(f"run={job.id}"))


BAD = [  # field, what is typed, what is said, what is right
    ("stage2-methods-2-k", "7", "Must be less than or equal to 1.", "0.4"),
    ("stage1-lr", "fast", "Must be a valid number.", "0.002"),
    (
        "data-response",
        "{anwser}",
        "There is no column 'anwser'. Did you mean 'answer'?",
        "{answer}",
    ),
    ("data-response", "", "Every response is empty: there is nothing to learn.", "{answer}"),
    ("data-train-stories", "", "This is needed.", "1200"),
]


def test_a_bad_input_is_said_at_its_field_and_stays(page: Page, address: str):
    visit(page, address)
    page.locator(".st-key-train-method-2 summary").click()
    for name, wrong, message, right in BAD:
        typed = retype(page, name, wrong)
        typed.blur()
        expect(page.locator(f".st-key-train-{name} + *").get_by_text(message)).to_be_visible()
        expect(start_button(page)).to_be_disabled()
        assert typed.input_value() == wrong
        retype(page, name, right).blur()
        expect(start_button(page)).to_be_enabled()


def test_typing_is_not_disturbed_and_every_step_has_a_link(page: Page, address: str):
    visit(page, address)
    rate = retype(page, "stage1-lr", "0.00")
    page.wait_for_timeout(1500)  # it is checked meanwhile, and is no learning rate
    assert rate.input_value() == "0.00"
    rate.press_sequentially("15")
    assert rate.input_value() == "0.0015"
    expect_link(page, "stage1.lr=0.0015")
    page.wait_for_timeout(2500)  # until going back is told from a late message
    retype(page, "stage1-epochs", "7")
    expect_link(page, "stage1.epochs=7")
    page.wait_for_timeout(2500)
    page.go_back()
    expect(field(page, "stage1-epochs")).to_have_value("3")
    page.reload()
    settle(page)
    expect(field(page, "stage1-lr")).to_have_value("0.0015")
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name="Train", exact=True).click()
    expect(field(page, "stage1-lr")).to_have_value("0.0015")


def test_yaml_garbage_is_said_and_kept(page: Page, address: str):
    visit(page, address)
    page.get_by_role("radio", name="YAML").click()
    area = field(page, "yaml")
    expect(area).to_have_value(recipe.load("tiny").yaml())
    area.fill("a: [1,\n- b: {")
    area.press("Control+Enter")
    expect(page.get_by_text("Not a recipe, line 2")).to_be_visible()
    expect(start_button(page)).to_be_disabled()
    expect(area).to_have_value("a: [1,\n- b: {")
    area.fill(recipe.load("tiny").yaml().replace("k: 0.4", "k: 7"))
    area.press("Control+Enter")
    expect(page.get_by_text("stage2.k: Input should be less than or equal to 1")).to_be_visible()
    area.fill(recipe.load("tiny").yaml().replace("k: 0.4", "k: 0.2"))
    area.press("Control+Enter")
    expect(page.get_by_text("5 times the sequences of distillspec")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    assert recipe.load(str(renamed(download.value.path()))).stage2.k == 0.2


def renamed(path: Path) -> Path:
    return path.rename(path.with_suffix(".yaml"))


def test_a_torn_and_a_hostile_upload(page: Page, address: str, tmp_path: Path):
    visit(page, address)
    page.locator(".st-key-train-origin-data-train").get_by_text("A file").click()
    upload = page.locator(".st-key-train-upload-data-train input[type=file]")
    torn = tmp_path / "torn.jsonl"
    torn.write_text('{"question": "q", "answer": "a"}\n{"question')
    upload.set_input_files(torn)
    expect(page.get_by_text("torn.jsonl, line 2: not JSON").first).to_be_visible()
    expect(start_button(page)).to_be_disabled()
    hostile = tmp_path / "hostile.csv"
    hostile.write_text(HOSTILE)
    upload.set_input_files(hostile)
    expect(page.get_by_text("9 training rows, 1 held out.")).to_be_visible()
    expect(page.get_by_text("There is no column 'question'.").first).to_be_visible()
    expect(page.get_by_text("{**b** <img src=x onerror=alert(1)>}")).to_be_visible()
    page.get_by_role("button", name="Fill in templates").click()
    # The preview's grid may have told the screen reader the same by now.
    filled = page.get_by_text("{question} :red[x] <b>[l](javascript:alert(1))</b>")
    expect(filled.first).to_be_visible()
    expect(start_button(page)).to_be_enabled()
    assert (
        page.locator("[data-testid=stMain] img, [data-testid=stMain] a[href^=javascript]").count()
        == 0
    )


@pytest.mark.slow
def test_a_few_steps_are_measured_while_the_form_is_used(page: Page, address: str):
    few = "&set=evaluation.speculation.prompts=2&set=evaluation.speculation.timed=1"
    visit(page, f'{address}?recipe=tiny&set=target="assets:tiny/stock"&set=data.limit=64{few}')
    page.get_by_role("button", name="Measure a few steps").click()
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    retype(page, "name", "meanwhile")
    expect_link(page, "meanwhile")
    expect(page.get_by_test_id("stMetric")).to_have_count(3, timeout=120_000)
    expect(page.get_by_test_id("stMetric").first).to_contain_text(re.compile(r"\d+ (s|min)"))
    assert field(page, "name").input_value() == "meanwhile"


def test_the_first_rows_are_seen_as_tokens_before_anything_starts(page: Page, address: str):
    visit(page, address)
    page.get_by_text("What the model sees").click()
    page.get_by_role("button", name="Show the first rows as tokens").click()
    rows = page.locator(".seen")
    expect(rows).to_have_count(3, timeout=120_000)
    answer, prompt = (rows.first.locator(f".{part}") for part in ("answer", "prompt"))
    expect(prompt.first).to_have_attribute("title", re.compile(r"^\d+$"))
    expect(answer.last).to_have_text("<|endoftext|>")
    assert answer.first.evaluate("span => getComputedStyle(span).borderBottomStyle") == "solid"
    assert prompt.first.evaluate("span => getComputedStyle(span).borderBottomStyle") == "none"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_small_screen_and_the_start_stays_in_view(
    chromium: Browser, address: str, theme: str
):
    page = chromium.new_page(viewport={"width": 1024, "height": 768}, color_scheme=theme)
    visit(page, f"{address}?recipe=paper/alpaca-codegen-optimal")
    width = "document.querySelector('[data-testid=stMain]').scrollWidth"
    assert page.evaluate(width) <= 1024
    page.get_by_text("Measurement", exact=True).scroll_into_view_if_needed()
    expect(start_button(page)).to_be_in_viewport()
    page.close()
