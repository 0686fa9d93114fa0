"""The path as the page and the handout show it: the steps' words with the runs' values in them."""

from __future__ import annotations

from urllib.parse import urlencode

from adaspec.runs.contract import Part
from app.learn import evidence, steps
from app.learn.blocks import Block
from app.learn.steps import Answer, Bet, Door, Stretch, Teacher


class StepView(Part):
    """A step, complete.

    Attributes:
        material: what the prediction is about; `outcome`: what is shown after it.
        right: the option that came true.
        link: where the same is seen, below the studio's address.
    """

    id: str
    title: str
    terms: list[str]
    idea: list[Stretch]
    given: str
    material: list[Block]
    ask: str
    options: list[Bet]
    right: str
    shown: list[Stretch]
    outcome: list[Block]
    question: str
    answers: list[Answer]
    look: str
    link: str
    teacher: Teacher


class LearnView(Part):
    """What `browser/learn/path.js` reads, and the handout.

    Attributes:
        terms: dotted word -> its definition.
    """

    terms: dict[str, str]
    steps: list[StepView]
    end: str
    onward: list[Door]


def learn_view() -> LearnView:
    """All steps.

    Raises:
        AdaspecError: a bundled run is not there, or damaged.
    """
    path = steps.path()
    return LearnView(
        terms=path.terms,
        steps=[_step(step) for step in path.steps],
        end=path.end,
        onward=path.onward,
    )


def _step(step: steps.Step) -> StepView:
    seen = evidence.of_step(step.id)

    def told(text: str) -> str:
        return text.format_map(seen.values)

    def rich(text: str) -> list[Stretch]:
        return [Stretch(told(part.text), part.term) for part in steps.rich(text)]

    bets = step.predict.options or seen.options
    page, query = seen.page
    return StepView(
        id=step.id,
        title=step.title,
        terms=step.terms,
        idea=rich(step.idea),
        given=told(step.given),
        material=seen.given,
        ask=told(step.predict.ask),
        options=[Bet(id=bet.id, text=told(bet.text)) for bet in bets],
        right=seen.right,
        shown=rich(step.predict.shown),
        outcome=seen.shown,
        question=told(step.question.ask),
        answers=step.question.options,
        look=step.look,
        link=f"{page}?{urlencode(query)}",
        teacher=step.teacher,
    )
