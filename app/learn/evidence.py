"""What the bundled runs say at every step: values for its words, what is right, what is shown.

Everything is read when it is asked for, from tables, replays and reports. A place in a text is
found by a rule, so that a run that was made anew has its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from adaspec import AdaspecError, replays, runs, tokens
from adaspec.analysis import comparison
from adaspec.analysis.drafts import entries
from adaspec.analysis.methods import default_draft
from adaspec.recipe import REFERENCE, STOCK
from adaspec.runs import DraftReport, Run
from adaspec.selection import STEPS
from adaspec.speculation.statistics import expected_passes
from adaspec.tokens import GENERATED
from adaspec.turns import once
from adaspec.views import replay_view, token_view
from adaspec.views.token_view import STATE, Roles, word
from adaspec.vocabulary import CLASSES, Class, classes
from app.filter.view import filter_view
from app.learn.blocks import Bar, Bars, Block, Chip, Pair, Pairs, Passage, Table
from app.learn.places import (
    Exhibit,
    checked,
    english,
    halfway,
    nats,
    overrated,
    percent,
    sums,
    text_of,
)
from app.learn.steps import Bet

HARD: tuple[Class, ...] = ("number", "word start", "word middle", "punctuation", "line end")
"""Kinds of tokens that a learner can name; the options of step `hard`."""


@dataclass(frozen=True)
class Evidence:
    """What a step is about.

    Attributes:
        values: of the names in its sentences.
        right: the option of its prediction that came true.
        given: shown before the prediction; `shown`: after it.
        page: where the same is seen, and the address's query.
        exhibit: made when it is looked at.
        options: of the prediction, where the step leaves them to the run.
    """

    values: dict[str, str]
    right: str
    given: list[Block]
    page: tuple[str, dict[str, str]]
    shown: list[Block] = field(default_factory=list)
    exhibit: Callable[[], Exhibit | None] = lambda: None
    options: list[Bet] = field(default_factory=list)


@once(16)
def of_step(step: str) -> Evidence:
    """What the bundled runs say at a step.

    Raises:
        AdaspecError: an example is not there, or damaged.
    """
    return EVIDENCE[step]()


# Steps


def _guess() -> Evidence:
    spot = checked()
    guesses = [spot.word(proposal.token) for proposal in spot.round.proposals]
    last = spot.round.last
    assert last  # after a rejection
    whole = spot._replace(position=0)
    outcome = [Chip(text=text, fate="kept") for text in guesses[: spot.position]]
    outcome.append(Chip(text=guesses[spot.position], fate="rejected"))
    outcome.append(Chip(text=spot.word(last.token), fate="own"))
    outcome += [Chip(text=text, fate="dropped") for text in guesses[spot.position + 1 :]]
    begins = spot.step - spot.position - 1 - len(guesses) - 1
    return Evidence(
        values={
            "gamma": str(len(guesses)),
            "accepted": str(spot.round.accepted),
            "tokens": str(spot.round.tokens),
            "guess": spot.word(spot.proposal.token),
            "own": spot.word(last.token),
        },
        right=str(spot.round.accepted),
        given=[whole.passage([Chip(text=text, fate="guessed") for text in guesses])],
        shown=[whole.passage(outcome)],
        page=spot.address(step=str(begins)),
        exhibit=lambda: spot.player(begins + replay_view.round_steps(spot.round), None),
        options=[Bet(id=str(n), text=_of_guesses(n, guesses)) for n in range(len(guesses) + 1)],
    )


def _of_guesses(kept: int, guesses: list[str]) -> str:
    if kept == 0:
        return "None of them"
    if kept == len(guesses):
        return f"All {kept}"
    return f"{kept}, up to {guesses[kept - 1]}"


def _decide() -> Evidence:
    spot = overrated()
    proposal, last = spot.proposal, spot.round.last
    assert proposal.u is not None  # it was tested
    guess = spot.word(proposal.token)
    keep, both = proposal.p / proposal.q, min(proposal.p, proposal.q)
    if proposal.accepted:
        outcome = "less than that, so it was kept"
    else:
        own = spot.word(last.token) if last else ""
        outcome = f"more than that, so it was replaced, by {own}"
    token = f"{spot.number}.{spot.position}"
    return Evidence(
        values={
            "guess": guess,
            "p": percent(proposal.p),
            "q": percent(proposal.q),
            "keep": percent(keep),
            "u": percent(proposal.u),
            "outcome": outcome,
        },
        right="kept" if proposal.accepted else "replaced",
        given=[
            spot.passage([Chip(text=guess, fate="guessed")]),
            Pairs(rows=[Pair(label=guess, p=proposal.p, q=proposal.q, both=both, marked=True)]),
        ],
        page=spot.address(step=str(spot.step), token=token),
        exhibit=lambda: spot.player(spot.step, token),
    )


def _lossless() -> Evidence:
    spot = halfway()
    pairs = spot.pairs(shared=False)
    return Evidence(
        values={"kept": percent(sum(min(row.p, row.q) for row in pairs.rows))},
        right="same",
        given=[spot.passage([Chip(text=" ? ", fate="marked")]), pairs],
        page=spot.address(step=str(spot.step), token=f"{spot.number}.{spot.position}"),
        exhibit=lambda: Exhibit("lab", {"rows": [row.model_dump() for row in pairs.rows]}),
    )


def _length() -> Evidence:
    run = sums()
    report = runs.read_report(run)
    best, gamma = report.best, report.speculation.gamma
    traces = [replays.read(run, best.name, seq) for seq in replays.numbers(run, best.name)]
    written = sum(len(trace.text) for trace in traces)
    lengths = [length for length in (1, 2, 4, 8, 16) if length < gamma] + [gamma, 2 * gamma]
    block = {
        length: written / sum(expected_passes(trace, length) for trace in traces)
        for length in lengths
    }
    now, later = block[gamma], block[2 * gamma]
    gain = later / now - 1
    return Evidence(
        values={
            "gamma": str(gamma),
            "double": str(2 * gamma),
            "now": f"{now:.1f}",
            "later": f"{later:.1f}",
            "gain": percent(gain),
        },
        right="double" if gain >= 0.75 else "more" if gain >= 0.03 else "none",
        given=[_blocks("tokens a pass", {gamma: now}, gamma)],
        shown=[
            _blocks("tokens a pass", block, gamma),
            _blocks(
                "guesses thrown away a pass, at least",
                {length: length + 1 - brought for length, brought in block.items()},
                gamma,
            ),
        ],
        page=("replay", {"run": run.id, "draft": best.name, "example": "0"}),
    )


def _blocks(title: str, brought: dict[int, float], gamma: int) -> Bars:
    return Bars(
        title=title,
        rows=[
            Bar(label=f"γ = {length}", value=value, text=f"{value:.1f}", marked=length == gamma)
            for length, value in brought.items()
        ],
        most=2 * gamma,
    )


def _overlap() -> Evidence:
    spot = halfway()
    run, report = spot.run, runs.read_report(spot.run)
    best, stock = report.best, report.draft(STOCK)
    here = spot.proposal.overlap or 0.0
    return Evidence(
        values={
            "here": percent(here),
            "tokens": f"{report.tokens.generated:,}",
            "alpha": percent(best.alpha.generated),
            "alpha_before": percent(stock.alpha.generated),
            "kl": nats(best.kl),
            "kl_before": nats(stock.kl),
        },
        right="rarely" if here < 1 / 3 else "half" if here <= 2 / 3 else "mostly",
        given=[spot.passage([Chip(text=" ? ", fate="marked")]), spot.pairs(shared=False)],
        shown=[
            spot.pairs(shared=True),
            _before_and_after(
                "overlap, average of all tokens",
                {draft.alpha.generated: percent(draft.alpha.generated) for draft in (stock, best)},
                1.0,
            ),
            _before_and_after(
                "KL, average of all tokens",
                {draft.kl: nats(draft.kl) for draft in (stock, best)},
                stock.kl,
            ),
        ],
        page=("tokens", {"run": run.id, "draft": best.name, "metric": "overlap"}),
    )


def _before_and_after(title: str, values: dict[float, str], most: float) -> Bars:
    names = ("before training", "after training")
    rows = [
        Bar(label=name, value=value, text=text, marked=name == names[1])
        for name, (value, text) in zip(names, values.items(), strict=True)
    ]
    return Bars(title=title, rows=rows, most=most)


def kept_by_class(run: Run) -> dict[Class, float]:
    """The mean overlap at each of the kinds of tokens `HARD` that the run's texts have."""
    best = runs.read_report(run).best
    position = tokens.column(run, GENERATED, "pos")
    overlap = tokens.column(run, GENERATED, "overlap", tokens.table_of(run, best.name))
    kind = classes(tokens.vocabulary(run), tokens.column(run, GENERATED, "token"), position == 0)
    numbers = {name: list(CLASSES).index(name) for name in HARD}
    few = len(kind) / 200  # too few to say anything
    return {
        name: float(overlap[kind == number].mean())
        for name, number in numbers.items()
        if (kind == number).sum() > few
    }


