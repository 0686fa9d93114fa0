"""What the token pages hand to the browser: every number against the tables and by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from adaspec import figures, runs, selection, tokens
from adaspec.answers import TextRows
from adaspec.runs import Run
from adaspec.vocabulary import classify
from app.filter import acceptance_by_k
from app.filter import view as filter_view
from app.shared import token_view
from app.shared.metrics import METRICS
from app.shared.token_view import Roles
from tests.views import unpacked

ROLES = Roles("adaspec", "distillspec-data")
RATIOS = (0, 1, 250, 400, 999, 1000)


SNAPSHOT_COLUMNS = ("kl", "overlap", "q", "rank", "agree")


@pytest.fixture(scope="module")
def run() -> Run:
    return Run(runs.EXAMPLE)


@pytest.mark.parametrize("source", ["generated", "dataset"])
def test_a_view_is_the_tables_rows(run: Run, source: tokens.Source) -> None:
    view = token_view.example(run, source, 7, ROLES)
    names = ["stock", "reference", "adaspec", "distillspec-data", *view["timeline"]]
    rows = tokens.rows(run, source, 7, dict.fromkeys(names))
    response = unpacked(view["tokens"]["response"]) == 1
    prompt = tokens.prompt_ids(run, source, 7)
    ids = unpacked(view["tokens"]["id"])
    assert ids.tolist() == [*prompt, *rows["token"]]
    assert response.sum() == len(rows)
    for name in ("entropy", "p", *(f"{c}@{n}" for c in SNAPSHOT_COLUMNS for n in names)):
        column = unpacked(view["columns"][name])
        np.testing.assert_array_equal(column[response], rows[name], err_msg=name)
        if column.dtype.kind == "f":
            assert np.isnan(column[~response]).all()
    top = unpacked(view["top"]["adaspec"]["id"]).reshape(-1, 5)[response]
    assert top.tolist() == [list(likeliest) for likeliest in rows["top@adaspec"]]
    top_p = unpacked(view["top"]["target"]["p"]).reshape(-1, 5)[response]
    np.testing.assert_array_equal(top_p, np.stack(rows["top_p"]))
    text = "".join(view["vocabulary"][str(identity)]["text"] for identity in ids)
    example = tokens.examples(run, source).iloc[7]
    assert text == example["prompt"] + example["response"]
    assert view["timeline"] == ["stock", "adaspec@8", "adaspec@25", "adaspec@75", "adaspec"]
    json.dumps(view, allow_nan=False)


def test_what_is_kept_is_what_training_would_keep(run: Run) -> None:
    """The outlined tokens against `select` on the float64 difference of the tables' columns."""
    view = token_view.example(run, "generated", 50, ROLES)
    here = tokens.find(run, "generated", 50)
    response = unpacked(view["tokens"]["response"]) == 1
    for name in ("adaspec", "stock", "adaspec@25"):
        kl, reference = (
            tokens.column(run, "generated", "kl", snapshot) for snapshot in (name, "reference")
        )
        delta = torch.from_numpy(kl.astype(np.float64) - reference)
        shown = unpacked(view["columns"][f"entry@{name}"])[response]
        for k in RATIOS[1:]:
            columns = selection.Columns(len(delta), delta, torch.zeros(len(delta)))
            chosen = selection.select("top_delta", k / 1000, columns, torch.device("cpu"))
            mask = chosen.numpy()[here]
            differ = np.flatnonzero((shown <= k) != mask)  # float32 may tie what float64 does not
            threshold = np.sort(delta.numpy())[-selection.count(len(delta), k / 1000)]
            assert (abs(delta.numpy()[here][differ] - threshold) < 1e-6).all()
            assert len(differ) <= 1


def test_histograms_count_every_token(run: Run) -> None:
    view = token_view.example(run, "generated", 0, ROLES)
    assert list(view["corpus"]) == [metric.name for metric in METRICS]
    for metric in METRICS:
        known = ROLES.known(run)
        of = known[metric.of] if metric.of else None
        values = tokens.column(run, "generated", metric.column, of).astype(np.float32)
        if metric.minus:
            values = values - tokens.column(run, "generated", metric.column, known[metric.minus])
        seen = view["corpus"][metric.name]
        assert sum(seen["counts"]) + seen["below"] + seen["above"] == len(values)
        assert seen["below"] == (values < metric.low).sum()
        assert seen["above"] == (values > metric.high).sum()
        if metric.scale == "linear":
            edges = np.linspace(metric.low, metric.high, 65)
            expected, _ = np.histogram(values.astype(np.float64), edges)
            assert abs(np.cumsum(expected) - np.cumsum(seen["counts"])).max() <= 3  # on edges


def test_a_text_of_ones_own_is_seen_as_the_same_example(run: Run) -> None:
    """The tables' rows, as a warm process would answer them, give the example's view again."""
    view = token_view.example(run, "generated", 9, ROLES)
    names = list(dict.fromkeys([*ROLES.known(run).values(), *view["timeline"]]))
    rows = tokens.rows(run, "generated", 9, names)
    prompt = tokens.prompt_ids(run, "generated", 9)
    columns = [column for column in rows if "top" not in column and column not in ("pos", "token")]
    answer: dict[str, Any] = {
        "ids": [*map(int, prompt), *map(int, rows["token"])],
        "response_from": len(prompt),
        "columns": {name: rows[name].tolist() for name in columns},
        "top": {
            name: {
                "id": [list(map(int, values)) for values in rows[f"top{at}"]],
                "p": [list(map(float, values)) for values in rows[f"top_{letter}{at}"]],
            }
            for name, at, letter in [
                ("target", "", "p"),
                *((name, f"@{name}", "q") for name in names),
            ]
        },
    }
    own = token_view.text(run, "generated", TextRows.model_validate_json(json.dumps(answer)), ROLES)
    for name, column in view["columns"].items():
        if not name.startswith(("entry", "reverse")):
            assert own["columns"][name] == column, name
    mine, theirs = (
        unpacked(shown["columns"]["entry@adaspec"]).astype(int) for shown in (own, view)
    )
    assert abs(mine - theirs).max() <= 1
    assert own["top"] == view["top"]
    assert list(own["pools"]) == ["corpus"]


