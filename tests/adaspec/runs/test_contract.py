"""The one door: old versions open, what is written reads back, damage is one kind of error."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from adaspec import AdaspecError, replays, runs, schemas
from adaspec.runs import Run, Unreadable
from adaspec.runs.contract import Rows
from tests.comparisons import ABLATION_1, ABLATION_2, COMPARISON_2, COMPARISON_4, DATA, EXPORT_1
from tests.studio import ROOT

OLD = Run(ROOT / "tests" / "data" / "run-version-1")
"""What the bundled example was before versions were numbered: some of its files."""
FILES = {
    "run": OLD.state_file,
    "event": OLD.events_file,
    "step": OLD.metrics_file,
    "notes": OLD.notes_file,
    "training": OLD.budget_file("adaspec"),
    "checkpoint": OLD.checkpoints("adaspec") / "00000100" / "budget.json",
    "best": OLD.checkpoints("adaspec") / "best" / "best.json",
    "speed": OLD.speed_file,
    "trace": OLD.replay("adaspec", 0),
    "report": OLD.report_file,
    "checks": OLD.checks_file,
    "served": DATA / "served-version-1.json",
    "draft_vocabulary": DATA / "draft-vocabulary-version-1.json",
    "left_out": DATA / "left-out-version-1.json",
    "ceiling": DATA / "ceiling-version-1.json",
    "comparison": COMPARISON_2,
    "ablation": ABLATION_1,
    "export": EXPORT_1,
}
CONTENTS = {
    name: file.read_bytes().splitlines()[-1] if file.suffix == ".jsonl" else file.read_bytes()
    for name, file in FILES.items()
}
names = st.sampled_from(sorted(FILES))


def read(name: str, data: bytes, folder: Path) -> Any:
    """What the contract of this name makes of a file, or of a line, with these bytes."""
    contract, path = schemas.CONTRACTS[name], folder / f"{name}.json"
    if isinstance(contract, Rows):
        return next(contract.rows([data], path), None)
    path.write_bytes(data)
    return contract.read(path)


def written(name: str, content: Any) -> bytes:
    contract = schemas.CONTRACTS[name]
    return contract.line(content) if isinstance(contract, Rows) else contract.dump(content)


# Versions


def test_every_contract_is_known_with_its_version() -> None:
    assert FILES.keys() == schemas.CONTRACTS.keys()
    for name, contract in schemas.CONTRACTS.items():
        schema = contract.schema()
        models = list(schema["$defs"].values()) if "oneOf" in schema else [schema]
        for model in models:
            assert model["properties"]["version"]["const"] == contract.version, name


def test_a_run_of_version_1_opens(tmp_path: Path) -> None:
    run = Run(shutil.copytree(OLD.path, tmp_path / "run"))
    state = runs.read_state(run)
    assert (state.state, state.name, len(state.plan)) == ("finished", "tiny", 8)
    assert state.facts
    assert (state.facts.training_rows, state.facts.cache) == (1200, "disk")
    assert (state.facts.draft_parameters, state.facts.torch) == (52368, "2.13.0+cpu")
    report = runs.read_report(run)
    assert report.draft("adaspec").alpha.generated == 0.7330063968578736
    assert (report.draft("distillspec").same_as, report.draft("adaspec").needs) == (
        "reference",
        ["reference"],
    )
    assert runs.read_events(run)[0] == runs.Started(time=1795565864.629784, processes=1)
    assert runs.read_metrics(run)["adaspec"][0].alpha == 0.6467973589897156
    assert runs.read_trained(run, "adaspec").budget.sequences == 9000
    assert runs.read_speed(run).drafts["adaspec"][4].draft_ms == pytest.approx(0.497, abs=1e-3)
    assert replays.TRACE.read(run.replay("adaspec", 0)).stopped == "eos"
    checkpoint = runs.CHECKPOINT.read(FILES["checkpoint"])
    assert (checkpoint.budget.steps, runs.BEST.read(FILES["best"]).step) == (100, 75)


@pytest.mark.parametrize(("name", "file"), [("comparison", COMPARISON_4), ("ablation", ABLATION_2)])
def test_what_is_compared_today_reads_back(name: str, file: Path, tmp_path: Path) -> None:
    content = read(name, file.read_bytes(), tmp_path)
    assert json.loads(written(name, content)) == json.loads(file.read_bytes())
    old = read(name, CONTENTS[name], tmp_path)
    assert (old.frontier, content.frontier[0]) == ([], "stock")


def test_a_run_before_its_data_were_open_has_no_facts(tmp_path: Path) -> None:
    content = json.loads(CONTENTS["run"]) | {"facts": {}}
    assert read("run", json.dumps(content).encode(), tmp_path).facts is None


@pytest.mark.parametrize("name", FILES)
def test_a_newer_version_is_refused_with_what_to_do(name: str, tmp_path: Path) -> None:
    for version in (99, 10**40):
        content = json.dumps(json.loads(CONTENTS[name]) | {"version": version})
        with pytest.raises(Unreadable, match=f"{name}.json is of a newer version.*: update it"):
            read(name, content.encode(), tmp_path)


@pytest.mark.parametrize("version", [0, -1, True, "1", None, 1.0, [1]])
def test_what_is_no_version_is_damage(version: object, tmp_path: Path) -> None:
    content = json.dumps(json.loads(CONTENTS["report"]) | {"version": version})
    with pytest.raises(Unreadable, match=r"is damaged \(version: not a number from 1\)"):
        read("report", content.encode(), tmp_path)


def test_a_report_from_before_decoding_says_so(tmp_path: Path) -> None:
    content = json.loads(CONTENTS["report"])
    del content["speculation"]
    with pytest.raises(Unreadable, match=r"before drafts were decoded with.* adaspec measure"):
        read("report", json.dumps(content).encode(), tmp_path)


# Round trips


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_reads_back(name: str, tmp_path: Path) -> None:
    content = read(name, CONTENTS[name], tmp_path)
    data = written(name, content)
    assert json.loads(data)["version"] == schemas.CONTRACTS[name].version
    assert read(name, data, tmp_path) == content


finite = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | finite
counts = st.integers(0, 2**63 - 1)
words = st.text(st.characters(codec="utf-8"))
steps = st.builds(
    runs.Step, words, finite, counts, maybe, maybe, maybe, maybe, maybe, maybe, st.none() | counts
)
events = (
    st.builds(runs.Started, time=finite, processes=st.integers(1, 2**63 - 1))
    | st.builds(runs.StageBegan, time=finite, stage=words)
    | st.builds(runs.Finished, time=finite)
)


@given(rows=st.lists(steps), more=st.lists(events))
def test_rows_read_back(rows: list[runs.Step], more: list[runs.Event]) -> None:
    path = Path("rows.jsonl")
    assert list(runs.METRICS.rows(map(runs.METRICS.line, rows), path)) == rows
    assert list(runs.EVENTS.rows(map(runs.EVENTS.line, more), path)) == more


# Damage


def places(content: Any) -> Iterator[tuple[Any, ...]]:
    """The path of every value in nested content."""
    keys = content if isinstance(content, dict) else range(len(content))
    for key in keys:
        yield (key,)
        if isinstance(content[key], dict | list):
            yield from ((key, *rest) for rest in places(content[key]))


PLACES = {name: list(places(json.loads(content))) for name, content in CONTENTS.items()}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def changed(draw: Callable[..., Any]) -> tuple[str, bytes]:
    """A file in which one value is another, is missing, or has a neighbour too many."""
    name = draw(names)
    content = json.loads(CONTENTS[name])
    *before, last = draw(st.sampled_from(PLACES[name]))
    inside = content
    for key in before:
        inside = inside[key]
    what = draw(st.sampled_from(["other", "missing", "more"]))
    if what == "missing":
        del inside[last]
    elif what == "more" and isinstance(inside, dict):
        inside[draw(st.text())] = draw(values)
    else:
        inside[last] = draw(values)
    return name, json.dumps(content).encode()


def holds(name: str, data: bytes, folder: Path) -> None:
    """It is read, and then reads back; or it is refused in one line that names the file."""
    refused, content = None, None
    try:
        content = read(name, data, folder)
    except Unreadable as error:
        refused = str(error)
    if refused is not None:
        assert refused.startswith(str(folder / f"{name}.json"))
        assert refused.isprintable()
        assert len(refused) <= 500
    if content is not None:
        assert read(name, written(name, content), folder) == content


fuzz = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(file=changed())
def test_a_changed_value_is_read_or_refused(file: tuple[str, bytes], tmp_path: Path) -> None:
    holds(*file, tmp_path)


@fuzz
@given(name=names, data=st.data())
def test_torn_and_flipped_bytes_are_read_or_refused(name: str, data: Any, tmp_path: Path) -> None:
    content = bytearray(CONTENTS[name])
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    holds(name, bytes(content[: data.draw(st.integers(0, len(content)))]), tmp_path)


@fuzz
@given(name=names, content=st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_foreign_content_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    holds(name, content, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_swapped_are_refused(name: str, tmp_path: Path) -> None:
    for other in FILES.keys() - {name}:
        with pytest.raises(Unreadable, match=rf"{name}\.json is (damaged|of a newer)"):
            read(name, CONTENTS[other], tmp_path)


@pytest.mark.parametrize("value", ["225", 225.5, True, None, [225], {"steps": 225}, 2**63, -1])
def test_a_number_is_a_number(value: object, tmp_path: Path) -> None:
    content = json.loads(CONTENTS["training"])
    content["budget"]["steps"] = value
    with pytest.raises(Unreadable, match=r"is damaged \(budget\.steps: Input should be"):
        read("training", json.dumps(content).encode(), tmp_path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "EOF"),
        (b"null", "not an object"),
        (b"[" * 100_000, "recursion limit"),
        (b'{"a":' * 100_000, "recursion limit"),
        (b"\xff\xfe{", "expected value"),
        (b'{"version": 2, "id": "x"}', "Field required"),
    ],
)
def test_damage_is_told_with_its_reason(data: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=reason) as refused:
        read("run", data, tmp_path)
    assert refused.value.path == tmp_path / "run.json"
    assert reason in refused.value.reason


def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    not_files = {"folder": "is not a file", "pipe": "is not a file", "none": "is not there"}
    for name, reason in not_files.items():
        with pytest.raises(Unreadable, match=reason):
            runs.REPORT.read(tmp_path / name)


def test_a_damaged_line_is_told_with_its_number_and_a_torn_one_passed_over(tmp_path: Path) -> None:
    run = Run(tmp_path)
    whole = OLD.metrics_file.read_bytes().splitlines()
    run.metrics_file.write_bytes(b"\n".join([whole[0], whole[1][:30], whole[2], b""]))
    reader = runs.MetricsReader(run)
    before = reader.read()
    assert [step.step for step in before["continuations"]] == [1, 3]
    with run.metrics_file.open("ab") as file:
        file.write(b"\n".join([whole[3], b'{"stage": "adaspec", "time": "noon", "step": 1}', b""]))
    for _ in range(2):
        with pytest.raises(Unreadable, match=r"metrics.jsonl is damaged \(line 5, time: Input"):
            reader.read()


def test_a_number_that_is_none_stops_the_training(tmp_path: Path) -> None:
    with pytest.raises(AdaspecError, match="alpha is nan at step 3 of adaspec"):
        runs.log_step(Run(tmp_path), "adaspec", {"step": 3, "alpha": float("nan")})
    with pytest.raises(ValidationError):  # what no row has a place for is a fault of ours
        runs.log_step(Run(tmp_path), "adaspec", {"step": 3, "alhpa": 1.0})


def test_a_damaged_run_harms_no_other(home: Path, mini: Any) -> None:
    good = runs.create(mini)
    bad = runs.create(mini)
    bad.state_file.write_bytes(b'{"id":')
    assert runs.newest(mini, "running") == good


def test_names_in_a_file_lead_to_no_other_folder(tmp_path: Path) -> None:
    content = json.loads(CONTENTS["run"])
    for folder in ("../../etc", "/etc", "models/../..", "models/", "drafts/.hidden"):
        changed = content | {"models": {"stock": folder}}
        with pytest.raises(Unreadable, match=r"models\.stock"):
            read("run", json.dumps(changed).encode(), tmp_path)
    content["plan"][2]["name"] = "../reference"
    with pytest.raises(Unreadable, match=r"plan\.2\.name"):
        read("run", json.dumps(content).encode(), tmp_path)


def test_the_stage_that_version_1_called_teach_is_the_cache() -> None:
    kinds = {stage.name: stage.kind for stage in runs.read_state(OLD).plan}
    assert kinds["knowledge"] == "cache"
