"""The figures hold the numbers that they are given, in words as well, and go into files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from adaspec import AdaspecError, drawing, figures, tabular, tokens
from adaspec.analysis import ablation, seeds, tabulated
from adaspec.analysis.comparison import compare
from adaspec.analysis.drafts import entries
from adaspec.analysis.results import Comparison, RatioPoint, RatioSeries
from tests.adaspec.test_cli import adaspec
from tests.comparisons import EXAMPLE

COMPARISON = compare([EXAMPLE])
SUMMARY = ablation.summary(seeds.relatives(EXAMPLE))


def rows(chart: Any, column: str) -> list[dict[str, Any]]:
    """Those of the first data set that has such a column."""
    datasets = figures.specification(chart)["datasets"].values()
    return next(rows for rows in datasets if rows and column in rows[0])


def marks(spec: Any, kind: str) -> list[dict[str, Any]]:
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == kind]


def test_a_comparison_is_drawn_with_its_numbers() -> None:
    drawn = figures.of_comparison(COMPARISON)
    assert list(drawn) == [
        "differences",
        "acceptance-against-compute",
        "speedup-against-gamma",
        "acceptance-by-position",
        "accepted-lengths",
    ]
    given = [each for each in COMPARISON.differences if each.measure == "alpha.generated"]
    shown = {row["draft"]: row for name in ("arrow", "value") for row in _all(drawn, name)}
    for difference in given:
        label = next(d.label for d in COMPARISON.drafts if d.draft == difference.draft)
        row = shown[label]
        assert row["value"] == pytest.approx(100 * difference.value)
        assert [row["low"], row["high"]] == pytest.approx([100 * end for end in difference.ci])
        assert row["verdict"] in row["says"]
    draft = COMPARISON.drafts[-1]
    positions = [
        row for row in rows(drawn["acceptance-by-position"], "reached") if row["draft"] == "adaspec"
    ]
    assert [row["reached"] for row in positions] == [each.reached for each in draft.positions]
    assert [row["passed"] for row in positions] == [each.passed for each in draft.positions]
    lengths = [row for row in rows(drawn["accepted-lengths"], "share") if row["draft"] == "adaspec"]
    assert [row["rounds"] for row in lengths] == draft.accepted_lengths
    assert sum(row["share"] for row in lengths) == pytest.approx(1)
    curve = draft.speedup.curve
    speeds = [
        row for row in rows(drawn["speedup-against-gamma"], "gamma") if row["draft"] == "adaspec"
    ]
    assert [row["measured"] for row in speeds] == [point.measured for point in curve]
    assert [row["predicted"] for row in speeds] == [point.predicted for point in curve]


def _all(drawn: dict[str, Any], column: str) -> list[dict[str, Any]]:
    datasets = figures.specification(drawn["differences"])["datasets"].values()
    return [row for rows in datasets for row in rows if column in row]


def test_every_figure_says_what_it_shows_in_words() -> None:
    picked = entries([EXAMPLE])[-1:]
    drawn = figures.of_comparison(COMPARISON, picked) | figures.of_ablation(SUMMARY)
    for name, chart in drawn.items():
        spec = figures.specification(chart)
        assert spec == chart.to_dict(validate=True), name  # pages do without, it takes long
        assert len(spec["title"]["text"]) > 10, name
        assert spec["title"]["subtitle"], name
        assert len(spec["description"]) > 60, name
        assert spec["usermeta"]["embedOptions"]["renderer"] == "svg"
        described = [layer for layer in spec["layer"] if "description" in layer.get("encoding", {})]
        assert described or name.startswith("overlap"), name
        assert all(layer["encoding"]["tooltip"] for layer in described), name


def test_colour_never_stands_alone() -> None:
    spec = figures.specification(figures.of_comparison(COMPARISON)["speedup-against-gamma"])
    for channel in ("color", "shape", "strokeDash"):
        scales = [
            layer["encoding"][channel]["scale"]
            for layer in spec["layer"]
            if "scale" in layer.get("encoding", {}).get(channel, {})
        ]
        assert scales, channel
        assert len(scales[0]["range"]) == len(COMPARISON.drafts)
        alike = 1 if channel == "strokeDash" else 0  # the reference's line is solid, as adaspec's
        assert len(set(map(str, scales[0]["range"]))) == len(COMPARISON.drafts) - alike
    names = [layer for layer in marks(spec, "text") if layer["encoding"].get("text")]
    assert names[0]["encoding"]["text"]["field"] == "draft"
    known = {look.marker for look in drawing.LOOKS.values()} | set(drawing._MARKERS)
    vega = {"circle", "square", "cross", "diamond", "triangle-up", "triangle-down"}
    assert known <= vega | set(figures.style.SHAPES)


def several_runs() -> Comparison:
    first, *rest = COMPARISON.drafts
    others = [
        draft.model_copy(update={"run": "other", "label": f"…ther/{draft.label}"}) for draft in rest
    ]
    (run,) = COMPARISON.runs
    runs = [run, run.model_copy(update={"run": "other"})]
    return COMPARISON.model_copy(update={"drafts": [first, *others], "runs": runs})


def test_drafts_of_another_run_have_its_line_and_hollow_bars() -> None:
    drawn = figures.of_comparison(several_runs())
    spec = figures.specification(drawn["speedup-against-gamma"])
    (line,) = marks(spec, "line")
    dashes = line["encoding"]["strokeDash"]["scale"]["range"]
    assert dashes[0] != dashes[1] == dashes[2]
    outlined = [row["outlined"] for row in rows(drawn["acceptance-by-position"], "reached")]
    assert {True, False} == set(outlined)


def methods(count: int = 4) -> pd.DataFrame:
    """Of three costs, one of them untrained, two of one cost."""
    table = pd.DataFrame(
        {
            "draft": ["stock", "reference", "distillspec", "adaspec"],
            "cost": [0.0, 100, 5000, 5000],
            "alpha": [0.5, 0.70, 0.72, 0.73],
            "low": [0.49, 0.69, 0.71, 0.72],
            "high": [0.51, 0.71, 0.73, 0.74],
            "by_seed": [[0.5, 0.5], [0.69, 0.71], [0.72, 0.72], [0.73, 0.73]],
            "start": ["stock", "stock", "stock", "reference"],
        }
    )
    return table.head(count)


def test_cost_puts_methods_of_one_cost_side_by_side_the_best_at_the_left() -> None:
    chart = figures.acceptance_against_cost(methods(), "sequences in all", "seeds 0, 1")
    drawn = {row["draft"]: row for row in rows(chart, "foot")}
    assert drawn.keys() == {"reference", "distillspec", "adaspec"}
    assert drawn["adaspec"]["x"] < 5000 < drawn["distillspec"]["x"]
    assert drawn["reference"]["x"] == pytest.approx(100)
    assert [drawn[name]["rank"] for name in ("adaspec", "distillspec", "reference")] == list("123")
    spec = figures.specification(chart)
    x = next(layer for layer in spec["layer"] if "x" in layer["encoding"])["encoding"]["x"]
    assert x["scale"]["type"] == "log"
    assert "logarithmic" in x["title"]
    assert x["axis"]["values"] == [100, 5000]
    rings = [layer for layer in marks(spec, "point") if layer["mark"].get("shape") == "circle"]
    (ring,) = rings
    assert [row["draft"] for row in spec["datasets"][ring["data"]["name"]]] == ["adaspec"]
    notes = [row["text"] for rows in spec["datasets"].values() for row in rows if "text" in row]
    assert notes == ["4  stock 0.5000, not trained ↓ below the scale"]


def test_what_is_no_better_than_the_untrained_draft_sets_no_scale() -> None:
    table = methods()
    table.loc[len(table)] = ["lost", 5000.0, 0.3, 0.29, 0.31, [0.3, 0.3], "stock"]
    chart = figures.acceptance_against_cost(table, "sequences", "200 prompts")
    spec = figures.specification(chart)
    y = next(
        layer["encoding"]["y"] for layer in spec["layer"] if "domain" in
        layer["encoding"].get("y", {}).get("scale", {})
    )  # fmt: skip
    assert 0.6 < y["scale"]["domain"][0] < 0.69
    arrows = [layer for layer in marks(spec, "text") if layer["mark"].get("text") == "↓"]
    assert [r["draft"] for r in spec["datasets"][arrows[0]["data"]["name"]]] == ["lost"]
    assert "lost: exact acceptance 0.3000" in spec["description"]


def test_an_ablation_is_drawn_with_its_numbers() -> None:
    drawn = figures.of_ablation(SUMMARY, "adaspec", "steps")
    assert list(drawn) == [
        "acceptance-against-cost",
        "acceptance-against-compute",
        "differences",
    ]
    shown = {row["draft"]: row for row in rows(drawn["acceptance-against-cost"], "foot")}
    for method in SUMMARY.methods:
        if method.total.steps:
            row = shown[method.label]
            assert row["cost"] == method.total.steps
            assert (row["alpha"], row["made"]) == (method.alpha.mean, method.made)
    compared = {row["draft"]: row["value"] for row in _all(drawn, "value")}
    assert compared == {
        method.label: 100 * method.difference["adaspec"].value
        for method in SUMMARY.methods
        if "adaspec" in method.difference
    }


def test_the_frontier_is_filled_and_a_flight_of_stairs() -> None:
    chart = figures.of_comparison(COMPARISON)["acceptance-against-compute"]
    drawn = {row["draft"]: row for row in rows(chart, "frontier")}
    bills = {draft.label: draft.compute for draft in COMPARISON.drafts}
    assert {draft: row["cost"] for draft, row in drawn.items()} == {
        label: bill.flops for label, bill in bills.items() if bill and bill.flops
    }
    assert {draft for draft, row in drawn.items() if row["frontier"]} == {
        draft.label
        for draft in COMPARISON.drafts
        if draft.draft in COMPARISON.frontier and draft.name != "stock"
    }
    spec = figures.specification(chart)
    (stairs,) = marks(spec, "line")
    steps = spec["datasets"][stairs["data"]["name"]]
    assert [step["alpha"] for step in steps] == sorted(step["alpha"] for step in steps)
    assert stairs["mark"]["interpolate"] == "step-after"
    assert "distillspec-data: exact acceptance 0.7398" in spec["description"]
    assert spec["description"].count("on the frontier") == 3


def test_lines_against_k_differ_in_k_alone() -> None:
    points = [
        RatioPoint(name=name, k=k) for name, k in (("adaspec", 0.4), ("distillspec-data", 1.0))
    ]
    series = RatioSeries(made="forward_kl", points=points)
    summary = SUMMARY.model_copy(update={"by_k": [series]})
    chart = figures.of_ablation(summary)["acceptance-against-k"]
    alphas = {method.name: method.alpha.mean for method in summary.methods}
    assert [(row["k"], row["alpha"], row["series"]) for row in rows(chart, "series")] == [
        (0.4, alphas["adaspec"], "forward_kl"),
        (1.0, alphas["distillspec-data"], "forward_kl"),
    ]


def test_a_scatter_has_every_token_and_the_floor() -> None:
    (entry,) = entries([EXAMPLE])[-1:]
    chart = figures.of_comparison(COMPARISON, [entry])["overlap-against-kl-adaspec"]
    spec = figures.specification(chart)
    kl = tokens.column(EXAMPLE, tokens.GENERATED, "kl", "adaspec").astype(float)
    lines = spec["datasets"][spec["data"]["name"]].splitlines()
    assert len(lines) == 1 + len(kl)
    assert float(lines[1].split(",")[0]) == pytest.approx(kl[0], abs=1e-5)
    (floor,) = marks(spec, "line")
    path = pd.DataFrame(spec["datasets"][floor["data"]["name"]])
    bound = 1 - np.minimum(np.sqrt(path["kl"] / 2), np.sqrt(1 - np.exp(-path["kl"])))
    assert path["overlap"].tolist() == pytest.approx(bound.tolist())
    assert "0 of them below the floor" in spec["description"]
    assert spec["params"][0]["select"]["type"] == "interval"


def test_scores_are_counted_once_each() -> None:
    everything = [0.0, 0.1, 0.2, 0.9, 1.0]
    chart = figures.scores(everything, [0.9, 1.0], 0.9, "mean KL")
    counts = rows(chart, "examples")
    assert sum(row["examples"] for row in counts if row["which"] == "all") == 5
    assert sum(row["examples"] for row in counts if row["which"] == "listed") == 2
    (bars,) = marks(figures.specification(chart), "bar")
    assert bars["encoding"]["y2"] == {"datum": 0}  # else Vega-Lite takes them for lying ones
    alike = figures.scores([0.5, 0.5], [0.5], 0.5, "mean KL")
    assert sum(row["examples"] for row in rows(alike, "examples")) == 3


@pytest.fixture(scope="module")
def chart() -> Any:
    return figures.of_comparison(COMPARISON)["differences"]


def test_files_hold_the_figure_and_ask_nobody_for_anything(chart: Any, tmp_path: Path) -> None:
    made = figures.write({"differences": chart}, tmp_path / "new")
    assert [path.name for path in made] == [
        "differences.svg",
        "differences.png",
        "differences.html",
    ]
    svg, png, page = (path.read_bytes() for path in made)
    assert b"distillspec-data" in svg
    assert b"currentColor" not in svg
    assert png.startswith(b"\x89PNG")
    assert not re.search(rb"<(script|link)[^>]+(src|href)=", page)
    figures.save(chart, tmp_path / "dark.svg", theme="dark")
    assert b"#12161C" in (tmp_path / "dark.svg").read_bytes()


def test_another_ending_is_refused(chart: Any, tmp_path: Path) -> None:
    with pytest.raises(AdaspecError, match=r"a figure's file ends in one of \.svg, \.png, \.html"):
        figures.save(chart, tmp_path / "figure.gif")


def test_a_page_may_give_the_figure_its_own_colour(chart: Any) -> None:
    spec = figures.specification(chart)
    assert spec["config"]["background"] == "transparent"
    assert spec["config"]["axis"]["labelColor"] == "currentColor"
    assert "currentColor" not in json.dumps(figures.specification(chart, "light"))


def test_the_commands_write_every_figure(tmp_path: Path) -> None:
    done = adaspec("compare", "example", "--to", str(tmp_path / "compare"), home=tmp_path)
    names = {path.name for path in (tmp_path / "compare").iterdir()}
    assert str(tmp_path / "compare") in done.stdout.replace("\n", "")
    drafts = ("stock", "reference", "distillspec-data", "adaspec")
    expected = [*figures.of_comparison(COMPARISON), *(f"overlap-against-kl-{d}" for d in drafts)]
    expected += [f"atlas-{draft}" for draft in drafts]
    expected += [f"atlas-{d}-minus-baseline" for d in drafts if d != COMPARISON.baseline]
    tables = [table.name for table in tabulated.of_comparison(COMPARISON)]
    assert names == {f"{name}.{form}" for name in expected for form in figures.FORMATS} | {
        f"{name}.{form}" for name in tables for form in tabular.FORMATS
    }
    adaspec("ablation", "example", "--to", str(tmp_path / "ablation"), home=tmp_path)
    assert (tmp_path / "ablation" / "acceptance-against-cost.png").is_file()
