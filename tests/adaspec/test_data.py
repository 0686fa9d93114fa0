"""Rows to examples: masks by offsets, truncation, batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from adaspec import AdaspecError, data
from adaspec.models import train_tokenizer
from adaspec.stories import stories
from tests.adaspec.test_rows import spec


@pytest.fixture(scope="module")
def tokenizer(small_models: Path) -> Any:
    return AutoTokenizer.from_pretrained(small_models / "target")


TEXT = st.text(max_size=30)


@given(question=TEXT, answer=TEXT.filter(bool), length=st.integers(4, 60))
@settings(max_examples=200)
def test_mask_covers_the_response_and_nothing_else(tokenizer, question, answer, length) -> None:
    row = {"question": question, "answer": answer}
    [(example, truncated)] = data.encode([row], spec(max_length=length), tokenizer)
    whole = tokenizer(question + "\n" + answer)["input_ids"]
    assert truncated == (len(whole) + 1 > length)
    if example is None:
        return
    assert example.ids[-1] == tokenizer.eos_token_id
    assert len(example.ids) <= length
    if not truncated:
        prompt = tokenizer.decode(example.ids[: example.prompt_length])
        response = tokenizer.decode(example.ids[example.prompt_length : -1])
        assert prompt + response == question + "\n" + answer
        assert response.endswith(answer)  # a token across the boundary belongs to the response


def test_a_token_across_the_boundary_is_response() -> None:
    """` apples` cut as ` app|les` is other tokens than ` apples`: offsets decide, not lengths."""
    tokenizer = train_tokenizer([row["question"] for row in stories(500, 0)], 600)
    row = {"question": "Ada has 12 app", "answer": "les. Then"}
    [(example, _)] = data.encode([row], spec(prompt="{question}"), tokenizer)
    words = [tokenizer.decode([i]) for i in example.ids]
    assert words[example.prompt_length] == " apples"
    assert "".join(words[: example.prompt_length]) == "Ada has 12"


def test_eos_is_kept_and_empty_responses_are_dropped_and_counted(tmp_path, tokenizer) -> None:
    rows = [
        {"q": "Ada has 2 apples.", "a": "short"},
        {"q": "Ada has 2 apples.", "a": "long " * 50},
        {"q": "long " * 50, "a": "lost"},
        {"q": "no answer", "a": ""},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "held.jsonl").write_text(json.dumps(rows[0]))
    files = {"train": str(tmp_path / "rows.jsonl"), "evaluation": str(tmp_path / "held.jsonl")}
    chosen = spec(**files, prompt="{q}\n", response="{a}", max_length=40)
    split = data.prepare(chosen, tokenizer, seed=0)
    assert (len(split.train), split.dropped, split.truncated) == (2, 2, 2)
    for example in split.train + split.evaluation:
        assert example.ids[-1] == tokenizer.eos_token_id
        assert len(example.ids) <= 40


def test_predicting_positions_and_tokens_line_up(tokenizer) -> None:
    examples = data.prepare(spec(), tokenizer, 0).train[:4]
    batch = data.collate(examples)
    expected = [token for e in examples for token in e.ids[e.prompt_length :]]
    assert batch.next_ids.tolist() == expected
    assert batch.sequence_of_row.tolist() == [
        i for i, e in enumerate(examples) for _ in range(e.response_length)
    ]


def test_all_rows_lost_to_truncation(tokenizer) -> None:
    with pytest.raises(AdaspecError, match=r"train split lost its whole response at max_length=5"):
        data.prepare(spec(max_length=5), tokenizer, 0)
