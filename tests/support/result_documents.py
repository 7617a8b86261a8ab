"""Documents of completed backtests as the API sends them, without an API."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from typing import Any

CASH = 100_000_000.0


def weekdays(count: int, first: dt.date = dt.date(2024, 1, 2)) -> list[str]:
    """Return weekdays from the first one on."""
    days = (first + dt.timedelta(days=n) for n in itertools.count())
    return [day.isoformat() for day in itertools.islice((d for d in days if d.weekday() < 5), count)]


def completed(rows: int = 300, *, benchmark: bool = True, name: str | None = None) -> dict[str, Any]:
    """Return a backtest whose equity and benchmark swing around a rising line."""
    equity, before, peak = [], CASH, CASH
    for number, day in enumerate(weekdays(rows)):
        value = CASH * (1 + 0.001 * number + 0.05 * math.sin(number / 11))
        peak = max(peak, value)
        equity.append({
            "date": day, "equity": value, "cash": value / 2, "positions": 1, "daily_return": value / before - 1,
            "drawdown": value / peak - 1, "benchmark": CASH * (1 + 0.0005 * number) if benchmark else None,
        })  # fmt: skip
        before = value
    months = dict.fromkeys(point["date"][:7] for point in equity)
    trade = {
        "stock_code": "005930", "name": "삼성전자 <b>", "price": 70_000.0, "commission": 100.0, "tax": 0.0,
        "shares": 10.0,
    }  # fmt: skip
    trades = [
        trade | {"date": equity[min(1, rows - 1)]["date"], "side": "buy", "reason": "entry"},
        trade | {"date": equity[-1]["date"], "side": "sell", "reason": "take_profit"},
    ]
    statistics = {
        "total_return": equity[-1]["equity"] / CASH - 1, "cagr": 0.2, "volatility": 0.1, "sharpe": 1.5,
        "max_drawdown": min(point["drawdown"] for point in equity), "win_rate": 1.0, "trades": len(trades),
        "benchmark_total_return": equity[-1]["benchmark"] / CASH - 1 if benchmark else None,
    }  # fmt: skip
    result = {
        "statistics": statistics, "equity": equity, "trades": trades, "round_trips": [], "open_positions": [],
        "monthly_returns": [{"month": month, "return": 0.01} for month in months],
        "yearly_returns": [{"year": year, "return": 0.1} for year in dict.fromkeys(m[:4] for m in months)],
        "unfilled": {"cash": 3}, "corporate_actions": [],
        "warnings": [{"code": "scarce_factor", "message": "PER is present on only 1.20 %", "share": 0.012}],
        "provenance": {"dataset_version": "d", "engine_version": "2", "result_digest": "r"},
    }  # fmt: skip
    request = {
        "strategy": {"buy": {"where": "PER < 10"}}, "start": equity[0]["date"], "end": equity[-1]["date"],
        "initial_cash": CASH, "benchmark": "KOSPI" if benchmark else None,
    }  # fmt: skip
    return {
        "id": "01a223e0-c8ad-7000-bee8-5a9f726f6bae", "status": "completed", "progress": 1.0, "cached": False,
        "strategy_id": None, "name": name, "request": request, "result": result, "created_at": "2026-01-02T00:00:00Z",
    }  # fmt: skip
