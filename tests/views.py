"""Synthetic token views: prompts, pieces of characters, hostile tokens, several snapshots."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaspec.views.metrics import METRICS

ATTACK = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
HOSTILE = [
    ATTACK,
    "</script>",
    "\u202emirrored",
    "שלום",
    " مرحبا",
    "👩‍👩‍👧‍👦",
    "🇫🇷",
    "e\u0301",
    "a\x00b",
    "\t",
    "\r\n",
    "\u200b",
    "   ",
    "${x}`&amp;\\",
    "",
    "\n\n",
]
LONG = "long" * 2500
WORDS = (
    " the apples cost 12 dollars and she buys five of them so that makes how many in all".split()
)
BYTES = ["e2", "82", "ac"]
TIMELINE = ["stock", "adaspec@8", "adaspec@25", "adaspec@75", "adaspec"]
SNAPSHOTS = {
    "stock": {"label": "stock", "colour": "#8A8F98", "step": 0},
    "reference": {"label": "reference", "colour": "#1F83C9", "step": 150},
    "adaspec@8": {"label": "adaspec@8", "colour": "#D55E00", "step": 8},
    "adaspec@25": {"label": "adaspec@25", "colour": "#D55E00", "step": 25},
    "adaspec@75": {"label": "adaspec@75", "colour": "#D55E00", "step": 75},
    "adaspec": {"label": "adaspec", "colour": "#D55E00", "step": 225},
    "distillspec-data": {"label": "distillspec-data", "colour": "#56B4E9", "step": 225},
}
PROMPT = 12  # tokens of each sequence


def packed(values: NDArray[Any]) -> dict[str, str]:
    kind = f"{values.dtype.kind}{values.dtype.itemsize}"
    return {"type": kind, "base64": base64.b64encode(values.tobytes()).decode()}


def unpacked(column: dict[str, str]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(column["base64"]), f"<{column['type']}")


def vocabulary() -> dict[str, dict[str, Any]]:
    """Words from 0 on, a line's end, the bytes of €, hostile pieces, the end of a text."""
    pieces: list[dict[str, Any]] = [{"text": f" {word}"} for word in WORDS]
    pieces += [{"text": ".\n"}, *({"bytes": byte} for byte in BYTES)]
    pieces += [{"text": text} for text in [*HOSTILE, LONG]]
    pieces.append({"text": "<|endoftext|>", "special": True})
    return {str(number): piece for number, piece in enumerate(pieces)}


@cache
def view(
    rows: int = 400, sequences: int = 2, hostile: bool = True, name: str = "a"
) -> dict[str, Any]:
    """A view of so many tokens in so many sequences; the same one for the same arguments."""
    random = np.random.default_rng(7)
    words = vocabulary()
    ids = random.integers(0, len(WORDS), rows).astype("<u4")
    ids[14::15] = len(WORDS)  # a line's end
    pieces: dict[str, str] = {}
    ids[40:43] = len(WORDS) + 1 + np.arange(3)
    pieces |= {str(row): "€" for row in range(40, 43)}
    if hostile:
        strange = len(WORDS) + 4 + np.arange(len(HOSTILE) + 1)
        ids[60 : 60 + len(strange)] = strange
    seq = (np.arange(rows) * sequences // rows).astype("<u4")
    ends = np.flatnonzero(np.diff(seq, append=seq[-1] + 1))
    ids[ends] = len(words) - 1
    starts = np.concatenate([[0], ends[:-1] + 1])
    response = np.ones(rows, "<u1")
    for start in starts:
        response[start : start + PROMPT] = 0
    prompt = response == 0

    def scored(values: NDArray[Any]) -> dict[str, str]:
        values = values.copy()
        values[prompt] = np.nan if values.dtype.kind == "f" else {2: 65535}.get(values.itemsize, 0)
        return packed(values)

    columns = {
        "entropy": scored(random.gamma(1.0, 0.8, rows).astype("<f4")),
        "p": scored(random.beta(2, 1, rows).astype("<f4")),
        "rank": scored(random.geometric(0.5, rows).astype("<u4")),
    }
    hardness = random.gamma(0.8, 1.2, rows)
    for number, snapshot in enumerate(SNAPSHOTS):
        progress = 1 / (1 + 0.5 * SNAPSHOTS[snapshot]["step"] ** 0.5)
        noise = random.gamma(4, 0.25, rows)
        columns |= {
            f"kl@{snapshot}": scored((hardness * (0.2 + progress) * noise).astype("<f4")),
            f"overlap@{snapshot}": scored(random.beta(4, 1 + number, rows).astype("<f4")),
            f"q@{snapshot}": scored(random.beta(2, 2, rows).astype("<f4")),
            f"rank@{snapshot}": scored(random.geometric(0.1, rows).astype("<u4")),
            f"agree@{snapshot}": scored((random.random(rows) < 0.6).astype("<u1")),
            f"entry@{snapshot}": scored(random.integers(0, 1001, rows).astype("<u2")),
            f"entry_batch@{snapshot}": scored(random.integers(0, 1001, rows).astype("<u2")),
        }
    return {
        "id": name,
        "title": f"tiny · <b>generated</b> #{name}",
        "rows": rows,
        "tokens": {"id": packed(ids), "seq": packed(seq), "response": packed(response)},
        "vocabulary": words,
        "pieces": pieces,
        "columns": columns,
        "top": {model: guesses(ids, random) for model in ("target", "reference", *TIMELINE)},
        "snapshots": SNAPSHOTS,
        "roles": {
            "stock": "stock",
            "reference": "reference",
            "draft": "adaspec",
            "rival": "distillspec-data",
        },
        "timeline": TIMELINE,
        "metrics": [metric.model_dump() for metric in METRICS],
        "corpus": {metric.name: corpus(metric.low, metric.high) for metric in METRICS},
        "pools": {
            "corpus": "The k with the largest ΔL of the whole corpus are kept.",
            "batch": "The k with the largest ΔL of each batch are kept, as in training.",
        },
        "notes": ["Measured over the whole vocabulary in float32; a made-up text for tests."],
    }


def guesses(ids: NDArray[Any], random: np.random.Generator) -> dict[str, dict[str, str]]:
    """Five tokens each, of which the actual one is the second."""
    chosen = (ids[:, None] + np.arange(5) - 1) % len(vocabulary())
    likely = -np.sort(-random.dirichlet(np.ones(6) * 0.6, len(ids))[:, :5], axis=1)
    return {"id": packed(chosen.astype("<u4").ravel()), "p": packed(likely.astype("<f4").ravel())}


def corpus(low: float, high: float) -> dict[str, Any]:
    counts = np.round(9000 * np.exp(-np.abs(np.arange(64) - 12) / 9)).astype(int).tolist()
    return {"low": low, "high": high, "counts": counts, "below": 3, "above": 12}
