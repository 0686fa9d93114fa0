"""A link is bounded: what no page of the studio writes is not followed."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.shell import link
from tests.studio import ROOT


def opened(query: dict[str, str | list[str]]) -> AppTest:
    page = AppTest.from_file(ROOT / "app/main.py", default_timeout=30)
    page.switch_page(str(ROOT / "pages/runs.py"))
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


@pytest.mark.parametrize(
    "query",
    [
        {"with": ["x"] * (link.MOST + 1)},
        {f"a{number}": "1" for number in range(link.MOST + 1)},
        {"run": "x" * link.LONGEST},
        {"x" * link.LONGEST: "1"},
    ],
    ids=["values", "names", "a long value", "a long name"],
)
def test_a_link_that_no_page_has_written_is_ignored(home: Path, query) -> None:
    page = opened(query | {"axis": "sequences"})
    assert "this one is ignored" in page.warning[0].value
    assert set(page.query_params) <= {link.RUN}


def test_a_link_within_the_bounds_is_followed(home: Path) -> None:
    page = opened({"with": ["x"] * (link.MOST - 2), "run": "y" * 15_000})
    assert not any("ignored" in warning.value for warning in page.warning)
    assert any("no run" in warning.value for warning in page.warning)
