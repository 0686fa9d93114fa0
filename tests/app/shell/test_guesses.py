"""Waits after wrong passphrases: doubling, bounded, of one address alone, forgotten in an hour."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shell import guesses


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [1000.0]
    monkeypatch.setattr(guesses.time, "monotonic", lambda: now[0])
    guesses._wrong.clear()
    yield now
    guesses._wrong.clear()


def wrong(address: str) -> float:
    return guesses.take(address, right=False)


def right(address: str) -> float:
    return guesses.take(address, right=True)


def guess_wrong(clock: list[float], times: int) -> list[float]:
    """Guess as soon as one is looked at; the waits that follow."""
    waits = []
    for _ in range(times):
        assert wrong("a") == 0
        waits.append(right("a"))
        clock[0] += waits[-1]
    return waits


def test_each_wrong_guess_doubles_the_wait_up_to_a_minute(clock: list[float]) -> None:
    waits = guess_wrong(clock, 12)
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == 60.0


def test_a_guess_that_is_not_looked_at_makes_no_wait_longer(clock: list[float]) -> None:
    wrong("a")
    assert [wrong("a") for _ in range(9)] == [guesses.FIRST] * 9


def test_nobody_else_waits_and_the_right_one_clears(clock: list[float]) -> None:
    guess_wrong(clock, 5)
    wrong("a")
    assert right("b") == 0
    clock[0] += right("a")
    assert right("a") == 0
    assert wrong("a") == 0
    assert right("a") == guesses.FIRST


def test_after_an_hour_it_begins_anew(clock: list[float]) -> None:
    guess_wrong(clock, 9)
    clock[0] += guesses.FORGOTTEN + 1
    wrong("a")
    assert right("a") == guesses.FIRST


def test_of_many_at_once_one_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    pause = guesses._pause

    def slow(count: int) -> float:
        time.sleep(0.01)  # others are let in between looking and counting
        return pause(count)

    monkeypatch.setattr(guesses, "_pause", slow)
    with ThreadPoolExecutor(16) as people:
        waits = list(people.map(wrong, ["a"] * 16))
    assert waits.count(0) == 1


@pytest.mark.parametrize(
    ("guesser", "other", "same"),
    [
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("here", "there", False),
    ],
)
def test_a_subscriber_is_one_guesser(guesser: str, other: str, same: bool) -> None:
    wrong(guesser)
    assert (right(other) > 0) == same


@given(st.lists(st.integers(0, 50), max_size=300))
def test_the_memory_is_bounded(addresses: list[int]) -> None:
    guesses._wrong.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guesses, "MOST", 10)
        for address in addresses:
            wrong(str(address))
        assert len(guesses._wrong) <= 10
        if addresses:
            assert wrong(str(addresses[-1])) > 0