@pytest.mark.parametrize("pool", ["corpus", "batch"])
def test_the_filter_s_curves_are_plain_counts(run: Run, pool: tokens.Pool) -> None:
    view = filter_view.filter_view(run, "generated", "stock", pool, 3)
    kl = tokens.column(run, "generated", "kl", "stock").astype(np.float64)
    delta = kl - tokens.column(run, "generated", "kl", "reference")
    size = tokens.pool_size(run, "stock")
    where = (
        np.zeros(len(delta), int)
        if pool == "corpus"
        else np.repeat(np.arange(200) // size, tokens.examples(run, "generated")["tokens"])
    )
    classes = np.array(
        [
            classify(tokens.vocabulary(run)[identity])
            for identity in tokens.column(run, "generated", "token")
        ]
    )
    entropy = tokens.column(run, "generated", "entropy")
    for k in RATIOS:
        mask = np.zeros(len(delta), bool)
        for pool in np.unique(where):
            mine = np.flatnonzero(where == pool)
            best = np.argsort(-delta[mine].astype(np.float32), kind="stable")
            mask[mine[best[: selection.count(len(mine), k / 1000)]]] = True
        assert unpacked(view["kept"])[k] == mask.sum()
        assert unpacked(view["threshold"])[k] == pytest.approx(delta[mask].min(), abs=1e-5)
        assert unpacked(view["mass"])[k] == pytest.approx(kl[mask].sum() / kl.sum(), abs=1e-5)
        for row in view["groups"][0]["rows"]:
            assert row["tokens"] == (classes == row["label"]).sum()
            assert unpacked(row["kept"])[k] == (mask & (classes == row["label"])).sum()
        first = view["groups"][1]["rows"][0]
        assert first["label"] == "0 – 0.01 nats"
        assert unpacked(first["kept"])[k] == (mask & (entropy < 0.01)).sum()
        highest = next(row for row in view["overlaps"][0]["rows"] if row["label"] == "largest KL")
        rival = np.zeros(len(delta), bool)
        for pool in np.unique(where):
            mine = np.flatnonzero(where == pool)
            best = np.argsort(-kl[mine].astype(np.float32), kind="stable")
            rival[mine[best[: selection.count(len(mine), k / 1000)]]] = True
        assert unpacked(highest["shared"])[k] == (mask & rival).sum()
    for group in view["groups"]:
        assert sum(row["tokens"] for row in group["rows"]) == len(delta)
        assert (
            sum(unpacked(row["kept"])[400] for row in group["rows"]) == unpacked(view["kept"])[400]
        )
    labels = [row["label"] for row in view["overlaps"][1]["rows"]]
    assert labels == ["distillspec-data", "adaspec@8", "adaspec@25", "adaspec@75", "adaspec"]


def test_the_filter_shows_the_way_of_a_draft(run: Run) -> None:
    view = filter_view.filter_view(run, "dataset", "adaspec@25", "corpus", 0)
    labels = [row["label"] for row in view["overlaps"][1]["rows"]]
    assert labels == ["stock", "distillspec-data", "adaspec@8", "adaspec@75", "adaspec"]
    entry = unpacked(view["text"]["entry"])
    response = unpacked(view["text"]["tokens"]["response"]) == 1
    expected = tokens.example_entries(run, "dataset", 0, "adaspec@25", "corpus")
    assert entry[response].tolist() == expected.tolist()
    assert (entry[~response] == token_view.NO_ENTRY).all()
    json.dumps(view, allow_nan=False)


def test_drafts_that_differ_in_k_alone_are_one_line(finished_run: Run, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    shutil.copytree(finished_run.path, run.path)
    content = yaml.safe_load(run.recipe_file.read_text())
    methods = content["stage2"]["methods"]
    methods["adaspec"] |= {"budget": "steps"}
    others = {"selector": "highest_kl"}, {"to": "total_variation"}, {"pool": "micro_batch"}
    names = ["wide", *(f"other-{number}" for number, _ in enumerate(others))]
    for name, change in zip(names, ({}, *others), strict=True):
        methods[name] = methods["adaspec"] | {"k": 0.8} | change
    run.recipe_file.write_text(yaml.safe_dump(content))
    report = runs.read_report(run)
    report.drafts.extend(
        report.draft("adaspec").model_copy(update={"name": name}) for name in names
    )
    runs.REPORT.write(run.report_file, report)
    series = acceptance_by_k._series(run)
    (points,) = series.values()
    assert [point["name"] for point in points] == ["adaspec", "wide", "distillspec"]
    drawn = figures.specification(figures.over_k(series, report.prompts))["datasets"]
    rows = next(rows for rows in drawn.values() if "series" in rows[0])
    assert [row["k"] for row in rows] == [0.4, 0.8, 1]
    assert (rows[0]["low"], rows[0]["high"]) == report.draft("adaspec").alpha.generated_ci
