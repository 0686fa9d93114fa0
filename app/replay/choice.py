"""Which run, which draft, and which of its prompts is replayed."""

from __future__ import annotations

from adaspec import AdaspecError, replays, runs, tokens
from adaspec.analysis.methods import default_draft
from adaspec.runs import Run
from adaspec.tokens import GENERATED
from app.shared.pickers import final_drafts
from app.shell import link

PREVIEW = 60  # characters of a prompt


def drafts(run: Run) -> list[str]:
    """Those with replays; none where the run has no replays."""
    try:
        return replays.drafts(run)
    except AdaspecError:
        return []


def pick_draft(run: Run) -> str:
    """By default one that was trained on selected tokens."""
    offered = drafts(run) or final_drafts(run)
    return link.choice(
        "Draft q",
        "draft",
        offered,
        default=default_draft(runs.read_recipe(run), offered),
        help="The small model that guesses. All drafts of a run were replayed on the same prompts, "
        "with the same random numbers.",
    )


def pick_prompt(run: Run, draft: str) -> int:
    """The number of a prompt that the draft was replayed on."""
    prompts = tokens.examples(run, GENERATED)["prompt"]
    return link.choice(
        "Prompt",
        "example",
        replays.numbers(run, draft),
        format_func=lambda seq: f"#{seq} {' '.join(str(prompts[seq]).split())[:PREVIEW]}",
        help="Held-out prompts, numbered as on the Tokens page.",
    )
