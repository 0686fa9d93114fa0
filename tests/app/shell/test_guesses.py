"""Waits after wrong passphrases: doubling, bounded, of one address alone, forgotten in an hour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shell import guesses


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(guesses.time, "monotonic", lambda: now[0])
    guesses._wrong.clear()
    return now


def test_each_wrong_guess_doubles_the_wait_up_to_a_minute(clock: list[float]) -> None:
    waits = []
    for _ in range(12):
        guesses.was_wrong("a")
        waits.append(guesses.wait("a"))
        clock[0] += waits[-1]
        assert guesses.wait("a") == 0
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == 60.0


def test_nobody_else_waits_and_the_right_one_clears(clock: list[float]) -> None:
    for _ in range(5):
        guesses.was_wrong("a")
    assert guesses.wait("b") == 0
    guesses.was_right("a")
    assert guesses.wait("a") == 0


def test_after_an_hour_it_begins_anew(clock: list[float]) -> None:
    for _ in range(9):
        guesses.was_wrong("a")
    clock[0] += guesses.FORGOTTEN + 1
    guesses.was_wrong("a")
    assert guesses.wait("a") == guesses.FIRST


@given(st.lists(st.integers(0, 50), max_size=300))
def test_the_memory_is_bounded(addresses: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guesses, "MOST", 10)
        for address in addresses:
            guesses.was_wrong(str(address))
        assert len(guesses._wrong) <= 10
        if addresses:
            assert guesses.wait(str(addresses[-1])) > 0
