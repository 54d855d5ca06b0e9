"""Work ahead keeps its order, its bound, and the place of an error."""

from __future__ import annotations

import threading
import time

import pytest

from restoration_tasks.runtime.in_order import in_order


def test_results_come_in_order_though_later_ones_are_ready_first():
    def slow_first(item: int) -> int:
        time.sleep(0.05 if item == 0 else 0)
        return item * item

    assert list(in_order(slow_first, range(20), threads=4, ahead=6)) == [item * item for item in range(20)]
    assert list(in_order(slow_first, [], threads=2, ahead=2)) == []


def test_no_more_is_taken_than_may_wait():
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    results = in_order(lambda item: item, items(), threads=2, ahead=3)
    assert next(results) == 0
    assert len(taken) == 4
    results.close()
    assert len(taken) == 4


def test_an_error_comes_when_its_turn_comes_and_nothing_more_is_begun():
    begun = []
    gate = threading.Event()

    def breaks(item: int) -> int:
        begun.append(item)
        if item == 2:
            gate.set()
            raise ValueError("two")
        return item

    results = in_order(breaks, range(1000), threads=2, ahead=4)
    assert [next(results), next(results)] == [0, 1]
    gate.wait(5)
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert len(begun) < 10
