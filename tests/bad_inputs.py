"""Bad inputs for the command line: hundreds, from the recipe's schema and from lists.

A case is what is typed after `adaspec`, in a folder of its own. What may come of it: exit code 2
and one line on standard error, soon, in little memory, and nothing written anywhere.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adaspec import recipe

SECONDS = 15  # of the processor, loading what the command needs included
MEMORY = 6 << 30  # bytes of address space; torch alone maps four
LONG, DEEP = "x" * 5000, "[" * 2000 + "]" * 2000

NUMBERS = (
    *("-1", "-1.5", "1" + "0" * 30, "9" * 5000, "1.0e+308", ".inf", "-.inf", ".nan", "1e999"),
    *("abc", '""', "[1]", "{a: 1}", "2020-01-01", "!!binary aGk=", '"\\0"', DEEP, LONG),
)
TEXTS = ("[1, 2]", "{a: 1}", '"a\\0b"', LONG * 20)
LISTS = ("{a: 1}", f"[{', '.join(['1'] * 100_000)[:100_000]}]", "[[1]]", "[{}]", ".nan")
NAMES = (
    *(
        "",
        " ",
        ".",
        "..",
        "/",
        "~",
        "*",
        "-",
        "nope",
        "01",
        "../example",
        "/etc/passwd",
        "/dev/zero",
    ),
    *("/dev/null", "/proc/self/mem", "[/red]", "\x1b[31mred\x1b[0m", "a\nb", "\t", "é" * 300, LONG),
    *("a/" * 2100, "%s", "{0}", "$(ls)", "`ls`", "'; --", "nul", "COM1", "\u202eabc", "\udcff"),
)
QUANTITIES = ("-1", "abc", "", "1e999", "nan", "inf", "-inf", "9" * 5000, "1" + "0" * 30, "0x10")


@dataclass(frozen=True)
class Case:
    """What is typed, and what lies in the folder where it is typed."""

    arguments: tuple[str, ...]
    prepare: Callable[[], Any] = field(default=lambda: None, compare=False)

    @property
    def name(self) -> str:
        shown = " ".join(self.arguments).encode("ascii", "backslashreplace").decode()
        return shown if len(shown) < 90 else f"{shown[:60]}...{shown[-20:]} ({len(shown)})"


def cases() -> Iterator[Case]:
    for arguments in (*_fields(), *_settings(), *_sizes(), *_models(), *_runs(), *_options()):
        yield Case(arguments)
    yield from _files()
    yield from _places()


def _fields() -> Iterator[tuple[str, ...]]:
    """Every field of a recipe with values that it cannot have."""
    content = recipe.load("tiny").model_dump(mode="json")
    for number, (path, value) in enumerate(_leaves(content)):
        if isinstance(value, bool) or value is None:
            continue
        bad = LISTS if isinstance(value, list) else TEXTS if isinstance(value, str) else NUMBERS
        verb = ("run", "submit", "estimate")[number % 3]
        for text in bad:
            if not (isinstance(value, str) and path.endswith("file")):
                yield verb, "tiny", "--set", f"{path}={text}"


def _leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        at = f"{path}.{key}".lstrip(".")
        if isinstance(value, dict):
            yield from _leaves(value, at)
        else:
            yield at, value


def _settings() -> Iterator[tuple[str, ...]]:
    for setting in (
        *("", "=", "=1", "stage2.k", ".", "..=1", "a=1", "stage2=1", "stage2.methods=[]"),
        *("stage2.methods={}", "stage2.methods.=1", "target=", "target=[]", "target={}", "data=1"),
        *("data.prompt.5=x", "data.prompt.x=y", "draft.layers=[]", "draft.layers=[-1]", "stage1=7"),
        *("stage2.methods.stock={}", "stage2.methods.a/b={}", f"stage2.methods.{LONG}={{}}"),
        *("stage2.methods.a={objective: nope}", "stage2.methods.a={selector: [all]}"),
        *("stage2.methods.a={weight: soft}", "stage2.methods.a={softness: 1}"),
        *("target={new: {hidden: 100000000, layers: 1, heads: 1, feed_forward: 8}}", "draft=null"),
        *("target={new: {hidden: 64, layers: 100000000, heads: 1, feed_forward: 8}}", "seed=-0.5"),
        *("data.train={stories: 5, hub: x}", "data.train={}", "data.evaluation={holdout: 0}"),
        *("data.evaluation={holdout: 1.0}", "data.evaluation={holdout: .nan}", "data.replace=[1]"),
        *(f"{LONG}={LONG}", f"{'a.' * 3000}b=1", "\x1b[31m=1", "[/red]=1", "\udcff=1", "é=1"),
        *("stage0={keep: best, lr: 1}", "stage1.patience=0", "precision=int4", "gpus=2000"),
    ):
        for verb in ("run", "submit"):
            yield verb, "tiny", "--set", setting


def _sizes() -> Iterator[tuple[str, ...]]:
    """Within the bounds, and too much for any machine."""
    new = "target={{new: {{hidden: {}, layers: {}, heads: 1, feed_forward: {}}}}}"
    for settings in (
        (new.format(65_536, 1000, 8),),
        (new.format(64, 1000, 1_000_000), "data.train.stories=1000000", "stage1.epochs=10000"),
        ("data.train.stories=1000000", "stage1.epochs=10000", "stage1.batch=1"),
        (new.format(32_768, 1000, 100_000), "draft={source: target, layers: [0]}"),
    ):
        for verb in ("run", "submit", "estimate"):
            yield verb, "tiny", *(part for setting in settings for part in ("--set", setting))


def _models() -> Iterator[tuple[str, ...]]:
    """What a recipe may name and nobody has: seen when it is opened."""
    for setting in (
        *(f"target={'x' * 300}", f"target=a/{'x' * 300}", "target=../..", "target=assets:nope"),
        *(f"data.train={{file: {'x' * 300}.jsonl}}", "target=package:nope/x.gguf", "target=~"),
        "target={new: {hidden: 64, layers: 1, heads: 2, feed_forward: 8}, tokenizer: nope}",
    ):
        yield "run", "tiny", "--run-dir", "r", "--set", setting


def _runs() -> Iterator[tuple[str, ...]]:
    """Names that are no run's, no job's, no recipe's."""
    verbs = {
        "report": (), "compare": (), "ablation": (), "power": (), "verdict": (),
        "measure": (), "tokens": (), "replay": (),
        "delete": ("--yes",), "export": ("--draft", "adaspec", "--to", "out"), "resume": (),
        "cancel": (), "run": (), "submit": (), "estimate": (), "plan": (), "ceiling": (),
    }  # fmt: skip
    for verb, more in verbs.items():
        for name in NAMES:
            if not name.startswith("-"):
                yield verb, name, *more
    for name in NAMES:
        yield "rename", name, "new"
        yield "move", name, "first"
        yield "compare", "example", name
        yield "ceiling", "example", "--of", name
        yield "ceiling", "example", "--of", "example", "--draft", name
        if name.strip():
            yield "compare", "example", "--drafts", name
            yield "ablation", "example", "--against", name
            yield "power", "example", "--against", name
            yield "verdict", "example", "--draft", name
        yield "compare", "example", "--baseline", name or "?"
        yield "verdict", "example", "--baseline", name or "?"
        yield "export", "example", "--draft", name, "--to", "out"
        yield "tokens", "example", "--draft", name or "?"
        yield "tokens", "example", "--order", name
        yield "tokens", "example", "--source", name
        yield "replay", "example", "--draft", name or "?"
        for option in ("draft", "acceptance", "costs", "log"):
            yield "plan", "example", f"--{option}", name if name.strip() else "?"


