"""What models see of the first rows, before anything starts."""

from __future__ import annotations

import copy
from io import StringIO
from typing import Any

import pytest

from adaspec import AdaspecError, first_rows, models, preview, recipe
from adaspec.data import prepare


def seen(content: dict[str, Any], **data: Any) -> preview.Preview:
    changed = copy.deepcopy(content)
    changed["data"] |= data
    return first_rows.look(recipe.parse(changed))


def test_it_is_what_the_run_trains_on(content: dict[str, Any], mini: recipe.Recipe) -> None:
    """But for what is not shown of long rows."""
    tokenizer = models.open_tokenizer(mini.target, [], "target")
    trained = prepare(mini.data, tokenizer, mini.seed).train[: preview.ROWS]
    rows = seen(content).rows
    for row, example in zip(rows, trained, strict=True):
        assert [token.id for token in row.tokens] == example.ids.tolist()
        parts = [token.part for token in row.tokens]
        assert parts == ["prompt"] * example.prompt_length + ["answer"] * example.response_length
        text = "".join(token.text for token in row.tokens)
        assert text == tokenizer.decode(example.ids)
        assert (row.length, row.answer, row.cut) == (
            len(example.ids),
            example.response_length,
            False,
        )


def test_what_is_cut_off_or_left_out_is_said(content: dict[str, Any]) -> None:
    whole = seen(content).rows[0]
    prompt = whole.length - whole.answer
    cut, *_ = seen(content, max_length=prompt + 3).rows
    assert (cut.cut, cut.length, cut.answer) == (True, prompt + 3, 3)
    lost, *_ = seen(content, max_length=prompt).rows
    assert (lost.tokens, lost.length) == ([], 0)


def test_where_the_target_will_answer_there_are_prompts(content: dict[str, Any]) -> None:
    rows = seen(content, responses="target").rows
    assert all(token.part == "prompt" for row in rows for token in row.tokens)


def test_a_tokenizer_that_is_yet_to_be_trained_is(content: dict[str, Any]) -> None:
    new = {"vocabulary": 300, "hidden": 16, "layers": 1, "heads": 2, "feed_forward": 24}
    rows = seen(content | {"target": {"new": new}}).rows
    assert all(row.answer for row in rows)


def test_a_process_of_its_own_says_it_as_json_or_in_a_line(
    content: dict[str, Any], mini: recipe.Recipe, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(mini.yaml()))
    first_rows.main()
    assert preview.Preview.model_validate_json(capsys.readouterr().out) == seen(content)
    chat = recipe.parse(content | {"data": content["data"] | {"chat": {}}})
    monkeypatch.setattr("sys.stdin", StringIO(chat.yaml()))
    with pytest.raises(SystemExit, match=r"^data.chat: .* no chat template. [^\n]*$"):
        first_rows.main()


def test_nobody_waits_for_ever(mini: recipe.Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "SECONDS", 0.01)
    with pytest.raises(AdaspecError, match=r"not ready after 0\.01 seconds"):
        preview.preview(mini)
