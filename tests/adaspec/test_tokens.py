"""Token tables: values known in closed form, reading one example, what follows from the columns."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from adaspec import AdaspecError, measurement, pipeline, runs, selection, tokens
from adaspec.data import Example, collate
from adaspec.divergence import Rows
from adaspec.measurement import draft_columns, target_columns
from adaspec.recipe import Method
from adaspec.runs import Run
from adaspec.runs.tables import VOCABULARY
from adaspec.weighting import WEIGHTS, Tokens, weigh
from tests.adaspec.test_cli import adaspec, one_line_error
from tests.adaspec.test_measurement import probabilities

WORDS = 3


@pytest.fixture
def run(home: Path, finished_run: Run) -> Run:
    copy = Run(home / "runs" / finished_run.path.name)
    shutil.copytree(finished_run.path, copy.path)
    return copy


def everything(run: Run) -> Iterator[tuple[str, Any]]:
    for source in tokens.sources(run):
        for example in tokens.examples(run, source).itertuples():
            yield source, example


def says(*rows: list[float]) -> Rows:
    """A model whose distributions are these: hidden states are log-probabilities."""
    return Rows(torch.tensor(rows).log(), lambda hidden: hidden, WORDS)


def test_three_words_in_closed_form() -> None:
    p, q = [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]
    target = target_columns(says(p, [0.98, 0.01, 0.01]), torch.tensor([0, 2]))
    draft = draft_columns(says(p, p), says(q, p), torch.tensor([0, 2]))
    assert target["entropy"].to_pylist()[0] == pytest.approx(1.5 * math.log(2))
    assert target["p"].to_pylist() == pytest.approx([0.5, 0.01])
    assert target["top"].to_pylist()[0][0] == 0
    assert target["top"].to_pylist()[0][3:] == [-1, -1]  # there are but three words
    assert target["top_p"].to_pylist()[0] == pytest.approx([0.5, 0.25, 0.25, 0, 0])
    # KL(p || q) = 1/2 log 2 - 1/4 log 2; reversed the same by symmetry; 0 where they are equal.
    assert draft["kl"].to_pylist() == pytest.approx([math.log(2) / 4, 0], abs=1e-7)
    assert draft["reverse_kl"].to_pylist() == pytest.approx([math.log(2) / 4, 0], abs=1e-7)
    assert draft["overlap"].to_pylist() == pytest.approx([0.75, 1])
    assert draft["q"].to_pylist() == pytest.approx([0.25, 0.25])
    assert draft["rank"].to_pylist() == [2, 2]  # one word is likelier, equal ones are not
    assert draft["agree"].to_pylist() == [False, True]
    assert draft["top"].to_pylist()[0][0] == 2
    assert draft["top_q"].to_pylist()[0][:1] == pytest.approx([0.5])


def test_one_example_is_its_rows_of_the_files(finished_run: Run) -> None:
    contexts = pq.read_table(finished_run.contexts_file).to_pandas()
    draft = pq.read_table(finished_run.tokens_file("adaspec")).to_pandas()
    seen = 0
    for source, example in everything(finished_run):
        mine = tokens.rows(finished_run, source, example.seq, ["adaspec"])
        here = (contexts["source"] == source) & (contexts["seq"] == example.seq)
        assert mine["token"].tolist() == contexts["token"][here].tolist()
        assert mine["kl@adaspec"].tolist() == draft["kl"][here].tolist()
        assert np.stack(mine["top@adaspec"]).tolist() == np.stack(draft["top"][here]).tolist()
        assert len(mine) == example.tokens
        seen += len(mine)
    assert seen == len(contexts)


def test_small_row_groups_change_nothing(run: Run) -> None:
    before = tokens.rows(run, "dataset", 3, ["adaspec", "stock"])
    column = tokens.column(run, "dataset", "kl", "adaspec")
    for path in run.contexts_file.parent.glob("*.parquet"):
        pq.write_table(pq.read_table(path), path, row_group_size=7)
    pd.testing.assert_frame_equal(tokens.rows(run, "dataset", 3, ["adaspec", "stock"]), before)
    np.testing.assert_array_equal(tokens.column(run, "dataset", "kl", "adaspec"), column)


def test_examples_and_prompts_are_the_text(finished_run: Run) -> None:
    pieces = tokens.vocabulary(finished_run)
    for source, example in everything(finished_run):
        rows = tokens.rows(finished_run, source, example.seq, [])
        said = b"".join(pieces[one].data for one in rows["token"])
        assert said.decode(errors="replace") == example.response
        prompt = tokens.prompt_ids(finished_run, source, example.seq)
        assert b"".join(pieces[one].data for one in prompt).decode() == example.prompt


@pytest.mark.parametrize("name", ["adaspec@1", "reference@1", "adaspec"])
def test_a_snapshot_is_the_model_at_that_step(finished_run: Run, mini, name: str) -> None:
    """Its rows equal a float64 recomputation from the kept weights to 1e-4, top five and all."""
    one = tokens.Snapshot.of(name)
    folder = finished_run.model(name) if one.step is None else finished_run.snapshot(*one[1:])
    example = measurement.read_sequences(finished_run.sequences_file)["generated"][1]
    p = probabilities(mini.target.source[0], example)
    q = probabilities(folder, example)
    rows = tokens.rows(finished_run, "generated", 1, [name])
    chosen = np.arange(len(q)), example.ids[example.prompt_length :]
    np.testing.assert_allclose(rows[f"kl@{name}"], (p * np.log(p / q)).sum(-1), atol=1e-4)
    top = -np.sort(-q, axis=1)[:, :5]
    np.testing.assert_allclose(np.stack(rows[f"top_q@{name}"]), top, atol=1e-4)
    rank = 1 + (q > q[chosen][:, None]).sum(1)
    assert (np.abs(rows[f"rank@{name}"] - rank) <= 1).all()  # float32 may swap near equals
    assert (rows[f"rank@{name}"] == rank).mean() > 0.9


def test_snapshots_come_in_order(finished_run: Run) -> None:
    names = [one.name for one in tokens.snapshots(finished_run)]
    assert names[0] == "stock"
    assert names.index("reference") < names.index("distillspec-data") < names.index("adaspec")
    way = [one.name for one in tokens.timeline(finished_run, "adaspec")]
    assert way == ["stock", "adaspec@1", "adaspec"]  # of 5 steps


def kept(score: torch.Tensor) -> np.ndarray:
    """What AdaSPEC keeps at k = 0.4 where dL is this."""
    columns = selection.Columns(len(score), score, torch.zeros(len(score)))
    return selection.select("top_delta", 0.4, columns, torch.device("cpu")).numpy()


def test_selection_and_delta_are_derived(finished_run: Run) -> None:
    """dL in float64 to 1e-4; the kept ones are `select`'s, in the corpus and in every batch."""
    delta = tokens.delta(finished_run, "generated", "stock")
    kl = tokens.column(finished_run, "generated", "kl", "stock").astype(np.float64)
    reference = tokens.column(finished_run, "generated", "kl", "reference").astype(np.float64)
    np.testing.assert_allclose(delta, kl - reference, atol=1e-4)
    score = torch.from_numpy(delta.copy())
    corpus = tokens.entries(finished_run, "generated", "stock", "corpus")
    mask = kept(score)
    np.testing.assert_array_equal(corpus <= 400, mask)
    size = tokens.pool_size(finished_run, "adaspec")
    assert size == 15  # batch 6 at k = 0.4
    pools = tokens.pools(finished_run, "generated", "batch", 2)
    counts = tokens.examples(finished_run, "generated")["tokens"].to_numpy()
    assert np.bincount(pools).tolist() == counts.reshape(-1, 2).sum(1).tolist()


