"""Runs, texts, replays and comparisons as objects that a notebook shows as the studio's pages do.

    import adaspec

    run = adaspec.open("example")
    run.tokens(133, draft="adaspec")  # the heat map
    run.replay(0, draft="adaspec")  # the player
    run.decode("Ada has 12 apples.")  # a prompt of your own
    adaspec.compare(run)  # verdicts, tables, charts and tokens

What is shown is an HTML page in a frame: it works offline, asks nobody for anything, and `save`
writes it to a file. Numbers come as pandas frames. Loads torch for `decode` alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from adaspec import AdaspecError, environment, replays, runs, tabular, terminal, tokens
from adaspec.analysis import comparison, tabulated
from adaspec.analysis.drafts import choose, entries
from adaspec.analysis.methods import default_draft
from adaspec.analysis.results import Comparison
from adaspec.runs.writing import write_atomic
from adaspec.selection import STEPS
from adaspec.speculation import document
from adaspec.speculation.trace import Trace
from adaspec.tokens import Source
from adaspec.views import TokenView, replay_view, token_view
from adaspec.views.metrics import METRICS
from adaspec.views.token_view import Roles
from adaspec.vocabulary import Piece

if TYPE_CHECKING:
    from adaspec.figures import Figure

_COLUMNS = 100  # of a text representation


class Shown:
    """What all of them have: a notebook shows a page in a frame, a terminal a text."""

    _height = 640  # pixels of the frame

    def html(self) -> str:
        """The page, complete."""
        raise NotImplementedError

    def save(self, path: str | Path) -> None:
        """Write the page to a file, which opens in a browser without a network or a server."""
        write_atomic(Path(path), self.html().encode())

    def _repr_html_(self) -> str:
        content = self.html().replace("&", "&amp;").replace('"', "&quot;")
        style = f"width: 100%; height: {self._height}px; border: 1px solid #8886"
        may = "allow-scripts allow-downloads"
        return f'<iframe sandbox="{may}" style="{style}" srcdoc="{content}"></iframe>'


@dataclass(frozen=True, repr=False)
class OpenRun(Shown):
    """A run, as `open` gives it.

    Attributes:
        folder: where it lies.
    """

    folder: Path
    _height = 420

    @property
    def drafts(self) -> list[str]:
        """Names of its drafts, in the report's order."""
        return runs.read_state(self._run).drafts

    @property
    def report(self) -> pd.DataFrame:
        """One row a draft: acceptance rates, block efficiency, divergences and speed-up, with the
        ends of their 95 % intervals, and what its training took.

        Raises:
            AdaspecError: the run has not been measured.
        """
        reached, cost = (pd.DataFrame(list(table.rows)) for table in self._tables())
        return reached.merge(cost, on="draft")

    def examples(self, source: Source = "generated") -> pd.DataFrame:
        """One row a held-out example: its number, how many response tokens it has, its prompt and
        its response.

        Args:
            source: `generated`, what the target said; or `dataset`, the data set's own answers.

        Raises:
            AdaspecError: the run has no token tables, or no such source.
        """
        columns = ["seq", "tokens", "prompt", "response"]
        there = tokens.examples(self._run, source)[columns].reset_index(drop=True)
        return there.rename(columns={"seq": "number"})

    def tokens(
        self,
        number: int = 0,
        *,
        draft: str | None = None,
        rival: str | None = None,
        source: Source = "generated",
        metric: str = "kl",
        k: float = 0.4,
    ) -> Text:
        """An example, token by token: the heat map of the Tokens page.

        Args:
            number: of the example, as in `examples`.
            draft: whose divergences colour the text; by default one that AdaSPEC trained. A
                snapshot, `NAME@STEP`, too.
            rival: a second draft, for the metric `dispute`.
            source: as in `examples`.
            metric: that the text is coloured by at first: `kl`, `delta`, `overlap`, ...
            k: the fraction of tokens that is outlined at first, those with the largest ΔL.

        Raises:
            AdaspecError: no such example, draft, source or metric.
        """
        names = [each.name for each in METRICS]
        if metric not in names:
            raise AdaspecError(f"No metric {metric!r}: choose one of {', '.join(names)}.")
        if not 0 <= k <= 1:
            raise AdaspecError(f"k={k:g}: it is a fraction, from 0 to 1.")
        final = [each.name for each in tokens.snapshots(self._run) if each.step is None]
        roles = Roles(draft or self._first(final), rival)
        for name in filter(None, (roles.draft, roles.rival)):
            tokens.require(self._run, name)
        state = {"metric": metric, "k": round(k * STEPS)}
        view = token_view.example(self._run, source, number, roles)
        return Text(self._run, source, number, roles.draft, view, state)

    def replay(self, number: int = 0, *, draft: str | None = None) -> Replay:
        """A decoding that the run has kept, step by step: the player of the Replay page.

        Args:
            number: of the held-out prompt, as in `examples`.
            draft: which one proposes; by default one that AdaSPEC trained.

        Raises:
            AdaspecError: no such prompt or draft.
        """
        proposing = draft or self._first(replays.drafts(self._run))
        trace = replays.read(self._run, proposing, number)
        view = replay_view.stored(self._run, proposing, number)
        return Replay(trace, tokens.vocabulary(self._run), view)

    def decode(
        self,
        prompt: str,
        *,
        draft: str | None = None,
        gamma: int = 4,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        max_new_tokens: int = 64,
    ) -> Replay:
        """A draft and the target continue a prompt of yours, now: loads torch and the models.

        Args:
            prompt: the text; the recipe's template is not put around it.
            draft: which one proposes, a snapshot `NAME@STEP` too; by default one that AdaSPEC
                trained.
            gamma: how many tokens it proposes at a time.
            temperature: of both models; 0 is greedy.
            top_k: only so many of the likeliest tokens; 0: all.
            top_p: only the smallest set of likeliest tokens that reaches it.
            seed: of the random draws.
            max_new_tokens: the most that is put after the prompt.

        Raises:
            AdaspecError: no such draft, a setting that cannot be, or models that cannot be opened.
        """
        os.environ.update(environment.for_libraries())
        from adaspec import inference

        trace = inference.speculate(
            inference.open_run(self._run),
            prompt,
            draft or self._first(replays.drafts(self._run)),
            gamma=gamma,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            max_new_tokens=max_new_tokens,
        )
        identity = f"{self._run.path.name}/{trace.draft}/{trace.decoding}/{seed}/{prompt}"
        title = replay_view.own_title(self._run, trace.draft)
        view = replay_view.own(self._run, trace, identity, title)
        return Replay(trace, tokens.vocabulary(self._run), view)

    @property
    def _run(self) -> runs.Run:
        return runs.Run(self.folder)

    def _first(self, offered: list[str]) -> str:
        return default_draft(runs.read_recipe(self._run), offered)

    def _tables(self) -> list[tabular.Table]:
        return tabulated.of_report(runs.read_report(self._run))

    def html(self) -> str:
        """What every draft reached, and what it cost, as a page; of a run that is not measured,
        what state it is in."""
        try:
            tables = self._tables()
        except AdaspecError:
            tables = []
        return tabular.page(self._headline(), tables)

    def _headline(self) -> str:
        state = runs.read_state(self._run)
        return f"Run {self._run.id}, {state.name}: {state.state}"

    def __repr__(self) -> str:
        try:
            shown = tabular.shown(self._tables()[0]).to_string(index=False)
        except AdaspecError:  # not measured yet
            return self._headline()
        return f"{self._headline()}\n{shown}"


