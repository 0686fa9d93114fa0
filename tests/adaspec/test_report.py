"""What a report remarks on: a draft that got worse."""

from __future__ import annotations

import pytest
from rich.console import Console

from adaspec import report, runs, terminal


@pytest.mark.parametrize(("highest", "worse"), [(0.39, True), (0.41, False)])
def test_a_draft_below_stock_beyond_its_interval_says_so(finished_run, highest, worse) -> None:
    content = runs.read_report(finished_run)
    stock, draft = content.drafts[0].alpha, content.drafts[-1]
    stock = stock.model_copy(update={"generated": 0.4})
    alpha = draft.alpha.model_copy(update={"generated": 0.38, "generated_ci": (0.37, highest)})
    remarks = report._remarks(alpha, stock)
    assert bool(remarks) == worse
    shown = content.model_copy(update={"drafts": [draft.model_copy(update={"remarks": remarks})]})
    console = Console(record=True, width=100)
    console.print(terminal.report(shown))
    assert ("accepted less often than the stock draft" in console.export_text()) == worse
