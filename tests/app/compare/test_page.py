"""The Compare page in a real browser: its numbers, links, lanes, tokens and files."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from adaspec import figures, replays, runs, strata, tokens
from adaspec.analysis.atlas import atlas
from adaspec.analysis.comparison import compare
from adaspec.analysis.drafts import Entry, entries
from adaspec.analysis.measures import MEASURES
from adaspec.speculation.uniforms import TEST, uniforms
from adaspec.views import compare_view
from tests.adaspec.test_cli import adaspec
from tests.app.tokens.test_pages import link_of, wait_for_link
from tests.axe import obstacles
from tests.comparisons import EXAMPLE, copied, hash_changed, hostile
from tests.studio import enough, faultless, settle, studio
from tests.views import ATTACK

expect.set_options(timeout=20_000)  # two busy cores
OTHER, REFUSED, HOSTILE_RUN = (f"01HAAAAAAAAAAAAAAAAAAAAAA{one}" for one in "CDE")
DRAFTS = ["stock", "reference", "distillspec-data", "adaspec"]
NUMBERS = compare([EXAMPLE])

# What the tables say: [draft, field, value as it is, text of the cell].
CELLS = """rows => rows.flatMap(row => [...row.querySelectorAll('[data-field]')].map(cell =>
    [row.dataset.draft, cell.dataset.field, Number(cell.dataset.value), cell.innerText]))"""


@pytest.fixture(scope="module")
def studio_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("studio")
    copied(home / "runs" / OTHER, name="again")
    hash_changed(copied(home / "runs" / REFUSED), "data")
    hostile(copied(home / "runs" / HOSTILE_RUN))
    return home


@pytest.fixture(scope="module")
def address(studio_home: Path) -> Iterator[str]:
    with studio(studio_home) as where:
        yield where


@pytest.fixture(scope="module")
def open_page(chromium: Browser, address: str) -> Iterator[Page]:
    """The comparison of the example, for tests that tell the server nothing."""
    with faultless(chromium) as page:
        page.sent = frames(page)  # type: ignore[attr-defined]
        visit(page, address)
        yield page


@pytest.fixture
def example(open_page: Page) -> Iterator[Page]:
    """The same, and the server is told nothing."""
    told = len(open_page.sent)  # type: ignore[attr-defined]
    yield open_page
    assert len(open_page.sent) == told  # type: ignore[attr-defined]


def visit(page: Page, address: str, query: str = "run=example") -> None:
    page.goto(f"{address}/compare?{query}")
    settle(page)


def table(page: Page, caption: str) -> Any:
    return page.get_by_role("region", name=caption).locator("tbody tr")


def minus(text: str) -> str:
    return text.replace("-", "−")


def test_the_pages_numbers_are_the_commands_and_the_reports(example: Page, studio_home: Path):
    page = example
    said = json.loads(adaspec("compare", "example", "--json", home=studio_home).stdout)
    assert said == NUMBERS.model_dump(mode="json")
    report = {draft.name: draft.model_dump() for draft in runs.read_report(EXAMPLE).drafts}
    shown = table(page, "What each draft reached").evaluate_all(CELLS)
    assert len(shown) == 4 * 10
    for draft, name, value, text in shown:
        expected: Any = report[draft]
        for part in name.split("."):
            expected = expected[part]
        assert value == expected
        digits = len(text.split()[0].partition(".")[2])
        assert float(text.split()[0]) == pytest.approx(value, abs=0.51 * 10**-digits)
    low, high = report["adaspec"]["alpha"]["generated_ci"]
    expect(page.get_by_text(f"{low:.4f} – {high:.4f}")).to_be_visible()
    budgets = table(page, "Budgets: what each draft's own training cost").evaluate_all(CELLS)
    assert {(draft, name): value for draft, name, value, _ in budgets} == {
        (draft, name): value
        for draft in DRAFTS
        for name, value in report[draft]["budget"].items()
        if value is not None  # `kept` is of trainings that keep their best
    }
    differences = table(page, "Paired differences: draft − distillspec-data").evaluate_all(CELLS)
    by_measure = {measure.name: measure for measure in MEASURES}
    assert len(differences) == len(said["differences"]) == 15
    for found, (draft, name, value, text) in zip(said["differences"], differences, strict=True):
        assert (found["draft"], found["measure"], found["value"]) == (draft, name, value)
        measure = by_measure[name]
        for number in (value, *found["ci"]):
            assert minus(f"{number * measure.factor:+.{measure.digits}f}") in text
        assert found["verdict"] in text


def test_everything_that_a_draft_needed_stands_beside_its_own_training(example: Page):
    rows = table(example, "In all: everything that each draft needed")
    shown = {(draft, name): value for draft, name, value, _ in rows.evaluate_all(CELLS)}
    bills = {draft.draft: draft.compute for draft in NUMBERS.drafts}
    assert shown == {
        (draft, name): getattr(bill, name)
        for draft, bill in bills.items()
        for name in ("flops", "seconds")
    }
    assert [on.startswith("✓") for on in rows.locator("td:nth-child(4)").all_inner_texts()] == [
        draft in NUMBERS.frontier for draft in DRAFTS
    ]
    expect(rows.last).to_contain_text("the target over the training rows, once: 313 GFLOP, 4 s")
    expect(example.get_by_text("Assumed: 96.3 tokens a training sequence")).to_be_visible()


def test_differences_are_adjusted_for_their_number(example: Page):
    cells = table(example, "Paired differences: draft − distillspec-data").locator("[data-field]")
    for found, cell in zip(NUMBERS.differences, cells.all(), strict=True):
        assert found.adjusted
        holm = found.adjusted.holm
        written = "< 0.0001" if holm < 0.0001 else f"{holm:.4f}"
        expect(cell).to_contain_text(f"Holm p {written}")
        assert "as one of 3 comparisons, by Holm" in (cell.get_attribute("title") or "")


def test_a_cell_of_the_atlas_opens_its_tokens_by_keys_and_by_touch(
    page: Page, address: str, chromium: Browser
):
    visit(page, address, "run=example&atlas=distillspec-data&down=class")
    figure = page.locator(".atlas")
    expect(figure.get_by_text("Where distillspec-data loses acceptance")).to_be_visible()
    assert figure.locator("[tabindex='0']").count() == 1  # one stop of the Tab key, not fifty
    cells = figure.locator("td a")
    assert cells.all_inner_texts() == [
        f"{100 * part:.2f}" for part in atlas(the_draft(), "class", "entropy")["part"]
    ]
    start = figure.locator("[tabindex='0']")
    assert (start.get_attribute("aria-label") or "").startswith("number, ")
    start.press("End")
    end = figure.locator("[tabindex='0']")
    expect(end).to_be_focused()
    says = end.get_attribute("aria-label") or ""
    assert says.startswith("number, ≥ 2 nats: ")
    expect(figure.locator(".told")).to_have_text(says)
    end.press("Enter")
    page.wait_for_url("**/tokens?*")
    settle(page)
    expect(page.get_by_text(f"The {number_of(says)} of 11,355 tokens")).to_be_visible()
    place = {"class": "number", "entropy": "≥ 2 nats", "of": "Every token"}
    place["draft"] = "distillspec-data"
    assert place.items() <= link_of(page).items()

    phone = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    touched = phone.new_page()
    visit(touched, address, "run=example&down=position&across=class")
    expect(touched.locator(".atlas")).to_be_visible()
    assert obstacles(touched, ".st-key-compare-atlas", target_size=True) == []
    cell = touched.locator(".atlas td a").first
    says = cell.get_attribute("aria-label") or ""
    cell.tap()
    touched.wait_for_url("**/tokens?*")
    expect(touched.get_by_text(f"The {number_of(says)} of 11,355 tokens")).to_be_visible()
    phone.close()


def the_draft() -> Entry:
    return next(entry for entry in entries([EXAMPLE]) if entry.table == "distillspec-data")


def number_of(says: str) -> str:
    """How many tokens a cell says that it has."""
    return says.partition(" tokens")[0].split()[-1]


def test_a_key_opens_the_verdict_sheet_whose_link_and_file_say_the_same(
    page: Page, address: str, studio_home: Path, chromium: Browser, tmp_path: Path
):
    visit(page, address, "run=example&baseline=stock")
    page.get_by_role("button", name="Verdict sheet").press("Enter")
    heading = page.get_by_role("heading", name="distillspec-data against stock, tiny")
    expect(heading).to_be_visible()  # the baseline stays, the best is judged
    settle(page)
    box, option = page.get_by_role("combobox", name="Draft"), page.get_by_role("option")
    # One that has just come may be put in place once more, and is closed then.
    enough(lambda: box.press("ArrowDown") or option.filter(has_text="adaspec").is_visible())
    option.filter(has_text="adaspec").click()
    expect(page.get_by_role("heading", name="adaspec against stock, tiny")).to_be_visible()
    wait_for_link(page, of="verdict sheet", draft="adaspec", baseline="stock")
    settle(page)
    file = tmp_path / "verdict.html"
    options = ("--draft", "adaspec", "--baseline", "stock")
    adaspec("verdict", "example", *options, "--to", str(file), home=studio_home)
    with page.expect_download() as got:
        page.get_by_role("button", name="Sheet", exact=True).click()
    assert got.value.suggested_filename == "verdict-example.html"
    assert got.value.path().read_bytes() == file.read_bytes()
    with faultless(chromium) as other:
        visit(other, address, urlsplit(page.url).query)
        assert other.locator(".sheet").inner_text() == page.locator(".sheet").inner_text()
    context = chromium.new_context(offline=True, viewport={"width": 390, "height": 800})
    from_disk = context.new_page()
    from_disk.goto(file.as_uri())
    values = ".sheet .amount"
    shown = from_disk.locator(values).all_inner_texts()
    assert shown == page.locator(values).all_inner_texts()
    assert len(shown) == from_disk.locator(".sheet .lines .mark").count() > 40
    assert from_disk.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert obstacles(from_disk) == []
    context.close()


@pytest.mark.parametrize(
    ("theme", "width"), [pytest.param("light", 390, marks=pytest.mark.slow), ("dark", 390)]
)
def test_nothing_of_a_verdict_sheet_is_in_the_way(
    chromium: Browser, address: str, theme: str, width: int
):
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
    visit(page, address, "run=english&of=verdict+sheet&draft=adaspec")
    expect(page.locator(".sheet .assumed").first).to_be_visible()
    assert obstacles(page, ".sheet") == []
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")
    page.close()


def test_every_number_is_defined(example: Page):
    """By hover, by click and by key: see the tests of Filter's lab for the box that opens."""
    page = example
    for name in ("exact α", "tested α", "tokens a pass", "speed-up", "break-even α", "steps"):
        head = page.get_by_role("columnheader", name=name, exact=True)
        term = head.get_by_role("button", name=name, exact=True)
        assert len(term.get_attribute("title") or "") > 15, name


