"""What models say of a text, beside the token tables and a plain recomputation of the same."""

from __future__ import annotations

import copy
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from adaspec import AdaspecError, inference, measurement, pipeline, recipe, runs, tokens, vocabulary
from adaspec.inference import Models, read_text, speculate
from adaspec.recipe import Decoding
from adaspec.rows import for_any_text
from adaspec.runs import EXAMPLES, Run
from adaspec.runs.tables import SNAPSHOT, TOP
from adaspec.speculation import decoding

PROMPT = "Tom has 12 apples and gives 5 of them away.\n"
ODD = "Ada says: 東京 🙂\u200d🙂 naïve\t\x00 λ→∞ 7.\n"
COLUMNS = [name for name in SNAPSHOT.names if not name.startswith("top")]


@pytest.fixture(scope="module")
def models(finished_run: Run) -> Models:
    return inference.open_run(finished_run)


@pytest.fixture(scope="module")
def example() -> Models:
    return inference.open_run(Run(EXAMPLES["example"]))


@pytest.fixture
def copied(finished_run: Run, tmp_path: Path) -> Run:
    """The finished run, to be changed."""
    shutil.copytree(finished_run.path, tmp_path / "run")
    return Run(tmp_path / "run")


def text_of(models: Models, reading: dict) -> bytes:
    return b"".join(pieces_of(models, reading.ids))


def pieces_of(models: Models, ids: list[int]) -> list[bytes]:
    known = {piece.id: piece.data for piece in vocabulary.pieces(models.tokenizer)}
    return [known[identity] for identity in ids]


@pytest.mark.parametrize(
    ("which", "source"),
    [("models", tokens.DATASET), ("example", tokens.DATASET), ("example", tokens.GENERATED)],
)
def test_the_same_numbers_as_the_token_tables(which, source, request) -> None:
    """Of every snapshot; a text that the tokenizer splits as the target wrote it."""
    models: Models = request.getfixturevalue(which)
    names = [snapshot.name for snapshot in tokens.snapshots(models.run)]
    assert len(names) > 6
    decode = models.tokenizer.decode
    compared = 0
    sequences = measurement.read_sequences(models.run.sequences_file)[source]
    for seq, sequence in enumerate(sequences):
        size = sequence.prompt_length
        end = len(sequence.ids) - (sequence.ids[-1] == models.tokenizer.eos_token_id)
        prompt, response = decode(sequence.ids[:size]), decode(sequence.ids[size:end])
        if models.tokenizer(prompt + response)["input_ids"] != sequence.ids[:end].tolist():
            continue
        reading = read_text(models, prompt, response, names)
        assert reading.ids == sequence.ids[:end].tolist()
        assert reading.response_from == size
        table = tokens.rows(models.run, source, seq, names)[: end - size]
        assert set(reading.columns) == {"entropy", "p"} | {
            f"{column}@{name}" for column in COLUMNS for name in names
        }
        for column, values in reading.columns.items():
            np.testing.assert_allclose(values, table[column], atol=1e-5, err_msg=column)
        for name in names:
            np.testing.assert_allclose(
                reading.top[name].p, np.stack(table[f"top_q@{name}"]), atol=1e-5
            )
        assert reading.top["target"].id == [list(ids) for ids in table["top"]]
        compared += 1
        if compared == 3:
            break
    assert compared