@pytest.mark.parametrize("pool", ["corpus", "batch"])
def test_the_entries_of_one_example(finished_run: Run, monkeypatch, pool: tokens.Pool) -> None:
    monkeypatch.setattr(tokens, "pool_size", lambda run, training: 4)  # the last batch has two
    tokens._entries.cache_clear()
    whole = tokens.entries(finished_run, "dataset", "adaspec@1", pool)
    for seq in range(6):
        own = tokens.example_entries(finished_run, "dataset", seq, "adaspec@1", pool)
        here = tokens.find(finished_run, "dataset", seq)
        np.testing.assert_array_equal(own, whole[here])
    tokens._entries.cache_clear()


@pytest.mark.parametrize("order", ["hardest", "improved", "disputed", "selected", "first"])
def test_rankings_are_means_over_the_rows(finished_run: Run, order: str) -> None:
    ranked = tokens.ranking(finished_run, "generated", order, "adaspec", "distillspec-data", 300)
    assert len(ranked) == 6
    assert ranked["score"].is_monotonic_decreasing or order == "first"
    entries = tokens.entries(finished_run, "generated", "adaspec", "corpus")
    for one in ranked.itertuples():
        rows = tokens.rows(
            finished_run, "generated", one.seq, ["stock", "adaspec", "distillspec-data"]
        )
        here = tokens.find(finished_run, "generated", one.seq)
        expected: dict[str, Any] = {
            "hardest": rows["kl@adaspec"].mean(),
            "improved": (rows["kl@stock"] - rows["kl@adaspec"]).mean(),
            "disputed": (rows["kl@distillspec-data"] - rows["kl@adaspec"]).abs().mean(),
            "selected": (entries[here] <= 300).mean(),
            "first": one.seq,
        }
        assert one.score == pytest.approx(expected[order], abs=1e-5)