def test_unequal_budgets_are_said_and_one_click_leaves_the_fair_pair(page: Page, address: str):
    visit(page, address)
    warning = page.get_by_test_id("stAlert").filter(has_text="Budgets differ")
    expect(warning).to_contain_text("225 steps and 3,600 sequences for distillspec = reference")
    page.get_by_role("button", name="Only the fair pair: distillspec-data and adaspec").click()
    wait_for_link(page, drafts="distillspec-data,adaspec")
    settle(page)
    expect(warning).to_have_count(0)
    rows = table(page, "What each draft reached")
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.draft)") == [
        "stock",
        "distillspec-data",
        "adaspec",
    ]


def test_a_link_is_the_view(page: Page, address: str, chromium: Browser):
    query = "run=example&drafts=adaspec,distillspec-data&baseline=stock&lanes=forced&prompt=3"
    visit(page, address, query)
    expect(table(page, "Paired differences: draft − stock")).to_have_count(3)
    assert link_of(page) == {
        "run": "example",
        "drafts": "adaspec,distillspec-data",
        "baseline": "stock",
        "lanes": "forced",
        "prompt": "3",
    }
    expect(page.locator(".forced tbody tr")).to_have_count(
        int(tokens.examples(EXAMPLE, "generated")["tokens"][3])
    )
    with faultless(chromium) as other:
        visit(other, address, urlsplit(page.url).query)
        assert link_of(other) == link_of(page)


