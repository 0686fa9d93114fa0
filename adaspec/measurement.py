"""Measuring finished drafts: what the target says after held-out prompts, and who agrees with it.

Acceptance is measured where it is spent, on continuations that the *target generated*, and apart
from that on the data set's own answers. Both are written as the token tables that `tokens` reads:
the report is sums over their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor

from adaspec.data import Batch, Example, batches, collate
from adaspec.divergence import (
    Rows,
    chunks,
    entropy,
    forward_kl,
    left_out,
    measure_rows,
    overlap,
    renormalised,
    reverse_kl,
)
from adaspec.models import draft_vocabulary, head, hidden_rows
from adaspec.recipe import Sampling
from adaspec.runs import Run, atomic_file
from adaspec.runs.draft_vocabulary import LEFT_OUT, LeftOut, LeftOutBy
from adaspec.runs.served import RULES, SERVED, Served, Sums
from adaspec.runs.tables import (
    CONTEXTS,
    EXAMPLES,
    ROW_GROUP,
    SEQUENCES,
    SNAPSHOT,
    TOP,
    VOCABULARY,
    read_table,
)
from adaspec.speculation.decoding import distribution
from adaspec.teacher import frozen_rows
from adaspec.tokens import GENERATED
from adaspec.vocabulary import Piece, pieces

TEMPERATURE_1 = Sampling()
Sequences = dict[str, list[Example]]
OnBatch = Callable[[int], None]


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
    sampling: Sampling = TEMPERATURE_1,
    max_new_tokens: int,
    batch: int,
    seed: int,
    on_batch: OnBatch,
) -> list[Example]:
    """The target's own continuation of every prompt, EOS kept.

    Returns:
        One example a prompt, in order; its response is what the target said.
    """
    results = []
    for number, group in enumerate(batches(examples, batch)):
        results += continue_batch(
            target,
            group,
            vocabulary=vocabulary,
            eos=eos,
            sampling=sampling,
            max_new_tokens=max_new_tokens,
            seed=seed * 1_000_003 + number,
        )
        on_batch(number + 1)
    return results


def continue_batch(
    target: Any,
    examples: list[Example],
    *,
    vocabulary: int,
    eos: int,
    sampling: Sampling,
    max_new_tokens: int,
    seed: int,
) -> list[Example]:
    """`continue_prompts` of prompts that go through the target together."""
    drawn = (
        {"do_sample": False}
        if sampling.greedy
        else {"do_sample": True, **sampling.model_dump(include=set(Sampling.model_fields))}
    )
    config = GenerationConfig(
        **drawn, max_new_tokens=max_new_tokens, eos_token_id=eos, pad_token_id=eos
    )
    target.generation_config = config  # a model's own defaults must not leak into p
    device = target.device
    prompts = [example.ids[: example.prompt_length] for example in examples]
    width = max(len(prompt) for prompt in prompts)
    ids = torch.full((len(prompts), width), eos)
    mask = torch.zeros_like(ids)
    for i, prompt in enumerate(prompts):
        ids[i, width - len(prompt) :] = torch.from_numpy(prompt)
        mask[i, width - len(prompt) :] = 1
    with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        out = target.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            generation_config=config,
            logits_processor=[_Shared(vocabulary)],
        )
    results = []
    for prompt, row in zip(prompts, out[:, width:].cpu(), strict=True):
        ends = (row == eos).nonzero()
        response = row[: int(ends[0]) + 1] if len(ends) else row
        whole = torch.cat([torch.from_numpy(prompt), response]).numpy()
        results.append(Example(whole, len(prompt)))
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
        pq.write_table(pa.Table.from_pylist(rows, SEQUENCES), new, write_page_checksum=True)


def read_sequences(path: Path) -> Sequences:
    """What `write_sequences` wrote."""
    sequences: Sequences = {}
    for row in read_table(path, SEQUENCES).to_pylist():
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
        width = model.get_output_embeddings().weight.shape[0]
        for rows in chunks(len(hidden), width, model.device):
            logq = logits(hidden[rows]).log_softmax(-1)
            total -= float(logq.gather(1, inputs.next_ids[rows, None]).sum())
        count += len(hidden)
    return {"held_out_loss": total / count}


@torch.no_grad()
def measure(
    run: Run,
    target: Any,
    snapshots: dict[str, Any],
    sequences: Sequences,
    *,
    vocabulary: int,
    batch: int,
    on_batch: OnBatch,
    settings: Sequence[Sampling] = (),
) -> None:
    """Write one token table a snapshot; with settings, the target's contexts and `served.json` too.

    The target runs once over every sequence, whatever the number of snapshots; memory holds one
    batch, and the rows of one row group a table.
    """
    with ExitStack() as stack:
        tables = {
            name: stack.enter_context(_table(run.tokens_file(name), SNAPSHOT)) for name in snapshots
        }
        contexts = stack.enter_context(_table(run.contexts_file, CONTEXTS)) if settings else None
        served, left = _Served(settings), _LeftOut(snapshots)
        for number, (source, first, group) in enumerate(_groups(sequences, batch), 1):
            inputs = collate(group).to(target.device)
            p = frozen_rows(target, inputs, vocabulary)
            if contexts:
                contexts.add(
                    _identities(inputs, source, first) | target_columns(p, inputs.next_ids)
                )
            drafts = {
                name: frozen_rows(model, inputs, vocabulary) for name, model in snapshots.items()
            }
            for name, q in drafts.items():
                tables[name].add(draft_columns(p, q, inputs.next_ids))
            if contexts and source == GENERATED:
                served.add(p, drafts, inputs)
                left.add(p, drafts, inputs)
            on_batch(number)
        if contexts:
            SERVED.write(run.served_file, served.content())
        if contexts and left.trimmed:
            LEFT_OUT.write(run.left_out_file, left.content())


class _Served:
    """Sums up what servers would accept, by prompt."""

    def __init__(self, settings: Sequence[Sampling]) -> None:
        self.settings = settings
        self.tokens: list[int] = []
        self.sums: dict[str, list[np.ndarray]] = {}  # draft -> [prompts, settings, rules] a batch

    def add(self, p: Rows, drafts: dict[str, Rows], batch: Batch) -> None:
        sequence, count = batch.sequence_of_row.cpu(), len(batch.input_ids)
        self.tokens += torch.bincount(sequence, minlength=count).tolist()
        for name, values in server_rates(p, drafts, self.settings).items():
            sums = torch.zeros(count, *values.shape[1:], dtype=torch.float64)
            sums.index_add_(0, sequence, values.double().cpu())
            self.sums.setdefault(name, []).append(sums.numpy())

    def content(self) -> Served:
        drafts = {name: np.concatenate(parts) for name, parts in self.sums.items()}
        return Served(
            tokens=self.tokens,
            drafts={
                name: [
                    Sums(
                        setting=setting,
                        sums={rule: sums[:, i, j].tolist() for j, rule in enumerate(RULES)},
                    )
                    for i, setting in enumerate(self.settings)
                ]
                for name, sums in drafts.items()
            },
        )


class _LeftOut:
    """Sums up what the target gives to ids that trimmed drafts never propose, by prompt.

    Args:
        models: name -> model, trimmed or not.
    """

    def __init__(self, models: dict[str, Any]) -> None:
        known = {name: draft_vocabulary(model) for name, model in models.items()}
        self.trimmed = {name: ids for name, ids in known.items() if ids}
        self.tokens: list[int] = []
        self.sums: dict[str, list[float]] = {name: [] for name in self.trimmed}

    def add(self, p: Rows, drafts: dict[str, Rows], batch: Batch) -> None:
        if not self.trimmed:
            return
        sequence, count = batch.sequence_of_row.cpu(), len(batch.input_ids)
        self.tokens += torch.bincount(sequence, minlength=count).tolist()
        parts: dict[str, list[Tensor]] = {name: [] for name in self.trimmed}
        for rows in chunks(len(p.hidden), p.vocabulary, p.hidden.device):
            logp = p.log_probs(rows)
            for name, values in parts.items():
                kept = drafts[name].kept
                assert kept is not None
                values.append(left_out(logp, kept))
        for name, values in parts.items():
            sums = torch.zeros(count, dtype=torch.float64)
            sums.index_add_(0, sequence, torch.cat(values).double().cpu())
            self.sums[name] += sums.tolist()

    def content(self) -> LeftOut:
        return LeftOut(
            tokens=self.tokens,
            drafts={
                name: LeftOutBy(ids=len(vocabulary.ids), of=vocabulary.of, sums=self.sums[name])
                for name, vocabulary in self.trimmed.items()
            },
        )


@torch.no_grad()
def server_rates(
    p: Rows, drafts: dict[str, Rows], settings: Sequence[Sampling]
) -> dict[str, Tensor]:
    """Draft -> [rows, settings, rules] how probably its proposal is accepted, in `RULES`' order."""
    parts: dict[str, list[Tensor]] = {name: [] for name in drafts}
    for rows in chunks(len(p.hidden), p.vocabulary, p.hidden.device):
        logits_p = p.head(p.hidden[rows])
        targets = [distribution(logits_p, setting) for setting in settings]
        for name, q in drafts.items():
            logits_q = q.head(q.hidden[rows])
            best = logits_q.argmax(-1, keepdim=True)
            of_settings = []
            for setting, target in zip(settings, targets, strict=True):
                draft = distribution(logits_q, setting)
                of_settings.append(
                    torch.stack(
                        [
                            torch.minimum(target, draft).sum(-1),
                            target.gather(1, best)[:, 0],
                            (target * draft).sum(-1),
                        ],
                        dim=-1,
                    )
                )
            parts[name].append(torch.stack(of_settings, dim=1))
    return {name: torch.cat(values) for name, values in parts.items()}


