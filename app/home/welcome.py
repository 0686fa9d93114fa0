"""What Home says and shows, before Streamlit is there and in Streamlit."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from adaspec import replays, runs
from adaspec.runs import Run
from adaspec.views import replay_view

TITLE = "A small model guesses, a large one checks."
SENTENCE = (
    "Speculative decoding makes a large language model faster: a small draft model guesses the "
    "next few tokens, and the large target model checks all of them at once. What it would have "
    "said itself is kept; the first wrong guess is replaced. The text stays exactly the target's."
)


class Door(NamedTuple):
    """A way into the studio.

    Attributes:
        page: the script in `pages/`, and its address.
        of_run: whether it opens on the run that plays.
    """

    page: str
    title: str
    text: str
    of_run: bool = True


DOORS = (
    Door(
        "learn",
        "Learn it",
        "New to this? Ten short steps: bet first, then see what really happened, and why.",
        of_run=False,
    ),
    Door(
        "replay",
        "See it",
        "Step through every guess: what the draft expected, what the target wanted, and why a "
        "token was kept or replaced.",
    ),
    Door(
        "tokens",
        "Explore tokens",
        "Which words are hard to guess? A text coloured token by token, by how far a draft is from "
        "the target.",
    ),
    Door(
        "train",
        "Train and compare",
        "Train drafts on every token, or only on those that can be learned, and see which one is "
        "accepted more often.",
        of_run=False,
    ),
)


def featured() -> Run:
    """The bundled run that plays.

    Raises:
        AdaspecError: this installation has none.
    """
    examples = runs.examples()
    return examples[0] if examples else runs.find("example")


@cache  # a bundled run never changes
def about(run: Run) -> str:
    """Which run plays, and what it cannot do.

    Raises:
        AdaspecError: it is damaged.
    """
    recipe = runs.read_recipe(run)
    return (
        f"Playing: the bundled run {run.id}. {recipe.about} Its models are small: look at who "
        "wrote each token, and do not trust their sums."
    )


@cache
def replay(run: Run) -> dict[str, Any]:
    """The view of a replay that is worth seeing first: the best draft where it guesses best.

    Raises:
        AdaspecError: it is damaged.
    """
    best = runs.read_report(run).best.name
    traces = {number: replays.read(run, best, number) for number in replays.numbers(run, best)}
    number = max(traces, key=lambda number: len(traces[number].text) / len(traces[number].rounds))
    return replay_view.stored(run, best, number) | {"brief": True}
