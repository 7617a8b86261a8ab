"""Warnings of results in Korean."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared.messages.warnings import KOREAN, in_korean
from shared.simulation.warnings import WARNINGS

FIGURES: dict[str, Any] = {
    "side": "end", "requested": "2024-01-02", "available": "2023-12-28", "date": "2023-01-02", "rows": 12,
    "stock_codes": ["005930"], "count": 3, "field": "strategy.sell.stop_loss_pct", "value": 0.2, "factor": "PER",
    "path": "strategy.buy.where", "from": "2023-01-02", "to": "2023-03-02", "rebalances": 4, "coverage": 0.012,
    "reason": None, "universe": 900, "parts": [{"condition": "PER < 1", "passed": 0}], "ranked": 880,
    "exposure": 0.31, "mean_positions": 4.2, "slots": 20, "stopped_rows": 3, "open_exposure": 0.4,
    "open_positions": 4.6, "needs": "portfolio.when", "stretches": 1, "share": 0.4, "orders": 4, "buys": 10,
    "largest": 0.7, "above_listed_shares": 0, "preferred": 3, "spac": 1, "reit": 0, "stock_code": "005930",
    "move": -0.8, "prices": [], "holdings": [{"stock_code": "005930", "last_traded": "2023-01-02"}],
    "benchmark": "KOSPI", "first": "2023-02-01", "last": "2023-11-30",
}  # fmt: skip


def test_every_warning_has_a_korean_sentence() -> None:
    assert set(KOREAN) == set(WARNINGS)


@pytest.mark.parametrize("code", WARNINGS)
def test_sentence_is_made_from_the_figures_of_the_code(code: str) -> None:
    warning = {"code": code, "message": "English", **{name: FIGURES[name] for name in WARNINGS[code].figures}}
    (found,) = in_korean([warning])
    assert re.search("[가-힣]", found["message"])
    assert not re.search(r"[{}]", found["message"])
    assert {**found, "message": "English"} == warning


def test_variants_of_a_warning_differ() -> None:
    def message(code: str, **changes: Any) -> str:
        figures = {name: FIGURES[name] for name in WARNINGS[code].figures}
        found: str = in_korean([{"code": code, "message": "", **figures, **changes}])[0]["message"]
        return found

    assert message("window_clipped", side="start") != message("window_clipped")
    assert "규칙이 없습니다" in message("suspicious_value", field="strategy", value=None)
    assert "min_hold_days" in message("suspicious_value", field="strategy.sell.min_hold_days", value=90)
    assert message("low_exposure", open_positions=19.5) != message("low_exposure")
    assert "현금과 비교" in message("low_exposure", open_exposure=0.9)
    assert "값의 범위: 1 ~ 9" in message(
        "no_candidate", parts=[{"condition": "PER < 1", "passed": 0, "lowest": 1.0, "highest": 9.0, "unit": "times"}]
    )
    assert message("factor_gap", path="strategy.sell.where") != message("factor_gap")
    assert "외 2개" in message("unknown_stocks")


def test_warnings_of_other_versions_are_unchanged() -> None:
    others = [{"code": code, "message": "m"} for code in ("later", "long_idle")]
    warnings = ["a sentence of engine version 1", *others]
    assert in_korean(warnings) == warnings