def test_a_text_of_ones_own_equals_a_plain_float64_recomputation(example) -> None:
    reading = read_text(example, PROMPT, ODD, ["adaspec", "reference@8"])
    ids = torch.tensor(example.tokenizer(PROMPT + ODD)["input_ids"])
    assert reading.ids == ids.tolist()
    assert text_of(example, reading) == (PROMPT + ODD).encode()
    first = reading.response_from
    next_ids, at = ids[first:], np.arange(len(ids) - first)

    def probabilities(folder: Path) -> np.ndarray:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
        with torch.no_grad():
            return model(input_ids=ids[None]).logits[0].softmax(-1)[first - 1 : -1].numpy()

    p = probabilities(EXAMPLES["example"].parent / "tiny" / "target")
    columns = reading.columns
    np.testing.assert_allclose(columns["p"], p[at, next_ids], atol=1e-4)
    np.testing.assert_allclose(columns["entropy"], -(p * np.log(p)).sum(-1), atol=1e-4)
    folders = {
        "adaspec": example.run.model("adaspec"),
        "reference@8": example.run.snapshot("reference", 8),
    }
    for name, folder in folders.items():
        q = probabilities(folder)
        for column, expected in {
            "kl": (p * np.log(p / q)).sum(-1),
            "reverse_kl": (q * np.log(q / p)).sum(-1),
            "overlap": np.minimum(p, q).sum(-1),
            "q": q[at, next_ids],
            "agree": p.argmax(-1) == q.argmax(-1),
        }.items():
            np.testing.assert_allclose(columns[f"{column}@{name}"], expected, atol=1e-4)
        # float32 may swap a token with a neighbour that is as likely to seven digits.
        rank = 1 + (q > q[at, next_ids][:, None]).sum(-1)
        apart = np.abs(np.array(columns[f"rank@{name}"]) - rank)
        assert apart.max() <= 1
        assert apart.mean() < 0.05
        likeliest = np.argsort(-q, axis=-1)[:, :TOP]
        assert reading.top[name].id == likeliest.tolist()


def test_a_token_that_begins_in_the_prompt_counts_as_response(example) -> None:
    whole = read_text(example, "", PROMPT, [])
    pieces = pieces_of(example, whole.ids)
    position, long = next((i, data) for i, data in enumerate(pieces) if i and len(data) > 3)
    before = b"".join(pieces[:position]).decode()
    for inside in (1, len(long) - 1):
        cut = len(before) + inside
        reading = read_text(example, PROMPT[:cut], PROMPT[cut:], [])
        assert reading.ids == whole.ids
        assert reading.response_from == position
    reading = read_text(example, before + long.decode(), PROMPT[len(before) + len(long) :], [])
    assert reading.response_from == position + 1


def test_the_first_token_has_no_row_and_no_end_is_added(models) -> None:
    reading = read_text(models, "", "Tom", ["stock"])
    assert reading.ids == models.tokenizer("Tom")["input_ids"]
    assert reading.response_from == 1
    assert {len(values) for values in reading.columns.values()} == {len(reading.ids) - 1}


def test_a_prompt_alone_is_continued_by_the_target(models) -> None:
    reading = read_text(models, PROMPT, "", ["stock"], seed=3, new_tokens=20)
    prompt = models.tokenizer(PROMPT)["input_ids"]
    assert reading.response_from == len(prompt)
    assert reading.ids[: len(prompt)] == prompt
    assert len(prompt) < len(reading.ids) <= len(prompt) + 20
    assert len(reading.columns["kl@stock"]) == len(reading.ids) - len(prompt)
    assert read_text(models, PROMPT, "", ["stock"], seed=3, new_tokens=20) == reading
    others = [read_text(models, PROMPT, "", [], seed=seed).ids for seed in range(4)]
    assert len({tuple(ids) for ids in others}) > 1


