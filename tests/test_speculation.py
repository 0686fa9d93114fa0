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
import os
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import AutoTokenizer, GenerationConfig
from transformers.generation import candidate_generator
from transformers.generation.logits_process import (
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from adaspec import ASSETS, AdaspecError, models
from adaspec.recipe import Decoding
from adaspec.speculation import decoding as decoder
from adaspec.speculation.decoding import DRAFT, LAST, TEST, distribution, speculate, uniforms
from adaspec.speculation.trace import Trace, emitted
from adaspec.stories import stories

DRAWS = int(os.environ.get("ADASPEC_DRAWS", "3000"))
"""Texts that each chi-square test draws; `make lossless` asks for 50,000."""
CPU = torch.device("cpu")


# Models whose law can be written down


class Table:
    """A model with no weights: random logits for every text, the same whenever it is asked."""

    device = CPU
    config = SimpleNamespace()

    def __init__(self, seed: int, vocabulary: int, like: Table | None = None) -> None:
        @cache
        def logits(text: tuple[int, ...]) -> Tensor:
            random = np.random.default_rng([seed, *text])
            own = torch.from_numpy(random.normal(0, 1.5, vocabulary)).float()
            return own if like is None else like.logits(text) + own / 2

        self.logits = logits


class TableReader:
    """A `Reader` of a `Table`."""

    def __init__(self, model: Table, vocabulary: int) -> None:
        self.model, self.ids = model, []

    @property
    def length(self) -> int:
        return len(self.ids)

    def remember(self, ids: Tensor) -> None:
        self.ids += ids.tolist()

    def read(self, ids: Tensor) -> Tensor:
        start = len(self.ids)
        self.remember(ids)
        ends = range(start + 1, len(self.ids) + 1)
        return torch.stack([self.model.logits(tuple(self.ids[:end])) for end in ends])

    def forget(self, length: int) -> None:
        assert 0 <= length <= len(self.ids)
        del self.ids[length:]


def plain_distribution(logits: Tensor, how: Decoding) -> list[float]:
    """One row's probabilities, a token after another, in float64."""
    row = logits.double().tolist()
    if how.temperature == 0:
        return [float(i == row.index(max(row))) for i in range(len(row))]
    weights = [np.exp((one - max(row)) / how.temperature) for one in row]
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
            for token, one in enumerate(row):
                ended = token == eos or length == how.max_new_tokens
                (law if ended else longer)[(*text, token)] = mass * one
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
        place = len(text)
        if place == how.max_new_tokens or (text and text[-1] == eos):
            yield volume, box, text
            return
        of_p, of_q = (plain_distribution(one.logits((*prompt, *text)), how) for one in (p, q))
        if left is None:
            left = min(how.gamma, how.max_new_tokens - place - 1)
        if left == 0:
            for token, *piece in pieces(of_p):
                inner = box | {(place, LAST): piece}
                yield from go((*text, token), None, volume * (piece[1] - piece[0]), inner)
            return
        for token, *drawn in pieces(of_q):
            share = min(1.0, of_p[token] / of_q[token])
            here = volume * (drawn[1] - drawn[0])
            inner = box | {(place, DRAFT): drawn, (place, TEST): (0.0, share)}
            if share > 0:
                yield from go((*text, token), left - 1, here * share, inner)
            if share < 1:
                rest = [max(a - b, 0.0) for a, b in zip(of_p, of_q, strict=True)]
                for other, *piece in pieces(rest):
                    inner = box | {
                        (place, DRAFT): drawn,
                        (place, TEST): (share, 1.0),
                        (place, LAST): piece,
                    }
                    volume_ = here * (1 - share) * (piece[1] - piece[0])
                    yield from go((*text, other), None, volume_, inner)

    yield from go((), None, 1.0, {})


def law(
    module: ModuleType,
    p: Table,
    q: Table,
    prompt: list[int],
    how: Decoding,
    eos: int | None = None,
) -> dict[tuple[int, ...], float]:
    """text -> its probability when the real `speculate` decodes: each box is asked once, at a
    random point (so that a decoder with other boxes comes out differently)."""
    random = np.random.default_rng(0)
    table = np.zeros(())
    module.uniforms = lambda seed, positions: table
    found: Counter[tuple[int, ...]] = Counter()
    for volume, box, _ in boxes(p, q, prompt, how, eos):
        table = random.random((how.max_new_tokens + 1, 3))
        for at, (low, high) in box.items():
            table[at] = low + (high - low) * (0.001 + 0.998 * table[at])
        trace = module.speculate(
            p, q, prompt, how, vocabulary=len(p.logits((0,))), eos=eos, detail=False
        )
        found[tuple(tokens(trace))] += volume
    return found


def tokens(trace: Trace) -> list[int]:
    """The text; of a broken decoder's trace too, whose numbers make no sense."""
    text = []
    for turn in trace.rounds:
        text += [one.token for one in turn.proposals[: turn.accepted]]
        text += [turn.last.token] if turn.last else []
    return text


def distance(a: dict, b: dict) -> float:
    """Total variation of two laws."""
    return sum(abs(a.get(text, 0) - b.get(text, 0)) for text in a.keys() | b.keys()) / 2


def altered(old: str = "", new: str = "") -> ModuleType:
    """The decoder's module with one piece of its source changed."""
    source = inspect.getsource(decoder)
    assert not old or source.count(old) == 1, f"the decoder no longer says {old!r}: adapt MUTANTS"
    module = ModuleType("altered")
    sys.modules["altered"] = module  # dataclasses look their module up
    exec(compile(source.replace(old, new), "altered", "exec"), module.__dict__)
    return module


def tabled(old: str = "", new: str = "") -> ModuleType:
    module = altered(old, new)
    module.Reader = TableReader
    return module


WARPINGS = {
    "plain": Decoding(),
    "cool": Decoding(temperature=0.6),
    "top-k": Decoding(temperature=1.4, top_k=2),
    "top-p": Decoding(temperature=1.2, top_p=0.8),
    "all": Decoding(temperature=0.8, top_k=3, top_p=0.9),
}


@pytest.mark.parametrize("warping", WARPINGS)
@pytest.mark.parametrize("gamma", [1, 2, 3])
def test_the_law_of_a_text_is_the_targets(gamma, warping) -> None:
    """Four tokens, so that texts cross the ends of rounds; to 1e-6."""
    how = WARPINGS[warping].model_copy(update={"gamma": gamma, "max_new_tokens": 4})
    p, q = Table(1, 4), Table(2, 4)
    assert distance(law(tabled(), p, q, [0], how), target_law(p, [0], how, None)) < 1e-6


@pytest.mark.parametrize("gamma", [1, 2, 4])
def test_the_law_with_an_end_is_the_targets(gamma) -> None:
    how = Decoding(gamma=gamma, max_new_tokens=4)
    p, q = Table(3, 3), Table(4, 3)
    assert distance(law(tabled(), p, q, [1, 2], how, eos=1), target_law(p, [1, 2], how, 1)) < 1e-6


MUTANTS = {
    "also accepts what the target's own sample equals": (
        "passes = here[: len(ids), TEST] * q_of < p[proposed]",
        "own = torch.cat([draw(row, u[LAST]) for row, u in zip(p[:-1], here)])\n"
        "            passes = (own == proposed[1]) | (here[: len(ids), TEST] * q_of < p[proposed])",
    ),
    "accepts the likelier only": ("TEST] * q_of <", "TEST] * 0 + q_of <"),
    "accepts after a rejection": ("passes.cumprod(0).sum()", "passes.sum()"),
    "accepts one too many": (
        "accepted = int(passes.cumprod(0).sum())",
        "accepted = min(len(ids), 1 + int(passes.cumprod(0).sum()))",
    ),
    "reads the target one row late": ("< p[proposed]", "< p.roll(-1, 0)[proposed]"),
    "tests with the uniform of the draw": ("TEST, LAST = range(3)", "TEST, LAST = 0, 0, 2"),
    "draws with the uniform of the test": ("TEST, LAST = range(3)", "TEST, LAST = 0, 1, 1"),
    "draws with the uniform of another place": ("here[place, DRAFT]", "here[0, DRAFT]"),
    "draws p for the residual": ("left = (p - q).clamp(min=0)", "left = p"),
    "draws the draft's residual": ("left = (p - q)", "left = (q - p)"),
    "takes the residual of the row before": ("residual(p[accepted],", "residual(p[accepted - 1],"),
    "draws the bonus from the draft": ("else p[accepted]\n", "else (q[-1][-1] if q else p[0])\n"),
    "draws the bonus from the row before": ("else p[accepted]\n", "else p[accepted - 1]\n"),
    "warps the draft alone": ("p = distribution(p_logits, decoding)", "p = p_logits.softmax(-1)"),
}
"""What is broken -> the decoder's source, and what it becomes."""


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_changes_the_law(mutant) -> None:
    how = WARPINGS["all"].model_copy(update={"gamma": 2, "max_new_tokens": 4})
    p, q = Table(1, 4), Table(2, 4)
    broken = law(tabled(*MUTANTS[mutant]), p, q, [0], how)
    assert distance(broken, target_law(p, [0], how, None)) > 0.01


@pytest.mark.parametrize(
    ("gamma", "warping"), [(1, "top-p"), (2, "plain"), (3, "all"), (4, "top-k")]
)
def test_drawn_texts_follow_the_targets_law(gamma, warping, monkeypatch) -> None:
    """Chi-square over texts of four tokens of five, seeds 0, 1, 2, ...; the seeds are fixed, and
    a right decoder would fail one set of seeds in 10,000."""
    monkeypatch.setattr(decoder, "Reader", TableReader)
    how = WARPINGS[warping].model_copy(update={"gamma": gamma, "max_new_tokens": 4})
    p, q = Table(5, 5), Table(6, 5)
    found = Counter(
        tuple(speculate(p, q, [0], how, vocabulary=5, eos=None, seed=seed, detail=False).text)
        for seed in range(DRAWS)
    )
    assert chi_square(found, target_law(p, [0], how, None)) > 1e-4
    # The draft's own law would not pass, by far.
    assert chi_square(found, target_law(q, [0], how, None)) < 1e-9


def chi_square(found: Counter, expected: dict[tuple[int, ...], float]) -> float:
    """The probability of so large a statistic; texts expected less than five times are one."""
    draws = found.total()
    seen, awaited = [0.0], [0.0]
    for text in expected.keys() | found.keys():
        count = expected.get(text, 0) * draws
        if count == 0:
            return 0.0
        if count < 5:
            seen[0], awaited[0] = seen[0] + found[text], awaited[0] + count
        else:
            seen.append(found[text])
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
    target, draft = (models.load_weights(small_models / one, CPU) for one in ("target", "stock"))
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
        texts = own(trained.target, prompts, 16, trained.eos)
        expected |= {tuple(prompt): text for prompt, text in zip(prompts, texts, strict=True)}
    kinds: Counter[str] = Counter()
    for number, prompt in enumerate(trained.prompts):
        trace = trained(prompt, greedy((1, 2, 3, 5, 8)[number % 5], 16), detail=False)
        assert trace.text == expected[tuple(prompt)]
        kinds.update(one.kind for one in emitted(trace))
    assert len(expected) > 190
    assert min(kinds["accepted"], kinds["residual"], kinds["bonus"]) > 200


@pytest.mark.parametrize("gamma", [0, 1, 2, 3, 4, 7, 20, 64])
def test_greedy_text_is_the_same_for_every_gamma(trained: Pair, gamma) -> None:
    """To the end of the sequence."""
    for prompt in trained.prompts[:2]:
        (expected,) = own(trained.target, [prompt], 90, trained.eos)
        assert expected[-1] == trained.eos
        trace = trained(prompt, greedy(gamma, 90), detail=False)
        assert trace.text == expected
        assert trace.stopped == "eos"


GREEDY_MUTANTS = {
    "crops nothing": ("self.cache.crop(length - self.length)", "pass"),
    "crops one too few": ("crop(length - self.length)", "crop(min(0, length - self.length + 1))"),
    "crops one too many": ("len(text) - (not ended))", "len(text) - 1 - (not ended))"),
    "draws the bonus from the draft": MUTANTS["draws the bonus from the draft"],
    "takes the residual of the row before": MUTANTS["takes the residual of the row before"],
}


@pytest.mark.parametrize("mutant", GREEDY_MUTANTS)
def test_a_broken_cache_or_row_changes_greedy_text(trained: Pair, mutant) -> None:
    broken = altered(*GREEDY_MUTANTS[mutant])
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
    for number, prompt in enumerate(trained.prompts[:20]):
        gamma = (1, 2, 4, 7)[number % 4]
        matches.clear()
        text = assisted(trained, prompt, gamma, 24)
        trace = trained(prompt, greedy(gamma, 24), detail=False)
        assert trace.text == text
        assert matches == [one.tokens - 1 for one in trace.rounds]


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
    for how in (Decoding(max_new_tokens=48), Decoding(temperature=0.7, top_p=0.9, top_k=20)):
        tested = [
            one
            for seed, prompt in enumerate(trained.prompts[:25])
            for turn in trained(prompt, how, seed=seed).rounds
            for one in turn.proposals
            if one.accepted is not None
        ]
        share = np.array([one.accepted for one in tested])
        beta = np.clip([one.overlap for one in tested], 0, 1)
        assert len(tested) > 400
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
        place, ids = len(text) - len(trace.prompt), [one.token for one in turn.proposals]
        assert len(ids) <= how.gamma
        p_logits, q_logits = (
            plain_rows(model, text + ids, pair.vocabulary)[len(text) - 1 :]
            for model in (pair.target, pair.draft)
        )
        p, q = ([plain_distribution(row, shown) for row in rows] for rows in (p_logits, q_logits))
        best_p, best_q = p_logits.argmax(-1).tolist(), q_logits.argmax(-1).tolist()
        for i, one in enumerate(turn.proposals):
            token = one.token
            assert one.p == pytest.approx(p[i][token], abs=tolerance)
            assert one.q == pytest.approx(q[i][token], abs=tolerance)
            overlap = sum(min(a, b) for a, b in zip(p[i], q[i], strict=True))
            assert one.overlap == pytest.approx(overlap, abs=tolerance)
            check_likeliest(one.likeliest, token, p[i], q[i], tolerance)
            if how.greedy:
                assert token == best_q[i]
            else:
                check_drawn(token, q[i], chance[place + i, DRAFT], tolerance)
            if i > turn.accepted:
                assert one.u is None
                assert one.accepted is None
            else:
                assert one.u == chance[place + i, TEST]
                passes = token == best_p[i] if how.greedy else one.u < min(1, one.p / one.q)
                assert one.accepted == passes == (i < turn.accepted)
        text += ids[: turn.accepted]
        place, i = place + turn.accepted, turn.accepted
        if not (last := turn.last):
            assert number == len(trace.rounds) - 1
            assert text[-1] == pair.eos
            continue
        assert last.kind == ("residual" if i < len(ids) else "bonus")
        assert last.u == chance[place, LAST]
        assert last.p == pytest.approx(p[i][last.token], abs=tolerance)
        source = p[i]
        if last.kind == "residual" and not how.greedy:
            rest = [max(a - b, 0) for a, b in zip(p[i], q[i], strict=True)]
            source = [one / sum(rest) for one in rest]
        if how.greedy:
            assert last.token == best_p[i]
            assert last.drawn_from == [(last.token, 1.0)]
        else:
            check_drawn(last.token, source, last.u, tolerance)
            best = sorted(source, reverse=True)[:5]
            values = [value for _, value in last.drawn_from]
            wide = max(tolerance, 1e-4 * tolerance / max(1 - sum(map(min, p[i], q[i])), 1e-4))
            assert values == pytest.approx([one for one in best if one >= 1e-4], abs=wide)
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
    assert sum(one.tokens for one in trace.rounds) == len(trace.text)
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
        one for one in expected ^ {one for one, _, _ in likeliest} if max(p[one], q[one]) > 2e-4
    ]
    assert not clear, "not those of the largest p and q"
    assert token in [one for one, _, _ in likeliest]
    for one, of_p, of_q in likeliest:
        assert of_p == pytest.approx(p[one], abs=tolerance)
        assert of_q == pytest.approx(q[one], abs=tolerance)
    order = [max(of_p, of_q) for _, of_p, of_q in likeliest]
    assert order == sorted(order, reverse=True)