@dataclass(frozen=True, repr=False)
class Text(Shown):
    """An example, token by token, as `OpenRun.tokens` gives it."""

    _run: runs.Run
    _source: Source
    _number: int
    _draft: str
    _view: TokenView
    _state: Mapping[str, Any]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a response token: its text, what the target says (entropy and p, nats), and
        `COLUMN@SNAPSHOT` of every model: kl, overlap, q, rank, ..., and delta, which is
        KL(p‖q) − KL(p‖r)."""
        return tokens.table(self._run, self._source, self._number)

    def html(self) -> str:
        """The heat map as a page."""
        return token_view.standalone(self._view, dict(self._state))

    def __repr__(self) -> str:
        example = tokens.examples(self._run, self._source).iloc[self._number]
        kl, overlap = (self.frame[f"{name}@{self._draft}"].mean() for name in ("kl", "overlap"))
        return (
            f"{self._view.title}: {len(self.frame)} tokens, with {self._draft} a mean KL(p‖q) of "
            f"{kl:.4f} nats and a mean overlap of {overlap:.4f}\n"
            f"{example['prompt']}{example['response']}"
        )


@dataclass(frozen=True, repr=False)
class Replay(Shown):
    """A decoding, as `OpenRun.replay` gives it.

    Attributes:
        trace: every proposal and every decision, as `adaspec.speculation.trace.Trace`.
    """

    trace: Trace
    _pieces: list[Piece]
    _view: Mapping[str, Any]
    _height = 860

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a proposal or token of the target's own, in order: round (a pass of the target,
        from 1), token, text, kind (`accepted`, `rejected`, `untested`, `residual` or `bonus`), its
        probabilities p in the target and q in the draft, and the uniform u that decided."""
        return pd.DataFrame(self._rows())

    def _rows(self) -> Iterator[dict[str, Any]]:
        for number, decoded in enumerate(self.trace.rounds, 1):
            for part, kind in document.kinds(decoded):
                yield {
                    "round": number,
                    "token": part.token,
                    "text": self._pieces[part.token].text,
                    "kind": kind,
                    **part.model_dump(include={"p", "q", "u"}),
                }

    def html(self) -> str:
        """The player as a page."""
        return replay_view.standalone(dict(self._view), {})

    def __repr__(self) -> str:
        return "\n".join(line.plain for line in document.lines(self.trace, self._pieces))


