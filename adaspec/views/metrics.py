"""What tokens can be coloured by: one row per metric. Adding a metric is adding a row.

A metric is a column of the token tables, of one snapshot, or the difference of that column between
two. The browser and the histograms read the same rows. Limits are fixed, so that one colour means
one value on every page, for every model and every text.
"""

from __future__ import annotations

from typing import Literal

from adaspec.glossary import TERMS
from adaspec.runs.contract import Part

Role = Literal["stock", "reference", "draft", "rival"]


class Metric(Part):
    """One way to look at tokens.

    Attributes:
        column: of the token tables.
        of: whose column; None for the target's own.
        minus: whose column is subtracted.
        low, high: the ends of the colour scale; values beyond have the end's colour.
        diverging: whether 0 is the middle, with a colour on either side.
    """

    name: str
    label: str
    unit: str
    column: str
    of: Role | None
    minus: Role | None
    low: float
    high: float
    scale: Literal["linear", "log"]
    diverging: bool
    explanation: str


def _plain(
    name: str, label: str, column: str, of: Role | None, high: float, unit: str, explanation: str
) -> Metric:
    return Metric(
        name=name,
        label=label,
        unit=unit,
        column=column,
        of=of,
        minus=None,
        low=0.0,
        high=high,
        scale="linear",
        diverging=False,
        explanation=explanation,
    )


def _difference(name: str, label: str, of: Role, minus: Role, explanation: str) -> Metric:
    return Metric(
        name=name,
        label=label,
        unit="nats",
        column="kl",
        of=of,
        minus=minus,
        low=-2.0,
        high=2.0,
        scale="linear",
        diverging=True,
        explanation=explanation,
    )


METRICS = (
    _plain(
        "kl",
        "KL, draft",
        "kl",
        "draft",
        4.0,
        "nats",
        TERMS["kl"].text,
    ),
    _difference(
        "delta",
        "ΔL, learnable",
        "draft",
        "reference",
        TERMS["delta"].text,
    ),
    _plain(
        "overlap",
        "overlap β",
        "overlap",
        "draft",
        1.0,
        "",
        TERMS["overlap"].text,
    ),
    _difference(
        "improvement",
        "better than stock",
        "stock",
        "draft",
        "KL(p‖stock) − KL(p‖q): how much training improved the draft here. Below 0 it got worse.",
    ),
    _difference(
        "dispute",
        "rival − draft",
        "rival",
        "draft",
        "KL of the rival draft minus KL of the draft: above 0 the draft is closer to the target.",
    ),
    _plain(
        "entropy",
        "target entropy",
        "entropy",
        None,
        4.0,
        "nats",
        TERMS["entropy"].text,
    ),
    _plain("p", "p(token)", "p", None, 1.0, "", "Probability that the target gave this token."),
    _plain("q", "q(token)", "q", "draft", 1.0, "", "Probability that the draft gave this token."),
    Metric(
        name="rank",
        label="rank in the draft",
        unit="",
        column="rank",
        of="draft",
        minus=None,
        low=1.0,
        high=1000.0,
        scale="log",
        diverging=False,
        explanation=TERMS["rank"].text,
    ),
    _plain(
        "agree",
        "top-1 agreement",
        "agree",
        "draft",
        1.0,
        "",
        "1 where target and draft have the same likeliest token: greedy decoding accepts it.",
    ),
    _plain(
        "kl-reference",
        "KL, reference",
        "kl",
        "reference",
        4.0,
        "nats",
        "KL(p‖r): how far the reference r is from the target. What stays large is hard to learn "
        "for a model of this size.",
    ),
    _plain(
        "kl-stock",
        "KL, stock",
        "kl",
        "stock",
        4.0,
        "nats",
        "KL(p‖stock): how far the draft was before any distillation.",
    ),
)
