"""Servers' rules played by the real decoder on `tiny`, against what is predicted of them.

Greedy drafting is exact sampling from a draft that is sure of its likeliest token, and exact match
from one that is sure of the token that it has just drawn: such drafts are made here of the real
one, and the decoder that is tested everywhere else does the rest. `make rules` tests 50,000
proposals of every rule and setting.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer

from adaspec import ASSETS, measurement, models
from adaspec.divergence import Rows
from adaspec.recipe import Decoding, Sampling
from adaspec.runs.served import RULES, Rule
from adaspec.speculation import decoding as decoder
from adaspec.speculation.decoding import Decoder, distribution
from adaspec.stories import stories

PROPOSALS = int(os.environ.get("ADASPEC_PROPOSALS", "100"))
CPU = torch.device("cpu")
SAMPLED = (Sampling(), Sampling(temperature=0.7, top_p=0.95))
GREEDY = Sampling(temperature=0)
HOT = Sampling(temperature=2.5)  # the rules are far apart there: few proposals tell which it was
Change = Callable[[Tensor], Tensor]


def sure_of(tokens: Tensor, logits: Tensor) -> Tensor:
    return torch.full_like(logits, -1e9).scatter_(-1, tokens, 0.0)


def drafting(rule: Rule, setting: Sampling) -> Change | None:
    """What the draft's logits become for the decoder to accept by a rule; None: nothing."""
    generator = torch.Generator().manual_seed(5)
    if rule == "greedy_drafting":
        return lambda logits: sure_of(logits.argmax(-1, keepdim=True), logits)
    if rule == "exact_match":
        return lambda logits: sure_of(
            torch.multinomial(distribution(logits, setting), 1, generator=generator), logits
        )
    return None


class Played:
    """Proposals that were tested: how many, how many accepted, and what was expected of them.

    Attributes:
        expected: the sum of the predicted rates where they were tested.
        variance: of `accepted`, if each is accepted by itself with its rate.
    """

    tested = accepted = 0
    expected = variance = 0.0


@torch.inference_mode()
def play(
    target: Any, draft: Any, rule: Rule, setting: Sampling, monkeypatch: pytest.MonkeyPatch
) -> Played:
    """Decode until so many proposals were tested.

    Rejections depend on chance alone, so `accepted - expected` has mean 0 whatever the decoder
    does after them.
    """
    change = drafting(rule, setting)

    def opened(model: Any, *others: Any, **named: Any) -> Any:
        reader = open_reader(model, *others, **named)
        if model is draft and change:
            plain = reader.logits
            reader.logits = lambda hidden: change(plain(hidden))
        return reader

    open_reader = decoder.open_reader
    monkeypatch.setattr(decoder, "open_reader", opened)
    tokenizer = AutoTokenizer.from_pretrained(ASSETS / "tiny" / "target")
    vocabulary = len(tokenizer)
    decode = Decoder(target, vocabulary=vocabulary, eos=tokenizer.eos_token_id)
    how = Decoding(gamma=4, max_new_tokens=48, **setting.model_dump())
    played = Played()
    for seed, row in enumerate(stories(100 + PROPOSALS, seed=99)):
        prompt = tokenizer(row["question"] + "\n")["input_ids"]
        trace = decode(draft, prompt, how, seed=seed, detail=False)
        places, kept, position = [], [], len(prompt)
        for turn in trace.rounds:
            tested = [each for each in turn.proposals if each.accepted is not None]
            places += [position - 1 + number for number in range(len(tested))]
            kept += [bool(each.accepted) for each in tested]
            position += turn.tokens
        if not places:
            continue
        ids = torch.tensor([[*prompt, *trace.text]])
        p, q = (
            Rows(
                model.base_model(input_ids=ids).last_hidden_state[0, places],
                models.head(model, vocabulary),
                vocabulary,
            )
            for model in (target, draft)
        )
        rates = measurement.server_rates(p, {"draft": q}, [setting])["draft"]
        rates = rates[:, 0, list(RULES).index(rule)].double()
        played.tested += len(kept)
        played.accepted += sum(kept)
        played.expected += float(rates.sum())
        played.variance += float((rates * (1 - rates)).clamp(min=0).sum())
        if played.tested >= PROPOSALS:
            break
    assert played.tested >= PROPOSALS
    return played


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    return (
        models.load_weights(ASSETS / "tiny" / "target", CPU),
        models.load_weights(ASSETS / "example" / "drafts" / "adaspec", CPU),
    )


@pytest.mark.parametrize("setting", [HOT, *SAMPLED] if PROPOSALS >= 1000 else [HOT], ids=str)
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_accepts_as_often_as_is_predicted(
    pair: tuple[Any, Any], rule: Rule, setting: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = play(*pair, rule, setting, monkeypatch)
    print(
        f"{rule}, {setting}: {played.accepted} of {played.tested:,} accepted, "
        f"{played.accepted / played.tested:.4f}; predicted {played.expected / played.tested:.4f} "
        f"± {1.96 * played.variance**0.5 / played.tested:.4f}"
    )
    assert abs(played.accepted - played.expected) < 4.5 * played.variance**0.5


@pytest.mark.parametrize(
    ("rule", "setting"),
    [("sampling", SAMPLED[0]), ("sampling", SAMPLED[1]), *((rule, GREEDY) for rule in RULES)],
    ids=str,
)
def test_a_target_that_drafts_for_itself_is_accepted(
    pair: tuple[Any, Any], rule: Rule, setting: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The null test through every rule: wherever chance does not decide, all is accepted."""
    target = pair[0]
    twin = models.load_weights(ASSETS / "tiny" / "target", CPU)
    played = play(target, twin, rule, setting, monkeypatch)
    assert played.accepted == played.tested
    assert played.expected == pytest.approx(played.tested, abs=1e-4 * played.tested)
