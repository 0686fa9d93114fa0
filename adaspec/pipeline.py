"""A run from start to end: open its inputs, run its stages in order, resume where it stopped.

Every stage leaves its result in the run folder before the next begins, and a stage whose result is
already there is skipped: to resume after a crash is to run the same recipe again.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from time import time

import torch
import transformers
from accelerate import Accelerator

from adaspec import AdaspecError, __version__, estimate, explain, models, stages
from adaspec import runs as run_folder
from adaspec.inputs import Inputs, cache_size, held_out, open_inputs
from adaspec.precision import make_accelerator
from adaspec.recipe import TARGET, Recipe
from adaspec.recipe.plan import (
    ANSWER,
    CACHE,
    CONTINUE,
    MEASURE,
    REPLAY,
    answers,
    decodings,
    snapshots_together,
    texts_read,
    twin,
)
from adaspec.runs import Facts, Finished, Run, RunState, Stage, Started
from adaspec.stages import OnProgress, Work, on_main

REPLAY_WORK = 16
"""Training sequences that take about as long as decoding one prompt token by token."""

log = logging.getLogger("adaspec")


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
    run = on_main(lambda: _existing(recipe, folder, fresh), accelerator)
    if run and run_folder.read_state(run).state == "finished":
        return run
    inputs = open_inputs(recipe, accelerator)
    run = run or on_main(lambda: run_folder.create(recipe, folder), accelerator)
    with ExitStack() as stack:
        if accelerator.is_main_process:
            stack.enter_context(run_folder.only_writer(run))
            stack.enter_context(_log_to(run.log_file))
        _run_stages(recipe, run, accelerator, on_progress, inputs)
    return run


def measure_again(run: Run, on_progress: OnProgress = lambda stage, row: None) -> None:
    """Remake a finished run's replays, token tables and report from the models it has saved.

    Raises:
        AdaspecError: the run is not finished, has no drafts, or its data or models have changed.
    """
    recipe, state = run_folder.read_recipe(run), run_folder.read_state(run)
    if state.state != "finished" or not recipe.measures:
        what = f"is {state.state}" if recipe.measures else "has no drafts"
        raise AdaspecError(f"Run {state.id} {what}: there is nothing to measure.")
    accelerator = make_accelerator(recipe)
    inputs = open_inputs(recipe, accelerator)
    with run_folder.only_writer(run), _log_to(run.log_file):
        _require_unchanged(state, inputs)
        state.plan = _plan(recipe, inputs)
        work = Work(recipe, run, state, accelerator, on_progress, inputs)
        stages.prepare(work)
        work = stages.answer(work)
        sequences = stages.continuations(work)
        rmtree(run.speed_file.parent, ignore_errors=True)
        stages.replays(work, sequences)
        stages.measure(work, sequences, again=True)
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


def _run_stages(
    recipe: Recipe, run: Run, accelerator: Accelerator, on_progress: OnProgress, inputs: Inputs
) -> None:
    state = run_folder.read_state(run)
    _require_unchanged(state, inputs)
    state.state, state.error, state.process = "running", "", run_folder.Process.this()
    state.sources = {name: opened.source for name, opened in inputs.models.items()}
    state.plan = _plan(recipe, inputs)
    state.facts = _facts(recipe, inputs, accelerator)
    work = Work(recipe, run, state, accelerator, on_progress, inputs)
    if accelerator.is_main_process:
        run_folder.log_event(run, Started(time=time(), processes=accelerator.num_processes))
        log.info("%s", "; ".join(f"{name} from {source}" for name, source in state.sources.items()))
        log.info("%s", "; ".join(f"{name.replace('_', ' ')} {fact}" for name, fact in state.facts))
    try:
        stages.prepare(work)
        if recipe.measures:
            work = stages.answer(work)
            sequences = stages.continuations(work)
            cache = stages.cache_states(work)
            for training in inputs.plan:
                if training.name != TARGET:
                    stages.distil(work, training, sequences, cache)
            stages.replays(work, sequences)
            stages.measure(work, sequences)
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
    hashes = {"data": inputs.dataset.hash} | {
        run_folder.hash_name(name): models.weights_hash(opened.model)
        for name, opened in inputs.models.items()
    }
    for name, value in hashes.items():
        if state.hashes.get(name, value) != value:
            raise AdaspecError(
                f"The {name} of run {state.id} changed since it began: restore it, or start a new "
                "run with --new."
            )
    state.hashes = hashes


def _plan(recipe: Recipe, inputs: Inputs) -> list[Stage]:
    """Every stage, with the seconds that it is expected to take where a pace is known."""
    expected = estimate.known(recipe)
    seconds = expected.stages if expected else {}
    return [
        stage.model_copy(update={"seconds": seconds.get(stage.name)})
        for stage in _stages(recipe, inputs)
    ]


def _stages(recipe: Recipe, inputs: Inputs) -> list[Stage]:
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
    if not recipe.measures:
        return stages
    test, validation = map(len, held_out(recipe, inputs.dataset))
    test_batches, validation_batches = (
        math.ceil(rows / recipe.evaluation.batch) for rows in (test, validation)
    )
    examples = recipe.data.examples(len(inputs.dataset.train))
    before = []
    if own := answers(recipe, len(inputs.dataset.train)):
        before.append(Stage(name=ANSWER, kind="answer", steps=own, work=4 * own))
    before.append(
        Stage(
            name=CONTINUE,
            kind="continue",
            steps=test_batches + validation_batches,
            work=4 * (test + validation),
        )
    )
    if inputs.storage != "nowhere":
        before.append(Stage(name=CACHE, kind="cache", steps=examples, work=examples))
    texts = decodings(recipe, inputs.plan, test)
    passes = len(snapshots_together(recipe, inputs.plan))  # the target's, over all prompts
    read = texts_read(recipe, len(inputs.dataset.train), test)
    measured = passes * sum(math.ceil(texts / recipe.evaluation.batch) for texts in read)
    after = [
        Stage(name=REPLAY, kind="replay", steps=texts, work=REPLAY_WORK * texts),
        Stage(name=MEASURE, kind="measure", steps=measured, work=sum(read) * passes),
    ]
    target = int(recipe.stage0 is not None)
    return [*stages[:target], *before, *stages[target:], *after]


def _facts(recipe: Recipe, inputs: Inputs, accelerator: Accelerator) -> Facts:
    cuda = accelerator.device.type == "cuda"
    target, stock, dataset = inputs.target.model, inputs.stock, inputs.dataset
    trimmed = models.draft_vocabulary(stock.model) if stock else None
    return Facts(
        training_rows=len(dataset.train),
        evaluation_rows=len(dataset.evaluation),
        validation_rows=len(held_out(recipe, dataset)[1]),
        dropped_rows=dataset.dropped,
        truncated_rows=dataset.truncated,
        response_tokens=(
            sum(example.predicted for example in dataset.train)
            if recipe.data.responses == "data"
            else None  # nobody has written them yet
        ),
        prompt_tokens=sum(example.prompt_length for example in dataset.train),
        cache=inputs.storage,
        cache_bytes=cache_size(recipe, dataset, inputs.target, accelerator),
        shared_vocabulary=inputs.vocabulary,
        target_parameters=models.parameters(target),
        draft_parameters=models.parameters(stock.model) if stock else None,
        draft_vocabulary=len(trimmed.ids) if trimmed else None,
        draft_looked_up=stock.model.get_input_embeddings().weight.numel()
        if stock and trimmed
        else 0,
        given_parameters={
            name: models.parameters(opened.model) for name, opened in inputs.drafts.items()
        },
        formats={name: opened.format for name, opened in inputs.models.items() if opened.format},
        device=torch.cuda.get_device_name() if cuda else "CPU",
        cpu_threads=torch.get_num_threads(),
        processes=accelerator.num_processes,
        precision="bf16" if accelerator.mixed_precision == "bf16" else "float32",
        adaspec=__version__,
        torch=str(torch.__version__),
        transformers=transformers.__version__,
    )


def _may_write(_: logging.LogRecord) -> bool:
    """Always, or this process ends: see `require_leave`."""
    run_folder.require_leave()
    return True


@contextmanager
def _log_to(file: Path) -> Iterator[None]:
    """Write this package's log lines and warnings to the run's log as well."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.addFilter(_may_write)
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
