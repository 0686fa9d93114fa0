"""Exporting a draft: a Hugging Face folder that says what it is, checked before anybody sees it.

What was written is read back and held against the run; where a check does not hold, no folder is
left. `adaspec.json` beside the weights has all facts, and the model card says nothing else. Neither
has a text of the data or a path of this machine.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import GenerationConfig

from adaspec import AdaspecError, is_users, runs, tokens
from adaspec.data import batches, collate
from adaspec.divergence import measure_rows, overlap
from adaspec.inference import Models, open_run
from adaspec.measurement import read_sequences
from adaspec.models import NEW, Opened, load_weights, open_model, shared_vocabulary, weights_hash
from adaspec.recipe import STOCK, TARGET, Decoding, Holdout, ModelSpec, Rows
from adaspec.runs import Run, RunState
from adaspec.speculation.decoding import speculate
from adaspec.teacher import frozen_rows
from adaspec.tokens import GENERATED

FEW = 8
"""Held-out prompts of the checks of logits and of greedy decoding."""
MEASURED = 50
"""Held-out prompts on which acceptance is measured again."""
TOLERANCE = {"float32": 1e-4, "bf16": 0.02}
"""How far a token's overlap may be from the token tables' on average, by their precision."""

Facts = dict[str, Any]


def export_draft(run: Run, name: str, folder: Path) -> Facts:
    """Write a draft of a finished run as a folder that serves, with its card.

    Args:
        name: `stock`, `reference`, or a method's.
        folder: where it goes; all of it or nothing.

    Returns:
        What `adaspec.json` says.

    Raises:
        AdaspecError: the run is not finished, or has no such draft; the folder is not empty or
            cannot be written; the target is gone or changed; a check of what was written failed.
    """
    report = _report(run)
    known = [draft["name"] for draft in report["drafts"]]
    if name not in known:
        raise AdaspecError(f"No draft {name!r}: run {report['run']} has {', '.join(known)}.")
    folder = folder.resolve()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise AdaspecError(f"{folder} is not an empty folder: choose another --to.")
        models = open_run(run)
        original = _open(run.path / runs.read_state(run).models[name])
        with runs.atomic_folder(folder) as new:
            original.model.save_pretrained(new)
            original.tokenizer.save_pretrained(new)
            found = facts(run, name, report, models, original, new)
            found["verified"] = verify(models, name, original, new)
            (new / "adaspec.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
            (new / "README.md").write_text(card(found), encoding="utf-8")
    except OSError as error:
        if is_users(error):  # the disk is full
            raise
        raise AdaspecError(f"Cannot write {folder}: {error.strerror or error}.") from None
    return found


def _report(run: Run) -> dict[str, Any]:
    state = runs.read_state(run)
    if state.state != "finished" or not runs.read_recipe(run).draft:
        what = "has no drafts" if state.state == "finished" else f"is {state.state}"
        raise AdaspecError(f"Run {state.id} {what}: export takes a draft of a finished run.")
    return runs.read_report(run)


def _open(folder: Path) -> Opened:
    """A model of ours on the CPU, in float32."""
    return open_model(ModelSpec(source=(str(folder),)), [], 0, "draft")


# What is checked


def verify(models: Models, name: str, original: Opened, folder: Path) -> Facts:
    """Read the folder back and hold it against the run.

    Args:
        original: the run's own draft, on the CPU.

    Returns:
        What was checked, in numbers.

    Raises:
        AdaspecError: a check does not hold; says which, and its numbers.
    """
    try:
        exported = _open(folder)
        target = Opened(models.target, models.tokenizer, TARGET)
        shared = shared_vocabulary(target, exported)
    except AdaspecError as error:
        raise _failed(name, "loading", str(error)) from None
    if shared != models.vocabulary:
        raise _failed(
            name, "the vocabulary", f"it shares {shared} tokens, the run's {models.vocabulary}"
        )
    found = {"logits": _check_logits(models, name, original.model, exported.model)}
    draft = exported.model.to(models.device).requires_grad_(False)
    found["acceptance"] = _check_acceptance(models, name, draft)
    found["greedy"] = _check_greedy(models, name, draft)
    return found


def _failed(name: str, what: str, why: str) -> AdaspecError:
    return AdaspecError(f"The export of {name} failed its check of {what} and is not kept: {why}.")


@torch.no_grad()
def _check_logits(models: Models, name: str, original: Any, exported: Any) -> Facts:
    """Both models, in float32 on the CPU: the same logits to the bit."""
    examples = read_sequences(models.run.sequences_file)[GENERATED][:FEW]
    for example in examples:
        ids = torch.from_numpy(example.ids)[None]
        ours, theirs = (model(input_ids=ids).logits for model in (original, exported))
        if not torch.equal(ours, theirs):
            apart = float((ours - theirs).abs().max())
            raise _failed(name, "the logits", f"they differ by up to {apart:.3g} from the run's")
    return {"texts": len(examples), "tokens": sum(len(one.ids) for one in examples)}


def _check_acceptance(models: Models, name: str, draft: Any) -> Facts:
    """Overlap on the run's stored continuations: what the token tables say, token by token."""
    recipe, state = runs.read_recipe(models.run), runs.read_state(models.run)
    tolerance = TOLERANCE[state.facts["precision"]]
    stored = tokens.column(models.run, GENERATED, "overlap", tokens.table_of(models.run, name))
    examples = read_sequences(models.run.sequences_file)[GENERATED][:MEASURED]
    parts = []
    with models.autocast():
        for group in batches(examples, recipe.evaluation.batch):
            batch = collate(group).to(models.device)
            p = frozen_rows(models.target, batch, models.vocabulary)
            q = frozen_rows(draft, batch, models.vocabulary)
            parts.append(measure_rows(overlap, p, q))
    again = torch.cat(parts).double().cpu()
    before = torch.from_numpy(stored[: len(again)]).double()
    apart = float((again - before).abs().mean())
    if not apart <= tolerance:  # nor where it is not a number
        raise _failed(
            name,
            "acceptance",
            f"{float(again.mean()):.4f} on {len(examples)} prompts where the token tables have "
            f"{float(before.mean()):.4f} (a token {apart:.3g} apart, more than {tolerance}): the "
            f"target, the draft or the tables changed; adaspec measure {state.id} makes these anew",
        )
    return {
        "prompts": len(examples),
        "tokens": len(again),
        "alpha": float(again.mean()),
        "tables": float(before.mean()),
        "apart": apart,
        "tolerance": tolerance,
    }


