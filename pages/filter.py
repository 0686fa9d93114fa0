"""Filter: drag k over the histogram of ΔL and see which tokens AdaSPEC would train on."""

import streamlit as st

from adaspec import AdaspecError, tokens
from adaspec.recipe import REFERENCE, STOCK
from adaspec.runs import Run
from adaspec.tokens import POOLS, Pool
from app.filter.acceptance_by_k import acceptance_by_k
from app.filter.lab import filter_lab
from app.filter.view import filter_view
from app.shared.pickers import pick_run, pick_source
from app.shell import link
from app.shell.words import counted

FIRST_K = 400  # thousandths: the paper's 0.4


def pick_snapshot(run: Run) -> str:
    names = [one.name for one in tokens.snapshots(run) if one.training != REFERENCE]
    return link.choice(
        "Draft q in ΔL",
        "snapshot",
        names,
        help=f"Selection changes while a draft learns. *{STOCK}* is what a training from the "
        "stock draft sees at its first step; *NAME@STEP* is a draft on its way.",
    )


def pick_pool(size: int) -> Pool:
    names = {"corpus": "the whole text", "batch": f"a batch of {counted(size, 'sequence')}"}
    return link.choice(
        "Pool",
        "pool",
        list(POOLS),
        format_func=names.__getitem__,
        help="Who competes with whom. "
        + " ".join(f"*{names[name]}*: {what}." for name, what in POOLS.items())
        + " The published scripts select within micro-batches of 5 sequences, so that an easy "
        "batch still gives its share; over the whole text, hard sequences give more.",
    )


st.title("Filter", anchor=False)
with st.container(horizontal=True, key="filter-roles"):
    run = pick_run()
    source = pick_source()
    snapshot = pick_snapshot(run)
    pool = pick_pool(tokens.pool_size(run, snapshot.partition("@")[0]))
asked = link.number("k", 0, 1)
example = link.number("example", 0, len(tokens.examples(run, source)) - 1)
try:
    view = filter_view(run, source, snapshot, pool, int(example or 0))
except AdaspecError as error:
    link.complain(str(error))
    st.stop()
k = filter_lab(view, FIRST_K if asked is None else round(1000 * asked), key="filter")
ratio = f"{k / 1000:g}"
st.query_params["k"] = ratio
name = "example" if run.is_example else run.path.name
seq = int(example or 0)
with st.container(horizontal=True, vertical_alignment="center", key="filter-next"):
    if st.button(
        "Train with this k",
        type="primary",
        icon=":material/model_training:",
        help="Opens the Train page with this run's recipe and this k.",
    ):
        st.switch_page(link.page("train"), query_params={"from": name, "k": ratio})
    st.page_link(
        link.page("tokens"),
        label="See the tokens",
        icon=":material/grain:",
        query_params={"run": name, "example": str(seq), "metric": "delta", "k": ratio},
    )
acceptance_by_k(run)
