"""Tables to take away: tidy CSV, LaTeX, Markdown and a page, from one description."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest

from adaspec import runs, tabular
from adaspec.analysis import ablation, comparison, seeds, tabulated
from adaspec.runs import Run
from adaspec.tabular import Column, Table
from tests.adaspec.test_cli import adaspec

TABLE = Table(
    "some-drafts",
    "α of 50 % & more.",
    {
        "draft": Column("draft"),
        "alpha": Column("α", 3, ("low", "high")),
        "tokens": Column("tokens"),
    },
    [
        {"draft": "a_b|c", "alpha": 0.12345, "low": 0.1, "high": 0.2, "tokens": 12345, "only": 1},
        {"draft": "=1+1\n<b>", "alpha": -0.5, "low": None, "high": None, "tokens": None},
    ],
)
EXAMPLE = Run(runs.EXAMPLES["example"])


def test_csv_has_every_variable_in_full_and_no_formula() -> None:
    frame = pd.read_csv(io.StringIO(tabular.csv(TABLE)))
    assert list(frame) == ["draft", "alpha", "low", "high", "tokens", "only"]
    assert frame["alpha"].tolist() == [0.12345, -0.5]
    assert frame["draft"][1].startswith("'=1+1")


def test_markdown_rounds_and_brings_the_interval() -> None:
    assert tabular.markdown(TABLE).splitlines() == [
        "| draft | α | tokens |",
        "| :-- | --: | --: |",
        r"| a\_b\|c | 0.123 \[0.100, 0.200] | 12,345 |",
        r"| =1+1 \<b> | −0.500 |  |",
        "",
        "α of 50 % & more.",
    ]


def test_latex_is_booktabs_with_nothing_unescaped() -> None:
    text = tabular.latex(TABLE)
    for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\begin{tabular}{lrr}"):
        assert rule in text
    assert r"a\_b\textbar{}c & 0.123 [0.100, 0.200] & 12,345 \\" in text
    assert r"=1+1 \textless{}b\textgreater{} & $-$0.500 &  \\" in text
    assert r"\caption{$\alpha$ of 50 \% \& more.}" in text
    assert r"\label{tab:some-drafts}" in text


@pytest.mark.parametrize("text", ["\\input{x}", "$a$", "a^b~c", "#1", "%", "{}", "α − β ≥ Σ‖×–…★"])
def test_latex_of_any_text_is_that_text(text: str) -> None:
    table = Table("t", "", {"a": Column("a")}, [{"a": text}])
    (line,) = [line for line in tabular.latex(table).splitlines() if line.endswith(r"\\")][1:]
    assert not re.search(r"(?<!\\)[#%&_]", line.removesuffix(r"\\"))
    assert r"\input" not in line
    assert line.isascii()


def test_a_page_shows_foreign_text_as_text() -> None:
    page = tabular.page("<i>", [TABLE], ["<script>"], {"Recipe": "<b>"})
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "=1+1\n&lt;b&gt;" in page
    assert '<td class="number">0.123 [0.100, 0.200]</td>' in page
    assert "<h2>Some drafts</h2>" in page


def test_the_tables_of_a_report_have_its_numbers() -> None:
    report = runs.read_report(EXAMPLE)
    drafts, cost = tabulated.of_report(report)
    for row, spent, draft in zip(drafts.rows, cost.rows, report.drafts, strict=True):
        assert (row["alpha_low"], row["alpha_high"]) == draft.alpha.generated_ci
        assert row["speedup"] == draft.speedup.measured
        assert spent["sequences"] == draft.budget.sequences
    assert report.drafts[-1].name in tabular.markdown(drafts)


def test_the_tables_of_a_comparison_are_tidy() -> None:
    content = comparison.compare([EXAMPLE])
    drafts, cost, differences = tabulated.of_comparison(content)
    assert len(drafts.rows) == len(cost.rows) == len(content.drafts)
    assert len(differences.rows) == len(content.differences)
    first, row = content.differences[0], differences.rows[0]
    assert row["difference"] == pytest.approx(100 * first.value)  # points
    assert row["unit"] == "points"
    assert row["verdict"] == first.verdict


def test_the_tables_of_an_ablation_have_a_row_a_seed() -> None:
    summary = ablation.summary(seeds.relatives(EXAMPLE))
    methods, differences, by_seed = tabulated.of_ablation(summary)
    assert len(by_seed.rows) == len(summary.methods) * len(summary.seeds)
    assert [row["alpha"] for row in methods.rows] == [
        method.alpha.mean for method in summary.methods
    ]
    assert {row["baseline"] for row in differences.rows} == set(summary.baselines)


def test_from_a_terminal(tmp_path: Path) -> None:
    done = adaspec("report", "example", "--to", str(tmp_path / "tables"), home=tmp_path)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "tables").iterdir())
    assert names == [f"{name}.{end}" for name in ("cost", "drafts") for end in ("csv", "md", "tex")]
    adaspec("differ", "example", "english", "--to", str(tmp_path / "two"), home=tmp_path)
    frame = pd.read_csv(tmp_path / "two" / "settings.csv")
    assert "target.source" in frame["field"].tolist()