def write_examples(run: Run, tokenizer: Any, sequences: Sequences, vocabulary: int) -> None:
    """What the examples are in text, and what every token id stands for."""
    with _table(run.vocabulary_file, VOCABULARY) as table:
        known = {piece.id: piece for piece in pieces(tokenizer)}
        # Embeddings may have rows beyond the tokenizer's words: those are special, and empty.
        words = [known.get(i, Piece(i, b"", True)) for i in range(vocabulary)]
        table.add({name: [getattr(word, name) for word in words] for name in VOCABULARY.names})
    with _table(run.examples_file, EXAMPLES) as table:
        for source, first, group in _groups(sequences, 1000):
            texts = [
                (
                    tokenizer.decode(example.ids[: example.prompt_length]),
                    tokenizer.decode(example.ids[example.prompt_length :]),
                )
                for example in group
            ]
            table.add(
                {
                    "source": [source] * len(group),
                    "seq": range(first, first + len(group)),
                    "tokens": [example.predicted for example in group],
                    "prompt": [prompt for prompt, _ in texts],
                    "response": [response for _, response in texts],
                }
            )


def count_batches(sequences: Sequences, batch: int) -> int:
    """How many times `measure` will call `on_batch`."""
    return sum(1 for _ in _groups(sequences, batch))