@dataclass(frozen=True, repr=False)
class Compared(Shown):
    """Drafts of one target side by side, as `compare` gives them.

    Attributes:
        numbers: all of them, as `adaspec compare --json` prints them.
    """

    numbers: Comparison
    _runs: list[runs.Run]
    _height = 1200

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a draft, then one row a paired difference; every value in a column."""
        return comparison.table(self.numbers)

    @cached_property
    def charts(self) -> dict[str, Figure]:
        """The figures by name, as Altair charts; needs the extra `figures`."""
        from adaspec import figures

        return figures.of_comparison(self.numbers)

    def html(self) -> str:
        """The report of the Compare page: verdicts, budgets, tables, figures and tokens. Needs the
        extra `figures`."""
        from adaspec import figures
        from adaspec.views import compare_view

        drafts = [draft.draft for draft in self.numbers.drafts]
        picked = choose(entries(self._runs), drafts)
        view = compare_view.board(self._runs, picked, self.numbers)
        charts = {name: figures.specification(chart) for name, chart in self.charts.items()}
        return compare_view.standalone(view, {}, charts, figures.bundle())

    def __repr__(self) -> str:
        written = StringIO()
        console = Console(file=written, width=_COLUMNS, force_terminal=False)
        console.print(terminal.comparison(self.numbers))
        return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def open_run(name: str | Path) -> OpenRun:
    """Open a run.

    Args:
        name: its id, the unique start of its id, or its folder; `example` and `english` come with
            AdaSPEC Studio.

    Raises:
        AdaspecError: there is none, or there are several.
    """
    return OpenRun(runs.find(str(name)).path)


def compare(
    *chosen: OpenRun | str | Path, drafts: list[str] | None = None, baseline: str | None = None
) -> Compared:
    """Compare drafts of one target: budgets first, then paired differences on the same prompts.

    Args:
        chosen: runs of one target, as `open` gives them or by name.
        drafts: names, `RUN/NAME` for another run than the first; by default all. The stock draft is
            always among them.
        baseline: what the differences are against; by default the fairest.

    Raises:
        AdaspecError: a run is not measured, runs do not agree, or there is no such draft.
    """
    if not chosen:
        raise AdaspecError("Nothing to compare: name at least one run.")
    opened = [run if isinstance(run, OpenRun) else open_run(run) for run in chosen]
    folders = list(dict.fromkeys(runs.Run(run.folder) for run in opened))
    return Compared(comparison.compare(folders, drafts, baseline), folders)
