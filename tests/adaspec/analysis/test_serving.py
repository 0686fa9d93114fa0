"""Acceptance by servers' rules: against chance itself, and against exact acceptance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from adaspec import measurement, runs
from adaspec.analysis import serving
from adaspec.divergence import Rows
from adaspec.recipe import Sampling
from adaspec.runs import Run
from adaspec.runs.served import RULES, SERVED
from adaspec.speculation.decoding import distribution

DRAWS = 50_000
SETTINGS = (
    Sampling(),
    Sampling(temperature=0.7, top_p=0.8),
    Sampling(temperature=1.3, top_k=4),
    Sampling(temperature=0),
)


def sharp(seed: int, rows: int = 5, vocabulary: int = 12) -> Rows:
    hidden = 2 * torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed))
    return Rows(hidden, lambda hidden: hidden, vocabulary)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_rates_are_what_servers_would_count(setting: Sampling) -> None:
    """50,000 proposals a rule and context, drawn and tested as a server does."""
    p, q = sharp(1), sharp(2)
    rates = measurement.server_rates(p, {"draft": q}, SETTINGS)["draft"]
    rng = np.random.default_rng(0)
    for row in range(len(p.hidden)):
        target, draft = (
            distribution(each.hidden[row : row + 1], setting)[0].double().numpy() for each in (p, q)
        )
        target, draft = target / target.sum(), draft / draft.sum()
        words = len(target)
        proposed = rng.choice(words, DRAWS, p=draft)
        drawn = rng.choice(words, DRAWS, p=target)
        best = int(q.hidden[row].argmax())
        counted = {
            "sampling": rng.random(DRAWS) < target[proposed] / draft[proposed],
            "greedy_drafting": rng.random(DRAWS) < target[best],
            "exact_match": drawn == proposed,
        }
        for rule, said in zip(RULES, rates[row, SETTINGS.index(setting)].tolist(), strict=True):
            assert abs(counted[rule].mean() - said) < 5 * 0.5 / DRAWS**0.5, rule


def test_a_target_that_drafts_for_itself_is_always_accepted_where_that_can_be() -> None:
    """Exact sampling is lossless; the other rules reject what chance drew otherwise."""
    p = sharp(3)
    rates = measurement.server_rates(p, {"itself": p}, SETTINGS)["itself"]
    torch.testing.assert_close(rates[:, :, 0], torch.ones(5, 4), rtol=0, atol=1e-6)
    torch.testing.assert_close(rates[:, 3], torch.ones(5, 3), rtol=0, atol=1e-6)
    assert (rates[:, 0, 1:] < 1).all()


def test_a_report_has_every_rule_and_agrees_with_the_tables(finished_run: Run) -> None:
    report = runs.read_report(finished_run)
    content = SERVED.read(finished_run.served_file)
    assert sum(content.tokens) == report.tokens.generated
    assert set(report.served) == {draft.name for draft in report.drafts if not draft.same_as}
    for name, rates in report.served.items():
        draft = report.draft(name)
        of = {(str(rate.setting), rate.rule): rate for rate in rates}
        plain = of["temperature 1", "sampling"]
        assert plain.value == pytest.approx(draft.alpha.generated, abs=1e-5)
        assert plain.ci == pytest.approx(draft.alpha.generated_ci, abs=1e-5)
        for rule in RULES:
            assert of["greedy", rule].value == pytest.approx(draft.top1, abs=1e-6)
            assert of["greedy", rule].ci[0] <= of["greedy", rule].value


def test_a_ranking_that_flips_is_pointed_out(finished_run: Run) -> None:
    report = runs.read_report(finished_run)
    first, second = list(report.served)[:2]
    best = max((first, second), key=lambda name: report.draft(name).alpha.generated)
    other = second if best == first else first
    alike = dict.fromkeys((best, other), report.served[best])
    assert not serving.flips(report.model_copy(update={"served": alike}))
    raised = [
        rate.model_copy(update={"value": 0.999}) if rate.rule == "greedy_drafting" else rate
        for rate in report.served[best]
    ]
    flipped = serving.flips(report.model_copy(update={"served": alike | {other: raised}}))
    assert len(flipped) == 3  # a setting each
    assert flipped[0].startswith(f"With greedy drafting at temperature 1, {other} (0.9990) is")


def test_a_run_from_before_says_what_to_do(tmp_path: Path) -> None:
    from adaspec import terminal

    report = runs.read_report(Run(runs.EXAMPLES["example"]))
    assert not report.served
    with terminal.console.capture() as said:
        terminal.console.print(terminal.report(report))
    assert "adaspec measure" in said.get()
