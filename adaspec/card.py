"""The model card of an exported draft: what `adaspec.json` has, in words; see `card.md.jinja`.

Loads no torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import ModelCard, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined

from adaspec.exported import Before, Export

VLLM_CPU = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256)
"""Sizes of attention heads that vLLM's build for CPUs takes, as its `cpu_attn.py` lists them."""

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


class Measure(NamedTuple):
    """A row of the table of what was measured; empty where it has no interval."""

    path: str
    value: str
    interval: str
    definition: str


def card(facts: Export) -> ModelCard:
    """The model card of what `export.export_draft` knows of a draft."""
    target, stock = facts.target, facts.stock
    on_hub = _HUB_ID.fullmatch(target.source) and not target.fine_tuned
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=stock.made_of if _HUB_ID.fullmatch(stock.made_of or "") else None,
        tags=["speculative-decoding", "draft-model"],
    )
    own = Before(name=facts.draft, budget=facts.measured.budget)
    text = _ENVIRONMENT.get_template("card.md.jinja").render(
        card_data=data.to_yaml(),
        facts=facts,
        measures=list(_measures(facts)),
        budgets=[(row.name, row.budget) for row in [*facts.before, own]],
        target_id=target.source if on_hub else None,
        warnings=warnings(facts),
    )
    return ModelCard(text)


def warnings(facts: Export) -> list[str]:
    """Why vLLM would not take the pair as it is, a sentence each."""
    target, draft = facts.target.vocab_size, facts.vocab_size
    sentences = []
    if target != draft:
        sentences.append(
            f"vLLM needs the same vocab_size of both; here the target has {target:,} and the draft "
            f"{draft:,} (padding: they share {facts.shared_vocabulary:,} tokens), so it does not "
            "accept them as they are."
        )
    sizes = facts.serving.head_sizes if facts.serving else (None, None)
    refused = [
        f"the {model}'s have {size}"
        for model, size in zip(("target", "draft"), sizes, strict=True)
        if size and size not in VLLM_CPU
    ]
    if refused:
        sentences.append(
            "vLLM's build for CPUs refuses this pair: it takes attention heads of "
            f"{', '.join(map(str, VLLM_CPU))}, and {', '.join(refused)}."
        )
    return sentences


def _measures(facts: Export) -> Iterator[Measure]:
    """What the report defines and this draft has, in the report's order."""
    measured = facts.measured
    for path, definition in facts.definitions.items():
        value = _at(measured, path)
        if path in ("budget", "needs") or path.endswith("_ci") or value is None:
            continue
        ends = _at(measured, f"{path}_ci")
        interval = " to ".join(map(_written, ends)) if ends and None not in ends else ""
        yield Measure(path, _written(value), interval, definition)


def _at(content: Any, path: str) -> Any:
    """The value at `a.b` in nested content, of each item where there is a list; or None."""
    for key in path.split("."):
        if isinstance(content, list):
            content = [_get(item, key) for item in content]
        else:
            content = _get(content, key)
    return content


def _get(content: Any, key: str) -> Any:
    value = _ENVIRONMENT.getattr(content, key)
    return None if isinstance(value, Undefined) else value


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    """A text in a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in versions.items())


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=False,  # Markdown, of our own facts
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {"cell": _cell, "count": "{:,.0f}".format, "versions": _versions}