@pytest.mark.parametrize("order", tokens.TOKEN_ORDERS)
def test_every_token_in_order(finished_run: Run, order: str) -> None:
    """Held against the rows of each example, read one by one."""
    names = ["stock", "reference", "adaspec", "distillspec-data"]
    ranked = tokens.ranked_tokens(
        finished_run, "generated", order, "adaspec", "distillspec-data", by="stock", k=300
    )
    expected = {}
    for example in tokens.examples(finished_run, "generated").itertuples():
        rows = tokens.rows(finished_run, "generated", example.seq, names)
        entries = tokens.example_entries(finished_run, "generated", example.seq, "stock", "corpus")
        for row, entry in zip(rows.to_dict("records"), entries, strict=True):
            expected[(example.seq, row["pos"])] = row | {"kept": entry <= 300}
    assert len(ranked) == len(expected)
    scores, kept = [], []
    for row in ranked.to_dict("records"):
        true = expected[(row["seq"], row["pos"])]
        kl = true["kl@adaspec"]
        assert (row["token"], row["kl"], row["kept"]) == (true["token"], kl, true["kept"])
        assert row["text"] == tokens.vocabulary(finished_run)[row["token"]].text
        score = {
            "hardest": kl,
            "selected": true["kl@stock"] - true["kl@reference"],
            "disputed": abs(true["kl@distillspec-data"] - kl),
            "improved": true["kl@stock"] - kl,
            "unsure": true["entropy"],
        }
        scores.append(score[order])
        kept.append(true["kept"])
    np.testing.assert_allclose(scores, sorted(scores, reverse=True), atol=1e-6)
    if order == "selected":
        assert kept == sorted(kept, reverse=True)


def test_of_every_token_some_and_one_class(finished_run: Run) -> None:
    everything = tokens.ranked_tokens(finished_run, "dataset", "hardest", "adaspec")
    kind = everything["class"].iloc[3]
    of_class = everything[everything["class"] == kind].reset_index(drop=True)
    some = tokens.ranked_tokens(finished_run, "dataset", "hardest", "adaspec", kind=kind, most=5)
    pd.testing.assert_frame_equal(some, of_class.head(5))
    assert "dispute" not in some


def test_without_a_reference_no_token_is_kept(run: Run) -> None:
    run.tokens_file("reference").unlink()
    ranked = tokens.ranked_tokens(run, "generated", "hardest", "adaspec")
    assert not {"delta", "kept"} & set(ranked)
    with pytest.raises(AdaspecError, match="no reference"):
        tokens.ranked_tokens(run, "generated", "selected", "adaspec")


