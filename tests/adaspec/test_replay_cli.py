"""adaspec replay: what it prints, for people and for programs, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adaspec import replays, runs, tokens
from adaspec.runs import Run
from adaspec.speculation import document
from adaspec.speculation.trace import Trace
from adaspec.vocabulary import Piece
from tests.adaspec.test_cli import adaspec, one_line_error

EXAMPLE = Run(runs.EXAMPLES["example"])
PROMPT = "Tom has 12 apples. He gives 5 of them to Ada. How many apples does Tom have now?\n"


@pytest.fixture(scope="module")
def trace() -> Trace:
    return replays.read(EXAMPLE, "adaspec", 0)


def test_every_token_has_the_mark_of_what_became_of_it(trace: Trace) -> None:
    """Without colour: the marks alone tell accepted, rejected, not tested, residual and bonus."""
    pieces = tokens.vocabulary(EXAMPLE)
    lines = [line.plain for line in document.lines(trace, pieces)]
    passes = [line for line in lines if re.match(r" *\d+  ", line)]
    assert len(passes) == len(trace.rounds)
    seen = set()
    for number, (round, line) in enumerate(zip(trace.rounds, passes, strict=True), 1):
        wanted = []
        for proposal in round.proposals:
            word = repr(pieces[proposal.token].text)
            marked = {True: word, False: f"~{word}~", None: f"({word})"}[proposal.accepted]
            wanted.append(marked)
            seen.add(proposal.accepted)
        if round.last:
            mark = {"residual": ">", "bonus": "+"}[round.last.kind]
            wanted.append(mark + repr(pieces[round.last.token].text))
            seen.add(round.last.kind)
        spent = f"{round.tokens} in {round.draft_ms + round.verify_ms:.1f} ms"
        assert line == f"{number:4}  {' '.join(wanted)}  {spent}"
    assert seen == {True, False, None, "residual", "bonus"}
    for kind in document.MARKS.values():
        assert kind[3] in lines[-2]


def test_the_last_line_sums_up(trace: Trace) -> None:
    pieces = tokens.vocabulary(EXAMPLE)
    accepted = sum(round.accepted for round in trace.rounds)
    tested = accepted + sum(round.rejected for round in trace.rounds)
    count, passes = len(trace.text), len(trace.rounds)

    def summary(plain_ms: float | None) -> str:
        timed = trace.model_copy(update={"plain_ms": plain_ms})
        return list(document.lines(timed, pieces))[-1].plain

    assert summary(2 * trace.ms / count) == (
        f"{count} tokens in {passes} passes of the target: {count / passes:.2f} tokens a pass. "
        f"Of {tested} proposals tested {accepted} were accepted ({accepted / tested:.1%}); "
        f"{sum(len(round.proposals) for round in trace.rounds)} were drafted. "
        f"It took {trace.ms:.1f} ms. Plain decoding takes {2 * trace.ms:.1f} ms for as many "
        "tokens: 2.00 x."
    )
    assert summary(trace.ms / count / 2).endswith("0.50 x, slower than without a draft.")
    assert "Plain" not in summary(None)


def test_no_token_commands_a_terminal(trace: Trace) -> None:
    pieces = [Piece(identity, b"\x1b[31m\x9b\x07\xe2\x80\xae", False) for identity in range(512)]
    printed = "\n".join(line.plain for line in document.lines(trace, pieces))
    assert not {"\x1b", "\x07", "\u202e"} & set(printed)
    assert printed.replace("\n", "").isprintable()


def test_a_stored_replay(tmp_path: Path, trace: Trace) -> None:
    printed = adaspec("replay", "example", "--draft", "adaspec", home=tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert "\x1b" not in printed.stdout  # no terminal, no colours
    assert f"{len(trace.text)} tokens in {len(trace.rounds)} passes" in printed.stdout
    answer = json.loads(
        adaspec("replay", "example", "--sequence", "2", "--json", home=tmp_path).stdout
    )
    assert Trace.model_validate(answer["trace"]) == replays.read(EXAMPLE, "adaspec", 2)


def test_a_prompt_of_ones_own(tmp_path: Path) -> None:
    options = ["--gamma", "3", "--temperature", "0", "--seed", "7", "--max-new-tokens", "20"]
    done = adaspec(
        "replay", "example", "--draft", "stock", "--prompt", PROMPT, *options, "--json",
        home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    made = Trace.model_validate(answer["trace"])
    assert answer["prompt"] == PROMPT
    assert (made.draft, made.seed, made.decoding.gamma) == ("stock", 7, 3)
    assert made.decoding.greedy
    assert len(made.text) == 20
    assert answer["summary"]["plain_ms"] > 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nothing"], "No run 'nothing'"),
        (["example", "--draft", "nobody"], "No replays of 'nobody': this run has stock"),
        (["example", "--sequence", "99"], "No replay 99 of adaspec: there are 0 to 19."),
        (["example", "--gamma", "3"], "--gamma goes with --prompt: a stored replay has its own."),
        (["example", "--top-k", "3"], "--top-k goes with --prompt"),
    ],
)
def test_what_it_refuses(tmp_path: Path, arguments: list[str], expected: str) -> None:
    assert expected in one_line_error(adaspec("replay", *arguments, home=tmp_path))