def surest(run: Run) -> int:
    """The number of the example whose tokens the target was surest of: it reads best."""
    entropy = tokens.column(run, GENERATED, "entropy")
    there = tokens.examples(run, GENERATED)
    means = [entropy[tokens.find(run, GENERATED, seq)].mean() for seq in range(len(there))]
    return int(np.argmin(means))


def _story(run: Run, seq: int) -> str:
    """An example's answer, without the mark of its end."""
    ids = tokens.rows(run, GENERATED, seq, [])["token"].tolist()
    pieces = tokens.vocabulary(run)
    return text_of(run, [token for token in ids if not pieces[token].special])


_IN_WORDS: dict[Class, str] = {
    "number": "numbers",
    "word start": "the start of a word",
    "word middle": "the inside of a word",
    "punctuation": "punctuation marks",
    "line end": "the end of a line",
}


def _hard() -> Evidence:
    run = english()
    kept, in_sums = kept_by_class(run), kept_by_class(sums())
    hardest, easiest = min(kept, key=kept.__getitem__), max(kept, key=kept.__getitem__)
    of_sums = min(in_sums, key=in_sums.__getitem__)
    best, seq = runs.read_report(run).best.name, surest(run)
    prompt = str(tokens.examples(run, GENERATED).iloc[seq]["prompt"])
    return Evidence(
        values={
            "hardest": _IN_WORDS[hardest].capitalize(),
            "easiest": _IN_WORDS[easiest],
            "low": percent(kept[hardest]),
            "high": percent(kept[easiest]),
            "sums_hardest": _IN_WORDS[of_sums],
            "sums_low": percent(in_sums[of_sums]),
        },
        right=hardest,
        given=[
            Passage(prompt=prompt, chips=[Chip(text=_story(run, seq), fate="text")]),
        ],
        shown=[
            _of_classes("guesses kept: stories in English", kept, hardest),
            _of_classes("guesses kept: sums that come out right", in_sums, of_sums),
        ],
        page=("tokens", {"run": run.id, "draft": best, "example": str(seq)}),
        exhibit=lambda: _heatmap(run, best, seq, {"metric": "kl", "outline": False}),
    )


