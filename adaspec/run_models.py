"""Where the models of a run are, and which of them a viewer's browser may run. Loads no torch."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ValidationError
from safetensors.numpy import load_file

from adaspec import ASSETS, AdaspecError, files, runs, tokens
from adaspec.recipe import ASSET, TARGET, ModelSpec
from adaspec.runs import Run
from adaspec.runs.contract import read_bytes, stamp
from adaspec.runs.draft_vocabulary import DRAFT_VOCABULARY_FILE

LARGEST = 5_000_000
"""Parameters up to which a browser runs a model: 20 MB in float32, a few milliseconds a token."""
CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
FILES = (CONFIG, WEIGHTS, TOKENIZER)
"""What a browser needs of a model's folder; of all but the target's, the first two."""


def snapshot_folders(run: Run) -> dict[str, Path]:
    """Every model there is now but the target, and those on the way to it: name -> folder.

    Two names of one training share a folder.
    """
    folders: dict[str, Path] = {}
    for name, folder in runs.read_state(run).models.items():
        if name != TARGET:
            folders |= {name: run.path / folder} | run.snapshots(name)
    return folders


def target_spec(run: Run) -> ModelSpec:
    """Where the target is: in the run if it was trained there, else where it was found then."""
    recipe, state = runs.read_recipe(run), runs.read_state(run)
    if TARGET in state.models:
        return ModelSpec(source=(str(run.path / state.models[TARGET]),))
    if recipe.target.new:  # the same random weights once more
        kept = {"tokenizer": str(run.path / state.models[state.drafts[0]])} if state.drafts else {}
        return recipe.target.model_copy(update=kept)
    return recipe.target.model_copy(update={"source": (state.sources[TARGET],)})


def for_browsers(run: Run) -> dict[str, Path]:
    """The run's models, if a browser may run them: name -> folder with `FILES`, the target's first.

    They lie in the run or come with the studio; files that lead elsewhere are not served.

    Raises:
        AdaspecError: a sentence, why the server runs them.
    """
    state = runs.read_state(run)
    if state.facts is None:
        raise AdaspecError("This run has no target yet.")
    largest = max(state.facts.target_parameters, state.facts.draft_parameters or 0)
    if largest > LARGEST:
        raise AdaspecError(
            f"This pair's larger model has {largest / 1e6:,.0f} million parameters; "
            f"browsers run up to {LARGEST / 1e6:.0f} million."
        )
    if _converses(run, *stamp(run.recipe_file)):
        raise AdaspecError("This run's models speak in a chat format: only the server renders it.")
    if TARGET in state.models:
        target = run.path / state.models[TARGET]
    else:
        target = _bundled(state.sources.get(TARGET, ""), state.hashes.get(TARGET))
    folders = {TARGET: target} | snapshot_folders(run)
    if any((folder / DRAFT_VOCABULARY_FILE).is_file() for folder in folders.values()):
        raise AdaspecError(
            "This run's drafts have a trimmed vocabulary: only the server runs them."
        )
    return {name: folder for name, folder in folders.items() if _complete(folder, run.path)}


@lru_cache(maxsize=64)
def _converses(run: Run, *_stamp: int) -> bool:
    """Read once, for YAML takes its time."""
    return runs.read_recipe(run).data.chat is not None


def _bundled(source: str, weights: str | None) -> Path:
    """The folder of a target that comes with the studio, if it is still the same."""
    folder = ASSETS / source.removeprefix(ASSET)
    if not source.startswith(ASSET) or not files.is_file(folder / WEIGHTS):
        raise AdaspecError("This run's target is not in its folder: only the server can open it.")
    if file_hash(folder) != weights:
        raise AdaspecError(f"This run's target, {source}, is not the same any more.")
    return folder


def _complete(folder: Path, run: Path) -> bool:
    """Whether the model is there, and all `FILES` lie in the run or in what comes with the studio.

    A model on its way has no tokenizer of its own.
    """
    real = [(folder / name).resolve() for name in FILES]
    places = [run.resolve(), ASSETS.resolve()]
    inside = all(any(path.is_relative_to(place) for place in places) for path in real)
    return inside and all(path.is_file() for path in real[:2])


def file_hash(folder: Path) -> str:
    """`models.weights_hash` of a model opened in float32, from its file."""
    return _file_hash(folder, *stamp(folder / WEIGHTS))


@lru_cache(maxsize=64)
def _file_hash(folder: Path, *_stamp: int) -> str:
    weights = load_file(folder / WEIGHTS)
    if json.loads(read_bytes(folder / CONFIG)).get("tie_word_embeddings"):
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    digest = hashlib.sha256()
    for name, array in sorted(weights.items()):
        digest.update(f"{name}{array.shape}torch.float32".encode())
        digest.update(array.astype("float32").tobytes())
    return digest.hexdigest()[:16]


class _Word(BaseModel):
    content: str


class _TokenizerConfig(BaseModel):
    """What is read of transformers' `tokenizer_config.json`."""

    eos_token: str | _Word | None = None


def end_of_text(run: Run, folder: Path) -> int | None:
    """The token that ends a text, by a model's `tokenizer_config.json`; None: none does.

    Raises:
        AdaspecError: the file is not there, or damaged.
    """
    path = folder / "tokenizer_config.json"
    try:
        word = _TokenizerConfig.model_validate_json(read_bytes(path)).eos_token
    except ValidationError as error:
        raise AdaspecError(f"{path} is damaged: {error.errors()[0]['msg']}.") from None
    text = word.content if isinstance(word, _Word) else word
    if text is None:
        return None
    same = (piece.id for piece in tokens.vocabulary(run) if piece.data == text.encode())
    return next(same, None)
