"""The findings' tables are those of the runs that are kept."""

from benchmarks.findings import RESULT, RUNS, Findings, tables
from tests.studio import ROOT

KEPT = ROOT / "docs/runs/findings-english"


def test_the_tables_are_of_what_is_kept() -> None:
    findings = Findings.model_validate_json((KEPT / RESULT).read_text(encoding="utf-8"))
    printed = "\n".join(tables(findings)).split("\n\n")
    shown = [table for table in printed if table.startswith("|")]
    text = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    assert len(shown) == 3
    assert [table for table in shown if table.strip() not in text] == []
    assert (KEPT / RUNS).stat().st_size < 1_000_000
