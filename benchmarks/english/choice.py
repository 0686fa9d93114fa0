"""Which small Llama learns the most from `assets/english` in equal processor time?

    python -m benchmarks.english.choice 2048-192x4 1024-192x4 --seconds 60

A name is vocabulary-width x layers, then `-b16` for another batch and `-lr5` for 5e-3. Each is
trained on one thread until it has used that many seconds of processor time (so that a busy machine
changes nothing), its learning rate a cosine of the time used, and judged by bits a byte of the rows
for validation: vocabularies differ, bytes do not.
"""

from __future__ import annotations

import argparse
import math
import re
import time

import torch

from adaspec import ASSETS, data, models
from adaspec.recipe import Data, NewModel
from adaspec.rows import read_splits, render
from benchmarks.english.bits import Text, bits_a_byte

NAME = re.compile(r"(\d+)-(\d+)x(\d+)(?:-b(\d+))?(?:-lr([\d.]+))?")
WARMUP, DECAY = 0.04, 0.05
VALIDATION = slice(200, None)  # of the held-out rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.names:
        print(trial(name, arguments.seconds), flush=True)


def trial(name: str, seconds: float) -> str:
    """A row of the table in docs/english.md."""
    match = NAME.fullmatch(name)
    assert match, f"not a name: {name}"
    vocabulary, hidden, layers = map(int, match.groups()[:3])
    size, lr = int(match[4] or 32), float(match[5] or 3) / 1000
    folder = ASSETS / "english"
    spec = Data.model_validate(
        {
            "train": str(folder / "train.parquet"),
            "evaluation": str(folder / "held-out.parquet"),
            "prompt": "",
            "response": "{prompt}{response}",
            "max_length": 256,
        }
    )
    train_rows, held_out = read_splits(spec, 0)
    texts = ["".join(render(row, spec)) for row in train_rows]
    tokenizer = models.train_tokenizer(texts, vocabulary)
    new = NewModel(
        hidden=hidden, layers=layers, heads=4, feed_forward=round(hidden * 8 / 3 / 32) * 32
    )
    model = models.new_llama(new, tokenizer, 0).train()
    examples = [e for e, _ in data.encode(train_rows, spec, tokenizer) if e]
    optimiser = torch.optim.AdamW(model.parameters(), lr, weight_decay=DECAY)
    generator = torch.Generator().manual_seed(0)
    order: list[int] = []
    began, steps, tokens = time.process_time(), 0, 0
    while (used := (time.process_time() - began) / seconds) < 1:
        if len(order) < size:
            order = torch.randperm(len(examples), generator=generator).tolist()
        chosen, order = order[:size], order[size:]
        batch = data.collate([examples[i] for i in chosen])
        rate = min(used / WARMUP, 1) * (1 + math.cos(math.pi * used)) / 2
        for group in optimiser.param_groups:
            group["lr"] = lr * rate
        logits = models.head(model)(models.hidden_rows(model, batch))
        loss = torch.nn.functional.cross_entropy(logits, batch.next_ids)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        steps, tokens = steps + 1, tokens + len(batch.rows)
    texts = [Text("", "".join(render(row, spec))) for row in held_out[VALIDATION]]
    bits = bits_a_byte(model.eval(), tokenizer, texts)
    millions = models.parameters(model) / 1e6
    return f"| {name} | {millions:.2f} | {steps} | {tokens:,} | {bits:.3f} |"


if __name__ == "__main__":
    main()