def _options() -> Iterator[tuple[str, ...]]:
    for quantity in QUANTITIES:
        yield "tokens", "example", "--k", quantity
        yield "tokens", "example", "--sequence", quantity
        yield "tokens", "example", "--limit", quantity
        yield "replay", "example", "--sequence", quantity
        yield "app", "--port", quantity
        yield "power", "example", "--seeds", quantity
        yield "power", "example", "--prompts", quantity
        yield "plan", "example", "--alpha", quantity
        yield "plan", "example", "--gamma", quantity
        yield "plan", "example", "--costs", f"1:{quantity}:1:1@1"
        for option in ("gamma", "temperature", "top-k", "top-p", "seed", "max-new-tokens"):
            yield "replay", "example", f"--{option}", quantity, "--prompt", "Ada has"
    for arguments in (
        *((), ("nope",), ("run",), ("run", "tiny", "tiny"), ("run", "--nope"), ("--nope",)),
        *(("report",), ("report", "example", "--csv"), ("compare",), ("export", "example")),
        *(("move", "01"), ("move", "01", "middle"), ("replay", "example", "--gamma", "2")),
        *(
            ("replay", "example", "--sequence", "999999"),
            ("tokens", "example", "--sequence", "999"),
        ),
        *(("app", "--port", "70000"), ("app", "--port", "-5"), ("delete", "example", "--yes")),
        *(
            ("rename", "example", "x"),
            ("run", "paper/nope"),
            ("run", "tiny/nope"),
            ("run", "tiny/"),
        ),
        *(("run", "conditions-tiny", "--run-dir", "r"), ("submit", "tiny", "--owner", LONG)),
        *(("submit", "tiny", "--owner", "[/red]\x1b[31m"), ("submit", "tiny", "--owner", "a\nb")),
        *(("replay", "example", "--prompt", ""), ("replay", "example", "--prompt", "\udcff")),
        *(("replay", "example", "--prompt", "Ada " * 20_000),),
    ):
        if arguments:  # alone it prints its help
            yield arguments


