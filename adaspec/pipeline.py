"""A run from start to end: open its inputs, run its stages in order, resume where it stopped.

Every stage leaves its result in the run folder before the next begins, and a stage whose result is
already there is skipped: to resume after a crash is to run the same recipe again.
"""

from __future__ import annotations

import logging
import math
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from itertools import count
from pathlib import Path
from shutil import rmtree
from time import time
from typing import Any, TypeVar

import torch
import transformers
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from safetensors import SafetensorError
from torch import Tensor

from adaspec import AdaspecError, data, explain, measurement, models, rows, teacher_cache
from adaspec import runs as run_folder
from adaspec.precision import frozen_dtype, make_accelerator, pass_tokens
from adaspec.recipe import REFERENCE, STOCK, TARGET, ModelSpec, Recipe, Training, trainings
from adaspec.recipe.plan import decodings, held_out_rows, snapshots_together, twin
from adaspec.report import make_report
from adaspec.runs import (
    CHECKS,
    REPORT,
    SPEED,
    TRAINED,
    Checks,
    Facts,
    Finished,
    Run,
    RunState,
    Stage,
    StageBegan,
    Started,
    Trained,
)
from adaspec.speculation.decoding import Decoder
from adaspec.speculation.null_test import null_test
from adaspec.speculation.speed import measure_speed, replay_beside_plain
from adaspec.speculation.trace import TRACE
from adaspec.teacher import Teacher, all_losses_r
from adaspec.tokens import DATASET, GENERATED, VALIDATION
from adaspec.training import Hooks, train

CONTINUE = "continuations"
CACHE = "cache"
REPLAY = "replays"
MEASURE = "measurement"
REPLAY_WORK = 16
"""Training sequences that take about as long as decoding one prompt token by token."""

NULL_PROMPTS = 3
"""Prompts on which the target drafts for itself."""
SAME_POINT = {torch.float32: 1e-4, torch.bfloat16: 5e-3}
"""How far rounding may move a point of a curve when the same model is measured again."""

log = logging.getLogger("adaspec")

T = TypeVar("T")
OnProgress = Callable[[Stage, dict[str, float | int]], None]


@dataclass(frozen=True)
class Inputs:
    """What a recipe reads, opened and checked, before anything is written.

    Attributes:
        storage: where the target's hidden states are kept.
    """

    dataset: data.Dataset
    target: models.Opened
    stock: models.Opened | None
    vocabulary: int
    plan: list[Training]
    storage: teacher_cache.Storage


@dataclass(frozen=True)
class Work:
    """What the stages share."""

    recipe: Recipe
    run: Run
    state: RunState
    accelerator: Accelerator
    on_progress: OnProgress
    inputs: Inputs

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.state.plan if stage.name == name)

    def begin(self, name: str) -> None:
        self.state.stage = name
        self.save_state()
        if self.accelerator.is_main_process:
            run_folder.log_event(self.run, StageBegan(time=time(), stage=name))
            log.info("%s begins", name)

    def save_state(self) -> None:
        if self.accelerator.is_main_process:
            run_folder.write_state(self.run, self.state)

    def report(self, name: str, row: dict[str, float | int]) -> None:
        memory = peak_memory(self.accelerator.device)
        run_folder.log_step(self.run, name, {**row, "memory": memory})
        self.on_progress(self.stage(name), row)


def execute(
    recipe: Recipe,
    folder: Path | None = None,
    *,
    fresh: bool = False,
    accelerator: Accelerator | None = None,
    on_progress: OnProgress = lambda stage, row: None,
) -> Run:
    """Train and measure what the recipe asks for, resuming where an earlier attempt stopped.

    Args:
        folder: the run folder; by default an unfinished (else finished) run of an equal recipe
            under the runs folder, or a new one there.
        fresh: never resume an earlier run.
        on_progress: called at every step, with the stage it belongs to.

    Returns:
        The finished run.

    Raises:
        AdaspecError: a fault the user can put right. Faults in the recipe, the data or the models
            are raised before anything is written; after a later one the run is `failed` and can be
            resumed.
    """
    accelerator = accelerator or make_accelerator(recipe)
    run = _on_main(lambda: _existing(recipe, folder, fresh), accelerator)
    if run and run_folder.read_state(run).state == "finished":
        return run
    inputs = open_inputs(recipe, accelerator)
    run = run or _on_main(lambda: run_folder.create(recipe, folder), accelerator)
    with ExitStack() as stack:
        if accelerator.is_main_process:
            stack.enter_context(run_folder.only_writer(run))
            stack.enter_context(_log_to(run.log_file))
        _stages(recipe, run, accelerator, on_progress, inputs)
    return run


