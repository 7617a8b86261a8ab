"""Explanations of a backtest: why each trade was made, and why a stock was not bought."""

from __future__ import annotations

from shared.simulation.explain.trades import explain
from shared.simulation.explain.why_not import why_not

__all__ = ["explain", "why_not"]
