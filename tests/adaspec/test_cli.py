"""The command line as a user meets it: one line for every fault, exit code 2, nothing left over."""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from adaspec import runs, terminal
from adaspec.cli import main, training
from adaspec.jobs import queue
from tests.studio import enough

ADASPEC = [sys.executable, "-m", "adaspec"]


def adaspec(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """A command in this process, which has the libraries loaded; nobody is at the keyboard."""
    out, said = io.StringIO(), io.StringIO()
    code: Any = 0
    with (
        patch.dict(os.environ, {"ADASPEC_HOME": str(home)}),
        patch.object(terminal.console, "_width", 120),  # whatever it was when it was made
        patch.object(sys, "argv", ["adaspec", *arguments]),
        patch.object(sys, "stdin", io.StringIO()),
        redirect_stdout(out),
        redirect_stderr(said),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), said.getvalue())


def in_a_process(*arguments: str, home: Path, **more) -> subprocess.CompletedProcess[str]:
    """The same as a user starts it: what trains, and what is told of the start itself."""
    return subprocess.run(
        [*ADASPEC, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"ADASPEC_HOME": str(home), "COLUMNS": "120"},
        check=False,
        **more,
    )


def one_line_error(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


WRONG_WORDS = [
    (["run", "tinny"], "Did you mean 'tiny'?"),
    (["run"], "Missing argument 'RECIPE'"),
    (["rum"], "No such command 'rum'"),
    (["run", "tiny", "--sett", "a=b"], "No such option"),
    (["run", "tiny", "--set", "stage2.k=2"], "stage2.k: Input should be less than or equal"),
    (["run", "tiny", "--set", "stage2.kk=2"], "Did you mean 'k'?"),
    (["run", "nowhere.yaml"], "No recipe file nowhere.yaml"),
    (["submit", "tinny"], "Did you mean 'tiny'?"),
    (
        ["submit", "tiny", "--set", "stage2.k=0"],
        "stage2.k: Input should be greater than or equal to 0.001",
    ),
    (["cancel", "nothing"], "No job 'nothing'. See: adaspec jobs"),
    (["cancel", ""], "No job ''"),
    (["resume", "nothing"], "No run 'nothing'"),
    (["move", "nothing", "up"], "'up' is not one of 'first', 'last'"),
    (["report", "nothing"], "No run 'nothing'. Runs live in"),
    (["report", "."], ". is not a run folder: it has no run.json."),
]


@pytest.mark.parametrize(("arguments", "expected"), WRONG_WORDS)
def test_wrong_words_are_one_line_and_leave_nothing(tmp_path, arguments, expected) -> None:
    assert expected in one_line_error(adaspec(*arguments, home=tmp_path / "home"))
    assert not (tmp_path / "home").exists()


WITHOUT_TORCH = """
import json, sys
sys.modules["torch"] = None
from adaspec.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["adaspec", *words]
    try:
        main()
    except SystemExit as end:
        assert end.code == 2
"""


def test_wrong_words_need_no_torch_and_no_traceback(tmp_path) -> None:
    words = json.dumps([arguments for arguments, _ in WRONG_WORDS])
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, words],
        capture_output=True,
        text=True,
        env=os.environ | {"ADASPEC_HOME": str(tmp_path / "home"), "COLUMNS": "120"},
        check=True,
    ).stderr.splitlines()
    assert len(said) == len(WRONG_WORDS)
    for line, (_, expected) in zip(said, WRONG_WORDS, strict=True):
        assert line.startswith("error: ")
        assert expected in line


def listed(home: Path) -> list[dict]:
    return json.loads(adaspec("jobs", "--json", home=home).stdout)


def test_the_queue_from_the_command_line(tmp_path) -> None:
    home = tmp_path / "home"
    assert listed(home) == []
    submitted = [
        adaspec("submit", "tiny", "--owner", owner, "--set", f"seed={seed}", home=home)
        for owner, seed in (("ada", 1), ("ada", 2), ("bob", 3))
    ]
    assert [done.returncode for done in submitted] == [0, 0, 0]
    assert "No supervisor is running: start adaspec supervisor" in submitted[0].stderr
    ids = [done.stdout.split()[0] for done in submitted]
    assert [(job["id"], job["position"], job["owner"]) for job in listed(home)] == [
        (ids[0], 1, "ada"),
        (ids[2], 2, "bob"),
        (ids[1], 3, "ada"),
    ]
    first = listed(home)[0]
    assert first["run"] == first["id"]
    assert (first["name"], first["state"], first["attempt"]) == ("tiny", "queued", 0)
    assert adaspec("move", ids[1], "first", home=home).stdout == f"{ids[1]} is position 1.\n"
    assert "is cancelled" in adaspec("cancel", ids[0], home=home).stdout
    assert [job["position"] for job in listed(home)] == [1, 2, None]
    assert "is cancelled already" in one_line_error(adaspec("cancel", ids[0], home=home))
    assert "is queued, position 3" in adaspec("resume", ids[0], home=home).stdout
    table = adaspec("jobs", home=home).stdout
    assert all(word in table for word in [*ids, "queued, 1", "ada", "bob"])


