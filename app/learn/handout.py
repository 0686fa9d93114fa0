"""The path on paper: every step with its exercises, and a key at the end, of the page's steps.

`python -m app.learn.handout > handout.html`; the page has a button for it.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.learn.places import percent
from app.learn.steps import Bet, Stretch
from app.learn.view import LearnView, learn_view

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
)


def handout(view: LearnView) -> str:
    """A page that prints well on A4."""
    words = {part.term: part.text for step in view.steps for part in step.idea if part.term}
    return _ENVIRONMENT.get_template("handout.html.jinja").render(
        steps=view.steps,
        terms=view.terms,
        words={term: words.get(term, term) for term in view.terms},
        percent=percent,
        told=_told,
        named=_named,
    )


def _told(stretches: list[Stretch]) -> str:
    return "".join(stretch.text for stretch in stretches)


def _named(options: list[Bet], right: str) -> str:
    return next(option.text for option in options if option.id == right)


if __name__ == "__main__":
    print(handout(learn_view()))