def test_a_wrong_link_says_so_and_shows_the_rest(page: Page, address: str):
    wrong = f"drafts=nobody&baseline=no-one&with=01NOSUCHRUN&with={REFUSED}&prompt=999"
    visit(page, address, f"run=example&{wrong}")
    for said in (
        "No draft 'nobody'",
        "There is no baseline 'no-one' here",
        "There is no measured run '01NOSUCHRUN' to compare with",
        f"Runs example and {REFUSED} cannot be compared: their data differ",
        "There is no prompt '999' here",
    ):
        expect(page.get_by_test_id("stAlert").filter(has_text=said).first).to_be_visible()
    expect(table(page, "What each draft reached")).to_have_count(4)


def test_drafts_of_two_runs_stand_side_by_side(page: Page, address: str):
    visit(page, address, f"run=example&with={OTHER}&drafts=adaspec,{OTHER}/adaspec&baseline=x")
    rows = table(page, "What each draft reached")
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.draft)") == [
        "example/stock",
        "example/adaspec",
        f"{OTHER}/adaspec",
    ]
    expect(rows.last).to_contain_text("again/adaspec")
    expect(page.get_by_text("Speed-ups were measured run by run")).to_be_visible()


COLOURS = """rows => Object.fromEntries(rows.map(row => [row.dataset.draft,
    getComputedStyle(row.querySelector('[style*="--c"]')).getPropertyValue('--c')]))"""


