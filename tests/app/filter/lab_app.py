"""A page with nothing but a filter lab: `streamlit run tests/app/filter/lab_app.py`.

`?rows=` is the length of the sample text, `?tokens=` how many tokens there are in all.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from app.filter.lab import filter_lab  # noqa: E402
from tests.views import HOSTILE, PROMPT, WORDS, packed, vocabulary  # noqa: E402

K = np.arange(1001)
CLASSES = "digits|operators|words|word pieces|names|punctuation|line ends|spaces|other|end of text"
GROUPS = {
    "token class": ("What the token is made of.", CLASSES.split("|")),
    "target entropy": (
        "How unsure the target is, in nats.",
        [f"{low / 2} to {low / 2 + 0.5}" for low in range(10)],
    ),
    "position in the answer": (
        "Counted from the answer's first token.",
        [f"{start} to {start + 15}" for start in range(0, 160, 16)],
    ),
}
OVERLAPS = {
    "rival selectors": (
        "Other rules that keep as many.",
        ["random", "largest KL(p‖r)", "largest KL(p‖q)"],
    ),
    "checkpoints of the draft": (
        "ΔL of an earlier draft, the same reference.",
        ["stock", "step 8", "step 25", "step 75"],
    ),
    "other pool": ("Each micro-batch by itself, as in training.", ["micro-batches of 8"]),
}


@cache
def view(rows: int = 300, tokens: int = 11355, name: str = "a") -> dict[str, Any]:
    """Made-up tokens, the same for the same arguments; the first are the sample text."""
    random = np.random.default_rng(len(name) + rows)
    drop = random.normal(-0.23, 0.25, tokens) + random.exponential(0.25, tokens)
    drop = drop.astype("<f4")
    loss = np.abs(drop) + random.gamma(1, 0.4, tokens)
    order = np.argsort(-drop, kind="stable")
    entry = entries(order)
    kept = keeps(tokens)
    low, high = -2.0, 2.0
    ids = random.integers(0, len(WORDS), rows).astype("<u4")
    ids[20 : 20 + len(HOSTILE)] = len(WORDS) + 4 + np.arange(len(HOSTILE))
    ids[50::25] = len(WORDS)  # a line's end
    response = np.ones(rows, "<u1")
    response[:PROMPT] = 0
    return {
        "id": name,
        "title": f"tiny · <b>held-out</b> answers · {name}",
        "tokens": tokens,
        "histogram": {
            "low": low,
            "high": high,
            "counts": np.histogram(drop, 121, (low, high))[0].tolist(),
            "below": int((drop < low).sum()),
            "above": int((drop > high).sum()),
        },
        "threshold": packed(drop[order][kept - 1]),
        "kept": packed(kept),
        "mass": packed((np.cumsum(loss[order])[kept - 1] / loss.sum()).astype("<f4")),
        "groups": [
            {"name": title, "explanation": says, "rows": grouped(labels, entry, random)}
            for title, (says, labels) in GROUPS.items()
        ],
        "overlaps": [
            {"name": title, "explanation": says, "rows": shared(labels, drop, entry, random)}
            for title, (says, labels) in OVERLAPS.items()
        ],
        "text": {
            "title": "tiny · generated #12",
            "tokens": {"id": packed(ids), "response": packed(response)},
            "vocabulary": vocabulary(),
            "entry": packed(np.where(response == 1, entry[:rows], 65535).astype("<u2")),
        },
        "notes": ["Made up for tests: 11,355 tokens, one draft and one reference."],
    }


def keeps(tokens: int) -> NDArray[np.uint32]:
    """How many are kept at every k, as `adaspec.selection.count` has it."""
    return (1 + K * (tokens - 1) // 1000).astype("<u4")


def entries(order: NDArray[np.int64]) -> NDArray[np.uint16]:
    """The smallest k at which each token is kept."""
    entry = np.empty(len(order), "<u2")
    entry[order] = np.searchsorted(keeps(len(order)), np.arange(1, len(order) + 1))
    return entry


def grouped(
    labels: list[str], entry: NDArray[np.uint16], random: np.random.Generator
) -> list[dict[str, Any]]:
    """Classes of uneven size; the later ones are kept later."""
    shares = random.dirichlet(np.full(len(labels), 2.0))
    lean = np.clip(entry / 1000 + random.normal(0, 0.6, len(entry)), 0, 0.999)
    which = np.searchsorted(np.cumsum(shares)[:-1], lean)
    return [
        {
            "label": label,
            "tokens": int((which == at).sum()),
            "kept": packed(below(entry[which == at])),
        }
        for at, label in enumerate(labels)
    ]


def shared(
    labels: list[str],
    drop: NDArray[np.float32],
    entry: NDArray[np.uint16],
    random: np.random.Generator,
) -> list[dict[str, Any]]:
    """Selections that are the more like the main one the later they come."""
    rows = []
    for at, label in enumerate(labels, 1):
        others = drop * (at - 1) + random.normal(0, 0.4, len(drop))
        both = np.maximum(entry, entries(np.argsort(-others)))
        rows.append({"label": label, "shared": packed(below(both)), "explanation": f"As {label}."})
    return rows


def below(entry: NDArray[np.uint16]) -> NDArray[np.uint32]:
    return np.cumsum(np.bincount(entry, minlength=1001)).astype("<u4")


if __name__ == "__main__":
    st.set_page_config(layout="wide")
    st.html(ROOT / "app/shell/style.css")
    asked = st.query_params
    name = st.segmented_control("View", ["a", "b"], default="a")
    shown = view(int(asked.get("rows", 300)), int(asked.get("tokens", 11355)), name)
    st.session_state.runs = st.session_state.get("runs", 0) + 1
    shown = shown | {"notes": [*shown["notes"], f"run {st.session_state.runs}"]}  # the same id
    left = filter_lab(shown, int(asked.get("k", 400)), key="filter")
    st.button("Run again")
    st.text(f"runs: {st.session_state.runs}")
    st.text(f"k: {left}")
