"""Where acceptance is lost: every token in one cell, and the cells add up to the whole."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow.parquet as pq
import pytest

from adaspec import AdaspecError, figures, runs, strata, tokens
from adaspec.analysis.atlas import atlas
from adaspec.analysis.drafts import Entry, entries
from adaspec.figures.results import of_atlas
from adaspec.runs import Run
from adaspec.views import atlas_view
from adaspec.views.token_view import unpacked
from adaspec.vocabulary import CLASSES, classify
from tests.adaspec.test_cli import adaspec, one_line_error

ENGLISH = Run(runs.EXAMPLES["english"])
REPORT = runs.read_report(ENGLISH)


@pytest.fixture(scope="module")
def drafts() -> dict[str, Entry]:
    return {entry.table: entry for entry in entries([ENGLISH])}


def plainly() -> dict[str, list[str]]:
    """Axis -> the group of every token of the target's own text, one token after the other."""
    table = pq.read_table(ENGLISH.contexts_file).to_pylist()
    prompts = {
        row["seq"]: len(row["prompt"])
        for row in pq.read_table(ENGLISH.sequences_file).to_pylist()
        if row["source"] == "generated"
    }
    pieces, before = tokens.vocabulary(ENGLISH), ""
    found: dict[str, list[str]] = {axis: [] for axis in strata.AXES}
    for row in table:
        if row["source"] != "generated":
            continue
        before = "" if row["pos"] == 0 else before
        found["class"].append(classify(pieces[row["token"]], before))
        before = pieces[row["token"]].text
        for axis, value, begins in (
            ("entropy", row["entropy"], strata.ENTROPIES),
            ("position", row["pos"], strata.POSITIONS),
            ("context", prompts[row["seq"]] + row["pos"], strata.CONTEXTS),
        ):
            place = max([0, *(i for i, begin in enumerate(begins) if value >= np.float32(begin))])
            found[axis].append(strata.AXES[axis].groups[place])
    return found


def test_every_token_lies_where_a_plain_loop_puts_it() -> None:
    for axis, groups in plainly().items():
        numbers = strata.groups(ENGLISH, "generated", axis)
        assert [strata.AXES[axis].groups[number] for number in numbers] == groups, axis
    inside = strata.within(ENGLISH, "generated", {"class": "number", "entropy": "≥ 2 nats"})
    both = zip(plainly()["class"], plainly()["entropy"], strict=True)
    assert inside.tolist() == [pair == ("number", "≥ 2 nats") for pair in both]
    assert strata.within(ENGLISH, "generated", {}).all()


@pytest.mark.parametrize(("down", "across"), list(permutations(strata.AXES, 2))[::5])
def test_the_cells_add_up_to_what_is_lost(drafts: dict[str, Entry], down: str, across: str) -> None:
    alpha = {name: REPORT.draft(name).alpha.generated for name in drafts}
    cells = atlas(drafts["adaspec"], down, across)
    assert cells["tokens"].sum() == REPORT.tokens.generated
    assert cells["part"].sum() == pytest.approx(1 - alpha["adaspec"], abs=1e-6)
    assert cells["value"].between(0, 1).all()
    ahead = atlas(drafts["kl-from-reference"], down, across, drafts["adaspec"])
    assert ahead["part"].sum() == pytest.approx(
        alpha["kl-from-reference"] - alpha["adaspec"], abs=1e-6
    )


def test_a_cell_is_the_mean_over_its_tokens(drafts: dict[str, Entry]) -> None:
    cells = atlas(drafts["adaspec"], "class", "entropy").set_index(["row", "column"])
    inside = strata.within(ENGLISH, "generated", {"class": "number", "entropy": "1 – 2 nats"})
    beta = tokens.column(ENGLISH, "generated", "overlap", "adaspec").astype(float)[inside]
    cell = cells.loc["number", "1 – 2 nats"]
    assert (cell["tokens"], cell["value"]) == (inside.sum(), pytest.approx(1 - beta.mean()))
    assert "'0'" in cell["instances"]
    of_numbers = atlas(drafts["adaspec"], "position", "context", cell={"class": "number"})
    numbers = plainly()["class"].count("number")
    assert of_numbers["tokens"].sum() == numbers


def test_the_figure_has_every_cell_in_words(drafts: dict[str, Entry]) -> None:
    cells = atlas(drafts["adaspec"], "class", "entropy")
    spec = figures.specification(of_atlas(drafts["adaspec"]))
    (rows,) = [rows for rows in spec["datasets"].values() if "says" in rows[0]]
    assert len(rows) == len(cells)
    assert rows[0]["says"] in spec["description"]
    assert spec["layer"][0]["encoding"]["y"]["sort"] == [
        name for name in CLASSES if name in set(cells["row"])
    ]
    assert (
        f"together {100 * (1 - REPORT.draft('adaspec').alpha.generated):.2f}" in spec["description"]
    )
    difference = figures.specification(of_atlas(drafts["adaspec"], drafts["stock"]))
    assert "Where adaspec − stock is ahead" in difference["description"]


@pytest.mark.parametrize(("down", "across"), [("class", "entropy"), ("position", "context")])
def test_the_view_has_every_cell_and_where_every_token_lies(
    drafts: dict[str, Entry], down: str, across: str
) -> None:
    entry, rival = drafts["kl-from-reference"], drafts["adaspec"]
    cells = atlas(entry, down, across, rival)
    view = atlas_view.view(entry, rival, down, across)
    assert len(view.cells) == len(cells)
    rows, columns = (unpacked(lies.model_dump()) for lies in view.lies)
    for cell, (_, found) in zip(view.cells, cells.iterrows(), strict=True):
        there = (rows == cell.row) & (columns == cell.column)
        assert there.sum() == found["tokens"]
        assert cell.sign == ("ahead" if found["part"] >= 0 else "behind")
        assert found["row"].removesuffix(" nats") == view.rows[cell.row]
        assert {down: [found["row"]], across: [found["column"]]}.items() <= parse_qs(
            urlsplit(cell.link).query
        ).items()
    assert max(cell.shade for cell in view.cells) == pytest.approx(0.7)
    assert {cell.sign for cell in atlas_view.view(entry, None, down, across).cells} == {"behind"}


def test_what_is_no_cell_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdaspecError, match="No axis 'colour': choose one of class, entropy"):
        strata.groups(ENGLISH, "generated", "colour")
    with pytest.raises(AdaspecError, match="No class 'verb': choose one of number"):
        strata.within(ENGLISH, "generated", {"class": "verb"})
    refused = adaspec("tokens", "english", "--each", "--where", "class", home=tmp_path)
    assert "--where takes AXIS=GROUP, as class=number" in one_line_error(refused)
