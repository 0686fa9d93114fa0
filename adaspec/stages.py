"""The stages of a run: fine-tune the target, continue prompts, cache, distil, replay, measure.

Each leaves its result in the run folder, and does nothing if its result is already there.
"""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from shutil import rmtree
from time import time
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from safetensors import SafetensorError
from torch import Tensor

from adaspec import AdaspecError, explain, measurement, models, own_text, teacher_cache
from adaspec import runs as run_folder
from adaspec.inputs import Inputs, held_out
from adaspec.precision import frozen_dtype, pass_tokens
from adaspec.recipe import REFERENCE, STOCK, TARGET, Recipe, Sampling, Training
from adaspec.recipe.plan import ANSWER, CACHE, CONTINUE, MEASURE, REPLAY
from adaspec.report import make_report
from adaspec.runs import (
    CHECKS,
    REPORT,
    SPEED,
    TRAINED,
    Checks,
    Run,
    RunState,
    Stage,
    StageBegan,
    Trained,
)
from adaspec.speculation.decoding import Decoder
from adaspec.speculation.null_test import null_test
from adaspec.speculation.speed import measure_speed, replay_beside_plain
from adaspec.speculation.trace import TRACE
from adaspec.teacher import Teacher, all_losses_r
from adaspec.tokens import ANSWERS, DATASET, GENERATED, SOURCES, VALIDATION
from adaspec.training import Hooks, train

NULL_PROMPTS = 3
"""Prompts on which the target drafts for itself."""
SAME_POINT = {torch.float32: 1e-4, torch.bfloat16: 5e-3}
"""How far rounding may move a point of a curve when the same model is measured again."""

log = logging.getLogger("adaspec")

T = TypeVar("T")
OnProgress = Callable[[Stage, dict[str, float | int]], None]


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


def prepare(work: Work) -> None:
    """Fine-tune the target, or use it as it is; save the drafts that were there before."""
    opened = work.inputs.target
    target = opened.model
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
        _keep(work, STOCK, work.inputs.stock.model, opened.tokenizer)
    for name, draft in work.inputs.drafts.items():
        _keep(work, name, draft.model, draft.tokenizer)
    target.requires_grad_(False)
    target.to(frozen_dtype(work.accelerator))


def answer(work: Work) -> Work:
    """The work with the examples that drafts are trained on, which the target may have to write."""
    data, dataset, target = work.recipe.data, work.inputs.dataset, work.inputs.target
    if data.responses == "data":
        return work
    file = work.run.answers_file
    if work.accelerator.is_main_process and not file.exists():
        work.begin(ANSWER)
        vocabulary, seed = work.inputs.vocabulary, work.recipe.seed
        eos = target.tokenizer.eos_token_id
        own_text.write_table(
            file,
            own_text.write(
                target.model,
                dataset.train,
                data.answers,
                identity=own_text.key(
                    models.weights_hash(target.model),
                    target.model.dtype,
                    vocabulary,
                    eos,
                    data.answers,
                    data.max_length,
                    seed,
                ),
                vocabulary=vocabulary,
                eos=eos,
                max_length=data.max_length,
                seed=seed,
                on_answers=_steps(work, ANSWER),
            ),
        )
    work.accelerator.wait_for_everyone()
    own = own_text.read(file, dataset.train, data.answers.samples)
    others = dataset.train if data.responses == "both" else []
    return replace(
        work, inputs=replace(work.inputs, dataset=replace(dataset, train=[*own, *others]))
    )


def continuations(work: Work) -> measurement.Sequences:
    """The target's own continuations of the held-out prompts, beside the data set's responses.

    Where the target has written training text, some of that as well.
    """
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
                sampling=Sampling(temperature=evaluation.temperature),
                max_new_tokens=evaluation.max_new_tokens,
                batch=evaluation.batch,
                seed=seed,
                on_batch=lambda _: work.report(CONTINUE, {"step": next(batches)}),
            )
            for seed, examples in ((work.recipe.seed, test), (~work.recipe.seed, validation))
        ]
        data = work.recipe.data
        sources: measurement.Sequences = {
            GENERATED: continuations[0],
            DATASET: test if data.response else [],
            ANSWERS: [] if data.responses == "data" else work.inputs.dataset.train[: len(test)],
            VALIDATION: continuations[1],
        }
        measurement.write_sequences(file, sources)
    work.accelerator.wait_for_everyone()
    return measurement.read_sequences(file)


def cache_states(work: Work) -> teacher_cache.TeacherCache | None:
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


def distil(
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

    With a cache, L_r is computed once too; after that the reference is no longer needed, unless
    what it says of the text's tokens is asked for.
    """
    target, examples = work.inputs.target.model, work.inputs.dataset.train
    teacher = Teacher(target, work.inputs.vocabulary, None, cache)
    if not training.needs_reference:
        return teacher
    reference = _load(work, REFERENCE, frozen_dtype(work.accelerator))
    with_reference = replace(teacher, reference=reference)
    if cache is None or training.needs("log_r"):
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
    _keep(work, name, model, work.inputs.target.tokenizer, trained, monitor)
    if work.accelerator.is_main_process:
        rmtree(work.run.checkpoints(name), ignore_errors=True)


def _keep_snapshot(work: Work, name: str, step: int, model: Any) -> None:
    with run_folder.atomic_folder(work.run.snapshot(name, step), replace=True) as new:
        models.save_weights(model, new)


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
    tokenizer: Any,
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
            models.save_weights(model, new)
            tokenizer.save_pretrained(new)
            if trained and monitor:
                TRAINED.write(new / work.run.budget_file(name).name, trained)
                saved = models.load_weights(new, work.accelerator.device)
                with work.accelerator.autocast():
                    point = monitor(saved)
                _require_trained(work, name, trained.budget.kept, point)

    on_main(save, work.accelerator)
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


def replays(work: Work, sequences: measurement.Sequences) -> None:
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


def measure(work: Work, sequences: measurement.Sequences, *, again: bool = False) -> None:
    """The token tables of every model the run has saved, and the report."""
    if work.accelerator.is_main_process and (again or not work.run.report_file.exists()):
        work.begin(MEASURE)
        sequences = {name: sequences[name] for name in SOURCES if name in sequences}
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
                settings=() if number else recipe.evaluation.settings,
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
        name: work.run.path / work.state.models[name]
        for name in work.state.drafts
        if not ((training := work.state.training(name)) and training.same_as)
    }


def on_main(work: Callable[[], T], accelerator: Accelerator) -> T:
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


def peak_memory(device: torch.device) -> int:
    """The most bytes this process has used so far: GPU memory, or resident memory without a GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