def _files() -> Iterator[Case]:
    """Recipe files that are none."""

    def bomb(line: str, levels: int) -> str:
        return "l0: &l0 [x]\n" + "".join(
            f"l{level}: &l{level} {line.format(level - 1)}\n" for level in range(1, levels)
        )

    texts: dict[str, bytes] = {
        "empty": b"",
        "null": b"null",
        "list": b"- a\n- b",
        "number": b"12",
        "text": b"hello",
        "binary": bytes(range(256)) * 100,
        "latin": "target: é".encode("latin-1"),
        "utf16": "target: assets:tiny/target".encode("utf-16"),
        "nul": b"target: a\0b",
        "torn": b"target: [a, b",
        "tab": b"target:\n\t- a",
        "alias": b"target: *nowhere",
        "recursive": b"target: &t [*t]",
        "bomb": bomb(
            "[*l{0}, *l{0}, *l{0}, *l{0}, *l{0}, *l{0}, *l{0}, *l{0}, *l{0}]", 12
        ).encode(),
        "merges": bomb("{{<<: [*l{0}, *l{0}]}}", 40).replace("[x]", "{x: 1}").encode(),
        "deep": DEEP.encode() * 20,
        "deeper": b"- " * 100_000,
        "large": b"# " + b"x" * 10_000_000,
        "keys": b"{" + b", ".join(b"k%d: 1" % number for number in range(30_000)) + b"}",
        "twice": b"target: a\ntarget: b",
        "documents": b"target: a\n---\ntarget: b",
        "object": b"target: !!python/object/apply:os.system [ls]",
        "set": b"target: !!set {a, b}",
        "date": b"target: 2020-01-01\ndata: 2020-01-01",
        "digits": b"seed: " + b"9" * 5000,
        "unknown": b"target: assets:tiny/target\nwhatever: 1",
        "matrix": b"matrix: 7",
        "axes": b"matrix: {axes: 7}",
        "nothing": b"target: assets:tiny/target\ndata: {train: {stories: 5}, prompt: x}",
    }
    for name, content in texts.items():
        for verb in ("run", "estimate"):
            path = f"{name}.yaml"
            yield Case(
                (verb, path), lambda path=path, content=content: Path(path).write_bytes(content)
            )
    for name, make in {
        "fifo": os.mkfifo,
        "folder": lambda path: Path(path).mkdir(),
        "zero": lambda path: Path(path).symlink_to("/dev/zero"),
        "loop": lambda path: Path(path).symlink_to(path),
        "gone": lambda path: Path(path).symlink_to("nowhere"),
    }.items():
        for verb in ("run", "submit"):
            yield Case((verb, f"{name}.yaml"), lambda make=make, name=name: make(f"{name}.yaml"))


