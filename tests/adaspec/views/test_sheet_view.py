"""A verdict sheet as HTML: what is drawn lies where the numbers are, and names are text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adaspec.analysis import seeds
from adaspec.analysis.results import MethodDifference
from adaspec.analysis.sheet import Line, Sheet, sheet
from adaspec.views import sheet_view
from tests.comparisons import EXAMPLE, change_table, copied
from tests.views import ATTACK


@pytest.fixture(scope="module")
def judged() -> Sheet:
    return sheet(seeds.relatives(EXAMPLE), "adaspec")


def over_seeds(content: Sheet, value: float, low: float, high: float, *each: float) -> Sheet:
    new = {"value": value, "low": low, "high": high, "by_seed": list(each), "adjusted": None}
    difference = MethodDifference.model_validate(content.difference.model_dump() | new)
    return content.model_copy(update={"difference": difference})


def places(html: str, name: str) -> list[float]:
    return [float(at) for at in re.findall(rf'class="{name}" style="left: ([-\d.]+)%', html)]


@pytest.mark.parametrize("by_seed", [(0.01, 0.03, 0.05), (-0.02, 0.01, 0.04), (-0.05, -0.03)])
def test_places_on_the_strip_are_in_proportion(judged: Sheet, by_seed: tuple[float, ...]) -> None:
    value, low, high = sum(by_seed) / len(by_seed), min(by_seed) - 0.01, max(by_seed) + 0.01
    html = sheet_view.fragment(over_seeds(judged, value, low, high, *by_seed))
    (zero,), (middle,), (start,) = (places(html, name) for name in ("zero", "value", "bar"))
    (width,) = map(float, re.findall(r'class="bar" style=.*?width: ([\d.]+)%', html))
    percent = width / (high - low)  # of the strip, for a difference of 1
    assert middle - zero == pytest.approx(value * percent)
    assert start - zero == pytest.approx(low * percent)
    circles = places(html, "seed")
    assert [at - zero for at in circles] == pytest.approx([each * percent for each in by_seed])
    assert min(zero, start, *circles) > 5
    assert max(zero, start + width, *circles) < 95


def test_one_seed_has_no_circles_and_no_difference_at_all_can_be_drawn(judged: Sheet) -> None:
    assert not places(sheet_view.fragment(judged), "seed")
    same = sheet_view.fragment(over_seeds(judged, 0, 0, 0, 0))
    assert places(same, "zero") == places(same, "value")


def test_what_failed_is_said_with_the_claim_and_at_its_line(tmp_path: Path) -> None:
    run = copied(tmp_path / "01HAAAAAAAAAAAAAAAAAAAAAAS")
    change_table(run.tokens_file("adaspec"), "overlap", lambda values: [0.5 * v for v in values])
    content = sheet(seeds.of([run]), "adaspec")
    html = sheet_view.fragment(content)
    assert content.claim[-1].startswith("FAILED, so do not rely on this")
    assert f'<li class="failed">{content.claim[-1]}' in html
    failed = [line for line in content.sections["checks"] if line.failed]
    assert len(failed) == html.count("✗") == 2
    assert "✗" not in sheet_view.fragment(sheet(seeds.relatives(EXAMPLE)))


def test_names_and_recipes_are_text(judged: Sheet) -> None:
    line = Line(what=ATTACK, value=ATTACK, mark="assumed", how=ATTACK)
    hostile = judged.model_copy(
        update={
            "title": ATTACK,
            "draft": ATTACK,
            "claim": [f"{ATTACK}: {ATTACK}"] * 2,
            "sections": {"reached": [line]},
            "recipe": f"</pre>{ATTACK}",
        }
    )
    page = sheet_view.standalone(hostile)
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") == 11
