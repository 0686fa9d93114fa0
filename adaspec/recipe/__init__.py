"""What to train: a validated description, written in YAML, complete before anything runs.

`schema` is what a recipe may say, `loading` where it comes from, `paths` how one value in it is
named, `plan` what it will do. Opens no model and reads no data.
"""

from adaspec.recipe.loading import anchored, cells, load, names, nearest, parse, read
from adaspec.recipe.plan import Training, trainings
from adaspec.recipe.schema import (
    REFERENCE,
    STOCK,
    TARGET,
    Data,
    Decoding,
    Evaluation,
    Holdout,
    Method,
    ModelSpec,
    NewModel,
    Objective,
    Optimisation,
    Recipe,
    Rows,
    Selector,
    Speculation,
    Stage2,
    digest,
)

__all__ = [
    "REFERENCE",
    "STOCK",
    "TARGET",
    "Data",
    "Decoding",
    "Evaluation",
    "Holdout",
    "Method",
    "ModelSpec",
    "NewModel",
    "Objective",
    "Optimisation",
    "Recipe",
    "Rows",
    "Selector",
    "Speculation",
    "Stage2",
    "Training",
    "anchored",
    "cells",
    "digest",
    "load",
    "names",
    "nearest",
    "parse",
    "read",
    "trainings",
]
