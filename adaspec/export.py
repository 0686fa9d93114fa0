"""Exporting a draft: a Hugging Face folder with a model card, checked before anyone can use it.

What was written is read back and compared with the run; if a check fails, no folder is left.
`adaspec.json` has all facts, the model card puts them in words. Neither contains text of the data
or a path of this machine.
"""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import GenerationConfig

from adaspec import AdaspecError, __version__, gguf_files, is_users, runs, tokens
from adaspec.card import card
from adaspec.data import Example, batches, collate
from adaspec.divergence import measure_rows, overlap
from adaspec.exported import (
    EXPORT,
    Before,
    Data,
    Export,
    Gguf,
    MeasuredOn,
    Origin,
    Precision,
    SameAcceptance,
    SameLogits,
    SameText,
    Serving,
    StockModel,
    TargetModel,
    Verified,
)
from adaspec.inference import Models, open_run
from adaspec.measurement import read_sequences
from adaspec.models import (
    Opened,
    draft_vocabulary,
    load_weights,
    open_model,
    shared_vocabulary,
    weights_hash,
)
from adaspec.recipe import HUB, STOCK, TARGET, Decoding, Holdout, ModelSpec, Recipe, Rows
from adaspec.run_models import target_spec
from adaspec.runs import DraftReport, Report, Run, RunState
from adaspec.speculation.decoding import speculate
from adaspec.teacher import frozen_rows
from adaspec.tokens import GENERATED

FEW = 8
"""Held-out prompts of the checks of logits and of greedy decoding."""
TRANSFORMERS = "5.0"
"""The least version that opens an export right. 4.57 does not know `rope_parameters` and takes a
`rope_theta` of 10,000 without a word; it refuses the class of the tokenizer."""
MEASURED = 50
"""Held-out prompts on which acceptance is measured again."""
DRAFT_GGUF, TARGET_GGUF = "draft.gguf", "target.gguf"
TOLERANCE = {"float32": 1e-4, "bf16": 0.02}
"""How far a token's overlap may be from the token tables' on average, by their precision."""


def export_draft(
    run: Run, name: str, folder: Path, gguf: Precision | None = None, with_target: bool = False
) -> Export:
    """Write a draft of a finished run as a folder that serves, with its card.

    Args:
        name: `stock`, `reference`, a method's, or that of a draft trained elsewhere.
        folder: where it goes, complete or not at all.
        gguf: write the draft as a GGUF file, too.
        with_target: and the target.

    Returns:
        The content of its `adaspec.json`.

    Raises:
        AdaspecError: the run is not finished, or has no such draft; the folder is not empty or
            cannot be written; the target is gone or changed; a model cannot be written as GGUF; a
            check of what was written failed.
    """
    report = _report(run)
    report.draft(name)  # raises if there is none, naming those there are
    folder = folder.resolve()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise AdaspecError(f"{folder} is not an empty folder: choose another --to.")
        original = _open(run.path / runs.read_state(run).models[name])
        if proposed := draft_vocabulary(original.model):
            raise AdaspecError(
                f"{name} proposes {proposed}, and no engine reads such a head of a draft model "
                "(EAGLE-3's d2t is for EAGLE-3's own): export takes drafts with a whole vocabulary."
            )
        models = open_run(run)
        as_gguf = {DRAFT_GGUF: original} if gguf else {}
        if gguf and with_target:
            as_gguf[TARGET_GGUF] = open_model(target_spec(run), [], 0, TARGET)
        for opened in as_gguf.values():
            gguf_files.require(opened.model, opened.tokenizer)
        with runs.atomic_folder(folder) as new:
            original.model.save_pretrained(new)
            original.tokenizer.save_pretrained(new)
            checked = {
                file: _write_gguf(models, name, opened, new / file, gguf)
                for file, opened in as_gguf.items()
                if gguf
            }
            verified = verify(models, name, original, new)
            exported = _describe(run, name, report, models, original, new, verified, checked)
            EXPORT.write(new / "adaspec.json", exported)
            card(exported).save(new / "README.md")
            for file in new.iterdir():
                file.chmod(0o644)  # safetensors writes for its owner alone
    except OSError as error:
        if is_users(error):  # the disk is full
            raise
        raise AdaspecError(f"Cannot export to {folder}: {error}.") from None
    return exported


