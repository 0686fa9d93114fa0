"""What a server would show of a run's drafts: where its rule or setting ranks them otherwise."""

from __future__ import annotations

from adaspec.runs import Report
from adaspec.runs.served import Rule

WORDS: dict[Rule, str] = {
    "sampling": "exact sampling",
    "greedy_drafting": "greedy drafting",
    "exact_match": "exact match",
}


def flips(report: Report) -> list[str]:
    """A sentence for every setting and rule with another best draft than exact acceptance has."""
    if len(report.served) < 2:
        return []
    drafts = [draft for draft in report.drafts if draft.name in report.served]
    best = max(drafts, key=lambda draft: draft.alpha.generated).name
    of_draft = {
        name: {(str(rate.setting), rate.rule): rate.value for rate in rates}
        for name, rates in report.served.items()
    }
    sentences = []
    for setting, rule in of_draft[best]:
        values = {name: rates[setting, rule] for name, rates in of_draft.items()}
        ahead = max(values, key=lambda name: values[name])
        if values[ahead] > values[best]:
            sentences.append(
                f"With {WORDS[rule]} at {setting}, {ahead} ({values[ahead]:.4f}) is ahead of "
                f"{best} ({values[best]:.4f}), which has the highest exact acceptance."
            )
    return sentences