def _check_greedy(models: Models, name: str, draft: Any) -> Facts:
    """Speculative decoding with the draft, and the target alone by transformers: the same text."""
    evaluation = runs.read_recipe(models.run).evaluation
    gamma, eos = evaluation.speculation.gamma, models.tokenizer.eos_token_id
    target = models.target.float()  # in bf16, near ties fall as the rounding has it
    rows = target.get_output_embeddings().weight.shape[0]
    target.generation_config = config = GenerationConfig(
        do_sample=False,
        max_new_tokens=evaluation.max_new_tokens,
        eos_token_id=eos,
        pad_token_id=eos,
        suppress_tokens=list(range(models.vocabulary, rows)) or None,
    )
    decoding = Decoding(gamma=gamma, temperature=0, max_new_tokens=evaluation.max_new_tokens)
    counted = passes = 0
    examples = read_sequences(models.run.sequences_file)[GENERATED][:FEW]
    for seq, example in enumerate(examples):
        prompt = example.ids[: example.prompt_length].tolist()
        ids = torch.tensor([prompt], device=models.device)
        whole = target.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config
        )
        alone = whole[0, len(prompt) :].tolist()
        trace = speculate(
            target, draft, prompt, decoding, vocabulary=models.vocabulary, eos=eos, detail=False
        )
        if trace.text != alone:
            pairs = zip(trace.text, alone, strict=False)
            same = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
            raise _failed(
                name,
                "greedy decoding",
                f"on held-out prompt {seq} it leaves the target's own text after "
                f"{min(len(trace.text), len(alone)) if same is None else same} tokens",
            )
        counted, passes = counted + len(alone), passes + len(trace.rounds)
    return {"prompts": len(examples), "tokens": counted, "passes": passes, "gamma": gamma}


# What is said


