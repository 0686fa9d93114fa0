"""Home, where the menu leads back to it: the same words and the same replay as the first page."""

import streamlit as st

from app.home import welcome
from app.replay.player import replay_player
from app.shell import link

st.title(welcome.TITLE, anchor=False)
st.markdown(welcome.SENTENCE, width=740)
run = welcome.featured()
st.caption(welcome.about(run))
replay_player(welcome.replay(run), {}, key="home")
for column, door in zip(st.columns(len(welcome.DOORS)), welcome.DOORS, strict=True):
    with column, st.container(border=True, height="stretch"):
        st.page_link(
            link.page(door.page),
            label=f"**{door.title}**",
            icon=f":material/{link.PAGES[door.page]}:",
            query_params={"run": run.id} if door.of_run else None,
        )
        st.markdown(door.text)
