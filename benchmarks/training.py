"""Seconds and memory of an optimiser step: our loop beside the published one, side by side.

`python -m benchmarks.training [tiny|smollm2] [--data FOLDER] [--rows 120] [--steps 4]`
`python -m benchmarks.training growth`: ours on 10^4 to 10^6 training tokens, drawn by chance

Each side is a process of its own, and they take their steps in turn, so that a busy machine is as
slow to one as to another. All train the same draft on the same batches. The published loop is
written out plainly in `published`: three whole models on all positions, their logits over the
whole vocabulary, selection and mean by micro-batches of 5 up to 40 sequences (= 16 / k), with or
without the cross-entropies of the `labels` that it leaves in its inputs. Ours is
`adaspec.training.train` as a run calls it; with the same pool its losses are the same to 1e-5,
which is asserted at every step, by the published ones in float64: its float32 softmax is off by as
much. What is computed once (the target's hidden states, L_r) is spread over the steps of 7.5
epochs. SmolLM2's rows are GSM8K's, in FOLDER or `ADASPEC_GSM8K`; the pair takes about 11 GB,
with `--labels` 17.

Seconds are medians over steps, the first left out: of the clock, and of the processor's time, which
others' work disturbs less. FLOPs are those of matrix products as torch counts them, attention's
scores left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import pickle
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch
from accelerate import Accelerator
from rich.console import Console
from rich.table import Table
from torch.nn.functional import kl_div
from torch.profiler import ProfilerActivity, profile

from adaspec import data, divergence, models, recipe, stages, teacher_cache, training
from adaspec.data import Example
from adaspec.precision import PASS_TOKENS
from adaspec.recipe import Method, Optimisation, Training
from adaspec.steps import sequence_order
from adaspec.teacher import Teacher, all_losses_r
from adaspec.training import Hooks

K, BATCH, MICRO_BATCH, EPOCHS = 0.4, 40, 5, 7.5
TOKENS, STEPS = (10**4, 10**5, 10**6), 30
CPU = torch.device("cpu")
PUBLISHED, LABELS = "published", "published, its labels left in"
OURS, BATCH_POOL = "ours, the same pool", "ours, pool: batch"
PARTS = ["head", "softmax and divergence", "body", "optimiser"]

OnStep = Callable[[dict[str, Any]], None]


class World(NamedTuple):
    """The models and data of one side, and its training."""

    target: Any
    reference: Any
    draft: Any
    examples: list[Example]
    training: Training
    folder: Path


def prepare(pair: str, rows: Path | None, limit: int, folder: Path) -> None:
    """Target, draft, a reference that differs from it, and examples, as a run has them."""
    changes = [f"data.limit={limit}"]
    if pair == "smollm2":
        assert rows is not None
        changes += [f"data.train={rows / 'train.jsonl'}", f"data.evaluation={rows / 'test.jsonl'}"]
        changes.append("data.chat=null")  # as the figures of docs/performance.md were measured
    chosen = recipe.load("smollm2-gsm8k" if pair == "smollm2" else pair, changes)
    assert chosen.draft
    target = models.open_model(chosen.target, [], 0, "target")
    if chosen.draft.layers is None:
        draft = models.open_model(chosen.draft, [], 0, "draft").model
    else:
        draft = models.prune(target.model, chosen.draft.layers)
    reference = models.prune(draft, tuple(range(draft.config.num_hidden_layers)))
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.add_(0.05 * parameter.std() * torch.randn_like(parameter))
    whole = models.prune(target.model, tuple(range(target.model.config.num_hidden_layers)))
    for name, model in (("target", whole), ("draft", draft), ("reference", reference)):
        model.save_pretrained(folder / name)  # of a GGUF, only a copy can be saved
    examples = data.prepare(chosen.data, target.tokenizer, 0).train
    (folder / "examples").write_bytes(pickle.dumps(examples))


def open_world(folder: Path, steps: int, batch: int, pool: str) -> World:
    target, reference, draft = (
        models.load_weights(folder / name, CPU) for name in ("target", "reference", "draft")
    )
    plan = Training(
        name="adaspec",
        method=Method(selector="top_delta", pool=pool),
        optimisation=Optimisation(lr=3e-4, micro_batch=MICRO_BATCH),
        k=K,
        batch=batch,
        steps=steps,
        seed=0,
    )
    examples = pickle.loads((folder / "examples").read_bytes())
    return World(target, reference, draft, examples, plan, folder)


# The published loop


def published(world: World, on_step: OnStep, labels: bool) -> None:
    draft = world.draft.requires_grad_(True)
    plan = world.training
    optimiser = torch.optim.AdamW(draft.parameters(), lr=plan.optimisation.lr, weight_decay=0.0)
    on_step({"step": 0})
    for step in range(plan.steps):
        order = sequence_order(plan.seed, step, plan.batch, len(world.examples))
        micros = list(data.batches(order, MICRO_BATCH))
        total = exact = 0.0
        aside = (0.0, 0.0)
        for micro in micros:
            examples = [world.examples[i] for i in micro]
            loss, logp, logq, kept = published_loss(world, examples, labels)
            began = now()
            tokens = sum(example.predicted for example in examples) * len(micros)
            exact += kl_exactly(logp[kept], logq[kept]) / tokens
            aside = added(aside, since(began))
            del logp, logq
            (loss / len(micros)).backward()
            total += loss.item() / len(micros)
        torch.nn.utils.clip_grad_norm_(draft.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        on_step({"step": step + 1, "float32": total, "loss": exact, "aside": aside})


def published_loss(
    world: World, examples: list[Example], labels: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean over micro-batches of (sum over the selected) / (all response tokens).

    Also log p and log q [batch, length, vocabulary], and which positions are selected.
    """
    device = world.draft.device
    ids, rows = data.collate(examples).to(device)
    lengths = torch.tensor([len(example.ids) for example in examples])
    attended = (torch.arange(ids.shape[1]) < lengths[:, None]).long().to(device)
    predicts = torch.zeros(ids.numel(), dtype=torch.bool, device=device)
    predicts = predicts.index_fill(0, rows, True).view_as(ids)
    inputs = {"input_ids": ids, "attention_mask": attended, "use_cache": False}
    if labels:
        inputs["labels"] = ids.masked_fill(~predicts.roll(1, dims=1), -100)
    with torch.no_grad():
        logp = world.target(**inputs).logits.float().log_softmax(-1)
        logr = world.reference(**inputs).logits.float().log_softmax(-1)
        loss_r = kl_div(logr, logp, reduction="none", log_target=True).sum(-1)[predicts]
        del logr
    logq = world.draft(**inputs).logits.float().log_softmax(-1)
    loss_q = kl_div(logq, logp, reduction="none", log_target=True).sum(-1)[predicts]
    sizes = [
        sum(example.predicted for example in pool) for pool in data.batches(examples, MICRO_BATCH)
    ]
    selected = torch.cat(
        [
            # In float64: in float32 the rank of an element can round past it, which then is left
            # out.
            delta >= torch.quantile(delta.double(), 1 - K)
            for delta in (loss_q.detach() - loss_r).split(sizes)
        ]
    )
    kept = predicts.clone()
    kept[predicts] = selected
    means = [pool.sum() / len(pool) for pool in (loss_q * selected).split(sizes)]
    return torch.stack(means).mean(), logp, logq, kept


