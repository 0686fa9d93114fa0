"""The Ablation page in a real browser: its numbers are the command's, its link is the view."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from adaspec import pipeline, recipe
from adaspec.runs import Run
from tests.adaspec.test_cli import adaspec
from tests.app.tokens.test_pages import link_of, select, wait_for_link
from tests.axe import obstacles
from tests.comparisons import copied
from tests.studio import faultless, settle, studio

expect.set_options(timeout=20_000)  # two busy cores
ONE_METHOD = "01HAAAAAAAAAAAAAAAAAAAAAAM"

# What a table says: [method, field, value as it is, text of the cell].
CELLS = """rows => rows.flatMap(row => [...row.querySelectorAll('[data-field]')].map(cell =>
    [row.dataset.method, cell.dataset.field, Number(cell.dataset.value), cell.innerText]))"""


@pytest.fixture(scope="module")
def seeds(content, tmp_path_factory) -> tuple[Path, list[Run]]:
    """A home with two seeds of four methods, and a run of one method."""
    home = tmp_path_factory.mktemp("seeds")
    methods = {
        "adaspec": {"selector": "top_delta"},
        "adaspec-k20": {"selector": "top_delta", "k": 0.2},
        "distillspec": {"selector": "all"},
        "tv": {"objective": "total_variation", "start": "reference", "budget": "data"},
    }
    spoken = {"prompts": 2, "max_new_tokens": 4, "timed": 1, "gammas": [2], "gamma": 2}
    small = content | {
        "stage2": content["stage2"] | {"methods": methods, "epochs": 2},
        "evaluation": content["evaluation"] | {"snapshots": 0, "speculation": spoken},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADASPEC_HOME", str(home))
        made = [pipeline.execute(recipe.parse(small | {"seed": seed})) for seed in (0, 1)]
    alone = copied(home / "runs" / ONE_METHOD, name="alone")
    one = recipe.load(str(alone.recipe_file)).model_dump(mode="json", exclude_unset=True)
    one["stage2"]["methods"] = {"adaspec": one["stage2"]["methods"]["adaspec"]}
    alone.recipe_file.write_text(json.dumps(one), encoding="utf-8")
    return home, made


@pytest.fixture(scope="module")
def address(seeds) -> Iterator[str]:
    with studio(seeds[0]) as where:
        yield where


@pytest.fixture(scope="module")
def opened(seeds, address: str, chromium: Browser) -> Iterator[Page]:
    """The ablation, for tests that choose nothing."""
    with faultless(chromium) as page:
        visit(page, address, f"run={seeds[1][0].path.name}")
        yield page


@pytest.fixture(scope="module")
def numbers(seeds) -> dict[str, Any]:
    """What the command says, against another baseline beside its own."""
    home, made = seeds
    against = "distillspec,adaspec,adaspec-k20"
    done = adaspec("ablation", made[0].path.name, "--json", "--against", against, home=home)
    return dict(json.loads(done.stdout))


def visit(page: Page, address: str, query: str) -> None:
    page.goto(f"{address}/ablation?{query}")
    settle(page)


def table(page: Page, caption: str) -> Any:
    return page.get_by_role("region", name=caption).locator("tbody tr")


def minus(text: str) -> str:
    return text.replace("-", "−")


def test_the_pages_numbers_are_the_commands(opened: Page, numbers):
    page = opened
    methods = {one["name"]: one for one in numbers["methods"]}
    expect(page.get_by_text("mini · seeds 0, 1 · target")).to_be_visible()
    expect(page.get_by_text("A bootstrap of few seeds is too narrow")).to_be_visible()
    cells = table(page, "Everything").evaluate_all(CELLS)
    assert len(cells) == 6 * 11 + 10  # numbers of each, and differences but one's with itself
    for name, field, value, text in cells:
        expected: Any = methods[name]
        for part in field.split("."):
            expected = expected[part]
        if field.startswith("difference"):
            assert expected["verdict"] in text
            for number in ("value", "low", "high"):
                assert minus(f"{100 * expected[number]:+.2f}") in text
            expected = expected["value"]
        else:
            first = text.split()[0].replace(",", "")
            digits = len(first.partition(".")[2])
            assert float(first) == pytest.approx(value, abs=0.51 * 10**-digits)
        assert value == expected
    for one in methods.values():
        row = table(page, "Everything").and_(page.locator(f"[data-method='{one['name']}']"))
        for number in (*one["alpha"]["ci"], *one["alpha"]["by_seed"]):
            expect(row).to_contain_text(f"{number:.4f}")
    order = table(page, "Everything").evaluate_all("rows => rows.map(row => row.dataset.method)")
    assert order == sorted(order, key=lambda name: -methods[name]["alpha"]["mean"])
    assert obstacles(page, region=False) == []


def test_another_baseline_and_cost_are_the_link(
    page: Page, address: str, seeds, numbers, chromium: Browser
):
    run = seeds[1][1].path.name
    visit(page, address, f"run={run}")
    select(page, "Baseline", "adaspec-k20")
    select(page, "Cost", "steps in all")
    wait_for_link(page, baseline="adaspec-k20", cost="steps")
    with faultless(chromium) as other:
        other.goto(page.url)
        settle(other)
        assert link_of(other) == link_of(page)
        expect(other.get_by_text("Acceptance against steps in all")).to_be_visible()
        methods = {one["name"]: one for one in numbers["methods"]}
        rows = table(other, "Differences: method − adaspec-k20")
        expect(rows).not_to_have_count(0)
        shown = rows.evaluate_all(CELLS)
        assert [value for *_, value, _ in shown] == sorted(
            (one["difference"]["adaspec-k20"]["value"] for one in methods.values()
             if one["name"] != "adaspec-k20"), reverse=True,
        )  # fmt: skip
        for name, _, value, _ in shown:
            found = methods[name]["difference"]["adaspec-k20"]
            assert value == found["value"]
            row = rows.and_(other.locator(f"[data-method='{name}']"))
            expect(row).to_contain_text(found["verdict"])
            sign = "✓" if found["budget"]["fair"] else "✕"
            expect(row).to_contain_text(f"{sign} {found['budget']['says']}")
        assert {name: row["difference"]["adaspec-k20"]["budget"]["fair"]
                for name, row in methods.items() if name != "adaspec-k20"} == {
            "stock": False, "reference": False, "distillspec": True, "adaspec": True, "tv": False,
        }  # fmt: skip


def test_every_method_has_its_point_and_its_words(opened: Page, numbers):
    page = opened
    methods = {one["name"]: one for one in numbers["methods"]}
    figure = page.locator(".st-key-ablation-acceptance-against-cost svg")
    marks = figure.locator("[role=graphics-symbol][aria-roledescription=point]")
    expect(marks).to_have_count(len(methods))
    ranks = figure.locator(".role-legend-label text")
    for name, one in methods.items():
        title = figure.get_by_label(f"{one['label']}: exact acceptance").and_(marks)
        title = title.get_attribute("aria-label") or ""
        assert f"{one['alpha']['mean']:.4f}, 95 % interval" in title, name
        assert f"made: {one['made']}" in title
        assert f"in all: {one['total']['steps']} steps" in title
    order = sorted(methods.values(), key=lambda one: -one["alpha"]["mean"])
    assert ranks.all_text_contents() == [
        f"{rank}  {one['label']}  {one['alpha']['mean']:.4f}" for rank, one in enumerate(order, 1)
    ]
    tv = figure.get_by_label("tv: exact acceptance").and_(marks)
    other = figure.get_by_label("adaspec-k20: exact acceptance").and_(marks)
    ranks.filter(has_text="  tv  ").hover()
    expect(other).to_have_attribute("opacity", "0.18")
    expect(tv).to_have_attribute("opacity", "1")
    for head in page.get_by_role("columnheader").all():
        assert len(head.get_by_role("button").get_attribute("title") or "") > 15
    expect(page.get_by_test_id("stMain")).to_contain_text(
        "forward_kl · top_delta · from stock: adaspec-k20 (k = 0.2), adaspec (k = 0.4), "
        "distillspec (k = 1)"
    )


def test_the_report_opens_from_disk_without_a_network(
    opened: Page, chromium: Browser, numbers, tmp_path: Path
):
    with opened.expect_download() as waiting:
        opened.get_by_role("button", name="Report").click()
    waiting.value.save_as(tmp_path / "ablation.html")
    context = chromium.new_context(offline=True)
    report = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    report.on("request", lambda one: asked.append(one.url))
    report.on("console", lambda one: one.type == "error" and complaints.append(one.text))
    report.goto((tmp_path / "ablation.html").as_uri())
    expect(report.locator("figure svg.marks")).to_have_count(4)
    expect(report.get_by_text("Acceptance against sequences in all")).to_be_visible()
    shown = table(report, "Everything").evaluate_all(CELLS)
    assert shown == table(opened, "Everything").evaluate_all(CELLS)
    assert len(asked) == 1
    assert complaints == []
    context.close()


def test_the_table_can_be_taken_away(opened: Page, numbers):
    with opened.expect_download() as waiting:
        opened.get_by_role("button", name="CSV").click()
    frame = pd.read_csv(io.BytesIO(waiting.value.path().read_bytes())).set_index("name")
    assert list(frame.index) == [one["name"] for one in numbers["methods"]]
    ours = next(one for one in numbers["methods"] if one["name"] == "adaspec")
    row = frame.loc["adaspec"]
    assert row["alpha.by_seed.seed1"] == pytest.approx(ours["alpha"]["by_seed"][1])
    assert row["alpha.ci.high"] == pytest.approx(ours["alpha"]["ci"][1])
    assert row["difference.distillspec.low"] == pytest.approx(
        ours["difference"]["distillspec"]["low"]
    )


def test_one_seed_says_what_is_missing(page: Page, address: str):
    page.goto(f"{address}/compare?run=example")
    settle(page)
    page.locator(".st-key-compare-downloads").get_by_role("link", name="Methods over seeds").click()
    wait_for_link(page, run="example")
    settle(page)
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("There is one seed of this recipe, 0")
    expect(alert).to_contain_text("assets/example/recipe.yaml --set seed=1")
    expect(page.get_by_role("link", name="Train seed 1")).to_be_visible()
    expect(page.get_by_text("No methods of this recipe differ in k alone.")).to_be_visible()


def test_one_method_and_wrong_links(page: Page, address: str):
    visit(page, address, f"run={ONE_METHOD}")
    expect(page.get_by_text("The recipe of this run has one method")).to_be_visible()
    visit(page, address, "run=example&baseline=nobody&cost=money")
    expect(page.get_by_text("There is no baseline")).to_be_visible()
    expect(page.get_by_text("There is no cost")).to_be_visible()
    expect(page.get_by_role("region", name="Differences: method − distillspec")).to_be_visible()
