"""Whose turn it is, in a simulation of workers that have more to do than time."""

from collections import Counter
from uuid import UUID

import pytest

from participants.events.turns import START, Round, Turns

A, B, C = (UUID(int=n) for n in (1, 2, 3))
SOMEBODY = UUID(int=99)


@pytest.mark.parametrize(
    "costs",
    [
        {A: 1.0, B: 1.0},
        {A: 0.4, B: 0.001},
        {A: 10.0, B: 0.1, C: 0.1},
        {A: 0.3, B: 0.7, C: 0.2},
    ],
)
def test_each_program_gets_as_much_time_as_the_others(costs: dict[UUID, float]) -> None:
    turns, spent = Turns(), Counter[UUID]()
    for _ in range(20_000):
        first = turns.in_order(costs)[0]
        turns.charge(first, costs[first])
        spent[first] += costs[first]  # type: ignore[assignment]
        assert max(spent.values()) - min(spent[each] for each in costs) <= 2 * max(costs.values())


@pytest.mark.parametrize("hours", [0, 1, 1000])
def test_whoever_comes_later_neither_waits_for_the_past_nor_is_ahead_for_long(hours: int) -> None:
    turns = Turns()
    for _ in range(hours * 10):
        turns.in_order([A])
        turns.charge(A, 360)

    assert turns.in_order([A, B])[0] == (B if hours else A)
    turns.charge(B, 361 if hours else 1)
    assert turns.in_order([A, B])[0] == A


def test_whoever_had_nothing_to_do_has_saved_up_no_time() -> None:
    turns = Turns()
    for _ in range(100):
        turns.in_order([A, B])
        turns.charge(A, 1)
        turns.charge(B, 1)
    for _ in range(100):
        turns.in_order([A])
        turns.charge(A, 1)

    first = []
    for _ in range(10):
        first.append(turns.in_order([A, B])[0])
        turns.charge(first[-1], 1)
    assert 4 <= first.count(B) <= 6


def test_what_is_remembered_does_not_grow_with_the_programs() -> None:
    turns = Turns()
    for n in range(1000):
        turns.in_order([UUID(int=n)])
        turns.charge(UUID(int=n), 0.1)
    turns.in_order([A])
    turns.charge(A, 1000)
    turns.in_order([A])

    assert len(turns._spent) <= 1


STEPS = {
    "nobody waits": ([], True),
    "one queue, in which nobody is found": ([(A, True, False)], True),
    "one queue, of which the end was not reached": ([(A, False, False)], False),
    "one queue, in which somebody was found": ([(A, True, True)], False),
    "somebody was found, and then nobody": ([(A, True, True), (A, True, False)], True),
    "found on the way, and none at the end": ([(A, False, True), (A, True, False)], False),
    "in the second round": (
        [(A, False, True), (A, True, False), (A, False, False), (A, True, False)],
        True,
    ),
    "of two queues one is left": ([(A, True, False), (B, True, True)], False),
    "of two queues none is left": ([(A, True, False), (B, True, True), (B, True, False)], True),
    "found where nobody was before": ([(A, True, False), (B, True, False), (A, True, True)], False),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_round_is_over_when_nobody_is_found_from_the_beginning_to_the_end(name: str) -> None:
    steps, is_over = STEPS[name]
    one_round = Round()
    waiting = {program_id for program_id, _, _ in steps}

    for program_id, is_at_end, has_found in steps:
        one_round.programs(waiting)
        one_round.went_on(program_id, SOMEBODY, is_at_end=is_at_end, has_found=has_found)
        assert one_round.after(program_id) == (START if is_at_end else SOMEBODY)

    one_round.programs(waiting)
    assert one_round.is_over == is_over
