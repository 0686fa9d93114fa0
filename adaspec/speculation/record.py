"""What a decoding saw, turned into the rounds of a trace: tensors in, numbers out.

While it decodes, a round only leaves its tensors here. They become numbers many rounds at a time,
in a few operations, and not one token after another: so a trace costs little.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from adaspec.recipe import Decoding
from adaspec.speculation.trace import Likely, Round

TOP = 5
LEAST, DIGITS = 1e-4, 6
"""Of the likeliest tokens, those below are left out, and the others rounded: they are for the eye,
and a trace of 1,000 tokens goes to a browser whole."""
WAITING = {"cpu": 1 << 22, "cuda": 1 << 25}
"""Probabilities of one model that may wait to become numbers, by device: 16 and 128 MiB."""


class Seen(NamedTuple):
    """What the models said in a round: p and q, in greedy decoding their logits.

    Attributes:
        p: [proposals + 1, vocabulary]
        q: [unread + proposals - 1, vocabulary] after each token that the draft read: those of the
            text that it had yet to read, one or two, and the proposals but the last. None where it
            was not asked.
        unread: how many they were; the first of two is the bonus token of the round before.
        left: [vocabulary] what the target's token was drawn from, not normalised.
    """

    p: Tensor
    q: Tensor | None
    unread: int
    left: Tensor

    def clone(self) -> Seen:
        q = None if self.q is None else self.q.clone()
        return Seen(self.p.clone(), q, self.unread, self.left.clone())


class _Position(NamedTuple):
    """A token's content in the trace, to be completed from what the models said there.

    Attributes:
        p, q: [vocabulary]; q is None where the draft was not asked.
    """

    content: dict[str, Any]
    p: Tensor
    q: Tensor | None


class Record:
    """The rounds so far.

    What the draft would have said instead of a bonus token is known one round later, when it reads
    that token: until then the token waits in `_bonus`.
    """

    def __init__(self, decoding: Decoding, uniforms: np.ndarray, detail: bool) -> None:
        self._greedy, self._uniforms, self._detail = decoding.greedy, uniforms, detail
        self._rounds: list[dict[str, Any]] = []
        self._positions: list[_Position] = []
        self._drawn: list[tuple[dict[str, Any], Tensor]] = []
        self._bonus: _Position | None = None

    def add(
        self,
        position: int,
        ids: list[int],
        accepted: int,
        last: int | None,
        seen: Seen,
        draft_ms: float,
        verify_ms: float,
    ) -> None:
        """One round.

        Args:
            position: of the first proposal in the text.
            ids: the proposals; `accepted` of them are in the text.
            last: the token that the target added, if it did.
            seen: kept as it is; may have rows of proposals after these, which mean nothing.
        """
        p = seen.p
        q = p[:0] if seen.q is None else seen.q[seen.unread - 1 :]
        if self._bonus:
            asked = None if seen.q is None else seen.q[0]
            self._positions.append(self._bonus._replace(q=asked))
            self._bonus = None
        chance = self._uniforms[position : position + len(ids) + 1].tolist()
        proposals = []
        for i, token in enumerate(ids):
            tested = i <= accepted
            content = {
                "token": token,
                "u": chance[i][1] if tested else None,
                "accepted": i < accepted if tested else None,
            }
            proposals.append(content)
            self._positions.append(_Position(content, p[i], q[i]))
        end = None
        if last is not None:
            kind = "residual" if accepted < len(ids) else "bonus"
            end = {"token": last, "kind": kind, "u": chance[accepted][2]}
            if kind == "residual":
                self._positions.append(_Position(end, p[accepted], q[accepted]))
            else:
                self._bonus = _Position(end, p[accepted], None)
            if self._detail:
                self._drawn.append((end, seen.left))
        times = {"draft_ms": draft_ms, "verify_ms": verify_ms}
        self._rounds.append({"proposals": proposals, "last": end} | times)
        if len(self._positions) * p.shape[1] > WAITING[p.device.type]:
            self._complete()

    def rounds(self) -> list[Round]:
        """All of them, once the text is done."""
        if self._bonus:
            self._positions.append(self._bonus)
        self._complete()
        return [Round.model_validate(content) for content in self._rounds]

    def _complete(self) -> None:
        """Turn the tensors that wait into numbers."""
        positions, drawn = self._positions, self._drawn
        self._positions, self._drawn = [], []
        if positions:
            p = self._law([position.p for position in positions])
            for position, value in zip(positions, _of(p, positions), strict=True):
                position.content["p"] = value
            asked = [i for i, position in enumerate(positions) if position.q is not None]
            self._compare(p[asked], [positions[i] for i in asked])
        if drawn:
            left = torch.stack([row for _, row in drawn])
            likeliest = _top(left / left.sum(-1, keepdim=True))
            for (content, _), top in zip(drawn, likeliest, strict=True):
                content["drawn_from"] = top

    def _compare(self, p: Tensor, positions: list[_Position]) -> None:
        """Complete the positions in which both models were asked; p are the target's rows there."""
        if not positions:
            return
        rows = [position.q for position in positions if position.q is not None]
        q = self._law(rows)
        best = torch.stack(rows).argmax(-1).tolist()
        if self._detail:
            overlaps = torch.minimum(p, q).sum(-1).tolist()
            likeliest = _likeliest(p, q, _tokens(positions, p))
        for i, (position, of_q) in enumerate(zip(positions, _of(q, positions), strict=True)):
            content = position.content
            content["q"] = of_q
            if "kind" in content:  # the target added it
                alike = float(best[i] == content["token"])
                content["keep"] = alike if self._greedy else min(1.0, of_q / content["p"])
            elif self._detail:
                content["overlap"] = overlaps[i]
            if self._detail and content.get("kind") != "residual":
                content["likeliest"] = likeliest[i]

    def _law(self, rows: list[Tensor]) -> Tensor:
        """What a reader of the trace is shown: in greedy decoding the models' own distributions."""
        return torch.stack(rows).softmax(-1) if self._greedy else torch.stack(rows)


