"""What commands print about holdouts."""

from __future__ import annotations

from typing import Any

from ondol.cli.research import holdout_text


def test_holdout_names_what_opened_its_days_before() -> None:
    before = {
        "kind": "walk_forward", "id": "w1", "variant": 3, "from": "2023-01-02", "to": "2023-12-28",
        "opened_at": "2026-11-29T06:00:00+00:00", "backtest": None,
    }  # fmt: skip
    own: dict[str, Any] = {"from": "2023-06-01", "to": "2024-12-30", "opened_at": None, "opened_before": None}
    assert "w1" not in holdout_text(own)
    shown = holdout_text(own | {"opened_before": before})
    assert shown.startswith("2023-06-01 to 2024-12-30, opened -; 2023-01-02 to 2023-12-28 opened 2026-11-29")
    assert shown.endswith("by walk-forward w1, variant 3")