def _report(run: Run) -> Report:
    state = runs.read_state(run)
    if state.state != "finished" or not runs.read_recipe(run).measures:
        what = "has no drafts" if state.state == "finished" else f"is {state.state}"
        raise AdaspecError(f"Run {state.id} {what}: export takes a draft of a finished run.")
    return runs.read_report(run)


def _open(folder: Path) -> Opened:
    """A model of ours on the CPU, in float32."""
    return open_model(ModelSpec(source=(str(folder),)), [], 0, "draft")


# What is checked


def verify(models: Models, name: str, original: Opened, folder: Path) -> Verified:
    """Read the folder back and compare it with the run.

    Args:
        original: the run's own draft, on the CPU.

    Raises:
        AdaspecError: a check fails; says which, with its numbers.
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
    logits = _check_logits(models, name, original.model, exported.model)
    draft = exported.model.to(models.device).requires_grad_(False)
    return Verified(
        logits=logits,
        acceptance=_check_acceptance(models, name, draft),
        greedy=_check_greedy(models, name, draft),
    )


def _failed(name: str, what: str, why: str) -> AdaspecError:
    return AdaspecError(f"The export of {name} failed its check of {what} and is not kept: {why}.")


@torch.no_grad()
def _check_logits(models: Models, name: str, original: Any, exported: Any) -> SameLogits:
    """Both models, in float32 on the CPU: the same logits to the bit."""
    examples = read_sequences(models.run.sequences_file)[GENERATED][:FEW]
    for example in examples:
        ids = torch.from_numpy(example.ids)[None]
        ours, theirs = (model(input_ids=ids).logits for model in (original, exported))
        if not torch.equal(ours, theirs):
            apart = float((ours - theirs).abs().max())
            raise _failed(name, "the logits", f"they differ by up to {apart:.3g} from the run's")
    return SameLogits(texts=len(examples), tokens=sum(len(example.ids) for example in examples))


def _check_acceptance(models: Models, name: str, draft: Any) -> SameAcceptance:
    """Overlap on the run's stored continuations: as in the token tables, token by token."""
    state = runs.read_state(models.run)
    assert state.facts
    tolerance = TOLERANCE[state.facts.precision]
    stored = tokens.column(models.run, GENERATED, "overlap", tokens.table_of(models.run, name))
    examples = read_sequences(models.run.sequences_file)[GENERATED][:MEASURED]
    again = _overlaps(models, examples, draft)
    before = stored[: len(again)].astype(np.float64)
    apart = float(np.abs(again - before).mean())
    if not apart <= tolerance:  # true for NaN, too
        raise _failed(
            name,
            "acceptance",
            f"{float(again.mean()):.4f} on {len(examples)} prompts where the token tables have "
            f"{float(before.mean()):.4f} (a token {apart:.3g} apart, more than {tolerance}): the "
            f"target, the draft or the tables changed; adaspec measure {state.id} makes these anew",
        )
    return SameAcceptance(
        prompts=len(examples),
        tokens=len(again),
        alpha=float(again.mean()),
        tables=float(before.mean()),
        apart=apart,
        tolerance=tolerance,
    )


def _overlaps(models: Models, examples: list[Example], draft: Any) -> NDArray[np.float64]:
    """Overlap of target and draft on the answers of examples, a token after another."""
    parts = []
    for group in batches(examples, runs.read_recipe(models.run).evaluation.batch):
        batch = collate(group).to(models.device)
        p = frozen_rows(models.target, batch, models.vocabulary)
        q = frozen_rows(draft, batch, models.vocabulary)
        parts.append(measure_rows(overlap, p, q))
    overlaps: NDArray[np.float64] = torch.cat(parts).double().cpu().numpy()
    return overlaps


