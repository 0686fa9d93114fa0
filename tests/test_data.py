"""Rows to examples: masks by offsets, truncation, files, faults by file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from adaspec import AdaspecError, data
from adaspec.models import train_tokenizer
from adaspec.recipe import Data
from adaspec.stories import stories


@pytest.fixture(scope="module")
def tokenizer(small_models: Path) -> Any:
    return AutoTokenizer.from_pretrained(small_models / "target")


def spec(**changes: Any) -> Data:
    base: dict[str, Any] = {
        "train": {"stories": 20},
        "evaluation": {"stories": 5, "seed": 1},
        "prompt": "{question}\n",
        "response": "{answer}",
        "max_length": 200,
    }
    return Data.model_validate(base | changes)


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
    assert batch.attention_mask.sum().item() == sum(len(e.ids) for e in examples)


def test_every_file_format_gives_the_same_rows(tmp_path) -> None:
    rows = [{"question": 'a, "b"', "answer": "é\n1"}, {"question": "c", "answer": "2"}]
    pd.DataFrame(rows).to_csv(tmp_path / "x.csv", index=False)
    pd.DataFrame(rows).to_parquet(tmp_path / "x.parquet")
    (tmp_path / "x.jsonl").write_text("\n\n".join(map(json.dumps, rows)), encoding="utf-8")
    for name in ("x.csv", "x.parquet", "x.jsonl"):
        read = [
            {key: row[key] for key in ("question", "answer")}
            for row in data.read_file(tmp_path / name)
        ]
        assert read == rows, name
    (tmp_path / "x.txt").write_text("one\n\ntwo\n")
    assert [row["text"] for row in data.read_file(tmp_path / "x.txt")] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", b'{"question": "x"}\n{oops\n', r"a\.jsonl, line 2: not JSON"),
        ("a.jsonl", b'{"question": "x"}\n[1]\n', r"a\.jsonl, line 2: expected an object"),
        ("a.jsonl", b'{"question": "x"}\n', r"line 1: no field 'answer' \(it has question\)"),
        ("a.jsonl", b'{"question": "x", "answers": "y"}\n', r"Did you mean 'answers'"),
        ("a.csv", b"question,answer\n1,2\n3\n", r"a\.csv, line 3: not 2 columns"),
        ("a.csv", b"question,answer\n1,2,3\n", r"a\.csv, line 2: not 2 columns"),
        ("a.jsonl", b"\xff\xfe", r"a\.jsonl: not UTF-8 text at byte 0"),
        ("a.parquet", b"PAR1 no", r"a\.parquet: not a Parquet file"),
        ("a.jsonl", b"", r"the train split is empty"),
        ("a.xlsx", b"", r"expected a file ending in \.jsonl, \.csv, \.parquet, \.txt"),
    ],
)
def test_faults_name_the_file_and_the_line(tmp_path, tokenizer, name, content, expected) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AdaspecError, match=expected) as raised:
        data.prepare(spec(train=str(tmp_path / name)), tokenizer, 0)
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_an_unreachable_hub_say_what_to_do(tokenizer) -> None:
    with pytest.raises(AdaspecError, match=r"data\.train: no file nowhere\.jsonl"):
        data.prepare(spec(train="nowhere.jsonl"), tokenizer, 0)
    with pytest.raises(AdaspecError, match=r"--set data\.train=FILE\.jsonl"):
        data.prepare(spec(train={"hub": "openai/gsm8k", "config": "main"}), tokenizer, 0)


def test_all_rows_lost_to_truncation(tokenizer) -> None:
    with pytest.raises(AdaspecError, match=r"train split lost its whole response at max_length=5"):
        data.prepare(spec(max_length=5), tokenizer, 0)


def test_templates_take_the_first_without_an_empty_field() -> None:
    chosen = spec(prompt=["{instruction} / {input}:", "{instruction}:"], response="{output}")
    row = {"instruction": "Add", "input": "1 2", "output": "3"}
    assert data.render(row, chosen) == ("Add / 1 2:", "3")
    assert data.render(row | {"input": ""}, chosen) == ("Add:", "3")
    assert data.render(row | {"input": None}, chosen) == ("Add:", "3")


def test_templates_reach_fields_only() -> None:
    chosen = spec(prompt="{question.__class__} {{x}}", response="{answer}")
    prompt, _ = data.render({"question": "q", "answer": "a", "x": 1}, chosen)
    assert prompt == "{question.__class__} {1}"


def test_replace_is_applied_to_the_response() -> None:
    chosen = spec(replace={"####": "The final answer is: "})
    assert (
        data.render({"question": "q", "answer": "#### 7"}, chosen)[1] == "The final answer is:  7"
    )


@given(st.floats(0.05, 0.9), st.integers(0, 5))
def test_holdout_splits_without_overlap(fraction: float, seed: int) -> None:
    chosen = spec(evaluation={"holdout": fraction})
    train, evaluation = data.read_splits(chosen, seed)
    assert len(train) + len(evaluation) == 20
    assert [row for row in stories(20, 0) if row in train or row in evaluation] == stories(20, 0)
    assert not [row for row in train if row in evaluation]


def test_stories_are_equal_for_equal_seeds() -> None:
    assert stories(5, 1) == stories(5, 1)
    assert stories(5, 1) != stories(5, 2)
    assert stories(9, 1)[:5] == stories(5, 1)


@given(st.integers(0, 500))
def test_stories_end_in_the_number_they_compute(seed: int) -> None:
    answer = stories(1, seed)[0]["answer"]
    steps = [line for line in answer.split(". ") if " = " in line or "makes" in line]
    assert answer.rsplit(" ", 1)[1].isdigit()
    if steps:
        digits = "".join(c if c.isdigit() else " " for c in steps[-1]).split()
        assert answer.rsplit(" ", 1)[1] == digits[-1] or answer.rsplit(" ", 1)[1] in digits
