"""Analytical figures as Altair charts: one declaration for pages, exported HTML, files, notebooks.

    from adaspec import figures, runs
    from adaspec.analysis.comparison import compare

    charts = figures.of_comparison(compare([runs.find("example")]))
    charts["differences"]                                # a notebook shows it
    figures.save(charts["differences"], "differences.svg")  # or .png, .html
    figures.write(charts, "figures")                     # all of them, all three

A figure of your own numbers takes a pandas frame whose columns its docstring names:

    figures.acceptance_against_k(frame, how="1,319 prompts")

Needs the extra `figures` (altair, vl-convert-python); nothing else in the library imports it.
"""

from importlib.util import find_spec

from adaspec import AdaspecError

if find_spec("altair") is None or find_spec("vl_convert") is None:
    raise AdaspecError("Figures need altair and vl-convert: pip install adaspec[figures]")

from adaspec.figures.acceptance import (
    acceptance_against_compute,
    acceptance_against_cost,
    acceptance_against_k,
    differences,
)
from adaspec.figures.atlas import atlas
from adaspec.figures.decoding import (
    acceptance_by_position,
    accepted_lengths,
    reached_by_position,
    speedup_against_gamma,
)
from adaspec.figures.files import FORMATS, archive, bundle, save, specification, write
from adaspec.figures.results import (
    COSTS,
    MOST,
    of_ablation,
    of_comparison,
    of_log,
    of_plan,
    over_k,
)
from adaspec.figures.style import Figure
from adaspec.figures.tokens import overlap_against_kl, scores

__all__ = [
    "COSTS",
    "FORMATS",
    "MOST",
    "Figure",
    "acceptance_against_compute",
    "acceptance_against_cost",
    "acceptance_against_k",
    "acceptance_by_position",
    "accepted_lengths",
    "archive",
    "atlas",
    "bundle",
    "differences",
    "of_ablation",
    "of_comparison",
    "of_log",
    "of_plan",
    "over_k",
    "overlap_against_kl",
    "reached_by_position",
    "save",
    "scores",
    "specification",
    "speedup_against_gamma",
    "write",
]
