"""What a decoding saw, turned into the rounds of a trace: tensors in, numbers out."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from adaspec.recipe import Decoding
from adaspec.speculation.trace import Last, Likely, Proposal, Round

TOP = 5
LEAST, DIGITS = 1e-4, 6
"""Of the likeliest tokens, those below are left out, and the others rounded: they are for the eye,
and a trace of 1,000 tokens goes to a browser whole."""


class Record:
    """The rounds so far.

    What the draft would have said in a bonus token's place is known one round later, when it reads
    that token: until then the token waits in `_bonus` with the target's row.
    """

    def __init__(self, decoding: Decoding, detail: bool) -> None:
        self.decoding, self.detail = decoding, detail
        self.rounds: list[Round] = []
        self._bonus: tuple[Last, Tensor, Tensor] | None = None

    def add(
        self,
        ids: list[int],
        last: int | None,
        accepted: int,
        chance: Tensor,
        p_logits: Tensor,
        p: Tensor,
        q_logits: list[Tensor],
        q: list[Tensor],
        left: Tensor,
        draft_ms: float,
        verify_ms: float,
    ) -> None:
        """One round.

        Args:
            ids: the proposals; `accepted` of them are in the text.
            last: the token that the target added, if it did.
            chance: [places, 3] the uniforms from the first proposal's place on.
            p_logits, p: [proposals + 1, vocabulary] the target's logits and distributions.
            q_logits, q: the draft's, a step each; the rows [-1] are those of the proposals, and one
                before the first of them is that of the bonus token it had not read.
            left: [vocabulary] what `last` was drawn from, not normalised.
        """
        if self._bonus and q and len(q[0]) > 1:
            self._ask(self._shown(q_logits[0][-2], q[0][-2]), q[0][-2])
        p_shown = self._shown(p_logits, p)
        q_shown = [self._shown(a[-1], b[-1]) for a, b in zip(q_logits, q, strict=True)]
        tests = chance[: len(ids) + 1].tolist()
        proposals = self._proposals(ids, accepted, p_shown, q_shown[: len(ids)], tests)
        end = None
        if last is not None:
            kind: Literal["residual", "bonus"] = "residual" if accepted < len(ids) else "bonus"
            end = Last(
                token=last, kind=kind, u=tests[accepted][2], p=float(p_shown[accepted, last])
            )
            if kind == "residual":
                end.q = float(q_shown[accepted][last])
                end.keep = _keep(p[accepted], q[accepted][-1], last)
            if self.detail:
                end.drawn_from = _top(left / left.sum())
        bonus = end and end.kind == "bonus"
        self._bonus = (end, p_shown[accepted], p[accepted]) if end and bonus else None
        self.rounds.append(
            Round(proposals=proposals, last=end, draft_ms=draft_ms, verify_ms=verify_ms)
        )

    def _ask(self, q_shown: Tensor, q: Tensor) -> None:
        """What the draft says in the place of the last round's bonus token."""
        assert self._bonus
        last, p_shown, p = self._bonus
        last.q, last.keep = float(q_shown[last.token]), _keep(p, q, last.token)
        if self.detail:
            token = torch.tensor([last.token], device=p.device)
            (last.likeliest,) = _likeliest(p_shown[None], q_shown[None], token)

    def _shown(self, logits: Tensor, rows: Tensor) -> Tensor:
        """What a reader of the trace is shown: in greedy decoding the models' own distributions."""
        return logits.softmax(-1) if self.decoding.greedy else rows

    def _proposals(
        self,
        ids: list[int],
        accepted: int,
        p_shown: Tensor,
        q_shown: list[Tensor],
        tests: list[list[float]],
    ) -> list[Proposal]:
        if not ids:
            return []
        tokens = torch.tensor(ids, device=p_shown.device)
        p, q = p_shown[: len(ids)], torch.stack(q_shown)
        of_p, of_q = (rows.gather(1, tokens[:, None])[:, 0].tolist() for rows in (p, q))
        overlaps: list[float | None] = [None] * len(ids)
        likeliest: list[list[Likely]] = [[] for _ in ids]
        if self.detail:
            overlaps = torch.minimum(p, q).sum(-1).tolist()
            likeliest = _likeliest(p, q, tokens)
        return [
            Proposal(
                token=ids[i],
                p=of_p[i],
                q=of_q[i],
                u=tests[i][1] if i <= accepted else None,
                accepted=i < accepted if i <= accepted else None,
                overlap=overlaps[i],
                likeliest=likeliest[i],
            )
            for i in range(len(ids))
        ]


def _keep(p: Tensor, q: Tensor, token: int) -> float:
    return min(1.0, float(q[token] / p[token]))


def _top(row: Tensor) -> list[tuple[int, float]]:
    values, ids = row.topk(min(TOP, len(row)))
    pairs = zip(ids.tolist(), values.tolist(), strict=True)
    return [(i, round(value, DIGITS)) for i, value in pairs if value >= LEAST]


def _likeliest(p: Tensor, q: Tensor, tokens: Tensor) -> list[list[Likely]]:
    """[rows] the union of both rows' likeliest tokens and the given one, by max(p, q)."""
    count = min(TOP, p.shape[1])
    ids = torch.cat([p.topk(count).indices, q.topk(count).indices, tokens[:, None]], dim=1)
    both = torch.stack([p.gather(1, ids), q.gather(1, ids)], dim=-1)
    rows = []
    for row_ids, row_both in zip(ids.tolist(), both.tolist(), strict=True):
        unique = {
            i: (i, round(p_one, DIGITS), round(q_one, DIGITS))
            for i, (p_one, q_one) in zip(row_ids, row_both, strict=True)
            if max(p_one, q_one) >= LEAST or i == row_ids[-1]
        }
        rows.append(sorted(unique.values(), key=lambda one: -max(one[1], one[2])))
    return rows
