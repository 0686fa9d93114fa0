"""Measuring finished drafts: what the target says after held-out prompts, and who agrees with it.

Acceptance is measured where it is spent, on continuations that the *target generated*, and apart
from that on the data set's own answers. Both are written as token tables, one row a response token
in the same order for every model: the report is sums over those rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor

from adaspec.data import Batch, Example, batches, collate
from adaspec.divergence import Rows, chunks, forward_kl, measure_rows, overlap, reverse_kl
from adaspec.models import head, hidden_rows
from adaspec.runs import atomic_file
from adaspec.teacher import frozen_rows

GENERATED = "generated"
DATASET = "dataset"
ROW_GROUP = 1 << 16
"""Rows a Parquet row group, so that one sequence is read in milliseconds."""

Sequences = dict[str, list[Example]]
OnBatch = Callable[[int], None]

SEQUENCES = pa.schema(
    [
        ("source", pa.string()),
        ("seq", pa.int32()),
        ("prompt", pa.list_(pa.int32())),
        ("response", pa.list_(pa.int32())),
    ]
)
CONTEXTS = pa.schema(
    [
        ("source", pa.string()),
        ("seq", pa.int32()),
        ("pos", pa.int32()),
        ("token", pa.int32()),
        ("entropy", pa.float32()),
        ("p", pa.float32()),
    ]
)
SNAPSHOT = pa.schema(
    [
        ("kl", pa.float32()),
        ("reverse_kl", pa.float32()),
        ("overlap", pa.float32()),
        ("q", pa.float32()),
        ("agree", pa.bool_()),
    ]
)


class _Shared(LogitsProcessor):  # type: ignore[misc]
    """Only ids that the draft knows too may be generated."""

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        scores[:, self.vocabulary :] = -torch.inf
        return scores


def continue_prompts(
    target: Any,
    examples: list[Example],
    *,
    vocabulary: int,
    eos: int,
    max_new_tokens: int,
    batch: int,
    seed: int,
    on_batch: OnBatch,
) -> list[Example]:
    """The target's own sampled continuation (temperature 1) of every prompt, EOS kept.

    Returns:
        One example a prompt, in order; its response is what the target said.
    """
    config = GenerationConfig(
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        max_new_tokens=max_new_tokens,
        eos_token_id=eos,
        pad_token_id=eos,
    )
    target.generation_config = config  # a model's own defaults must not leak into p
    device = target.device
    results = []
    for number, group in enumerate(batches(examples, batch)):
        prompts = [example.ids[: example.prompt_length] for example in group]
        width = max(len(prompt) for prompt in prompts)
        ids = torch.full((len(group), width), eos)
        mask = torch.zeros_like(ids)
        for i, prompt in enumerate(prompts):
            ids[i, width - len(prompt) :] = torch.from_numpy(prompt)
            mask[i, width - len(prompt) :] = 1
        with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed * 1_000_003 + number)
            out = target.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                generation_config=config,
                logits_processor=[_Shared(vocabulary)],
            )
        for prompt, row in zip(prompts, out[:, width:].cpu(), strict=True):
            ends = (row == eos).nonzero()
            response = row[: int(ends[0]) + 1] if len(ends) else row
            whole = torch.cat([torch.from_numpy(prompt), response]).numpy()
            results.append(Example(whole, len(prompt)))
        on_batch(number + 1)
    return results


def write_sequences(path: Path, sequences: Sequences) -> None:
    """Prompts and responses of every source, as token ids."""
    rows = [
        {
            "source": source,
            "seq": seq,
            "prompt": example.ids[: example.prompt_length],
            "response": example.ids[example.prompt_length :],
        }
        for source, examples in sequences.items()
        for seq, example in enumerate(examples)
    ]
    with atomic_file(path) as new:
        pq.write_table(pa.Table.from_pylist(rows, SEQUENCES), new)


def read_sequences(path: Path) -> Sequences:
    """What `write_sequences` wrote."""
    sequences: Sequences = {}
    for row in pq.read_table(path).to_pylist():
        ids = np.array(row["prompt"] + row["response"], dtype=np.int64)
        sequences.setdefault(row["source"], []).append(Example(ids, len(row["prompt"])))
    return sequences


class Monitor:
    """Acceptance of a draft in training on a few held-out continuations.

    The target's hidden states there are kept, so that a point on the curve costs one forward pass
    of the draft.
    """

    def __init__(self, target: Any, examples: list[Example], vocabulary: int, size: int) -> None:
        self.vocabulary = vocabulary
        self.seen = []
        for group in batches(examples, size):
            batch = collate(group).to(target.device)
            self.seen.append((batch, frozen_rows(target, batch, vocabulary)))

    @torch.no_grad()
    def __call__(self, draft: Any) -> dict[str, float]:
        """`alpha`, the mean overlap over the continuations' tokens, and `held_out_kl`."""
        drafts = [frozen_rows(draft, batch, self.vocabulary) for batch, _ in self.seen]
        pairs = [(p, q) for (_, p), q in zip(self.seen, drafts, strict=True)]
        return {
            "alpha": float(torch.cat([measure_rows(overlap, p, q) for p, q in pairs]).mean()),
            "held_out_kl": float(
                torch.cat([measure_rows(forward_kl, p, q) for p, q in pairs]).mean()
            ),
        }