def test_drafts_of_two_runs_have_colours_of_their_own_and_keep_them(page: Page, address: str):
    visit(page, address, f"run=example&with={OTHER}")
    rows = table(page, "What each draft reached")
    before = rows.evaluate_all(COLOURS)
    assert len(before) == len(set(before.values())) == 7
    page.get_by_role("button", name="Only the fair").last.click()
    expect(rows).not_to_have_count(7)
    settle(page)
    after = rows.evaluate_all(COLOURS)
    assert len(after) > 2
    assert after == {draft: before[draft] for draft in after}


# Lanes


def frames(page: Page) -> list[Any]:
    """What the browser tells the server from now on."""
    sent: list[Any] = []
    page.on("websocket", lambda one: one.on("framesent", lambda frame: sent.append(frame)))
    return sent


LANES = """cells => cells.map(cell => [cell.dataset.draft,
    [...cell.querySelectorAll('.chip')].map(chip => chip.classList[1])])"""


def decided_differently(number: int, to_the_end: bool = False) -> tuple[int, int]:
    """Where adaspec accepts and distillspec-data rejects, and the other way round, in a plain loop
    over both traces, up to where their texts part: behind it a place has two meanings."""
    decided = {}
    texts = {}
    for draft in ("adaspec", "distillspec-data"):
        trace = replays.read(EXAMPLE, draft, number)
        place, found = 0, {}
        for one in trace.rounds:
            for at, each in enumerate(one.proposals):
                if each.accepted is not None:
                    found[place + at] = each.accepted
            place += one.tokens
        decided[draft], texts[draft] = found, trace.text
    one, other = (decided[draft] for draft in ("adaspec", "distillspec-data"))
    pairs = enumerate(zip(texts["adaspec"], texts["distillspec-data"], strict=False))
    shared = next((i for i, (a, b) in pairs if a != b), min(map(len, texts.values())))
    both = [place for place in one if place in other and (place <= shared or to_the_end)]
    first = sum(one[place] and not other[place] for place in both)
    second = sum(other[place] and not one[place] for place in both)
    return first, second


def test_free_lanes_are_the_traces_round_by_round(page: Page, address: str):
    differ = [one for one in range(20) if sum(decided_differently(one))]
    number = max(differ, key=lambda one: sum(decided_differently(one, to_the_end=True)))
    assert decided_differently(number) != decided_differently(number, to_the_end=True)
    visit(page, address, f"run=example&prompt={number}")
    traces = {draft: replays.read(EXAMPLE, draft, number) for draft in DRAFTS}
    shown: dict[str, list[list[str]]] = {draft: [] for draft in DRAFTS}
    for draft, chips in page.locator(".lanes td[data-draft]").evaluate_all(LANES):
        if chips:
            shown[draft].append(chips)
    for draft, trace in traces.items():
        expected = []
        for one in trace.rounds:
            kinds = {True: "accepted", False: "rejected", None: "untested"}
            last = [one.last.kind] if one.last else []
            expected.append([*(kinds[each.accepted] for each in one.proposals), *last])
        assert shown[draft] == expected
    scores = page.locator(".lane strong").all_inner_texts()
    assert scores == [
        f"{len(trace.text)} tokens in {len(trace.rounds)} passes" for trace in traces.values()
    ]
    parted = page.locator(".chip.parted")
    places = [int(one) for one in parted.evaluate_all("all => all.map(one => one.dataset.place)")]
    base = traces["distillspec-data"].text
    assert places == sorted_by_draft(page, traces, base)

    first, second = decided_differently(number)
    expect(page.locator(".lanes .count")).to_have_text(
        f"adaspec accepts, distillspec-data rejects: {first} · "
        f"distillspec-data accepts, adaspec rejects: {second}"
    )
    expect(page.locator(".lanes .versus")).to_have_count(2 * (first + second))

    slider = page.get_by_role("slider", name="round shown last")
    slider.press("Home")
    first = traces["stock"].rounds[0].tokens
    expect(page.locator(".lane strong").first).to_have_text(f"{first} tokens in 1 pass")
    expect(page.locator(".lanes tr.later")).to_have_count(
        max(len(trace.rounds) for trace in traces.values()) - 1
    )
    lanes = page.get_by_role("region", name="Lanes, a column a draft")
    lanes.focus()
    lanes.press("ArrowDown")
    second = first + traces["stock"].rounds[1].tokens
    expect(page.locator(".lane strong").first).to_have_text(f"{second} tokens in 2 passes")
    page.get_by_role("button", name="Next difference").click()
    expect(page.locator(".lanes .told")).to_contain_text("difference 1 of")


