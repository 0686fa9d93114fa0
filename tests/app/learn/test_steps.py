"""What the path says: every figure is the run's, no word comes before its step, and the handout."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from adaspec import runs
from app.learn import evidence, plan, steps, view
from app.learn.blocks import Bars, Pairs, Passage, Table
from app.learn.handout import handout
from app.learn.steps import Question, Steps, Stretch
from tests.studio import ROOT

PATH = steps.path()
EVERYDAY = {"pass", "class", "step", "sequence", "cost", "k", "stock", "acceptance", "delta"}
"""Terms whose keys are words of everyday speech, or none: their dotted words are looked for."""


def folder(name: str) -> Path:
    return runs.EXAMPLES[name]


@cache
def report(name: str) -> dict[str, Any]:
    """`report.json` as it lies on disk."""
    content: dict[str, Any] = json.loads((folder(name) / "report.json").read_text())
    return content


def best(name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = report(name)["drafts"]
    return max(rows, key=lambda draft: draft["alpha"]["generated"])


@cache
def table(name: str, file: str) -> pd.DataFrame:
    """A token table's rows of what the target generated."""
    rows = pd.read_parquet(folder(name) / "tokens" / f"{file}.parquet")
    contexts = pd.read_parquet(folder(name) / "tokens/contexts.parquet")
    return rows[(contexts["source"] == "generated").to_numpy()]


def trace(name: str, draft: str, seq: int) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        (folder(name) / "replays" / draft / f"{seq}.json").read_text()
    )
    return content


# Words


def test_every_step_has_its_evidence_and_its_options() -> None:
    assert [step.id for step in PATH.steps] == list(evidence.EVIDENCE)
    assert 8 <= len(PATH.steps) <= 10
    for step in view.learn_view().steps:
        assert step.right in [option.id for option in step.options]
        assert len(step.options) > 1
        assert len({option.id for option in step.answers}) == len(step.answers)


def test_no_figure_of_a_run_is_typed_in() -> None:
    for step in PATH.steps:
        for text in step.texts:
            assert not re.findall(r"\d+", text.replace("100 %", "")), text


@pytest.mark.parametrize("number", range(len(PATH.steps)))
def test_no_term_comes_before_its_step(number: int) -> None:
    step = PATH.steps[number]
    known = {term for each in PATH.steps[: number + 1] for term in each.terms}
    dotted = [part for text in step.texts for part in steps.rich(text) if part.term]
    assert {part.term for part in dotted} <= known
    assert {part.term for part in dotted} >= set(step.terms)  # each is dotted where it is explained
    earlier = " ".join(text for each in PATH.steps[:number] for text in each.texts)
    earlier = re.sub(r"{\w+}", "", earlier)
    for term in step.terms:
        words = {part.text for part in dotted if part.term == term}
        words |= set() if term in EVERYDAY else {term}
        for word in words:
            there = re.search(rf"\b{re.escape(word)}\b", steps.plain(earlier), re.IGNORECASE)
            assert there is None, f"{word!r} is explained in step {number + 1}"


def test_a_plan_that_skips_a_step_explains_what_it_takes_from_it() -> None:
    taught = [step for _, step, _ in plan.planned(45)]
    skipped = {term for step in PATH.steps if step not in taught for term in step.terms}
    assert {"AdaSPEC", "reference"} < skipped
    for step in taught:
        said = re.sub(r"{\w+}", "", steps.plain(" ".join(step.texts)))
        for term in skipped:
            if re.search(rf"\b{re.escape(term)}\b", said):
                assert term in step.given, f"{step.title} takes {term} for known"


def test_dotted_words_are_taken_apart() -> None:
    assert steps.rich("a [b] c [d e|f]") == [
        Stretch("a "),
        Stretch("b", "b"),
        Stretch(" c "),
        Stretch("d e", "f"),
    ]
    assert steps.plain("[d e|f] and [b].") == "d e and b."


def test_faults_of_the_content_are_refused() -> None:
    answers = [{"id": name, "text": name, "says": "", "right": True} for name in "ab"]
    with pytest.raises(ValidationError, match="one option is right"):
        Question.model_validate({"ask": "?", "options": answers})
    content = PATH.model_dump()
    content["terms"] |= {"another": "that no step explains"}
    with pytest.raises(ValidationError, match="every term is explained in exactly one step"):
        Steps.model_validate(content)


