"""Tables to take away: CSV for programs, LaTeX and Markdown for papers and notes, HTML to look at.

A table is tidy: one row an observation, one column a variable, numbers in full. What is to be read
rounds them, and writes an interval behind its value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment
from markupsafe import Markup

FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # some spreadsheets take the wide ones too
LONG = 60  # letters, from which on the cells of a page are several lines


class Column(NamedTuple):
    """How a variable is shown where a table is read.

    Attributes:
        heading: with its unit.
        digits: after the point, of a number; None for counts and texts.
        interval: the names of the variables that are the ends of its interval.
    """

    heading: str
    digits: int | None = None
    interval: tuple[str, str] | None = None


class Table(NamedTuple):
    """Rows, and how they are shown.

    Attributes:
        name: of its files.
        caption: what the numbers are, a sentence or two.
        columns: variable -> how it is shown; those that rows have beside these are in CSV alone.
        rows: one an observation; None where nothing was measured.
    """

    name: str
    caption: str
    columns: Mapping[str, Column]
    rows: Sequence[Mapping[str, Any]]


def csv(table: Table) -> str:
    """Every variable of every row, numbers in full."""
    return spreadsheet(pd.DataFrame(list(table.rows), columns=_variables(table)))


def _variables(table: Table) -> list[str]:
    return list(dict.fromkeys(name for row in table.rows for name in row))


def spreadsheet(frame: pd.DataFrame) -> str:
    """CSV for a spreadsheet, which takes text that begins so for a formula: it gets a quote."""
    return frame.map(_harmless).rename(columns=_harmless).to_csv(index=False, lineterminator="\r\n")


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def shown(table: Table) -> pd.DataFrame:
    """As it is read: headings, and texts in their cells."""
    return pd.DataFrame(
        [
            [_cell(row, name, column) for name, column in table.columns.items()]
            for row in table.rows
        ],
        columns=[column.heading for column in table.columns.values()],
    )


def _cell(row: Mapping[str, Any], name: str, column: Column) -> str:
    text = _written(row.get(name), column.digits)
    if text and column.interval and None not in (ends := [row.get(end) for end in column.interval]):
        text += f" [{', '.join(_written(end, column.digits) for end in ends)}]"
    return text


def _written(value: Any, digits: int | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    text = f"{value:,}" if digits is None else f"{value:.{digits}f}"
    return text.replace("-", "−")


def markdown(table: Table) -> str:
    """A table as GitHub's Markdown has it, the caption below."""
    frame = shown(table)
    rows = [list(frame.columns), _rule(table), *frame.to_numpy().tolist()]
    lines = [f"| {' | '.join(row)} |" for row in [list(map(_cellwise, row)) for row in rows]]
    return "\n".join([*lines, "", table.caption, ""])


def _rule(table: Table) -> list[str]:
    return ["--:" if is_number else ":--" for is_number in _numbers(table)]


def _numbers(table: Table) -> list[bool]:
    """Which of the shown columns hold numbers."""
    return [
        all(isinstance(row.get(name), int | float | None) for row in table.rows)
        for name in table.columns
    ]


def _cellwise(text: str) -> str:
    """On one line, with nothing that Markdown would take for its own."""
    for mark in "\\|*_`[<":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split()) if text not in ("--:", ":--") else text


_LATEX = {
    **{letter: f"${command}$" for letter, command in {
        "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "τ": r"\tau", "λ": r"\lambda",
        "Δ": r"\Delta", "Σ": r"\Sigma", "−": "-", "×": r"\times", "≥": r"\ge", "≤": r"\le",
        "‖": r"\Vert", "∥": r"\Vert", "→": r"\to",
    }.items()},
    "–": "--",
    "…": r"\dots{}",
    "★": r"$\star$",
}  # fmt: skip


def latex(table: Table) -> str:
    """A floating table with the rules of the package booktabs, for any engine."""
    frame = shown(table)
    kinds = "".join("r" if is_number else "l" for is_number in _numbers(table))
    written = frame.map(_latex)
    written.columns = [_latex(heading) for heading in frame.columns]
    text = written.to_latex(
        index=False, column_format=kinds, caption=_latex(table.caption), label=f"tab:{table.name}"
    )
    return f"% \\usepackage{{booktabs}}\n{text}"


_ESCAPED = {mark: f"\\{mark}" for mark in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def _latex(text: str) -> str:
    every = _ESCAPED | _LATEX
    return "".join(every.get(letter, letter) for letter in " ".join(text.split()))


_DOCUMENT = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<style>
{{ style }}
</style>
</head>
<body>
{{ body }}</body>
</html>
""")


def document(title: str, style: str, body: str) -> str:
    """A page that works from disk, asks nobody for anything and runs no script.

    Args:
        style: CSS.
        body: HTML, escaped already.
    """
    return _DOCUMENT.render(title=title, style=Markup(style), body=Markup(body))


_STYLE = """\
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.35rem 0.75rem; vertical-align: top; white-space: nowrap; }
th { border-bottom: 2px solid; }
td { border-bottom: 1px solid color-mix(in srgb, currentcolor 20%, transparent); }
.number { text-align: right; }
.long { white-space: normal; min-width: 22rem; }
pre { overflow-x: auto; }"""
_BODY = Environment(autoescape=True).from_string("""<h1>{{ title }}</h1>
{% for sentence in says %}<p>{{ sentence }}</p>
{% endfor %}
{%- for table, headings, rows in tables %}
<section>
<h2>{{ table.name | replace("-", " ") | capitalize }}</h2>
<div class="scroll" tabindex="0"><table>
<thead><tr>{% for heading, kind in headings %}<th class="{{ kind }}">{{ heading }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}<tr>{% for cell, kind in row %}<td class="{{ kind }}">{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody>
</table></div>
{% if table.caption %}<p>{{ table.caption }}</p>{% endif %}
</section>
{% endfor %}
{%- for heading, text in texts.items() %}<h2>{{ heading }}</h2>
<pre>{{ text }}</pre>
{% endfor %}""")  # noqa: E501


def page(
    title: str,
    tables: Iterable[Table],
    says: Sequence[str] = (),
    texts: Mapping[str, str] | None = None,
) -> str:
    """Tables on one page that works from disk and asks nobody for anything.

    Args:
        says: sentences above them.
        texts: heading -> text below them, as it is.
    """
    parts = []
    for table in tables:
        frame = shown(table)
        long = (frame.map(len) > LONG).any().tolist()
        kinds = [
            "number" if is_number else "long" if is_long else ""
            for is_number, is_long in zip(_numbers(table), long, strict=True)
        ]
        rows = [list(zip(row, kinds, strict=True)) for row in frame.to_numpy().tolist()]
        parts.append((table, list(zip(frame.columns, kinds, strict=True)), rows))
    body = _BODY.render(title=title, says=says, tables=parts, texts=texts or {})
    return document(title, _STYLE, body)


FORMATS: dict[str, Callable[[Table], str]] = {"csv": csv, "tex": latex, "md": markdown}
"""Ending of a file -> what makes it."""


def write(tables: Iterable[Table], folder: Path) -> list[Path]:
    """Write every table in every format; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for table in tables:
        for ending, make in FORMATS.items():
            path = folder / f"{table.name}.{ending}"
            path.write_text(make(table), encoding="utf-8", newline="")
            paths.append(path)
    return paths