def sorted_by_draft(page: Page, traces: dict[str, Any], base: list[int]) -> list[int]:
    """Where each text leaves the baseline's, in the order in which the page has the marks."""
    found = []
    for draft, trace in traces.items():
        differs = [i for i, (a, b) in enumerate(zip(trace.text, base, strict=False)) if a != b]
        if differs:
            rounds, before = 0, 0
            while before + trace.rounds[rounds].tokens <= differs[0]:
                before += trace.rounds[rounds].tokens
                rounds += 1
            found.append((rounds, DRAFTS.index(draft), differs[0]))
    return [place for _, _, place in sorted(found)]


def test_forced_lanes_keep_what_the_uniforms_keep(page: Page, address: str):
    visit(page, address, "run=example&lanes=forced&prompt=1")
    rows = tokens.rows(EXAMPLE, "generated", 1, DRAFTS, ["q"])
    seed = replays.read(EXAMPLE, "stock", 1).seed
    u = uniforms(seed, len(rows))[:, TEST]
    for lane, draft in enumerate(DRAFTS):
        keep = np.minimum(1, rows[f"q@{draft}"].astype(float) / rows["p"].astype(float))
        cells = page.locator(f".forced td[data-draft='{draft}']")
        expect(cells).to_have_count(len(rows))
        kept = cells.evaluate_all("cells => cells.map(cell => cell.classList.contains('kept'))")
        assert kept == (u < keep).tolist()
        expect(page.locator(".lane strong").nth(lane)).to_have_text(
            f"keeps {int((u < keep).sum())} of {len(rows)}"
        )
        expect(page.locator(".lane .faint").nth(lane)).to_have_text(f"{keep.sum():.1f} expected")


# Tokens


def columns(draft: str) -> tuple[np.ndarray, np.ndarray]:
    found = [tokens.column(EXAMPLE, "generated", name, draft) for name in ("kl", "overlap")]
    return found[0].astype(float), found[1].astype(float)


def inside(draft: str, limits: list[float]) -> np.ndarray:
    kl, beta = columns(draft)
    low, high, least, most = limits
    return np.flatnonzero((kl >= low) & (kl <= high) & (beta >= least) & (beta <= most))


def type_limits(page: Page, limits: list[float]) -> None:
    names = ("KL from", "KL to", "overlap from", "overlap to")
    for name, value in zip(names, limits, strict=True):
        page.get_by_role("spinbutton", name=name).fill(str(value))


def test_a_rectangle_lists_exactly_its_tokens(open_page: Page):
    page = open_page
    limits = [2.5, 6.0, 0.02, 0.025]
    type_limits(page, limits)
    expected = inside("adaspec", limits)
    assert 5 < len(expected) <= 100
    lines = page.locator(".listed tbody tr")
    expect(lines).to_have_count(len(expected))
    listed = [int(one) for one in lines.evaluate_all("all => all.map(one => one.dataset.row)")]
    kl, _ = columns("adaspec")
    assert sorted(listed) == expected.tolist()
    assert kl[listed].tolist() == sorted(kl[listed], reverse=True)
    page.get_by_role("combobox", name="Draft of the scatter").select_option("stock")
    expect(page.get_by_role("heading", name="in the rectangle (stock)")).to_contain_text(
        f"{len(inside('stock', limits)):,} tokens"
    )

    with drawing(page):
        pass
    drawn = limits_of(page)
    assert 0.01 < drawn[0] < drawn[1] < 3
    count = int(page.locator(".listed h3").inner_text().split()[0].replace(",", ""))
    assert count == len(inside("stock", drawn)) > 100


@contextmanager
def drawing(page: Page) -> Iterator[None]:
    """A rectangle is drawn, and the button still down."""
    plot = page.locator(".compare .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.5 * box["height"], steps=8)
    yield
    page.mouse.up()


def limits_of(page: Page) -> list[float]:
    return [
        float(page.get_by_role("spinbutton", name=name).input_value())
        for name in ("KL from", "KL to", "overlap from", "overlap to")
    ]


def test_a_listed_token_opens_at_its_place(page: Page, address: str):
    visit(page, address)
    type_limits(page, [2.5, 6.0, 0.02, 0.025])
    line = page.locator(".listed tbody tr").first
    row = int(line.get_attribute("data-row") or -1)
    href = line.get_by_role("link").get_attribute("href") or ""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(href).query).items()}
    there = tokens.examples(EXAMPLE, "generated")
    seq = int(np.searchsorted(there["first"].to_numpy(), row, "right")) - 1
    place = row - int(there["first"].iloc[seq])
    before = len(tokens.prompt_ids(EXAMPLE, "generated", seq))
    assert asked == {
        "run": "example",
        "example": str(seq),
        "token": str(before + place),
        "draft": "adaspec",
    }
    line.get_by_role("link").click()
    settle(page)
    assert urlsplit(page.url).path == "/tokens"
    kl, _ = columns("adaspec")
    page.locator("#current-token").hover()
    expect(page.locator(".card:visible").first).to_contain_text(f"{kl[row]:.3f}")


