"""The bundled English pair: what it was trained on, what it may weigh, and its benchmark's sums."""

from __future__ import annotations

import math

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from adaspec import ASSETS, recipe, runs
from adaspec.models import load_weights, parameters, weights_hash
from adaspec.rows import read_file
from benchmarks.english.bits import Text, bits_a_byte, nats
from benchmarks.english.rows import plain

FOLDER = ASSETS / "english"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def target():
    return load_weights(FOLDER / "target", CPU)


def test_it_is_small_and_its_licence_lies_beside_it(target) -> None:
    stock = load_weights(FOLDER / "stock", CPU)
    assert parameters(target) <= 5_000_000
    assert parameters(stock) * 12 <= parameters(target)
    assert sum(file.stat().st_size for file in FOLDER.glob("*.parquet")) <= 1_000_000
    assert "MIT License" in (FOLDER / "LICENSE").read_text()


def test_no_row_is_in_both_splits() -> None:
    prompts = [
        {row["prompt"] for row in read_file(FOLDER / f"{split}.parquet")}
        for split in ("train", "held-out")
    ]
    assert [len(split) for split in prompts] == [7000, 300]
    assert not prompts[0] & prompts[1]


def test_a_row_is_plain_text() -> None:
    row = {"question": "How many?", "answer": "2+3=<<2+3=5>>5 pens\n#### 5"}
    assert plain(row) == {"prompt": "How many?\n", "response": "2+3=5 pens\nThe answer is 5."}
    for row in read_file(FOLDER / "train.parquet"):
        assert row["prompt"].endswith("\n")
        assert "\nThe answer is " in row["response"]
        assert "<<" not in row["response"]
        assert "####" not in row["response"]


def test_any_byte_can_be_encoded() -> None:
    """One byte-level BPE and single digits: nothing else has to be written again for a browser."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDER / "target")
    for text in ("Ça, 東京 🙂\u0000\t\n 1234", bytes(range(128)).decode()):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(tokenizer("2048")["input_ids"]) == 4
    assert isinstance(tokenizer.backend_tokenizer, Tokenizer)
    assert len(tokenizer) == recipe.load("english-target").target.new.vocabulary


@pytest.mark.parametrize("prompt", ["", "Tom has"])
def test_nats_are_the_chain_rule_s(target, prompt: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDER / "target")
    texts = [Text(prompt, " three dogs and a cat.\nHe is happy."), Text(prompt, " 12 apples.")]
    expected = []
    for text in texts:
        ids = tokenizer(text.prompt + text.response)["input_ids"]
        given = max(1, len(tokenizer(prompt)["input_ids"]))
        with torch.no_grad():
            logs = target(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        costs = [-float(logs[i - 1, ids[i]]) for i in range(1, len(ids))]
        expected.append(sum(costs[given - 1 :]))
    assert nats(target, tokenizer, texts) == pytest.approx(expected, rel=1e-4)
    size = sum(len(text.response) for text in texts)
    first = (
        0
        if prompt
        else sum(len(tokenizer.decode(tokenizer(text.response)["input_ids"][:1])) for text in texts)
    )
    assert bits_a_byte(target, tokenizer, texts) == pytest.approx(
        sum(expected) / math.log(2) / (size - first), rel=1e-4
    )


def test_its_run_is_shown_first_and_is_small(target) -> None:
    first = runs.examples()[0]
    assert first.id == "english"
    assert runs.find("english") == first
    assert runs.read_state(first).state == "finished"
    assert runs.read_state(first).hashes["target"] == weights_hash(target)
    for example in runs.examples():
        assert sum(file.stat().st_size for file in example.path.rglob("*")) <= 16_000_000
