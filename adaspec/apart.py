"""Questions about a recipe that a process of its own answers, so that this one loads no torch.

The process runs one module, reads the recipe's YAML and prints its answer as JSON, or ends with one
line on stderr.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from adaspec import AdaspecError, explain, is_users, recipe
from adaspec.environment import for_libraries
from adaspec.recipe import Recipe

Answer = TypeVar("Answer", bound=BaseModel)


def ask(module: str, recipe: Recipe, kind: type[Answer], seconds: float | None = None) -> Answer:
    """What `python -m MODULE` says of a recipe.

    Args:
        module: one whose `main` calls `answer`.
        seconds: after which nobody waits any more; None: however long it takes.

    Raises:
        AdaspecError: its last line, where it gave no answer.
        subprocess.TimeoutExpired: it took too long.
    """
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=recipe.yaml(),
        env=for_libraries(),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    try:
        return kind.model_validate_json(done.stdout)
    except ValidationError:
        lines = done.stderr.strip().splitlines() or ["its process ended without output."]
        raise AdaspecError(lines[-1]) from None


def answer(compute: Callable[[Recipe], BaseModel]) -> None:
    """Answer the process that asks."""
    try:
        print(compute(recipe.read(sys.stdin.read())).model_dump_json())
    except Exception as error:
        if not is_users(error):
            raise
        sys.exit(explain(error))
