"""Renaming and deleting runs: from Python, from a terminal, in the middle of a crash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adaspec import AdaspecError, runs
from adaspec.jobs import mailbox, queue
from adaspec.recipe import Recipe
from adaspec.runs import Process, Run
from tests.adaspec.test_cli import adaspec, one_line_error


def ended(recipe: Recipe) -> Run:
    """A run that nobody works at any more."""
    run = runs.create(recipe)
    state = runs.read_state(run)
    state.state, state.process = "interrupted", None
    runs.write_state(run, state)
    return run


def everything(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "runs").iterdir())


def test_a_name_of_its_own_survives_what_the_training_writes(home, mini) -> None:
    run = runs.create(mini)
    state = runs.read_state(run)
    assert state.name == "mini"
    runs.rename(run, "  Größeres λ, second try ")
    assert runs.read_state(run).name == "Größeres λ, second try"
    runs.write_state(run, state)  # the training, which does not know it
    assert runs.read_state(run).name == "Größeres λ, second try"


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x00", "x" * 81, "\u202eevil"])
def test_what_is_no_name(home, mini, name) -> None:
    run = runs.create(mini)
    with pytest.raises(AdaspecError, match="one line of 1 to 80 printable"):
        runs.rename(run, name)
    assert runs.read_state(run).name == "mini"


def test_the_example_stays_as_it_is(home) -> None:
    example = Run(runs.EXAMPLES["example"])
    with pytest.raises(AdaspecError, match="keeps its name"):
        runs.rename(example, "x")
    with pytest.raises(AdaspecError, match="cannot be deleted"):
        runs.delete(example)
    assert runs.read_state(example).name == "tiny"


def test_a_deleted_run_is_gone(home, mini) -> None:
    run, other = ended(mini), ended(mini)
    (run.path / "drafts").mkdir()
    runs.delete(run)
    assert everything(home) == [other.path.name]
    with pytest.raises(AdaspecError, match="No run"):
        runs.delete(run)


def test_a_run_that_is_trained_stays(home, mini) -> None:
    run = runs.create(mini)
    with pytest.raises(AdaspecError, match="is being trained: stop it first"):
        runs.delete(run)
    state = runs.read_state(run)
    state.process = Process.this().model_copy(update={"host": "another"})
    runs.write_state(run, state)
    with runs.only_writer(run), pytest.raises(AdaspecError, match="trained by another process"):
        runs.delete(run)
    assert run.state_file.is_file()


def test_an_unreadable_run_can_be_deleted_and_a_foreign_folder_not(home, mini, tmp_path) -> None:
    run = ended(mini)
    run.state_file.write_text("{")
    runs.delete(run)
    assert everything(home) == []
    (tmp_path / "thesis").mkdir()
    with pytest.raises(AdaspecError, match="No run thesis"):
        runs.delete(Run(tmp_path / "thesis"))


KILLED = """
import os, shutil, sys
from pathlib import Path
from adaspec import runs
shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), 9)
runs.delete(runs.Run(Path(sys.argv[1])))
"""


def test_a_crash_half_way_leaves_no_run_and_its_rest_is_swept(home, mini) -> None:
    run, other = ended(mini), ended(mini)
    done = subprocess.run([sys.executable, "-c", KILLED, str(run.path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [one for one in runs.all_runs() if not one.is_example] == [other]
    assert len(everything(home)) == 2  # the rest is hidden
    runs.delete(other)
    assert everything(home) == []


def test_a_run_that_was_half_deleted_and_begun_again_can_be_deleted(home, mini) -> None:
    run = ended(mini)
    subprocess.run([sys.executable, "-c", KILLED, str(run.path)], check=False)
    shutil.copytree(ended(mini).path, run.path)
    runs.delete(run)
    assert run.path.name not in " ".join(everything(home))


def test_run_job_and_messages_go_together(home, mini) -> None:
    job = queue.submit(mini, "ada")
    runs.write_atomic(mailbox.recipe_file(job.id), job.recipe)
    with pytest.raises(AdaspecError, match=f"is queued: adaspec cancel {job.id}"):
        queue.delete(job.id)
    shutil.copytree(ended(mini).path, home / "runs" / job.id)
    running = queue.claim(job)
    with pytest.raises(AdaspecError, match="is running"):
        queue.delete(job.id)
    assert queue.end(running, "failed", "x")
    queue.delete(job.id)
    assert queue.all_jobs() == []
    assert not mailbox.folder(job.id).exists()
    assert not (home / "runs" / job.id).exists()
    with pytest.raises(AdaspecError, match="No run"):
        queue.delete(job.id)


def test_a_job_without_a_run_and_a_run_without_a_job(home, mini) -> None:
    job, run = queue.submit(mini, "ada"), ended(mini)
    queue.cancel(job.id)
    queue.delete(job.id)
    queue.delete(run.path.name)
    assert queue.all_jobs() == []
    assert everything(home) == []


def test_a_refused_deletion_keeps_the_job(home, mini) -> None:
    job = queue.submit(mini, "ada")
    assert queue.end(queue.claim(job), "failed", "x")
    shutil.copytree(runs.create(mini).path, home / "runs" / job.id)  # trained by hand
    with pytest.raises(AdaspecError, match="is being trained"):
        queue.delete(job.id)
    assert [one.id for one in queue.all_jobs()] == [job.id]


def test_from_a_terminal(home, mini, tmp_path) -> None:
    run, job = ended(mini), queue.submit(mini, "ada")
    identity = run.path.name
    said = adaspec("rename", identity, "better", home=home)
    assert said.stdout.strip() == f"{identity} is called better."
    assert "no option" not in one_line_error(adaspec("rename", identity, " ", home=home))
    refused = adaspec("delete", identity, home=home)
    assert "give --yes" in one_line_error(refused)
    assert run.state_file.is_file()
    assert "adaspec cancel" in one_line_error(adaspec("delete", job.id, "--yes", home=home))
    assert "cannot be deleted" in one_line_error(adaspec("delete", "example", "--yes", home=home))
    assert adaspec("delete", identity, "--yes", home=home).stdout.strip().endswith("is deleted.")
    shutil.copytree(ended(mini).path, tmp_path / "elsewhere")
    assert not adaspec("delete", str(tmp_path / "elsewhere"), "--yes", home=home).returncode
    assert not (tmp_path / "elsewhere").exists()
    queue.cancel(job.id)
    assert not adaspec("delete", job.id[:20], "--yes", home=home).returncode
    assert queue.all_jobs() == []


@pytest.mark.parametrize(("answer", "stays"), [("n", True), ("y", False)])
def test_whoever_sits_at_a_terminal_is_asked(home, mini, answer, stays) -> None:
    import pty

    run = ended(mini)
    command = [sys.executable, "-m", "adaspec", "delete", run.path.name]
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command, stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    os.write(leader, f"{answer}\n".encode())
    out, _ = process.communicate(timeout=60)
    os.close(leader), os.close(follower)
    assert process.returncode == 0, out
    assert run.path.exists() == stays