def _of_classes(title: str, kept: dict[Class, float], hardest: Class) -> Bars:
    rows = [
        Bar(label=_IN_WORDS[name], value=share, text=percent(share), marked=name == hardest)
        for name, share in kept.items()
    ]
    return Bars(title=title, rows=rows, most=1.0)


def _heatmap(run: Run, draft: str, seq: int, state: dict[str, Any]) -> Exhibit:
    view = token_view.example(run, GENERATED, seq, Roles(draft, None))
    brief = view.model_copy(update={"brief": True}).model_dump(mode="json")
    return Exhibit("heatmap", {"view": brief, "state": STATE | state})


class Learnable(NamedTuple):
    """Two tokens of an example: `far`, which no training helps, and `near`, which it does.

    Attributes:
        before, after: KL of the stock draft, and of the reference, at every token of the example.
    """

    seq: int
    far: int
    near: int
    before: np.ndarray
    after: np.ndarray


def learnable(run: Run) -> Learnable:
    """The first example whose farthest token that stays far is farther than the most improved one.

    Raises:
        AdaspecError: no example has such a pair.
    """
    before, after = (tokens.column(run, GENERATED, "kl", name) for name in (STOCK, REFERENCE))
    for seq in range(len(tokens.examples(run, GENERATED))):
        here = tokens.find(run, GENERATED, seq)
        delta = before[here] - after[here]
        near = int(delta.argmax())
        far = int(np.where(np.abs(delta) < 0.1 * before[here], before[here], 0).argmax())
        if before[here][far] > before[here][near] and after[here][near] < 0.1:
            return Learnable(seq, far, near, before[here], after[here])
    raise AdaspecError("No text of the bundled run has two such tokens as Learn shows.")


