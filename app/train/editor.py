"""A recipe that a viewer is editing: where it started, what it is now, and what was set aside.

Imports no Streamlit. Whatever is taken out can be put back, and nothing typed is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaspec import AdaspecError, recipe, runs
from adaspec.jobs import queue
from adaspec.recipe import Optimisation, Recipe
from adaspec.recipe.paths import ABSENT, Content
from app.train import recipe_form, recipe_link

FIRST = "tiny"
RUN = "run:"  # begins the name of a start that is a run
DISTILLED = {
    "distillspec": {"selector": "all", "budget": "steps"},
    "distillspec-data": {"selector": "all", "budget": "data"},
    "adaspec": {"selector": "top_delta", "budget": "published"},
}
NEW_ROWS: dict[str, dict[str, Any]] = {
    "stories": {"stories": 1200, "seed": 20},
    "file": {"file": None},
    "hub": {"hub": None, "split": "train"},
    "holdout": {"holdout": 0.1},
}
Link = dict[str, list[str]]


@dataclass
class Editor:
    """What a session holds of the page.

    Attributes:
        start: a recipe's name, or RUN and a run's id.
        began: the recipe that it started from.
        aside: path -> what was taken out of the content, to be put back.
        yaml, fault: text that was typed and is no recipe, and why not.
        faults: path -> why an upload for that field was refused.
        complaint: about a link that could not be followed.
        earlier: the start and the content that were replaced by choosing another start.
        left, left_at: the link that was put into the address, and when, by the monotonic clock.
    """

    start: str = FIRST
    began: Recipe = field(default_factory=lambda: recipe.load(FIRST))
    content: Content = field(default_factory=dict)
    aside: dict[str, Any] = field(default_factory=dict)
    yaml: str = ""
    fault: str = ""
    faults: dict[str, str] = field(default_factory=dict)
    complaint: str = ""
    earlier: tuple[str, Recipe, Content] | None = None
    left: Link = field(default_factory=dict)
    left_at: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether anything differs from where it started."""
        return bool(self.content) and self.content != recipe_form.open_recipe(self.began)

    def begin(self, start: str) -> None:
        """Start over from a recipe or a run.

        Raises:
            AdaspecError: there is none of that name, and nothing has changed.
        """
        began = load(start)
        if self.changed:
            self.earlier = self.start, self.began, self.content
        self._show(start, began, recipe_form.open_recipe(began))

    def take_back(self) -> None:
        """Return to what the latest start replaced."""
        if self.earlier:
            earlier, self.earlier = self.earlier, None
            self._show(*earlier)

    def _show(self, start: str, began: Recipe, content: Content) -> None:
        self.start, self.began, self.content = start, began, content
        self.aside, self.yaml, self.fault, self.faults, self.complaint = {}, "", "", {}, ""

    def follow(self, link: Link) -> None:
        """Show what a link describes; complain if it cannot be followed completely."""
        try:
            self.begin(RUN + link["from"][0] if "from" in link else link.get("recipe", [FIRST])[0])
        except AdaspecError as error:
            if not self.content:
                self.begin(FIRST)
            self.complaint = str(error)
            return
        parts = [setting.partition("=") for setting in link.get("set", [])]
        values = [(path, text) for path, _, text in parts]
        values += [(recipe_link.K, text) for text in link.get("k", [])]
        try:
            changed = recipe_link.changed(self.began, values)
        except AdaspecError as error:
            self.complaint = f"Only the start of the link could be followed. {error}"
            return
        self.content = recipe_form.open_recipe(changed)

    def link(self, now: Recipe) -> Link:
        """The link that shows this again."""
        start = self.start.removeprefix(RUN)
        link = {"from" if self.start.startswith(RUN) else "recipe": [start]}
        changes = recipe_link.changes(self.began, now)
        if recipe_link.K in changes:
            link["k"] = [changes.pop(recipe_link.K)]
        values = [f"{path}={text}" for path, text in changes.items()]
        if values and sum(map(len, values)) < recipe_link.LONGEST:
            link["set"] = values
        return link

    def write(self, text: str) -> None:
        """Take over a recipe typed as YAML; text that is none is kept beside the content."""
        try:
            content = recipe_form.open_recipe(recipe_form.read_yaml(text))
        except AdaspecError as error:
            self.yaml, self.fault = text, str(error)
            return
        unused = [row for row in recipe_form.method_rows(self.content).values() if not row["train"]]
        self.content = content
        for row in unused if "stage2" in content else []:
            recipe_form.add_method(content, row.pop("name"), row)
        self.faults = {}
        self.drop_yaml()

    def drop_yaml(self) -> None:
        """Discard the text that is not a recipe."""
        self.yaml = self.fault = ""

    def set(self, path: str, value: Any) -> None:
        self.complaint = ""
        recipe_form.put(self.content, path, value)

    def add_method(self, name: str, method: Mapping[str, Any]) -> None:
        recipe_form.add_method(self.content, name, method)

    def add_prompt(self) -> None:
        """One more template, for rows that leave a column of those before empty."""
        self.content["data"]["prompt"].append("")

    def drop_prompt(self) -> None:
        """Without the last template, unless it is the only one."""
        if len(prompts := self.content["data"]["prompt"]) > 1:
            prompts.pop()

    def switch_stage(self, stage: str, on: bool) -> None:
        """Take a stage out, or put it back as it was."""
        if on == (stage in self.content):
            return
        if on:
            self.content[stage] = self.aside.pop(stage, None) or self._new_stage(stage)
        else:
            self.aside[stage] = self.content.pop(stage)

    def _new_stage(self, stage: str) -> dict[str, Any]:
        """Like another stage, if there is one."""
        others = [self.content[stage] for stage in recipe_form.STAGES if stage in self.content]
        like = others[0] if others else {"batch": 16, "epochs": 3, "lr": 3e-4}
        new = {key: like[key] for key in Optimisation.model_fields if key in like}
        if stage == "stage2":
            rows = enumerate(DISTILLED.items())
            new["methods"] = {
                str(number): {"name": name, "train": True, **method}
                for number, (name, method) in rows
            }
        return new

    def switch_chat(self, on: bool) -> None:
        """Make conversations of the rows, or plain texts; the earlier settings are kept aside."""
        now = recipe_form.at(self.content, "data.chat")
        if on == isinstance(now, dict):
            return
        if not on:
            self.aside["data.chat"] = now
        self.set("data.chat", self.aside.pop("data.chat", {}) if on else ABSENT)

    def switch_origin(self, split: str, origin: str) -> None:
        """Take the rows of a split from another source; the earlier one is kept aside."""
        rows = recipe_form.at(self.content, split)
        if rows is not ABSENT:
            self.aside[f"{split}:{recipe_form.origin(rows)}"] = rows
        kept = self.aside.pop(f"{split}:{origin}", None)
        new = ABSENT if origin == "nothing" else dict(NEW_ROWS[origin])
        self.set(split, kept or new)
        self.faults.pop(f"{split}.file", None)

    def take_file(self, split: str, path: Path) -> None:
        """Read a split from an uploaded file. Rows that it is measured on are held out of it,
        unless they are a file of their own: others would have other columns."""
        self.set(f"{split}.file", str(path))
        evaluation = recipe_form.at(self.content, "data.evaluation")
        if split == "data.train" and recipe_form.origin(evaluation) in ("stories", "hub"):
            self.switch_origin("data.evaluation", "holdout")

    def switch_model(self, which: str, kind: str) -> None:
        """Make a model another kind of model; the earlier specification is kept aside."""
        self.aside[f"{which}:{model_kind(self.content.get(which))}"] = self.content.get(which)
        new: dict[str, Any] = {
            "source": {"source": []},
            "layers": {"source": [recipe.TARGET], "layers": [0]},
            "new": {"new": {"hidden": 64, "layers": 2, "heads": 4, "feed_forward": 128}},
        }
        kept = self.aside.pop(f"{which}:{kind}", None)
        self.set(which, ABSENT if kind == "none" else kept or new[kind])


def model_kind(spec: dict[str, Any] | None) -> str:
    """What a model is made of: `none`, `new`, `layers` of the target, or a `source`."""
    if not spec:
        return "none"
    if spec.get("new"):
        return "new"
    return "layers" if spec.get("source") == [recipe.TARGET] else "source"


def load(start: str) -> Recipe:
    """The recipe that a start names: a bundled recipe, a listed run or a job.

    Raises:
        AdaspecError: there is none.
    """
    if not start.startswith(RUN):
        if start not in recipe.names():
            hint = recipe.nearest(start[:80], recipe.names())
            raise AdaspecError(f"There is no recipe {start[:80]!r} here.{hint}")
        return recipe.load(start)
    identity = start.removeprefix(RUN)
    for run in runs.all_runs():
        if identity == run.id:
            return runs.read_recipe(run)
    for job in queue.all_jobs():
        if identity == job.id:
            return recipe.read(job.recipe)
    raise AdaspecError(f"There is no run {identity[:80]!r} here.")