def measure_again(run: Run, on_progress: OnProgress = lambda stage, row: None) -> None:
    """Remake a finished run's replays, token tables and report from the models it has saved.

    Raises:
        AdaspecError: the run is not finished, has no drafts, or its data or models have changed.
    """
    recipe, state = run_folder.read_recipe(run), run_folder.read_state(run)
    if state.state != "finished" or not recipe.draft:
        what = f"is {state.state}" if recipe.draft else "has no drafts"
        raise AdaspecError(f"Run {state.id} {what}: there is nothing to measure.")
    accelerator = make_accelerator(recipe)
    inputs = open_inputs(recipe, accelerator)
    with run_folder.only_writer(run), _log_to(run.log_file):
        _require_unchanged(state, inputs)
        state.plan = _plan(recipe, inputs)
        work = Work(recipe, run, state, accelerator, on_progress, inputs)
        _stage0(work)
        sequences = _continuations(work)
        rmtree(run.speed_file.parent, ignore_errors=True)
        _replays(work, sequences)
        _measurement(work, sequences, again=True)
        state.stage = ""
        work.save_state()


def _existing(recipe: Recipe, folder: Path | None, fresh: bool) -> Run | None:
    if folder and (folder / "run.json").exists():
        run = Run(folder.resolve())
        if fresh:
            raise AdaspecError(f"{folder} already holds a run: choose another --run-dir.")
        if run_folder.read_state(run).recipe_hash != recipe.hash:
            raise AdaspecError(
                f"{folder} is a run of another recipe ({run_folder.read_recipe(run).name}, or "
                "other values): choose another --run-dir, or the recipe it was made with."
            )
        return run
    if folder or fresh:
        return None
    if running := run_folder.newest(recipe, "running"):
        raise AdaspecError(
            f"Run {running.path.name} of this recipe is training right now. Watch it on the Runs "
            "page, or start another with --new."
        )
    begun = run_folder.newest(recipe, "interrupted", "failed")
    return begun or run_folder.newest(recipe, "finished")


def _stages(
    recipe: Recipe, run: Run, accelerator: Accelerator, on_progress: OnProgress, inputs: Inputs
) -> None:
    state = run_folder.read_state(run)
    _require_unchanged(state, inputs)
    state.state, state.error, state.process = "running", "", run_folder.Process.this()
    state.sources = {"target": inputs.target.source}
    if inputs.stock:
        state.sources["stock"] = inputs.stock.source
    state.plan = _plan(recipe, inputs)
    state.facts = _facts(recipe, inputs, accelerator)
    work = Work(recipe, run, state, accelerator, on_progress, inputs)
    if accelerator.is_main_process:
        run_folder.log_event(run, Started(time=time(), processes=accelerator.num_processes))
        log.info("%s", "; ".join(f"{name} from {source}" for name, source in state.sources.items()))
        log.info("%s", "; ".join(f"{name.replace('_', ' ')} {fact}" for name, fact in state.facts))
    try:
        _stage0(work)
        if inputs.stock:
            sequences = _continuations(work)
            cache = _cache(work)
            for training in inputs.plan:
                if training.name != TARGET:
                    _distil(work, training, sequences, cache)
            _replays(work, sequences)
            _measurement(work, sequences)
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        state.state = "interrupted" if stopped else "failed"
        state.error = "" if stopped else explain(error)
        with suppress(OSError):  # a full disk must not hide what went wrong
            work.save_state()
            log.info("%s %s", state.state, state.error)
        raise
    state.state, state.stage, state.process = "finished", "", None
    work.save_state()
    if accelerator.is_main_process:
        run_folder.log_event(run, Finished(time=time()))
        log.info("finished")
        rmtree(run.path / "checkpoints", ignore_errors=True)