def test_an_idea_is_short() -> None:
    for step in PATH.steps:
        assert len(re.findall(r"[.:?](?: |$)", step.idea)) <= 5, step.idea
        assert len(step.idea.split()) <= 75, step.idea


# Figures, each read once more from the run's own files


def test_guess() -> None:
    seen = evidence.of_step("guess")
    rounds = trace("example", best("example")["name"], 0)["rounds"]
    step = int(seen.page[1]["step"])
    played = 0
    for decoded in rounds:
        tested = [each["accepted"] for each in decoded["proposals"] if each["accepted"] is not None]
        if played == step:
            break
        played += len(decoded["proposals"]) + 1 + len(tested) + 1
    assert seen.values["accepted"] == seen.right == str(sum(tested))
    assert seen.values["gamma"] == str(len(decoded["proposals"]))
    assert seen.values["tokens"] == str(sum(tested) + 1)
    before, after = seen.given[0], seen.shown[0]
    assert isinstance(before, Passage)
    assert isinstance(after, Passage)
    fates = [chip.fate for chip in after.chips if chip.fate != "text"]
    assert fates == ["kept"] * sum(tested) + ["rejected", "own"] + ["dropped"] * (
        len(decoded["proposals"]) - sum(tested) - 1
    )
    assert [chip.fate for chip in before.chips][1:] == ["guessed"] * len(decoded["proposals"])


def test_decide() -> None:
    seen = evidence.of_step("decide")
    _, query = seen.page
    number, position = map(int, query["token"].split("."))
    decoded = trace("example", query["draft"], int(query["example"]))["rounds"][number]
    proposal = decoded["proposals"][position]
    for name, value in (("p", proposal["p"]), ("q", proposal["q"]), ("u", proposal["u"])):
        assert seen.values[name] == f"{100 * value:.0f} %"
    assert seen.values["keep"] == f"{100 * proposal['p'] / proposal['q']:.0f} %"
    assert (seen.right == "kept") == proposal["accepted"]
    assert proposal["accepted"] == (proposal["u"] < proposal["p"] / proposal["q"])


def test_lossless_and_overlap_are_of_one_place() -> None:
    lossless, overlap = evidence.of_step("lossless"), evidence.of_step("overlap")
    number, position = map(int, lossless.page[1]["token"].split("."))
    query = lossless.page[1]
    decoded = trace("english", query["draft"], int(query["example"]))["rounds"][number]
    proposal = decoded["proposals"][position]
    shown = overlap.shown[0]
    assert isinstance(shown, Pairs)
    assert sum(row.p for row in shown.rows) == pytest.approx(1, abs=1e-5)
    assert sum(row.q for row in shown.rows) == pytest.approx(1, abs=1e-5)
    assert sum(row.both for row in shown.rows) == pytest.approx(proposal["overlap"], abs=1e-5)
    for row, (_, p, q) in zip(shown.rows, proposal["likeliest"], strict=False):
        if row.label != "any other":
            assert (row.p, row.q, row.both) == (p, q, min(p, q))
    assert overlap.values["here"] == f"{100 * proposal['overlap']:.0f} %"
    alike = sum(min(row.p, row.q) for row in shown.rows)
    assert lossless.values["kept"] == f"{100 * alike:.0f} %"
    assert lossless.exhibit() == ("lab", {"rows": [row.model_dump() for row in _first_pairs()]})
    mean = table("english", best("english")["name"])["overlap"].mean()
    assert overlap.values["alpha"] == f"{100 * mean:.0f} %"
    assert overlap.values["kl_before"] == f"{table('english', 'stock')['kl'].mean():.2f} nats"
    assert overlap.values["tokens"] == f"{len(table('english', 'stock')):,}"


def _first_pairs() -> list[Any]:
    block = evidence.of_step("lossless").given[1]
    assert isinstance(block, Pairs)
    return block.rows