def _groups(sequences: Sequences, batch: int) -> Iterator[tuple[str, int, list[Example]]]:
    for source, examples in sequences.items():
        for number, group in enumerate(batches(examples, batch)):
            yield source, number * batch, group


class _Rows:
    """Collects columns until they fill a row group."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self.writer, self.schema = writer, schema
        self.waiting = schema.empty_table()

    def add(self, columns: dict[str, Any]) -> None:
        self.waiting = pa.concat_tables([self.waiting, pa.table(columns, schema=self.schema)])
        while self.waiting.num_rows >= ROW_GROUP:
            self.writer.write_table(self.waiting.slice(0, ROW_GROUP))
            self.waiting = self.waiting.slice(ROW_GROUP).combine_chunks()

    def flush(self) -> None:
        if self.waiting.num_rows:
            self.writer.write_table(self.waiting.combine_chunks())


@contextmanager
def _table(path: Path, schema: pa.Schema) -> Iterator[_Rows]:
    """A Parquet file that replaces `path` if all goes well."""
    floats = [name for name, kind in _leaves(schema) if pa.types.is_float32(kind)]
    others = [name for name, kind in _leaves(schema) if not pa.types.is_float32(kind)]
    options = {
        "compression": "zstd",
        "write_page_checksum": True,
        "use_byte_stream_split": floats,  # a third smaller; not with a dictionary
        "use_dictionary": others,
    }
    with atomic_file(path) as new, pq.ParquetWriter(new, schema, **options) as writer:
        rows = _Rows(writer, schema)
        yield rows
        rows.flush()


def _leaves(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    for field in schema:
        if pa.types.is_fixed_size_list(field.type):
            yield f"{field.name}.list.element", field.type.value_type
        else:
            yield field.name, field.type


def _identities(batch: Batch, source: str, first: int) -> dict[str, Any]:
    sequence = batch.sequence_of_row.cpu().numpy()
    return {
        "source": [source] * len(sequence),
        "seq": (sequence + first).astype(np.int32),
        "pos": batch.position_of_row.int().cpu().numpy(),
        "token": batch.next_ids.int().cpu().numpy(),
    }


@torch.no_grad()
def target_columns(p: Rows, tokens: Tensor) -> dict[str, Any]:
    """What the target says at some rows, as columns of the contexts.

    Args:
        tokens: [rows] the token that follows at each row.
    """
    columns: dict[str, list[Tensor]] = {"entropy": [], "p": [], "top": [], "top_p": []}
    for rows in chunks(len(p.hidden), p.vocabulary, p.hidden.device):
        logp = p.log_probs(rows)
        columns["entropy"].append(entropy(logp))
        columns["p"].append(logp.gather(1, tokens[rows, None])[:, 0].exp())
        _add_top(columns, "top_p", logp)
    return _as_columns(columns)


@torch.no_grad()
def draft_columns(p: Rows, q: Rows, tokens: Tensor) -> dict[str, Any]:
    """What a model says at some rows, beside the target, as columns of its table."""
    columns: dict[str, list[Tensor]] = {name: [] for name in SNAPSHOT.names}
    for rows in chunks(len(p.hidden), p.vocabulary, p.hidden.device):
        logp, logq = p.log_probs(rows), q.log_probs(rows)
        chosen = logq.gather(1, tokens[rows, None])
        columns["kl"].append(forward_kl(renormalised(logp, q.kept), logq))
        columns["reverse_kl"].append(reverse_kl(logp, logq))
        columns["overlap"].append(overlap(logp, logq))
        columns["q"].append(chosen[:, 0].exp())
        columns["rank"].append(1 + (logq > chosen).sum(-1))
        columns["agree"].append(logp.argmax(-1) == logq.argmax(-1))
        _add_top(columns, "top_q", logq)
    return _as_columns(columns)


def _add_top(columns: dict[str, list[Tensor]], name: str, logs: Tensor) -> None:
    """The likeliest tokens and their probabilities; a smaller vocabulary is filled up with -1."""
    values, ids = logs.topk(min(TOP, logs.shape[1]), dim=-1)
    lack = TOP - ids.shape[1]
    columns["top"].append(torch.nn.functional.pad(ids, (0, lack), value=-1))
    columns[name].append(torch.nn.functional.pad(values.exp(), (0, lack)))


def _as_columns(columns: dict[str, list[Tensor]]) -> dict[str, Any]:
    """Arrow's columns of tensors: [rows] as they are, [rows, TOP] as lists."""
    arrays: dict[str, Any] = {}
    for name, parts in columns.items():
        values = torch.cat(parts).cpu()
        values = (
            values if values.is_floating_point() or values.dtype == torch.bool else values.int()
        )
        array = values.numpy()
        flat = pa.array(array.reshape(-1))
        arrays[name] = pa.FixedSizeListArray.from_arrays(flat, TOP) if array.ndim > 1 else flat
    return arrays
