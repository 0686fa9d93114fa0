"""A room's runs in the studio's queue: who may start what, in which order, and their end."""

import shutil
from pathlib import Path

import pytest

from adaspec import AdaspecError, recipe, runs
from adaspec.jobs import audit, queue
from adaspec.jobs.queue import Job
from adaspec.runs import Run
from app.classroom import room as rooms
from app.classroom import training
from app.classroom.room import Room, RunView, Shown, Train
from app.shared import reading

CODE = "ABCDEF"


@pytest.fixture(autouse=True)
def home_of_ones_own(home: Path) -> Path:
    reading.look_again()
    return home


def train(seat: str, k: float, code: str = CODE, **more: str) -> None:
    training.start(code, seat, Train(do="train", recipe="tiny", k=k, **more))


def listed(code: str = CODE) -> list[RunView]:
    reading.look_again()
    return training.listed(code)


def ended(job: Job, state: queue.Ending) -> None:
    claimed = queue.claim(queue.find(job.id))
    assert claimed
    assert queue.end(claimed, state)
    reading.look_again()


def finished(name: str, k: float, alpha: float) -> Run:
    """A run that somebody in this studio has finished, like `example` but for k."""
    run = Run(runs.runs_folder() / name)
    shutil.copytree(runs.EXAMPLES["example"], run.path)
    state = runs.read_state(run)
    runs.STATE.write(run.state_file, state.model_copy(update={"id": name}))
    other = recipe.load("tiny", [f"stage2.k={k}"])
    run.recipe_file.write_text(other.yaml(), encoding="utf-8")
    report = runs.read_report(run)
    drafts = [
        draft.model_copy(update={"alpha": draft.alpha.model_copy(update={"generated": alpha})})
        for draft in report.drafts
    ]
    runs.REPORT.write(run.report_file, report.model_copy(update={"drafts": drafts}))
    reading.look_again()
    return run


def test_a_seat_starts_a_run_that_everybody_in_the_room_sees() -> None:
    train("Ann", 0.2)
    train("Bob", 0.351, name="Bob's best")
    first, second = listed()
    assert (first.seat, first.name, first.recipe, first.k) == ("Ann", "tiny k=0.2", "tiny", 0.2)
    assert (second.seat, second.name, second.k) == ("Bob", "Bob's best", 0.35)
    assert [(run.word, run.place, run.alpha) for run in (first, second)] == [
        ("queued", 1, None),
        ("queued", 2, None),
    ]
    assert listed("BBBBBB") == []
    assert {deed.by for deed in audit.deeds()} == {"Room ABCDEF: Ann", "Room ABCDEF: Bob"}
    [job, _] = queue.all_jobs()
    assert recipe.read(job.recipe).hash == recipe.load("tiny", ["stage2.k=0.2"]).hash


@pytest.mark.parametrize(
    "wish",
    [
        {"recipe": "paper"},
        {"recipe": "tiny", "k": 1.5},
        {"recipe": "tiny", "k": 0.5, "seed": 1},
        {"recipe": "../x.yaml", "k": 0.5},
    ],
)
def test_nothing_of_a_recipe_but_k_and_its_name_can_be_chosen(wish: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Train.model_validate({"do": "train"} | wish)


def test_a_seat_and_a_room_have_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    for k in (0.1, 0.2, 0.3):
        train("Ann", k)
    with pytest.raises(AdaspecError, match="had your 3 runs"):
        train("Ann", 0.4)
    with pytest.raises(AdaspecError, match="Ann trains with this k already"):
        train("Bob", 0.3)
    ended(queue.all_jobs()[2], "failed")
    train("Bob", 0.3)
    monkeypatch.setattr(training, "ALL", 4)
    with pytest.raises(AdaspecError, match="room has had its 4 runs"):
        train("Cy", 0.5)
    train("Cy", 0.5, code="BBBBBB")


def test_a_room_takes_turns_with_the_studio_and_its_seats_with_each_other() -> None:
    for name, k in (("Ann", 0.1), ("Ann", 0.2), ("Bob", 0.3)):
        train(name, k)
    queue.submit(recipe.load("tiny"), "ada")
    order = [job.owner for job in queue.in_order(queue.all_jobs())]
    assert order == ["Room ABCDEF: Ann", "ada", "Room ABCDEF: Bob", "Room ABCDEF: Ann"]
    assert [run.place for run in listed()] == [1, 3, 4]


def test_a_seat_stops_its_own_runs_and_the_presenter_any() -> None:
    train("Ann", 0.1)
    train("Bob", 0.2)
    ann, bob = listed()
    other = queue.submit(recipe.load("tiny"), "ada")
    for run, name in ((bob.id, "Ann"), (other.id, "Ann"), (other.id, None), ("", None)):
        with pytest.raises(AdaspecError, match="none of your runs"):
            training.stop(CODE, run, name)
    training.stop(CODE, ann.id, "Ann")
    training.stop(CODE, bob.id, None)
    assert {run.word for run in listed()} == {"cancelled"}
    assert queue.find(other.id).state == "queued"


def test_a_rooms_runs_are_gone_with_it_and_nobody_elses() -> None:
    train("Ann", 0.1)
    train("Bob", 0.2)
    train("Cy", 0.3, code="BBBBBB")
    ada = queue.submit(recipe.load("tiny"), "ada")
    team = queue.submit(recipe.load("tiny"), "Group: ada")
    first = queue.all_jobs()[0]
    running = queue.claim(first)
    assert running
    assert not training.clear([CODE, "BBBBBB"])
    assert len(queue.all_jobs()) == 5
    assert training.clear(["BBBBBB"])  # one has still to stop
    assert [job.id for job in queue.all_jobs() if job.cancel] == [first.id]
    run = Run(runs.runs_folder() / first.id)
    shutil.copytree(runs.EXAMPLES["example"], run.path)
    assert queue.end(queue.find(first.id), "cancelled")
    assert not training.clear(["BBBBBB"])
    assert not run.path.exists()
    assert listed() == []
    assert {job.id for job in queue.all_jobs()} >= {ada.id, team.id}
    assert len(queue.all_jobs()) == 3


def a_room(run: str = "example") -> Room:
    return rooms.new(run, Shown(draft="adaspec", number=0), closes=1e10)


def test_which_k_is_revealed_with_what_was_measured() -> None:
    example = runs.read_report(runs.find("example")).draft("adaspec").alpha.generated
    alone = training.choose_k(a_room())
    assert alone.options == [f"k = {k} %" for k in (10, 20, 40, 60, 80)]
    assert alone.answer is None  # one figure is no comparison
    assert alone.figures[2] == f"α = {100 * example:.1f} %"
    assert alone.figures[0] == "not measured"
    finished("01AAAAAAAAAAAAAAAAAAAAAAAA", k=0.3, alpha=0.99)
    both = training.choose_k(a_room())
    assert both.options[both.answer or 0] == "k = 30 %"
    assert both.figures[both.answer or 0] == "α = 99.0 %"
    assert len(both.options) <= training.MOST
    english = training.choose_k(a_room("english"))  # runs of another recipe say nothing of it
    assert "k = 30 %" not in english.options