def _require_unchanged(state: RunState, inputs: Inputs) -> None:
    """A run must resume with the data and models it began with."""
    hashes = {"data": inputs.dataset.hash, "target": models.weights_hash(inputs.target.model)}
    if inputs.stock:
        hashes["stock draft"] = models.weights_hash(inputs.stock.model)
    for name, value in hashes.items():
        if state.hashes.get(name, value) != value:
            raise AdaspecError(
                f"The {name} of run {state.id} changed since it began: restore it, or start a new "
                "run with --new."
            )
    state.hashes = hashes


def open_inputs(recipe: Recipe, accelerator: Accelerator) -> Inputs:
    """Read the data, open the models and derive the trainings.

    Raises:
        AdaspecError: a fault in the recipe, the data or the models.
    """
    target = models.open_model(recipe.target, _texts(recipe), recipe.seed, "target")
    stock = None
    vocabulary = target.model.get_output_embeddings().weight.shape[0]
    if recipe.draft:
        stock = _open_draft(recipe.draft, target, recipe.seed)
        vocabulary = models.shared_vocabulary(target, stock)
    dataset = data.prepare(recipe.data, target.tokenizer, recipe.seed)
    if recipe.validates and not held_out(recipe, dataset)[1]:
        raise AdaspecError(
            "Keeping the best weights, or stopping by acceptance, needs validation prompts that "
            f"the report does not use: there are {len(dataset.evaluation)} held-out rows, and "
            f"evaluation.prompts={recipe.evaluation.prompts} takes them all. Lower it."
        )
    opened = [target, stock] if stock else [target]
    _require_fit(recipe, dataset, opened)
    for each in opened:
        each.model.to(accelerator.device).requires_grad_(False)
    plan = trainings(recipe, len(dataset.train))
    storage = _storage(plan, target, dataset, accelerator) if stock else "nowhere"
    return Inputs(dataset, target, stock, vocabulary, plan, storage)


def _storage(
    plan: list[Training], target: models.Opened, dataset: data.Dataset, accelerator: Accelerator
) -> teacher_cache.Storage:
    distilled = {training.key: training.sequences for training in plan if training.name != TARGET}
    needed = teacher_cache.size(target.model, dataset.train, frozen_dtype(accelerator))
    storage = teacher_cache.choose(needed, sum(distilled.values()), len(dataset.train))
    # In memory, every process would compute and hold all of it.
    return "nowhere" if storage == "memory" and accelerator.num_processes > 1 else storage


def _open_draft(spec: ModelSpec, target: models.Opened, seed: int) -> models.Opened:
    if spec.new and not spec.tokenizer:
        tokenizer = target.tokenizer
        model = models.new_llama(spec.new, tokenizer, seed)
        return models.Opened(model, tokenizer, models.NEW)
    if spec.source != (TARGET,):
        return models.open_model(spec, [], seed, "draft")
    if spec.layers is None:
        raise AdaspecError("draft: a draft cut from the target needs `layers`: those to keep.")
    pruned = models.prune(target.model, spec.layers)
    layers = ", ".join(map(str, spec.layers))
    return models.Opened(pruned, target.tokenizer, f"layers {layers} of the target")


def _texts(recipe: Recipe) -> list[str]:
    """What a new target's tokenizer is trained on."""
    if recipe.target.new is None or recipe.target.tokenizer:
        return []
    train, _ = rows.read_splits(recipe.data, recipe.seed)
    return ["".join(rows.render(row, recipe.data)) for row in train]


def _require_fit(recipe: Recipe, dataset: data.Dataset, opened: list[models.Opened]) -> None:
    """Every sequence, continuations included, must fit every model's context."""
    evaluation = [*held_out(recipe, dataset)[0], *held_out(recipe, dataset)[1]]
    longest = max(len(example.ids) for example in dataset.train + dataset.evaluation)
    if recipe.draft:
        prompt = max(example.prompt_length for example in evaluation)
        longest = max(longest, prompt + recipe.evaluation.max_new_tokens)
    for each in opened:
        context = models.context_length(each.model)
        if context and longest > context:
            raise AdaspecError(
                f"{each.source} takes {context} tokens, but the longest prompt and response have "
                f"{longest}: lower data.max_length or evaluation.max_new_tokens."
            )
    if recipe.draft and any(example.prompt_length == 0 for example in evaluation):
        raise AdaspecError("Data: an evaluation row has an empty prompt: check data.prompt.")