def test_a_cell_of_the_agreement_lists_its_tokens(open_page: Page):
    page = open_page
    first, second = (
        tokens.column(EXAMPLE, "generated", "agree", draft)
        for draft in ("adaspec", "distillspec-data")
    )
    cells = {
        "both": first & second,
        "first": first & ~second,
        "second": ~first & second,
        "none": ~first & ~second,
    }
    for name, where in cells.items():
        button = page.locator(f"button[data-cell={name}]")
        expect(button.locator("strong")).to_have_text(f"{where.sum():,}")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".listed h3")).to_contain_text(f"{where.sum():,} tokens")
        listed = page.locator(".listed tbody tr").evaluate_all(
            "all => all.map(one => Number(one.dataset.row))"
        )
        assert len(listed) == 100
        assert where[listed].all()


# Links to what a viewer has drawn, opened and reached

TOKENS = ".compare:has(.tokens)"
BOARD = """board => ({
    set: [...board.querySelectorAll('select, input')].map(one => one.value),
    box: ['x', 'y', 'width', 'height'].map(name =>
        board.querySelector('.box:not([hidden])')?.getAttribute(name)),
    pressed: [...board.querySelectorAll('[aria-pressed=true]')].map(one => one.dataset.cell),
    says: board.querySelector('.listed h3').textContent,
    listed: [...board.querySelectorAll('.listed tbody tr')].map(one => one.dataset.row),
})"""
LANE_ROWS = """lanes => ({
    set: [...lanes.querySelectorAll('select, input')].map(one => one.value),
    says: [...lanes.querySelectorAll('.told, .count, .lane strong')].map(one => one.textContent),
    now: lanes.querySelector('.now').dataset.row,
})"""
VISIBLE = """row => {
    const [one, all] = [row, row.closest('.scroll')].map(part => part.getBoundingClientRect());
    return all.top <= one.top && one.bottom <= all.bottom + 1;
}"""
HAS_FOCUS = "one => one.getRootNode().activeElement === one"


def seen_elsewhere(page: Page, address: str, chromium: Browser, part: str, script: str) -> Any:
    """A part of the page as its address shows it to somebody else."""
    with faultless(chromium) as other:
        visit(other, address, urlsplit(page.url).query)
        expect(other.locator(part)).to_be_visible()
        assert link_of(other) == link_of(page)
        return other.locator(part).evaluate(script)


def test_a_rectangle_and_a_cell_are_in_the_link(page: Page, address: str, chromium: Browser):
    sent = frames(page)
    visit(page, address)
    board = page.locator(TOKENS)
    page.get_by_role("combobox", name="Draft of the scatter").select_option("stock")
    wait_for_link(page, scatter="stock")
    settle(page)
    told = len(sent)
    with drawing(page):
        page.wait_for_timeout(700)
        assert len(sent) == told, "the server heard of a pointer's move"
    listed = page.get_by_role("region", name="Tokens listed")
    listed.focus()
    listed.evaluate("one => one.scrollTop = 300")
    before = board.evaluate(BOARD)
    limits = limits_of(page)
    kl, beta = (",".join(f"{one:g}" for one in pair) for pair in (limits[:2], limits[2:]))
    wait_for_link(page, scatter="stock", kl=kl, beta=beta)
    settle(page)
    assert len(sent) == told + 1
    assert board.evaluate(BOARD) == before
    assert listed.evaluate(HAS_FOCUS)
    assert listed.evaluate("one => one.scrollTop") == 300
    assert seen_elsewhere(page, address, chromium, TOKENS, BOARD) == before

    page.locator("button[data-cell=first]").click()
    wait_for_link(page, cell="first")
    assert link_of(page).keys() == {"run", "scatter", "cell"}
    page.get_by_role("combobox", name="First draft of the agreement").select_option("stock")
    wait_for_link(page, agree="stock,distillspec-data", cell="first")
    expect(page.locator(".listed h3")).to_contain_text("only stock has the target's")
    opened = board.evaluate(BOARD)
    assert opened["pressed"] == ["first"]
    assert seen_elsewhere(page, address, chromium, TOKENS, BOARD) == opened

    page.locator("button[data-cell=first]").click()
    expect(page.locator(".listed")).to_be_hidden()
    enough(lambda: page.wait_for_timeout(100) or "cell" not in link_of(page))


