"""The target's own answers: written once, gone on with where they stopped, trained on."""

from __future__ import annotations

import copy
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from adaspec import estimate, measurement, models, own_text, pace, pipeline, recipe, runs, tokens
from adaspec.analysis.comparison import compare
from adaspec.analysis.identity import unlike
from adaspec.data import Example, prepare
from adaspec.recipe import Answers, Recipe, trainings
from adaspec.runs import Run, Unreadable

LENGTH = 80
HOW = Answers(max_new_tokens=12, batch=4, temperature=0.8)
IDENTITY = "answers-of-a-test"
EOS = 0


@dataclass(frozen=True)
class World:
    target: Any
    eos: int
    prompts: list[Example]


@pytest.fixture(scope="module")
def world(mini: Recipe) -> World:
    opened = models.open_model(mini.target, [], 0, "target")
    dataset = prepare(mini.data, opened.tokenizer, 0)
    short = sorted(dataset.train, key=lambda example: example.prompt_length)[:10]
    assert short[-1].prompt_length < LENGTH - 10
    assert opened.tokenizer.eos_token_id == EOS
    return World(opened.model, EOS, short)


def write(
    world: World,
    how: Answers = HOW,
    count: int = 10,
    on_answers: Callable[[int], None] = lambda count: None,
) -> list[list[int]]:
    table = own_text.write(
        world.target,
        world.prompts[:count],
        how,
        identity=IDENTITY if world.eos == EOS else "answers-of-another-end",
        vocabulary=300,
        eos=world.eos,
        max_length=LENGTH,
        seed=0,
        on_answers=on_answers,
    )
    responses: list[list[int]] = table["response"].to_pylist()
    return responses


@pytest.fixture
def batches_written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of every batch that the target is asked to write."""
    sizes: list[int] = []

    def counted(target: Any, examples: list[Example], **settings: Any) -> list[Example]:
        sizes.append(len(examples))
        return measurement.continue_batch(target, examples, **settings)

    monkeypatch.setattr(own_text, "continue_batch", counted)
    return sizes


def test_an_answer_is_written_once_and_more_are_added(home, world, batches_written) -> None:
    first = write(world)
    assert batches_written == [4, 4, 2]
    assert write(world) == first
    assert batches_written == [4, 4, 2]
    assert write(world, count=8) == first[:8]
    twice = write(world, HOW.model_copy(update={"samples": 2}))
    assert twice[:10] == first
    assert twice[10:] != first
    assert batches_written == [4, 4, 2] * 2


def test_who_was_killed_goes_on_with_the_next_batch(home, world, batches_written) -> None:
    def stop(count: int) -> None:
        if len(batches_written) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(world, on_answers=stop)
    resumed = write(world)
    assert batches_written == [4, 4, 2]
    own_text.teacher_cache.folder_of(IDENTITY).rename(home / "elsewhere")
    assert write(world) == resumed


@pytest.mark.parametrize("harm", [lambda data: data[:-20], lambda data: b""])
def test_a_damaged_batch_is_written_anew(home, world, batches_written, caplog, harm) -> None:
    first = write(world)
    file = min(own_text.teacher_cache.folder_of(IDENTITY).glob("*.parquet"))
    file.write_bytes(harm(file.read_bytes()))
    with caplog.at_level(logging.WARNING, "adaspec"):
        assert write(world) == first
    assert len(batches_written) == 4
    assert "written anew" in caplog.text


def test_answers_fit_and_only_whole_ones_end(home, world) -> None:
    """The end is a token that this target often says, so that some answers come to it."""
    how = HOW.model_copy(update={"max_new_tokens": 50})
    often = write(world, how)[0][3]
    responses = write(replace(world, eos=often), how)
    rooms = [LENGTH - prompt.prompt_length for prompt in world.prompts]
    assert all(0 < len(each) <= room for each, room in zip(responses, rooms, strict=True))
    assert all(often not in each[:-1] for each in responses)
    whole = [each[-1] == often for each in responses]
    full = [len(each) == room for each, room in zip(responses, rooms, strict=True)]
    assert any(whole)
    assert any(full)
    assert all(map(any, zip(whole, full, strict=True)))
    assert sum(map(len, responses)) <= own_text.most_tokens(world.prompts, how, LENGTH)


def test_the_key_follows_from_all_that_answers_depend_on() -> None:
    base: tuple[Any, ...] = ("target", "float32", 300, EOS, HOW, LENGTH, 0)
    others = ("another", "bf16", 299, 5, HOW.model_copy(update={"top_p": 0.9}), LENGTH + 1, 1)
    keys = {
        own_text.key(*base[:number], other, *base[number + 1 :])
        for number, other in enumerate(others)
    }
    assert len(keys | {own_text.key(*base)}) == 1 + len(others)
    more = HOW.model_copy(update={"samples": 5})
    assert own_text.key(*base[:4], more, *base[5:]) == own_text.key(*base)


# A run


@pytest.fixture(scope="module")
def own(content: dict[str, Any]) -> Recipe:
    """As `mini`, but on both kinds of answers, and with few decodings."""
    changed = copy.deepcopy(content)
    changed["data"] |= {
        "limit": 12,
        "responses": "both",
        "answers": {"samples": 2, "max_new_tokens": 10, "batch": 6},
    }
    del changed["stage2"]
    changed["stage1"]["epochs"] = 2
    changed["evaluation"] |= {
        "snapshots": 0,
        "speculation": {"prompts": 1, "max_new_tokens": 4, "timed": 1, "gammas": [1]},
    }
    return recipe.parse(changed)


@pytest.fixture(scope="module")
def killed_run(own: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Stopped while the target wrote, then while the draft was trained on that; then finished."""
    home = tmp_path_factory.mktemp("home")

    def stop_at(name: str, step: int) -> Callable[[runs.Stage, dict[str, Any]], None]:
        def stop(stage: runs.Stage, row: dict[str, Any]) -> None:
            if stage.name == name and row["step"] >= step:
                raise KeyboardInterrupt

        return stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADASPEC_HOME", str(home))
        for name, step in (("answers", 12), ("reference", 4)):
            with pytest.raises(KeyboardInterrupt):
                pipeline.execute(own, home / "run", on_progress=stop_at(name, step))
        return pipeline.execute(own, home / "run")