def _plan(recipe: Recipe, inputs: Inputs) -> list[Stage]:
    stages = [
        Stage(
            name=training.name,
            kind="train",
            steps=training.steps,
            work=training.sequences,
            same_as=same.name if (same := twin(training, inputs.plan)) else None,
            needs=training.stands_on,
        )
        for training in inputs.plan
    ]
    if not inputs.stock:
        return stages
    test, validation = map(len, held_out(recipe, inputs.dataset))
    test_batches, validation_batches = (
        math.ceil(rows / recipe.evaluation.batch) for rows in (test, validation)
    )
    before = [
        Stage(
            name=CONTINUE,
            kind="continue",
            steps=test_batches + validation_batches,
            work=4 * (test + validation),
        )
    ]
    if inputs.storage != "nowhere":
        rows = len(inputs.dataset.train)
        before.append(Stage(name=CACHE, kind="cache", steps=rows, work=rows))
    texts = decodings(recipe, inputs.plan, test)
    passes = len(snapshots_together(inputs.plan))  # the target's, over all prompts
    measured = 2 * test_batches * passes  # batches
    after = [
        Stage(name=REPLAY, kind="replay", steps=texts, work=REPLAY_WORK * texts),
        Stage(
            name=MEASURE, kind="measure", steps=2 * test_batches * passes, work=2 * test * passes
        ),
    ]
    target = int(recipe.stage0 is not None)
    return [*stages[:target], *before, *stages[target:], *after]


def _facts(recipe: Recipe, inputs: Inputs, accelerator: Accelerator) -> Facts:
    cuda = accelerator.device.type == "cuda"
    target, stock, dataset = inputs.target.model, inputs.stock, inputs.dataset
    return Facts(
        training_rows=len(dataset.train),
        evaluation_rows=len(dataset.evaluation),
        validation_rows=len(held_out(recipe, dataset)[1]),
        dropped_rows=dataset.dropped,
        truncated_rows=dataset.truncated,
        response_tokens=sum(example.predicted for example in dataset.train),
        cache=inputs.storage,
        cache_bytes=teacher_cache.size(target, dataset.train, frozen_dtype(accelerator)),
        shared_vocabulary=inputs.vocabulary,
        target_parameters=models.parameters(target),
        draft_parameters=models.parameters(stock.model) if stock else None,
        device=torch.cuda.get_device_name() if cuda else "CPU",
        cpu_threads=torch.get_num_threads(),
        processes=accelerator.num_processes,
        precision="bf16" if accelerator.mixed_precision == "bf16" else "float32",
        adaspec=version("adaspec"),
        torch=str(torch.__version__),
        transformers=transformers.__version__,
    )


