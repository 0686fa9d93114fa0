"""The replays that a run has kept: one trace a draft and held-out prompt. Loads no torch.

The prompts are the first of the token tables' examples, under their numbers: replay n of every
draft went on from the prompt of example n, with the same uniforms.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from adaspec import AdaspecError, runs
from adaspec.runs import Run
from adaspec.runs.contract import stamp
from adaspec.speculation.trace import TRACE, Trace
from adaspec.tokens import table_of


def drafts(run: Run) -> list[str]:
    """Those with replays, in the report's order; one that is another's training shares its.

    Raises:
        AdaspecError: the run has no replays.
    """
    state = runs.read_state(run)
    decoded = [name for name in state.drafts if run.replay(table_of(run, name), 0).is_file()]
    if not decoded:
        raise AdaspecError(
            f"Run {run.path.name} has no replays: adaspec measure {run.path.name} makes them."
        )
    return decoded


def numbers(run: Run, draft: str) -> list[int]:
    """Prompts that a draft was decoded on."""
    folder = run.replay(table_of(run, draft), 0).parent
    return sorted(int(path.stem) for path in folder.glob("[0-9]*.json"))


def read(run: Run, draft: str, seq: int) -> Trace:
    """The trace of a draft on a prompt; not to be changed.

    Raises:
        AdaspecError: there is none, or it is damaged.
    """
    if draft not in (known := drafts(run)):
        raise AdaspecError(f"No replays of {draft!r}: this run has {', '.join(known)}.")
    path = run.replay(table_of(run, draft), seq)
    if not path.is_file():
        raise AdaspecError(f"No replay {seq} of {draft}: there are 0 to {numbers(run, draft)[-1]}.")
    return _read(path, stamp(path))


@lru_cache(maxsize=128)
def _read(path: Path, _stamp: tuple[int, int]) -> Trace:
    return TRACE.read(path)