def _places() -> Iterator[Case]:
    """Folders to write to, and files to read from, that cannot be."""

    def occupied() -> None:
        Path("there").mkdir()
        Path("there/somebodys").write_text("theirs")
        Path("file").write_text("theirs")

    for place in (
        "there",
        "file",
        "file/in",
        "/dev/null",
        "/proc/x",
        "/proc",
        LONG,
        "é" * 200,
        "a/" * 2100,
    ):
        yield Case(("run", "tiny", "--run-dir", place), occupied)
        yield Case(("export", "example", "--draft", "adaspec", "--to", place), occupied)
        yield Case(("report", place), occupied)
        yield Case(("verdict", "example", "--to", place), occupied)
        if place != "there":  # a page beside somebody's files is no fault
            yield Case(("verdict", "example", "--to", f"{place}/in.html"), occupied)

    def data() -> None:
        os.mkfifo("fifo.jsonl")
        Path("folder.jsonl").mkdir()
        Path("zero.jsonl").symlink_to("/dev/zero")
        Path("empty.jsonl").write_bytes(b"")
        Path("bad.jsonl").write_bytes(b"\xff\xfe{}")
        Path("torn.jsonl").write_bytes(b'{"question": "a", "answer": "b"}\n{"quest')
        Path("list.jsonl").write_bytes(b"[1, 2]\n")
        Path("other.jsonl").write_bytes(b'{"a": 1}\n')
        Path("deep.jsonl").write_bytes(DEEP.encode() * 20)
        Path("bad.parquet").write_bytes(b"PAR1" + b"\0" * 100)
        Path("bad.csv").write_bytes(b'a,b\n"torn')
        Path("bad.txt").write_bytes(b"\xff\xfe")
        Path("what.exe").write_bytes(b"MZ")

    for name in (
        *("fifo.jsonl", "folder.jsonl", "zero.jsonl", "empty.jsonl", "bad.jsonl", "torn.jsonl"),
        *("list.jsonl", "other.jsonl", "deep.jsonl", "bad.parquet", "bad.csv", "bad.txt"),
        *("what.exe", "nowhere.jsonl", LONG),
    ):
        yield Case(("plan", "example", "--log", name), data)
        yield Case(
            (
                "run",
                "tiny",
                "--run-dir",
                "r",
                "--set",
                f"data.train.file={name}",
                "--set",
                "data.train.stories=null",
            ),
            data,
        )


# Running one


@dataclass(frozen=True)
class Outcome:
    """What became of a case."""

    code: int
    errors: str
    output: str
    seconds: float  # of the processor
    left: list[str]  # files that are there and were not


def run(case: Case, folder: Path, home: Path) -> Outcome:
    """Type it, in a process of its own that is a copy of this one: nothing is loaded again."""
    folder.mkdir()
    output, errors = folder.with_suffix(".out"), folder.with_suffix(".err")
    process = os.fork()
    if process == 0:
        _become(case, folder, home, output, errors)
    before = time.monotonic()
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - before > 120:  # it waits for something
            os.killpg(process, signal.SIGKILL)
        time.sleep(0.002)
    left = [path for place in (folder, home) for path in place.rglob("*")]
    prepared = set((folder.with_suffix(".prepared")).read_text("utf-8", "replace").split("\n"))
    return Outcome(
        os.waitstatus_to_exitcode(status),
        errors.read_text("utf-8", "replace"),
        output.read_text("utf-8", "replace"),
        usage.ru_utime + usage.ru_stime,
        [str(path) for path in left if str(path) not in prepared],
    )


def _become(case: Case, folder: Path, home: Path, output: Path, errors: Path) -> None:
    """What the child does; it never returns."""
    os.setpgid(0, 0)
    os.chdir(folder)
    case.prepare()
    prepared = [str(path) for place in (folder, home) for path in place.rglob("*")]
    folder.with_suffix(".prepared").write_text("\n".join(prepared), "utf-8", "replace")
    os.environ["ADASPEC_HOME"] = str(home)
    resource.setrlimit(resource.RLIMIT_CPU, (2 * SECONDS, 2 * SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number, path in ((1, output), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    sys.stdout, sys.stderr = open(1, "w"), open(2, "w")  # noqa: SIM115 - not pytest's
    sys.argv = ["adaspec", *case.arguments]
    code = 99
    try:
        from adaspec.cli import main

        main()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 98
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # no cleaning up of the parent's things


def fault(outcome: Outcome) -> str:
    """What is wrong with it; empty where nothing is."""
    if outcome.code != 2:
        return f"exit code {outcome.code}"
    if "Traceback" in outcome.errors + outcome.output:
        return "a traceback"
    lines = outcome.errors.strip().split("\n")
    if len(lines) != 1 or not lines[0].startswith("error: "):
        return f"{len(lines)} lines"
    if not lines[0].isprintable():
        return "a control character"
    if len(lines[0]) > 600:
        return f"a line of {len(lines[0])} characters"
    if outcome.seconds > SECONDS:
        return f"{outcome.seconds:.0f} s"
    if outcome.left:
        return f"{outcome.left[0]} is left"
    return ""