def peak_memory(device: torch.device) -> int:
    """The most bytes this process has used so far: GPU memory, or resident memory without a GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _stage0(work: Work) -> None:
    """Fine-tune the target, or use it as it is; save the stock draft."""
    target = work.inputs.target.model
    if work.recipe.stage0 and _done(work, TARGET):
        target.load_state_dict(_load(work, TARGET).state_dict())
    elif work.recipe.stage0:
        evaluation = work.recipe.evaluation
        held_out = work.inputs.dataset.evaluation[: evaluation.prompts]
        _train(
            work,
            work.inputs.plan[0],
            target,
            None,
            lambda model: measurement.held_out_loss(model, held_out, evaluation.batch),
        )
    if work.inputs.stock:
        _keep(work, STOCK, work.inputs.stock.model)
    target.requires_grad_(False)
    target.to(frozen_dtype(work.accelerator))


def _continuations(work: Work) -> measurement.Sequences:
    """The target's own continuations of the held-out prompts, beside the data set's responses."""
    file = work.run.sequences_file
    if work.accelerator.is_main_process and not file.exists():
        work.begin(CONTINUE)
        evaluation = work.recipe.evaluation
        test, validation = held_out(work.recipe, work.inputs.dataset)
        batches = count(1)
        continuations = [
            measurement.continue_prompts(
                work.inputs.target.model,
                examples,
                vocabulary=work.inputs.vocabulary,
                eos=work.inputs.target.tokenizer.eos_token_id,
                max_new_tokens=evaluation.max_new_tokens,
                batch=evaluation.batch,
                seed=seed,
                on_batch=lambda _: work.report(CONTINUE, {"step": next(batches)}),
            )
            for seed, examples in ((work.recipe.seed, test), (~work.recipe.seed, validation))
        ]
        sources: measurement.Sequences = {
            GENERATED: continuations[0], DATASET: test, VALIDATION: continuations[1]
        }  # fmt: skip
        measurement.write_sequences(file, sources)
    work.accelerator.wait_for_everyone()
    return measurement.read_sequences(file)


def held_out(
    recipe: Recipe, dataset: data.Dataset
) -> tuple[list[data.Example], list[data.Example]]:
    """The held-out rows measured at the end, and those used for validation during training."""
    rows = dataset.evaluation
    test, validation = held_out_rows(recipe, len(rows))
    return rows[:test], rows[test : test + validation]


def _cache(work: Work) -> teacher_cache.TeacherCache | None:
    """The target's hidden states on the training data; None if not cached or no longer needed."""
    stages = [stage for stage in work.state.plan if stage.kind == "train" and not stage.same_as]
    if all(work.run.budget_file(stage.name).exists() for stage in stages):
        return None
    target, examples = work.inputs.target.model, work.inputs.dataset.train
    if work.inputs.storage == "nowhere":
        return None
    tokens = pass_tokens(work.accelerator.device)
    if work.inputs.storage == "memory":
        work.begin(CACHE)
        return teacher_cache.in_memory(target, examples, tokens, _steps(work, CACHE))
    try:
        if work.accelerator.is_main_process:
            work.begin(CACHE)
            cache = teacher_cache.on_disk(
                target, examples, _identity(work), tokens, _steps(work, CACHE)
            )
        work.accelerator.wait_for_everyone()
        if not work.accelerator.is_main_process:
            cache = teacher_cache.on_disk(
                target, examples, _identity(work), tokens, lambda sequences: None
            )
    except (OSError, SafetensorError) as error:
        log.warning("Nothing is cached; the target runs at every step: %s", explain(error))
        return None
    return cache


def _identity(work: Work) -> str:
    target = work.inputs.target.model
    return teacher_cache.key(models.weights_hash(target), work.inputs.dataset.hash, target.dtype)


def _steps(work: Work, stage: str) -> Callable[[int], None]:
    """Reports the progress of a stage whose steps are sequences."""
    done = 0

    def report(sequences: int) -> None:
        nonlocal done
        done += sequences
        work.report(stage, {"step": done})

    return report


def _distil(
    work: Work,
    training: Training,
    sequences: measurement.Sequences,
    cache: teacher_cache.TeacherCache | None,
) -> None:
    """Train one draft, unless an equal training has been done under another name."""
    same = work.stage(training.name).same_as
    if same:
        work.state.models[training.name] = work.state.models[same]
        work.save_state()
        return
    if _done(work, training.name):
        return
    assert training.method is not None
    draft = _load(work, training.method.start)
    evaluation = work.recipe.evaluation
    monitored = sequences.get(VALIDATION) or sequences[GENERATED][: evaluation.monitor]
    _train(
        work,
        training,
        draft,
        _teacher(work, training, cache),
        measurement.Monitor(
            work.inputs.target.model, monitored, work.inputs.vocabulary, evaluation.batch
        ),
    )


def _teacher(work: Work, training: Training, cache: teacher_cache.TeacherCache | None) -> Teacher:
    """The frozen models, and what is cached of them.

    With a cache, L_r is computed once too; after that the reference is no longer needed.
    """
    target, examples = work.inputs.target.model, work.inputs.dataset.train
    teacher = Teacher(target, work.inputs.vocabulary, None, cache)
    if not training.needs_reference:
        return teacher
    reference = _load(work, REFERENCE, frozen_dtype(work.accelerator))
    with_reference = replace(teacher, reference=reference)
    if cache is None:
        return with_reference

    def compute() -> Tensor:
        return all_losses_r(with_reference, examples, pass_tokens(work.accelerator.device))

    sizes = [example.predicted for example in examples]
    losses = teacher_cache.losses_r(
        cache.folder, models.weights_hash(reference), sum(sizes), compute
    )
    return replace(teacher, losses_r=list(torch.split(losses, sizes)))


