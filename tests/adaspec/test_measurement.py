"""What is measured at the end, recomputed plainly from the models of a finished run."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from adaspec import measurement, models, runs
from adaspec.runs import Run


@pytest.fixture(scope="module")
def sequences(finished_run: Run) -> measurement.Sequences:
    return measurement.read_sequences(finished_run.sequences_file)


def probabilities(folder, example) -> np.ndarray:
    """[response, vocabulary] in float64, one sequence at a time, whole model, no padding."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    with torch.no_grad():
        logits = model(input_ids=torch.from_numpy(example.ids)[None]).logits[0]
    return logits.softmax(-1)[example.prompt_length - 1 : -1].numpy()


@pytest.mark.parametrize("name", ["stock", "reference", "adaspec"])
def test_every_row_equals_a_plain_float64_recomputation(
    finished_run, sequences, mini, name
) -> None:
    """To 1e-4, on both sources."""
    contexts = pq.read_table(finished_run.contexts_file).to_pandas()
    rows = pq.read_table(finished_run.tokens_file(name)).to_pandas()
    assert len(contexts) == len(rows)
    for source, examples in sequences.items():
        for seq in (0, len(examples) - 1):
            example = examples[seq]
            p = probabilities(mini.target.source[0], example)
            q = probabilities(finished_run.model(name), example)
            here = ((contexts["source"] == source) & (contexts["seq"] == seq)).to_numpy()
            tokens = example.ids[example.prompt_length :]
            at = np.arange(len(tokens))
            seen, ours = contexts[here], rows[here]
            assert seen["token"].tolist() == tokens.tolist()
            assert seen["pos"].tolist() == at.tolist()
            for column, expected in {
                "kl": (p * np.log(p / q)).sum(-1),
                "reverse_kl": (q * np.log(q / p)).sum(-1),
                "overlap": np.minimum(p, q).sum(-1),
                "q": q[at, tokens],
            }.items():
                np.testing.assert_allclose(ours[column], expected, atol=1e-4, err_msg=column)
            np.testing.assert_allclose(seen["p"], p[at, tokens], atol=1e-4)
            np.testing.assert_allclose(seen["entropy"], -(p * np.log(p)).sum(-1), atol=1e-4)
            assert ours["agree"].tolist() == (p.argmax(-1) == q.argmax(-1)).tolist()


def test_the_report_is_means_over_those_rows(finished_run) -> None:
    content = runs.read_report(finished_run)
    contexts = pq.read_table(finished_run.contexts_file).to_pandas()
    assert [draft.name for draft in content.drafts] == [
        "stock",
        "reference",
        "distillspec",
        "distillspec-data",
        "adaspec",
    ]
    for draft in content.drafts:
        rows = pq.read_table(finished_run.tokens_file(draft.same_as or draft.name))
        overlap = rows["overlap"].to_numpy().astype(np.float64)
        generated = (contexts["source"] == "generated").to_numpy()
        assert draft.alpha.generated == pytest.approx(overlap[generated].mean())
        assert draft.alpha.dataset == pytest.approx(overlap[~generated].mean())
        low, high = draft.alpha.generated_ci
        assert low <= draft.alpha.generated <= high
    by_name = {draft.name: draft for draft in content.drafts}
    assert by_name["distillspec"].same_as == "reference"
    assert by_name["distillspec"].alpha == by_name["reference"].alpha
    assert by_name["adaspec"].needs == ["reference"]
    assert by_name["adaspec"].budget.sequences == 75
    assert by_name["stock"].budget.steps == 0


def test_continuations_are_what_the_target_says(mini, finished_run, sequences) -> None:
    """They start from the held-out prompts, end at EOS or the limit, and depend on the seed."""
    tokenizer = AutoTokenizer.from_pretrained(mini.target.source[0])
    for said, given_ in zip(sequences["generated"], sequences["dataset"], strict=True):
        np.testing.assert_array_equal(
            said.ids[: said.prompt_length], given_.ids[: given_.prompt_length]
        )
        response = said.ids[said.prompt_length :].tolist()
        assert len(response) <= mini.evaluation.max_new_tokens
        assert tokenizer.eos_token_id not in response[:-1]


def test_continuations_follow_the_targets_distribution(mini) -> None:
    """First tokens of 3,000 continuations against p, by chi-square; a default top-k would fail."""
    opened = models.open_model(mini.target, [], 0, "target")
    ids = np.array(opened.tokenizer("Ada has 12")["input_ids"])
    from adaspec.data import Example

    prompts = [Example(np.append(ids, 0), len(ids))] * 3000
    said = measurement.continue_prompts(
        opened.model,
        prompts,
        vocabulary=300,
        eos=opened.tokenizer.eos_token_id,
        max_new_tokens=1,
        batch=1000,
        seed=3,
        on_batch=lambda done: None,
    )
    with torch.no_grad():
        p = opened.model(input_ids=torch.from_numpy(ids)[None]).logits[0, -1].softmax(-1).numpy()
    counts = np.bincount([example.ids[-1] for example in said], minlength=len(p))
    expected = p * 3000
    common = expected >= 5
    grouped = np.append(counts[common], counts[~common].sum())
    wanted = np.append(expected[common], expected[~common].sum())
    chi_square = ((grouped - wanted) ** 2 / wanted).sum()
    freedom = len(grouped) - 1
    assert chi_square < freedom + 5 * np.sqrt(2 * freedom)


def test_the_monitor_measures_acceptance(mini, finished_run, sequences) -> None:
    target = models.open_model(mini.target, [], 0, "target").model
    draft = models.open_model(mini.draft, [], 0, "draft").model
    examples = sequences["generated"][:3]
    seen = measurement.Monitor(target, examples, 300, 2)(draft)
    overlaps = [
        np.minimum(
            probabilities(mini.target.source[0], example),
            probabilities(mini.draft.source[0], example),
        ).sum(-1)
        for example in examples
    ]
    assert seen["alpha"] == pytest.approx(np.concatenate(overlaps).mean(), abs=1e-4)
