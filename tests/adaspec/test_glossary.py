"""One text a term, wherever it is said."""

from __future__ import annotations

import pytest

from adaspec import glossary, report
from adaspec.analysis import ablation, comparison
from adaspec.glossary import TERMS
from adaspec.speculation import document
from tests.studio import ROOT


@pytest.mark.parametrize("name", glossary.FILES)
def test_what_is_made_of_it_is_fresh(name: str) -> None:
    """`make glossary` writes it."""
    assert (ROOT / name).read_text(encoding="utf-8") == glossary.FILES[name]()


def test_terms_are_sentences_and_no_two_have_one_name() -> None:
    names = [term.name for term in TERMS.values()]
    assert len(names) == len(set(names)) == sum(map(len, glossary.GROUPS.values()))
    for term in TERMS.values():
        assert term.text.endswith(".")
        assert "|" not in term.text  # ends a table's cell


@pytest.mark.parametrize(
    "definitions", [report.DEFINITIONS, comparison.EXPLANATIONS, document.DEFINITIONS]
)
def test_results_say_what_it_says(definitions: dict[str, str]) -> None:
    shared = definitions.keys() & TERMS.keys() - {"accepted"}  # a field of a decision
    assert shared
    for name in shared:
        assert definitions[name] == TERMS[name].text


def test_means_over_seeds_begin_with_what_they_are_of() -> None:
    for name in ("kl", "top1", "block_efficiency"):
        assert ablation.EXPLANATIONS[name].startswith(TERMS[name].text)