def passes(keep: list[float], gamma: int) -> float:
    """`statistics.expected_passes`, plain: by what may happen to each proposal, from the end."""
    expected = [0.0] * (len(keep) + gamma + 2)
    for start in reversed(range(len(keep))):
        running, total = 1.0, 1.0
        for at in range(start, start + gamma):
            if at >= len(keep):
                break
            total += running * (1 - keep[at]) * expected[at + 1]
            running *= keep[at]
        end = min(start + gamma, len(keep))
        expected[start] = total + running * expected[end + 1 if end == start + gamma else end]
    return expected[0]


def test_length() -> None:
    seen = evidence.of_step("length")
    draft, written, of_gamma = best("example")["name"], 0, {4: 0.0, 8: 0.0}
    for file in sorted((folder("example") / "replays" / draft).glob("[0-9]*.json")):
        keep = []
        for decoded in json.loads(file.read_text())["rounds"]:
            kept = [each for each in decoded["proposals"] if each["accepted"]]
            keep += [min(1.0, each["q"] / each["p"]) for each in kept]
            if last := decoded["last"]:
                keep.append(1.0 if last["keep"] is None else last["keep"])
        written += len(keep)
        for gamma in of_gamma:
            of_gamma[gamma] += passes(keep, gamma)
    now, later = (written / of_gamma[gamma] for gamma in (4, 8))
    assert seen.values["now"] == f"{now:.1f}"
    assert seen.values["later"] == f"{later:.1f}"
    assert seen.values["gain"] == f"{100 * (later / now - 1):.0f} %"
    assert (seen.values["gamma"], seen.values["double"]) == ("4", "8")
    assert seen.right == "more"
    wasted = seen.shown[1]
    assert isinstance(wasted, Bars)
    assert wasted.rows[-1].value == pytest.approx(8 + 1 - later)


def test_hard() -> None:
    seen = evidence.of_step("hard")
    vocabulary = pd.read_parquet(folder("english") / "tokens/vocabulary.parquet")
    digits = vocabulary["data"].map(lambda data: any(chr(byte).isdigit() for byte in data))
    ids = table("english", "contexts")["token"]
    overlap = table("english", best("english")["name"])["overlap"].to_numpy()
    bars = seen.shown[0]
    assert isinstance(bars, Bars)
    shown = {row.label: row for row in bars.rows}
    numbers = overlap[digits[ids].to_numpy()].mean()
    assert shown["numbers"].value == pytest.approx(numbers)
    assert shown["numbers"].text == f"{100 * numbers:.0f} %"
    lowest = min(bars.rows, key=lambda row: row.value)
    assert lowest.marked
    assert lowest.label.capitalize() == seen.values["hardest"]
    assert seen.values["low"] == lowest.text
    ids_offered = [bet.id for bet in next(s for s in PATH.steps if s.id == "hard").predict.options]
    assert ids_offered == list(evidence.HARD)


def test_reference() -> None:
    seen = evidence.of_step("reference")
    before, after = (table("example", name)["kl"].to_numpy() for name in ("stock", "reference"))
    contexts = table("example", "contexts")
    here = (contexts["seq"] == int(seen.page[1]["example"])).to_numpy()
    before, after = before[here], after[here]
    near = int((before - after).argmax())
    assert seen.values["near"] == f"{before[near]:.2f} nats"
    assert seen.values["near_after"] == f"{after[near]:.2f} nats"
    assert seen.values["near_delta"] == f"{before[near] - after[near]:.2f} nats"
    far = next(at for at, kl in enumerate(before) if f"{kl:.2f} nats" == seen.values["far"])
    assert seen.values["far_after"] == f"{after[far]:.2f} nats"
    assert before[far] > before[near]  # the question is no question otherwise
    assert before[far] - after[far] < 0.1 * before[far]


def test_choose() -> None:
    seen = evidence.of_step("choose")
    delta = (table("english", "stock")["kl"] - table("english", "reference")["kl"]).to_numpy()
    kept = 1 + int(0.4 * (len(delta) - 1))
    largest = np.sort(delta)[::-1][:kept]
    assert seen.values["k"] == "0.4"
    assert seen.values["kept"] == f"{100 * kept / len(delta):.0f} %"
    assert seen.values["share"] == f"{100 * largest.sum() / delta.sum():.0f} %"
    assert seen.right == "most"