def _tokens(positions: list[_Position], like: Tensor) -> Tensor:
    """[positions, 1]"""
    ids = [[position.content["token"]] for position in positions]
    return torch.tensor(ids, device=like.device)


def _of(rows: Tensor, positions: list[_Position]) -> list[float]:
    """The probability of every position's token in its row."""
    probabilities: list[float] = rows.gather(1, _tokens(positions, rows))[:, 0].tolist()
    return probabilities


def _top(rows: Tensor) -> list[list[tuple[int, float]]]:
    values, ids = rows.topk(min(TOP, rows.shape[1]))
    return [
        [pair for pair in zip(*both, strict=True) if pair[1] >= LEAST]
        for both in zip(ids.tolist(), _rounded(values), strict=True)
    ]


def _likeliest(p: Tensor, q: Tensor, tokens: Tensor) -> list[list[Likely]]:
    """[rows] the union of both rows' likeliest tokens and the given one, by max(p, q)."""
    count = min(TOP, p.shape[1])
    ids = torch.cat([p.topk(count).indices, q.topk(count).indices, tokens], dim=1)
    of_p, of_q = _rounded(p.gather(1, ids)), _rounded(q.gather(1, ids))
    rows = []
    for row in zip(ids.tolist(), of_p, of_q, strict=True):
        token = row[0][-1]
        unique = {
            likely[0]: likely
            for likely in zip(*row, strict=True)
            if likely[1] >= LEAST or likely[2] >= LEAST or likely[0] == token
        }
        rows.append(sorted(unique.values(), key=lambda likely: -max(likely[1], likely[2])))
    return rows


def _rounded(values: Tensor) -> list[list[float]]:
    """As Python rounds them, which would do so one by one."""
    rows: list[list[float]] = values.double().cpu().numpy().round(DIGITS).tolist()
    return rows
