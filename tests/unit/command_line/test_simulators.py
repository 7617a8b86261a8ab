"""Pools of simulators that come later: whatever the steps, PostgreSQL has room for all that a system may have."""

from __future__ import annotations

import itertools

import pytest

from ondol.local.embedded_servers import _options
from ondol.local.scaling import MOST, checked, names_of, pool_size
from shared.errors import SetupError

OTHERS = 3
BESIDES = 60
"""For what is no pool of a service: the reserved connections, watches, loaders, the command line."""


@pytest.mark.parametrize("most", [1, 8, 60, 200])
def test_the_most_simulators_have_room_whatever_the_steps(most: int) -> None:
    options = _options(durable=True)
    room = next(int(text.partition("=")[2]) for text in options if text.startswith("max_connections="))
    for first, step in itertools.product(range(1, MOST + 1), (1, 2, 7, 30, MOST)):
        taken = (first + OTHERS) * pool_size(most, taken=0, new=first + OTHERS)
        count = first
        while count < MOST:
            new = min(step, MOST - count)
            taken += new * pool_size(most, taken=taken, new=new)
            count += new
        assert taken + 2 * MOST + BESIDES <= room, (first, step)


def test_a_number_is_checked_and_names_are_in_order() -> None:
    assert names_of(checked(2)) == ["simulator-1", "simulator-2"]
    for count in (0, MOST + 1, -5):
        with pytest.raises(SetupError, match="1 to 64"):
            checked(count)
