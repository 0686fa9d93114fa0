"""A CSV that a spreadsheet opens without calculating what somebody wrote in it."""

import io
from csv import reader

import pandas as pd

from adaspec.tabular import spreadsheet


def test_text_that_looks_like_a_formula_stays_text() -> None:
    cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=x", "＝1+1", "plain", "", "a=b"]
    written = spreadsheet(pd.DataFrame({"=name": cells, "number": range(-4, 7)}))
    names, *rows = reader(io.StringIO(written, newline=""))
    assert names == ["'=name", "number"]
    assert [name for name, _ in rows] == [*(f"'{cell}" for cell in cells[:8]), *cells[8:]]
    assert [number for _, number in rows] == [str(x) for x in range(-4, 7)]  # no quote


def test_missing_numbers_stay_missing() -> None:
    written = spreadsheet(pd.DataFrame({"x": [1.5, None], "y": [None, "-"]}))
    assert written == "x,y\r\n1.5,\r\n,'-\r\n"