@torch.no_grad()
def held_out_loss(model: Any, examples: list[Example], batch: int) -> dict[str, float]:
    """`held_out_loss`: mean cross-entropy, in nats a token, on the data set's own answers."""
    total, count = 0.0, 0
    for group in batches(examples, batch):
        inputs = collate(group).to(model.device)
        hidden, logits = hidden_rows(model, inputs), head(model)
        for rows in chunks(len(hidden), model.get_output_embeddings().weight.shape[0]):
            logq = logits(hidden[rows]).log_softmax(-1)
            total -= float(logq.gather(1, inputs.next_ids[rows, None]).sum())
        count += len(hidden)
    return {"held_out_loss": total / count}


@torch.no_grad()
def measure(
    target: Any,
    snapshots: dict[str, Any],
    sequences: Sequences,
    *,
    vocabulary: int,
    batch: int,
    contexts_file: Path,
    snapshot_file: Callable[[str], Path],
    on_batch: OnBatch,
) -> None:
    """Write the token tables: the target's contexts once, then one table a snapshot.

    The target runs once over every sequence, whatever the number of snapshots; memory holds one
    batch at a time.
    """
    with ExitStack() as stack:

        def writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
            new = stack.enter_context(atomic_file(path))
            return stack.enter_context(pq.ParquetWriter(new, schema))

        contexts = _TableWriter(writer(contexts_file, CONTEXTS), CONTEXTS)
        tables = {
            name: _TableWriter(writer(snapshot_file(name), SNAPSHOT), SNAPSHOT)
            for name in snapshots
        }
        for number, (source, first, group) in enumerate(_groups(sequences, batch), 1):
            inputs = collate(group).to(target.device)
            p = frozen_rows(target, inputs, vocabulary)
            contexts.add(_contexts(p, inputs, source, first))
            for name, model in snapshots.items():
                q = frozen_rows(model, inputs, vocabulary)
                tables[name].add(_snapshot(p, q, inputs.next_ids))
            on_batch(number)
        for table in (contexts, *tables.values()):
            table.flush()


def count_batches(sequences: Sequences, batch: int) -> int:
    """How many times `measure` will call `on_batch`."""
    return sum(1 for _ in _groups(sequences, batch))


def _groups(sequences: Sequences, batch: int) -> Iterator[tuple[str, int, list[Example]]]:
    for source, examples in sequences.items():
        for number, group in enumerate(batches(examples, batch)):
            yield source, number * batch, group


class _TableWriter:
    """Collects columns until they fill a row group."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self.writer, self.schema = writer, schema
        self.waiting: list[pa.Table] = []

    def add(self, columns: dict[str, Any]) -> None:
        self.waiting.append(pa.table(columns, schema=self.schema))
        if sum(table.num_rows for table in self.waiting) >= ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            self.writer.write_table(pa.concat_tables(self.waiting), row_group_size=ROW_GROUP)
        self.waiting = []


def _contexts(p: Rows, batch: Batch, source: str, first: int) -> dict[str, Any]:
    entropy, chosen = [], []
    for rows in chunks(len(p.hidden), p.vocabulary):
        logp = p.log_probs(rows)
        entropy.append(-(logp.exp() * logp).sum(-1))
        chosen.append(logp.gather(1, batch.next_ids[rows, None])[:, 0].exp())
    sequence, position = batch.predicts.nonzero(as_tuple=True)
    start = batch.predicts.int().argmax(dim=1)[sequence]
    return {
        "source": [source] * len(sequence),
        "seq": (sequence + first).int().cpu().numpy(),
        "pos": (position - start).int().cpu().numpy(),
        "token": batch.next_ids.int().cpu().numpy(),
        "entropy": torch.cat(entropy).cpu().numpy(),
        "p": torch.cat(chosen).cpu().numpy(),
    }


def _snapshot(p: Rows, q: Rows, tokens: Tensor) -> dict[str, Any]:
    columns: dict[str, list[Tensor]] = {name: [] for name in SNAPSHOT.names}
    for rows in chunks(len(p.hidden), p.vocabulary):
        logp, logq = p.log_probs(rows), q.log_probs(rows)
        columns["kl"].append(forward_kl(logp, logq))
        columns["reverse_kl"].append(reverse_kl(logp, logq))
        columns["overlap"].append(overlap(logp, logq))
        columns["q"].append(logq.gather(1, tokens[rows, None])[:, 0].exp())
        columns["agree"].append(logp.argmax(-1) == logq.argmax(-1))
    return {name: torch.cat(values).cpu().numpy() for name, values in columns.items()}
