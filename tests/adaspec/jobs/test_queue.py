"""The queue: nothing lost, nothing twice, whoever acts on old knowledge changes nothing, turns."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adaspec import AdaspecError, recipe, runs
from adaspec.jobs import queue
from adaspec.jobs.queue import Job

pytestmark = pytest.mark.usefixtures("home")
TINY = recipe.load("tiny")


def ask(owner: str = "ada", **values: object) -> Job:
    return queue.submit(TINY.model_copy(update=values), owner)


def now(job: Job) -> Job:
    return queue.find(job.id)


def waiting(owner: str, place: int, turn: int = 0, **values: object) -> Job:
    plain = {"name": "x", "recipe": "", "recipe_hash": "", "gpus": 1}
    return Job(id=f"{owner}{place}", owner=owner, place=place, turn=turn, **plain, **values)


def running(owner: str, turn: int) -> Job:
    return waiting(owner, 0, turn, state="running")


def order(*jobs: Job) -> list[str]:
    return [job.id for job in queue.in_order(jobs)]


# A life


def test_a_job_reads_the_files_that_its_submitter_sees(tmp_path, monkeypatch):
    (tmp_path / "rows.csv").write_text("question,answer\na,b\n")
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    content = TINY.model_dump(mode="json", exclude_unset=True)
    content |= {"target": "model", "data": content["data"] | {"train": "rows.csv"}}
    job = queue.submit(recipe.parse(content), "ada")
    monkeypatch.chdir("/")
    read = recipe.read(job.recipe)
    assert read.data.train.file == tmp_path / "rows.csv"
    assert read.target.source == (str(tmp_path / "model"),)
    assert read.draft == TINY.draft


def test_a_job_from_its_submission_to_its_end():
    job = ask()
    assert (job.state, job.attempt, recipe.read(job.recipe)) == ("queued", 0, TINY)
    claimed = queue.claim(job)
    assert claimed is not None
    assert (claimed.state, claimed.attempt, claimed.turn) == ("running", 1, 1)
    assert claimed.token not in ("", job.token)
    assert queue.end(claimed, "failed", "The dog ate it.")
    assert (now(job).state, now(job).error) == ("failed", "The dog ate it.")
    again = queue.resume(job.id, "ada")
    assert (again.id, again.state, again.attempt, again.error) == (job.id, "queued", 1, "")


def test_what_was_read_before_a_change_changes_nothing():
    job = ask()
    first = queue.claim(job)
    assert first
    assert queue.claim(job) is None
    assert queue.requeue(first, "it died", died=True)
    assert not queue.requeue(first, "it died", died=True)
    second = queue.claim(now(job))
    assert second
    assert (second.attempt, second.deaths) == (2, 1)
    assert not queue.end(first, "succeeded")  # the attempt that was fenced out
    assert now(job) == second
    assert queue.end(second, "succeeded")
    assert not queue.end(second, "failed")


def test_a_waiting_job_is_cancelled_at_once_and_one_at_work_is_asked():
    job, other = ask(), ask("bob")
    assert queue.cancel(job.id).state == "cancelled"
    claimed = queue.claim(other)
    assert claimed
    assert (queue.cancel(other.id).state, now(other).cancel) == ("running", True)
    assert queue.end(claimed, "cancelled")
    with pytest.raises(AdaspecError, match=r"is cancelled already"):
        queue.cancel(job.id)


def test_a_cancelled_job_is_not_claimed_by_one_who_saw_it_waiting():
    job = ask()
    queue.cancel(job.id)
    assert queue.claim(job) is None


def test_a_run_is_in_the_queue_once(finished_run, home):
    job = ask()
    with pytest.raises(AdaspecError, match=r"is queued already"):
        queue.resume(job.id, "ada")
    with pytest.raises(AdaspecError, match=r"No run '01AAA"):
        queue.resume("01AAAAAAAAAAAAAAAAAAAAAAAA", "ada")


def test_a_person_may_have_three_waiting_and_others_too(monkeypatch: pytest.MonkeyPatch):
    for _ in range(3):
        ask()
    with pytest.raises(AdaspecError, match=r"ada has 3 jobs waiting already, of 3 at most"):
        ask()
    ask("bob")
    monkeypatch.setenv("ADASPEC_QUEUED_EACH", "4")
    ask()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_actors_do_with_old_knowledge_every_attempt_ends_once(home: Path, data):
    """Several actors act on jobs as they read them at some time before."""
    (home / "jobs.sqlite").unlink(missing_ok=True)
    known = [ask("ada"), ask("bob")]
    tokens: dict[str, str] = {}
    ended: set[str] = set()
    for _ in range(data.draw(st.integers(1, 25))):
        job = data.draw(st.sampled_from(known))
        act = data.draw(st.sampled_from(["claim", "end", "died", "cancel", "resume", "read"]))
        before = now(job)
        if act == "claim" and (claimed := queue.claim(job)):
            assert before.state == "queued"
            assert claimed.attempt == before.attempt + 1
            assert tokens.setdefault(claimed.token, job.id) == job.id
            assert claimed.token != before.token
            known.append(claimed)
        elif act == "end" and job.state == "running" and queue.end(job, "succeeded"):
            assert (before.state, before.token) == ("running", job.token)
            assert job.token not in ended
            ended.add(job.token)
        elif act == "died" and job.state == "running" and queue.requeue(job, "", died=True):
            assert before.token == job.token
            assert job.token not in ended
            ended.add(job.token)
        elif act == "cancel" and before.live:
            queue.cancel(job.id)
        elif act == "resume" and before.state in ("failed", "cancelled"):
            known.append(queue.resume(job.id, job.owner))
        known.append(now(job))
        assert now(job).attempt >= before.attempt
    assert {job.id for job in queue.all_jobs()} == {job.id for job in known}


def test_eight_claimers_under_ten_producers_take_every_job_once(home: Path, tmp_path: Path):
    produce = (
        "from adaspec.jobs import queue; from adaspec import recipe; t = recipe.load('tiny')\n"
        "for _ in range(20): queue.submit(t, 'x')"
    )
    claim = (
        "import time; from adaspec.jobs import queue\nend = time.monotonic() + 60\n"
        "while (jobs := queue.all_jobs()) is not None and time.monotonic() < end:\n"
        "    for job in queue.in_order(jobs)[:3]:\n"
        "        if claimed := queue.claim(job): print(claimed.id, flush=True)\n"
        "    if len(jobs) == 200 and all(j.state == 'running' for j in jobs): break\n"
    )
    environment = os.environ | {"ADASPEC_QUEUED_EACH": "1000"}
    commands = [produce] * 10 + [claim] * 8
    parts = [
        subprocess.Popen(
            [sys.executable, "-c", text], env=environment, stdout=subprocess.PIPE, text=True
        )
        for text in commands
    ]
    claimed = [line for part in parts for line in part.communicate()[0].split()]
    assert [part.returncode for part in parts] == [0] * 18
    assert len(claimed) == len(set(claimed)) == 200
    assert {job.state for job in queue.all_jobs()} == {"running"}
    turns = sorted(job.turn for job in queue.all_jobs())
    assert turns == list(range(1, 201))


# Turns


def test_people_take_turns():
    jobs = [waiting("ada", 1), waiting("ada", 2), waiting("ada", 3), waiting("bob", 4)]
    assert order(*jobs) == ["ada1", "bob4", "ada2", "ada3"]


def test_who_was_served_last_waits_longest():
    jobs = [running("ada", 7), running("bob", 6), waiting("ada", 1), waiting("bob", 2)]
    assert order(*jobs) == ["bob2", "ada1"]
    assert order(*jobs, waiting("cy", 3)) == ["cy3", "bob2", "ada1"]


def test_an_admins_word_goes_before_turns():
    jobs = [ask("ada"), ask("ada"), ask("bob"), ask("cy")]
    queue.move(jobs[1].id, "first")
    assert queue.in_order(queue.all_jobs())[0].id == jobs[1].id
    queue.move(jobs[3].id, "first")
    queue.move(jobs[0].id, "last")
    assert order(*queue.all_jobs()) == [jobs[place].id for place in (3, 1, 2, 0)]
    queue.claim(now(jobs[2]))
    with pytest.raises(AdaspecError, match=r"is not waiting: it is running"):
        queue.move(jobs[2].id, "first")


people = st.lists(st.sampled_from("abcd"), min_size=1, max_size=20)


@given(people)
def test_nobody_waits_for_a_second_job_of_another_while_having_none(owners: list[str]):
    jobs = [waiting(owner, place) for place, owner in enumerate(owners)]
    turn = [job.owner for job in queue.in_order(jobs)]
    assert sorted(turn) == sorted(owners)
    assert len(set(turn[: len(set(owners))])) == len(set(owners))
    for owner in set(owners):
        mine = [job.place for job in queue.in_order(jobs) if job.owner == owner]
        assert mine == sorted(mine)


def plainly_in_order(jobs: list[Job]) -> list[Job]:
    """One after the other, each time the best of all that are left."""
    turns: dict[str, int] = {}
    for job in jobs:
        for name in (job.owner, queue.team(job.owner)):
            turns[name] = max(turns.get(name, 0), job.turn)
    left = sorted((job for job in jobs if job.state == "queued"), key=lambda job: job.place)
    order: list[Job] = []
    for turn in range(len(left)):
        priority = max(job.priority for job in left)
        equals = [job for job in left if job.priority == priority]
        # Whom each team would send, then the team whose turn it is.
        sent: dict[str, Job] = {}
        for job in sorted(equals, key=lambda job: (turns[job.owner], job.place)):
            sent.setdefault(queue.team(job.owner), job)
        ours = min(sent.values(), key=lambda job: (turns[queue.team(job.owner)], job.place))
        order.append(ours)
        left.remove(ours)
        turns[ours.owner] = turns[queue.team(ours.owner)] = turn + 1_000
    return order


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "room: c", "room: d", "other: e"]),
            st.integers(0, 9),
            st.integers(-1, 1),
            st.sampled_from(["queued", "queued", "running", "failed"]),
        ),
        max_size=30,
    )
)
def test_the_order_is_that_of_choosing_one_by_one(those: list[tuple[str, int, int, str]]):
    jobs = [
        waiting(owner, place, turn, priority=priority, state=state)
        for place, (owner, turn, priority, state) in enumerate(those)
    ]
    assert queue.in_order(jobs) == plainly_in_order(jobs)


def test_one_running_each(monkeypatch: pytest.MonkeyPatch):
    jobs = [running("ada", 1), waiting("ada", 1), waiting("bob", 2)]
    assert [job.id for job in queue.startable(jobs)] == ["bob2"]
    monkeypatch.setenv("ADASPEC_RUNNING_EACH", "2")
    assert [job.id for job in queue.startable(jobs)] == ["bob2", "ada1"]


def test_a_team_takes_turns_as_one_person_and_its_members_among_themselves(
    monkeypatch: pytest.MonkeyPatch,
):
    jobs = [waiting(owner, place) for place, owner in enumerate(["r: ann", "r: ann", "r: bob"])]
    jobs += [waiting("cy", 4), waiting("cy", 5)]
    assert order(*jobs) == ["r: ann0", "cy4", "r: bob2", "cy5", "r: ann1"]
    jobs.append(running("r: ann", 1))
    assert [job.id for job in queue.startable(jobs)] == ["cy4", "cy5"]
    monkeypatch.setenv("ADASPEC_RUNNING_EACH", "2")
    assert [job.id for job in queue.startable(jobs)][:2] == ["cy4", "r: bob2"]


def test_expected_starts():
    jobs = [
        running("ada", 1),
        waiting("ada", 1, seconds=100),
        waiting("bob", 2, seconds=60),
        waiting("cy", 3, seconds=None),
    ]
    left = {"ada0": 30.0}
    assert queue.expected_starts(jobs, left, slots=1) == {"bob2": 30, "cy3": 90}
    assert queue.expected_starts(jobs, left, slots=2) == {"bob2": 0, "cy3": 30, "ada1": 60}
    assert queue.expected_starts(jobs, {"ada0": None}, slots=1) == {}


# Clock and disk


def test_a_clock_set_back_changes_no_order(monkeypatch: pytest.MonkeyPatch):
    first = ask("ada")
    monkeypatch.setattr(queue.time, "time", lambda: 1000.0)
    second = ask("ada")
    third = ask("bob")
    assert order(*queue.all_jobs()) == [first.id, third.id, second.id]
    claimed = queue.claim(first)
    assert claimed
    assert queue.end(claimed, "succeeded")
    assert order(*queue.all_jobs()) == [third.id, second.id]


def test_a_process_stays_itself_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch):
    me = runs.Process.this()
    real_boot, real_create = psutil.boot_time, psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: real_boot() - 86_400)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: real_create(self) - 86_400)
    assert me.alive()
    assert not me.model_copy(update={"created": me.created + 60}).alive()


def test_a_full_disk_loses_no_job_and_says_so(home: Path, monkeypatch: pytest.MonkeyPatch):
    """A small file system of its own, filled up for real."""
    home.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(home)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        monkeypatch.setenv("ADASPEC_QUEUED_EACH", "1000")
        kept: list[str] = []
        with pytest.raises(AdaspecError, match=r"is the disk full\?"):
            kept.extend(ask().id for _ in range(10_000))
        assert len(kept) > 10
        assert [job.id for job in queue.all_jobs()] == kept
        with sqlite3.connect(home / "jobs.sqlite") as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)