def _train(
    work: Work,
    training: Training,
    model: Any,
    teacher: Teacher | None,
    monitor: Callable[[Any], dict[str, float]],
) -> None:
    """Run one training to its end; save its model and budget in the run folder."""
    name = training.name
    work.begin(name)
    budget = train(
        training,
        model,
        teacher,
        work.inputs.dataset.train,
        accelerator=work.accelerator,
        checkpoints=work.run.checkpoints(name),
        checkpoint_every=work.recipe.checkpoint_every,
        hooks=Hooks(
            monitor,
            work.recipe.evaluation.every,
            on_step=lambda row: work.report(name, row),
            on_snapshot=lambda step: _keep_snapshot(work, name, step, model),
        ),
    )
    work.accelerator.wait_for_everyone()
    trained = Trained(training=training, key=training.key, budget=budget)
    _keep(work, name, model, trained, monitor)
    if work.accelerator.is_main_process:
        rmtree(work.run.checkpoints(name), ignore_errors=True)


def _keep_snapshot(work: Work, name: str, step: int, model: Any) -> None:
    with run_folder.atomic_folder(work.run.snapshot(name, step), replace=True) as new:
        model.save_pretrained(new)


def _done(work: Work, name: str) -> bool:
    """Whether an earlier attempt finished this training."""
    done = work.run.budget_file(name).exists()
    if done:
        work.state.models[name] = str(work.run.model(name).relative_to(work.run.path))
    return done


def _keep(
    work: Work,
    name: str,
    model: Any,
    trained: Trained | None = None,
    monitor: Callable[[Any], dict[str, float]] | None = None,
) -> None:
    """Save a model with its tokenizer as a Hugging Face folder, atomically.

    Args:
        trained: its training.
        monitor: what measured the model in training; it measures the saved model too.

    Raises:
        AdaspecError: the saved model is not the one that was trained; nothing is kept then.
    """
    folder = work.run.model(name)

    def save() -> None:
        if folder.exists():
            return
        with run_folder.atomic_folder(folder, replace=True) as new:
            model.save_pretrained(new)
            work.inputs.target.tokenizer.save_pretrained(new)
            if trained and monitor:
                TRAINED.write(new / work.run.budget_file(name).name, trained)
                saved = models.load_weights(new, work.accelerator.device)
                with work.accelerator.autocast():
                    point = monitor(saved)
                _require_trained(work, name, trained.budget.kept, point)

    _on_main(save, work.accelerator)
    work.state.models[name] = str(folder.relative_to(work.run.path))
    work.save_state()
    work.accelerator.wait_for_everyone()


def _require_trained(work: Work, name: str, kept: int | None, point: dict[str, float]) -> None:
    """The saved model must measure as the training's curve did.

    Args:
        kept: the step whose weights these are; None: the last.
        point: what the monitor measured of the saved model.
    """
    (what, value), *_ = point.items()
    steps = run_folder.read_metrics(work.run)[name]
    curve = {step.step: getattr(step, what) for step in steps if getattr(step, what) is not None}
    trained = curve[max(curve) if kept is None else kept]
    tolerance = SAME_POINT[frozen_dtype(work.accelerator)]
    if not abs(value - trained) <= tolerance:
        word = "exact acceptance" if what == "alpha" else "a held-out loss"
        raise AdaspecError(
            f"{name}: the saved model is not the one that was trained. On the same texts it has "
            f"{word} of {value:.4f}, the training's curve {trained:.4f}. Nothing was kept: try "
            "again with precision=float32, and report it."
        )


def _load(work: Work, name: str, dtype: torch.dtype = torch.float32) -> Any:
    folder = work.run.path / work.state.models[name]
    return models.load_weights(folder, work.accelerator.device, dtype)