def test_fair() -> None:
    seen = evidence.of_step("fair")
    rows = {row["name"]: row for row in report("english")["drafts"]}
    spent = seen.shown[0]
    assert isinstance(spent, Table)
    for (label, steps_, texts, kept), name in zip(
        spent.rows, ("distillspec", "adaspec", "distillspec-data"), strict=True
    ):
        assert ("AdaSPEC" in label) == (name == "adaspec")
        assert steps_ == f"{rows[name]['budget']['steps']:,}"
        assert texts == f"{rows[name]['budget']['sequences']:,}"
        assert kept == f"{100 * rows[name]['alpha']['generated']:.1f} %"
    assert seen.values["ratio"] == "2.5"
    fair, ours = (rows[name]["alpha"]["generated"] for name in ("distillspec-data", "adaspec"))
    assert f"by {100 * (fair - ours):.1f} points" in seen.values["verdict"]


def test_pay() -> None:
    seen = evidence.of_step("pay")
    draft, other = best("english"), best("example")
    speed = draft["speedup"]
    assert seen.values["measured"] == f"{speed['measured']:.2f}"
    assert seen.values["sums_measured"] == f"{other['speedup']['measured']:.2f}"
    assert seen.values["pass_cost"] == f"{speed['gamma'] * speed['c'] + speed['v']:.1f}"
    assert seen.values["block"] == f"{draft['block_efficiency']:.1f}"
    assert seen.right == ("slower" if speed["measured_ci"][1] < 1 else seen.right)
    bars = seen.shown[1]
    assert isinstance(bars, Bars)
    measured = [point for point in other["speedup"]["curve"] if point.get("measured")]
    assert [row.value for row in bars.rows] == [point["measured"] for point in measured]


def test_what_the_words_take_for_granted() -> None:
    """A run made anew may say something else: then these sentences must be written anew."""
    assert int(evidence.of_step("guess").right) < int(evidence.of_step("guess").values["gamma"])
    assert evidence.of_step("hard").values["sums_hardest"] == "numbers"
    assert evidence.of_step("fair").right == "distillspec"
    rows = {row["name"]: row["alpha"]["generated"] for row in report("english")["drafts"]}
    assert rows["adaspec"] > rows["distillspec"]  # "AdaSPEC is ahead", "would have misled us"
    assert evidence.of_step("pay").right == "slower"
    assert best("english")["speedup"]["best_gamma"] < 4  # "guesses … only cost more"


# The handout


def test_the_handout_has_every_exercise_and_its_key() -> None:
    whole = view.learn_view()
    text = html.unescape(handout(whole))
    exercises, key = text.split('<div id="key">')
    for number, step in enumerate(whole.steps, 1):
        assert f"{number}. {step.title}" in exercises
        assert step.ask in exercises
        assert step.question in exercises
        for option in [*step.options, *step.answers]:
            assert f"<li>{option.text}</li>" in exercises
        right = next(option.text for option in step.options if option.id == step.right)
        answer = next(option for option in step.answers if option.right)
        assert f"{number}a. {right}." in key
        assert "".join(part.text for part in step.shown) in key
        assert f"{number}b. {answer.text}." in key
        assert answer.says in key
        assert answer.says not in exercises
        assert step.teacher.ask in key
    for definition in whole.terms.values():
        assert definition in exercises
    assert not re.search(r"[{}]\w", text.split("</style>")[1])


def test_the_handout_is_a_command() -> None:
    command = [sys.executable, "-m", "app.learn.handout"]
    made = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert made.stdout.strip() == handout(view.learn_view()).strip()


def test_the_teachers_plan_names_every_step_and_is_fresh() -> None:
    """`python -m app.learn.plan` writes it."""
    text = plan.WORKSHOP.read_text(encoding="utf-8")
    for number, step in enumerate(PATH.steps, 1):
        assert f"| {number} | {step.title} |" in text
    assert plan.with_tables(text) == text
    for minutes, left in ((45, 1), (90, 5)):
        assert sum(place.minutes for _, _, place in plan.planned(minutes)) == minutes - left