def test_measuring_again_gives_the_same(run: Run) -> None:
    before = {path.name: path.read_bytes() for path in run.contexts_file.parent.glob("*.parquet")}
    report = runs.read_report(run)
    shutil.rmtree(run.contexts_file.parent)
    run.sequences_file.parent.mkdir()
    run.sequences_file.write_bytes(before["sequences.parquet"])
    pipeline.measure_again(run)
    after = {path.name: path.read_bytes() for path in run.contexts_file.parent.glob("*.parquet")}
    assert after == before
    again = runs.read_report(run)
    assert all(draft.speedup.measured > 0 for draft in again.drafts)  # the clock's
    clock = {"drafts": {"__all__": {"speedup"}}, "business": True}
    assert again.model_dump(exclude=clock) == report.model_dump(exclude=clock)
    assert runs.read_state(run).state == "finished"


def test_memory_holds_one_row_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the number of rows, no more than a group of them waits to be written."""
    monkeypatch.setattr(measurement, "ROW_GROUP", 50)
    schema = VOCABULARY
    with measurement._table(tmp_path / "t.parquet", schema) as table:
        for start in range(0, 730, 73):
            ids = range(start, start + 73)
            table.add({"id": ids, "data": [b""] * 73, "special": [False] * 73})
            assert table.waiting.num_rows < 50
    file = pq.ParquetFile(tmp_path / "t.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(15)] == [50] * 14 + [30]
    assert file.read()["id"].to_pylist() == list(range(730))


def test_padding_changes_no_row(mini) -> None:
    from adaspec import models
    from adaspec.teacher import frozen_rows

    model = models.open_model(mini.target, [], 0, "target").model
    one, other = (Example(np.arange(3, 3 + n), 2) for n in (6, 11))
    alone = target_columns(frozen_rows(model, collate([one]), 300), torch.from_numpy(one.ids[2:]))
    both = collate([one, other])
    padded = target_columns(frozen_rows(model, both, 300), both.next_ids)
    np.testing.assert_allclose(padded["p"][:4], alone["p"], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["tokens", "RUN", "--sequence", "99"], "No example 99: generated has 0 to 5."),
        (["tokens", "RUN", "--source", "x"], "this run has generated, dataset"),
        (["tokens", "RUN", "--draft", "x"], "No snapshot 'x': this run has stock"),
        (["tokens", "RUN", "--order", "x"], "No order 'x': choose one of hardest"),
        (["tokens", "RUN", "--k", "2"], "Invalid value for '--k'"),
        (["measure", "nothing"], "No run 'nothing'"),
    ],
)
def test_faults_are_one_line(run: Run, arguments: list[str], expected: str) -> None:
    told = [run.path.name if one == "RUN" else one for one in arguments]
    assert expected in one_line_error(adaspec(*told, home=run.path.parent.parent))


def test_from_a_terminal(run: Run) -> None:
    home = run.path.parent.parent
    listed = adaspec("tokens", run.path.name, "--json", "--limit", "3", home=home)
    ranked = tokens.ranking(run, "generated", "hardest", "adaspec")
    assert [one["seq"] for one in json.loads(listed.stdout)] == ranked["seq"].tolist()[:3]
    shown = adaspec("tokens", run.path.name, "--sequence", "2", "--json", home=home)
    rows = json.loads(shown.stdout)
    expected = tokens.rows(run, "generated", 2, ["adaspec"])
    assert [row["kl@adaspec"] for row in rows] == pytest.approx(expected["kl@adaspec"].tolist())
    assert {"pos", "text", "p", "delta", "kept", "kl@reference"} <= rows[0].keys()
    table = adaspec("tokens", run.path.name, "--sequence", "2", home=home)
    assert table.returncode == 0
    assert "kept" in table.stdout
    hardest = adaspec("tokens", run.path.name, "--each", "--limit", "2", "--json", home=home)
    ranked = tokens.ranked_tokens(run, "generated", "hardest", "adaspec", by="adaspec")
    assert [row["kl"] for row in json.loads(hardest.stdout)] == pytest.approx(ranked["kl"][:2])
    disputed = adaspec("tokens", run.path.name, "--each", "--order", "disputed", home=home)
    assert "No rival" in one_line_error(disputed)
    shutil.rmtree(run.contexts_file.parent)
    without = adaspec("tokens", run.path.name, home=home)
    assert "has no token tables: adaspec measure" in one_line_error(without)


def test_an_unknown_pool_and_a_run_without_reference(run: Run) -> None:
    run.tokens_file("reference").unlink()
    with pytest.raises(AdaspecError, match="No snapshot 'reference'"):
        tokens.delta(run, "generated", "adaspec")


def test_rivals_select_by_their_own_scores(finished_run: Run) -> None:
    """Each of the table of selectors that selects, but AdaSPEC's own."""
    rivals = tokens.rival_entries(finished_run, "generated", "stock", "corpus")
    assert set(rivals) == {
        "random", "lowest_delta", "highest_kl", "highest_entropy", "excess_loss",
    }  # fmt: skip
    kl = tokens.column(finished_run, "generated", "kl", "stock")
    delta = tokens.delta(finished_run, "generated", "stock")
    scores = {
        "highest_kl": kl,
        "lowest_delta": -delta,
        "highest_entropy": tokens.column(finished_run, "generated", "entropy"),
        "excess_loss": np.log(tokens.column(finished_run, "generated", "q", "reference"))
        - np.log(tokens.column(finished_run, "generated", "q", "stock")),
    }
    for k in (100, 400):
        size = selection.count(len(kl), k / 1000)
        for name, score in scores.items():
            kept = rivals[name] <= k
            assert kept.sum() == size
            assert score[kept].min() >= score[~kept].max()
        assert (rivals["random"] <= k).sum() == size


