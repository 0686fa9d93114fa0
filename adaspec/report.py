"""The report of a finished run: acceptance and speed with intervals, divergences, what each cost.

Computed from the token tables and the replays alone, so that it can be made again without a model.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from adaspec import replays
from adaspec.recipe import Recipe
from adaspec.runs import Budget, Run, RunState
from adaspec.speculation import statistics
from adaspec.speculation.statistics import bootstrap

DEFINITIONS = {
    "alpha.generated": "exact acceptance rate: mean of beta = sum_x min(p, q) over the tokens of "
    "continuations that the target sampled (temperature 1) from held-out prompts",
    "alpha.generated_ci": "95 % percentile bootstrap interval of it, prompts resampled",
    "alpha.dataset": "the same mean on the data set's own answers to those prompts",
    "kl": "mean KL(p || q) in nats a token, on the target-generated continuations",
    "reverse_kl": "mean KL(q || p) in nats a token, likewise",
    "top1": "share of tokens where argmax p = argmax q, likewise: greedy acceptance",
    "remarks": "what to know before this draft is used",
    "budget": "this training alone: optimiser steps, sequences read, response tokens trained on, "
    "sequences that a frozen model (target or reference) was asked about, each computed once a run "
    "where there is room, wall-clock seconds; the step whose weights are kept, where not the last",
    "needs": "other trainings of the run that this draft stands on, with budgets of their own",
    **statistics.DEFINITIONS,
}

WORSE = (
    "This draft is accepted less often than the stock draft was before its training ({stock:.4f}), "
    "by more than its interval. Likely reasons: the target was not fine-tuned on this task, so "
    "that its own text is not like these answers; too few rows, read too often; too high a "
    "learning rate. Try a stage 0, more rows or fewer epochs, or a third of the learning rate."
)

_MEASURES = ["kl", "reverse_kl", "overlap", "agree"]


def make_report(run: Run, state: RunState, recipe: Recipe) -> dict[str, Any]:
    """The report of a run whose token tables are written.

    Drafts come in the order stock, reference, then the recipe's methods.
    """
    contexts = pq.read_table(run.contexts_file, columns=["source", "seq"]).to_pandas()
    generated = (contexts["source"] == "generated").to_numpy()
    drafts = []
    for name in ["stock", *(stage.name for stage in state.plan if stage.name in state.models)]:
        if name == "target":
            continue
        stage = next((stage for stage in state.plan if stage.name == name), None)
        same = stage.same_as if stage else None
        rows = pq.read_table(run.tokens_file(same or name), columns=_MEASURES).to_pandas()
        per_prompt = _per_prompt(contexts["seq"][generated], rows["overlap"][generated])
        interval = bootstrap(*per_prompt, recipe.evaluation.bootstrap, recipe.seed)
        draft: dict[str, Any] = {
            "name": name,
            "alpha": {
                "generated": _mean(rows["overlap"][generated]),
                "generated_ci": interval,
                "dataset": _mean(rows["overlap"][~generated]),
            },
            "kl": _mean(rows["kl"][generated]),
            "reverse_kl": _mean(rows["reverse_kl"][generated]),
            "top1": _mean(rows["agree"][generated]),
            "budget": _budget(run, same or name),
        }
        spoken = _speculation(run, name, same or name, recipe)
        draft["alpha"] |= spoken.pop("alpha")
        draft |= spoken
        if same:
            draft["same_as"] = same
        if stage and stage.needs:
            draft["needs"] = stage.needs
        stock = drafts[0]["alpha"]["generated"] if drafts else 0.0
        draft["remarks"] = [WORSE.format(stock=stock)] if interval[1] < stock else []
        drafts.append(draft)
    return {
        "run": state.id,
        "recipe": state.name,
        "target": state.sources["target"],
        "prompts": int(contexts["seq"][generated].nunique()),
        "tokens": {"generated": int(generated.sum()), "dataset": int((~generated).sum())},
        "speculation": recipe.evaluation.speculation.model_dump(mode="json"),
        "device": str(state.facts["device"]),
        "drafts": drafts,
        "definitions": DEFINITIONS,
    }


def _speculation(run: Run, name: str, table: str, recipe: Recipe) -> dict[str, Any]:
    """What the draft's replays and the clock say."""
    traces = [replays.read(run, name, seq) for seq in replays.numbers(run, name)]
    found = statistics.acceptance(traces, recipe.evaluation.bootstrap, recipe.seed)
    timed = json.loads(run.speed_file.read_bytes())
    found["speedup"] = statistics.speed(
        found["alpha"]["tested"],
        timed["drafts"][table],
        timed["plain_ms"],
        recipe.evaluation.speculation.gamma,
        recipe.seed,
    )
    return found


