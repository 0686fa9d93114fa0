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

from adaspec import ASSETS, figures, inference, runs, selection, tokens
from adaspec.answers import TextRows
from adaspec.recipe import Method
from adaspec.runs import Run
from adaspec.views import OwnText, token_view
from adaspec.views.metrics import METRICS
from adaspec.views.token_view import Roles
from adaspec.vocabulary import classify
from app.filter import acceptance_by_k
from app.filter import view as filter_view
from app.shared.engine import engine
from tests.engine import under_node
from tests.views import unpacked

ROLES = Roles("adaspec", "distillspec-data")
RATIOS = (0, 1, 250, 400, 999, 1000)


SNAPSHOT_COLUMNS = ("kl", "overlap", "q", "rank", "agree")


@pytest.fixture(scope="module")
def run() -> Run:
    return Run(runs.EXAMPLES["example"])


def handed(run: Run, source: tokens.Source, seq: int, roles: Roles) -> dict[str, Any]:
    """What the browser is handed."""
    return token_view.example(run, source, seq, roles).model_dump()


@pytest.mark.parametrize(
    ("values", "kind", "arrives"),
    [
        ([0, 65_535], "<u4", "u2"),
        ([0, 65_536], "<u4", "u4"),
        ([], "<u4", "u2"),
        ([True, False], "<u1", "u1"),
        ([0.1, float("nan")], "<f4", "f4"),
    ],
)
def test_a_column_takes_the_bytes_that_it_needs(values: list[Any], kind: str, arrives: str) -> None:
    column = token_view.packed(values, kind)
    assert column["type"] == arrives
    np.testing.assert_array_equal(unpacked(column), np.array(values, kind))


@pytest.mark.parametrize("source", ["generated", "dataset"])
def test_a_view_is_the_tables_rows(run: Run, source: tokens.Source) -> None:
    view = handed(run, source, 7, ROLES)
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
    view = handed(run, "generated", 50, ROLES)
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
    view = handed(run, "generated", 0, ROLES)
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
    view = handed(run, "generated", 9, ROLES)
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
    rows_of_it = TextRows.model_validate_json(json.dumps(answer))
    own = token_view.text(run, "generated", rows_of_it, ROLES, "own").model_dump()
    for name, column in view["columns"].items():
        if not name.startswith(("entry", "reverse")):
            assert own["columns"][name] == column, name
    mine, theirs = (
        unpacked(shown["columns"]["entry@adaspec"]).astype(int) for shown in (own, view)
    )
    assert abs(mine - theirs).max() <= 1
    assert own["top"] == view["top"]
    assert list(own["pools"]) == ["corpus"]


@pytest.mark.parametrize("source", ["generated", "dataset"])
def test_a_browser_makes_the_same_view_of_a_text(run: Run, source: tokens.Source) -> None:
    """Bit for bit, of rows and a frame that both have."""
    models = inference.open_run(run)
    names = ["stock", "reference", "adaspec", "distillspec-data", *token_view.way(run, "adaspec")]
    text = ("Tom has 12 apples 🙂.\n", "Each day he eats 東京 of 4: naïve")
    rows = inference.read_text(models, *text, list(dict.fromkeys(names)))
    wanted = token_view.text(run, source, rows, ROLES, "own")
    files = engine(run, [])
    asked = {
        "id": "own",
        "prompt": "",
        "response": "",
        "new_tokens": 0,
        "clicks": 0,
        "engine": files,
    }
    frame = OwnText.model_validate(token_view.text_frame(run, source, ROLES) | asked)
    request = {"what": "text_view", "rows": rows.model_dump(), "asked": frame.model_dump()}
    (view,) = under_node(request | {"tokenizer": str(ASSETS / "tiny/target/tokenizer.json")})
    assert view == json.loads(wanted.model_dump_json())
    assert unpacked(view["columns"]["entry@adaspec"]).min() < selection.STEPS


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
    ids = tokens.column(run, "generated", "token")
    begins = tokens.column(run, "generated", "pos") == 0
    pieces = [tokens.vocabulary(run)[identity] for identity in ids]
    classes = np.array(
        [classify(piece, "" if begins[i] else pieces[i - 1].text) for i, piece in enumerate(pieces)]
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


def test_the_filter_shows_what_counts_most_where_a_method_weighs(run: Run, monkeypatch) -> None:
    """Of the tokens kept, those that are among the equally many with the largest weight."""
    training = runs.read_trained(run, "adaspec").training
    method = Method(selector="all", weight="confidence")
    weighing = {"soft": training.model_copy(update={"method": method, "k": None})}
    entries = tokens.entries(run, "generated", "stock", "corpus")
    usual = filter_view._overlaps(run, "generated", "stock", "corpus", entries)
    assert [overlap["name"] for overlap in usual][-1] == "other pool"
    monkeypatch.setattr(tokens, "weighing", lambda run: weighing)
    listed = filter_view._overlaps(run, "generated", "stock", "corpus", entries)[-1]
    assert listed["name"] == "weights"
    (row,) = listed["rows"]
    assert row["label"] == "soft: the target's confidence (PARD-2)"
    weights = tokens.weights(run, "generated", "stock", weighing["soft"]).astype(np.float32)
    heaviest = np.zeros(len(weights), bool)
    heaviest[np.argsort(-weights, kind="stable")[: selection.count(len(weights), 0.4)]] = True
    assert unpacked(row["shared"])[400] == ((entries <= 400) & heaviest).sum()


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
