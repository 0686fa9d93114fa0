"""Classroom: a room for a class, with a board for the teacher and a seat for everybody."""

import streamlit as st

from adaspec import AdaspecError
from app.classroom import front, hall
from app.shared.pickers import pick_run
from app.shell import access, words

st.title("Classroom", anchor=False)
st.markdown(
    "Open a room and put its board on the projector. Seats join from any device with the code, "
    "without an account. They see what you show, **bet** before every reveal, ask, and look around "
    "on their own. A room and all it stored is gone at the end of the day."
)
viewer = access.person()
run = pick_run()
if st.button(
    "Open a room",
    type="primary",
    icon=":material/meeting_room:",
    disabled=not viewer.may_start,
    help="It shows the replays of this run."
    if viewer.may_start
    else "To open a room, sign in at the top right.",
):
    try:
        hall.start(run.id, front.first(run))
    except AdaspecError as error:
        st.error(words.plain(str(error)), icon=":material/block:")

st.header("Open rooms", anchor=False)
rooms = hall.opened()
if not rooms:
    st.info("No room is open.", icon=":material/info:")
for room in rooms:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{room.code}** · {words.plain(room.run)} · {len(room.seats)} seats")
        st.link_button("Join", f"join?code={room.code}", icon=":material/login:")
        if viewer.may_start:
            board = f"room/{room.code}/board#{room.secret}"
            st.link_button("Board", board, type="primary", icon=":material/co_present:")
            notes = f"room/{room.code}/notes#{room.secret}"
            st.link_button("Notes", notes, icon=":material/speaker_notes:")
            if st.button("Close", key=f"close-{room.code}", icon=":material/close:"):
                hall.close(room.code)
                st.rerun()
