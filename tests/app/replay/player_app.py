"""A page with nothing but a replay player: `streamlit run tests/app/replay/player_app.py`.

`?tokens=` is the length of the text, `?greedy=1` how it is decoded, `?state=` is JSON.
"""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from adaspec.recipe import Decoding  # noqa: E402
from adaspec.speculation.trace import Last, Proposal, Round, Trace  # noqa: E402
from adaspec.views import replay_view  # noqa: E402
from adaspec.vocabulary import Piece  # noqa: E402
from app.replay.player import replay_player  # noqa: E402
from tests.views import vocabulary  # noqa: E402

PIECES = [
    Piece(
        int(identity),
        bytes.fromhex(piece["bytes"]) if "bytes" in piece else piece["text"].encode(),
        piece.get("special", False),
    )
    for identity, piece in vocabulary().items()
]


def trace(
    tokens: int = 60, gamma: int = 4, greedy: bool = False, seed: int = 0, words: int = len(PIECES)
) -> Trace:
    """A made-up decoding, as the decoder would leave it.

    The text names the first so many words of the vocabulary in turn, again and again.
    """
    random = np.random.default_rng(seed)
    rounds, made = [], 0
    while made < tokens:
        proposals: list[Proposal] = []
        length = min(gamma, tokens - made - 1)
        rejected = False
        for position in range(length):
            p, q = random.beta(1.5, 1, 2).tolist()
            u = float(random.random())
            token = (made + position) % words
            kept = u < (0.7 if greedy else min(1, p / q))
            other = (token + 1) % words
            proposals.append(
                Proposal(
                    token=token,
                    p=p,
                    q=q,
                    u=None if rejected else u,
                    accepted=None if rejected else kept,
                    overlap=min(p, q) + min(1 - p, 1 - q),
                    likeliest=[(token, p, q), (other, 1 - p, 1 - q)],
                )
            )
            rejected = rejected or not kept
        accepted = sum(proposal.accepted is True for proposal in proposals)
        token = (made + accepted) % words
        p, q = sorted(random.random(2).tolist(), reverse=True)
        last = Last(
            token=token,
            kind="residual" if rejected else "bonus",
            u=float(random.random()),
            p=p,
            q=None if made + accepted + 1 == tokens and not rejected else q,
            keep=None
            if made + accepted + 1 == tokens and not rejected
            else (float(not rejected) if greedy else q / p),
            drawn_from=[(token, 0.75), ((token + 1) % words, 0.25)],
            likeliest=[] if rejected else [(token, p, q)],
        )
        made += accepted + 1
        rounds.append(
            Round(
                proposals=proposals,
                last=last,
                draft_ms=float(random.gamma(9, 0.2)),
                verify_ms=float(random.gamma(9, 0.2)),
            )
        )
    return Trace(
        target="target",
        draft="adaspec",
        prompt=[*range(12), 3, 4],
        decoding=Decoding(gamma=gamma, temperature=0 if greedy else 1, max_new_tokens=tokens),
        seed=seed,
        rounds=rounds,
        prefill_ms=1.0,
        stopped="length",
    )


@cache
def view(
    tokens: int = 60,
    gamma: int = 4,
    greedy: bool = False,
    name: str = "a",
    plain_ms: float | None = 2.5,
    words: int = len(PIECES),
) -> dict[str, Any]:
    """The view of such a decoding; the same one for the same arguments."""
    made = trace(tokens, gamma, greedy, seed=len(name), words=words)
    made = made.model_copy(update={"plain_ms": plain_ms})
    title = f"tiny · <b>prompt</b> {name}"
    identity = f"{name}/{tokens}/{gamma}/{greedy}/{plain_ms}"
    return replay_view.view(made, PIECES, identity, title, "adaspec", replay_view.costs(made))


if __name__ == "__main__":
    st.set_page_config(layout="wide")
    asked = st.query_params
    name = st.segmented_control("Text", ["a", "bb"], default="a")
    shown = view(int(asked.get("tokens", 60)), greedy=asked.get("greedy") == "1", name=name)
    st.session_state.runs = st.session_state.get("runs", 0) + 1
    left = replay_player(shown, json.loads(asked.get("state", "{}")), key="replay")
    st.button("Run again")
    st.text(f"runs: {st.session_state.runs}")
    st.text(f"state: {json.dumps(left, sort_keys=True)}")
