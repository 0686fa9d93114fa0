"""Decoding: ours, transformers' own, and the same text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

from adaspec import ASSETS, models
from adaspec.recipe import Decoding, ModelSpec
from adaspec.speculation.decoding import Decoder
from adaspec.stories import stories
from benchmarks import speculation
from benchmarks.gpu.setting import SIZES, Setting, random_model


def pairs(setting: Setting) -> Iterator[tuple[str, speculation.Pair, list[list[int]]]]:
    """Tiny with the example's draft, and SmolLM2's sizes with its layers 0, 1 and 29; prompts."""
    opened = models.open_model(ModelSpec(source="assets:tiny/target"), [], 0, "target")
    prompts = [
        opened.tokenizer(row["question"] + "\n")["input_ids"]
        for row in stories(2 if setting.small else 6, seed=123)
    ]
    draft = models.load_weights(ASSETS / "example" / "drafts" / "adaspec", setting.device)
    target, draft = (model.to(setting.device, setting.precision) for model in (opened.model, draft))
    yield "tiny", speculation.Pair(target, draft, len(opened.tokenizer)), prompts
    target = random_model(SIZES["smollm2"][0], 1, setting.precision, setting).requires_grad_(False)
    layers = target.base_model.layers
    for layer in list(layers)[2:-1]:  # so that a draft without them is right now and then
        layer.self_attn.o_proj.weight.mul_(0.1)
        layer.mlp.down_proj.weight.mul_(0.1)
    draft = models.prune(target, tuple(sorted({0, 1, len(layers) - 1}))).to(setting.device)
    vocabulary = target.get_output_embeddings().weight.shape[0]
    yield "smollm2", speculation.Pair(target, draft, vocabulary), prompts


@dataclass(frozen=True)
class Decoded:
    """Decoding of a pair, gamma 4, greedy; medians over prompts.

    Attributes:
        ms: way -> milliseconds a token.
        c: a draft's step by a token of plain decoding.
        tracing: what details cost, as a share.
        over_assisted: how many times as fast as transformers' assisted generation.
        as_plain_steps: texts equal to those of the same steps without CUDA graphs, of `texts`.
        as_plain_decoding: texts equal to the target's own; in bf16 near ties may differ.
    """

    ms: dict[str, float]
    c: float
    tracing: float
    over_assisted: float
    texts: int
    as_plain_steps: int
    as_plain_decoding: int


@dataclass(frozen=True)
class Decodings:
    pairs: dict[str, Decoded]

    def tell(self, console: Console) -> None:
        for name, pair in self.pairs.items():
            table = Table("", "ms a token", title=f"{name}, gamma 4, greedy")
            for way, ms in pair.ms.items():
                table.add_row(way, f"{ms:.2f}")
            console.print(table)
            console.print(
                f"c {pair.c:.2f}; tracing costs {pair.tracing:.1%}; {pair.over_assisted:.2f}x "
                f"transformers' assisted generation; of {pair.texts} texts {pair.as_plain_steps} "
                f"equal those of plain steps, {pair.as_plain_decoding} the target's own"
            )


@torch.no_grad()
def decoding(setting: Setting) -> Decodings:
    return Decodings(
        {name: decode(pair, prompts, setting) for name, pair, prompts in pairs(setting)}
    )


def decode(pair: speculation.Pair, prompts: list[list[int]], setting: Setting) -> Decoded:
    how = Decoding(gamma=4, temperature=0.0, max_new_tokens=12 if setting.small else 64)
    plain = how.model_copy(update={"gamma": 0})
    ours, steps = (
        Decoder(pair.target, vocabulary=pair.vocabulary, eos=None, capture=capture)
        for capture in (None, lambda step, example: step)
    )
    traces = [ours(pair.draft, prompt, how, detail=False) for prompt in [prompts[0], *prompts]][1:]
    in_steps = [steps(pair.draft, prompt, how, detail=False).text for prompt in prompts]
    alone = [ours(None, prompt, plain, detail=False).text for prompt in prompts]
    times = speculation.measure(pair, prompts, how)
    ms = {way: 1000 * median(taken.clock) / how.max_new_tokens for way, taken in times.items()}
    drafting = median(
        turn.draft_ms / how.gamma
        for trace in traces
        for turn in trace.rounds
        if len(turn.proposals) == how.gamma
    )
    return Decoded(
        ms=ms,
        c=drafting / ms[speculation.PLAIN],
        tracing=ms[speculation.TRACED] / ms[speculation.UNTRACED] - 1,
        over_assisted=ms[speculation.ASSISTED] / ms[speculation.UNTRACED],
        texts=len(prompts),
        as_plain_steps=sum(a.text == b for a, b in zip(traces, in_steps, strict=True)),
        as_plain_decoding=sum(a.text == b for a, b in zip(traces, alone, strict=True)),
    )