def _check_greedy(models: Models, name: str, draft: Any) -> SameText:
    """Speculative decoding with the draft, and the target alone by transformers: the same text."""
    evaluation = runs.read_recipe(models.run).evaluation
    gamma, eos = evaluation.speculation.gamma, models.tokenizer.eos_token_id
    target = models.target.to(torch.float32)  # in bf16, near ties fall as the rounding has it
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
    return SameText(prompts=len(examples), tokens=counted, passes=passes, gamma=gamma)


# As GGUF


@torch.no_grad()
def _write_gguf(
    models: Models, name: str, original: Opened, file: Path, precision: Precision
) -> Gguf:
    """Write a model, and read it back through transformers' own loader of GGUF files.

    Nothing but the rounding may differ: the logits are those of the model, rounded in memory, to
    the bit, and texts have the same token ids.

    Raises:
        AdaspecError: they are not; says which, with its numbers.
    """
    of = name if file.name == DRAFT_GGUF else TARGET
    gguf_files.write(original.model, original.tokenizer, of, file, precision)
    what = f"{file.name} as {precision}"
    try:
        opened = _open(file)
        shared_vocabulary(original, opened)
    except AdaspecError as error:
        raise _failed(name, what, str(error)) from None
    rounded = copy.deepcopy(original.model)
    for parameter in rounded.parameters():
        if precision == "f16" and parameter.ndim > 1:
            parameter.copy_(parameter.half())
    examples = read_sequences(models.run.sequences_file)[GENERATED]
    apart = 0.0
    for example in examples[:FEW]:
        ids = torch.from_numpy(example.ids)[None]
        before, ours, theirs = (
            model(input_ids=ids).logits for model in (original.model, rounded, opened.model)
        )
        if not torch.equal(ours, theirs):
            by = float((ours - theirs).abs().max())
            raise _failed(name, what, f"its logits differ by up to {by:.3g} beyond rounding")
        apart = max(apart, float((before - theirs).abs().max()))
        text = original.tokenizer.decode(example.ids)
        if original.tokenizer(text)["input_ids"] != opened.tokenizer(text)["input_ids"]:
            raise _failed(name, what, f"its tokenizer splits {text[:60]!r} otherwise")
    alpha = None
    if file.name == DRAFT_GGUF:
        draft = opened.model.to(models.device)
        alpha = float(_overlaps(models, examples[:MEASURED], draft).mean())
    tokens_read = sum(len(example.ids) for example in examples[:FEW])
    return Gguf(
        precision=precision,
        logits=SameLogits(texts=len(examples[:FEW]), tokens=tokens_read),
        apart=apart,
        alpha=alpha,
    )


# The description


