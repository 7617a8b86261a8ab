"""Pool sizes of simulators added later stay within max_connections of PostgreSQL, in any steps."""

from __future__ import annotations

import itertools

import pytest

from ondol.local.postgres_server import server_options
from ondol.local.scaling import MAX_SIMULATORS, checked, names_of, pool_size
from shared.errors import SetupError

OTHERS = 3
RESERVED = 60
"""Connections outside service pools: reserved ones, listeners, loaders, the command line."""


@pytest.mark.parametrize("limit", [1, 8, 60, 200])
def test_pool_sizes_stay_within_max_connections(limit: int) -> None:
    options = server_options(durable=True)
    max_connections = next(int(text.partition("=")[2]) for text in options if text.startswith("max_connections="))
    for first, step in itertools.product(range(1, MAX_SIMULATORS + 1), (1, 2, 7, 30, MAX_SIMULATORS)):
        used = (first + OTHERS) * pool_size(limit, used=0, new=first + OTHERS)
        count = first
        while count < MAX_SIMULATORS:
            new = min(step, MAX_SIMULATORS - count)
            used += new * pool_size(limit, used=used, new=new)
            count += new
        assert used + 2 * MAX_SIMULATORS + RESERVED <= max_connections, (first, step)


def test_simulator_count_is_validated_and_names_ordered() -> None:
    assert names_of(checked(2)) == ["simulator-1", "simulator-2"]
    for count in (0, MAX_SIMULATORS + 1, -5):
        with pytest.raises(SetupError, match="1 to 64"):
            checked(count)