def test_the_row_reached_is_in_the_link(page: Page, address: str, chromium: Browser):
    sent = frames(page)
    visit(page, address, "run=example&lanes=forced&prompt=3")
    lanes = page.locator(".lanes")
    rows = lanes.locator("tbody tr")
    told = len(sent)
    page.get_by_role("slider", name="token shown last").evaluate("""async slider => {
        for (let at = 1; at <= 30; at += 1) {
            slider.value = at;
            slider.dispatchEvent(new Event('input'));
            await new Promise(go => setTimeout(go, 30));
        }
    }""")
    page.get_by_role("combobox", name="Second draft").last.select_option("stock")
    table = page.get_by_role("region", name="Lanes, a column a draft")
    table.focus()
    before = lanes.evaluate(LANE_ROWS)
    wait_for_link(page, at="30", versus="adaspec,stock")
    settle(page)
    assert len(sent) <= told + 3, "the server heard of every row"
    assert lanes.evaluate(LANE_ROWS) == before
    assert table.evaluate(HAS_FOCUS)
    assert rows.nth(29).evaluate(VISIBLE)
    assert seen_elsewhere(page, address, chromium, ".lanes", LANE_ROWS) == before
    table.press("End")
    enough(lambda: page.wait_for_timeout(100) or "at" not in link_of(page))


def choose(page: Page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=label)
    box.scroll_into_view_if_needed()
    settle(page)  # a list that opens while the page scrolls is closed by it
    box.click()
    page.get_by_role("listbox").get_by_role("option", name=option, exact=True).click()
    settle(page)


def test_what_is_of_another_comparison_is_dropped(page: Page, address: str):
    query = "run=example&kl=2.5,6&beta=0.02,0.025&at=3&versus=stock,adaspec&prompt=3"
    visit(page, address, query)
    expect(page.locator(".lanes .told")).to_contain_text("round 3 of")
    type_limits(page, [2, 6.0, 0.02, 0.025])
    wait_for_link(page, kl="2,6")
    choose(page, "Lanes", "the target's recorded text")
    expect(page.locator(".lanes .told")).to_contain_text("token")
    assert link_of(page).keys() == {"run", "kl", "beta", "lanes", "prompt"}
    choose(page, "Baseline", "stock")
    expect(page.locator(".listed")).to_be_hidden()
    assert link_of(page).keys() == {"run", "baseline", "lanes", "prompt"}
    choose(page, "Baseline", "distillspec-data")  # as it was left: what is shown is in the link
    wait_for_link(page, kl="2,6")
    assert limits_of(page) == [2, 6, 0.02, 0.025]


def test_what_a_link_asks_for_in_vain_is_said_at_the_top(page: Page, address: str):
    wrong = "scatter=nobody&kl=9,1&beta=x&agree=stock,nobody&cell=corner&at=999&versus=stock"
    visit(page, address, f"run=example&{wrong}")
    said = page.get_by_test_id("stAlert")
    for number, text in enumerate(
        (
            "There is no scatter 'nobody'. There are stock, reference, distillspec-data, adaspec",
            "kl=9,1 in the link is no FROM,TO",
            "beta=x in the link is no FROM,TO",
            "agree=stock,nobody in the link is no pair ONE,OTHER of the drafts stock, reference",
            "There is no cell 'corner'. There are both, first, second, none",
            "at=999 in the link is not a number from 1 to",
            "versus=stock in the link is no pair ONE,OTHER of the drafts stock, reference",
        )
    ):
        expect(said.nth(number)).to_contain_text(text)
    expect(page.locator(".listed")).to_be_hidden()
    assert link_of(page) == {"run": "example"}
    for beside in ("kl=1,2", "agree=stock,stock"):
        visit(page, address, f"run=example&cell=both&{beside}")
        expect(said.first).to_contain_text("No cell is opened beside a rectangle")
        assert "cell" not in link_of(page)


# Files, looks, hostile texts