def _describe(
    run: Run,
    name: str,
    report: Report,
    models: Models,
    original: Opened,
    folder: Path,
    verified: Verified,
    gguf: dict[str, Gguf],
) -> Export:
    """Where a draft comes from, what it cost, what it reached, and what was checked."""
    state, recipe = runs.read_state(run), runs.read_recipe(run)
    assert state.facts  # it is finished
    measured = report.draft(name)
    trained = state.training(name) is not None
    began = STOCK if trained else name
    return Export(
        draft=name,
        training=runs.read_trained(run, measured.same_as or name).training if trained else None,
        measured=measured,
        definitions=report.definitions,
        measured_on=MeasuredOn(
            text=_held_out(recipe),
            max_new_tokens=recipe.evaluation.max_new_tokens,
            prompts=report.prompts,
            tokens=report.tokens,
            speculation=report.speculation,
            device=report.device,
        ),
        gamma=recipe.evaluation.speculation.gamma,
        before=_before(run, state, measured),
        target=_target(run, state, models),
        stock=StockModel(
            source=_public(state.sources[began]),
            made_of=_made_of(began, state, recipe),
            weights=state.hashes[runs.hash_name(began)],
        ),
        weights=weights_hash(original.model),
        vocab_size=_vocabulary(original.model),
        shared_vocabulary=models.vocabulary,
        serving=Serving(
            transformers=TRANSFORMERS,
            head_sizes=(_head_size(models.target.config), _head_size(original.model.config)),
        ),
        gguf=gguf,
        files={
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for pattern in ("*.safetensors", "*.gguf")
            for file in sorted(folder.glob(pattern))
        },
        data=Data(
            hash=state.hashes["data"],
            train=_training_text(recipe),
            rows=state.facts.training_rows,
        ),
        run=Origin(id=state.id, recipe=recipe.name, recipe_hash=state.recipe_hash),
        trained_with=state.facts.model_dump(
            include={"adaspec", "torch", "transformers", "device", "precision"}, exclude_none=True
        ),
        exported_with={
            "adaspec": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        verified=verified,
    )


def _before(run: Run, state: RunState, measured: DraftReport) -> list[Before]:
    """The trainings that a draft stands on, with what each cost."""
    names = list(measured.needs)
    if TARGET in state.models and state.training(measured.name):
        names.insert(0, TARGET)
    return [Before(name=name, budget=runs.read_trained(run, name).budget) for name in names]


def _target(run: Run, state: RunState, models: Models) -> TargetModel:
    tuned = TARGET in state.models
    if tuned:
        kept = load_weights(run.path / state.models[TARGET], torch.device("cpu"))
    return TargetModel(
        source=_public(state.sources[TARGET]),
        fine_tuned=tuned,
        weights=weights_hash(kept) if tuned else state.hashes[TARGET],
        vocab_size=_vocabulary(models.target),
    )


def _made_of(name: str, state: RunState, recipe: Recipe) -> str | None:
    """Whose weights a draft has that was there before: its source's, or the target's; None: random
    ones."""
    spec = recipe.draft if name == STOCK else recipe.drafts[name]
    assert spec is not None
    if spec.new:
        return None
    pruned = spec.source == (TARGET,)
    return _public(state.sources[TARGET if pruned else name])


def _head_size(config: Any) -> int | None:
    if size := getattr(config, "head_dim", None):
        return int(size)
    heads = getattr(config, "num_attention_heads", None)
    return config.hidden_size // heads if heads else None


def _vocabulary(model: Any) -> int:
    rows: int = model.get_output_embeddings().weight.shape[0]
    return rows


def _public(source: str) -> str:
    """A model's source without the path that it has on this machine."""
    return Path(source).name if Path(source).is_absolute() else source.removeprefix(HUB)


def _held_out(recipe: Recipe) -> str:
    """Where held-out text comes from, in words, and how the target went on with it."""
    temperature = recipe.evaluation.temperature
    at = "" if temperature == 1 else f", gone on with at temperature {temperature:g}"
    return _rows(recipe.data.evaluation) + _in_format(recipe) + at


def _training_text(recipe: Recipe) -> str:
    """Where training text comes from, in words, and who wrote the answers."""
    says = {"data": "", "target": ", answered by the target", "both": ", the target's answers too"}
    return _rows(recipe.data.train) + _in_format(recipe) + says[recipe.data.responses]


def _in_format(recipe: Recipe) -> str:
    return ", in the target's chat format" if recipe.data.chat else ""


def _rows(rows: Rows | Holdout | None) -> str:
    """Where rows come from, in words."""
    if rows is None:
        return "nothing"
    if isinstance(rows, Holdout):
        return f"{rows.holdout:.0%} of the training rows, held out"
    if rows.stories:
        return f"{rows.stories:,} built-in arithmetic stories (seed {rows.seed})"
    if rows.file:
        return f"the file {rows.file.name}"
    parts = [rows.hub, rows.config, rows.split, rows.revision]
    return "the Hub's " + ", ".join(filter(None, parts))
