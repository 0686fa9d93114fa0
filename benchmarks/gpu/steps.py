"""A pair's optimiser steps: the published loop, and ours."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from adaspec import models, teacher_cache, training
from adaspec.data import Example
from adaspec.precision import pass_tokens
from adaspec.recipe import Method, Optimisation, Training
from adaspec.steps import sequence_order
from adaspec.teacher import Teacher, all_losses_r
from adaspec.training import Hooks
from benchmarks.gpu.setting import SIZES, Setting, random_model
from benchmarks.training import BATCH, EPOCHS, MICRO_BATCH, K, World, published_loss

DATASHEET = 989e12
"""bf16 FLOP/s of an H100 SXM or H200, dense."""
WARM, COUNTED, LOOKED_AT = 3, 10, 3
"""Steps that are not counted, that are, and that the profiler sees."""
SEQUENCES = 480


@dataclass(frozen=True)
class Steps:
    """A pair's optimiser steps.

    Attributes:
        published_ms, ours_ms: of a step by the pool of what it is for, medians; `ours_ms` is
            without what is computed once, of which a step's share is `once_ms`.
        at_once: sequences in a forward pass of the published loop.
        published_peak, ours_peak: bytes of the device.
        apart: pool micro_batch: the largest distance of the two losses, as a share, at any step.
        states_s, losses_r_s: seconds to compute the target's states, and L_r, of `tokens` tokens.
        matrix_rate: FLOP/s of a large bf16 matrix product in this run.
        states_rate: of the target's FLOPs; `once_rate`: of the same FLOPs, the seconds for L_r
            included.
        busy: share of the time in which the GPU computes; `launches`: kernels a step.
    """

    published_ms: float
    at_once: int
    published_peak: int
    ours_ms: dict[str, float]
    ours_peak: dict[str, int]
    once_ms: float
    apart: float
    tokens: int
    states_s: float
    losses_r_s: float
    matrix_rate: float
    states_rate: float
    once_rate: float
    busy: dict[str, float] = field(default_factory=dict)
    launches: dict[str, float] = field(default_factory=dict)

    def faster(self, pool: str) -> float:
        return self.published_ms / (self.ours_ms[pool] + self.once_ms)

    def tell(self, console: Console) -> None:
        table = Table(
            "", "ms a step", "of it once", "faster", "peak GiB", "of published", "busy", "launches",
            title=f"{BATCH} sequences a step; losses apart by at most {self.apart:.1e}",
        )  # fmt: skip
        gib = self.published_peak / 2**30
        table.add_row(
            f"published, {self.at_once} at once", f"{self.published_ms:.1f}", "", "1", f"{gib:.2f}"
        )
        for pool, ms in self.ours_ms.items():
            table.add_row(
                f"ours, pool {pool}",
                f"{ms + self.once_ms:.1f}",
                f"{self.once_ms:.1f}",
                f"{self.faster(pool):.2f}x",
                f"{self.ours_peak[pool] / 2**30:.2f}",
                f"{self.ours_peak[pool] / (self.published_peak or 1):.0%}",
                f"{self.busy[pool]:.0%}",
                f"{self.launches[pool]:.0f}",
            )
        console.print(table)
        console.print(
            f"computed once: states of {self.tokens:,} tokens in {self.states_s:.2f} s, L_r in "
            f"{self.losses_r_s:.2f} s; a matrix product runs at {self.matrix_rate / 1e12:.0f} "
            f"TFLOP/s, the states at {self.states_rate / self.matrix_rate:.0%} of that "
            f"({self.states_rate / DATASHEET:.0%} of the datasheet's), with L_r "
            f"{self.once_rate / self.matrix_rate:.0%} ({self.once_rate / DATASHEET:.0%})"
        )


def random_examples(vocabulary: int, small: bool) -> list[Example]:
    """Lengths as GSM8K's: about 200 tokens, half of them the prompt's, at most 512."""
    draw = np.random.default_rng(0)
    count, mean, most = (BATCH, 20, 40) if small else (SEQUENCES, 200, 512)
    lengths = np.clip(draw.lognormal(np.log(mean) - 0.06, 0.35, count), mean // 4, most).astype(int)
    return [
        Example(draw.integers(0, vocabulary, length), int(length * draw.uniform(0.3, 0.6)))
        for length in lengths
    ]


def plan(pool: str, steps: int) -> Training:
    return Training(
        name="adaspec", method=Method(selector="top_delta", pool=pool), k=K, batch=BATCH,
        optimisation=Optimisation(lr=3e-4, micro_batch=MICRO_BATCH), steps=steps, seed=0,
    )  # fmt: skip


def steps(pair: str, setting: Setting) -> Steps:
    target_config, draft_config = SIZES[pair]
    count = 4 if setting.small else WARM + COUNTED
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["ADASPEC_HOME"] = str(folder)
        target = random_model(target_config, 1, setting.precision, setting).requires_grad_(False)
        reference = random_model(draft_config, 2, setting.precision, setting).requires_grad_(False)
        vocabulary = target.get_output_embeddings().weight.shape[0]
        examples = random_examples(vocabulary, setting.small)

        draft = random_model(draft_config, 3, torch.float32, setting)
        world = World(target, reference, draft, examples, plan("micro_batch", count), folder)
        published_ms, at_once, peak, expected = published(world, setting)
        del world, draft

        rate = matrix_rate(setting)
        target, reference = (models.fast_attention(model) for model in (target, reference))
        teacher, states_s, losses_r_s = make_teacher(
            target, reference, vocabulary, examples, setting
        )
        flops = 2 * sum(len(example.ids) for example in examples) * matrices(target)
        ours_ms, ours_peak, busy, launches, apart = {}, {}, {}, {}, 0.0
        for pool in ("micro_batch", "batch"):
            draft = models.fast_attention(random_model(draft_config, 3, torch.float32, setting))
            world = World(target, reference, draft, examples, plan(pool, count + LOOKED_AT), folder)
            ours_ms[pool], ours_peak[pool], losses, look = ours(world, teacher, setting, count)
            busy[pool], launches[pool] = look
            if pool == "micro_batch":
                both = zip(losses, expected, strict=False)
                apart = max(abs(a - b) / b for a, b in both)
            del world, draft
    return Steps(
        published_ms, at_once, peak, ours_ms, ours_peak,
        once_ms=1000 * (states_s + losses_r_s) * BATCH / (EPOCHS * len(examples)),
        apart=apart, tokens=sum(len(example.ids) for example in examples), states_s=states_s,
        losses_r_s=losses_r_s, matrix_rate=rate, states_rate=flops / states_s,
        once_rate=flops / (states_s + losses_r_s), busy=busy, launches=launches,
    )  # fmt: skip


def published(world: World, setting: Setting) -> tuple[float, int, int, list[float]]:
    """Milliseconds of a step, sequences at once, peak memory, and the losses."""
    draft = world.draft.requires_grad_(True)
    optimiser = torch.optim.AdamW(draft.parameters(), lr=3e-4, weight_decay=0.0, fused=True)
    at_once, times, losses = BATCH, list[float](), list[float]()
    setting.start_peak()
    while len(times) < world.training.steps:
        order = sequence_order(0, len(times), BATCH, len(world.examples))
        began = time.perf_counter()
        try:
            total = gradient(world, order, at_once, bf16=setting.bf16)
        except torch.OutOfMemoryError:
            if at_once // 2 < MICRO_BATCH:
                raise
            total = None
        if total is None:  # here, since an exception that is handled keeps what it had
            at_once //= 2
            optimiser.zero_grad()
            setting.start_peak()
            continue
        torch.nn.utils.clip_grad_norm_(draft.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        setting.wait()
        times.append(1000 * (time.perf_counter() - began))
        losses.append(total)
    return median(times[WARM:]), at_once, setting.peak(), losses


def gradient(world: World, order: list[int], at_once: int, *, bf16: bool) -> float:
    """Of one published step; returns its loss."""
    total = 0.0
    for start in range(0, len(order), at_once):
        batch = [world.examples[i] for i in order[start : start + at_once]]
        with torch.autocast(world.draft.device.type, torch.bfloat16, enabled=bf16):
            loss = published_loss(world, batch, labels=False)[0] * len(batch) / len(order)
        loss.backward()
        total += loss.item()
    return total


def ours(
    world: World, teacher: Teacher, setting: Setting, count: int
) -> tuple[float, int, list[float], tuple[float, float]]:
    """Milliseconds of a step, peak memory, the losses, and what `on_the_card` says."""
    times, losses = list[float](), list[float]()
    look = profile(activities=[ProfilerActivity.CUDA] if setting.device.type == "cuda" else None)
    peak = 0

    def on_step(row: dict[str, float | int]) -> None:
        nonlocal peak
        if row["step"]:
            losses.append(row["loss"])
        setting.wait()
        if row["step"] == count:  # the rest is looked at, which takes time
            peak = setting.peak()
            look.start()
        times.append(time.perf_counter())
        if row["step"] == count + LOOKED_AT:
            look.stop()

    setting.start_peak()
    bf16 = setting.bf16
    training.train(
        world.training, world.draft, teacher, world.examples,
        accelerator=Accelerator(cpu=not bf16, mixed_precision="bf16" if bf16 else "no"),
        checkpoints=world.folder / "checkpoints", checkpoint_every=10**9,
        hooks=Hooks(lambda model: {}, 1, on_step),
    )  # fmt: skip
    took = [1000 * (b - a) for a, b in pairwise(times[: count + 1])]
    wall = times[count + LOOKED_AT] - times[count]
    return median(took[WARM:]), peak, losses, on_the_card(look, wall)


def on_the_card(look: profile, wall: float) -> tuple[float, float]:
    """The share of the wall-clock seconds in which something ran, and the kernels of a step."""
    events = [event for event in look.events() or [] if event.device_type.name == "CUDA"]
    kernels = [event for event in events if not event.name.startswith(("Memcpy", "Memset"))]
    spans = sorted((event.time_range.start, event.time_range.end) for event in events)
    busy = end = 0.0
    for start, stop in spans:  # in microseconds; they overlap
        busy += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return busy / 1e6 / wall, len(kernels) / LOOKED_AT


def make_teacher(
    target: Any, reference: Any, vocabulary: int, examples: list[Example], setting: Setting
) -> tuple[Teacher, float, float]:
    """The teacher with all that is computed once, and the seconds of the states and of L_r."""
    tokens = pass_tokens(setting.device)

    def states(identity: str, some: list[Example]) -> teacher_cache.TeacherCache:
        return teacher_cache.on_disk(target, some, identity, tokens, lambda sequences: None)

    few = Teacher(target, vocabulary, reference, states("warm-up", examples[:BATCH]))
    all_losses_r(few, examples[:BATCH], tokens)
    began = time.perf_counter()
    cache = states("all", examples)
    middle = time.perf_counter()
    losses = all_losses_r(Teacher(target, vocabulary, reference, cache), examples, tokens)
    ended = time.perf_counter()
    split = list(losses.split([example.predicted for example in examples]))
    teacher = Teacher(target, vocabulary, reference, cache, split)
    return teacher, middle - began, ended - middle


def matrices(model: Any) -> int:
    """Numbers in the matrices of a model's body, by which every token is multiplied."""
    body = model.base_model.modules()
    return sum(module.weight.numel() for module in body if isinstance(module, torch.nn.Linear))


def matrix_rate(setting: Setting) -> float:
    """FLOP/s of a large bf16 matrix product."""
    size, times = (128, 2) if setting.small else (8192, 30)
    a, b = (torch.randn(size, size, device=setting.device).to(torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    setting.wait()
    began = time.perf_counter()
    for _ in range(times):
        a @ b
    setting.wait()
    return 2 * size**3 * times / (time.perf_counter() - began)
