"""`served.json`: acceptance by the rules and settings of servers, prompt by prompt.

What the target would accept of a draft at the tokens of its own text, sampled at the recipe's
`evaluation.temperature`. The report has the means with their intervals.
"""

from __future__ import annotations

from typing import Literal

from adaspec.recipe import Sampling
from adaspec.runs.contract import MEASURE, Contract, Count, Name, Part

Rule = Literal["sampling", "greedy_drafting", "exact_match"]
RULES: dict[Rule, str] = {
    "sampling": "exact sampling, sum_x min(p, q): the draft samples as the target does, and the "
    "target accepts with probability min(1, p / q)",
    "greedy_drafting": "greedy drafting, p(argmax q): the draft proposes its likeliest token "
    "whatever the temperature, as vLLM's drafts do by default, and the target accepts it with p",
    "exact_match": "exact match, sum_x p q: draft and target sample apart, and what the target "
    "drew must be the draft's token; where the draft is greedy, this is greedy drafting",
}
"""p and q are those of the setting: temperature, top-k and top-p are applied to both."""


class Sums(Part):
    """Of one draft under one setting: rule -> its sum over each prompt's tokens."""

    setting: Sampling
    sums: dict[Rule, list[float]]


class Served(Part):
    """The content of `served.json`.

    Attributes:
        tokens: of each prompt's continuation.
        drafts: name -> its sums, a setting each.
    """

    version: Literal[1] = 1
    tokens: list[Count]
    drafts: dict[Name, list[Sums]]


SERVED: Contract[Served] = Contract(Served, remedy=MEASURE)