def _reference() -> Evidence:
    run = sums()
    found = learnable(run)
    best = runs.read_report(run).best.name
    prompt = tokens.prompt_ids(run, GENERATED, found.seq)
    ids = tokens.rows(run, GENERATED, found.seq, [])["token"].tolist()
    pieces = tokens.vocabulary(run)
    first, second = (word(pieces[ids[at]]) for at in (found.far, found.near))
    words, most = {first: found.far, second: found.near}, float(found.before[found.far])
    rows = {name: str(len(prompt) + at) for name, at in (("far", found.far), ("near", found.near))}
    chips = [
        Chip(text=text_of(run, [token]), fate="marked" if at in found[1:3] else "text")
        for at, token in enumerate(ids)
        if not pieces[token].special
    ]
    state = {"metric": "delta", "step": STOCK, "outline": False}
    return Evidence(
        values={
            "first": first,
            "second": second,
            "far": nats(found.before[found.far]),
            "near": nats(found.before[found.near]),
            "far_after": nats(found.after[found.far]),
            "near_after": nats(found.after[found.near]),
            "far_delta": nats(found.before[found.far] - found.after[found.far]),
            "near_delta": nats(found.before[found.near] - found.after[found.near]),
        },
        right="second",
        given=[
            Passage(prompt=text_of(run, prompt.tolist()), chips=chips),
            _distances(
                "distance of the untrained draft, in nats",
                {token: found.before[at] for token, at in words.items()},
                most,
            ),
        ],
        shown=[
            _distances(
                f"{token}, in nats",
                {
                    "untrained draft": found.before[at],
                    "reference": found.after[at],
                    "ΔL, the difference": found.before[at] - found.after[at],
                },
                most,
            )
            for token, at in words.items()
        ],
        page=(
            "tokens",
            {
                "run": run.id,
                "draft": best,
                "example": str(found.seq),
                "metric": "delta",
                "step": STOCK,
                "pins": ",".join(rows.values()),
            },
        ),
        exhibit=lambda: _heatmap(run, best, found.seq, state),
    )


def _distances(title: str, values: dict[str, float], most: float) -> Bars:
    rows = [
        Bar(label=label, value=max(0.0, float(value)), text=f"{value:.2f}", marked="Δ" in label)
        for label, value in values.items()
    ]
    return Bars(title=title, rows=rows, most=most)


def _choose() -> Evidence:
    run = english()
    selecting = default_draft(runs.read_recipe(run), replays.drafts(run))
    k = runs.read_trained(run, tokens.table_of(run, selecting)).training.k
    if k is None:
        raise AdaspecError("The bundled run has no draft that selects tokens, which Learn shows.")
    delta = tokens.delta(run, GENERATED, STOCK)
    kept = tokens.entries(run, GENERATED, STOCK, "corpus") <= round(STEPS * k)
    share = float(delta[kept].sum() / delta.sum())
    less = {"same": k, "twothirds": 2 / 3}
    return Evidence(
        values={"k": f"{k:g}", "kept": percent(kept.mean()), "share": percent(share)},
        right="most" if share >= 0.9 else min(less, key=lambda name: abs(less[name] - share)),
        given=[_shares(kept.mean())],
        shown=[_shares(kept.mean(), share)],
        page=("filter", {"run": run.id, "snapshot": STOCK, "k": f"{k:g}"}),
        exhibit=lambda: _filter(run, round(STEPS * k)),
    )


def _filter(run: Run, k: int) -> Exhibit:
    view = filter_view(run, GENERATED, STOCK, "corpus", surest(run))
    return Exhibit("filter", {"view": {**view, "brief": True}, "state": {"k": k}})


def _shares(kept: float, learnt: float | None = None) -> Bars:
    rows = [Bar(label="tokens that are kept", value=float(kept), text=percent(kept))]
    if learnt is not None:
        of_delta = Bar(label="of all ΔL", value=min(1.0, learnt), text=percent(learnt), marked=True)
        rows.append(of_delta)
    return Bars(title="share of the whole", rows=rows, most=1.0)


