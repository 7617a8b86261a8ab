"""Backtests of the Korean stock market from Python.

    from ondol import Client, Strategy

    client = Client("http://127.0.0.1:8000")
    result = client.backtest(Strategy(buy="PER < 10 and ROE > 10", rank_by="MOMENTUM_3M"), "2023-01-02", "2023-12-28")
    result.statistics, result.equity, result.trades
    result.to_html("report.html")

Names are imported when they are first used, so that `import ondol` costs almost nothing. Errors: `ondol.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ondol.client.account import Account, AsyncAccount
    from ondol.client.answers import (
        Audit,
        Comparison,
        Explanation,
        ExpressionCheck,
        Holdings,
        Replay,
        Robustness,
        Screen,
    )
    from ondol.client.async_client import AsyncClient
    from ondol.client.factor_answers import FactorMatrix, FactorReport, OwnFactor
    from ondol.client.research import ResearchLine
    from ondol.client.result import AsyncResult, Result
    from ondol.client.strategy import Strategy
    from ondol.client.sweep import AsyncSweep, Sweep
    from ondol.client.sync_client import Client
    from ondol.client.walk_forward import AsyncWalkForward, WalkForward
    from shared.infra.api_client.retry import RetryPolicy

_MODULES = {
    "Account": "ondol.client.account",
    "AsyncAccount": "ondol.client.account",
    "AsyncClient": "ondol.client.async_client",
    "AsyncResult": "ondol.client.result",
    "AsyncSweep": "ondol.client.sweep",
    "AsyncWalkForward": "ondol.client.walk_forward",
    "Audit": "ondol.client.answers",
    "Client": "ondol.client.sync_client",
    "Comparison": "ondol.client.answers",
    "Explanation": "ondol.client.answers",
    "ExpressionCheck": "ondol.client.answers",
    "FactorMatrix": "ondol.client.factor_answers",
    "FactorReport": "ondol.client.factor_answers",
    "Holdings": "ondol.client.answers",
    "OwnFactor": "ondol.client.factor_answers",
    "Replay": "ondol.client.answers",
    "Robustness": "ondol.client.answers",
    "ResearchLine": "ondol.client.research",
    "Result": "ondol.client.result",
    "RetryPolicy": "shared.infra.api_client.retry",
    "Screen": "ondol.client.answers",
    "Strategy": "ondol.client.strategy",
    "Sweep": "ondol.client.sweep",
    "WalkForward": "ondol.client.walk_forward",
}

__all__ = [
    "Account",
    "AsyncAccount",
    "AsyncClient",
    "AsyncResult",
    "AsyncSweep",
    "AsyncWalkForward",
    "Audit",
    "Client",
    "Comparison",
    "Explanation",
    "ExpressionCheck",
    "FactorMatrix",
    "FactorReport",
    "Holdings",
    "OwnFactor",
    "Replay",
    "ResearchLine",
    "Result",
    "RetryPolicy",
    "Robustness",
    "Screen",
    "Strategy",
    "Sweep",
    "WalkForward",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'ondol' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(_MODULES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