@torch.no_grad()
def kl_exactly(logp: torch.Tensor, logq: torch.Tensor) -> float:
    """The sum of KL(p || q) in float64; torch's log_softmax in float32 is off by some 1e-5."""
    total = 0.0
    for p, q in zip(logp.split(32), logq.split(32), strict=True):
        total += float(
            divergence.forward_kl(p.double().log_softmax(-1), q.double().log_softmax(-1)).sum()
        )
    return total


# Ours


def ours(world: World, on_step: OnStep) -> None:
    world.draft.requires_grad_(True)
    teacher, build = make_teacher(world, str(os.getpid()))
    first = True

    def report_first(row: dict[str, Any]) -> None:
        nonlocal first
        on_step(row | (build if first else {}))
        first = False

    training.train(
        world.training, world.draft, teacher, world.examples, accelerator=Accelerator(cpu=True),
        checkpoints=world.folder / "checkpoints", checkpoint_every=10**9,
        hooks=Hooks(lambda model: {}, 1, report_first),
    )  # fmt: skip


def make_teacher(world: World, home: str) -> tuple[Teacher, dict[str, float]]:
    """What is computed once, and what it took: seconds of the clock and of the processor.

    Args:
        home: where it is kept; what is there is not computed again.
    """
    os.environ["ADASPEC_HOME"] = str(world.folder / f"home-{home}")
    began = now()
    vocabulary = world.target.get_output_embeddings().weight.shape[0]
    cache = teacher_cache.on_disk(
        world.target, world.examples, "benchmark", PASS_TOKENS["cpu"], lambda sequences: None
    )
    teacher = Teacher(world.target, vocabulary, world.reference, cache)
    losses = all_losses_r(teacher, world.examples, PASS_TOKENS["cpu"])
    sizes = [example.predicted for example in world.examples]
    clock, processor = since(began)
    teacher = Teacher(
        world.target, vocabulary, world.reference, cache, list(torch.split(losses, sizes))
    )
    tokens, rows = sum(len(example.ids) for example in world.examples), sum(sizes)
    flops = 2 * tokens * (body(world.target) + body(world.reference))
    flops += (
        2
        * rows
        * sum(
            model.get_output_embeddings().weight.numel()
            for model in (world.target, world.reference)
        )
    )
    return teacher, {"clock": clock, "processor": processor, "flops": flops}


