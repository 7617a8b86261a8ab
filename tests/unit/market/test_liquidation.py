"""Rows of liquidation trading: the first tradable rows after a suspension, within three weeks of the delisting."""

from __future__ import annotations

import numpy as np
import pytest

from shared.market.liquidation import LIQUIDATION_DAYS, LIQUIDATION_ROWS, is_liquidation_row
from shared.model.fields import NEVER_TRADED

SUSPENDED = [0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("idle", "days_left", "expected"),
    [
        ([*SUSPENDED, 0], 10, True),
        ([*SUSPENDED, 0], LIQUIDATION_DAYS, True),
        ([*SUSPENDED, 0], LIQUIDATION_DAYS + 1, False),
        ([*SUSPENDED, 0], 0, False),
        ([*SUSPENDED, *[0] * LIQUIDATION_ROWS], 1, True),
        ([*SUSPENDED, *[0] * (LIQUIDATION_ROWS + 1)], 1, False),
        ([*SUSPENDED, 0, 1, 0], 5, True),
        (SUSPENDED, 10, False),
        ([0, 0, 1, 2, 0], 10, False),
        ([NEVER_TRADED] * 2 + [0], 10, False),
        ([NEVER_TRADED] * 3 + [0], 10, True),
    ],
)
def test_liquidation_rows_follow_a_suspension(idle: list[int], days_left: int, *, expected: bool) -> None:
    values = np.array(idle, np.uint16)
    assert is_liquidation_row(values, len(idle) - 1, days_left) is expected


def test_rows_before_the_first_count_as_suspended() -> None:
    idle = np.array([NEVER_TRADED, 0], np.uint16)
    assert not is_liquidation_row(idle, 1, 10)
    assert is_liquidation_row(idle, 1, 10, first=2)
