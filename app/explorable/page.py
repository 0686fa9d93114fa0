"""The file: models, worker and pages inline; nothing is fetched, no server is asked.

Weights are rounded to 16 bits, which halves the file; what that costs in acceptance is measured and
said in it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from adaspec import AdaspecError, replays, run_models, runs, tokens
from adaspec.analysis.methods import default_draft
from adaspec.files import read_text
from adaspec.recipe import TARGET, Decoding
from adaspec.run_models import CONFIG, TOKENIZER, WEIGHTS
from adaspec.runs import Run
from adaspec.runs.contract import read_bytes
from adaspec.tokens import GENERATED
from adaspec.views import OwnPrompt, OwnText, browser_script, token_view
from adaspec.views.replay_view import STATE as REPLAY_STATE
from adaspec.views.token_view import STATE as TEXT_STATE
from adaspec.views.token_view import Roles

LARGEST = 10_000_000
"""Bytes of a file: what a message or a class's Wi-Fi still takes."""
_PROMPTS = 8
_JSON = 20_000_000  # bytes of a tokenizer or configuration at most
_NOWHERE = {"id": "", "worker": "", "tokenizer": "", "models": {}, "vocabulary": 1, "eos": None}


def drafts(run: Run) -> list[str]:
    """Those that go into the file, the stock draft first.

    Raises:
        AdaspecError: the run has no replays, or browsers do not run its models.
    """
    held = run_models.for_browsers(run)
    return [name for name in replays.drafts(run) if name in held and _own(run, name)]


def _own(run: Run, name: str) -> bool:
    """Whether a draft is a training of its own: one that is another's would be there twice."""
    return tokens.table_of(run, name) == name


def build(run: Run, alphas: Mapping[str, tuple[float, float, int]]) -> str:
    """The page.

    Args:
        alphas: draft -> its acceptance rate exact and rounded, and over how many tokens.

    Raises:
        AdaspecError: browsers do not run these models, or the file would be too large.
    """
    names = drafts(run)
    first = default_draft(runs.read_recipe(run), names)
    folders = run_models.for_browsers(run)
    roles = Roles(first, None)
    read = list(dict.fromkeys(roles.known(run).values()))
    facts = runs.read_state(run).facts
    assert facts  # else there are no folders
    frame = token_view.text_frame(run, GENERATED, roles) | {"timeline": []}
    frame["snapshots"] = {name: frame["snapshots"][name] for name in read}
    text = OwnText.model_validate(
        frame
        | {"id": "", "prompt": "", "response": "", "new_tokens": 64}
        | {"engine": _NOWHERE, "clicks": 0}
    )
    replay = OwnPrompt.model_validate(
        {"id": "", "title": "", "target": TARGET, "draft": first, "prompt": "", "seed": 0}
        | {"decoding": Decoding(max_new_tokens=48), "engine": _NOWHERE, "clicks": 0}
    )
    data = {
        "title": runs.read_state(run).name,
        "about": runs.read_recipe(run).about,
        "drafts": names,
        "first": first,
        "prompts": [str(prompt) for prompt in tokens.examples(run, GENERATED)["prompt"][:_PROMPTS]],
        "alphas": {name: list(alphas[name]) for name in names},
        "worker": browser_script.script("engine"),
        "tokenizer": _text(folders[TARGET] / TOKENIZER),
        "models": {
            name: {"config": _text(folders[name] / CONFIG), "weights": _weights(folders[name])}
            for name in dict.fromkeys([TARGET, *names, *read])
        },
        "vocabulary": facts.shared_vocabulary,
        "eos": run_models.end_of_text(run, folders[TARGET]),
        "replay": replay.model_dump(),
        "text": text.model_dump(),
        "state": {"replay": REPLAY_STATE, "text": TEXT_STATE},
        "pairs": _pairs(run, first),
    }
    title = f"{data['title']} · an explorable of AdaSPEC Studio"
    page = browser_script.page("explorable", title, data, connects="blob:")
    if len(page.encode()) > LARGEST:
        raise AdaspecError(
            f"The file would have {len(page.encode()) / 1e6:.1f} MB, and at most "
            f"{LARGEST / 1e6:.0f} go: choose a run with smaller models or fewer drafts."
        )
    return page


def _text(file: Path) -> str:
    return read_text(file, _JSON)


def _weights(folder: Path) -> str:
    """Weights in float16, as a safetensors file in base64."""
    read_bytes(folder / WEIGHTS)  # a regular file, or a sentence
    rounded = {
        name: values.astype(np.float16) for name, values in load_file(folder / WEIGHTS).items()
    }
    return base64.b64encode(save(rounded)).decode()


def _pairs(run: Run, draft: str) -> list[dict[str, Any]]:
    """Likely tokens where the target was least sure: what the lab begins with."""
    pieces = tokens.vocabulary(run)
    trace = replays.read(run, draft, replays.numbers(run, draft)[0])
    proposals = [proposal for decoded in trace.rounds for proposal in decoded.proposals]
    open_ended = min(proposals, key=lambda proposal: max(p for _, p, _ in proposal.likeliest))
    likeliest = open_ended.likeliest[:5]
    others_p = 1 - sum(p for _, p, _ in likeliest)
    others_q = 1 - sum(q for _, _, q in likeliest)
    return [
        *({"label": token_view.word(pieces[token]), "p": p, "q": q} for token, p, q in likeliest),
        {"label": "all others", "p": others_p, "q": others_q},
    ]
