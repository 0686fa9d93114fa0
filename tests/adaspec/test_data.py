"""Rows to examples: masks by offsets, truncation, batches."""

from __future__ import annotations

import copy
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
    assert len(example.ids) <= length
    if truncated:  # the text goes on there: nobody must learn to stop
        assert example.ids.tolist() == whole[:length]
    else:
        assert example.ids[-1] == tokenizer.eos_token_id
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


def test_eos_closes_whole_responses_and_empty_ones_are_dropped_and_counted(
    tmp_path, tokenizer
) -> None:
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
    short, cut = split.train
    for example in (short, *split.evaluation):
        assert example.ids[-1] == tokenizer.eos_token_id
    assert len(cut.ids) == 40
    assert tokenizer.eos_token_id not in cut.ids


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


def test_prompts_alone_are_prompts_to_the_end(tokenizer) -> None:
    """Nothing closes them, and one that does not fit is dropped: half a prompt is another."""
    rows = [{"q": "Ada has 2 apples."}, {"q": "long " * 50}]
    chosen = spec(prompt="{q}", response="", max_length=40)
    (short, cut), (long, _) = data.encode(rows, chosen, tokenizer)
    assert short.ids.tolist() == tokenizer(rows[0]["q"])["input_ids"]
    assert short.prompt_length == len(short.ids)
    assert not cut
    assert long is None


PLAIN = (
    "{% for m in messages %}<{{ m['role'] }}>\n{{ m['content'] }}<|endoftext|>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>\n{% endif %}"
)
MARKED = (
    "{% for m in messages %}<{{ m['role'] }}>\n{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] }}<|endoftext|>{% endgeneration %}{% else %}"
    "{{ m['content'] }}<|endoftext|>{% endif %}{{ '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}<assistant>\n{% endif %}"
)
CHAT = {
    "system": "Be {mood}.",
    "turns": [
        {"user": "Hi", "assistant": "Ho"},
        {"user": "{before}", "assistant": "{then}"},
    ],
}
TALK = {"question": "2 + 2?", "answer": "It is 4.", "mood": "kind", "before": "1 + 1?", "then": "2"}


@pytest.fixture
def talking(tokenizer: Any) -> Any:
    """A tokenizer with a chat template, for one test."""
    speaker = copy.deepcopy(tokenizer)
    speaker.chat_template = PLAIN
    return speaker


@pytest.mark.parametrize("template", [PLAIN, MARKED])
def test_a_conversation_is_the_templates_and_its_last_answer_is_the_response(
    talking, template
) -> None:
    """Whether the template marks what the assistant says or not."""
    talking.chat_template = template
    chosen = spec(chat=CHAT, prompt="{question}")
    [(example, cut)] = data.encode([TALK], chosen, talking)
    prompt = talking.decode(example.ids[: example.prompt_length])
    assert prompt == (
        "<system>\nBe kind.<|endoftext|>\n<user>\nHi<|endoftext|>\n<assistant>\nHo<|endoftext|>\n"
        "<user>\n1 + 1?<|endoftext|>\n<assistant>\n2<|endoftext|>\n<user>\n2 + 2?<|endoftext|>\n"
        "<assistant>\n"
    )
    assert talking.decode(example.ids[example.prompt_length :]) == "It is 4.<|endoftext|>"
    assert (example.ids[-2:] == talking.eos_token_id).tolist() == [False, True]
    assert not cut


def test_a_turn_with_an_empty_field_is_left_out(talking) -> None:
    [(example, _)] = data.encode(
        [TALK | {"then": " "}], spec(chat=CHAT, prompt="{question}"), talking
    )
    assert "1 + 1" not in talking.decode(example.ids)
    assert "Ho" in talking.decode(example.ids)


def test_earlier_messages_may_be_a_column(talking) -> None:
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho", "x": 1}]
    chosen = spec(chat={"messages": "said"}, prompt="{question}")
    encoded = data.encode([TALK | {"said": said}, TALK | {"said": None}], chosen, talking)
    (longer, _), (alone, _) = encoded
    before = "<user>\nHi<|endoftext|>\n<assistant>\nHo<|endoftext|>\n"
    assert talking.decode(longer.ids) == before + talking.decode(alone.ids)
    for wrong in ("Hi", [{"role": "me", "content": "Hi"}], [{"role": "user"}], ["Hi"], {"a": 1}):
        with pytest.raises(AdaspecError, match="said is not a list of messages"):
            list(data.encode([TALK | {"said": wrong}], chosen, talking))


def test_a_conversation_that_was_cut_off_does_not_end(talking) -> None:
    row, chosen = TALK | {"answer": "long " * 50}, spec(chat={}, prompt="{question}", max_length=40)
    [(example, cut)] = data.encode([row], chosen, talking)
    assert (len(example.ids), cut) == (40, True)
    assert example.ids[-1] != talking.eos_token_id


def test_a_conversation_without_an_answer_asks_for_one(talking) -> None:
    """With these very tokens before it, the answer is learnt."""
    whole, prompt = (spec(chat=CHAT, prompt="{question}", response=r) for r in ("{answer}", ""))
    with_answer, _ = next(data.encode([TALK], whole, talking))
    alone, _ = next(data.encode([TALK], prompt, talking))
    assert alone.prompt_length == len(alone.ids) == with_answer.prompt_length
    assert alone.ids.tolist() == with_answer.ids[: with_answer.prompt_length].tolist()


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (None, "has no chat template"),
        ("{{ raise_exception('no system prompt') }}", "refuses it: no system prompt"),
        (
            "{% for m in messages | reverse %}{{ m['content'] | upper }}{% endfor %}",
            "changes the answer",
        ),
    ],
)
def test_a_template_that_does_not_fit_is_refused_in_a_line(talking, template, says) -> None:
    talking.chat_template = template
    with pytest.raises(AdaspecError, match=says) as refused:
        list(data.encode([TALK | {"question": "Q"}], spec(chat=CHAT, prompt="q"), talking))
    assert "\n" not in str(refused.value)