@settings(max_examples=40, deadline=None)
@given(
    how=st.builds(
        Decoding,
        gamma=st.integers(1, 6),
        temperature=st.one_of(st.just(0.0), st.floats(0.4, 3)),
        top_k=st.sampled_from([0, 1, 2, 5, 50, 1000]),
        top_p=st.one_of(st.just(1.0), st.floats(0.05, 1)),
        max_new_tokens=st.integers(1, 20),
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
    assert all(one.overlap is None and not one.likeliest for one in proposals(again))
    assert not any(one.last and one.last.drawn_from for one in again.rounds)

    # With more room the text begins alike: its last token alone may come by another uniform.
    longer = how.model_copy(update={"max_new_tokens": how.max_new_tokens + 7})
    more = random(prompt, longer, seed=seed, eos=None, detail=False).text
    assert more[: len(trace.text) - 1] == trace.text[:-1]

    # A text that may end is the same text up to there.
    for eos in {trace.text[len(trace.text) // 2], trace.text[0], trace.text[-1]}:
        ended = random(prompt, how, seed=seed, eos=eos)
        assert ended.text == trace.text[: trace.text.index(eos) + 1]
        assert ended.stopped == "eos"
        check(ended, random._replace(eos=eos))


def proposals(trace: Trace) -> list:
    return [one for turn in trace.rounds for one in turn.proposals]


def numbers(trace: Trace) -> list:
    """What is the same in every run on this machine, and without details."""
    return [
        (
            [(one.token, one.p, one.q, one.u, one.accepted) for one in turn.proposals],
            turn.last
            and (turn.last.token, turn.last.kind, turn.last.p, turn.last.q, turn.last.keep),
        )
        for turn in trace.rounds
    ]
