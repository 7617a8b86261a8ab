"""Positions in the event stream of a backtest."""

from __future__ import annotations

import pytest

from services.api.backtests.event_cache import Position
from services.api.errors import ApiProblem
from services.api.routes.backtest_events import parse_position


def test_event_id_is_a_position() -> None:
    assert parse_position(None) == Position()
    assert parse_position("-.0") == Position()
    assert parse_position("2025-01-02.17") == Position("2025-01-02", 17)
    assert str(parse_position("2025-02-03.4")) == "2025-02-03.4"


@pytest.mark.parametrize("text", ["x", "2025-01-02", "2025-01-02.-1", "2025-01-02.1.1", "-.9999999999"])
def test_other_event_ids_are_refused(text: str) -> None:
    with pytest.raises(ApiProblem):
        parse_position(text)
