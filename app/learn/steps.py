"""What every step of the path says and asks: the content of `steps.yaml`, checked.

The page, the handout and its key are made of the same steps. What a run says in them is put in by
`evidence`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import yaml
from pydantic import Field, model_validator

from adaspec.runs.contract import Part

_FILE = Path(__file__).parent / "steps.yaml"
_DOTTED = re.compile(r"\[([^\]|]+)(?:\|([^\]]+))?\]")


class Bet(Part):
    """An option of a prediction. Which one is right, the run says."""

    id: str
    text: str


class Answer(Bet):
    """An option of a question, and what to say to whoever chose it."""

    says: str
    right: bool = False


class Prediction(Part):
    """What is asked before anything is shown, and what is said then.

    Attributes:
        options: none where they are read from the run.
    """

    ask: str
    options: list[Bet] = Field([])
    shown: str


class Question(Part):
    """What is asked after everything was shown."""

    ask: str
    options: list[Answer] = Field(min_length=2)

    @model_validator(mode="after")
    def _one_is_right(self) -> Question:
        if sum(option.right for option in self.options) != 1:
            raise ValueError(f"one option is right: {self.ask}")
        return self

    @property
    def right(self) -> Answer:
        return next(option for option in self.options if option.right)


Length = Literal[45, 90]
"""Minutes of a lesson."""


class Planned(Part):
    """A step in a lesson: how long it takes, what the class sees and is asked."""

    minutes: int
    sees: str
    ask: str


class Teacher(Part):
    """What to ask a class at a step, and what it sees.

    Attributes:
        plans: the same in a lesson of so many minutes, where the step has a place in it.
    """

    ask: str
    sees: str
    plans: dict[Length, Planned]


class Step(Part):
    """A step of the path.

    Attributes:
        terms: dotted words that are explained from here on.
        given: what stands above the material that the prediction is about.
        look: where the same is seen on the studio's other pages.
    """

    id: str
    title: str
    terms: list[str]
    idea: str
    given: str
    predict: Prediction
    question: Question
    look: str
    teacher: Teacher

    @property
    def texts(self) -> list[str]:
        """All that a learner reads."""
        bets = [bet.text for bet in self.predict.options]
        answers = [text for option in self.question.options for text in (option.text, option.says)]
        of_bet = [self.predict.ask, *bets, self.predict.shown]
        return [self.title, self.idea, self.given, *of_bet, self.question.ask, *answers, self.look]


class Door(Part):
    """A way on from the end of the path: an address below the studio's."""

    text: str
    link: str


class Steps(Part):
    """The whole path, in order.

    Attributes:
        terms: dotted word -> its definition.
        end: what is said after the last step.
    """

    terms: dict[str, str]
    steps: list[Step]
    end: str
    onward: list[Door]

    @model_validator(mode="after")
    def _explained_once(self) -> Steps:
        explained = [term for step in self.steps for term in step.terms]
        if sorted(explained) != sorted(self.terms):
            raise ValueError("every term is explained in exactly one step")
        return self


class Stretch(NamedTuple):
    """A stretch of text; `term` names its definition where it is dotted."""

    text: str
    term: str | None = None


@cache
def path() -> Steps:
    """The steps that come with the studio."""
    return Steps.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def rich(text: str) -> list[Stretch]:
    """A text with its dotted words taken apart."""
    stretches: list[Stretch] = []
    end = 0
    for match in _DOTTED.finditer(text):
        if match.start() > end:
            stretches.append(Stretch(text[end : match.start()]))
        stretches.append(Stretch(match[1], match[2] or match[1]))
        end = match.end()
    return [*stretches, Stretch(text[end:])] if end < len(text) else stretches


def plain(text: str) -> str:
    """A text without the marks of its dotted words."""
    return "".join(stretch.text for stretch in rich(text))
