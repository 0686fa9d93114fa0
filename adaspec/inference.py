"""A run's models kept warm in a process of their own, and what they say of a text.

`python -m adaspec.inference RUN_FOLDER [IDLE_SECONDS]` speaks in lines of JSON. It first says
`{"ready": true}`, or `{"error": "one line"}` and ends; then every line `{"id": ..., "do": NAME,
...arguments}` on stdin gets one line `{"id": ..., "ok": ...}` or `{"id": ..., "error": "one line"}`
on stdout. It ends with its stdin, so that it never outlives who asked for it, and when nobody asked
anything for a while. NAME is a row of `REQUESTS`.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from adaspec import AdaspecError, explain, measurement, precision, runs
from adaspec.answers import Likeliest, TextRows
from adaspec.data import Example, collate, encode
from adaspec.environment import behind_pages
from adaspec.models import (
    context_length,
    load_weights,
    open_model,
    parameters,
    threads_for,
    weights_hash,
)
from adaspec.recipe import TARGET, Data, Decoding
from adaspec.rows import for_any_text
from adaspec.run_models import snapshot_folders, target_spec
from adaspec.runs import Run
from adaspec.speculation import decoding
from adaspec.speculation.speed import replay_beside_plain
from adaspec.speculation.trace import Trace
from adaspec.teacher import frozen_rows

MOST_TOKENS = 2000
MOST_CHARACTERS = 20 * MOST_TOKENS
"""A longer text is refused before it is split into tokens."""
IDLE = 600.0  # seconds without a request
WARM = 4 << 30  # bytes of weights, beside the target's, that stay in memory

log = logging.getLogger("adaspec")


@dataclass(frozen=True)
class Models:
    """A run's models, on the device and at the precision that its token tables were made with.

    Where that device is gone, in float32 on the CPU.

    Attributes:
        target: p.
        vocabulary: how many token ids, from 0, target and drafts share.
        data: what becomes of a text in this run, but with bare templates and no end.
    """

    run: Run
    target: Any
    tokenizer: Any
    vocabulary: int
    device: torch.device
    dtype: torch.dtype
    data: Data
    _warm: dict[Path, Any] = field(default_factory=dict, repr=False)  # the last used comes last

    def snapshot(self, name: str) -> Any:
        """q: `stock`, `reference`, a draft, or `NAME@STEP`; opened when first asked for.

        Raises:
            AdaspecError: the run has none of this name; says which it has.
        """
        folders = snapshot_folders(self.run)
        if name not in folders:
            raise AdaspecError(f"No snapshot {name!r}: this run has {', '.join(folders)}.")
        folder = folders[name]
        model = self._warm.pop(folder, None)
        self._warm[folder] = model = model or load_weights(folder, self.device, self.dtype)
        while (
            len(self._warm) > 1
            and sum(4 * parameters(model) for model in self._warm.values()) > WARM
        ):
            del self._warm[next(iter(self._warm))]
        return model


# A run's models


def open_run(run: Run) -> Models:
    """The run's target, ready to be asked; its other models follow when they are.

    Raises:
        AdaspecError: the run has no target yet, or it cannot be opened or is not the same any more.
    """
    state, recipe = runs.read_state(run), runs.read_recipe(run)
    if state.facts is None or (recipe.stage0 and TARGET not in state.models):
        raise AdaspecError(f"Run {state.id} has no target yet: wait until it begins to distil.")
    opened = open_model(target_spec(run), [], recipe.seed, TARGET)
    if TARGET not in state.models and state.hashes.get(TARGET) != weights_hash(opened.model):
        raise AdaspecError(
            f"The target of run {state.id}, {opened.source}, changed since it was trained with: "
            "restore it to read with it."
        )
    device = precision.device()
    bf16 = precision.has_bf16() and state.facts.precision == "bf16"
    dtype = torch.bfloat16 if bf16 else torch.float32
    target = opened.model.to(device, dtype)
    return Models(
        run=run,
        target=target.requires_grad_(False),
        tokenizer=opened.tokenizer,
        vocabulary=state.facts.shared_vocabulary,
        device=device,
        dtype=dtype,
        data=recipe.data.model_copy(
            update={
                "prompt": ("{prompt}",),
                "response": "{response}",
                "replace": {},
                "max_length": sys.maxsize,
                "chat": recipe.data.chat and for_any_text(recipe.data.chat),
            }
        ),
    )


# What they say


@torch.no_grad()
def read_text(
    models: Models,
    prompt: str,
    response: str,
    snapshots: list[str],
    *,
    seed: int = 0,
    new_tokens: int = 64,
) -> TextRows:
    """What the token tables would hold of a text.

    The text ends where it ends: no end of sequence is put after it. Its first token has no row.

    Args:
        response: if empty, the target itself continues the prompt, at temperature 1.
        snapshots: names, as `Models.snapshot` takes them.
        seed: of that continuation.
        new_tokens: the most that it has; fewer where the models take no more.

    Raises:
        AdaspecError: the text is empty, too long, or has tokens that not every model knows; no
            such snapshot.
    """
    lengths = [context_length(models.target)]
    lengths += [context_length(models.snapshot(name)) for name in snapshots]
    most = min([MOST_TOKENS, *filter(None, lengths)])
    example = _tokenise(models, prompt, response, most)
    if not response:
        example = _continue(models, example, seed, min(new_tokens, most - len(example.ids)))
    batch = collate([example]).to(models.device)
    p = frozen_rows(models.target, batch, models.vocabulary)
    measures = measurement.target_columns(p, batch.next_ids)
    top = {
        TARGET: Likeliest(id=measures.pop("top").to_pylist(), p=measures.pop("top_p").to_pylist())
    }
    columns = {name: values.to_pylist() for name, values in measures.items()}
    for name in snapshots:
        q = frozen_rows(models.snapshot(name), batch, models.vocabulary)
        measures = measurement.draft_columns(p, q, batch.next_ids)
        top[name] = Likeliest(
            id=measures.pop("top").to_pylist(), p=measures.pop("top_q").to_pylist()
        )
        columns |= {f"{column}@{name}": values.to_pylist() for column, values in measures.items()}
    ids = example.ids.tolist()
    return TextRows(ids=ids, response_from=len(ids) - example.predicted, columns=columns, top=top)


def speculate(
    models: Models,
    prompt: str,
    draft: str,
    *,
    gamma: int = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    max_new_tokens: int = 64,
) -> Trace:
    """A draft and the target continue a prompt; before and after them, the target alone does.

    Args:
        draft: a name, as `Models.snapshot` takes it.
        seed: of the uniforms.

    Returns:
        The decoding, with `plain_ms`.

    Raises:
        AdaspecError: the prompt is empty, too long, or has tokens that not both models know; no
            such draft; a setting that cannot be.
    """
    settings = _settings(gamma, temperature, top_k, top_p, max_new_tokens)
    if not 0 <= seed < 1 << 32:
        raise AdaspecError(f"seed={seed}: it is 0 to {(1 << 32) - 1}.")
    q = models.snapshot(draft)
    most = min([MOST_TOKENS, *filter(None, map(context_length, (models.target, q)))])
    ids = _tokenise(models, prompt, "", most).ids.tolist()

    decode = decoding.Decoder(
        models.target, vocabulary=models.vocabulary, eos=models.tokenizer.eos_token_id
    )
    (trace,) = replay_beside_plain(decode, {draft: q}, ids, settings, seed)
    return trace.model_copy(update={"target": TARGET})


def _settings(
    gamma: int, temperature: float, top_k: int, top_p: float, max_new_tokens: int
) -> Decoding:
    """
    Raises:
        AdaspecError: names the setting that cannot be, and why.
    """
    if not 1 <= max_new_tokens <= MOST_TOKENS:
        raise AdaspecError(f"max_new_tokens={max_new_tokens}: it is 1 to {MOST_TOKENS:,}.")
    if gamma < 1:
        raise AdaspecError(f"gamma={gamma}: the draft proposes at least one token.")
    try:
        return Decoding(
            gamma=gamma,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            max_new_tokens=max_new_tokens,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise AdaspecError(f"{first['loc'][0]}={first['input']}: {first['msg'].lower()}.") from None


def _tokenise(models: Models, prompt: str, response: str, most: int) -> Example:
    """The text as `data.encode` splits it, less its EOS; without a response, all of it is prompt.

    In a run on conversations, the prompt is what a user says.

    Raises:
        AdaspecError: as `read_text`.
    """
    if any("\ud800" <= character <= "\udfff" for character in prompt + response):
        raise AdaspecError("The text has bytes that are not UTF-8.")
    if len(prompt) + len(response) > MOST_CHARACTERS:
        raise AdaspecError(
            f"The text has {len(prompt) + len(response):,} characters, more than "
            f"{MOST_CHARACTERS:,}: shorten it."
        )
    if response:
        data, least = models.data, 2
    else:
        data, least, most = models.data.model_copy(update={"response": ""}), 1, most - 1
    ((example, _),) = encode([{"prompt": prompt, "response": response}], data, models.tokenizer)
    if example is None or len(example.ids) - bool(response) < least:
        raise AdaspecError("There is nothing to predict: write at least two tokens, or a prompt.")
    ids = example.ids[:-1] if response else example.ids
    if len(ids) > most:
        raise AdaspecError(f"The text has {len(ids):,} tokens, more than {most:,}: shorten it.")
    if len(unknown := ids[ids >= models.vocabulary]):
        word = models.tokenizer.convert_ids_to_tokens(int(unknown[0]))
        raise AdaspecError(f"Not all of this run's models know the token {word!r}: leave it out.")
    return Example(ids, example.prompt_length)


def _continue(models: Models, example: Example, seed: int, new_tokens: int) -> Example:
    """The prompt with what the target puts after it, token for token what a browser would say."""
    decode = decoding.Decoder(
        models.target, vocabulary=models.vocabulary, eos=models.tokenizer.eos_token_id
    )
    settings = Decoding(gamma=0, max_new_tokens=new_tokens)
    text = decode(None, example.ids.tolist(), settings, seed=seed, detail=False).text
    ids = np.concatenate([example.ids, np.array(text, dtype=example.ids.dtype)])
    return Example(ids, example.prompt_length)


# The process

REQUESTS: dict[str, Callable[..., TextRows | Trace]] = {
    "read_text": read_text,
    "speculate": speculate,
}


def main(folder: str, idle: float = IDLE) -> None:
    """Open the run, then answer until there is nobody to answer."""
    behind_pages()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # ends the process: nobody reads its answers
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not get between them
    try:
        models = open_run(Run(Path(folder).resolve()))
    except Exception as error:
        print(json.dumps({"error": _one_line(error)}), file=answers)
        return
    with threads_for(models.target):
        print(json.dumps({"ready": True}), file=answers)
        for line in _lines(idle):
            print(json.dumps(_answer(models, json.loads(line))), file=answers)


def _lines(idle: float) -> Iterator[str]:
    """stdin's; SIGALRM ends the process where the next one does not come in time."""
    while True:
        signal.setitimer(signal.ITIMER_REAL, idle)
        line = sys.stdin.readline()
        signal.setitimer(signal.ITIMER_REAL, 0)
        if not line:
            return
        yield line


def _answer(models: Models, request: dict[str, Any]) -> dict[str, Any]:
    identity, what = request.pop("id"), request.pop("do")
    try:
        answer = REQUESTS[what](models, **request)
        return {"id": identity, "ok": answer.model_dump(mode="json")}
    except Exception as error:
        return {"id": identity, "error": _one_line(error)}


def _one_line(error: Exception) -> str:
    if isinstance(error, AdaspecError):
        return str(error)
    log.exception("It could not be done.")
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "Out of memory: shorten the text, or choose fewer models."
    return " ".join(explain(error).split())


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