def test_a_killed_run_ends_with_the_same_weights(home: Path, own: Recipe, killed_run: Run) -> None:
    whole = pipeline.execute(own, home / "run")
    first, second = (
        load_file(run.model("reference") / "model.safetensors") for run in (whole, killed_run)
    )
    assert all((first[name] == second[name]).all() for name in first)
    responses = [
        own_text.read_table(run.answers_file, own_text.ANSWERS, ["response"])
        for run in (whole, killed_run)
    ]
    assert responses[0] == responses[1]


def test_what_the_answers_took_is_in_report_and_estimate(own: Recipe, killed_run: Run) -> None:
    state = runs.read_state(killed_run)
    known = pace.of_run(killed_run, state, own)
    assert known is not None
    seconds = {
        samples: estimate.extrapolate(
            own.model_copy(
                update={
                    "data": own.data.model_copy(
                        update={"answers": own.data.answers.model_copy(update={"samples": samples})}
                    )
                }
            ),
            known,
        ).stages
        for samples in (2, 4)
    }
    assert seconds[4]["answers"] == pytest.approx(2 * seconds[2]["answers"])
    assert seconds[4]["reference"] > seconds[2]["reference"]
    report = runs.read_report(killed_run)
    assert report.answers is not None
    assert report.answers.answers == 24
    assert report.answers.seconds == pytest.approx(seconds[2]["answers"], rel=1e-4)
    assert 24 <= report.answers.tokens <= 240
    assert 4 <= report.answers.passes <= 4 * 10
    assert "24 of them" in str(report.answers)


def test_a_run_trains_on_both_and_does_what_its_plan_says(own: Recipe, killed_run: Run) -> None:
    state = runs.read_state(killed_run)
    assert state.facts is not None
    (reference,) = trainings(own, state.facts.training_rows)
    assert reference.steps == 2 * 12 * 3 // 6
    assert runs.read_trained(killed_run, "reference").budget.sequences == 72
    done = {name: steps[-1].step for name, steps in runs.read_metrics(killed_run).items()}
    assert done == {stage.name: stage.steps for stage in state.plan}
    assert [stage.name for stage in state.plan][:3] == ["answers", "continuations", "cache"]


def test_its_answers_are_shown_and_do_not_enter_the_figures(killed_run: Run) -> None:
    assert tokens.sources(killed_run) == ["generated", "dataset", "answers"]
    shown = tokens.examples(killed_run, "answers")
    assert len(shown) == len(tokens.examples(killed_run, "generated")) == 6
    ids = tokens.rows(killed_run, "answers", 0, [])["token"].tolist()
    first = own_text.read_table(killed_run.answers_file, own_text.ANSWERS)["response"][0].as_py()
    assert ids == first
    report = runs.read_report(killed_run)
    for source, alpha in (
        ("generated", report.draft("reference").alpha.generated),
        ("dataset", report.draft("reference").alpha.dataset),
    ):
        overlap = tokens.column(killed_run, source, "overlap", "reference")
        assert overlap.astype(float).mean() == pytest.approx(alpha, abs=1e-6)
        assert getattr(report.tokens, source) == len(overlap)


def test_a_damaged_file_of_answers_says_what_to_do(killed_run: Run, tmp_path: Path) -> None:
    file = tmp_path / "answers.parquet"
    file.write_bytes(killed_run.answers_file.read_bytes()[:-9])
    with pytest.raises(Unreadable, match=r"answers.parquet is damaged .*Delete it: the target"):
        own_text.read(file, [], 1)
    with pytest.raises(Unreadable, match="has 24 answers to 0 prompts"):
        own_text.read(killed_run.answers_file, [], 1)


def test_it_compares_with_a_run_on_other_answers(killed_run: Run, tmp_path: Path) -> None:
    """Held-out texts are the same; what drafts were trained on is what differs."""
    other = Run(shutil.copytree(killed_run.path, tmp_path / "other"))
    sequences = measurement.read_sequences(other.sequences_file)
    del sequences["answers"]
    measurement.write_sequences(other.sequences_file, sequences)
    assert unlike(killed_run, other) is None
    notes = compare([killed_run]).notes
    assert any("the target wrote the training answers" in note for note in notes)
