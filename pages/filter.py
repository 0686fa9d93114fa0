"""Filter: drag k over the histogram of ΔL and see which tokens AdaSPEC would train on."""

import streamlit as st

from adaspec import AdaspecError, tokens
from adaspec.recipe import REFERENCE, STOCK
from adaspec.runs import Run
from adaspec.tokens import POOLS, Pool, Snapshot
from app.filter.acceptance_by_k import acceptance_by_k
from app.filter.lab import filter_lab, standalone
from app.filter.view import filter_view, tables
from app.shared.downloads import file_button, table_buttons
from app.shared.pickers import pick_run, pick_source
from app.shell import link
from app.shell.words import counted

FIRST_K = 400  # thousandths: the paper's 0.4


def require_reference(run: Run) -> None:
    """End the page where there is nothing to take ΔL against."""
    if REFERENCE not in (one.name for one in tokens.snapshots(run)):
        st.info(
            "This run has no reference, which ΔL is taken against: name one with "
            "`adaspec inspect … --reference MODEL`, or train one in stage 1.",
            icon=":material/info:",
        )
        st.stop()


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
    require_reference(run)
    source = pick_source(run)
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
seq = int(example or 0)
shown = Snapshot.of(snapshot)
with st.container(horizontal=True, vertical_alignment="center", key="filter-next"):
    if st.button(
        "Train with this k",
        type="primary",
        icon=":material/model_training:",
        help="Opens the Train page with this run's recipe and this k.",
    ):
        st.switch_page(link.page("train"), query_params={"from": run.id, "k": ratio})
    st.page_link(
        link.page("tokens"),
        label="See the tokens",
        icon=":material/grain:",
        query_params={
            "run": run.id,
            "source": source,
            "draft": shown.training,
            "example": str(seq),
            "metric": "delta",
            "k": ratio,
            "pool": pool,
            "by": "stock" if snapshot == STOCK else "draft",
            **({"step": shown.name} if shown.step is not None else {}),
        },
    )
acceptance_by_k(run)
name = f"filter-{view['id'].replace('/', '-')}"
with st.container(horizontal=True, key="filter-downloads"):
    file_button(
        "Page",
        lambda: standalone(view, k),
        f"{name}.html",
        "One HTML file with this view: k can be dragged offline.",
    )
    table_buttons(tables(view, k), name, key="filter-tables")