def _per_prompt(seq: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    _, place = np.unique(seq.to_numpy(), return_inverse=True)
    return np.bincount(place, values.to_numpy()), np.bincount(place)


def _mean(values: Any) -> float:
    return float(values.to_numpy(dtype=np.float64).mean())


def _budget(run: Run, name: str) -> dict[str, Any]:
    if name == "stock":
        return asdict(Budget())
    budget: dict[str, Any] = json.loads(run.budget_file(name).read_bytes())["budget"]
    return budget


def tables(report: dict[str, Any]) -> Group:
    """The report for a terminal of 80 columns: acceptance, decoding, then what each draft cost.

    The largest acceptance is bold, whoever has it.
    """
    drafts = report["drafts"]
    best = max(draft["alpha"]["generated"] for draft in drafts)
    acceptance = _table("acceptance α", "generated", "95 % interval", "data set", "KL", "top-1")
    decoding = _table("decoding", "tested", "drafted", "τ", "speed-up", "95 % interval", "c")
    cost = _table("budget", "steps", "sequences", "tokens", "teacher", "seconds", "needs")
    for draft in drafts:
        alpha, budget = draft["alpha"], draft["budget"]
        low, high = alpha["generated_ci"]
        value = f"{alpha['generated']:.4f}"
        same = f"= {draft['same_as']}" if "same_as" in draft else ""
        acceptance.add_row(
            f"{draft['name']} {same}",
            f"[bold]{value}[/bold]" if alpha["generated"] == best else value,
            f"{low:.4f} – {high:.4f}",
            f"{alpha['dataset']:.4f}",
            f"{draft['kl']:.{3 if draft['kl'] < 10 else 1}f}",
            f"{draft['top1']:.3f}",
        )
        speed = draft["speedup"]
        decoding.add_row(
            draft["name"],
            _digits(alpha["tested"], 4),
            _digits(alpha["drafted"], 4),
            _digits(draft["block_efficiency"], 3),
            f"{speed['measured']:.2f} x",
            " – ".join(f"{one:.2f}" for one in speed["measured_ci"]),
            f"{speed['c']:.2f}",
        )
        counts = ("steps", "sequences", "selected_tokens", "teacher_forwards", "seconds")
        costs = [f"{budget[key]:,.0f}" for key in counts]
        cost.add_row(draft["name"], *costs, same or ", ".join(draft.get("needs", [])))
    size, settings = report["tokens"], report["speculation"]
    prompts = min(report["prompts"], settings["prompts"])
    timed = min(report["prompts"], settings["timed"])
    return Group(
        f"{report['recipe']} · run {report['run']} · target {report['target']}\n",
        acceptance,
        f"\nExact acceptance, the mean of Σ min(p, q): over {size['generated']:,} tokens that the "
        f"target generated from {report['prompts']} held-out prompts, and over {size['dataset']:,} "
        "of the data set's answers. KL (nats a token) and top-1 agreement: on the generated.\n",
        decoding,
        f"\nSpeculative decoding of {prompts} of those prompts, gamma {settings['gamma']}, "
        f"temperature {settings['temperature']:g}: accepted share of the tested and of all drafted "
        "tokens; τ: block efficiency, tokens of text a target pass. Speed-up over plain decoding, "
        "side by side on "
        f"{timed} prompts, batch 1, {report['device']}; c: time to draft a token in plain target "
        "passes.\n",
        cost,
        "\nThis training alone: tokens that gave a gradient, sequences through a frozen model "
        "(target or reference). What it needs was trained before, at a cost of its own.",
        *(
            f"\n{draft['name']}: {remark}"
            for draft in drafts
            for remark in draft.get("remarks", [])
        ),
    )


def _digits(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _table(*headings: str) -> Table:
    view = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, heading in enumerate(headings):
        view.add_column(heading, justify="right" if number else "left", no_wrap=True)
    return view