def _replays(work: Work, sequences: measurement.Sequences) -> None:
    """Decode held-out prompts with every draft, recording each decision; then time some of them."""
    if work.accelerator.is_main_process and not work.run.speed_file.exists():
        work.begin(REPLAY)
        speculation, target = work.recipe.evaluation.speculation, work.inputs.target
        drafts = _frozen(work, _results(work))
        prompts = [
            example.ids[: example.prompt_length].tolist()
            for example in sequences[GENERATED][: speculation.prompts]
        ]
        decode = Decoder(
            target.model,
            vocabulary=work.inputs.vocabulary,
            eos=target.tokenizer.eos_token_id,
        )
        done = count(1)

        def report() -> None:
            work.report(REPLAY, {"step": next(done)})

        with models.threads_for(target.model):
            null = null_test(
                target.model, prompts[:NULL_PROMPTS], vocabulary=work.inputs.vocabulary
            )
            log.log(logging.INFO if null.passed else logging.WARNING, "%s", null.message)
            CHECKS.write(work.run.checks_file, Checks(null_test=null))
            for seq, prompt in enumerate(prompts):
                seed = work.recipe.seed * 1_000_003 + seq
                for trace in replay_beside_plain(
                    decode, drafts, prompt, speculation.decoding, seed, report
                ):
                    named = trace.model_copy(update={"target": target.source})
                    path = work.run.replay(named.draft, seq)
                    TRACE.write(path, named)
            timed = measure_speed(
                decode, drafts, prompts[: speculation.timed], speculation, work.recipe.seed, report
            )
        SPEED.write(work.run.speed_file, timed)
    work.accelerator.wait_for_everyone()


def _measurement(work: Work, sequences: measurement.Sequences, *, again: bool = False) -> None:
    """The token tables of every model the run has saved, and the report."""
    if work.accelerator.is_main_process and (again or not work.run.report_file.exists()):
        work.begin(MEASURE)
        sequences = {name: sequences[name] for name in (GENERATED, DATASET)}
        recipe, inputs = work.recipe, work.inputs
        measurement.write_examples(work.run, inputs.target.tokenizer, sequences, inputs.vocabulary)
        groups = _groups_to_measure(work)
        batches = measurement.count_batches(sequences, recipe.evaluation.batch)
        for number, folders in enumerate(groups):
            measurement.measure(
                work.run,
                inputs.target.model,
                _frozen(work, folders),
                sequences,
                vocabulary=inputs.vocabulary,
                batch=recipe.evaluation.batch,
                on_batch=partial(_report_measured, work, number * batches),
                with_contexts=number == 0,
            )
        REPORT.write(work.run.report_file, make_report(work.run, work.state, recipe))
    work.accelerator.wait_for_everyone()


def _frozen(work: Work, folders: dict[str, Path]) -> dict[str, Any]:
    """The models to measure, in this run's precision."""
    device, dtype = work.accelerator.device, frozen_dtype(work.accelerator)
    return {name: models.load_weights(folder, device, dtype) for name, folder in folders.items()}


def _report_measured(work: Work, before: int, batch: int) -> None:
    work.report(MEASURE, {"step": before + batch})


def _groups_to_measure(work: Work) -> list[dict[str, Path]]:
    """Snapshot -> its folder, in groups that are in memory together: first all results, then each
    training's own snapshots.
    """
    results = _results(work)
    snapshots = [work.run.snapshots(name) for name in results]
    return [results, *filter(None, snapshots)]


def _results(work: Work) -> dict[str, Path]:
    """Every draft -> its folder; a draft that shares another's training is left out."""
    return {
        name: work.run.path / folder
        for name, folder in work.state.models.items()
        if name != TARGET and (name == STOCK or not work.stage(name).same_as)
    }


def _on_main(work: Callable[[], T], accelerator: Accelerator) -> T:
    """Do the work in the main process; every process gets its result, or its AdaspecError."""
    outcome: list[Any] = [None]
    if accelerator.is_main_process:
        try:
            outcome = [work()]
        except AdaspecError as error:
            outcome = [error]
    if accelerator.num_processes > 1:
        broadcast_object_list(outcome)
    if isinstance(outcome[0], AdaspecError):
        raise outcome[0]
    result: T = outcome[0]
    return result


@contextmanager
def _log_to(file: Path) -> Iterator[None]:
    """Write this package's log lines and warnings to the run's log as well."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    loggers = [log, logging.getLogger("py.warnings")]
    logging.captureWarnings(True)
    log.setLevel(logging.INFO)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        handler.close()
