"""One recipe made several: over seeds, over the filter ratio k, or over both."""

from __future__ import annotations

import re
from collections.abc import Sequence

from adaspec import AdaspecError
from adaspec.recipe.loading import parse
from adaspec.recipe.schema import Method, Recipe
from adaspec.selection import SELECTORS

_SEED = re.compile(r"/seed-?\d+$")


def base_name(name: str) -> str:
    """What the recipes of several seeds are called together: `tiny` of `tiny/seed2`."""
    return _SEED.sub("", name)


def sweep(recipe: Recipe, ratios: Sequence[float] = (), seeds: Sequence[int] = ()) -> list[Recipe]:
    """A recipe for every seed; in each of them, a method for every k beside its own methods.

    The methods for k differ in nothing else: they are the first that selects, with equal steps, and
    share the reference and the target's states.

    Args:
        ratios: of tokens kept, below 1.
        seeds: by default the recipe's own.

    Raises:
        AdaspecError: no method selects, or a value is out of bounds.
    """
    content = recipe.model_dump(mode="json", exclude_unset=True)
    name = base_name(recipe.name)
    if ratios:
        own = recipe.stage2.methods if recipe.stage2 else {}
        selecting = [each for each in own if SELECTORS[own[each].selector].score is not None]
        if not selecting:
            raise AdaspecError("No method of this recipe selects tokens: there is no k to vary.")
        first = own[selecting[0]]
        methods = content["stage2"]["methods"]
        for ratio in dict.fromkeys(ratios):
            methods[f"{selecting[0][:30]}-k{ratio:g}"] = _with_ratio(first, ratio)
        name += " over k"
    return [
        parse(content | {"seed": seed, "name": f"{name}/seed{seed}" if seeds else name})
        for seed in dict.fromkeys(seeds or [recipe.seed])
    ]


def _with_ratio(method: Method, ratio: float) -> dict[str, object]:
    return method.model_dump(mode="json", exclude_unset=True) | {"k": ratio, "budget": "steps"}
