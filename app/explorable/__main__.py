"""`python -m app.explorable RUN FILE`: what `adaspec explorable` and the button run."""

from __future__ import annotations

import sys
from pathlib import Path

from adaspec import AdaspecError, runs, terminal
from adaspec.runs.writing import write_atomic
from app.explorable.page import build, drafts


def main(name: str, to: Path) -> None:
    from adaspec.rounding import rounded_alphas  # loads torch, which no page does

    run = runs.find(name)
    names = drafts(run)
    content = build(run, rounded_alphas(run, names)).encode()
    write_atomic(to, content)


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]))
    except AdaspecError as error:
        terminal.fail(str(error))
