"""The `adaspec` command: everything a page can do, from a terminal. One module a group of verbs.

A verb is a function with its options as arguments and its help as docstring; it starts at once,
since whatever loads torch or pandas is imported inside it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import typer

from adaspec import explain, is_users, one_line, terminal
from adaspec.cli import (
    analysis,
    explorable,
    export,
    jobs,
    recipes,
    replay,
    studio,
    tokens,
    tracking,
    training,
)
from adaspec.cli import runs as run_folders

app = typer.Typer(
    help="Train draft models for speculative decoding, and measure them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

VERBS: dict[str, Callable[..., Any]] = {  # in the order of the help
    "recipes": recipes.list_recipes,
    "run": training.run,
    "inspect": training.inspect,
    "estimate": recipes.estimate,
    "submit": jobs.submit,
    "sweep": jobs.sweep,
    "resume": jobs.resume,
    "jobs": jobs.list_jobs,
    "cancel": jobs.cancel,
    "move": jobs.move,
    "rename": run_folders.rename,
    "note": run_folders.note,
    "delete": run_folders.delete,
    "doctor": run_folders.doctor,
    "supervisor": jobs.supervise,
    "app": studio.serve,
    "report": analysis.report,
    "compare": analysis.compare,
    "differ": analysis.differ,
    "ablation": analysis.ablation,
    "power": analysis.power,
    "verdict": analysis.verdict,
    "ceiling": analysis.ceiling,
    "plan": analysis.plan,
    "measure": training.measure,
    "export": export.export,
    "explorable": explorable.explorable,
    "track": tracking.track,
    "tokens": tokens.tokens,
    "replay": replay.replay,
}

for _name, _verb in VERBS.items():
    app.command(_name)(_verb)


def main() -> None:
    """Run a command; every error is one line on standard error and exit code 2."""
    try:
        app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        terminal.fail("Interrupted. The same command resumes from the last checkpoint.", 130)
    except typer.TyperException as error:  # a wrong option or argument
        message = getattr(error, "format_message", error.__str__)()
        terminal.fail(one_line(" ".join(message.split())))
    except Exception as error:
        if is_users(error):
            terminal.fail(explain(error))
        if isinstance(error, OSError) and error.strerror:  # a place that cannot be read or written
            name = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
            terminal.fail(one_line(f"{name}{error.strerror}."))
        raise