def test_a_headless_server_trains_what_is_submitted(home, tmp_path, content, finished_run) -> None:
    shutil.copytree(finished_run.path, home / "runs" / finished_run.path.name)
    file = write(content, tmp_path)
    offered = adaspec("submit", file, home=home)
    assert (offered.returncode, listed(home)) == (0, [])
    assert f"Run {finished_run.path.name} has trained this recipe already" in offered.stdout
    identity = adaspec("submit", file, "--new", home=home).stdout.split()[0]
    server = subprocess.Popen([*ADASPEC, "supervisor"], stderr=subprocess.DEVNULL)
    try:
        enough(lambda: queue.find(identity).state == "succeeded")
    finally:
        server.send_signal(signal.SIGINT)
    assert server.wait(timeout=60) == 0
    assert "acceptance" in adaspec("report", identity, home=home).stdout


def test_a_run_that_has_begun_is_not_asked_for_room(finished_run, mini, monkeypatch) -> None:
    assert not training.has_begun(mini, None)
    assert training.has_begun(mini, finished_run.path)
    monkeypatch.setenv("ADASPEC_HOME", str(finished_run.path.parents[1]))
    assert training.has_begun(mini, None)


def write(content: dict, folder: Path) -> str:
    (folder / "mini.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return str(folder / "mini.yaml")


def test_faults_in_data_and_models_leave_nothing_behind(content, tmp_path) -> None:
    """In-process for speed: every one is refused before a run folder exists."""
    from adaspec import AdaspecError, pipeline, recipe

    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"question": "x", "answer": "y"}\n{"question": \n')
    name = write(content, tmp_path)
    cases = {
        f"data.train={bad}": "line 2: not JSON",
        "data.train=nowhere.jsonl": "/nowhere.jsonl",
        "data.train={hub: openai/gsm8k}": "cannot fetch openai/gsm8k from the Hugging Face Hub",
        "data.response={reply}": "no field 'reply'",
        "data.max_length=6": "lost its whole response",
        "target=./nowhere": "no model folder",
        "target=EleutherAI/pythia-31m": "cannot fetch EleutherAI/pythia-31m",
        "draft={source: target}": "needs `layers`",
        "draft={source: target, layers: [7]}": "7 is not a layer",
        "precision=bf16": "bf16 needs a GPU",
    }
    for override, expected in cases.items():
        with pytest.raises(AdaspecError) as raised:
            pipeline.execute(recipe.load(name, [override]), tmp_path / "run")
        assert expected in str(raised.value), override
        assert "\n" not in str(raised.value)
        assert not (tmp_path / "run").exists()


def test_run_then_report(content, tmp_path) -> None:
    name = write(content, tmp_path)
    done = in_a_process("run", name, "--run-dir", str(tmp_path / "run"), home=tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("stock", "distillspec = reference", "adaspec", "α", str(tmp_path / "run")):
        assert word in done.stdout
    shown = adaspec("report", str(tmp_path / "run"), "--json", home=tmp_path)
    content = json.loads(shown.stdout)
    assert content == runs.read_report(runs.Run(tmp_path / "run")).model_dump(mode="json")
    assert set(content) >= {"run", "recipe", "target", "drafts"}
    draft = content["drafts"][-1]
    assert draft["name"] == "adaspec"
    assert set(draft["alpha"]) >= {"generated", "generated_ci", "dataset"}
    again = adaspec("run", name, "--run-dir", str(tmp_path / "run"), home=tmp_path)
    assert again.returncode == 0
    table = adaspec("report", str(tmp_path / "run"), home=tmp_path).stdout
    assert table.strip() in again.stdout
    other = adaspec(
        "run", name, "--set", "seed=4", "--run-dir", str(tmp_path / "run"), home=tmp_path
    )
    assert "is a run of another recipe" in one_line_error(other)


def test_out_of_memory_says_what_to_do(content, tmp_path) -> None:
    huge = {"vocabulary": 300, "hidden": 8192, "layers": 1, "heads": 8, "feed_forward": 1_000_000}
    name = write(dict(content, target={"new": huge}), tmp_path)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

    command = ("run", name, "--run-dir", str(tmp_path / "run"))
    assert "of memory and there are" in one_line_error(in_a_process(*command, home=tmp_path))
    done = in_a_process(*command, "--anyway", home=tmp_path, preexec_fn=limit)
    assert "Out of memory" in one_line_error(done)
    assert not (tmp_path / "run").exists()


def test_a_full_disk_says_what_to_do_and_loses_nothing(content, tmp_path) -> None:
    """A real small file system, filled by the run; with room made, the same command goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        name = write(content, tmp_path)
        command = ("run", name, "--run-dir", str(disk / "run"))
        message = one_line_error(in_a_process(*command, home=tmp_path))
        assert "The disk is full" in message
        state = runs.read_state(runs.Run(disk / "run"))
        assert state.state in ("failed", "interrupted")
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        assert in_a_process(*command, home=tmp_path).returncode == 0
        assert runs.read_state(runs.Run(disk / "run")).state == "finished"
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_recipes_lists_every_recipe(tmp_path) -> None:
    listed = adaspec("recipes", home=tmp_path).stdout
    for name in ("tiny", "smollm2-gsm8k", "paper/xsum-codegen-optimal"):
        assert name in listed
