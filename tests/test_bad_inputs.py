"""Bad inputs at the command line: one line each, exit code 2, soon, and nothing left behind.

`make badinput` tries every case of `bad_inputs`; the tests take one in a few.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bad_inputs import Case, Outcome, cases, fault, run

EVERY = int(os.environ.get("ADASPEC_BAD_INPUTS", "23"))  # one case in so many
CASES = list(cases())[::EVERY]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_input_is_one_line(case: Case, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    outcome = run(case, tmp_path / "here", home)
    assert not fault(outcome), f"{fault(outcome)}: {outcome}"


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome(0, "error: x", "", 0, []), "exit code 0"),
        (Outcome(2, "error: x\nmore", "", 0, []), "2 lines"),
        (Outcome(2, "", "", 0, []), "1 lines"),
        (Outcome(2, "error: \x1b[31m", "", 0, []), "a control character"),
        (Outcome(2, "error: " + "x" * 1000, "", 0, []), "a line of 1007 characters"),
        (Outcome(2, "error: x", "Traceback (most ...", 0, []), "a traceback"),
        (Outcome(2, "error: x", "", 60, []), "60 s"),
        (Outcome(2, "error: x", "", 0, ["/r/.new"]), "/r/.new is left"),
        (Outcome(2, "error: x", "", 0, []), ""),
    ],
)
def test_what_is_wrong_is_seen(outcome: Outcome, reason: str) -> None:
    assert fault(outcome) == reason
