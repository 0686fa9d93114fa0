"""What a draft needed in all: counted again in a plain loop, and the frontier by its definition."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from adaspec import data, models, runs
from adaspec.analysis import compute
from adaspec.analysis.drafts import entries
from adaspec.analysis.results import Bill
from adaspec.recipe import Recipe
from adaspec.runs import Run
from tests.comparisons import EXAMPLE, change_json


def bills(run: Run) -> dict[str, Bill]:
    found = {entry.table: compute.bill(entry) for entry in entries([run])}
    return {name: bill for name, bill in found.items() if bill}


def test_every_piece_of_work_is_counted_once(mini: Recipe, finished_run: Run) -> None:
    """From the recipe and the models on disk: the rows tokenised again, the weights counted."""
    tokenizer = AutoTokenizer.from_pretrained(finished_run.model("reference"))
    rows = data.prepare(mini.data, tokenizer, mini.seed).train
    tokens = sum(len(row.ids) for row in rows)
    sizes = {
        name: sum(
            each.numel() for each in models.load_weights(folder, torch.device("cpu")).parameters()
        )
        for name, folder in {
            "target": Path(mini.target.source[0]),
            "draft": finished_run.model("adaspec"),
        }.items()
    }
    forward = {name: 2 * size * tokens / len(rows) for name, size in sizes.items()}
    found = bills(finished_run)
    assert found["stock"] == Bill(flops=0, seconds=0, outlays=[], assumed=[])
    target = len(rows) * forward["target"]  # once, for all of them
    reference = target + 3 * 30 * forward["draft"]
    assert found["reference"].flops == pytest.approx(reference, rel=1e-3)
    wide = 3 * 75 * forward["draft"]  # k = 0.4: 75 sequences instead of 30
    assert found["distillspec-data"].flops == pytest.approx(target + wide, rel=1e-3)
    scored = len(rows) * forward["draft"]  # the reference, asked once
    assert found["adaspec"].flops == pytest.approx(reference + wide + scored, rel=1e-3)
    assert not any(bill.assumed for bill in found.values())
    budgets = {draft.name: draft.budget for draft in runs.read_report(finished_run).drafts}
    own = budgets["adaspec"].seconds + budgets["reference"].seconds
    assert found["adaspec"].seconds > own
    shared = found["adaspec"].outlays[0].seconds
    assert found["adaspec"].seconds == pytest.approx(own + shared)


def test_what_was_not_recorded_is_said(tmp_path: Path, finished_run: Run) -> None:
    assert all("96.3 tokens a training sequence" in bill.assumed[0]
               for name, bill in bills(EXAMPLE).items() if name != "stock")  # fmt: skip
    run = Run(shutil.copytree(finished_run.path, tmp_path / finished_run.path.name))
    change_json(run.state_file, lambda it: it | {"facts": it["facts"] | {"prompt_tokens": None}})
    guessed, counted = bills(run)["adaspec"], bills(finished_run)["adaspec"]
    assert guessed.flops == pytest.approx(counted.flops, rel=0.2)  # held-out prompts are alike
    assert guessed.assumed


def test_where_nothing_is_cached_the_target_runs_at_every_step(
    tmp_path: Path, finished_run: Run
) -> None:
    run = Run(shutil.copytree(finished_run.path, tmp_path / finished_run.path.name))
    change_json(run.state_file, lambda it: it | {"facts": it["facts"] | {"cache": "nowhere"}})
    outlays = {outlay.what: outlay for outlay in bills(run)["adaspec"].outlays}
    own = outlays["adaspec: its training"]
    for what in ("adaspec: the target at every step", "adaspec: the reference as often"):
        assert (outlays[what].tokens, outlays[what].passes) == (own.tokens, 1)
    assert outlays["reference: the target at every step"].tokens < own.tokens
    assert "the target over the training rows, once" not in outlays


def test_what_the_target_wrote_for_training_is_counted(tmp_path: Path, finished_run: Run) -> None:
    """As if it had answered all 30 prompts with 7 tokens each, and drafts had read those."""
    run = Run(shutil.copytree(finished_run.path, tmp_path / finished_run.path.name))
    before = bills(run)["reference"]
    content = yaml.safe_load(run.recipe_file.read_text("utf-8"))
    content["data"]["responses"] = "target"
    run.recipe_file.write_text(json.dumps(content), encoding="utf-8")
    facts = runs.read_state(run).facts
    assert facts
    assert facts.prompt_tokens
    answers = {"answers": 30, "tokens": 210, "passes": 9, "seconds": 2.5}
    change_json(run.report_file, lambda it: it | {"answers": answers})
    change_json(run.state_file, lambda it: it | {"facts": it["facts"] | {"response_tokens": None}})
    found = bills(run)["reference"]
    written, once, own = found.outlays
    assert written.what == "the target writing the training answers"
    assert written.tokens == once.tokens == own.tokens == facts.prompt_tokens + 210
    assert (written.flops, written.seconds) == (once.flops, 2.5)
    assert found.seconds == pytest.approx(before.seconds + 2.5)
    assert not found.assumed


def test_a_draft_that_others_trained_has_no_known_cost(tmp_path: Path, finished_run: Run) -> None:
    run = Run(shutil.copytree(finished_run.path, tmp_path / finished_run.path.name))
    given = {"given_parameters": {"adaspec": 7}}
    change_json(run.state_file, lambda it: it | {"facts": it["facts"] | given})
    assert "adaspec" not in bills(run)
    assert compute.mean([None, bills(run)["reference"]]) is None


@given(
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=2),
        st.tuples(st.integers(0, 5).map(float), st.integers(0, 5).map(float)),
        min_size=1,
        max_size=9,
    )
)
def test_on_the_frontier_is_what_nothing_is_above_at_as_little_cost(
    points: dict[str, tuple[float, float]],
) -> None:
    found = compute.frontier(points)
    reached = [points[name] for name in found]
    assert reached == sorted(set(reached))
    for name, (cost, value) in points.items():
        beaten = any(
            (c <= cost and v > value) or (c < cost and v >= value) for c, v in points.values()
        )
        assert (points[name] in reached) == (not beaten)
        assert name not in found or not beaten


@pytest.mark.parametrize(
    ("flops", "text"),
    [(0, "0 FLOP"), (1.5e9, "1.5 GFLOP"), (2.5249e12, "2.52 TFLOP"), (3e18, "3 EFLOP")],
)
def test_operations_have_their_unit(flops: float, text: str) -> None:
    assert compute.written(flops) == text
