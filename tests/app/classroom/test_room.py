"""A room as data: what can be done in it, what everybody is shown, and what nobody is."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaspec import AdaspecError
from app.classroom import room as rooms
from app.classroom.room import PRESENTED, ROOM, SEATED, Room, Shown


def a_room(seats: int = 0) -> Room:
    made = rooms.new("english", Shown(draft="adaspec", number=0), closes=1e10)
    for number in range(seats):
        rooms.enter(made, f"seat {number}")
    return made


def lead(room: Room, **message: object) -> None:
    rooms.lead(room, rooms.parse(PRESENTED, json.dumps(message)))


def sit(room: Room, seat: str, **message: object) -> None:
    rooms.sit(room, seat, rooms.parse(SEATED, json.dumps(message)))


def bet(room: Room, **more: object) -> None:
    question = {"text": "Is it kept?", "options": ["kept", "replaced"], "answer": 1} | more
    lead(room, do="open", question=question)


def test_nobody_sees_votes_or_answer_before_their_time() -> None:
    room = a_room(3)
    first, second, _ = room.seats
    bet(room, why="p is small")
    sit(room, first, do="vote", option=0)
    sit(room, second, do="vote", option=1)
    shown = rooms.shared(room).bet
    assert shown is not None
    assert (shown.counts, shown.answer, shown.why) == (None, None, "")
    assert rooms.overview(room, set()).voted == 2
    lead(room, do="count")
    shown = rooms.shared(room).bet
    assert shown is not None
    assert (shown.counts, shown.answer, shown.why) == ([1, 1], None, "")
    lead(room, do="reveal")
    shown = rooms.shared(room).bet
    assert shown is not None
    assert (shown.counts, shown.answer, shown.why) == ([1, 1], 1, "p is small")
    assert [seat.points for seat in room.seats.values()] == [0, 1, 0]


def test_a_vote_can_be_changed_until_votes_are_counted() -> None:
    room = a_room(1)
    [seat] = room.seats
    with pytest.raises(AdaspecError, match="closed"):
        sit(room, seat, do="vote", option=0)
    bet(room)
    sit(room, seat, do="vote", option=0)
    sit(room, seat, do="vote", option=1)
    assert room.bet is not None
    assert room.bet.votes == {seat: 1}
    lead(room, do="count")
    with pytest.raises(AdaspecError, match="closed"):
        sit(room, seat, do="vote", option=0)
    lead(room, do="again")
    with pytest.raises(AdaspecError, match="no such option"):
        sit(room, seat, do="vote", option=2)


@pytest.mark.parametrize(("right", "advised"), [(3, False), (4, True), (7, True), (8, False)])
def test_talking_it_over_is_advised_where_it_helps(right: int, advised: bool) -> None:
    room = a_room(10)
    bet(room)
    for number, seat in enumerate(room.seats):
        sit(room, seat, do="vote", option=int(number < right))
    assert rooms.overview(room, set()).discuss == advised


def test_a_second_vote_shows_the_first_beside_it_and_alone_gives_points() -> None:
    room = a_room(2)
    first, second = room.seats
    bet(room)
    sit(room, first, do="vote", option=1)
    sit(room, second, do="vote", option=0)
    lead(room, do="count")
    lead(room, do="again")
    for seat in (first, second):
        sit(room, seat, do="vote", option=int(seat == second))
    lead(room, do="reveal")
    lead(room, do="reveal")  # twice gives nothing more
    shown = rooms.shared(room).bet
    assert shown is not None
    assert (shown.before, shown.counts) == ([1, 1], [1, 1])
    assert [room.seats[seat].points for seat in (first, second)] == [0, 1]


def test_revealing_moves_the_replay_to_what_was_bet_on() -> None:
    room = a_room()
    lead(room, do="show", step=4)
    bet(room, step=5)
    assert rooms.shared(room).step == 4
    lead(room, do="reveal")
    assert rooms.shared(room).step == 5


def test_a_seat_on_the_board_is_seen_by_all_until_the_presenter_moves() -> None:
    room = a_room(1)
    [seat] = room.seats
    sit(room, seat, do="roam", step=9)
    lead(room, do="board", seat=seat)
    board = rooms.shared(room).board
    assert board is not None
    assert (board.name, board.number) == ("seat 0", 9)
    lead(room, do="show", step=1)
    assert rooms.shared(room).board is None
    with pytest.raises(AdaspecError, match="no such seat"):
        lead(room, do="board", seat="nobody")


def test_questions_wait_until_they_are_answered_and_are_bounded() -> None:
    room = a_room(1)
    [seat] = room.seats
    for number in range(rooms.WAITING):
        sit(room, seat, do="ask", text=f"why {number}?")
    with pytest.raises(AdaspecError, match="waiting"):
        sit(room, seat, do="ask", text="and?")
    number = rooms.overview(room, set()).asked[0][0]
    lead(room, do="answered", number=number)
    sit(room, seat, do="ask", text="and?")
    assert [text for _, _, text in rooms.overview(room, set()).asked] == [
        "why 1?",
        "why 2?",
        "and?",
    ]


def test_names_are_short_plain_and_told_apart() -> None:
    room = a_room()
    for name in (
        "Ann (3)",
        "Ann",
        "Ann",
        "",
        "x" * 99,
        "\x1b[31mred\n\u202e",
        "<script>alert(1)</script>",
    ):
        rooms.enter(room, name)
    names = [seat.name for seat in room.seats.values()]
    assert len(set(names)) == len(names)
    assert all(0 < len(name) <= 24 and name.isprintable() for name in names)


def test_a_full_room_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "SEATS", 2)
    with pytest.raises(AdaspecError, match="full"):
        a_room(3)


def test_in_a_full_room_a_seat_that_is_away_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "SEATS", 3)
    room = a_room(3)
    first, second, third = room.seats
    room.seats[first].points = 1
    bet(room)
    sit(room, second, do="vote", option=0)
    sit(room, second, do="ask", text="why?")
    fourth = rooms.enter(room, "Dan", here={third})
    assert set(room.seats) == {first, third, fourth}
    assert room.bet is not None
    assert (room.bet.votes, room.asked) == ({}, [])
    with pytest.raises(AdaspecError, match="full"):
        rooms.enter(room, "Eve", here={third, fourth})


def test_a_room_of_the_last_version_is_read(tmp_path: Path) -> None:
    room = a_room(2)
    content = json.loads(ROOM.dump(room)) | {"version": 1}
    del content["lesson"], content["training"]
    (tmp_path / "room.json").write_text(json.dumps(content))
    assert ROOM.read(tmp_path / "room.json") == room


def test_a_figure_is_revealed_with_the_answer() -> None:
    room = a_room()
    bet(room, figures=["one", "two"])
    for what, seen in (("count", []), ("reveal", ["one", "two"])):
        lead(room, do=what)
        shown = rooms.shared(room).bet
        assert shown is not None
        assert shown.figures == seen
    with pytest.raises(AdaspecError, match="a figure for every option"):
        bet(room, figures=["one"])


def test_a_seat_comes_back_with_its_secret_alone() -> None:
    room = a_room(2)
    first, second = room.seats
    assert rooms.owns(room, first, room.seats[first].secret)
    assert not rooms.owns(room, first, room.seats[second].secret)
    assert not rooms.owns(room, "nobody", "")
    assert rooms.presents(room, room.secret)
    assert not rooms.presents(room, "é")


def test_no_secret_is_in_anything_that_is_shown() -> None:
    room = a_room(2)
    bet(room)
    views = [
        rooms.shared(room),
        rooms.overview(room, set()),
        rooms.personal(room, next(iter(room.seats))),
    ]
    text = "".join(view.model_dump_json() for view in views)
    assert all(
        secret not in text for secret in [room.secret, *(s.secret for s in room.seats.values())]
    )


@given(
    st.text(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(json.dumps)
)
def test_what_is_no_message_is_refused_in_a_line(text: str) -> None:
    for parse in (lambda: rooms.parse(PRESENTED, text), lambda: rooms.parse(SEATED, text)):
        with pytest.raises(AdaspecError) as refused:
            parse()
        assert "\n" not in str(refused.value)


MESSAGES = st.one_of(
    st.builds(lambda n: {"do": "vote", "option": n}, st.integers(0, 5)),
    st.builds(lambda sign: {"do": "signal", "sign": sign}, st.sampled_from(["clear", "lost"])),
    st.builds(lambda text: {"do": "ask", "text": text}, st.text(min_size=1, max_size=20)),
    st.builds(lambda step: {"do": "roam", "step": step}, st.none() | st.integers(0, 99)),
    st.sampled_from([{"do": what} for what in ("count", "again", "reveal", "end", "cleared")]),
    st.builds(
        lambda n, answer: {
            "do": "open",
            "question": {"text": "?", "options": list("abcdef")[:n], "answer": answer},
        },
        st.integers(2, 6),
        st.none() | st.integers(0, 7),
    ),
)


@given(st.lists(st.tuples(st.integers(0, 2), MESSAGES), max_size=30))
def test_whatever_is_sent_the_room_can_be_shown_and_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, sent: list[tuple[int, dict[str, object]]]
) -> None:
    room = a_room(3)
    for who, message in sent:
        seat = [*room.seats][who]
        with suppress(AdaspecError):
            lead(room, **message)
        with suppress(AdaspecError):
            sit(room, seat, **message)
    shown = rooms.shared(room).bet
    if room.bet is not None and shown is not None and shown.counts is not None:
        assert sum(shown.counts) == len(room.bet.votes)
    for seat in room.seats:
        rooms.personal(room, seat)
    rooms.overview(room, set(room.seats))
    file = tmp_path_factory.mktemp("room") / "room.json"
    ROOM.write(file, room)
    assert ROOM.read(file) == room
