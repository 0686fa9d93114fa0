"""What the target knows, computed once: the same as asking it, whatever happens to the files."""

from __future__ import annotations

import copy
import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st

from adaspec import data, knowledge, pipeline, runs, training
from adaspec.data import Example, collate
from adaspec.knowledge import Knowledge
from adaspec.teacher import Recalled, Teacher, all_losses_r
from tests.adaspec.test_training import World, plan

KEY = "0123"
TOKENS = 400
"""Of a forward pass: a few sequences."""
ASKED = Recalled(None, None)


@pytest.fixture(scope="module")
def world(mini) -> World:
    torch.manual_seed(0)
    return World(mini)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge, "SHARD", 64_000)  # some 500 rows


def build(world: World, tokens: int = TOKENS) -> Knowledge:
    return knowledge.on_disk(world.target, world.examples, KEY, tokens, lambda sequences: None)


def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sequences each call asked the target about."""
    calls: list[int] = []
    original = knowledge._ask

    def ask(target: Any, examples: list[Example], tokens: int) -> torch.Tensor:
        calls.append(len(examples))
        return original(target, examples, tokens)

    monkeypatch.setattr(knowledge, "_ask", ask)
    return calls


def states(known: Knowledge, world: World) -> torch.Tensor:
    return known.rows(list(range(len(world.examples))))


# The same as asking


def test_states_are_the_targets(home, world, small_shards) -> None:
    """To 1e-5: other sequences pad a batch, and sums round otherwise."""
    known = build(world)
    assert len(known.shards) > 2
    teacher = Teacher(world.target, world.vocabulary, world.reference, known)
    plain = Teacher(world.target, world.vocabulary, world.reference)
    places = [7, 0, 29, 12]
    batch = collate([world.examples[place] for place in places])
    ours, theirs = (one.rows(batch, one.recall(places)) for one in (teacher, plain))
    torch.testing.assert_close(ours.hidden, theirs.hidden, rtol=1e-5, atol=1e-5)
    in_memory = knowledge.in_memory(world.target, world.examples, TOKENS, lambda sequences: None)
    assert torch.equal(states(in_memory, world), states(known, world))


def test_losses_of_the_reference_are_computed_once(home, world, small_shards) -> None:
    known = build(world)
    teacher = Teacher(world.target, world.vocabulary, world.reference, known)
    folder = knowledge.folder_of(KEY)
    rows = sum(one.predicted for one in world.examples)
    calls = []

    def compute() -> torch.Tensor:
        calls.append(1)
        return all_losses_r(teacher, world.examples, TOKENS)

    once = knowledge.losses_r(folder, "r", rows, compute)
    again = knowledge.losses_r(folder, "r", rows, compute)
    assert torch.equal(once, again)
    assert calls == [1]
    places = [3, 20, 4]
    batch = collate([world.examples[place] for place in places])
    plain = Teacher(world.target, world.vocabulary, world.reference)
    expected = plain.loss_r(plain.rows(batch, ASKED), batch, ASKED)
    parts = torch.split(once, [one.predicted for one in world.examples])
    ours = torch.cat([parts[place] for place in places])
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)
    knowledge.losses_r(folder, "another", rows, compute)
    assert calls == [1, 1]


@pytest.mark.parametrize("selector", ["top_delta", "all"])
def test_fifty_steps_end_with_the_same_weights(home, world, mini, tmp_path, selector) -> None:
    """Same selections, losses to 1e-5, weights to 1e-5 of their norm."""
    spec = plan(mini, "adaspec", rows=len(world.examples), selector=selector)
    spec = spec.model_copy(update={"steps": 50})
    known = build(world)
    sizes = [one.predicted for one in world.examples]
    teacher = Teacher(world.target, world.vocabulary, world.reference, known)
    losses = torch.split(all_losses_r(teacher, world.examples, TOKENS), sizes)
    cached = Teacher(world.target, world.vocabulary, world.reference, known, list(losses))
    plain = Teacher(world.target, world.vocabulary, world.reference)
    outcomes = [train(world, spec, one, tmp_path / str(i)) for i, one in enumerate((cached, plain))]
    (ours, masks, weights), (theirs, plain_masks, plain_weights) = outcomes
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert all(torch.equal(a, b) for a, b in zip(masks, plain_masks, strict=True))
    assert len(masks) == (50 if selector == "top_delta" else 0)
    for a, b in zip(weights, plain_weights, strict=True):
        assert (a - b).norm() / b.norm() < 1e-5


def train(world: World, spec: Any, teacher: Teacher, folder: Path) -> Any:
    """(losses, masks, weights) of a training."""
    draft, losses, masks = copy.deepcopy(world.draft), [], []
    original = training.select

    def select(*args: Any) -> torch.Tensor:
        masks.append(original(*args))
        return masks[-1]

    def on_step(row: dict[str, Any]) -> None:
        losses.extend([row["loss"]] if "loss" in row else [])

    training.select = select
    try:
        training.train(
            spec, draft, teacher, world.examples,
            accelerator=Accelerator(cpu=True), checkpoints=folder,
            checkpoint_every=1000, hooks=training.Hooks(lambda model: {}, 1, on_step),
        )  # fmt: skip
    finally:
        training.select = original
    return losses, masks, list(draft.parameters())


def test_rows_never_ask_a_target_that_is_known(home, world) -> None:
    known = build(world)

    class Silent:
        """Only its head may be used."""

        device = world.target.device
        config = world.target.config
        get_output_embeddings = world.target.get_output_embeddings

    teacher = Teacher(Silent(), world.vocabulary, None, known)
    batch = collate(world.examples[:2])
    rows = teacher.rows(batch, teacher.recall([0, 1]))
    assert rows.log_probs(slice(0, 3)).shape == (3, world.vocabulary)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(4, 4000))
def test_shards_hold_every_example_once(sizes, row_bytes) -> None:
    examples = [Example(np.zeros(size + 1, dtype=np.int64), 1) for size in sizes]
    layout = knowledge.shards(examples, row_bytes)
    assert [place for one in layout for place in range(one.first, one.end)] == list(
        range(len(sizes))
    )
    assert [one.rows for one in layout] == [sum(sizes[one.first : one.end]) for one in layout]


# Files that are not what they should be


def shard_file() -> Path:
    return knowledge.folder_of(KEY) / "00001.safetensors"


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def header_only(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-77] ^= 4
    file.write_bytes(content)


def of_another_key(file: Path) -> None:
    content = file.read_bytes().replace(KEY.encode(), b"9999", 1)
    file.write_bytes(content)


def another_shard(file: Path) -> None:
    shutil.copy(file.with_name("00000.safetensors"), file)


def gone(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    "harm", [cut_off, header_only, empty, flip_a_bit, of_another_key, another_shard, gone]
)
def test_a_damaged_shard_is_made_anew(
    home, world, small_shards, monkeypatch, harm: Callable[[Path], None], caplog
) -> None:
    whole = states(build(world), world).clone()
    harm(shard_file())
    calls = asked(monkeypatch)
    again = build(world)
    assert calls == [again.shards[1].end - again.shards[1].first]
    assert torch.equal(states(again, world), whole)
    assert (harm is gone) or "is made anew" in caplog.text


def test_a_build_that_was_killed_goes_on(home, world, small_shards, monkeypatch) -> None:
    original, calls = knowledge._ask, []

    def killed(*args: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(knowledge, "_ask", killed)
    with pytest.raises(KeyboardInterrupt):
        build(world)
    half = knowledge.folder_of(KEY) / ".00002.safetensors.x"
    half.write_bytes(b"half a shard")  # as a kill leaves it
    monkeypatch.setattr(knowledge, "_ask", original)
    calls = asked(monkeypatch)
    known = build(world)
    assert len(calls) == len(known.shards) - 2
    fresh = knowledge.in_memory(world.target, world.examples, TOKENS, lambda sequences: None)
    assert torch.equal(states(known, world), states(fresh, world))


def test_a_run_goes_on_without_it_where_the_disk_is_full(
    home, mini, finished_run, monkeypatch, tmp_path
) -> None:
    def full(*args: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(knowledge, "save_file", full)
    run = pipeline.execute(mini, tmp_path / "run")
    assert "The target is asked anew at every step: The disk is full" in run.log_file.read_text()
    ours, theirs = runs.read_report(run), runs.read_report(finished_run)
    for a, b in zip(ours.drafts, theirs.drafts, strict=True):
        assert a.alpha.generated == pytest.approx(b.alpha.generated, abs=1e-4)
    assert not list((home / "knowledge").rglob("*.safetensors"))


# Where it is kept


@pytest.mark.parametrize(
    ("needed", "reads", "place"),
    [
        (100, 10, "nowhere"),  # every sequence is read once
        (100, 11, "disk"),
        (30_000, 11, "memory"),  # more than all runs may take
        (10**17, 11, "nowhere"),
    ],
)
def test_the_place_goes_by_what_there_is_room_for(home, monkeypatch, needed, reads, place) -> None:
    monkeypatch.setenv("ADASPEC_KNOWLEDGE_BYTES", "20000")
    assert knowledge.choose(needed, reads, 10) == place


def test_the_owner_may_decide(home, monkeypatch) -> None:
    monkeypatch.setenv("ADASPEC_KNOWLEDGE", "memory")
    assert knowledge.choose(100, 5, 10) == "memory"


@pytest.mark.parametrize("place", ["memory", "nowhere"])
def test_a_run_is_the_same_wherever_it_is_kept(
    home, mini, finished_run, monkeypatch, tmp_path, place
) -> None:
    monkeypatch.setenv("ADASPEC_KNOWLEDGE", place)
    run = pipeline.execute(mini, tmp_path / "run")
    facts = runs.read_state(run).facts
    assert facts.cache == place
    assert runs.read_state(finished_run).facts.cache == "disk"
    assert not (home / "knowledge").exists()
    ours, theirs = runs.read_report(run), runs.read_report(finished_run)
    for a, b in zip(ours.drafts, theirs.drafts, strict=True):
        assert a.alpha.generated == pytest.approx(b.alpha.generated, abs=1e-4)


def test_what_was_not_used_for_longest_makes_room(home, world, monkeypatch) -> None:
    size = knowledge.size(world.target, world.examples, torch.float32)
    monkeypatch.setenv("ADASPEC_KNOWLEDGE_BYTES", str(3 * size))
    for age, key in enumerate(("new", "middle", "old")):
        knowledge.on_disk(world.target, world.examples, key, TOKENS, lambda sequences: None)
        moment = time.time() - 1000 * (age + 1)
        os.utime(knowledge.folder_of(key), (moment, moment))
    knowledge.on_disk(world.target, world.examples, "fourth", TOKENS, lambda sequences: None)
    assert {folder.name for folder in (home / "knowledge").iterdir()} <= {"new", "middle", "fourth"}


def test_the_key_follows_from_target_data_and_precision() -> None:
    keys = {
        knowledge.key("t", "d", torch.float32),
        knowledge.key("u", "d", torch.float32),
        knowledge.key("t", "e", torch.float32),
        knowledge.key("t", "d", torch.bfloat16),
    }
    assert len(keys) == 4


def test_a_second_run_asks_nothing(home, mini, monkeypatch, tmp_path) -> None:
    """Another seed, the same target and data."""
    pipeline.execute(mini, tmp_path / "one")
    calls = asked(monkeypatch)
    other = pipeline.execute(mini.model_copy(update={"seed": 1}), tmp_path / "other")
    assert calls == []
    assert runs.read_report(other).drafts


def test_data_hash_knows_token_ids_and_lengths(world) -> None:
    one = data.Dataset(world.examples, world.examples[:1], 0, 0)
    shorter = data.Dataset(world.examples[:-1], world.examples[:1], 0, 0)
    assert one.hash != shorter.hash
