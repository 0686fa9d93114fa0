"""YAML and files from strangers: read as plain content, or refused in a line and in no time."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from adaspec import AdaspecError, files, recipe
from adaspec.recipe import text


def lists(levels: int) -> str:
    """Each of nine items, each an alias of the line before: 9 to the power of `levels` values."""
    lines = [f"l0: &l0 [{', '.join('x' * 9)}]"]
    for level in range(1, levels):
        lines.append(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]")
    return "\n".join(lines)


def merges(levels: int) -> str:
    lines = ["m0: &m0 {x: 1}"]
    for level in range(1, levels):
        lines.append(f"m{level}: &m{level}\n  <<: [*m{level - 1}, *m{level - 1}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", None),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: 2020-01-01 10:00:00", {"a": "2020-01-01 10:00:00"}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("a: null\nb: yes\nc: 1.5\nd: 1e3", {"a": None, "b": True, "c": 1.5, "d": "1e3"}),
    ],
)
def test_what_is_plain_is_read(written, expected) -> None:
    assert text.parse(written) == expected


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (lists(9), "line 5: more than 20,000 values"),
        (merges(30), "more than 20,000 values"),
        ("a: &x [*x]", "line 1: an alias of what it lies in"),
        ("a: &x {b: *x}", "an alias of what it lies in"),
        ("[" * 100_000, "nested more than 32 levels deep"),
        ("- " * 50_000, "nested more than 32 levels deep"),
        ("a" * 300_000, "it has more than 262,144 bytes"),
        ("é" * 200_000, "it has more than 262,144 bytes"),
        ("- 1\n" * 60_001, "more than 20,000 values"),
        ("a: " + "9" * 5000, "line 1: a number of more than 100 characters"),
        ("a: !!binary aGk=", "binary is not a recipe's kind of value"),
        ("a: !!python/object/apply:os.system [ls]", "not a recipe's kind of value"),
        ("a: !!set {b, c}", "set is not a recipe's kind of value"),
        ("a: !!timestamp 2020-01-01", "timestamp is not a recipe's kind of value"),
        ("a: !!int x", "not valid YAML"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is there twice"),
        ("1: 2", "line 1: a key is a word: write '1' in quotes"),
        ("yes: 2", "write 'yes' in quotes"),
        ("? [1]\n: 2", "a key is a word"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
        ("a: \x1b[31m", "not valid YAML"),
        ("a: \udc80", "it has characters that are not text"),
    ],
)
def test_what_is_not_is_refused_in_no_time(written, reason) -> None:
    begun = time.process_time()
    with pytest.raises(AdaspecError) as raised:
        text.parse(written)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)
    assert time.process_time() - begun < 2


# PyYAML itself writes lines' other ends bare, and reads them as spaces.
WORDS = st.text(st.characters(exclude_characters="\x85\u2028\u2029", codec="utf-8"), max_size=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
)


@given(PLAIN)
def test_what_is_written_is_read_back(content) -> None:
    assert text.parse(yaml.safe_dump(content, allow_unicode=True)) == content


@given(st.text(max_size=60))
def test_any_text_is_content_or_refused(written) -> None:
    with suppress(AdaspecError):
        text.parse(written)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: os.mkfifo(path), "is not a file."),
        (lambda path: path.mkdir(), "is not a file."),
        (lambda path: path.symlink_to("/dev/zero"), "is not a file."),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links."),
        (lambda path: path.write_bytes(b"a: \xff"), "is not UTF-8 (byte 3)."),
        (lambda path: path.write_bytes(b"#" * 300_000), "has more than 262,144 bytes."),
    ],
)
def test_a_recipe_is_read_from_a_file_alone(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "r.yaml"
    make(path)
    with pytest.raises(AdaspecError) as raised:
        recipe.load(str(path))
    assert str(raised.value) == f"Recipe file {path} {reason}"


@pytest.mark.parametrize("name", ["a" * 300 + ".yaml", "a/" * 3000 + ".yaml", "a\x00.yaml"])
def test_a_name_that_no_file_has_is_refused(name: str) -> None:
    with pytest.raises(AdaspecError, match=r"cannot be read: File name too long|no name that a"):
        recipe.load(name)


def test_a_file_is_read_whole_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert files.read(path, 5) == b"12345"
    with pytest.raises(AdaspecError, match=r"has more than 4 bytes\."):
        files.read(path, 4)
    with pytest.raises(FileNotFoundError):
        files.read(tmp_path / "y", 5)
    path.write_bytes(b"\xef\xbb\xbfbom")
    assert files.read_text(path, 10) == "bom"


@pytest.mark.parametrize(
    "setting",
    [
        "target={new: {hidden: 64, layers: 100000000, heads: 2, feed_forward: 8}}",
        "draft.layers=[1000]",
        "data.train.stories=1000000000000",
        "data.train.seed=-1",
        "seed=100000000000000000000",
        "evaluation.snapshots=10000000",
        "evaluation.bootstrap=1000000000000",
        "evaluation.prompts=10000000",
        "stage1.epochs=1.0e+308",
        "stage1.epochs=.nan",
        "stage2.k=1.0e-300",
        "stage2.methods.adaspec.k=0.0001",
        "evaluation.speculation.gamma=65",
        "evaluation.speculation.gammas=[0]",
        f"evaluation.speculation.gammas={list(range(1, 65)) * 20}",
        f"data.prompt={['x'] * 100}",
        "data.max_length=10000000",
        'data.train={file: "a\\0b"}',
        f"data.train={{hub: {'x' * 5000}}}",
        f"name={'x' * 5000}",
        'name="a\\e[31mb"',
        'name="a\\nb"',
        f"stage2.methods.{'x' * 41}={{}}",
        "stage2.methods.a\x1b[31m={}",
        "stage2={lr: 1, methods: {"
        + ", ".join(f"m{number}: {{}}" for number in range(1500))
        + "}}",
        "gpus=100000",
        "checkpoint_every=0",
    ],
)
def test_every_number_and_text_has_a_bound(setting: str) -> None:
    with pytest.raises(AdaspecError) as raised:
        recipe.load("tiny", [setting])
    message = str(raised.value)
    assert message.startswith("Recipe: ")
    assert message.isprintable()
    assert len(message) < 500
