"""The model card of an exported draft, in Markdown: what `adaspec.json` has, for people.

Loads no torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from adaspec.recipe import STOCK

Facts = dict[str, Any]

_HUB = re.compile(r"[\w.-]+/[\w.-]+")
_BUDGET = {
    "steps": "optimiser steps",
    "sequences": "sequences read",
    "selected_tokens": "tokens trained on",
    "teacher_forwards": "teacher forwards",
    "seconds": "seconds",
}


def card(found: Facts) -> str:
    """What `export.export_draft` found out, as a model card."""
    sections = [_head, _what, _measured, _cost, _serving, _checked, _licence]
    return "\n\n".join(section(found) for section in sections) + "\n"


def _head(found: Facts) -> str:
    lines = ["library_name: transformers", "pipeline_tag: text-generation"]
    if _HUB.fullmatch(found["stock"]["made_of"] or ""):
        lines.append(f"base_model: {found['stock']['made_of']}")
    lines.append("tags: [speculative-decoding, draft-model]")
    return "\n".join(["---", *lines, "---"])


def _what(found: Facts) -> str:
    target = found["target"]
    tuned = ", fine-tuned in the same run" if target["fine_tuned"] else ""
    return (
        f"# {found['draft']}: a draft for speculative decoding\n\n"
        f"A small model that proposes tokens to one target, which verifies them at once: "
        f"`{target['source']}`{tuned}, weights `{target['weights']}`. It was made with AdaSPEC "
        f"Studio; a model called `assets:` comes with it.\n\n{_training(found)}"
    )


def _training(found: Facts) -> str:
    name, training, stock = found["draft"], found["training"], found["stock"]["source"]
    if training is None:
        return f"It is the stock draft, `{stock}`, before any distillation."
    method, optimisation, data = training["method"], training["optimisation"], found["data"]
    part = "" if training["k"] is None else f", k = {training['k']:g} of the response tokens"
    rows = [
        ("objective", f"`{method['objective']}`, p the target, q the draft"),
        ("selector", f"`{method['selector']}`{part}"),
        ("pool, loss", f"`{method['pool']}`, `{method['loss']}`"),
        ("start", f"the stock draft, `{stock}`" if method["start"] == STOCK else "the reference"),
        ("budget", f"`{method['budget']}`"),
        ("batch, seed", f"{training['batch']} sequences, {training['seed']}"),
        ("learning rate", f"{optimisation['lr']:g}, {optimisation['schedule']}"),
        ("text", f"{data['rows']:,} rows of {data['train']}"),
    ]
    shared = ""
    if same := found["measured"].get("same_as"):
        shared = (
            f"Its weights are those of `{same}`: in this run, `{name}` and `{same}` are one "
            "training under two names.\n\n"
        )
    return shared + _table(["method", name], rows)


def _measured(found: Facts) -> str:
    measured, on, definitions = found["measured"], found["measured_on"], found["definitions"]
    rows = []
    for path, definition in definitions.items():
        value = _at(measured, path)
        if path in ("budget", "needs") or path.endswith("_ci") or value is None:
            continue
        ends = _at(measured, f"{path}_ci")
        interval = " to ".join(map(_said, ends)) if ends and None not in ends else ""
        rows.append((f"`{path}`", _said(value), interval, definition))
    tokens, decoding, decoded = on["tokens"], on["speculation"], measured["decoded"]
    timed = min(on["prompts"], decoding["timed"])
    return (
        f"## What was measured\n\n{_table(['measure', 'value', '95 % interval', 'what'], rows)}"
        f"\n\nThe text: {on['prompts']:,} held-out prompts, from {on['text']}; after them "
        f"{tokens['generated']:,} tokens that the target generated (at most "
        f"{on['max_new_tokens']} a prompt), and {tokens['dataset']:,} of the data set's own "
        f"answers. Decoded with the draft: {decoded['prompts']:,} of those prompts to "
        f"{decoded['tokens']:,} tokens, gamma {decoding['gamma']}, temperature "
        f"{decoding['temperature']:g}, top-k {decoding['top_k']}, top-p {decoding['top_p']:g} "
        f"(top-k 0 and top-p 1: all tokens); timed: {timed:,}, batch 1, on {on['device']}. "
        "Intervals resample prompts. All of it holds for this text and machine: elsewhere, "
        "measure again."
    )


def _at(content: Any, path: str) -> Any:
    """What stands at `a.b` in nested content, of every item where there is a list; or None."""
    for key in path.split("."):
        if isinstance(content, list):
            content = [one.get(key) for one in content]
        else:
            content = content.get(key) if isinstance(content, dict) else None
    return content


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _cost(found: Facts) -> str:
    own = {"name": found["draft"], "budget": found["measured"]["budget"]}
    rows = [
        (one["name"], *(f"{one['budget'][key]:,.0f}" for key in _BUDGET))
        for one in [*found["before"], own]
    ]
    names = ", ".join(f"`{one['name']}`" for one in found["before"])
    before = f" It stands on {names}, trained before." if names else ""
    return (
        f"## What it cost\n\n{_table(['training', *_BUDGET.values()], rows)}\n\n"
        f"Each row is {found['definitions']['budget']}.{before} Compare drafts at equal budgets."
    )


def _serving(found: Facts) -> str:
    target, gamma = found["target"], found["gamma"]
    sizes = target["vocab_size"], found["vocab_size"]
    hub = _HUB.fullmatch(target["source"]) and not target["fine_tuned"]
    folder = "`models/target` of the run" if target["fine_tuned"] else "the target's folder"
    if target["source"].endswith(".gguf") and not target["fine_tuned"]:
        folder += " (for its file, add `gguf_file=NAME`)"
    place, where = (target["source"], "") if hub else ("TARGET", f"`TARGET` is {folder}, ")
    tokenizers, by_text = "", ""
    vocabulary = f"here both have {sizes[0]:,}"
    if sizes[0] != sizes[1]:
        tokenizers = "\n    tokenizer=tokenizer,\n    assistant_tokenizer=tokenizer,"
        by_text = (
            " As the two vocabularies differ in size, transformers goes from one to the other by "
            "text, which takes time and is not what was measured above."
        )
        vocabulary = (
            f"**here the target has {sizes[0]:,} and the draft {sizes[1]:,} (padding: they share "
            f"{found['shared_vocabulary']:,} tokens), so it does not take them as they are**"
        )
    config = {"method": "draft_model", "model": "DRAFT", "num_speculative_tokens": gamma}
    return f"""## How to serve it