def test_the_report_opens_from_disk_without_a_network(
    page: Page, address: str, chromium: Browser, tmp_path: Path
):
    visit(page, address)
    for name in figures.of_comparison(NUMBERS):
        expect(page.locator(f".st-key-compare-{name} svg.marks")).to_be_visible()
    type_limits(page, [2.5, 6, 0.02, 0.025])
    wait_for_link(page, kl="2.5,6", beta="0.02,0.025")
    settle(page)
    for name in ("Report", "CSV"):
        with page.expect_download() as got:
            page.get_by_role("button", name=name).click()
        got.value.save_as(tmp_path / got.value.suggested_filename)
    listed = pd.read_csv(io.StringIO((tmp_path / "compare-example.csv").read_text()))
    assert listed["kind"].value_counts().to_dict() == {"difference": 15, "draft": 4}

    context = chromium.new_context(offline=True)
    asked: list[str] = []
    report = context.new_page()
    report.on("request", lambda one: asked.append(one.url))
    report.goto((tmp_path / "compare-example.html").as_uri())
    shown = table(report, "What each draft reached").evaluate_all(CELLS)
    assert shown == table(page, "What each draft reached").evaluate_all(CELLS)
    for text in (
        "Budgets differ: 225 steps",
        NUMBERS.command,
        NUMBERS.runs[0].id,
        NUMBERS.runs[0].hashes["held-out texts"],
        NUMBERS.definitions["block_efficiency"],
    ):
        expect(report.get_by_text(text).first).to_be_visible()
    expect(report.locator("figure")).to_have_count(8)
    expect(report.locator(".figures svg.marks")).to_have_count(5)
    for title in (
        "Paired differences",
        "everything that was computed",
        "Speed-up against γ",
        "Acceptance by position",
        "lengths",
    ):
        expect(report.locator(".figures").get_by_text(title).first).to_be_visible()
    assert report.locator(".compare").evaluate(BOARD) == page.locator(TOKENS).evaluate(BOARD)
    report.locator("button[data-cell=first]").click()
    expect(report.locator(".listed tbody tr")).to_have_count(100)
    expect(report.locator(".listed a, .atlas a")).to_have_count(0)  # there is no studio to lead to
    shown = page.locator(".atlas td a").all_inner_texts()
    assert report.locator(".atlas td button").all_inner_texts() == shown
    cell = report.locator(".atlas button[aria-label^='number, ≥ 2 nats']")
    cell.press("Enter")
    says = cell.get_attribute("aria-label") or ""
    expect(report.locator(".listed h3")).to_have_text(f"{says}; smallest β first")
    inside = strata.within(EXAMPLE, "generated", {"class": "number", "entropy": "≥ 2 nats"})
    beta = tokens.column(EXAMPLE, "generated", "overlap", "distillspec-data")
    rows = np.flatnonzero(inside)
    first = report.locator(".listed tbody tr").first.get_attribute("data-row")
    assert beta[int(first or -1)] == beta[rows].min()
    assert number_of(says) == f"{len(rows):,}"
    expect(report.locator("button[data-cell=first]")).to_have_attribute("aria-pressed", "false")
    cell.press("Space")
    expect(report.locator(".listed")).to_be_hidden()
    assert len(asked) == 1
    assert report.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


@pytest.mark.parametrize("theme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_nothing_is_in_the_way_of_anybody(chromium: Browser, address: str, theme: str):
    page = chromium.new_page(viewport={"width": 1024, "height": 900}, color_scheme=theme)
    for lanes in ("free", "forced"):
        visit(page, address, f"run=example&drafts=distillspec-data,adaspec&lanes={lanes}")
        type_limits(page, [3.0, 6.0, 0.02, 0.022])
        settle(page)
        assert obstacles(page, ".stBidiComponent") == []
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth <= main.clientWidth")
    page.close()


def test_hostile_names_and_tokens_are_text(
    page: Page, address: str, studio_home: Path, chromium: Browser, tmp_path: Path
):
    run = runs.Run(studio_home / "runs" / HOSTILE_RUN)
    for lanes in ("free", "forced"):
        visit(page, address, f"run={HOSTILE_RUN}&lanes={lanes}")
        page.locator("button[data-cell=both]").click()
        expect(page.locator(".listed tbody tr")).to_have_count(100)
        assert page.evaluate("window.hacked") is None
    expect(page.locator(".lanes .prompt img, .lanes .prompt script")).to_have_count(0)
    picked = entries([run])
    numbers = compare_view.numbers([run], picked, "stock")
    file = tmp_path / "report.html"
    view = compare_view.board([run], picked, numbers)
    charts = compare_view.drawn([run], picked, "stock")
    file.write_text(compare_view.standalone(view, {}, charts, figures.bundle()), encoding="utf-8")
    with faultless(chromium) as report:
        report.goto(file.as_uri())
        report.locator("button[data-cell=both]").click()
        expect(report.get_by_text(ATTACK).first).to_be_visible()
        assert report.evaluate("window.hacked") is None
