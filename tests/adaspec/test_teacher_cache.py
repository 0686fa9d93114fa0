"""The target's cached states: the same as computing them, whatever happens to the files."""

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

from adaspec import data, pipeline, runs, teacher_cache, training
from adaspec.data import Example, collate
from adaspec.teacher import Cached, Teacher, all_losses_r
from adaspec.teacher_cache import TeacherCache
from tests.adaspec.test_training import World, plan

KEY = "0123"
TOKENS = 400
"""Of a forward pass: a few sequences."""
NOT_CACHED = Cached(None, None)


@pytest.fixture(scope="module")
def world(mini) -> World:
    torch.manual_seed(0)
    return World(mini)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_cache, "SHARD", 64_000)  # some 500 rows


def build(world: World, tokens: int = TOKENS) -> TeacherCache:
    return teacher_cache.on_disk(world.target, world.examples, KEY, tokens, lambda sequences: None)


def record_computations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many sequences each call computes the states of."""
    calls: list[int] = []
    original = teacher_cache._compute

    def compute(target: Any, examples: list[Example], tokens: int) -> torch.Tensor:
        calls.append(len(examples))
        return original(target, examples, tokens)

    monkeypatch.setattr(teacher_cache, "_compute", compute)
    return calls


def states(cache: TeacherCache, world: World) -> torch.Tensor:
    return cache.rows(list(range(len(world.examples))))


# The same as computing


def test_states_are_the_targets(home, world, small_shards) -> None:
    """To 1e-5: batches are padded differently, and so sums round differently."""
    cache = build(world)
    assert len(cache.shards) > 2
    teacher = Teacher(world.target, world.vocabulary, world.reference, cache)
    plain = Teacher(world.target, world.vocabulary, world.reference)
    positions = [7, 0, 29, 12]
    batch = collate([world.examples[position] for position in positions])
    ours, theirs = (each.rows(batch, each.cached(positions)) for each in (teacher, plain))
    torch.testing.assert_close(ours.hidden, theirs.hidden, rtol=1e-5, atol=1e-5)
    in_memory = teacher_cache.in_memory(
        world.target, world.examples, TOKENS, lambda sequences: None
    )
    assert torch.equal(states(in_memory, world), states(cache, world))


def test_losses_of_the_reference_are_computed_once(home, world, small_shards) -> None:
    cache = build(world)
    teacher = Teacher(world.target, world.vocabulary, world.reference, cache)
    folder = teacher_cache.folder_of(KEY)
    rows = sum(example.predicted for example in world.examples)
    calls = []

    def compute() -> torch.Tensor:
        calls.append(1)
        return all_losses_r(teacher, world.examples, TOKENS)

    once = teacher_cache.losses_r(folder, "r", rows, compute)
    again = teacher_cache.losses_r(folder, "r", rows, compute)
    assert torch.equal(once, again)
    assert calls == [1]
    positions = [3, 20, 4]
    batch = collate([world.examples[position] for position in positions])
    plain = Teacher(world.target, world.vocabulary, world.reference)
    expected = plain.loss_r(plain.rows(batch, NOT_CACHED), batch, NOT_CACHED)
    parts = torch.split(once, [example.predicted for example in world.examples])
    ours = torch.cat([parts[position] for position in positions])
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)
    teacher_cache.losses_r(folder, "another", rows, compute)
    assert calls == [1, 1]


@pytest.mark.parametrize("selector", ["top_delta", "all"])
def test_fifty_steps_end_with_the_same_weights(home, world, mini, tmp_path, selector) -> None:
    """Same selections, losses to 1e-5, weights to 1e-5 of their norm."""
    spec = plan(mini, "adaspec", rows=len(world.examples), selector=selector)
    spec = spec.model_copy(update={"steps": 50})
    cache = build(world)
    sizes = [example.predicted for example in world.examples]
    teacher = Teacher(world.target, world.vocabulary, world.reference, cache)
    losses = torch.split(all_losses_r(teacher, world.examples, TOKENS), sizes)
    cached = Teacher(world.target, world.vocabulary, world.reference, cache, list(losses))
    plain = Teacher(world.target, world.vocabulary, world.reference)
    outcomes = [
        train(world, spec, each, tmp_path / str(i)) for i, each in enumerate((cached, plain))
    ]
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


def test_cached_rows_never_run_the_target(home, world) -> None:
    cache = build(world)

    class HeadOnly:
        """Only its head may be used."""

        device = world.target.device
        config = world.target.config
        get_output_embeddings = world.target.get_output_embeddings

    teacher = Teacher(HeadOnly(), world.vocabulary, None, cache)
    batch = collate(world.examples[:2])
    rows = teacher.rows(batch, teacher.cached([0, 1]))
    assert rows.log_probs(slice(0, 3)).shape == (3, world.vocabulary)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(4, 4000))
def test_shards_hold_every_example_once(sizes, row_bytes) -> None:
    examples = [Example(np.zeros(size + 1, dtype=np.int64), 1) for size in sizes]
    layout = teacher_cache.shards(examples, row_bytes)
    assert [i for shard in layout for i in range(shard.first, shard.end)] == list(range(len(sizes)))
    assert [shard.rows for shard in layout] == [
        sum(sizes[shard.first : shard.end]) for shard in layout
    ]


# Files that are not what they should be


def shard_file() -> Path:
    return teacher_cache.folder_of(KEY) / "00001.safetensors"


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
def test_a_damaged_shard_is_recomputed(
    home, world, small_shards, monkeypatch, harm: Callable[[Path], None], caplog
) -> None:
    whole = states(build(world), world).clone()
    harm(shard_file())
    calls = record_computations(monkeypatch)
    again = build(world)
    assert calls == [again.shards[1].end - again.shards[1].first]
    assert torch.equal(states(again, world), whole)
    assert (harm is gone) or "is recomputed" in caplog.text


def test_a_killed_build_resumes(home, world, small_shards, monkeypatch) -> None:
    original, calls = teacher_cache._compute, []

    def killed(*args: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(teacher_cache, "_compute", killed)
    with pytest.raises(KeyboardInterrupt):
        build(world)
    half = teacher_cache.folder_of(KEY) / ".00002.safetensors.x"
    half.write_bytes(b"half a shard")  # as a kill leaves it
    monkeypatch.setattr(teacher_cache, "_compute", original)
    calls = record_computations(monkeypatch)
    cache = build(world)
    assert len(calls) == len(cache.shards) - 2
    fresh = teacher_cache.in_memory(world.target, world.examples, TOKENS, lambda sequences: None)
    assert torch.equal(states(cache, world), states(fresh, world))


def test_a_run_continues_without_a_cache_when_the_disk_is_full(
    home, mini, finished_run, monkeypatch, tmp_path
) -> None:
    def full(*args: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(teacher_cache, "save_file", full)
    run = pipeline.execute(mini, tmp_path / "run")
    assert (
        "Nothing is cached; the target runs at every step: The disk is full"
        in run.log_file.read_text()
    )
    ours, theirs = runs.read_report(run), runs.read_report(finished_run)
    for a, b in zip(ours.drafts, theirs.drafts, strict=True):
        assert a.alpha.generated == pytest.approx(b.alpha.generated, abs=1e-4)
    assert not list((home / "teacher-cache").rglob("*.safetensors"))


# Where it is kept


@pytest.mark.parametrize(
    ("needed", "reads", "storage"),
    [
        (100, 10, "nowhere"),  # every sequence is read once
        (100, 11, "disk"),
        (30_000, 11, "memory"),  # more than all runs may take
        (10**17, 11, "nowhere"),
    ],
)
def test_the_storage_depends_on_the_free_space(home, monkeypatch, needed, reads, storage) -> None:
    monkeypatch.setenv("ADASPEC_CACHE_BYTES", "20000")
    assert teacher_cache.choose(needed, reads, 10) == storage


def test_the_owner_may_decide(home, monkeypatch) -> None:
    monkeypatch.setenv("ADASPEC_CACHE", "memory")
    assert teacher_cache.choose(100, 5, 10) == "memory"


@pytest.mark.parametrize("storage", ["memory", "nowhere"])
def test_a_run_is_the_same_wherever_it_is_kept(
    home, mini, finished_run, monkeypatch, tmp_path, storage
) -> None:
    monkeypatch.setenv("ADASPEC_CACHE", storage)
    run = pipeline.execute(mini, tmp_path / "run")
    facts = runs.read_state(run).facts
    assert facts.cache == storage
    assert runs.read_state(finished_run).facts.cache == "disk"
    assert not (home / "teacher-cache").exists()
    ours, theirs = runs.read_report(run), runs.read_report(finished_run)
    for a, b in zip(ours.drafts, theirs.drafts, strict=True):
        assert a.alpha.generated == pytest.approx(b.alpha.generated, abs=1e-4)


def test_the_least_recently_used_cache_is_removed(home, world, monkeypatch) -> None:
    size = teacher_cache.size(world.target, world.examples, torch.float32)
    monkeypatch.setenv("ADASPEC_CACHE_BYTES", str(3 * size))
    for age, key in enumerate(("new", "middle", "old")):
        teacher_cache.on_disk(world.target, world.examples, key, TOKENS, lambda sequences: None)
        moment = time.time() - 1000 * (age + 1)
        os.utime(teacher_cache.folder_of(key), (moment, moment))
    teacher_cache.on_disk(world.target, world.examples, "fourth", TOKENS, lambda sequences: None)
    assert {folder.name for folder in (home / "teacher-cache").iterdir()} <= {
        "new",
        "middle",
        "fourth",
    }


def test_the_key_follows_from_target_data_and_precision() -> None:
    keys = {
        teacher_cache.key("t", "d", torch.float32),
        teacher_cache.key("u", "d", torch.float32),
        teacher_cache.key("t", "e", torch.float32),
        teacher_cache.key("t", "d", torch.bfloat16),
    }
    assert len(keys) == 4


def test_a_second_run_computes_nothing(home, mini, monkeypatch, tmp_path) -> None:
    """Another seed, the same target and data."""
    pipeline.execute(mini, tmp_path / "first")
    calls = record_computations(monkeypatch)
    other = pipeline.execute(mini.model_copy(update={"seed": 1}), tmp_path / "other")
    assert calls == []
    assert runs.read_report(other).drafts


def test_the_data_hash_covers_token_ids_and_lengths(world) -> None:
    whole = data.Dataset(world.examples, world.examples[:1], 0, 0)
    shorter = data.Dataset(world.examples[:-1], world.examples[:1], 0, 0)
    assert whole.hash != shorter.hash
