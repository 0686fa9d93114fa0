"""A plan as the Planner page shows it: sentences, the figure, a table, and settings to copy."""

from __future__ import annotations

from typing import Any

import streamlit as st

from adaspec import figures
from adaspec.analysis.engines import ENGINES
from adaspec.analysis.planner import LONGEST, OWN, Acceptance, Plan
from adaspec.analysis.serving import WORDS
from adaspec.glossary import TERMS
from adaspec.runs import Report
from adaspec.turns import once
from app.shared import figure
from app.shell import link, words

_HELP = {
    "γ": TERMS["gamma"].text,
    "αᵢ": TERMS["positions.passed"].text,
    "P": TERMS["positions.reached"].text,
    "EAL": TERMS["accepted_length"].text,
}


def pick_acceptance(known: dict[str, Acceptance]) -> tuple[str | None, float | None]:
    """The name of one of these, or an α of one's own."""
    chosen = link.choice(
        "Acceptance",
        "acceptance",
        [*known, OWN],
        format_func=lambda name: f"{name}: {known[name].alpha:.3f}" if name in known else name,
        help="How often proposals are accepted: as this run's replays tested it, position by "
        "position, or at the tokens of the target's own text by the rule and setting of a server.",
    )
    if chosen != OWN:
        st.query_params.pop("alpha", None)
        return chosen, None
    alpha = number("α", "alpha", 0.7, 0.0, 1.0, step=0.01)
    return None, alpha


def number(
    label: str, name: str, first: Any, low: Any, high: Any, step: Any, help: str | None = None
) -> Any:
    """A number under a query parameter's name; its type is that of the first."""
    key = f"link-{name}"
    if key not in st.session_state:
        asked = link.number(name, low, high)
        st.session_state[key] = type(first)(first if asked is None else asked)
    value = st.number_input(label, low, high, step=step, key=key, help=help)
    if value == first:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = f"{value:g}"
    return value


def pick_costs() -> str:
    """Costs of one's own; empty for the run's."""
    return link.text(
        "Your server's costs",
        "costs",
        placeholder="this run's own, at batch 1 — or 1:20:2:24@4, 32:30:4:70@4",
        help="A batch size each: *batch : plain : draft : verify @ γ*, in milliseconds. *Plain* is "
        "a pass of the target over one token of each sequence, *draft* one of the draft, "
        "*verify* a pass of the target over γ + 1 tokens of each; as many `verify@γ` as you "
        "measured, with colons between.",
    )


def run_plan(plan: Plan, report: Report) -> None:
    """Whether it pays, in sentences, as a figure and as a table."""
    for batch in plan.batches:
        icon = "trending_up" if batch.pays else "trending_flat" if batch.least_alpha else "block"
        st.markdown(f":material/{icon}: {words.plain(batch.says)}")
    figure.show(_drawn(plan.model_dump_json(), report.model_dump_json()), key="planner-speedup")
    if plan.measured:
        st.caption(
            f"Costs as measured at batch 1 on {words.plain(plan.device)}: a drafted token "
            f"{plan.batches[0].c:.3f} of a plain pass. A server's own, and larger batches, go into "
            "the field above."
        )
    st.dataframe(
        _rows(plan),
        column_config={
            name: st.column_config.NumberColumn(
                help=_HELP.get(name), format="%d" if name == "γ" else "%.3f"
            )
            for name in _rows(plan)[0]
        },
        hide_index=True,
        placeholder=words.NOTHING,
        key="planner-table",
    )
    st.caption(
        "Speed-up: (1 + EAL) / (γ c + v), Leviathan et al., theorem 3.8, with the cost v of "
        "verification as it was measured. Break-even α: where it is 1, were acceptances "
        "independent; none where no acceptance pays."
    )


@once(64)
def _drawn(content: str, of: str) -> dict[str, Any]:
    """Once for all viewers, of a plan and a report as JSON; not to be changed."""
    plan, report = Plan.model_validate_json(content), Report.model_validate_json(of)
    return figures.specification(figures.of_plan(plan, report.draft(plan.draft).speedup.curve))


def _rows(plan: Plan) -> list[dict[str, float | int | None]]:
    """A row a draft length: acceptance there, and what every batch size makes of it."""
    rows: list[dict[str, float | int | None]] = []
    for gamma, position in enumerate(plan.positions, 1):
        row: dict[str, float | int | None] = {
            "γ": gamma,
            "αᵢ": position.passed,
            "P": position.reached,
            "EAL": position.length,
        }
        for batch in plan.batches:
            point = batch.at(gamma) if gamma <= len(batch.curve) else None
            name = f"batch {batch.costs.batch}"
            row[f"{name}: speed-up"] = point.speedup if point else None
            row[f"{name}: break-even α"] = point.break_even_alpha if point else None
        rows.append(row)
    return rows


def run_settings(plan: Plan) -> int:
    """What to copy for an engine; the draft length that is set."""
    st.header("Settings to copy", anchor=False)
    with st.container(horizontal=True, key="planner-settings"):
        engine = ENGINES[link.choice("Engine", "engine", list(ENGINES))]
        gamma: int = number(
            "γ of your server", "gamma", plan.gamma, 1, LONGEST, 1,
            "Draft length; at first the best at the first batch size where the draft pays.",
        )  # fmt: skip
    st.code(engine.settings(gamma), language=None, wrap_lines=True)
    if caution := engine.caution(plan.acceptance):
        st.info(caution, icon=":material/rule:")
    st.caption(
        f"{engine.name} accepts by {WORDS[engine.rule]} unless it is told otherwise. "
        f"{words.plain(engine.note)} Read from "
        f"{words.plain(f'{engine.version}, {engine.source}')}."
    )
    return gamma