def _fair() -> Evidence:
    run = english()
    report = runs.read_report(run)
    adaspec = report.draft(default_draft(runs.read_recipe(run), replays.drafts(run)))
    short = next(draft for draft in report.drafts if draft.same_as == REFERENCE)
    fair = report.draft(comparison.default_baseline(entries([run])).key)
    compared = comparison.compare([run], [adaspec.name, fair.name], fair.name)
    difference = next(
        each
        for each in compared.differences
        if each.draft == adaspec.name and each.measure == "alpha.generated"
    )
    standing: dict[str, tuple[str, str]] = {
        "ahead": ("adaspec", "AdaSPEC is ahead"),
        "behind": ("distillspec", "DistillSpec is ahead"),
    }
    right, verdict = standing.get(difference.verdict, ("even", "they cannot be told apart"))
    names = {
        adaspec.name: "AdaSPEC",
        short.name: "DistillSpec",
        fair.name: "DistillSpec, more text",
    }
    return Evidence(
        values={
            "steps": f"{adaspec.budget.steps:,}",
            "ratio": f"{adaspec.budget.sequences / short.budget.sequences:g}",
            "adaspec": f"{100 * adaspec.alpha.generated:.1f} %",
            "fair": f"{100 * fair.alpha.generated:.1f} %",
            "verdict": f"{verdict} by {abs(100 * difference.value):.1f} points"
            if right != "even"
            else verdict,
        },
        right=right,
        given=[_budgets([short, adaspec], names)],
        shown=[
            _budgets([short, adaspec, fair], names),
            _acceptances([short, adaspec, fair], names),
        ],
        page=("compare", {"run": run.id, "baseline": fair.name}),
    )


def _budgets(drafts: list[DraftReport], names: dict[str, str]) -> Table:
    return Table(
        head=["", "steps", "texts read", "guesses kept"],
        rows=[
            [
                names[draft.name],
                f"{draft.budget.steps:,}",
                f"{draft.budget.sequences:,}",
                f"{100 * draft.alpha.generated:.1f} %",
            ]
            for draft in drafts
        ],
    )


def _acceptances(drafts: list[DraftReport], names: dict[str, str]) -> Bars:
    """Exact acceptance with its interval."""
    rows = []
    for draft in drafts:
        low, high = draft.alpha.generated_ci
        value = draft.alpha.generated
        label, text = names[draft.name], f"{100 * value:.1f} %"
        rows.append(Bar(label=label, value=value, text=text, low=low, high=high))
    title = "guesses kept; the thin lines say how far chance may have moved them"
    return Bars(title=title, rows=rows, most=1.1 * max(row.high or 0.0 for row in rows))


def _pay() -> Evidence:
    run, other = english(), sums()
    best, of_sums = runs.read_report(run).best, runs.read_report(other).best
    speed = best.speedup
    low, high = speed.measured_ci
    most = 1.1 * max(
        point.measured or 0 for draft in (best, of_sums) for point in draft.speedup.curve
    )
    block, tested = best.block_efficiency, best.alpha.tested
    return Evidence(
        values={
            "gamma": str(speed.gamma),
            "alpha": percent(tested or 0.0),
            "block": f"{block or 0.0:.1f}",
            "c": percent(speed.c),
            "measured": f"{speed.measured:.2f}",
            "pass_cost": f"{speed.gamma * speed.c + speed.v:.1f}",
            "sums_alpha": percent(of_sums.alpha.tested or 0.0),
            "sums_measured": f"{of_sums.speedup.measured:.2f}",
        },
        right="faster" if low > 1 else "slower" if high < 1 else "same",
        given=[
            Table(
                head=["", "in tokens of the target"],
                rows=[
                    ["one guess costs", f"{speed.c:.2f}"],
                    [f"checking {speed.gamma} guesses costs", f"{speed.v:.2f}"],
                    ["a pass brings", f"{block or 0.0:.2f}"],
                ],
            )
        ],
        shown=[
            _speeds("stories in English: times as fast", best, most),
            _speeds("sums that come out right: times as fast", of_sums, most),
        ],
        page=("compare", {"run": run.id}),
    )


def _speeds(title: str, draft: DraftReport, most: float) -> Bars:
    rows = []
    for point in draft.speedup.curve:
        if point.measured is not None and point.measured_ci:
            low, high = point.measured_ci
            label, text = f"γ = {point.gamma}", f"{point.measured:.2f}"
            marked = point.gamma == draft.speedup.gamma
            rows.append(
                Bar(label=label, value=point.measured, text=text, low=low, high=high, marked=marked)
            )
    return Bars(title=title, rows=rows, most=most, line=(1.0, "as fast as without a draft"))


EVIDENCE: dict[str, Callable[[], Evidence]] = {
    "guess": _guess,
    "decide": _decide,
    "lossless": _lossless,
    "length": _length,
    "overlap": _overlap,
    "hard": _hard,
    "reference": _reference,
    "choose": _choose,
    "fair": _fair,
    "pay": _pay,
}