def facts(
    run: Run, name: str, report: dict[str, Any], models: Models, original: Opened, folder: Path
) -> Facts:
    """What is known of a draft: where it comes from, what it cost, what it reached."""
    state, recipe = runs.read_state(run), runs.read_recipe(run)
    measured = next(draft for draft in report["drafts"] if draft["name"] == name)
    trained = measured.get("same_as", name)
    content = {} if trained == STOCK else json.loads(run.budget_file(trained).read_bytes())
    return {
        "draft": name,
        "training": content.get("training"),
        "measured": measured,
        "definitions": report["definitions"],
        "measured_on": {
            "prompts": report["prompts"],
            "tokens": report["tokens"],
            "text": _rows(recipe.data.evaluation),
            "max_new_tokens": recipe.evaluation.max_new_tokens,
        },
        "gamma": recipe.evaluation.speculation.gamma,
        "before": _before(run, state, measured),
        "target": _target(run, state, models),
        "stock": {
            "source": _public(state.sources[STOCK]),
            "weights": state.hashes["stock draft"],
        },
        "weights": weights_hash(original.model),
        "vocab_size": _vocabulary(original.model),
        "shared_vocabulary": models.vocabulary,
        "files": {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(folder.glob("*.safetensors"))
        },
        "data": {
            "hash": state.hashes["data"],
            "train": _rows(recipe.data.train),
            "rows": state.facts["training rows"],
        },
        "run": {"id": state.id, "recipe": recipe.name, "recipe_hash": state.recipe_hash},
        "trained_with": {
            key: state.facts[key]
            for key in ("adaspec", "torch", "transformers", "device", "precision")
        },
        "exported_with": {
            "adaspec": version("adaspec"),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }


def _before(run: Run, state: RunState, measured: dict[str, Any]) -> list[Facts]:
    """The trainings that a draft stands on, with what each cost."""
    names = list(measured.get("needs", []))
    if TARGET in state.models and measured["name"] != STOCK:
        names.insert(0, TARGET)
    return [
        {"name": name, "budget": json.loads(run.budget_file(name).read_bytes())["budget"]}
        for name in names
    ]


def _target(run: Run, state: RunState, models: Models) -> Facts:
    tuned = TARGET in state.models
    if tuned:
        kept = load_weights(run.path / state.models[TARGET], torch.device("cpu"))
    return {
        "source": _public(state.sources[TARGET]),
        "fine_tuned": tuned,
        "weights": weights_hash(kept) if tuned else state.hashes[TARGET],
        "vocab_size": _vocabulary(models.target),
    }


def _vocabulary(model: Any) -> int:
    rows: int = model.get_output_embeddings().weight.shape[0]
    return rows


def _public(source: str) -> str:
    """A model's source without the path that it has on this machine."""
    return Path(source).name if Path(source).is_absolute() else source


def _rows(rows: Rows | Holdout) -> str:
    """Where rows come from, in words."""
    if isinstance(rows, Holdout):
        return f"{rows.holdout:.0%} of the training rows, held out"
    if rows.stories:
        return f"{rows.stories:,} built-in arithmetic stories (seed {rows.seed})"
    if rows.file:
        return f"the file {rows.file.name}"
    parts = [rows.hub, rows.config, rows.split, rows.revision]
    return "the Hub's " + ", ".join(filter(None, parts))


# The card

_HUB = re.compile(r"[\w.-]+/[\w.-]+")
_BUDGET = {
    "steps": "optimiser steps",
    "sequences": "sequences read",
    "selected_tokens": "tokens trained on",
    "teacher_forwards": "teacher forwards",
    "seconds": "seconds",
}


def card(found: Facts) -> str:
    """The model card, in Markdown: `adaspec.json` for people."""
    sections = [
        _front_matter(found),
        _what(found),
        _acceptance(found),
        _cost(found),
        _serving(found),
        _provenance(found),
        _licence(found),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(found: Facts) -> str:
    lines = ["library_name: transformers", "pipeline_tag: text-generation"]
    if _HUB.fullmatch(found["stock"]["source"]):
        lines.append(f"base_model: {found['stock']['source']}")
    tags = "tags: [speculative-decoding, draft-model]"
    return "\n".join(["---", *lines, tags, "---"])


def _what(found: Facts) -> str:
    target = found["target"]
    tuned = ", fine-tuned on the task in the same run" if target["fine_tuned"] else ""
    return (
        f"# {found['draft']}: a draft for speculative decoding\n\n"
        f"A small model that proposes tokens for the target `{target['source']}`{tuned} (weights "
        f"{target['weights']}), which verifies them at once. For any other target it is of no "
        f"use.\n\n{_training(found)}"
    )


def _training(found: Facts) -> str:
    name, training, stock = found["draft"], found["training"], found["stock"]["source"]
    if training is None:
        return f"It is the stock draft, `{stock}`, before any distillation."
    method, optimisation = training["method"], training["optimisation"]
    same = found["measured"].get("same_as")
    start = f"the stock draft `{stock}`" if method["start"] == STOCK else "the reference"
    rows = [
        ("objective", f"`{method['objective']}`, p the target, q the draft"),
        ("selector", f"`{method['selector']}`" + _ratio(training)),
        ("pool, loss", f"`{method['pool']}`, `{method['loss']}`"),
        ("start", start),
        ("budget", f"`{method['budget']}`"),
        ("batch", f"{training['batch']} sequences, seed {training['seed']}"),
        ("learning rate", f"{optimisation['lr']:g}, {optimisation['schedule']}"),
        ("text", f"{found['data']['train']} ({found['data']['rows']:,} rows)"),
    ]
    shared = ""
    if same:
        shared = (
            f"Its weights are those of `{same}`: in this run `{name}` and `{same}` are the same "
            "training under two names.\n\n"
        )
    return shared + _table(["method", name], rows)


def _ratio(training: dict[str, Any]) -> str:
    return "" if training["k"] is None else f", k = {training['k']:g} of the response tokens"


def _acceptance(found: Facts) -> str:
    measured, on = found["measured"], found["measured_on"]
    definitions = found["definitions"]
    rows = []
    for path, definition in definitions.items():
        value = _at(measured, path)
        if value is None or path.endswith("_ci") or path in ("budget", "needs"):
            continue
        rows.append((f"`{path}`", _said(value), _interval(measured, path), definition))
    heading = ["measure", "value", "95 % interval", "what it is"]
    return (
        "## What was measured\n\n"
        f"On {on['prompts']:,} held-out prompts of {on['text']}: {on['tokens']['generated']:,} "
        f"tokens that the target generated after them (at most {on['max_new_tokens']} a prompt) "
        f"and {on['tokens']['dataset']:,} of the data set's own answers.\n\n"
        f"{_table(heading, rows)}\n\n"
        f"Intervals: {definitions['alpha.generated_ci']}. A rate is of this text alone: on other "
        "text, measure it again."
    )


def _at(content: Any, path: str) -> Any:
    """What is at `a.b` in nested content, of every item where there is a list; or None."""
    for key in path.split("."):
        if isinstance(content, list):
            content = [one.get(key) for one in content]
        else:
            content = content.get(key) if isinstance(content, dict) else None
    return content


def _interval(measured: Facts, path: str) -> str:
    ends = _at(measured, f"{path}_ci")
    return " to ".join(map(_said, ends)) if ends else ""


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
    before = ", ".join(f"`{one['name']}`" for one in found["before"])
    needs = f" It needed {before} before, at a cost of its own." if before else ""
    return (
        f"## What it cost\n\n{_table(['training', *_BUDGET.values()], rows)}\n\n"
        f"By training: {found['definitions']['budget']}.{needs} Compare drafts on equal budgets."
    )


def _serving(found: Facts) -> str:
    target, gamma = found["target"], found["gamma"]
    hub = bool(_HUB.fullmatch(target["source"])) and not target["fine_tuned"]
    place = target["source"] if hub else "TARGET"
    which = "" if hub else "`TARGET` is where you have the target's weights, "
    equal = target["vocab_size"] == found["vocab_size"]
    tokenizers = "" if equal else ", tokenizer=tokenizer, assistant_tokenizer=tokenizer"
    speculative = {"method": "draft_model", "model": "DRAFT", "num_speculative_tokens": gamma}
    vocabulary = (
        f"both have {found['vocab_size']:,}"
        if equal
        else f"**the target has {target['vocab_size']:,} and this draft {found['vocab_size']:,}, of "
        f"which {found['shared_vocabulary']:,} are shared: vLLM refuses the pair as it is**"
    )
    slower = (
        ""
        if equal
        else " As the two vocabularies differ in size, transformers goes from one to the other by "
        "text, which costs time and is not what was measured above."
    )
    return (
        f"## How to serve it\n\n{which}`DRAFT` this folder. In transformers, with the settings to "
        "measure by (its defaults stop drafting below a confidence of 0.4 and change the number of "
        f"tokens as they go):\n\n"
        "```python\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("DRAFT")\n'
        f'target = AutoModelForCausalLM.from_pretrained("{place}")\n'
        'draft = AutoModelForCausalLM.from_pretrained("DRAFT")\n'
        f"draft.generation_config.num_assistant_tokens = {gamma}\n"
        'draft.generation_config.num_assistant_tokens_schedule = "constant"\n'
        "draft.generation_config.assistant_confidence_threshold = 0.0\n\n"
        'prompt = tokenizer("Ada has 12 apples and eats 3.", return_tensors="pt").input_ids\n'
        "text = target.generate(\n"
        f"    prompt, assistant_model=draft, do_sample=False, max_new_tokens=64{tokenizers}\n"
        ")\n"
        "print(tokenizer.decode(text[0]))\n"
        "```\n\n"
        f"One text at a time.{slower} In vLLM:\n\n"
        "```\n"
        f"vllm serve {place} --speculative-config '{json.dumps(speculative)}'\n"
        "```\n\n"
        f"vLLM needs an equal `vocab_size` of target and draft: {vocabulary}. By default it drafts "
        "greedily, which is not the sampling that the rates above are of, and what it reports is "
        "the share of drafted tokens that were accepted, which falls as more are drafted. This "
        "command was not tried when the folder was made."
    )


def _provenance(found: Facts) -> str:
    checked = found["verified"]
    logits, again, greedy = checked["logits"], checked["acceptance"], checked["greedy"]
    made, out, run = found["trained_with"], found["exported_with"], found["run"]
    rows = [
        ("these weights", f"`{found['weights']}`"),
        *((f"sha256 of {name}", f"`{digest}`") for name, digest in found["files"].items()),
        ("target", f"`{found['target']['weights']}`"),
        ("stock draft", f"`{found['stock']['weights']}`"),
        ("data, as token ids", f"`{found['data']['hash']}`"),
        ("run, recipe", f"{run['id']}, {run['recipe']} `{run['recipe_hash']}`"),
        ("trained with", ", ".join(f"{key} {value}" for key, value in made.items())),
        ("exported with", ", ".join(f"{key} {value}" for key, value in out.items())),
    ]
    return (
        "## How this was checked\n\n"
        "This folder was read back after it was written:\n\n"
        f"- its logits are those of the run's draft to the bit (CPU, float32, {logits['texts']} "
        f"texts, {logits['tokens']:,} tokens);\n"
        f"- acceptance was measured again on the first {again['prompts']} held-out prompts: "
        f"{again['alpha']:.4f} over {again['tokens']:,} tokens, where the run's tables have "
        f"{again['tables']:.4f} (on average {again['apart']:.1g} apart a token, at most "
        f"{again['tolerance']} is let pass);\n"
        f"- greedy speculative decoding with it (gamma = {greedy['gamma']}) gave exactly the "
        f"target's own text on {greedy['prompts']} held-out prompts: {greedy['tokens']:,} tokens "
        f"in {greedy['passes']:,} passes of the target.\n\n"
        f"{_table(['hash or version', ''], rows)}\n\n"
        "Hashes of weights and data are the first 16 digits of a SHA-256, by AdaSPEC Studio's "
        "`weights_hash` and `Dataset.hash`. All of this card is in `adaspec.json`, for programs."
    )


def _licence(found: Facts) -> str:
    source = found["stock"]["source"]
    if source == NEW:
        first = "The stock draft that these weights began as was random: it brings no licence."
    else:
        of = f", `{found['target']['source']}`" if source.endswith("of the target") else ""
        first = (
            f"These weights derive from the stock draft, `{source}`{of}, and take its licence: "
            "look it up there."
        )
    if found["training"] is None:
        return f"## Licence\n\n{first}"
    return (
        f"## Licence\n\n{first} They were trained on what the target says and on the data named "
        "above, whose terms may have a say too."
    )


def _table(heading: list[str], rows: list[tuple[str, ...]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
