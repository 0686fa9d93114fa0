"""Comparisons of drafts: against plain recomputation, and refused where nothing can be compared."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaspec import AdaspecError, replays, resampling, runs, tokens
from adaspec.analysis import comparison
from adaspec.analysis.comparison import compare, sampled
from adaspec.analysis.identity import unlike
from adaspec.analysis.measures import MEASURES, ROUNDING, floor
from adaspec.analysis.results import COMPARISON, Fairness, MissingPartner
from tests.adaspec.test_cli import adaspec, one_line_error
from tests.comparisons import (
    COMPARISON_4,
    EXAMPLE,
    before_decoding,
    change_json,
    change_table,
    copied,
    fields,
    hash_changed,
    without,
)

OTHER = "01HAAAAAAAAAAAAAAAAAAAAAA2"
REPORT = runs.read_report(EXAMPLE)


@pytest.fixture
def other(tmp_path: Path) -> runs.Run:
    return copied(tmp_path / OTHER)


def rows(name: str, run: runs.Run = EXAMPLE) -> pd.DataFrame:
    """The table of a draft, generated texts only, with the number of the prompt."""
    contexts = pq.read_table(run.contexts_file, columns=["source", "seq"]).to_pandas()
    table = pq.read_table(run.tokens_file(name)).to_pandas().assign(seq=contexts["seq"])
    return table[contexts["source"] == "generated"].reset_index(drop=True)


def test_a_drafts_numbers_are_its_reports():
    found = compare([EXAMPLE])
    by_name = {
        draft.name: draft.model_dump(mode="json", exclude={"same_as"})
        for draft in REPORT.drafts
        if not draft.same_as
    }
    assert [one.draft for one in found.drafts] == list(by_name)
    for one in found.drafts:
        assert by_name[one.name].items() <= one.model_dump(mode="json").items()
    labels = {one.draft: one.label for one in found.drafts}
    assert labels["reference"] == "distillspec = reference"


def test_the_fields_of_its_json_stay():
    """Another field, or one less, is a new version."""
    content = json.loads(COMPARISON.dump(compare([EXAMPLE])))
    assert fields(content) == fields(json.loads(COMPARISON_4.read_bytes()))
    assert MissingPartner.model_fields.keys() == {
        "of", "run", "name", "method", "setting", "command"
    }  # fmt: skip


# Plain twins, one loop each


def plain_ratio(draft: str, measure: str) -> dict[int, tuple[float, float]]:
    """Prompt -> sum and count, token by token or round by round."""
    found: dict[int, tuple[float, float]] = {}
    columns = {"alpha.generated": "overlap", "kl": "kl", "top1": "agree"}
    if measure in columns:
        for seq, group in rows(draft).groupby("seq"):
            found[int(str(seq))] = (float(sum(group[columns[measure]])), len(group))
        return found
    for seq in replays.numbers(EXAMPLE, draft):
        trace = replays.read(EXAMPLE, draft, seq)
        tests = [one.accepted for each in trace.rounds for one in each.proposals]
        if measure == "alpha.tested":
            tested = [one for one in tests if one is not None]
            found[seq] = (sum(tested), len(tested))
        else:
            found[seq] = (len(trace.text), len(trace.rounds))
    return found


@pytest.mark.parametrize("measure", [one.name for one in MEASURES])
def test_a_paired_difference_is_that_of_a_plain_loop(measure: str):
    found = compare([EXAMPLE], ["adaspec", "distillspec-data"])
    assert found.baseline == "distillspec-data"
    said = next(
        one for one in found.differences if one.draft == "adaspec" and one.measure == measure
    )
    first, second = plain_ratio("adaspec", measure), plain_ratio("distillspec-data", measure)
    assert first.keys() == second.keys()

    def difference(prompts) -> float:
        a, b = ([one[seq] for seq in prompts] for one in (first, second))
        return sum(x for x, _ in a) / sum(n for _, n in a) - sum(x for x, _ in b) / sum(
            n for _, n in b
        )

    assert said.value == pytest.approx(difference(first), abs=1e-9)
    assert said.prompts == len(first)
    random = np.random.default_rng(7)
    prompts = list(first)
    again = [difference(random.choice(prompts, len(prompts))) for _ in range(400)]
    low, high = np.percentile(again, [2.5, 97.5])
    width = said.ci[1] - said.ci[0]
    assert said.ci == pytest.approx((low, high), abs=0.25 * width)
    better = -1 if measure == "kl" else 1
    outside = 0 if said.ci[0] <= 0 <= said.ci[1] else np.sign(said.value) * better
    assert said.verdict == {1: "ahead", -1: "behind", 0: "not told apart"}[outside]
    assert said.verdict in said.says


def test_a_constant_difference_has_no_width(other: runs.Run):
    """The same table with 0.01 less overlap everywhere: exactly one point, whatever is drawn."""
    path = other.tokens_file("adaspec")
    change_table(path, "overlap", lambda values: [value - 0.01 for value in values])
    found = compare([EXAMPLE, other], ["adaspec", f"{OTHER}/adaspec"], "adaspec")
    said = [one for one in found.differences if one.draft == f"{OTHER}/adaspec"]
    by_measure = {one.measure: one for one in said}
    exact = by_measure["alpha.generated"]
    assert (exact.value, *exact.ci) == pytest.approx((-0.01, -0.01, -0.01), abs=1e-7)
    assert "−1.00 points of exact acceptance [−1.00, −1.00]: behind" in exact.says
    assert by_measure["kl"].verdict == "not told apart"
    assert by_measure["alpha.tested"].value == 0


def test_agreement_is_counted_token_by_token():
    for found in compare([EXAMPLE]).agreement:
        first, second = (rows(name)["agree"].tolist() for name in found.drafts)
        counts = {"both": 0, "first": 0, "second": 0, "none": 0}
        for a, b in zip(first, second, strict=True):
            counts["both" if a and b else "first" if a else "second" if b else "none"] += 1
        assert found.model_dump(include=set(counts)) == counts


# The floor


def test_no_measured_token_lies_below_the_floor(other: runs.Run):
    for snapshot in tokens.snapshots(EXAMPLE):
        table = pq.read_table(EXAMPLE.tokens_file(snapshot.name)).to_pandas()
        lowest = floor(table["kl"].to_numpy(np.float64))
        assert (table["overlap"] >= lowest - ROUNDING).all()
    found = compare([EXAMPLE])
    assert set(found.floor.values()) == {0}

    def lowered(values: list[float]) -> list[float]:
        return [0.0 if place < 5 else value for place, value in enumerate(values)]

    first = rows("adaspec").head(5)
    impossible = int((floor(first["kl"].to_numpy(np.float64)) > ROUNDING).sum())
    assert impossible
    change_table(other.tokens_file("adaspec"), "overlap", lowered)
    assert compare([other]).floor["adaspec"] == impossible


@given(st.integers(2, 6), st.integers(0, 10_000))
def test_the_floor_holds_for_any_two_distributions(size: int, seed: int):
    random = np.random.default_rng(seed)
    p, q = random.dirichlet(np.full(size, 0.3), 2) + 1e-12
    p, q = p / p.sum(), q / q.sum()
    kl = float((p * np.log(p / q)).sum())
    assert np.minimum(p, q).sum() >= floor(np.array([kl]))[0] - 1e-9


# Budgets


def test_unequal_budgets_are_said_and_the_fair_pair_proposed():
    found = compare([EXAMPLE])
    budgets = found.budgets
    assert budgets.warning.startswith("Budgets differ: 225 steps and 3,600 sequences")
    assert budgets.fair == [["distillspec-data", "adaspec"]]
    assert budgets.missing == []
    fair = compare([EXAMPLE], budgets.fair[0])
    assert fair.budgets.warning == ""
    assert [one.draft for one in fair.drafts] == ["stock", *budgets.fair[0]]
    said = {one.draft: one.budget for one in found.differences}
    assert said["adaspec"] == Fairness(
        fair=True, says="equal steps and sequences, and reference trained before"
    )
    assert said["reference"] == Fairness(fair=False, says="equal steps, 0.4 times the sequences")
    assert not said["stock"].fair


def test_where_no_fair_pair_exists_the_method_that_would_make_one_is_named(other: runs.Run):
    without(other, "distillspec-data")
    found = compare([other])
    assert found.baseline == "stock"
    (missing,) = found.budgets.missing
    assert (missing.of, missing.name) == ("adaspec", "distillspec-data")
    assert missing.method == {"selector": "all", "budget": "data"}
    assert missing.command == f"adaspec run {other.recipe_file} --set '{missing.setting}'"
    recipe = runs.read_recipe(other)
    from adaspec.recipe import load, trainings

    assert recipe.stage2
    made = load(str(other.recipe_file), [missing.setting])
    sizes = {one.name: (one.steps, one.sequences) for one in trainings(made, 1200)}
    assert sizes["distillspec-data"] == sizes["adaspec"]


# Across runs


def test_drafts_of_runs_that_agree_are_compared_and_stock_comes_once(other: runs.Run):
    found = compare([EXAMPLE, other])
    keys = [one.draft for one in found.drafts]
    assert keys[0] == "example/stock"
    assert f"{OTHER}/stock" not in keys
    assert {f"{OTHER}/adaspec", "example/adaspec"} <= set(keys)
    assert found.runs[0].hashes == found.runs[1].hashes
    same = compare([EXAMPLE, other], ["adaspec", f"{OTHER}/adaspec"], f"{OTHER}/adaspec")
    first = next(one for one in same.differences if one.draft == "example/adaspec")
    assert (first.value, first.verdict) == (0, "not told apart")
    assert first.budget.fair


REFUSED = {
    "their targets differ": lambda run: hash_changed(run, "target"),
    "their data differ": lambda run: hash_changed(run, "data"),
    "their tokenizers differ": lambda run: change_table(
        run.vocabulary_file, "data", lambda values: [b"<new>", *values[1:]]
    ),
    "their held-out prompts, or what the target said after them, differ": lambda run: change_table(
        run.sequences_file, "response", lambda values: [values[0][::-1], *values[1:]]
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_agree_is_refused_with_the_reason(other: runs.Run, what: str, home: Path):
    assert unlike(EXAMPLE, other) is None
    REFUSED[what](other)
    reason = unlike(EXAMPLE, other)
    assert reason is not None
    assert what in reason
    assert "example" in reason
    assert OTHER in reason
    with pytest.raises(AdaspecError, match="cannot be compared"):
        compare([EXAMPLE, other])
    if what == "their data differ":
        done = adaspec("compare", "example", str(other.path), home=home)
        assert what in one_line_error(done)


def test_targets_that_stage_0_trained_are_told_apart_by_their_weights(tmp_path: Path):
    both = []
    for number in (1, 2):
        run = copied(tmp_path / f"01HAAAAAAAAAAAAAAAAAAAAAA{number}")
        (run.path / "models/target").mkdir()
        (run.path / "models/target/model.safetensors").write_bytes(b"weights")
        change_json(
            run.state_file,
            lambda it: it | {"models": it["models"] | {"target": "models/target"}},
        )
        both.append(run)
    assert unlike(*both) is None
    (both[1].path / "models/target/model.safetensors").write_bytes(b"others")
    assert "their targets differ" in str(unlike(*both))


def test_other_decoding_leaves_no_difference_of_it(other: runs.Run):
    for draft in ("adaspec", "stock", "reference", "distillspec-data"):
        for seq in replays.numbers(other, draft):
            change_json(other.replay(draft, seq), lambda it: it | {"seed": it["seed"] + 1})
    found = compare([EXAMPLE, other], ["adaspec", f"{OTHER}/adaspec"], "adaspec")
    mine = [one.measure for one in found.differences if one.draft == f"{OTHER}/adaspec"]
    assert mine == ["alpha.generated", "kl", "top1"]
    assert any("other uniforms" in note for note in found.notes)


def test_a_run_from_before_decoding_is_refused_with_what_to_do(other: runs.Run):
    before_decoding(other)
    refused = f"{OTHER}/report.json is damaged .*before drafts were decoded with.* adaspec measure"
    with pytest.raises(AdaspecError, match=refused):
        compare([EXAMPLE, other])


def test_intervals_do_not_depend_on_how_many_are_drawn_at_a_time(monkeypatch: pytest.MonkeyPatch):
    whole = compare([EXAMPLE], ["adaspec"])
    monkeypatch.setattr(resampling, "BLOCK", 900)  # four resamples
    assert compare([EXAMPLE], ["adaspec"]) == whole


# Choice, sample, files


def test_drafts_are_found_by_any_of_their_names():
    by_alias = compare([EXAMPLE], ["distillspec"])
    assert [one.draft for one in by_alias.drafts] == ["stock", "reference"]
    with pytest.raises(AdaspecError, match=r"No draft 'adaspek'. Did you mean 'adaspec'\?"):
        compare([EXAMPLE], ["adaspek"])


@given(st.integers(0, 3000), st.integers(1, 500))
@settings(max_examples=60)
def test_a_sample_is_evenly_spaced(total: int, most: int):
    picked = sampled(total, most)
    assert len(picked) == min(total, most)
    if len(picked):
        assert picked[0] == 0
        assert total - total / most - 1 <= picked[-1] < total
        steps = np.diff(picked)
        assert len(steps) == 0 or (steps.min() >= 1 and steps.max() - steps.min() <= 1)


def test_the_csv_has_a_row_a_draft_and_one_a_difference():
    found = compare([EXAMPLE])
    table = pd.read_csv(io.StringIO(comparison.table(found).to_csv(index=False)))
    assert table["kind"].tolist() == ["draft"] * 4 + ["difference"] * 15
    adaspec_row = table[(table["kind"] == "draft") & (table["draft"] == "adaspec")].iloc[0]
    report = REPORT.draft("adaspec")
    assert adaspec_row["alpha.generated"] == report.alpha.generated
    assert adaspec_row["alpha.generated_ci.high"] == report.alpha.generated_ci[1]
    assert adaspec_row["budget.sequences"] == 9000
    assert adaspec_row["positions.1.reached"] == report.positions[0].reached
    assert table["value"].dropna().tolist() == [one.value for one in found.differences]


def test_the_command_says_the_same(home: Path):
    done = adaspec("compare", "example", "--json", home=home)
    assert json.loads(done.stdout) == compare([EXAMPLE]).model_dump(mode="json")
    done = adaspec("compare", "example", "--drafts", "distillspec,adaspec", home=home)
    rows_of_tables = [line for line in done.stdout.splitlines() if "   " in line or "──" in line]
    assert 60 < max(map(len, rows_of_tables)) <= 80
    text = done.stdout
    assert text.index("budget ") < text.index("Budgets differ") < text.index("Paired differences")
    assert "Fair, with equal steps and sequences: distillspec-data, adaspec." in text
    assert "distillspec-data  " not in text
    exact = next(one for one in compare([EXAMPLE], ["distillspec", "adaspec"]).differences)
    low, high = (f"{100 * end:+.2f}".replace("-", "−") for end in exact.ci)
    assert f"[{low}, {high}]" in text
    for wrong, said in (
        (["compare", "example", "--drafts", "nobody"], "No draft 'nobody'"),
        (["compare", "example", "--baseline", "nobody"], "No draft 'nobody'"),
        (["compare", "nothing"], "No run 'nothing'"),
    ):
        assert said in one_line_error(adaspec(*wrong, home=home))