def body(model: Any) -> int:
    """Numbers in a model's matrices between embeddings and head."""
    return sum(
        parameter.numel()
        for parameter in model.base_model.layers.parameters()
        if parameter.ndim == 2
    )


# Turns


def now() -> tuple[float, float]:
    """Seconds of the clock, and of this process's processor."""
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - began[0], time.process_time() - began[1]


def added(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
    return first[0] + second[0], first[1] + second[1]


def side(name: str, folder: Path, steps: int, batch: int, talk: Connection) -> None:
    """A side in its own process: a step whenever it is told to, then what the step took."""
    world = open_world(folder, steps, batch, "batch" if name == BATCH_POOL else "micro_batch")
    began = (0.0, 0.0)
    tool: Any = None

    def on_step(row: dict[str, Any]) -> None:
        nonlocal began, tool
        if row["step"]:
            row["clock"], row["processor"] = since(added(began, row.pop("aside", (0.0, 0.0))))
        if tool is not None:
            tool.__exit__(None, None, None)
            row["shares"] = shares(tool, world.draft.get_output_embeddings().weight.shape[0])
            row["flops"] = sum(event.flops or 0 for event in tool.key_averages())
            tool = None
        row["peak"] = stages.peak_memory(CPU)
        talk.send(row)
        order = talk.recv()
        if order == "end":
            raise SystemExit
        if order == "look":
            tool = profile(activities=[ProfilerActivity.CPU], record_shapes=True, with_flops=True)
            tool.__enter__()
        began = now()

    if name in (PUBLISHED, LABELS):
        published(world, on_step, labels=name == LABELS)
    else:
        ours(world, on_step)


def shares(profiled: profile, vocabulary: int) -> dict[str, float]:
    """Seconds of the processor in each of PARTS, by operation and shape."""
    seconds: Counter[str] = Counter()
    widths = {vocabulary, min(divergence.TILE, vocabulary)}
    for event in profiled.events():
        parent, ancestors = event.cpu_parent, [event.name]
        while parent is not None:
            ancestors.append(parent.name)
            parent = parent.cpu_parent
        wide = any(widths & set(shape) for shape in event.input_shapes or [] if shape)
        multiplies = event.name in ("aten::mm", "aten::addmm", "aten::bmm")
        if any(
            name.startswith(("Optimizer", "aten::_foreach", "aten::_fused")) for name in ancestors
        ):
            part = "optimiser"
        elif multiplies and wide:
            part = "head"
        elif wide:
            part = "softmax and divergence"
        else:
            part = "body"
        seconds[part] += event.self_cpu_time_total / 1e6
    return dict(seconds)


class Side:
    """The other end of a side's process."""

    def __init__(self, name: str, folder: Path, steps: int, batch: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.talk, theirs = context.Pipe()
        self.process = context.Process(
            target=side, args=(name, folder, steps, batch, theirs), daemon=True
        )
        self.process.start()
        theirs.close()
        self.build: dict[str, float] = self.talk.recv()
        self.rows: list[dict[str, Any]] = []

    def step(self, order: str = "") -> dict[str, Any]:
        self.talk.send(order)
        row: dict[str, Any] = self.talk.recv()
        return row

    def end(self) -> None:
        self.talk.send("end")
        self.process.join()

    def seconds(self, kind: str, steps: float) -> float:
        """Median over the steps but the first, with what was computed once spread over so many."""
        spread = self.build.get(kind, 0.0) / steps
        return spread + median(row[kind] for row in self.rows[1:])


def in_process(work: Callable[..., None], *arguments: Any) -> None:
    """So that its memory is not this process's: a child counts its parent's peak as its own."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pair", nargs="?", choices=["tiny", "smollm2", "growth"], default="tiny")
    parser.add_argument("--data", type=Path, default=os.environ.get("ADASPEC_GSM8K"))
    parser.add_argument("--rows", type=int, default=120, help="training rows")
    parser.add_argument("--steps", type=int, default=4, help="the first is not counted")
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--labels", action="store_true", help="the published loop with labels too")
    given = parser.parse_args()
    if given.pair == "smollm2" and given.data is None:
        parser.error("smollm2 needs --data FOLDER with GSM8K's train.jsonl and test.jsonl")
    console = Console()
    if given.pair == "growth":
        growth(console)
        return
    names = [PUBLISHED, *([LABELS] if given.labels else []), OURS, BATCH_POOL]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_process(prepare, given.pair, given.data, given.rows, folder)
        sides = {name: Side(name, folder, given.steps + 1, given.batch) for name in names}
        for step in range(given.steps):
            for name in names if step % 2 else names[::-1]:
                sides[name].rows.append(sides[name].step())
                console.log(name, json.dumps(sides[name].rows[-1]))
        more = {}
        for name in names[::-1]:  # the published last: alone, since looking takes memory
            more[name] = sides[name].step("look")
            sides[name].end()
    report(console, given, sides, more)


# Growth


class Grown(NamedTuple):
    """Ours on so many training tokens: microseconds of the processor a token, bytes of memory.

    Attributes:
        private, mapped: what the process holds after its steps: its own, and pages of the cache,
            which the system takes back when it needs them.
    """

    tokens: int
    build: float
    step: float
    opening: float
    size: int
    private: int
    mapped: int


def grow(folder: Path, tokens: int, talk: Connection) -> None:
    world = open_world(folder, STEPS, BATCH, "batch")
    draw = np.random.default_rng(0)
    examples = [Example(draw.integers(0, 512, 100), 40) for _ in range(tokens // 60)]
    world = world._replace(examples=examples)
    times: list[tuple[float, float]] = []
    teacher, build = make_teacher(world, "shared")
    began = now()
    opened = teacher_cache.on_disk(world.target, examples, "benchmark", 1, lambda sequences: None)
    opening = since(began)[0]
    size = sum(part.nbytes for part in opened.parts)
    del opened
    world.draft.requires_grad_(True)
    training.train(
        world.training, world.draft, teacher, examples, accelerator=Accelerator(cpu=True),
        checkpoints=folder / "none", checkpoint_every=10**9,
        hooks=Hooks(lambda model: {}, 1, lambda row: times.append(now())),
    )  # fmt: skip
    took = median(b[1] - a[1] for a, b in itertools.pairwise(times[1:]))
    memory = psutil.Process().memory_info()
    talk.send(
        Grown(
            tokens,
            build["processor"] / tokens * 1e6,
            took / (60 * BATCH) * 1e6,
            opening,
            size,
            memory.rss - memory.shared,
            memory.shared,
        )
    )


def grown(folder: Path, tokens: int) -> Grown:
    """In a process of its own. The first time it makes the cache, the second it finds it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=grow, args=(folder, tokens, theirs), daemon=True)
    process.start()
    theirs.close()
    grown: Grown = ours.recv()
    process.join()
    return grown


def growth(console: Console) -> None:
    table = Table(
        "training tokens", "once, µs a token", "a step, µs a token", "cache MB", "opened in s",
        "private MB", "private MB, cache found", "mapped MB",
        title=f"tiny, {STEPS} steps of {BATCH} sequences",
    )  # fmt: skip
    for tokens in TOKENS:
        with tempfile.TemporaryDirectory() as folder:
            in_process(prepare, "tiny", None, 8, Path(folder))
            first, second = (grown(Path(folder), tokens) for _ in range(2))
        table.add_row(
            f"{tokens:,}", f"{first.build:.0f}", f"{first.step:.0f}", f"{first.size / 1e6:,.0f}",
            f"{first.opening:.2f}", f"{first.private / 1e6:,.0f}", f"{second.private / 1e6:,.0f}",
            f"{first.mapped / 1e6:,.0f}",
        )  # fmt: skip
    console.print(table)


def report(
    console: Console, given: argparse.Namespace, sides: dict[str, Side], more: dict[str, Any]
) -> None:
    steps = EPOCHS * given.rows / given.batch
    base = sides[PUBLISHED]
    rounding = max(abs(row["float32"] - row["loss"]) / row["loss"] for row in base.rows)
    errors = [
        abs(a["loss"] - b["loss"]) / b["loss"]
        for name in (OURS, LABELS)
        if name in sides
        for a, b in zip(sides[name].rows, base.rows, strict=True)
    ]
    table = Table(
        "a step", "clock s", "processor s", "faster", "(processor)", "peak MB", "TFLOP", "bound",
        title=f"{given.pair}: {given.batch} sequences, amortised over {EPOCHS} epochs",
    )  # fmt: skip
    for name, side in sides.items():
        clock, processor = (side.seconds(kind, steps) for kind in ("clock", "processor"))
        flops = more[name]["flops"] + side.build.get("flops", 0.0) / steps
        table.add_row(
            name,
            f"{clock:.2f}",
            f"{processor:.2f}",
            f"{base.seconds('clock', steps) / clock:.2f}x",
            f"{base.seconds('processor', steps) / processor:.2f}x",
            f"{side.rows[-1]['peak'] / 1e6:,.0f}",
            f"{flops / 1e12:.3f}",
            f"{more[PUBLISHED]['flops'] / flops:.2f}x",
        )
    console.print(table)
    where = Table("processor s of a step", *PARTS, "computed once")
    for name, side in sides.items():
        parts = [f"{more[name]['shares'].get(part, 0.0):.2f}" for part in PARTS]
        where.add_row(name, *parts, f"{side.build.get('processor', 0.0) / steps:.2f}")
    console.print(where)
    console.print(
        f"losses of the same pool agree to {max(errors):.1e} (published in float32 are off by "
        f"{rounding:.1e}), {given.steps - 1} steps measured, torch on {torch.get_num_threads()} "
        f"threads of {psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    assert all(error <= 1e-5 for error in errors), errors


if __name__ == "__main__":
    main()