def weighed(run: Run, **method: Any) -> Any:
    """The run, as if its AdaSPEC had trained with this method; its training."""
    trained = runs.read_trained(run, "adaspec")
    training = trained.training
    method = Method(**({"selector": "top_delta"} | method))
    changed = training.model_copy(update={"method": method})
    runs.TRAINED.write(run.budget_file("adaspec"), trained.model_copy(update={"training": changed}))
    return changed


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_in_views_are_those_of_the_models(run: Run, mini, name: str) -> None:
    """From the tables, without a model, against the kept weights in float64."""
    training = weighed(run, weight=name)
    shown = tokens.weights(run, "generated", "adaspec", training)
    models = (mini.target.source[0], run.model("adaspec"), run.model("reference"))
    known: dict[str, list[np.ndarray]] = {}
    for example in measurement.read_sequences(run.sequences_file)["generated"]:
        p, q, r = (probabilities(model, example) for model in models)
        rows, said = np.arange(len(p)), example.ids[example.prompt_length :]
        among = (-np.sort(-p)[:, 4:5] <= p[rows, q.argmax(1)][:, None])[:, 0]
        columns = {
            "loss_q": (p * np.log(p / q)).sum(-1),
            "loss_r": (p * np.log(p / r)).sum(-1),
            "log_p": np.log(p[rows, said]),
            "log_q": np.log(q[rows, said]),
            "agree": p.argmax(1) == q.argmax(1),
            "verified": among,
            "overlap": np.minimum(p, q).sum(-1),
            "position": rows,
        }
        for column, values in columns.items():
            known.setdefault(column, []).append(values)
    columns = selection.Columns(
        len(shown), **{column: np.concatenate(parts) for column, parts in known.items()}
    )
    score = columns.loss_q - columns.loss_r
    mask = selection.entry(score) <= 400
    softness = WEIGHTS[name].softness
    expected = weigh(name, Tokens(columns, mask, score, softness, 4))
    np.testing.assert_allclose(shown, expected, atol=2e-3)


def test_a_list_of_tokens_has_the_weights_of_its_draft(run: Run) -> None:
    plain = tokens.ranked_tokens(run, "generated", "hardest", "adaspec", by="adaspec")
    assert "weight" not in plain
    training = weighed(run, weight="verified", selector="all")
    training = training.model_copy(update={"k": None})
    ranked = tokens.ranked_tokens(run, "generated", "hardest", "adaspec", by="adaspec")
    assert "weight" not in tokens.ranked_tokens(run, "generated", "hardest", "stock")
    order = np.argsort(-tokens.column(run, "generated", "kl", "adaspec"), kind="stable")
    whole = tokens.weights(run, "generated", "adaspec", training)
    assert ranked["weight"].tolist() == whole[order].tolist()
    assert ranked["weight"].mean() == pytest.approx(1)
