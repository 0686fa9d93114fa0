"""What differs between the drafts of one recipe: methods in words, and those alike but for k."""

from __future__ import annotations

from typing import Any, NamedTuple

from adaspec.recipe import REFERENCE, STOCK, Method, Recipe, Training
from adaspec.selection import ADASPEC, SELECTORS
from adaspec.weighting import WEIGHTS


class Series(NamedTuple):
    """Trainings that differ in nothing but k.

    Attributes:
        made: what they have in common, in words.
        trainings: by k; the one on all tokens, of equal steps and sequences, is the last.
    """

    made: str
    trainings: list[Training]


def made(name: str, recipe: Recipe) -> str:
    """A draft's method in words; empty for what is no draft of the recipe."""
    stage2 = recipe.stage2
    if stage2 and name in stage2.methods:
        method = stage2.methods[name]
        return _in_words(method, method.k if method.k is not None else stage2.k)
    if name in recipe.drafts:
        return "trained elsewhere"
    if name == REFERENCE:
        pool = recipe.stage1.pool if recipe.stage1 else Method().pool
        return "stage 1: KL, all tokens" + (f" · pool: {pool}" if pool != Method().pool else "")
    return "before any distillation" if name == STOCK else ""


def _in_words(method: Method, k: float | None = None) -> str:
    """Objective, selector, weight, start, and where it selects, what pool and loss are unlike the
    usual."""
    parts = [method.objective + (f" → {method.to}" if method.to else "")]
    selects = SELECTORS[method.selector].score is not None
    parts.append(f"{method.selector} {k:g}" if selects and k is not None else method.selector)
    if method.weight:
        parts.append(f"weight: {method.weight}" + _softness(method))
    parts.append(f"from {method.start}")
    if selects and method.pool != Method().pool:
        parts.append(f"pool: {method.pool}")
    if selects and method.loss != Method().loss:
        parts.append(f"loss: {method.loss}")
    return " · ".join(parts)


def _softness(method: Method) -> str:
    return "" if method.softness is None else f" {method.softness:g}"


def by_k(plan: list[Training]) -> list[Series]:
    """The methods of a plan that were trained with several k and are otherwise the same.

    Otherwise the same are objective, selector, weight, pool, loss, start, steps and sequences: with
    the budgets `data` and `published`, another k also means other sequences.
    """
    groups: dict[tuple[Any, ...], list[Training]] = {}
    for training in plan:
        if training.method and training.k is not None:
            method = training.method
            selecting = (method.selector, method.pool, method.loss, method.weight, method.softness)
            common = (*selecting, *_unselected(training))
            groups.setdefault(common, []).append(training)
    series = []
    for group in groups.values():
        if len(group) > 1:
            alike = _unselected(group[0])
            whole = [each for each in plan if each.k is None and _unselected(each) == alike]
            whole.sort(key=lambda training: training.name == REFERENCE)  # a method's name is better
            in_order = sorted(group, key=lambda training: training.k or 1)
            assert group[0].method
            series.append(Series(_in_words(group[0].method), in_order + whole[:1]))
    return series


def _unselected(training: Training) -> tuple[Any, ...]:
    """What a training on all tokens shares with one that selects and is otherwise the same."""
    method = training.method
    own = method and (method.objective, method.to, method.start)
    return (training.steps, training.batch, own, *_weighing(method))


def _weighing(method: Method | None) -> tuple[Any, ...]:
    """How it weighs tokens; a weight that stands for the selection is nothing without one."""
    if method is None or method.weight is None or WEIGHTS[method.weight].selects:
        return ()
    return (method.weight, method.softness, method.gamma)


def default_baselines(recipe: Recipe, names: list[str]) -> list[str]:
    """DistillSpec and AdaSPEC from the stock draft, the first of each that there is."""
    methods = recipe.stage2.methods if recipe.stage2 else {}
    plain = {
        method.selector: name
        for name, method in reversed(methods.items())  # the first of each is left
        if name in names and method == Method(selector=method.selector, budget=method.budget)
    }
    return [plain[each] for each in ("all", ADASPEC) if each in plain] or names[:1]


def default_draft(recipe: Recipe, offered: list[str]) -> str:
    """Which of these drafts to look at first: one that AdaSPEC trained, else the last."""
    methods = recipe.stage2.methods if recipe.stage2 else {}
    selecting = (name for name in offered if name in methods and methods[name].selector == ADASPEC)
    return next(selecting, offered[-1])


def has_several(recipe: Recipe) -> bool:
    """Whether the recipe trains more than one method, so that there is something to compare."""
    return recipe.stage2 is not None and len(recipe.stage2.methods) > 1