def test_in_a_run_on_conversations_the_prompt_is_what_a_user_says(models) -> None:
    """Rendered by the template, with what the recipe says to every row, and nothing of one row."""
    tokenizer = copy.deepcopy(models.tokenizer)
    tokenizer.chat_template = (
        "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}<|endoftext|>{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    turns = ({"user": "{question}", "assistant": "of a row"}, {"user": "Hi", "assistant": "Ho"})
    chat = for_any_text(recipe.Chat(system="Be brief.", turns=turns))
    talking = replace(
        models, tokenizer=tokenizer, data=models.data.model_copy(update={"chat": chat})
    )
    before = (
        "[system] Be brief.<|endoftext|>[user] Hi<|endoftext|>[assistant] Ho<|endoftext|>"
        "[user] 2 + 2?<|endoftext|>[assistant] "
    )
    for response in ("", "4, of course"):
        example = inference._tokenise(talking, "2 + 2?", response, 2000)
        assert tokenizer.decode(example.ids[: example.prompt_length]) == before
        assert tokenizer.decode(example.ids[example.prompt_length :]) == response


def test_a_continuation_ends_where_the_models_do(models) -> None:
    word = models.tokenizer("a")["input_ids"]
    text = "a\n" * 600
    ids = models.tokenizer(text)["input_ids"]
    assert len(word) == 1
    context = 1024  # what the models take
    prompt = models.tokenizer.decode(ids[: context - 3])
    assert len(read_text(models, prompt, "", [], new_tokens=50).ids) <= context
    with pytest.raises(AdaspecError, match=r"1,024 tokens, more than 1,023: shorten it\."):
        read_text(models, models.tokenizer.decode(ids[:context]), "", [])
    assert len(read_text(models, "", models.tokenizer.decode(ids[:context]), []).ids) == context


@pytest.mark.parametrize(
    ("prompt", "response", "snapshots", "fault"),
    [
        ("", "", [], "nothing to predict: write at least two tokens"),
        ("", "a", [], "nothing to predict"),
        ("a" * 30_000, "b" * 10_001, [], r"40,001 characters, more than 40,000: shorten it\."),
        ("", "x\n" * 1000, [], r"2,000 tokens, more than 1,024: shorten it\."),
        ("a", "b", ["nonsense"], r"No snapshot 'nonsense': this run has stock, .*adaspec"),
        ("a", "b", ["target"], "No snapshot 'target'"),
        ("a", "b", ["../stock"], "No snapshot"),
    ],
)
def test_what_cannot_be_read(models, prompt, response, snapshots, fault) -> None:
    with pytest.raises(AdaspecError, match=fault) as refusal:
        read_text(models, prompt, response, snapshots)
    assert "\n" not in str(refusal.value)


def test_a_token_that_the_draft_does_not_know(models) -> None:
    ids = models.tokenizer("He has 7.")["input_ids"]
    smaller = replace(models, vocabulary=max(ids))
    with pytest.raises(AdaspecError, match="Not all of this run's models know the token"):
        read_text(smaller, "", "He has 7.", ["stock"])


def test_a_decoding_is_the_decoders_own(models) -> None:
    settings = {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "max_new_tokens": 20}
    made = speculate(models, PROMPT, "adaspec", gamma=3, seed=5, **settings)
    plain = decoding.speculate(
        models.target,
        models.snapshot("adaspec"),
        models.tokenizer(PROMPT)["input_ids"],
        Decoding(gamma=3, **settings),
        vocabulary=models.vocabulary,
        eos=models.tokenizer.eos_token_id,
        seed=5,
    )
    assert made.prompt == models.tokenizer(PROMPT)["input_ids"]
    assert (made.target, made.draft, made.seed) == ("target", "adaspec", 5)
    assert made.decoding == plain.decoding
    clock = {"draft_ms": 0.0, "verify_ms": 0.0}
    rounds = [[round.model_copy(update=clock) for round in trace.rounds] for trace in (made, plain)]
    assert rounds[0] == rounds[1]
    assert made.plain_ms
    assert made.plain_ms > 0
    json.loads(made.model_dump_json())


@pytest.mark.parametrize(
    ("prompt", "draft", "settings", "fault"),
    [
        ("", "stock", {}, "nothing to predict: write at least two tokens, or a prompt"),
        ("a" * 40_001, "stock", {}, r"40,001 characters, more than 40,000: shorten it\."),
        ("x\n" * 1000, "stock", {}, r"2,000 tokens, more than 1,023: shorten it\."),
        ("Tom", "nobody", {}, r"No snapshot 'nobody': this run has stock, .*adaspec"),
        ("Tom", "stock", {"gamma": 0}, "gamma=0: the draft proposes at least one token"),
        ("Tom", "stock", {"gamma": 65}, "gamma=65: input should be less than or equal to 64"),
        (
            "Tom",
            "stock",
            {"temperature": -1.0},
            r"temperature=-1\.0: .* greater than or equal to 0",
        ),
        ("Tom", "stock", {"top_p": 0.0}, "top_p=0.0: input should be greater than 0"),
        ("Tom", "stock", {"max_new_tokens": 0}, "max_new_tokens=0: it is 1 to 2,000"),
        ("Tom", "stock", {"seed": -1}, "seed=-1: it is 0 to 4294967295"),
    ],
)
def test_what_cannot_be_decoded(models, prompt, draft, settings, fault) -> None:
    with pytest.raises(AdaspecError, match=fault) as refusal:
        speculate(models, prompt, draft, **settings)
    assert "\n" not in str(refusal.value)


def test_names_of_one_training_are_one_model(models) -> None:
    assert models.snapshot("distillspec") is models.snapshot("reference")
    assert models.snapshot("adaspec") is models.snapshot("adaspec")


def test_few_weights_stay_in_memory(models, monkeypatch) -> None:
    monkeypatch.setattr(inference, "WARM", 1)
    small = replace(models, _warm={})
    reading = read_text(small, PROMPT, "He has 7.", ["stock", "adaspec", "reference"])
    assert len(small._warm) == 1
    assert reading == read_text(models, PROMPT, "He has 7.", ["stock", "adaspec", "reference"])


def test_a_target_that_the_run_trained(copied, models) -> None:
    folder = copied.model("target")
    changed = AutoModelForCausalLM.from_pretrained(models.run.model("stock"))
    changed.save_pretrained(folder)
    models.tokenizer.save_pretrained(folder)
    state = runs.read_state(copied)
    state.models["target"] = "models/target"
    runs.write_state(copied, state)
    reading = read_text(inference.open_run(copied), PROMPT, "He has 7.", ["stock"])
    np.testing.assert_allclose(reading.columns["kl@stock"], 0, atol=1e-6)


def test_a_target_of_random_weights(content, tmp_path) -> None:
    """Made once more, with the tokenizer that was trained on the data then."""
    size = {"vocabulary": 290, "hidden": 16, "layers": 1, "heads": 2, "feed_forward": 24}
    methods = {"plain": {"selector": "all", "budget": "steps"}}
    plan = content | {"target": {"new": size}, "draft": {"new": size}}
    plan["stage2"] = content["stage2"] | {"methods": methods}
    run = pipeline.execute(recipe.parse(plan), tmp_path / "run")
    sequence = measurement.read_sequences(run.sequences_file)[tokens.DATASET][0]
    models = inference.open_run(run)
    decode = models.tokenizer.decode
    reading = read_text(
        models,
        decode(sequence.ids[: sequence.prompt_length]),
        decode(sequence.ids[sequence.prompt_length :]),
        ["plain"],
    )
    table = tokens.rows(run, tokens.DATASET, 0, ["reference"])
    np.testing.assert_allclose(reading.columns["kl@plain"], table["kl@reference"], atol=1e-5)


def test_a_run_that_cannot_be_opened(copied) -> None:
    state = runs.read_state(copied)
    changed = state.model_copy(update={"hashes": state.hashes | {"target": "0"}})
    runs.write_state(copied, changed)
    with pytest.raises(AdaspecError, match=r"The target of run .* changed since"):
        inference.open_run(copied)
    runs.write_state(copied, state.model_copy(update={"facts": None}))
    with pytest.raises(AdaspecError, match="has no target yet"):
        inference.open_run(copied)


NOISY = """
import sys
from adaspec import inference
quiet = inference.collate
inference.collate = lambda examples: print("noise", flush=True) or quiet(examples)
inference.main(sys.argv[1], idle=1.0)
"""


def test_the_process_answers_lines_with_lines_until_nobody_asks(finished_run) -> None:
    asked = [
        {"id": 7, "do": "read_text", "prompt": PROMPT, "response": "7", "snapshots": ["stock"]},
        {"id": "b", "do": "read_text", "prompt": "", "response": "", "snapshots": []},
        {"id": 9, "do": "read_text", "prompt": 5},
        {"id": 10, "do": "nonsense"},
    ]
    lines = "".join(json.dumps(request) + "\n" for request in asked)
    command = [sys.executable, "-c", NOISY, str(finished_run.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write(lines)
        process.stdin.flush()  # and left open
        answers = [json.loads(line) for line in process.stdout]
        assert "noise" in process.stderr.read()
    assert process.returncode == -signal.SIGALRM
    assert answers[0] == {"ready": True}
    assert [answer["id"] for answer in answers[1:]] == [7, "b", 9, 10]
    assert list(answers[1]["ok"]["top"]) == ["target", "stock"]
    for answer in answers[2:]:
        assert answer["error"]
        assert "\n" not in answer["error"]
