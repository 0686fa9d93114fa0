"""The decoder against the formulas, the target alone, a plain twin and transformers' own.

The exact law of a text is found by enumeration: every random decision is a uniform of a table, so
the unit cube of uniforms falls into boxes in which the algorithm of the paper decides the same
way. A text's probability is the volume of the boxes in which the real `speculate` writes it, and
must equal p(x1) p(x2 | x1) ... of the target. `MUTANTS` breaks the decoder in the ways known from
others' code, and sees this notice each.
"""

from __future__ import annotations

import copy
import inspect
import itertools
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.generation import candidate_generator
from transformers.generation.logits_process import (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from adaspec import ASSETS, AdaspecError, models
from adaspec.recipe import Decoding
from adaspec.speculation import decoding as decoder
from adaspec.speculation import reading
from adaspec.speculation.decoding import Decoder, distribution, speculate
from adaspec.speculation.graphs import Capture, Step
from adaspec.speculation.null_test import NullTest, null_test
from adaspec.speculation.reading import reads_in_slots
from adaspec.speculation.trace import Trace, emitted
from adaspec.speculation.uniforms import DRAFT, LAST, TEST, uniforms
from adaspec.stories import stories

DRAWS = int(os.environ.get("ADASPEC_DRAWS", "1500"))
"""Texts that each chi-square test draws; `make lossless` asks for 50,000."""
CPU = torch.device("cpu")


# Models whose law can be written down


class Table:
    """A model with no weights: random logits for every text, the same whenever it is asked."""

    device = CPU
    config = SimpleNamespace()

    def __init__(self, seed: int, vocabulary: int) -> None:
        @cache
        def logits(text: tuple[int, ...]) -> Tensor:
            random = np.random.default_rng([seed, *text])
            return torch.from_numpy(random.normal(0, 1.5, vocabulary)).float()

        self.logits = logits


class Trimmed(Table):
    """A table whose logits are -inf but at these tokens, as a trimmed head's are."""

    def __init__(self, seed: int, vocabulary: int, kept: list[int]) -> None:
        super().__init__(seed, vocabulary)
        whole, others = self.logits, sorted(set(range(vocabulary)) - set(kept))
        self.logits = lambda text: whole(text).index_fill(0, torch.tensor(others).long(), -np.inf)


class TableReader:
    """A `Reader` of a `Table`; where it was never told what to read, it reads 0."""

    capturable = True

    def __init__(self, model: Table, _vocabulary: int, slots: int) -> None:
        self.model, self.slots, self.ids = model, slots, []

    def remember(self, ids: Tensor, positions: Tensor) -> None:
        start = int(positions[0])
        assert positions.tolist() == list(range(start, start + len(ids)))
        assert 0 <= start < start + len(ids) <= self.slots
        self.ids += [0] * (start - len(self.ids))
        self.ids[start:] = ids.tolist()

    def read(self, ids: Tensor, positions: Tensor) -> Tensor:
        self.remember(ids, positions)
        ends = range(int(positions[0]) + 1, len(self.ids) + 1)
        return torch.stack([self.model.logits(tuple(self.ids[:end])) for end in ends])


def plain_distribution(logits: Tensor, how: Decoding) -> list[float]:
    """One row's probabilities, a token after another, in float64."""
    row = logits.double().tolist()
    if how.temperature == 0:
        return [float(i == row.index(max(row))) for i in range(len(row))]
    weights = [np.exp((logit - max(row)) / how.temperature) for logit in row]
    order = sorted(range(len(row)), key=lambda i: -row[i])
    kept = set(order[: how.top_k] if how.top_k else order)
    total = sum(weights[i] for i in kept)
    before = 0.0
    for i in order:
        if i in kept:
            if before >= how.top_p:
                kept.remove(i)
            before += weights[i] / total
    total = sum(weights[i] for i in kept)
    return [weights[i] / total if i in kept else 0.0 for i in range(len(row))]


def target_law(p: Table, prompt: list[int], how: Decoding, eos: int | None) -> dict:
    """text -> its probability in the target alone."""
    open_, law = {(): 1.0}, {}
    for length in range(1, how.max_new_tokens + 1):
        longer = {}
        for text, mass in open_.items():
            row = plain_distribution(p.logits((*prompt, *text)), how)
            for token, share in enumerate(row):
                ended = token == eos or length == how.max_new_tokens
                (law if ended else longer)[(*text, token)] = mass * share
        open_ = longer
    return {text: mass for text, mass in law.items() if mass}


def boxes(
    p: Table, q: Table, prompt: list[int], how: Decoding, eos: int | None
) -> Iterator[tuple[float, dict[tuple[int, int], tuple[float, float]], tuple[int, ...]]]:
    """The boxes of uniforms in which the algorithm decides alike.

    Yields:
        its volume; (position, use) -> the interval of that uniform; the text that comes out.
    """

    def pieces(weights: list[float]) -> Iterator[tuple[int, float, float]]:
        ends = [0.0, *itertools.accumulate(weights)]
        for token, (low, high) in enumerate(itertools.pairwise(ends)):
            if high > low:
                yield token, low / ends[-1], high / ends[-1]

    def go(text: tuple, left: int | None, volume: float, box: dict) -> Iterator:
        """`left` proposals are still to come in this round; None: a round begins."""
        position = len(text)
        if position == how.max_new_tokens or (text and text[-1] == eos):
            yield volume, box, text
            return
        of_p, of_q = (plain_distribution(model.logits((*prompt, *text)), how) for model in (p, q))
        if left is None:
            left = min(how.gamma, how.max_new_tokens - position - 1)
        if left == 0:
            for token, *piece in pieces(of_p):
                inner = box | {(position, LAST): piece}
                yield from go((*text, token), None, volume * (piece[1] - piece[0]), inner)
            return
        for token, *drawn in pieces(of_q):
            share = min(1.0, of_p[token] / of_q[token])
            here = volume * (drawn[1] - drawn[0])
            inner = box | {(position, DRAFT): drawn, (position, TEST): (0.0, share)}
            if share > 0:
                yield from go((*text, token), left - 1, here * share, inner)
            if share < 1:
                rest = [max(a - b, 0.0) for a, b in zip(of_p, of_q, strict=True)]
                for other, *piece in pieces(rest):
                    inner = box | {
                        (position, DRAFT): drawn,
                        (position, TEST): (share, 1.0),
                        (position, LAST): piece,
                    }
                    volume_ = here * (1 - share) * (piece[1] - piece[0])
                    yield from go((*text, other), None, volume_, inner)

    yield from go((), None, 1.0, {})


def buffered(step: Step, example: Sequence[Tensor]) -> Step:
    """What a CUDA graph does with its inputs and outputs, on any device: both have their places,
    which the next call overwrites."""
    inputs = [tensor.clone() for tensor in example]
    outputs = [tensor.clone() for tensor in step(*inputs)]

    def replay(*tensors: Tensor) -> tuple[Tensor, ...]:
        for ours, tensor in zip(inputs, tensors, strict=True):
            assert ours.shape == tensor.shape
            ours.copy_(tensor)
        for ours, tensor in zip(outputs, step(*inputs), strict=True):
            ours.copy_(tensor)
        return tuple(outputs)

    return replay


CAPTURES = {"plain": None, "in fixed shapes": buffered}


def law(
    module: ModuleType,
    p: Table,
    q: Table,
    prompt: list[int],
    how: Decoding,
    eos: int | None = None,
    capture: Capture | None = None,
) -> dict[tuple[int, ...], float]:
    """text -> its probability when the real `speculate` decodes: each box is asked once, at a
    random point (so that a decoder with other boxes comes out differently)."""
    random = np.random.default_rng(0)
    table = np.zeros(())
    module.uniforms = lambda seed, positions: table
    decode = module.Decoder(p, vocabulary=len(p.logits((0,))), eos=eos, capture=capture)
    volumes: Counter[tuple[int, ...]] = Counter()
    for volume, box, _ in boxes(p, q, prompt, how, eos):
        table = random.random((how.max_new_tokens + how.gamma + 2, 3))
        for at, (low, high) in box.items():
            table[at] = low + (high - low) * (0.001 + 0.998 * table[at])
        volumes[tuple(tokens(decode(q, prompt, how, detail=False)))] += volume
    return volumes


def tokens(trace: Trace) -> list[int]:
    """The text; of a broken decoder's trace too, whose numbers make no sense."""
    text = []
    for turn in trace.rounds:
        text += [proposal.token for proposal in turn.proposals[: turn.accepted]]
        text += [turn.last.token] if turn.last else []
    return text


def distance(a: dict, b: dict) -> float:
    """Total variation of two laws."""
    return sum(abs(a.get(text, 0) - b.get(text, 0)) for text in a.keys() | b.keys()) / 2


def altered(old: str = "", new: str = "", original: ModuleType = decoder) -> ModuleType:
    """A module with one piece of its source changed."""
    source = inspect.getsource(original)
    assert not old or source.count(old) == 1, f"no longer in the source: {old!r}. Adapt MUTANTS"
    module = ModuleType("altered")
    sys.modules["altered"] = module  # dataclasses look their module up
    exec(compile(source.replace(old, new), "altered", "exec"), module.__dict__)
    return module


def tabled(old: str = "", new: str = "") -> ModuleType:
    module = altered(old, new)
    module.open_reader = TableReader
    return module


WARPINGS = {
    "plain": Decoding(),
    "cool": Decoding(temperature=0.6),
    "top-k": Decoding(temperature=1.4, top_k=2),
    "top-p": Decoding(temperature=1.2, top_p=0.8),
    "all": Decoding(temperature=0.8, top_k=3, top_p=0.9),
}


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("warping", WARPINGS)
@pytest.mark.parametrize("gamma", [1, 2, 3])
def test_the_law_of_a_text_is_the_targets(gamma, warping, capture) -> None:
    """Four tokens, so that texts cross the ends of rounds; to 1e-6."""
    how = WARPINGS[warping].model_copy(update={"gamma": gamma, "max_new_tokens": 4})
    width = 3 if warping in ("plain", "cool") else 4
    p, q = Table(1, width), Table(2, width)
    ours = law(tabled(), p, q, [0], how, capture=CAPTURES[capture])
    assert distance(ours, target_law(p, [0], how, None)) < 1e-6


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("gamma", [1, 2, 4])
def test_the_law_with_an_end_is_the_targets(gamma, capture) -> None:
    how = Decoding(gamma=gamma, max_new_tokens=4)
    p, q = Table(3, 3), Table(4, 3)
    ours = law(tabled(), p, q, [1, 2], how, 1, CAPTURES[capture])
    assert distance(ours, target_law(p, [1, 2], how, 1)) < 1e-6


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("warping", WARPINGS)
@pytest.mark.parametrize("kept", [[0, 2], [3], [0, 1, 2, 3]], ids=str)
def test_a_trimmed_draft_changes_nothing_of_the_law(kept, warping, capture) -> None:
    """A draft that never proposes some tokens: the target adds them."""
    how = WARPINGS[warping].model_copy(update={"gamma": 2, "max_new_tokens": 3})
    p, q = Table(1, 4), Trimmed(2, 4, kept)
    ours = law(tabled(), p, q, [0], how, capture=CAPTURES[capture])
    assert distance(ours, target_law(p, [0], how, None)) < 1e-6


MUTANTS = {
    "also accepts what the target's own sample equals": (
        "passes = (chance[:-1, TEST] * q[proposed] < p[:-1][proposed])",
        "own = torch.cat([ids[:0], *(draw(row, u[LAST]) for row, u in zip(p[:-1], chance))])\n"
        "        passes = ((own == ids) | (chance[:-1, TEST] * q[proposed] < p[:-1][proposed]))",
    ),
    "accepts the likelier only": ("TEST] * q[", "TEST] * 0 + q["),
    "accepts after a rejection": ("passes.cumprod(0)", "passes"),
    "accepts one too many": (
        "passes.cumprod(0).sum(0, keepdim=True)",
        "(1 + passes.cumprod(0).sum(0, keepdim=True)).minimum(count)",
    ),
    "accepts what does not count": ("(proposed[0] < count)", "(proposed[0] >= 0)"),
    "reads the target one row late": ("< p[:-1][proposed]", "< p[1:][proposed]"),
    "tests with the uniform of the draw": (
        "import DRAFT, LAST, TEST, uniforms",
        "import DRAFT, LAST, uniforms\nTEST = DRAFT",
    ),
    "draws with the uniform of the test": (
        "import DRAFT, LAST, TEST, uniforms",
        "import DRAFT, TEST, uniforms\nLAST = TEST",
    ),
    "draws with the uniform of another position": (
        "chance[position, DRAFT]",
        "chance[0, DRAFT]",
    ),
    "draws p for the residual": ("left = (p - q).clamp(min=0)", "left = p"),
    "draws the draft's residual": ("left = (p - q)", "left = (q - p)"),
    "takes the residual of the row before": (
        "residual(p.index_select(0, accepted)[0]",
        "residual(p[accepted - 1][0]",
    ),
    "draws the bonus from the draft": (
        "    last = draw(left,",
        "    left = left if accepted < len(q) or not len(q) else q[-1]\n    last = draw(left,",
    ),
    "draws the bonus from the row before": (
        "    last = draw(left,",
        "    left = p[accepted - 1][0] if accepted == count else left\n    last = draw(left,",
    ),
    "warps the draft alone": ("p = distribution(p_logits, decoding)", "p = p_logits.softmax(-1)"),
}
"""What is broken -> the decoder's source, and what it becomes."""


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_changes_the_law(mutant) -> None:
    how = WARPINGS["all"].model_copy(update={"gamma": 2, "max_new_tokens": 4})
    p, q = Table(1, 4), Table(2, 4)
    try:
        broken = law(tabled(*MUTANTS[mutant]), p, q, [0], how, capture=buffered)
    except ZeroDivisionError:  # it chose a token of which p is 0
        return
    except ValidationError as error:  # which the trace's contract refuses too
        if "a token was accepted that the target never gives" not in str(error):
            raise
        return
    assert distance(broken, target_law(p, [0], how, None)) > 0.01


@pytest.mark.parametrize(
    ("gamma", "warping"), [(1, "top-p"), (2, "plain"), (3, "all"), (4, "top-k")]
)
def test_drawn_texts_follow_the_targets_law(gamma, warping, monkeypatch) -> None:
    """Chi-square over texts of four tokens of five, seeds 0, 1, 2, ...; the seeds are fixed, and
    a right decoder would fail one set of seeds in 10,000."""
    monkeypatch.setattr(decoder, "open_reader", TableReader)
    how = WARPINGS[warping].model_copy(update={"gamma": gamma, "max_new_tokens": 4})
    p, q = Table(5, 5), Table(6, 5)
    counts = Counter(
        tuple(speculate(p, q, [0], how, vocabulary=5, eos=None, seed=seed, detail=False).text)
        for seed in range(DRAWS)
    )
    assert chi_square(counts, target_law(p, [0], how, None)) > 1e-4
    # The draft's own law would not pass, by far.
    assert chi_square(counts, target_law(q, [0], how, None)) < 1e-9


def chi_square(counts: Counter, expected: dict[tuple[int, ...], float]) -> float:
    """The probability of so large a statistic; texts expected less than five times are one."""
    draws = counts.total()
    seen, awaited = [0.0], [0.0]
    for text in expected.keys() | counts.keys():
        count = expected.get(text, 0) * draws
        if count == 0:
            return 0.0
        if count < 5:
            seen[0], awaited[0] = seen[0] + counts[text], awaited[0] + count
        else:
            seen.append(counts[text])
            awaited.append(count)
    if awaited[0] == 0:
        del seen[0], awaited[0]
    statistic = sum((a - b) ** 2 / b for a, b in zip(seen, awaited, strict=True))
    freedom = torch.tensor((len(seen) - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(freedom, torch.tensor(statistic / 2).double()))


# Real models


class Pair(NamedTuple):
    target: Any
    draft: Any
    prompts: list[list[int]]
    vocabulary: int
    eos: int

    def __call__(self, prompt: list[int], how: Decoding, **options: Any) -> Trace:
        options = {"vocabulary": self.vocabulary, "eos": self.eos} | options
        return speculate(self.target, self.draft, prompt, how, **options)


@pytest.fixture(scope="module")
def trained() -> Pair:
    """The bundled target and a draft of the example run, on 200 stories neither has seen."""
    target = models.load_weights(ASSETS / "tiny" / "target", CPU)
    draft = models.load_weights(ASSETS / "example" / "drafts" / "adaspec", CPU)
    tokenizer = AutoTokenizer.from_pretrained(ASSETS / "tiny" / "target")
    prompts = [tokenizer(row["question"] + "\n")["input_ids"] for row in stories(200, seed=77)]
    return Pair(target, draft, prompts, len(tokenizer), tokenizer.eos_token_id)


@pytest.fixture(scope="module")
def random(small_models: Path) -> Pair:
    """Two random models that disagree, on prompts of one to eight tokens."""
    target, draft = (models.load_weights(small_models / name, CPU) for name in ("target", "stock"))
    prompts = np.random.default_rng(3).integers(1, 300, (8, 8)).tolist()
    prompts = [prompt[: number + 1] for number, prompt in enumerate(prompts)]
    return Pair(target, draft, prompts, 300, 0)


def own(model: Any, prompts: list[list[int]], count: int, eos: int | None) -> list[list[int]]:
    """What transformers' greedy `generate` writes after prompts of one length."""
    ids = torch.tensor(prompts, device=model.device)
    out = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=count,
        do_sample=False,
        eos_token_id=eos,
        pad_token_id=0,
    )
    texts = out[:, ids.shape[1] :].tolist()
    return [text[: text.index(eos) + 1] if eos in text else text for text in texts]


def greedy(gamma: int, tokens: int) -> Decoding:
    return Decoding(gamma=gamma, temperature=0, max_new_tokens=tokens)


def test_greedy_text_is_the_targets_own_on_200_prompts(trained: Pair) -> None:
    by_length: dict[int, list[list[int]]] = {}
    for prompt in trained.prompts:
        by_length.setdefault(len(prompt), []).append(prompt)
    expected = {}
    for prompts in by_length.values():
        texts = own(trained.target, prompts, 8, trained.eos)
        expected |= {tuple(prompt): text for prompt, text in zip(prompts, texts, strict=True)}
    kinds: Counter[str] = Counter()
    for number, prompt in enumerate(trained.prompts):
        trace = trained(prompt, greedy((1, 2, 3, 5, 8)[number % 5], 8), detail=False)
        assert trace.text == expected[tuple(prompt)]
        kinds.update(event.kind for event in emitted(trace))
    assert len(expected) > 190
    assert min(kinds["accepted"], kinds["residual"], kinds["bonus"]) > 100


@pytest.mark.parametrize("gamma", [0, 1, 2, 3, 4, 7, 20, 64])
def test_greedy_text_is_the_same_for_every_gamma(trained: Pair, gamma) -> None:
    """To the end of the sequence."""
    for prompt in trained.prompts[:1]:
        (expected,) = own(trained.target, [prompt], 90, trained.eos)
        assert expected[-1] == trained.eos
        trace = trained(prompt, greedy(gamma, 90), detail=False)
        assert trace.text == expected
        assert trace.stopped == "eos"


GREEDY_MUTANTS = {
    "puts what it reads one slot late": (
        reading, "index_copy_(2, self.positions", "index_copy_(2, 1 + self.positions",
    ),
    "sees one slot too many": (reading, "self.slots > at\n", "self.slots > at + 1\n"),
    "sees one slot too few": (
        reading, "self.slots > at\n", "(self.slots > at) | (self.slots == 2)\n",
    ),
    "reads as if it stood elsewhere": (
        reading, "ids=positions.clamp(", "ids=(positions * 2).clamp(",
    ),
    "draws the bonus from the draft": (decoder, *MUTANTS["draws the bonus from the draft"]),
    "takes the residual of the row before": (
        decoder, *MUTANTS["takes the residual of the row before"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("mutant", GREEDY_MUTANTS)
def test_a_broken_cache_or_row_changes_greedy_text(trained: Pair, mutant, monkeypatch) -> None:
    original, old, new = GREEDY_MUTANTS[mutant]
    broken = altered(old, new, original)
    if original is reading:
        monkeypatch.setattr(decoder, "open_reader", broken.StaticReader)
        broken = decoder
    wrong = 0
    for prompt in trained.prompts[:5]:
        (expected,) = own(trained.target, [prompt], 16, None)
        trace = broken.speculate(
            trained.target, trained.draft, prompt, greedy(3, 16),
            vocabulary=trained.vocabulary, eos=None, detail=False,
        )  # fmt: skip
        wrong += tokens(trace) != expected
    assert wrong > 0


def test_agrees_with_assisted_generation_round_by_round(trained: Pair, monkeypatch) -> None:
    """transformers, gamma tokens each time, whatever the draft's confidence: the same tokens, and
    as many of them accepted in every round."""
    matches: list[int] = []
    update = candidate_generator.AssistedCandidateGenerator.update_candidate_strategy

    def watched(self: Any, input_ids: Tensor, scores: Tensor, num_matches: int) -> None:
        matches.append(int(num_matches))
        update(self, input_ids, scores, num_matches)

    monkeypatch.setattr(
        candidate_generator.AssistedCandidateGenerator, "update_candidate_strategy", watched
    )
    for number, prompt in enumerate(trained.prompts[:12]):
        gamma = (1, 2, 4, 7)[number % 4]
        matches.clear()
        text = assisted(trained, prompt, gamma, 24)
        trace = trained(prompt, greedy(gamma, 24), detail=False)
        assert trace.text == text
        assert matches == [round.tokens - 1 for round in trace.rounds]


def assisted(pair: Pair, prompt: list[int], gamma: int, tokens: int) -> list[int]:
    draft = copy.copy(pair.draft)
    draft.generation_config = GenerationConfig(
        num_assistant_tokens=gamma,
        num_assistant_tokens_schedule="constant",
        assistant_confidence_threshold=0.0,
    )
    ids = torch.tensor([prompt])
    out = pair.target.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        assistant_model=draft,
        max_new_tokens=tokens,
        do_sample=False,
        eos_token_id=pair.eos,
        pad_token_id=0,
    )
    return out[0, len(prompt) :].tolist()


def test_accepted_share_is_the_mean_overlap(trained: Pair) -> None:
    """Given its context a proposal is accepted with probability beta: accepted - beta has mean 0
    and variance beta (1 - beta), whatever came before. Within 3.5 standard errors."""
    for how in (
        Decoding(max_new_tokens=40),
        Decoding(temperature=0.7, top_p=0.9, top_k=20, max_new_tokens=40),
    ):
        tested = [
            proposal
            for seed, prompt in enumerate(trained.prompts[:12])
            for turn in trained(prompt, how, seed=seed).rounds
            for proposal in turn.proposals
            if proposal.accepted is not None
        ]
        share = np.array([proposal.accepted for proposal in tested])
        beta = np.clip([proposal.overlap for proposal in tested], 0, 1)
        assert len(tested) > 250
        assert 0.1 < share.mean() < 0.9
        error = np.sqrt((beta * (1 - beta)).sum()) / len(beta)
        assert abs(share.mean() - beta.mean()) < 3.5 * error


# Every number of a trace


def plain_rows(model: Any, ids: list[int], vocabulary: int) -> Tensor:
    """[tokens, vocabulary] logits in one pass over everything, without a cache."""
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0, :, :vocabulary].float()


def check(trace: Trace, pair: Pair, tolerance: float = 1e-4) -> None:
    """Every number of a trace against the formulas, and its decisions against its own numbers."""
    how, text = trace.decoding, list(trace.prompt)
    chance = uniforms(trace.seed, how.max_new_tokens + 1)
    shown = Decoding() if how.greedy else how  # in greedy decoding p and q are the models' own
    for number, turn in enumerate(trace.rounds):
        position, ids = (
            len(text) - len(trace.prompt),
            [proposal.token for proposal in turn.proposals],
        )
        assert len(ids) <= how.gamma
        p_logits, q_logits = (
            plain_rows(model, text + ids, pair.vocabulary)[len(text) - 1 :]
            for model in (pair.target, pair.draft)
        )
        p, q = (distribution(rows, shown).tolist() for rows in (p_logits, q_logits))
        best_p, best_q = p_logits.argmax(-1).tolist(), q_logits.argmax(-1).tolist()
        for i, proposal in enumerate(turn.proposals):
            token = proposal.token
            assert proposal.p == pytest.approx(p[i][token], abs=tolerance)
            assert proposal.q == pytest.approx(q[i][token], abs=tolerance)
            overlap = sum(min(a, b) for a, b in zip(p[i], q[i], strict=True))
            assert proposal.overlap == pytest.approx(overlap, abs=tolerance)
            check_likeliest(proposal.likeliest, token, p[i], q[i], tolerance)
            if how.greedy:
                assert token == best_q[i]
            else:
                check_drawn(token, q[i], chance[position + i, DRAFT], tolerance)
            if i > turn.accepted:
                assert proposal.u is None
                assert proposal.accepted is None
            else:
                assert proposal.u == chance[position + i, TEST]
                passes = (
                    token == best_p[i]
                    if how.greedy
                    else proposal.u < min(1, proposal.p / proposal.q)
                )
                assert proposal.accepted == passes == (i < turn.accepted)
        text += ids[: turn.accepted]
        position, i = position + turn.accepted, turn.accepted
        if not (last := turn.last):
            assert number == len(trace.rounds) - 1
            assert text[-1] == pair.eos
            continue
        assert last.kind == ("residual" if i < len(ids) else "bonus")
        assert last.u == chance[position, LAST]
        assert last.p == pytest.approx(p[i][last.token], abs=tolerance)
        source = p[i]
        if last.kind == "residual" and not how.greedy:
            rest = [max(a - b, 0) for a, b in zip(p[i], q[i], strict=True)]
            source = [mass / sum(rest) for mass in rest]
        if how.greedy:
            assert last.token == best_p[i]
            assert last.drawn_from == [(last.token, 1.0)]
        else:
            check_drawn(last.token, source, last.u, tolerance)
            best = sorted(source, reverse=True)[:5]
            values = [value for _, value in last.drawn_from]
            wide = max(tolerance, 1e-4 * tolerance / max(1 - sum(map(min, p[i], q[i])), 1e-4))
            assert values == pytest.approx([value for value in best if value >= 1e-4], abs=wide)
            for token, value in last.drawn_from:
                assert source[token] == pytest.approx(value, abs=wide)
        ends = number == len(trace.rounds) - 1
        asked = last.kind == "residual" or not (ends or not trace.rounds[number + 1].proposals)
        assert (last.q is not None) == (last.keep is not None) == asked
        if asked:
            assert last.q == pytest.approx(q[i][last.token], abs=tolerance)
            if how.greedy:
                assert last.keep == float(last.token == best_q[i])
            else:
                assert last.keep == pytest.approx(min(1, last.q / last.p), abs=1e-6)
        if asked and last.kind == "bonus":
            check_likeliest(last.likeliest, last.token, p[i], q[i], tolerance)
        else:
            assert last.likeliest == []
        text.append(last.token)
    assert trace.text == text[len(trace.prompt) :]
    assert len(trace.text) <= how.max_new_tokens
    assert sum(round.tokens for round in trace.rounds) == len(trace.text)
    assert Trace.model_validate_json(trace.model_dump_json()) == trace


def check_drawn(token: int, law: list[float], u: float, tolerance: float) -> None:
    """The token at which the cumulated law passes u, but for rounding."""
    above = sum(law[: token + 1])
    assert above - law[token] - 10 * tolerance <= u <= above + 10 * tolerance


def check_likeliest(
    likeliest: list, token: int, p: list[float], q: list[float], tolerance: float
) -> None:
    five = [sorted(range(len(row)), key=lambda i: -row[i])[:5] for row in (p, q)]
    expected = {token, *(i for i in itertools.chain(*five) if max(p[i], q[i]) >= 1e-4)}
    clear = [
        identity
        for identity in expected ^ {identity for identity, _, _ in likeliest}
        if max(p[identity], q[identity]) > 2e-4
    ]
    assert not clear, "not those of the largest p and q"
    assert token in [identity for identity, _, _ in likeliest]
    for identity, of_p, of_q in likeliest:
        assert of_p == pytest.approx(p[identity], abs=tolerance)
        assert of_q == pytest.approx(q[identity], abs=tolerance)
    order = [max(of_p, of_q) for _, of_p, of_q in likeliest]
    assert order == sorted(order, reverse=True)


@settings(max_examples=20)
@given(
    how=st.builds(
        Decoding,
        gamma=st.integers(1, 6),
        temperature=st.one_of(st.just(0.0), st.floats(0.4, 3)),
        top_k=st.sampled_from([0, 1, 2, 5, 50, 1000]),
        top_p=st.one_of(st.just(1.0), st.floats(0.05, 1)),
        max_new_tokens=st.integers(1, 16),
    ),
    which=st.integers(0, 7),
    seed=st.integers(0, 2**32),
)
def test_every_number_of_a_trace(random: Pair, how, which, seed) -> None:
    prompt = random.prompts[which]
    trace = random(prompt, how, seed=seed, eos=None)
    check(trace, random)
    assert trace.stopped == "length"
    assert len(trace.text) == how.max_new_tokens

    # Again, without details: the same but for them.
    again = random(prompt, how, seed=seed, eos=None, detail=False)
    assert numbers(again) == numbers(trace)
    assert all(proposal.overlap is None and not proposal.likeliest for proposal in proposals(again))
    assert not any(round.last and round.last.drawn_from for round in again.rounds)

    # With more room the text begins alike: its last token alone may come by another uniform.
    longer = how.model_copy(update={"max_new_tokens": how.max_new_tokens + 7})
    more = random(prompt, longer, seed=seed, eos=None, detail=False).text
    assert more[: len(trace.text) - 1] == trace.text[:-1]

    # A text that may end is the same text up to there.
    for eos in {trace.text[len(trace.text) // 2], trace.text[-1]}:
        ended = random(prompt, how, seed=seed, eos=eos)
        assert ended.text == trace.text[: trace.text.index(eos) + 1]
        assert ended.stopped == "eos"
        check(ended, random._replace(eos=eos))


def proposals(trace: Trace) -> list:
    return [proposal for turn in trace.rounds for proposal in turn.proposals]


def numbers(trace: Trace) -> list:
    """What is the same in every run on this machine, and without details."""
    return [
        (
            [
                (proposal.token, proposal.p, proposal.q, proposal.u, proposal.accepted)
                for proposal in turn.proposals
            ],
            turn.last
            and (turn.last.token, turn.last.kind, turn.last.p, turn.last.q, turn.last.keep),
        )
        for turn in trace.rounds
    ]


def test_a_seed_is_a_trace_and_two_drafts_meet_the_same_chances(random: Pair) -> None:
    how, prompt = Decoding(gamma=3, max_new_tokens=24), random.prompts[4]
    first, again = (random(prompt, how, seed=11, detail=False) for _ in range(2))
    assert numbers(first) == numbers(again)
    assert numbers(first) != numbers(random(prompt, how, seed=12, detail=False))
    other = random._replace(draft=random.target)(prompt, how, seed=11)
    drawn = [used(trace) for trace in (first, other)]
    both = drawn[0].keys() & drawn[1].keys()
    assert len(both) > 12
    assert all(drawn[0][position] == drawn[1][position] for position in both)
    assert uniforms(11, 9).tolist() == uniforms(11, 25)[:9].tolist()


def used(trace: Trace) -> dict[tuple[int, int], float]:
    """(position, use) -> the uniform."""
    drawn, position = {}, 0
    for turn in trace.rounds:
        for i, proposal in enumerate(turn.proposals):
            if proposal.u is not None:
                drawn[position + i, TEST] = proposal.u
        position += turn.accepted
        if turn.last:
            drawn[position, LAST] = turn.last.u
            position += 1
    return drawn


# Caches


def test_nothing_is_read_twice(trained: Pair) -> None:
    """Both models go back to the first token that is not the text's, never further, and read on
    from there; the target has one pass a round."""
    calls: list[tuple[int, list[int]]] = []

    def watch(_module: Any, _: tuple, arguments: dict) -> None:
        calls.append((int(arguments["position_ids"][0, 0]), arguments["input_ids"][0].tolist()))

    for model in (trained.target, trained.draft):
        assert reads_in_slots(model)
        hook = model.base_model.register_forward_pre_hook(watch, with_kwargs=True)
        for how, prompt in itertools.product(
            (greedy(4, 32), Decoding(gamma=3, max_new_tokens=32)), trained.prompts[:4]
        ):
            calls.clear()
            trace = trained(prompt, how, detail=False)
            text, cache, crops = prompt + trace.text, [], 0
            for length, ids in calls:
                if length < len(cache):
                    assert cache[:length] == text[:length]
                    assert cache[length] != text[length]
                    crops += 1
                cache = cache[:length] + ids
                assert length + len(ids) == len(cache)
            assert crops > 0
            if model is trained.target:
                assert len(calls) == 1 + len(trace.rounds)
                assert cache[: len(text) - 1] == text[:-1]
        hook.remove()


READERS = {
    "in slots": lambda model, vocabulary: reading.StaticReader(model, vocabulary, 64),
    "growing": reading.GrowingReader,
}


@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "mistral"])
@pytest.mark.parametrize("reader", READERS)
def test_logits_with_a_cache_are_those_without(reader, kind) -> None:
    """To 1e-4, read in pieces, gone back and read on, and from the beginning again; past a sliding
    window of eight, over what was left behind."""
    model = sharp(kind, 1, **ARCHITECTURES[kind])
    ids = torch.randint(1, 96, (40,), generator=torch.Generator().manual_seed(3))
    whole = plain_rows(model, ids.tolist(), 96)
    positions = torch.arange(64)
    with torch.inference_mode():
        reads = READERS[reader](model, 96)
        reads.remember(ids.flip(0), positions[:40])
        reads.remember(ids[:17], positions[:17])
        pieces = [
            reads.read(ids[17:18], positions[17:18]),
            reads.read(ids[18:22], positions[18:22]),
        ]
        reads.read(torch.tensor([3, 1, 4]), positions[22:25])
        pieces.append(reads.read(ids[22:23], positions[22:23]))
        pieces.append(reads.read(ids[23:31], positions[23:31]))
        pieces.append(reads.read(ids[26:], positions[26:40]))
    expected = torch.cat([whole[17:31], whole[26:]])
    assert (torch.cat(pieces) - expected).abs().max() < 1e-4


def test_steps_of_fixed_shape_decide_alike(random: Pair, trained: Pair) -> None:
    """What a CUDA graph demands, without one: the draft proposes past the end, what it says there
    is read and forgotten, and outputs are overwritten. One decoder, many prompts, caches that grow:
    to 1e-4 the traces are those of plain steps."""
    for pair, kinds in ((random, range(0, 8, 2)), (trained, range(1))):
        decode = Decoder(pair.target, vocabulary=pair.vocabulary, eos=pair.eos, capture=buffered)
        for which, how in itertools.product(kinds, HOWS):
            prompt = pair.prompts[which]
            draft = pair.draft if how.gamma else None
            ours = decode(draft, prompt, how, seed=which)
            expected = pair(prompt, how, seed=which)
            same_trace(ours, expected)


HOWS = [
    Decoding(gamma=3, max_new_tokens=20),
    Decoding(gamma=6, temperature=0, max_new_tokens=9),
    Decoding(gamma=4, temperature=0.7, top_k=9, top_p=0.9, max_new_tokens=1),
    Decoding(gamma=0, temperature=1.2, top_p=0.8, max_new_tokens=12),
    Decoding(gamma=3, max_new_tokens=100),
]


def same_trace(ours: Trace, expected: Trace, tolerance: float = 1e-4) -> None:
    """Every decision is the same, and every number nearly."""
    assert ours.stopped == expected.stopped
    assert decisions(ours) == decisions(expected)
    for round, other in zip(ours.rounds, expected.rounds, strict=True):
        for mine, theirs in zip(
            [*round.proposals, *filter(None, [round.last])],
            [*other.proposals, *filter(None, [other.last])],
            strict=True,
        ):
            assert mine.p == pytest.approx(theirs.p, abs=tolerance)
            assert (mine.q is None) == (theirs.q is None)
            assert theirs.q is None or mine.q == pytest.approx(theirs.q, abs=tolerance)


def decisions(trace: Trace) -> list:
    return [
        (
            [(proposal.token, proposal.u, proposal.accepted) for proposal in turn.proposals],
            turn.last and (turn.last.token, turn.last.kind, turn.last.u),
        )
        for turn in trace.rounds
    ]


def test_fixed_shapes_at_the_end_of_a_context() -> None:
    """GPT-2 has no position for what is proposed past the end; the text's own tokens do not
    notice."""
    target = gpt2(12, seed=1)
    draft = near(target, 2)
    decode = Decoder(target, vocabulary=32, eos=None, capture=buffered)
    for length, how in itertools.product((1, 5, 10, 11), (greedy(8, 30), Decoding(gamma=3))):
        prompt = list(range(3, 3 + length))
        expected = speculate(target, draft, prompt, how, vocabulary=32, eos=None)
        same_trace(decode(draft, prompt, how), expected)
        assert expected.stopped == "context"


def test_steps_are_captured_once(trained: Pair) -> None:
    """For every draft length and way to draw, not for every prompt: two widths of the draft's
    step, one of the target's; and plain decoding's."""
    captured: list[tuple[int, ...]] = []

    def counting(step: Step, example: Sequence[Tensor]) -> Step:
        captured.append(tuple(len(tensor) for tensor in example))
        return buffered(step, example)

    decode = Decoder(trained.target, vocabulary=trained.vocabulary, eos=None, capture=counting)
    for prompt, gamma in itertools.product(trained.prompts[:3], (2, 0)):
        decode(trained.draft if gamma else None, prompt, Decoding(gamma=gamma, max_new_tokens=9))
    assert captured == [(1, 2, 2), (2, 3, 2), (1, 3, 3, 2, 3, 1), (1, 1, 1, 0, 1, 1)]


def test_a_step_that_cannot_be_captured_runs_plainly(random: Pair, caplog) -> None:
    """With one line that says so; so does one whose graph says something else."""

    def fails(step: Step, example: Sequence[Tensor]) -> Step:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    def deaf(step: Step, example: Sequence[Tensor]) -> Step:
        result = step(*example)
        return lambda *_: result

    how = Decoding(gamma=3, max_new_tokens=20)
    expected = random(random.prompts[3], how, seed=5)
    for capture, problem in ((fails, "not permitted"), (deaf, "does not say the same")):
        caplog.clear()
        decode = Decoder(random.target, vocabulary=300, eos=0, capture=capture)
        for _ in range(2):
            same_trace(decode(random.draft, random.prompts[3], how, seed=5), expected)
        lines = [record.message for record in caplog.records]
        assert len(lines) == 3
        assert all("without a CUDA graph" in line and problem in line for line in lines)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["trained", "gpt_neox", "gpt2", "codegen", "phi", "gemma3_text"])
def test_cuda_graphs_decide_as_plain_steps(kind, dtype, trained: Pair, caplog) -> None:
    """Every step is captured, and traces are those of the same steps run plainly in the same
    shapes."""
    if kind == "trained":
        pair = trained
    else:
        target = sharp(kind, 1, **ARCHITECTURES[kind])
        pair = Pair(target, near(target, 2), [[5, 9, 3], [7] * 12], 96, 0)
    target, draft = (copy.deepcopy(model).to("cuda", dtype) for model in (pair.target, pair.draft))
    graphs = Decoder(target, vocabulary=pair.vocabulary, eos=pair.eos)
    plain = Decoder(target, vocabulary=pair.vocabulary, eos=pair.eos, capture=buffered)
    for prompt, how in itertools.product(pair.prompts[:2], HOWS[:4]):
        traces = [
            decode(draft if how.gamma else None, prompt, how, seed=3) for decode in (graphs, plain)
        ]
        same_trace(*traces, tolerance=1e-3)
    assert not caplog.records


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_decides_as_a_cpu(trained: Pair) -> None:
    """In float32, to the rounding of its sums."""
    pair = trained._replace(
        target=copy.deepcopy(trained.target).cuda(), draft=copy.deepcopy(trained.draft).cuda()
    )
    for prompt in trained.prompts[:3]:
        for how in HOWS[:3]:
            same_trace(pair(prompt, how), trained(prompt, how), tolerance=1e-3)


def test_a_model_that_slots_do_not_suit_reads_with_a_growing_cache(caplog) -> None:
    """The log says so, once for each, and it decodes all the same: ALiBi counts from the cache's
    length, and GPT-Neo's local layers make their own masks."""
    caplog.set_level(logging.INFO, "adaspec")
    for kind in ("bloom", "gpt_neo"):
        target = sharp(kind, 1, **ARCHITECTURES_THAT_GROW[kind])
        assert not reads_in_slots(target)
        assert not reads_in_slots(target)
        pair = Pair(target, near(target, 2), [[5, 9, 3], [7] * 12], 96, 0)
        for prompt in pair.prompts:
            (expected,) = own(target, [prompt], 24, None)
            assert pair(prompt, greedy(3, 24), eos=None, detail=False).text == expected
    names = [record.message.split()[0] for record in caplog.records]
    assert names == ["BloomForCausalLM"] * 2 + ["GPTNeoForCausalLM"] * 2


# The null test


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_target_that_drafts_for_itself_has_everything_accepted(trained: Pair, dtype) -> None:
    target = copy.deepcopy(trained.target).to(dtype)
    result = null_test(target, trained.prompts[:2], vocabulary=trained.vocabulary)
    assert result.passed
    assert result.precision == ("float32" if dtype == torch.float32 else "bf16")
    assert result.proposals > 15
    assert 1 - result.tolerance <= result.beta <= 1
    assert "Null test passed" in result.message
    if dtype == torch.float32:
        assert result.greedy == 1
        assert result.least > 1 - 1e-4
    assert NullTest.model_validate_json(result.model_dump_json()) == result


NULL_FAULTS = {
    "a pass of several sees a slot too many": (
        "hidden = self.slots > at\n", "hidden = self.slots > at + (len(at) > 1)\n",
    ),
    "a pass of several forgets the beginning": (
        "hidden = self.slots > at\n",
        "hidden = (self.slots > at) | (self.slots < 4) & (len(at) > 1)\n",
    ),
    "a pass of one stands elsewhere": (
        "ids=positions.clamp(", "ids=(positions + (len(ids) == 1)).clamp(",
    ),
    "what several read is not kept": (
        "slots.index_copy_(2, self.positions, states)",
        "slots.index_copy_(2, self.positions, states * (states.shape[2] != 5))",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "dtype"),
    [
        *((fault, torch.float32) for fault in NULL_FAULTS),
        # bf16's own rounding hides small ones.
        ("a pass of one stands elsewhere", torch.bfloat16),
        ("what several read is not kept", torch.bfloat16),
    ],
)
def test_the_null_test_fails_with_a_fault(trained: Pair, fault, dtype, monkeypatch) -> None:
    reader = altered(*NULL_FAULTS[fault], original=reading).StaticReader
    monkeypatch.setattr(decoder, "open_reader", reader)
    target = copy.deepcopy(trained.target).to(dtype)
    result = null_test(target, trained.prompts[:2], vocabulary=trained.vocabulary)
    assert not result.passed
    assert "Nothing measured after this should be believed" in result.message


# Ends and limits


class Script(Table):
    """Says one text, whatever it has read; elsewhere than its reader by `strays`."""

    def __init__(self, text: list[int], strays: tuple[int, ...] = ()) -> None:
        def logits(read: tuple[int, ...]) -> Tensor:
            position = len(read) - 1  # after a prompt of one token
            token = text[position] if position < len(text) else 1
            row = torch.full((6,), -9.0)
            row[5 if position in strays else token] = 9.0
            return row

        self.logits = logits


@pytest.mark.parametrize("gamma", [1, 2, 3, 4])
@pytest.mark.parametrize("temperature", [0.0, 0.1])
def test_a_text_ends_wherever_its_end_comes(gamma, temperature, monkeypatch) -> None:
    """As the first token, as an accepted proposal, in place of a rejected one, as a bonus; where
    the room ends as well. The draft strays in every set of places, or says the end too early."""
    monkeypatch.setattr(decoder, "open_reader", TableReader)
    seen: Counter[str] = Counter()
    for end, length in itertools.product(range(5), (1, 2, gamma, gamma + 1, 7)):
        written = [*(1, 2, 3, 4, 1)[:end], 0]
        for strays in itertools.chain.from_iterable(
            itertools.combinations(range(4), size) for size in range(4)
        ):
            for early in (None, 1):
                draft = [
                    0 if position == early else token for position, token in enumerate(written)
                ]
                how = Decoding(gamma=gamma, temperature=temperature, max_new_tokens=length)
                trace = speculate(
                    Script(written), Script(draft, strays), [2], how, vocabulary=6, eos=0
                )
                assert trace.text == written[:length]
                assert trace.stopped == ("eos" if end < length else "length")
                assert all(len(turn.proposals) <= gamma for turn in trace.rounds)
                if end < length:
                    seen[list(emitted(trace))[-1].kind] += 1
    assert min(seen["accepted"], seen["residual"], seen["bonus"]) > 10


@pytest.mark.parametrize("longer", ["target", "draft"])
def test_a_text_stops_at_the_shorter_context(longer) -> None:
    """GPT-2's positions are a table: one too many would be an error."""
    long, short = (gpt2(positions, seed=1) for positions in (40, 12))
    target, draft = (long, short) if longer == "target" else (short, long)
    for length, gamma in itertools.product((1, 5, 10, 11), (0, 1, 3, 20)):
        prompt = list(range(3, 3 + length))
        how = greedy(gamma, 30)
        limit = 40 if gamma == 0 and longer == "target" else 12
        trace = speculate(target, draft, prompt, how, vocabulary=32, eos=None)
        assert len(trace.text) == min(30, limit - length)
        assert trace.stopped == ("context" if limit - length < 30 else "length")
        assert trace.text == own(target, [prompt], len(trace.text), None)[0]
    # Exactly as many as asked for is not the context's doing.
    trace = speculate(target, draft, [3] * 5, greedy(2, 7), vocabulary=32, eos=None)
    assert (len(trace.text), trace.stopped) == (7, "length")


def gpt2(positions: int, seed: int) -> Any:
    return sharp("gpt2", seed, n_positions=positions, n_embd=16, n_layer=1, n_head=2, vocab_size=32)


def test_bad_prompts_are_said(random: Pair) -> None:
    how = Decoding(max_new_tokens=4)
    for prompt, complaint in (
        ([], "nothing to go on from"),
        ([5, 300], "Not both models know the token 300"),
        ([-1], "Not both models know the token -1"),
        ([1] * 1024, "has 1,024 tokens; the models take 1,024: shorten it"),
    ):
        with pytest.raises(AdaspecError, match=complaint):
            random(prompt, how)
    assert len(random([1] * 1023, how).text) == 1


def test_the_target_alone_needs_no_draft(random: Pair) -> None:
    how = Decoding(gamma=0, max_new_tokens=9)
    trace = random._replace(draft=None)(random.prompts[3], how, seed=4, eos=None)
    assert [len(turn.proposals) for turn in trace.rounds] == [0] * 9
    assert all(turn.last and turn.last.kind == "bonus" for turn in trace.rounds)
    assert all(turn.last.q is None and turn.last.keep is None for turn in trace.rounds)
    rows = plain_rows(random.target, trace.prompt + trace.text, 300)[len(trace.prompt) - 1 :]
    chance = uniforms(4, 10)
    for position, token in enumerate(trace.text):
        check_drawn(token, plain_distribution(rows[position], how), chance[position, LAST], 1e-4)


# Other architectures, vocabularies, precisions


def sharp(kind: str, seed: int, **options: Any) -> Any:
    """A small random model, sharp enough not to repeat itself."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(6)
    return model


def near(model: Any, seed: int) -> Any:
    """A draft that agrees with a model more often than not."""
    draft = copy.deepcopy(model)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in draft.parameters():
            if parameter.ndim == 2:
                spread = parameter.std() * 0.2
                parameter.add_(spread * torch.randn(parameter.shape, generator=noise))
    return draft


SIZES = {
    "vocab_size": 96,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": 0,
}
GPT2_SIZES = {
    "vocab_size": 96,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 128,
    "bos_token_id": 1,
    "eos_token_id": 0,
}
HEADS = {"num_key_value_heads": 2, "head_dim": 8}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "gpt_neox": SIZES,  # Pythia
    "llama": SIZES | HEADS,
    "gpt2": GPT2_SIZES,
    "codegen": GPT2_SIZES | {"rotary_dim": 4, "n_ctx": 128},
    "phi": SIZES,
    "qwen2": SIZES | HEADS,
    "qwen3": SIZES | HEADS,
    "gemma2": SIZES
    | HEADS
    | {
        "sliding_window": 8,
        "query_pre_attn_scalar": 8,
        "final_logit_softcapping": 5.0,
        "attn_logit_softcapping": 5.0,
    },
    "gemma3_text": SIZES
    | HEADS
    | {
        "sliding_window": 8,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "mistral": SIZES | HEADS | {"sliding_window": 8},
    "opt": SIZES | {"ffn_dim": 48, "word_embed_proj_dim": 32},
}


ARCHITECTURES_THAT_GROW: dict[str, dict[str, Any]] = {
    "bloom": {"vocab_size": 96, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "gpt_neo": {
        "vocab_size": 96,
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 8,
        "max_position_embeddings": 128,
        "bos_token_id": 1,
        "eos_token_id": 0,
    },
}


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_architectures(kind) -> None:
    """Greedy text is the target's own, past a sliding window of eight; sampled texts' traces hold
    against passes without a cache, and steps of fixed shape decide alike."""
    target = sharp(kind, 1, **ARCHITECTURES[kind])
    assert reads_in_slots(target)
    models.check_head(target, kind)
    pair = Pair(target, near(target, 2), [[5, 9, 3], [7] * 12], 96, 0)
    for prompt in pair.prompts:
        (expected,) = own(target, [prompt], 32, None)
        for gamma in (1, 4):
            assert pair(prompt, greedy(gamma, 32), eos=None, detail=False).text == expected
        trace = pair(prompt, Decoding(gamma=3, temperature=0.7, max_new_tokens=24), eos=None)
        check(trace, pair, 1e-3)
        fixed = Decoder(target, vocabulary=96, eos=None, capture=buffered)
        same_trace(fixed(pair.draft, prompt, trace.decoding), trace, 1e-3)
        assert any(turn.rejected for turn in trace.rounds)
        assert any(turn.accepted for turn in trace.rounds)


class Watch(TorchDispatchMode):
    """Notes every operation on a tensor that lies on the host."""

    def __init__(self) -> None:
        super().__init__()
        self.host: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if any(tensor.device.type == "cpu" for tensor in tensors):
            self.host.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_steps_wait_for_nothing(kind) -> None:
    """On the meta device, which has no numbers to be asked for: no step looks at one, and none
    brings a tensor from the host. That is what a CUDA graph can be made of."""
    config = AutoConfig.for_model(kind, **ARCHITECTURES[kind])
    model = AutoModelForCausalLM.from_config(config).eval().to("meta", torch.bfloat16)
    ids = torch.ones(12, dtype=torch.long, device="meta")
    positions = torch.arange(64, device="meta")
    chance = torch.ones(12, 3, dtype=torch.float64, device="meta")

    def steps(reader: reading.Reader, how: Decoding) -> None:
        reader.logits = lambda hidden: model.get_output_embeddings()(hidden).float()
        for unread in (1, 2):
            drafted, q, q_seen = decoder.propose(
                reader, how, ids[:unread], positions[: unread + 2], chance[:3]
            )
            assert (len(drafted), len(q), len(q_seen)) == (4, 3, unread + 2)
        for width in (3, 0):
            inputs = drafted[: width + 1], positions[: width + 1], q[:width], chance[: width + 1]
            written, p_seen, left = decoder.verify(reader, how, ids[:1], *inputs, positions[:1])
            assert (len(written), len(p_seen), len(left)) == (width + 4, width + 1, 96)

    static = reading.StaticReader(model, 96, 64)
    with torch.inference_mode():
        with Watch() as watch:
            for how in (Decoding(), greedy(3, 64), Decoding(temperature=0.7, top_k=5, top_p=0.8)):
                steps(static, how)
        assert not watch.host
        with pytest.raises(RuntimeError, match="cannot be called on meta"):
            steps(reading.GrowingReader(model, 96), Decoding())


@pytest.mark.parametrize("kind", ["qwen3_next", "rwkv", "mamba"])
def test_a_model_that_cannot_go_back_is_refused(kind) -> None:
    """Its running state has taken in the rejected proposals: the text would be another."""
    options = SIZES | HEADS | {"num_experts": 2, "num_experts_per_tok": 1}
    if kind == "qwen3_next":
        options |= {"layer_types": ["linear_attention", "full_attention"]}
    model = sharp(kind, 1, **options)
    with pytest.raises(AdaspecError, match="cannot go back"):
        speculate(model, model, [5, 9], greedy(2, 8), vocabulary=96, eos=None)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("which", ["target", "draft"])
def test_a_diverged_model_is_said(random: Pair, which, temperature) -> None:
    broken = copy.deepcopy(random.target)
    broken.lm_head.weight.data.fill_(torch.nan)
    pair = random._replace(**{which: broken})
    with pytest.raises(AdaspecError, match="LlamaForCausalLM are not numbers: its training"):
        pair([3, 4], Decoding(temperature=temperature, max_new_tokens=8))


@pytest.mark.parametrize("padded", ["target", "draft"])
def test_padded_vocabularies(padded) -> None:
    """Ids that one model alone has are never drawn, and p and q are of the others."""
    target, draft = (
        sharp("llama", seed, **SIZES | HEADS | {"vocab_size": 120 if name == padded else 96})
        for name, seed in (("target", 1), ("draft", 2))
    )
    pair = Pair(target, draft, [[4, 8]], 96, 0)
    for temperature, seed in itertools.product((0, 2.0), range(3)):
        how = Decoding(temperature=temperature, gamma=3, max_new_tokens=20)
        trace = pair([4, 8], how, seed=seed, eos=None)
        assert max(trace.text) < 96
        check(trace, pair)


def test_bfloat16(trained: Pair) -> None:
    """A pass of one token rounds otherwise than one of many: the rule holds for the p and q that
    were seen, and nearly every greedy text is the target's own."""
    target, draft = (copy.deepcopy(model).bfloat16() for model in (trained.target, trained.draft))
    pair = trained._replace(target=target, draft=draft)
    for prompt in trained.prompts[:4]:
        for proposal in proposals(pair(prompt, Decoding(gamma=4, max_new_tokens=24))):
            assert proposal.accepted is None or proposal.accepted == (
                proposal.u < min(1, proposal.p / proposal.q)
            )
    same = sum(
        pair(prompt, greedy(4, 12), detail=False).text == own(target, [prompt], 12, pair.eos)[0]
        for prompt in trained.prompts[:10]
    )
    assert same >= 8


# Warping


ROWS = st.integers(0, 2**32).map(
    lambda seed: torch.from_numpy(np.random.default_rng(seed).normal(0, 3, (3, 40))).float()
)
HOW = st.builds(
    Decoding,
    temperature=st.floats(0.2, 5),
    top_k=st.integers(0, 45),
    top_p=st.one_of(st.just(1.0), st.floats(0.01, 1)),
)


@given(logits=ROWS, how=HOW)
def test_distribution_is_the_plain_one_and_transformers(logits, how) -> None:
    """To 1e-6, where no token lies on the edge of top-p."""
    ours = distribution(logits, how)
    plain = torch.tensor([plain_distribution(row, how) for row in logits])
    theirs = TemperatureLogitsWarper(how.temperature)(None, logits)
    if how.top_k:
        theirs = TopKLogitsWarper(how.top_k)(None, theirs)
    before = theirs.softmax(-1).sort(descending=True).values.cumsum(-1)
    assume((before - how.top_p).abs().min() > 1e-5 or how.top_p == 1)
    theirs = TopPLogitsWarper(how.top_p)(None, theirs).softmax(-1)
    torch.testing.assert_close(ours, plain.float(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)
    assert ((ours > 0).sum(-1) >= 1).all()


def test_ties() -> None:
    """Equals of the k-th likeliest stay, as in transformers; greedy takes the first of the
    likeliest; top-p keeps as few as reach it."""
    tied = torch.tensor([[1.0, 2.0, 2.0, 0.0, 2.0]])
    assert distribution(tied, Decoding(temperature=0)).tolist() == [[0, 1, 0, 0, 0]]
    kept = distribution(tied, Decoding(top_k=2))
    assert kept[0] == pytest.approx([0, 1 / 3, 1 / 3, 0, 1 / 3])
    # More tokens than are sought among at first.
    wide = torch.linspace(0, 1, 3000)[torch.randperm(3000)][None]
    expected = torch.tensor([plain_distribution(wide[0], Decoding(top_p=0.9))])
    torch.testing.assert_close(
        distribution(wide, Decoding(top_p=0.9)), expected.float(), atol=1e-7, rtol=1e-4
    )
    even = distribution(torch.zeros(2, 4), Decoding(top_p=0.5))
    assert (even > 0).sum(-1).tolist() == [2, 2]
    assert even.sum(-1).tolist() == pytest.approx([1, 1])
