"""A verdict sheet as HTML, without a script: within a page, and as a file that works from disk."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from adaspec.analysis import seeds, sheet
from adaspec.analysis.measures import signed
from adaspec.analysis.results import Verdict
from adaspec.analysis.seeds import SeedRun
from adaspec.analysis.sheet import MARKS, Sheet
from adaspec.runs import Run
from adaspec.runs.contract import stamp
from adaspec.tabular import document
from adaspec.turns import once

_LOOKS: dict[Verdict, tuple[str, str]] = {  # class in the style, sign
    "ahead": ("ahead", "▲"),
    "behind": ("behind", "▼"),
    "not told apart": ("open", "≈"),
}
_MARGIN = 0.16  # of the strip, left and right of all that is drawn: labels have room


class Strip(NamedTuple):
    """The difference and its intervals on a line, in percent of its width from the left.

    Attributes:
        zero: where there is no difference.
        adjusted: the interval as one of all comparisons; None where there is none.
        points: the difference, as it is written above its place.
        says: all of it in words.
    """

    zero: float
    value: float
    low: float
    high: float
    adjusted: tuple[float, float] | None
    seeds: list[float]
    points: str
    says: str


def judged(run: Run, draft: str | None, baseline: str | None) -> Sheet:
    """`sheet.sheet` over all seeds of a run's recipe, once for all viewers.

    Raises:
        AdaspecError: as that does; or the run is not finished.
    """
    family = tuple(seeds.relatives(run))
    stamps = tuple(stamp(each.run.report_file) for each in family)
    return _judged(family, draft, baseline, stamps)


@once(16)
def _judged(
    family: tuple[SeedRun, ...], draft: str | None, baseline: str | None, _stamps: object
) -> Sheet:
    return sheet.sheet(list(family), draft, baseline)


def fragment(content: Sheet, level: int = 2) -> str:
    """A verdict within a page.

    Args:
        level: of its heading.
    """
    difference = content.difference
    look, sign = _LOOKS[difference.verdict]
    lines = [line for section in content.sections.values() for line in section]
    return _ENVIRONMENT.get_template("sheet.html.jinja").render(
        sheet=content,
        level=level,
        look=look,
        sign=sign,
        strip=_strip(content),
        marks=MARKS,
        counts=Counter(line.mark for line in lines),
    )


def standalone(content: Sheet) -> str:
    """A verdict as a page of its own, which asks nobody for anything."""
    return document(content.title, _STYLE, f"<main>{fragment(content, level=1)}</main>\n")


def _strip(content: Sheet) -> Strip:
    difference = content.difference
    adjusted = difference.adjusted.ci if difference.adjusted else None
    drawn = [0.0, difference.low, difference.high, *difference.by_seed, *(adjusted or ())]
    span: float = max(drawn) - min(drawn) or 1.0
    left: float = min(drawn) - _MARGIN * span

    def at(value: float) -> float:
        return 100 * (value - left) / ((1 + 2 * _MARGIN) * span)

    return Strip(
        zero=at(0),
        value=at(difference.value),
        low=at(difference.low),
        high=at(difference.high),
        adjusted=(at(adjusted[0]), at(adjusted[1])) if adjusted else None,
        seeds=[at(value) for value in difference.by_seed],
        points=f"{signed(100 * difference.value)} points",
        says="A line with 0, the difference and its 95 % interval: "
        + sheet.points(difference.value, (difference.low, difference.high))
        + (f"; thinner, the adjusted one: {sheet.points(None, adjusted)}" if adjusted else "")
        + ("; circles: single seeds" if len(difference.by_seed) > 1 else ""),
    )


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
)
_STYLE = """\
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem;
  background: light-dark(#FFFFFF, #12161C); color: light-dark(#1B2330, #E8ECF2); }"""
