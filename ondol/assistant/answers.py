"""Shapes of the answers to an assistant; their schemas are those of the tools' output."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Data(BaseModel):
    """The data that every answer rests on."""

    dataset: str
    first_day: str
    last_day: str


class FactorRow(BaseModel):
    """A factor: `key` is its name in expressions."""

    key: str
    name_ko: str
    name_en: str
    category: str
    unit: str
    formula: str
    available: bool = Field(description="Whether the current dataset has values of it.")


class WordRow(BaseModel):
    """A word of the strategy language."""

    name: str
    kind: str
    meaning: str


class Mistake(BaseModel):
    """A mistake of an expression or a request."""

    path: str
    message: str
    suggestions: list[str] = []


class Check(BaseModel):
    """Whether an expression is right."""

    ok: bool
    canonical: str | None
    reads: list[str]
    mistakes: list[Mistake]


class StrategyRow(BaseModel):
    """A strategy that a backtest may name."""

    id: str
    kind: str
    name_ko: str
    name_en: str
    summary: str


class Pick(BaseModel):
    """A stock that passed a condition."""

    rank: int
    stock_code: str
    name: str
    value: float | None = Field(description="Value of rank_by; null: the stock has none.")


class ScreenPart(BaseModel):
    """A part of a condition: how many stocks pass it alone, and how many remain after it and the parts before."""

    condition: str
    passed: int
    remaining: int


class ScreenAnswer(BaseModel):
    """Stocks that passed a condition on the row of `date`."""

    date: str
    universe: int | None
    parts: list[ScreenPart]
    total: int = Field(description="How many passed; `picks` has the first of them.")
    picks: list[Pick]
    warnings: list[str]


class Figures(BaseModel):
    """Figures of a backtest. Read the warnings before the figures: they say what makes them unreliable."""

    id: str
    name: str
    start: str
    end: str
    warnings: list[str]
    statistics: dict[str, float | int | str | None] = Field(
        description="Fractions (0.1 is 10 %), won, days; benchmark_* are the benchmark's; null: undefined."
    )
    benchmark: str | None
    yearly_returns: dict[str, float | None] = Field(description="Year -> return as a fraction.")
    unfilled: dict[str, int] = Field(description="Orders that could not be filled, by reason.")
    open_positions: int
    dataset: str
    result_digest: str


class ExplainedTrade(BaseModel):
    """A trade and why it was made."""

    date: str
    stock_code: str
    name: str
    side: str
    shares: float
    price: float
    reason: str
    rule: str
    decided_on: str | None
    values: dict[str, float | None] = Field(description="Numbers behind the condition on the row that decided.")


class TradesAnswer(BaseModel):
    """Explained trades of a backtest."""

    total: int = Field(description="How many match; `trades` has the first of them.")
    trades: list[ExplainedTrade]


class HoldingRow(BaseModel):
    """A position."""

    stock_code: str
    name: str
    shares: float
    value: float
    weight: float | None
    gain: float
    entry_date: str


class HoldingsAnswer(BaseModel):
    """Positions on the evening of a day; values and cash are in won."""

    date: str
    equity: float
    cash: float
    holdings: list[HoldingRow]


class ComparedRow(BaseModel):
    """One of the compared backtests."""

    id: str
    name: str
    statistics: dict[str, float | int | str | None]


class ComparisonAnswer(BaseModel):
    """Backtests side by side."""

    first_day: str | None
    last_day: str | None
    backtests: list[ComparedRow]


class BacktestRow(BaseModel):
    """A backtest of this key."""

    id: str
    name: str
    status: str
    start: str
    end: str
    total_return: float | None


Document = dict[str, Any]