{where}`DRAFT` this folder. In transformers, with the settings to measure by; by default it stops
drafting where the draft is less sure than 0.4, and changes the number of tokens as it goes:

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("DRAFT")
target = AutoModelForCausalLM.from_pretrained("{place}")
draft = AutoModelForCausalLM.from_pretrained("DRAFT")
draft.generation_config.num_assistant_tokens = {gamma}
draft.generation_config.num_assistant_tokens_schedule = "constant"
draft.generation_config.assistant_confidence_threshold = 0.0

text = target.generate(
    **tokenizer("Ada has 12 apples and eats 3.", return_tensors="pt"),
    assistant_model=draft,{tokenizers}
    do_sample=False,
    max_new_tokens=64,
)
print(tokenizer.decode(text[0]))
```

It takes one text at a time.{by_text} In vLLM (not tried when this was written):

```
vllm serve {place} --speculative-config '{json.dumps(config)}'
```

vLLM needs the same `vocab_size` of target and draft: {vocabulary}. By default it drafts greedily,
which is not what the rates above are of; and the rate that it reports is the accepted share of all
drafted tokens, which falls as more are drafted."""


def _checked(found: Facts) -> str:
    checks = found["verified"]
    logits, again, greedy = checks["logits"], checks["acceptance"], checks["greedy"]
    trained, exported, run = found["trained_with"], found["exported_with"], found["run"]
    rows = [
        ("this draft's weights", f"`{found['weights']}`"),
        *((f"SHA-256 of {name}", f"`{digest}`") for name, digest in found["files"].items()),
        ("target's weights", f"`{found['target']['weights']}`"),
        ("stock draft's weights", f"`{found['stock']['weights']}`"),
        ("data, as token ids", f"`{found['data']['hash']}`"),
        ("run", f"`{run['id']}`, recipe {run['recipe']} `{run['recipe_hash']}`"),
        ("trained with", ", ".join(f"{key} {value}" for key, value in trained.items())),
        ("exported with", ", ".join(f"{key} {value}" for key, value in exported.items())),
    ]
    return f"""## How it was checked

This folder was read back after it was written:

- its logits are those of the run's draft to the bit (CPU, float32; {logits["tokens"]:,} tokens of
  {logits["texts"]} texts);
- acceptance (`alpha.generated`) on the first {again["prompts"]} held-out prompts, measured again:
  {again["alpha"]:.4f} over {again["tokens"]:,} tokens, where the run had {again["tables"]:.4f} (a
  token {again["apart"]:.1g} apart on average; {again["tolerance"]:g} is let pass);
- greedy speculative decoding (gamma {greedy["gamma"]}) said exactly what the target says alone,
  after {greedy["prompts"]} held-out prompts: {greedy["tokens"]:,} tokens in
  {greedy["passes"]:,} passes of the target.

{_table(["", "hash or version"], rows)}

Hashes of 16 digits are the first of a SHA-256 over names, shapes, types and bytes of the weights in
float32, or over the token ids of the data. `adaspec.json` has all of this for programs."""


def _licence(found: Facts) -> str:
    stock = found["stock"]
    if stock["made_of"] is None:
        text = f"The stock draft began as {stock['source']}, so that no licence comes with it."
    else:
        of = "" if stock["made_of"] == stock["source"] else f", `{stock['made_of']}`"
        text = (
            f"These weights derive from the stock draft, `{stock['source']}`{of}, and take its "
            "licence: look it up there."
        )
    if found["training"] is not None:
        text += (
            " They were trained on what the target says and on the data named above, whose terms "
            "may count too."
        )
    return f"## Licence\n\n{text}"


def _table(heading: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
