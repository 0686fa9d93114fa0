"""Whether a draft pays, against the formula written out and a simulation of rounds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaspec import AdaspecError, figures, runs
from adaspec.analysis import engines, planner
from adaspec.analysis.planner import Acceptance
from adaspec.runs import Run
from adaspec.runs.report import Report
from adaspec.runs.served import RULES
from adaspec.speculation import statistics

EXAMPLE = Run(runs.EXAMPLES["example"])
COSTS = "32:30:4:50@2:70@4, 1:20:2:24@4"
shares = st.floats(0, 1)


def plainly(alphas: list[float], plain: float, draft: float, verify: float) -> float:
    """Speed-up of one draft length, from the sum as the paper has it."""
    tokens = 1.0
    for proposals in range(1, len(alphas) + 1):
        reached = 1.0
        for alpha in alphas[:proposals]:
            reached *= alpha
        tokens += reached
    return tokens * plain / (len(alphas) * draft + verify)


@given(shares, st.lists(shares, max_size=3), st.floats(0.01, 3), st.floats(0.5, 9))
def test_the_curve_is_the_formula(alpha: float, passed: list[float], c: float, v: float) -> None:
    costs = planner.Costs(
        batch=8, plain_ms=10.0, draft_ms=10 * c, verify_ms={2: 11.0, 6: 11 + 10 * v}
    )
    batch = planner._batch(Acceptance(name="x", alpha=alpha, passed=passed), costs)
    assert [point.gamma for point in batch.curve] == [1, 2, 3, 4, 5, 6]
    verify = {1: 10.5, 2: 11.0, 3: 11 + 2.5 * v, 4: 11 + 5 * v, 5: 11 + 7.5 * v, 6: 11 + 10 * v}
    for point in batch.curve:
        alphas = [*passed, *[alpha] * 9][: point.gamma]
        speedup = plainly(alphas, 10, 10 * c, verify[point.gamma])
        assert point.speedup == pytest.approx(speedup)
        least = point.break_even_alpha
        always = plainly([1.0] * point.gamma, 10, 10 * c, verify[point.gamma])
        if least is None:
            assert always < 1
        else:
            even = plainly([least] * point.gamma, 10, 10 * c, verify[point.gamma])
            assert even == pytest.approx(1) or (least == 0 and even >= 1)
    assert batch.at(batch.best).speedup == max(point.speedup for point in batch.curve)
    pays = [point.break_even_alpha for point in batch.curve if point.break_even_alpha is not None]
    assert batch.least_alpha == (min(pays) if pays else None)
    assert ("no acceptance pays" in batch.says) == (not pays)
    assert ("plain decoding is faster" in batch.says) == (bool(pays) and not batch.pays)


def test_an_expected_accepted_length_is_what_rounds_accept() -> None:
    alphas = [0.9, 0.4, 0.7, 0.95]
    rounds = np.random.default_rng(0).random((200_000, 4)) < alphas
    accepted = rounds.cumprod(1)
    for gamma, expected in enumerate(statistics.expected_lengths(alphas), 1):
        assert accepted[:, :gamma].sum(1).mean() == pytest.approx(expected, abs=0.01)
    for gamma in range(1, 5):
        lengths = statistics.expected_lengths([0.6] * gamma)
        assert 1 + lengths[-1] == pytest.approx(statistics.expected_block(0.6, gamma))


def test_by_the_runs_own_costs_it_is_the_reports_prediction() -> None:
    report = runs.read_report(EXAMPLE)
    for row in report.drafts:
        assert row.alpha.tested is not None
        content = planner.plan(EXAMPLE, row.name, alpha=row.alpha.tested)
        (batch,) = content.batches
        assert batch.c == pytest.approx(row.speedup.c)
        for point, said in zip(batch.curve, row.speedup.curve, strict=True):
            assert point.speedup == pytest.approx(said.predicted)
        assert batch.best == row.speedup.best_gamma
        by_position = planner.plan(EXAMPLE, row.name).positions
        for position, counted in zip(by_position, row.positions, strict=False):
            assert position.passed == counted.passed
            assert position.reached == pytest.approx(counted.reached)


def test_rules_and_settings_of_the_report_can_be_chosen(finished_run: Run) -> None:
    report = runs.read_report(finished_run)
    known = planner.acceptances(report, report.best.name)
    assert len(known) == 1 + len(RULES) * len({rate.setting for rate in report.served["stock"]})
    for name, each in known.items():
        content = planner.plan(finished_run, acceptance=name, costs=COSTS)
        assert content.acceptance == each
        assert json.loads(content.model_dump_json())["version"] == 1
    with pytest.raises(AdaspecError, match="No acceptance 'nope': there is as decoded here; "):
        planner.plan(finished_run, acceptance="nope")


@pytest.mark.parametrize(
    ("alpha", "costs", "sentences"),
    [
        (0.9, "1:20:1:21@4", ["At batch 1, γ = 4 is best: 3.28 × plain decoding, 4.10 tokens"]),
        (
            0.05,
            "1:20:1:21@4",
            ["At batch 1, plain decoding is faster: the best that the draft"],
        ),
        (1.0, "8:20:30:90@4", ["At batch 8 no acceptance pays here: even a draft that is always"]),
        (0.9, COSTS, ["At batch 1, γ = 4 is best", "At batch 32, γ = 3 is best"]),
    ],
)
def test_what_pays_is_said(alpha: float, costs: str, sentences: list[str]) -> None:
    content = planner.plan(EXAMPLE, alpha=alpha, costs=costs)
    for batch, sentence in zip(content.batches, sentences, strict=True):
        assert batch.says.startswith(sentence), batch.says
        assert batch.pays == ("is best" in sentence)


@pytest.mark.parametrize(
    "costs",
    [
        *(
            "1",
            "1:2:3",
            "1:2:3:4",
            "1:2:3:4@0",
            "1:2:3:4@65",
            "1:2:3:4@x",
            "0:1:1:1@1",
            "1:0:1:1@1",
        ),
        *("1:nan:1:1@1", "1:inf:1:1@1", "1:1:-1:1@1", "-1:1:1:1@1", "1:1:1:1@1,", ",", "x" * 2000),
        *("1:1:1:1@1, 1:2:2:2@2", "1:1:1:1@1:", "1:1:1:1@1:2", ",".join(["1:1:1:1@1"] * 17)),
    ],
)
def test_costs_that_are_none_are_refused_in_a_line(costs: str) -> None:
    with pytest.raises(AdaspecError) as refused:
        planner.parse_costs(costs)
    assert "\n" not in str(refused.value)


def test_a_figure_has_a_line_a_batch_size_and_the_measured_points() -> None:
    report = runs.read_report(EXAMPLE)
    row = report.draft("adaspec")
    own = planner.plan(EXAMPLE, "adaspec", costs=COSTS)
    spec = figures.specification(figures.of_plan(own, row.speedup.curve))
    rows = [row for rows in spec["datasets"].values() for row in rows if "predicted" in row]
    assert {row["draft"] for row in rows} == {"batch 1", "batch 32"}
    assert all(row["measured"] is None for row in rows)
    measured = planner.plan(EXAMPLE, "adaspec")
    spec = figures.specification(figures.of_plan(measured, row.speedup.curve))
    assert f"γ = {row.speedup.gamma}: measured {row.speedup.measured:.2f} ×" in spec["description"]


def test_settings_to_copy_have_the_draft_length() -> None:
    texts = {name: engine.settings(7) for name, engine in engines.ENGINES.items()}
    assert json.loads(texts["vLLM"].split("'")[1]) == {
        "method": "draft_model",
        "model": "DRAFT",
        "num_speculative_tokens": 7,
    }
    assert "--speculative-num-steps 7" in texts["SGLang"]
    assert "--speculative-num-draft-tokens 8" in texts["SGLang"]
    for name in ("llama.cpp", "transformers", "OpenVINO GenAI"):
        assert " 7" in texts[name]
    assert not any("GAMMA" in text or "LENGTH" in text for text in texts.values())
    assert engines.served_by("sampling") == ["transformers (5.23)"]
    report = runs.read_report(EXAMPLE)
    (decoded, *_) = planner.acceptances(report, "adaspec").values()
    vllm, transformers = engines.ENGINES["vLLM"], engines.ENGINES["transformers"]
    assert vllm.caution(decoded).startswith(
        "The plan is by exact sampling, and vLLM accepts by gre"
    )
    assert not transformers.caution(decoded)
    assert not vllm.caution(decoded.model_copy(update={"setting": "greedy"}))
    assert not vllm.caution(planner.own(0.5))


def test_a_run_without_times_asks_for_costs(finished_run: Run) -> None:
    report: Report = runs.read_report(finished_run)
    missing = report.drafts[0].model_copy(update={"name": "untimed", "same_as": None})
    grown = report.model_copy(update={"drafts": [*report.drafts, missing]})
    with pytest.raises(AdaspecError, match="has no times of untimed: adaspec measure"):
        planner.measured_costs(finished_run, grown, "untimed")
