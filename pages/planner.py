"""Planner: whether a draft pays on a server, what to set there, and what its log should show."""

import streamlit as st

from adaspec import AdaspecError
from adaspec.analysis import planner
from adaspec.runs import read_report
from app.planner import view
from app.planner.log import run_log
from app.shared.pickers import pick_run
from app.shell import link

st.title("Planner", anchor=False)
st.markdown(
    "Whether a draft pays on your server, what to set there, and whether its log shows what was "
    "predicted."
)
try:
    with st.container(horizontal=True, key="planner-choice"):
        run = pick_run()
        report = read_report(run)
        draft = link.choice(
            "Draft q",
            "draft",
            [row.name for row in report.drafts],
            default=report.best.name,
            help="At first the one that is accepted most often.",
        )
        acceptance, alpha = view.pick_acceptance(planner.acceptances(report, draft))
    costs = view.pick_costs()
    plan = planner.plan(run, draft, acceptance, alpha, costs)
    view.run_plan(plan, report)
    run_log(plan, report, view.run_settings(plan))
except AdaspecError as error:
    link.complain(str(error))
