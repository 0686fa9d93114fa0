"""Damaged run folders: at the command line, on the pages, and under the doctor's eye.

`make damage` does every harm of `damage`; the tests do one in a few.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from adaspec import doctor, runs
from adaspec.runs import Run
from app.shared import reading
from tests.bad_inputs import Case, fault, run
from tests.damage import EVERY, IDENTITY, Harm, copy, harms
from tests.studio import ROOT

HARMS = list(harms())[:: int(os.environ.get("ADASPEC_DAMAGE", "97"))]
OF_IT = (
    ("report", IDENTITY),
    ("compare", IDENTITY),
    ("ablation", IDENTITY),
    ("plan", IDENTITY),
    ("tokens", IDENTITY),
    ("tokens", IDENTITY, "--sequence", "3"),
    ("replay", IDENTITY, "--draft", "adaspec"),
    ("rename", IDENTITY, "new name"),
    ("note", IDENTITY, "--tags", "a"),
    ("doctor", IDENTITY),
)
OF_OTHERS = (("report", "example"), ("estimate", "tiny", "--json"), ("jobs",))
PAGES = ("runs", "tokens", "filter", "replay", "compare", "ablation", "planner")


@pytest.fixture
def damaged(home: Path, request: pytest.FixtureRequest) -> Run:
    """A copy of the example in a home of its own, harmed."""
    harmed = copy(home / "runs" / IDENTITY)
    request.param.do(harmed.path / request.param.path)
    return harmed


@pytest.mark.parametrize("damaged", HARMS, indirect=True, ids=str)
def test_a_command_says_it_in_a_line(damaged: Run, home: Path, tmp_path: Path) -> None:
    for number, arguments in enumerate((*OF_IT, *OF_OTHERS)):
        outcome = run(Case(arguments), tmp_path / f"here{number}", home)
        if outcome.code == (1 if arguments[0] == "doctor" else 0):
            assert "Traceback" not in outcome.errors
            assert outcome.seconds < 10
        else:
            assert arguments in OF_IT, outcome
            if arguments[0] != "doctor" or outcome.code:
                assert not fault(replace(outcome, left=[])), (arguments, outcome)


@pytest.mark.parametrize("damaged", HARMS[::3], indirect=True, ids=str)
def test_no_page_ends_in_an_exception(damaged: Run) -> None:
    for name in PAGES:
        opened(name, run=IDENTITY)
    opened("runs", run="example")
    opened("train", recipe="tiny")


def opened(name: str, **link: str) -> AppTest:
    reading.look_again()
    page = AppTest.from_file(ROOT / "app/main.py", default_timeout=60)
    page.switch_page(str(ROOT / f"pages/{name}.py"))
    for key, value in link.items():
        page.query_params[key] = value
    begun = time.process_time()
    page.run()
    assert not page.exception, (name, [error.value for error in page.exception])
    assert time.process_time() - begun < 20
    return page


# The doctor


SERIOUS = [
    harm
    for harm in harms()
    if harm.name in ("gone", "empty", "binary", "folder", "fifo", "loop", "deep")
    and harm.path.endswith((".json", ".yaml", ".parquet"))
    and harm.path not in ("tokens/adaspec@25.parquet", "replays/checks.json")
    and not (harm.name == "gone" and harm.path.startswith(("notes", "replays/adaspec")))
    and harm.path != "tokens/adaspec.parquet"
]


@pytest.mark.parametrize("damaged", SERIOUS[::5], indirect=True, ids=str)
def test_the_doctor_finds_it(damaged: Run) -> None:
    assert doctor.examine(damaged)


def test_the_doctor_finds_nothing_in_a_sound_run(home: Path) -> None:
    assert doctor.examine(Run(runs.EXAMPLES["example"])) == []
    assert doctor.examine(copy(home / "runs" / IDENTITY)) == []


@pytest.mark.parametrize("harm", [EVERY["truncated"], EVERY["empty"]], ids=["truncated", "empty"])
def test_weights_that_are_cut_off_are_found(home: Path, harm) -> None:
    damaged = copy(home / "runs" / IDENTITY)
    harm(damaged.model("adaspec") / "model.safetensors")
    (finding,) = doctor.examine(damaged)
    assert str(finding.path) == "drafts/adaspec/model.safetensors"
    assert not doctor.can_measure([finding])


def test_what_was_measured_is_made_again(finished_run: Run, home: Path, tmp_path: Path) -> None:
    """From the models, with the same numbers."""
    damaged = Run(home / "runs" / finished_run.path.name)
    shutil.copytree(finished_run.path, damaged.path)
    before = [draft.alpha for draft in runs.read_report(damaged).drafts]
    EVERY["binary"](damaged.report_file)
    EVERY["truncated"](damaged.contexts_file)
    EVERY["gone"](damaged.speed_file)
    assert {str(finding.path) for finding in doctor.examine(damaged)} >= {
        "report.json",
        "tokens/contexts.parquet",
        "replays/speed.json",
    }
    name = damaged.path.name
    (tmp_path / "1").mkdir()
    said = run(Case(("doctor", name)), tmp_path / "1/x", home)
    assert said.code == 1
    assert "--repair makes it again" in said.output
    repaired = run(Case(("doctor", name, "--repair")), tmp_path / "1/y", home)
    assert repaired.code == 0, repaired
    assert doctor.examine(damaged) == []
    assert [draft.alpha for draft in runs.read_report(damaged).drafts] == before


def test_every_harm_is_one_of_its_own() -> None:
    names = [str(harm) for harm in harms()]
    assert len(names) == len(set(names)) > 900
    assert all(isinstance(harm, Harm) for harm in HARMS)
