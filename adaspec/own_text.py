"""The target's own answers to the training prompts: written once, and kept.

What the target writes is what a draft will meet when it serves, whatever a data set answers. A
batch of answers is a file beside the target's cached hidden states, in
`ADASPEC_HOME/teacher-cache/KEY`: KEY hashes what all batches depend on, the file's name its prompts
and its place. So a run that was killed goes on with the next batch, and one with more rows, or more
answers to each, has only those to write. A damaged file is written anew.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from adaspec import explain, teacher_cache
from adaspec.data import Example, batches
from adaspec.measurement import continue_batch
from adaspec.recipe import Answers, digest
from adaspec.runs import atomic_file
from adaspec.runs.contract import MEASURE, Unreadable
from adaspec.runs.tables import ANSWERS, read_table
from adaspec.settings import settings

ID = 4
"""Bytes of a token's id."""

OnAnswers = Callable[[int], None]

log = logging.getLogger("adaspec")


def key(
    target_hash: str,
    dtype: object,
    vocabulary: int,
    eos: int,
    answers: Answers,
    max_length: int,
    seed: int,
) -> str:
    """A hash of everything that all answers depend on, but how many there are."""
    how = answers.model_dump(exclude={"samples"})
    parts = [target_hash, str(dtype), vocabulary, eos, how, max_length, seed]
    return f"answers-{digest(parts)}"


def most_tokens(prompts: list[Example], answers: Answers, max_length: int) -> int:
    """Of the answers to these prompts: the most that they can have together."""
    room = (max_length - prompt.prompt_length for prompt in prompts)
    return answers.samples * sum(min(answers.max_new_tokens, most) for most in room)


def write(
    target: Any,
    prompts: list[Example],
    answers: Answers,
    *,
    identity: str,
    vocabulary: int,
    eos: int,
    max_length: int,
    seed: int,
    on_answers: OnAnswers,
) -> pa.Table:
    """The target's answers, as rows of `tables.ANSWERS`: one to every prompt, then the next.

    Args:
        prompts: the first `prompt_length` ids of each.
        identity: their `key`.
        vocabulary: only ids below this one are written.
        max_length: tokens of prompt and answer; EOS ends an answer that comes to its end.
        on_answers: called with the number of answers just written or read.
    """
    keeps = settings().cache in ("auto", "disk")
    folder = teacher_cache.folder_of(identity) if keeps else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)  # last used now
        teacher_cache.free_space(folder, ID * most_tokens(prompts, answers, max_length))
    parts = []
    with FileLock(folder / "lock") if folder else nullcontext():  # another run may write the same
        for sample in range(answers.samples):
            for number, group in enumerate(batches(prompts, answers.batch)):
                ids = [prompt.ids[: prompt.prompt_length].tolist() for prompt in group]
                place = digest([sample, number, ids])
                file = folder / f"{place}.parquet" if folder else None
                part = _read(file, len(group))
                if part is None:
                    part = _answer(
                        target,
                        group,
                        answers,
                        vocabulary=vocabulary,
                        eos=eos,
                        max_length=max_length,
                        seed=int(digest([seed, place]), 16) >> 1,
                    )
                    _keep(file, part)
                parts.append(part)
                on_answers(len(group))
    return pa.concat_tables(parts)


def read(path: Path, prompts: list[Example], samples: int) -> list[Example]:
    """The prompts with the answers that a run has kept, in the order they were written.

    Raises:
        Unreadable: it is not there, damaged, or does not have an answer for each.
    """
    try:
        responses = read_table(path, ANSWERS, ["response"])["response"].to_pylist()
    except Unreadable as error:
        reason = error.reason.removesuffix(MEASURE)
        raise Unreadable(path, f"{reason}Delete it: the target then answers again.") from None
    if len(responses) != samples * len(prompts):
        raise Unreadable(path, f"has {len(responses)} answers to {len(prompts)} prompts.")
    return [
        Example(np.array([*prompt.ids[: prompt.prompt_length], *response]), prompt.prompt_length)
        for prompt, response in zip(prompts * samples, responses, strict=True)
    ]


def write_table(path: Path, table: pa.Table) -> None:
    with atomic_file(path) as new:
        pq.write_table(table, new, write_page_checksum=True)


def _answer(
    target: Any,
    prompts: list[Example],
    answers: Answers,
    *,
    vocabulary: int,
    eos: int,
    max_length: int,
    seed: int,
) -> pa.Table:
    shortest = min(prompt.prompt_length for prompt in prompts)
    began = perf_counter()
    written = continue_batch(
        target,
        prompts,
        vocabulary=vocabulary,
        eos=eos,
        sampling=answers.sampling,
        max_new_tokens=min(answers.max_new_tokens, max_length - shortest),
        seed=seed,
    )
    seconds, passes = perf_counter() - began, max(each.response_length for each in written)
    return pa.table(
        {
            "response": [each.ids[each.prompt_length : max_length].tolist() for each in written],
            "seconds": [seconds / len(written)] * len(written),
            "passes": [passes / len(written)] * len(written),
        },
        schema=ANSWERS,
    )


def _read(file: Path | None, count: int) -> pa.Table | None:
    """A batch that was written before; None where there is none, or it is damaged."""
    if file is None or not file.exists():
        return None
    try:
        part = read_table(file, ANSWERS)
        if len(part) == count:
            return part
        reason = f"{file} has {len(part)} answers to {count} prompts."
    except Unreadable as error:
        reason = str(error)
    log.warning("%s Its answers are written anew.", reason)
    return None


def _keep(file: Path | None, part: pa.Table) -> None:
    if file is None:
        return
    try:
        write_table(file, part)
    except OSError as error:  # the run goes on, and has them all in the end
        log.warning("%s is not kept: %s", file, explain(error))
