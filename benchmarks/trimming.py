"""What a trimmed draft vocabulary saves and leaves out, on SmolLM2 and GSM8K.

`python -m benchmarks.trimming [--ids 49152 16384 8192] [--data FOLDER] [--gamma 4] [--rounds 20]`

The draft is layers 0, 1 and 29 of SmolLM2-135M-Instruct, untrained: what a pass takes does not
depend on its weights. A pass reads one token, with a cache of 128 positions, up to logits over all
ids and a token drawn from them, as speculative decoding does. The heads take turns, so that a busy
machine is as slow to one as to another; medians, each with its ratio to the whole head's in the
same turn. Set OMP_NUM_THREADS=1 for the clock of one core. With `--data`, a folder with GSM8K's
`train.jsonl` and `test.jsonl`: the share of the test answers' tokens that ids counted on the
training rows have.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from adaspec import models
from adaspec.data import Example, encode
from adaspec.recipe import Data, Decoding, ModelSpec
from adaspec.runs.draft_vocabulary import DraftVocabulary
from adaspec.speculation.decoding import propose
from adaspec.speculation.reading import Reader, open_reader
from adaspec.trimming import most_frequent, trim
from benchmarks.speculation import SMOLLM2

LAYERS = (0, 1, 29)
CONTEXT = 128
DATA = Data(
    evaluation={"stories": 1},
    prompt="{question}\nAnswer the above question. First think step by step and then answer the "
    "final number.",
    response="{answer}",
    replace={"####": "The final answer is: "},
    max_length=100_000,
    chat={},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, nargs="+", default=[49_152, 16_384, 8_192])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--gamma", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    target = models.open_model(ModelSpec(source=SMOLLM2), [], 0, "target")
    width = models.width(target.model)
    texts = {
        split: examples(given.data / f"{split}.jsonl", target.tokenizer)
        for split in (("train", "test") if given.data else ())
    }
    eos = target.tokenizer.eos_token_id
    kept = {
        count: most_frequent(
            texts.get("train", [Example(torch.arange(1).numpy(), 0)]),
            count, vocabulary=width, eos=eos, where="draft",
        )
        for count in given.ids
    }  # fmt: skip
    readers = {count: reader(target.model, kept[count], width) for count in given.ids}
    times = in_turns(readers, given.gamma, given.rounds)
    console, table = Console(), Table(title="A drafted token of SmolLM2's layers 0, 1 and 29")
    for name in ("ids", "ms", "of the whole", "test answers inside"):
        table.add_column(name, justify="right")
    for count in given.ids:
        ratio = median(ours / whole for ours, whole in zip(times[count], times[width], strict=True))
        inside = f"{coverage(kept[count], texts['test']):.4f}" if texts else ""
        table.add_row(f"{count:,}", f"{median(times[count]):.2f}", f"{ratio:.3f}", inside)
    console.print(table)
    console.print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")


def reader(target: Any, vocabulary: DraftVocabulary, width: int) -> Reader:
    """Of the draft with these ids, which has read a text."""
    draft = models.prune(target, LAYERS).requires_grad_(False)
    if len(vocabulary.ids) < width:
        draft = trim(draft, vocabulary).requires_grad_(False)
    opened = open_reader(draft, width, 2 * CONTEXT)
    with torch.inference_mode():
        opened.remember(torch.arange(CONTEXT), torch.arange(CONTEXT))
    return opened


@torch.inference_mode()
def in_turns(readers: dict[int, Reader], gamma: int, rounds: int) -> dict[int, list[float]]:
    """Head -> milliseconds a drafted token, a round each; the first two warm up."""
    times: dict[int, list[float]] = {count: [] for count in readers}
    decoding, chance = Decoding(gamma=gamma), torch.full((gamma, 3), 0.5, dtype=torch.float64)
    positions = torch.arange(CONTEXT, CONTEXT + gamma)
    for number in range(rounds + 2):
        for count in list(readers) if number % 2 else list(readers)[::-1]:
            began = time.perf_counter()
            propose(readers[count], decoding, torch.tensor([5]), positions, chance)
            if number > 1:
                times[count].append(1000 * (time.perf_counter() - began) / gamma)
    return times


def examples(file: Path, tokenizer: Any) -> list[Example]:
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [example for example, _ in encode(rows, DATA, tokenizer) if example]


def coverage(vocabulary: DraftVocabulary, texts: list[Example]) -> float:
    """The share of the answers' tokens that a draft with these ids can propose."""
    kept = torch.zeros(vocabulary.of, dtype=torch.bool)
    kept[vocabulary.ids] = True
    answers = torch.cat([torch.from_numpy(text.ids[text.prompt_length :]) for text in texts])
    return float(kept[answers].double().mean())


if __name__ == "__main__":
    main()
