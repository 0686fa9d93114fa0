"""Rows: files and their faults by line, templates, hold-outs, stories, and what people upload."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaspec import AdaspecError, estimate, recipe, rows
from adaspec.recipe import Data
from adaspec.stories import stories


def spec(**changes: Any) -> Data:
    base: dict[str, Any] = {
        "train": {"stories": 20},
        "evaluation": {"stories": 5, "seed": 1},
        "prompt": "{question}\n",
        "response": "{answer}",
        "max_length": 200,
    }
    return Data.model_validate(base | changes)


def pairs(chosen: Data) -> list[tuple[str, str]]:
    """What would be tokenised for training."""
    return [rows.render(row, chosen) for row in rows.read_splits(chosen, 0)[0]]


def test_every_file_format_gives_the_same_rows(tmp_path) -> None:
    written = [{"question": 'a, "b"', "answer": "é\n1"}, {"question": "c", "answer": "2"}]
    pd.DataFrame(written).to_csv(tmp_path / "x.csv", index=False)
    pd.DataFrame(written).to_parquet(tmp_path / "x.parquet")
    (tmp_path / "x.jsonl").write_text("\n\n".join(map(json.dumps, written)), encoding="utf-8")
    for name in ("x.csv", "x.parquet", "x.jsonl"):
        read = [
            {key: row[key] for key in ("question", "answer")}
            for row in rows.read_file(tmp_path / name)
        ]
        assert read == written, name
    (tmp_path / "x.txt").write_text("one\n\ntwo\n")
    assert [row["text"] for row in rows.read_file(tmp_path / "x.txt")] == ["one", "two"]


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
def test_faults_name_the_file_and_the_line(tmp_path, name, content, expected) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AdaspecError, match=expected) as raised:
        pairs(spec(train=str(tmp_path / name)))
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_an_unreachable_hub_say_what_to_do() -> None:
    with pytest.raises(AdaspecError, match=r"data\.train: no file nowhere\.jsonl"):
        rows.read_splits(spec(train="nowhere.jsonl"), 0)
    with pytest.raises(AdaspecError, match=r"--set data\.train=FILE\.jsonl"):
        rows.read_splits(spec(train={"hub": "openai/gsm8k", "config": "main"}), 0)


def test_templates_take_the_first_without_an_empty_field() -> None:
    chosen = spec(prompt=["{instruction} / {input}:", "{instruction}:"], response="{output}")
    row = {"instruction": "Add", "input": "1 2", "output": "3"}
    assert rows.render(row, chosen) == ("Add / 1 2:", "3")
    assert rows.render(row | {"input": ""}, chosen) == ("Add:", "3")
    assert rows.render(row | {"input": None}, chosen) == ("Add:", "3")


def test_templates_reach_fields_only() -> None:
    chosen = spec(prompt="{question.__class__} {{x}}", response="{answer}")
    prompt, _ = rows.render({"question": "q", "answer": "a", "x": 1}, chosen)
    assert prompt == "{question.__class__} {1}"


def test_replace_is_applied_to_the_response() -> None:
    chosen = spec(replace={"####": "The final answer is: "})
    assert (
        rows.render({"question": "q", "answer": "#### 7"}, chosen)[1] == "The final answer is:  7"
    )


@given(st.floats(0.05, 0.9), st.integers(0, 5))
def test_holdout_splits_without_overlap(fraction: float, seed: int) -> None:
    chosen = spec(evaluation={"holdout": fraction})
    train, evaluation = rows.read_splits(chosen, seed)
    assert len(train) + len(evaluation) == 20
    assert [row for row in stories(20, 0) if row in train or row in evaluation] == stories(20, 0)
    assert not [row for row in train if row in evaluation]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"limit": 7, "evaluation_limit": 2},
        {"limit": 1000},
        {"evaluation": {"holdout": 0.01}},
        {"evaluation": {"holdout": 0.33}, "limit": 3},
        {"evaluation": {"holdout": 0.999}},
        {"train": "rows.txt"},
        {"train": "nowhere.txt"},
        {"train": {"stories": 1}, "evaluation": {"holdout": 0.5}},
    ],
)
def test_rows_are_counted_as_they_are_split(tmp_path, monkeypatch, changes) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.txt").write_text("one\n\ntwo\nthree")
    chosen = spec(**changes)
    try:
        counts = tuple(map(len, rows.read_splits(chosen, 0)))
    except AdaspecError as error:
        with pytest.raises(AdaspecError, match=re.escape(str(error))):
            rows.count_splits(chosen)
    else:
        assert rows.count_splits(chosen) == counts


def test_bundled_rows_are_counted_too(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    english = recipe.load("english")
    sizes = tuple(map(len, rows.read_splits(english.data, english.seed)))
    assert rows.count_splits(english.data) == sizes
    assert estimate.count_rows(english) == sizes


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


def test_what_machines_write_strangely_is_read_or_named(tmp_path) -> None:
    (tmp_path / "bom.jsonl").write_bytes(b'\xef\xbb\xbf{"a": 1}\n')
    assert rows.read_file(tmp_path / "bom.jsonl")[0]["a"] == 1
    for content in ("[" * 100_000, '{"a": ' + "9" * 5000 + "}"):
        (tmp_path / "deep.jsonl").write_text(content)
        with pytest.raises(AdaspecError, match="line 1: not JSON"):
            rows.read_file(tmp_path / "deep.jsonl")


def test_a_file_is_read_no_further_than_asked(tmp_path) -> None:
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n{"a": 2}\noops\n')
    scan = rows.scan_file(tmp_path / "x.jsonl")
    assert [next(scan)["a"], next(scan)["a"]] == [1, 2]
    with pytest.raises(AdaspecError, match="line 3"):
        next(scan)


def test_rows_need_no_torch() -> None:
    code = "import sys, adaspec.rows; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# Uploads


def parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer)
    return buffer.getvalue()


def uploads(home: Path) -> list[str]:
    folder = home / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", b'{"text": "hi"}\n'),
        ("ROWS.CSV", b"text\nhi\n"),
        ("rows.txt", b"hi\n"),
        ("rows.parquet", parquet(pd.DataFrame({"text": ["hi"]}))),
    ],
)
def test_an_upload_is_kept_once_and_can_be_trained_on(home, name, content) -> None:
    path = rows.store_upload(name, content)
    assert path.parent == home / "uploads"
    assert path.name.split("-", 1)[1] == Path(name).stem + Path(name).suffix.lower()
    assert path.read_bytes() == content
    assert rows.read_file(path)[0]["text"] == "hi"
    assert rows.store_upload(name, content) == path
    assert rows.store_upload(name, content + content) != path or name.endswith("parquet")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/cron.d/x.txt", "x.txt"),
        ("/etc/passwd.txt", "passwd.txt"),
        ("..\\..\\boot.txt", "boot.txt"),
        ("C:\\Users\\ada\\rows.txt", "rows.txt"),
        ("a/../../b\x00c\n.txt", "b-c.txt"),
        ("....txt", "data.txt"),
        (" ümläut & co (1).txt", "ml-ut-co-1.txt"),
        ("$(reboot);`x`.txt", "reboot-x.txt"),
        ("x" * 5000 + ".txt", "x" * 40 + ".txt"),
    ],
)
def test_an_uploads_name_is_not_believed(home, name, kept) -> None:
    path = rows.store_upload(name, b"hi\n")
    assert path.resolve().parent == (home / "uploads").resolve()
    assert path.name.split("-", 1)[1] == kept


@given(st.text(max_size=60), st.sampled_from([".txt", ".jsonl", ".TXT", ".exe", ""]))
@settings(max_examples=100)  # it writes to disk
def test_no_name_leads_out_of_the_folder(tmp_path_factory, name: str, suffix: str) -> None:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADASPEC_HOME", str(home))
        with suppress(AdaspecError):
            path = rows.store_upload(name + suffix, b'{"a": 1}\n')
            assert path.parent == home / "uploads"
            assert uploads(home) == [path.name]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.exe", b"MZ", r"must end in \.jsonl, \.csv, \.parquet, \.txt"),
        ("x", b"hi", r"must end in"),
        ("x.jsonl", b'{"a": 1}\n{oops\n', r"^x\.jsonl, line 2: not JSON"),
        ("x.parquet", b'{"a": 1}\n', r"^x\.parquet: not a Parquet file$"),
        ("x.csv", b"a,b\n1\n", r"^x\.csv, line 2: not 2 columns"),
        ("x.txt", b"\xff\xfe\x00", r"^x\.txt: not UTF-8"),
        ("x.txt", b"", r"^x\.txt has no rows"),
        ("x.csv", b"a,b\n", r"^x\.csv has no rows"),
        ("x.parquet", parquet(pd.DataFrame({"text": []})), r"^x\.parquet has no rows"),
    ],
)
def test_a_refused_upload_leaves_nothing_and_says_why(home, name, content, expected) -> None:
    with pytest.raises(AdaspecError, match=expected) as raised:
        rows.store_upload(name, content)
    assert "\n" not in str(raised.value)
    assert str(home) not in str(raised.value)
    assert uploads(home) == []


def test_an_upload_has_limits(home, monkeypatch) -> None:
    assert (rows.UPLOAD_BYTES, rows.UPLOAD_ROWS) == (200 * 2**20, 1_000_000)
    monkeypatch.setattr(rows, "UPLOAD_ROWS", 3)
    rows.store_upload("x.txt", b"1\n2\n3\n")
    with pytest.raises(AdaspecError, match=r"x\.txt has more than 3 rows: split it"):
        rows.store_upload("x.txt", b"1\n2\n3\n4\n")
    monkeypatch.setattr(rows, "UPLOAD_BYTES", 6)
    with pytest.raises(AdaspecError, match="is larger than"):
        rows.store_upload("x.txt", b"1234567")
    assert len(uploads(home)) == 1


def test_replacements_of_replacements_do_not_fill_the_memory() -> None:
    """Seen: three entries of a link, 630 letters, took 3 GB."""
    replace = {"e" * n: "e" * 200 for n in (1, 2, 3, 4)}
    grown = recipe.load("tiny").data.model_copy(update={"replace": replace})
    with pytest.raises(AdaspecError, match=r"a text of [\d,]+ letters, and 1,000,000 are the most"):
        rows.render({"question": "e", "answer": "e" * 200}, grown)
    many = grown.model_copy(update={"replace": {}, "response": "{answer}" * 900})
    with pytest.raises(AdaspecError, match="are the most"):
        rows.render({"question": "e", "answer": "e" * 10_000}, many)


def test_a_hub_id_is_never_a_folder_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "there").mkdir(parents=True)
    (tmp_path / "own" / "there" / "train.csv").write_text("question,answer\nsecret,secret\n")
    messages = []
    for name in ("there", "absent"):
        with pytest.raises(AdaspecError, match="cannot fetch") as raised:
            rows.read_splits(spec(train={"hub": f"own/{name}"}), 0)
        messages.append(str(raised.value).replace(name, "x"))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    "file",
    ["/etc/passwd.csv", "file:///etc/x.csv", "zip://x.csv::/etc/x.zip", "http://10.0.0.1/x.csv"],
)
def test_a_data_set_on_the_hub_reads_no_file_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    """It names its own files, in its card."""
    import datasets
    from datasets.data_files import DataFilesDict, DataFilesList

    class Builder:
        def __init__(self, *paths: str) -> None:
            named = DataFilesDict({"train": DataFilesList(list(paths), [()] * len(paths))})
            self.config = datasets.BuilderConfig(data_files=named)

        def download_and_prepare(self) -> None:
            assert file not in self.config.data_files["train"], "it has been read"

        def as_dataset(self, split: str) -> list[dict[str, str]]:
            return [{"question": "q", "answer": split}]

    own = ["hf://datasets/a/b@1/x.csv", "zip://x.csv::hf://datasets/a/b@1/x.zip", "https://a/x.csv"]
    chosen = spec(train={"hub": "a/b"}, evaluation={"hub": "a/b", "split": "test"})
    monkeypatch.setattr(datasets, "load_dataset_builder", lambda *_, **__: Builder(*own))
    assert [row["answer"] for part in rows.read_splits(chosen, 0) for row in part] == [
        "train",
        "test",
    ]
    monkeypatch.setattr(datasets, "load_dataset_builder", lambda *_, **__: Builder(*own, file))
    with pytest.raises(AdaspecError, match=r"cannot fetch a/b .*FileNotFoundError"):
        rows.read_splits(chosen, 0)
