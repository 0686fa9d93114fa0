"""What takes long: computed once for all who ask, one at a time, and hits wait for nobody."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from adaspec.turns import once


def test_many_who_ask_at_once_share_one_computation() -> None:
    began, may_end, computed = threading.Event(), threading.Event(), []

    @once(4)
    def slow(number: int) -> list[int]:
        computed.append(number)
        began.set()
        assert may_end.wait(10)
        return [number]

    with ThreadPoolExecutor(10) as people:
        asked = [people.submit(slow, 7) for _ in range(10)]
        assert began.wait(10)
        may_end.set()
        answers = [one.result(10) for one in asked]
    assert computed == [7]
    assert all(answer is answers[0] for answer in answers)


def test_different_computations_take_turns_and_what_is_known_does_not_wait() -> None:
    at_work, most = 0, 0
    held, may_end = threading.Event(), threading.Event()

    @once(4)
    def known(number: int) -> int:
        return number

    @once(4)
    def slow(number: int) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        held.set()
        assert may_end.wait(10)
        at_work -= 1
        return known(number)  # one computation needs another

    assert known(1) == 1
    with ThreadPoolExecutor(4) as people:
        asked = [people.submit(slow, number) for number in range(4)]
        assert held.wait(10)
        assert people.submit(lambda: None)  # they all wait for the first
        assert known(1) == 1
        may_end.set()
        assert [one.result(10) for one in asked] == [0, 1, 2, 3]
    assert most == 1


def test_the_last_ones_are_remembered_and_faults_are_not() -> None:
    computed: list[int] = []

    @once(2)
    def half(number: int, *, digits: int = 0) -> float:
        computed.append(number)
        if number < 0:
            raise ValueError("below zero")
        return round(number / 2, digits)

    for number in (1, 2, 1, 3, 1, 2):
        half(number)
    assert computed == [1, 2, 3, 2]
    half(2, digits=1)
    half(2, digits=1)
    assert computed == [1, 2, 3, 2, 2]
    for _ in range(2):
        with pytest.raises(ValueError, match="below zero"):
            half(-1)
    assert computed[-2:] == [-1, -1]
