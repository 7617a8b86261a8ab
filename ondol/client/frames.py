"""Tables of answers as polars frames with proper types: dates as dates, shares as whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

Rows = Sequence[Mapping[str, Any]]

DATES = frozenset({
    "date", "entry_date", "exit_date", "decided_on", "listed_on", "delisted_on", "start", "end", "first_day",
    "last_day", "day", "to", "as_of",
})  # fmt: skip
WHOLE = frozenset({
    "shares", "positions", "holding_days", "rank", "volume", "shares_before", "shares_after", "candidates", "universe",
    "trades", "stocks", "passed", "remaining", "lookback_rows", "version", "period_days", "filled_shares", "priority",
    "number", "days", "provisional_shares",
})  # fmt: skip
TEXTS = frozenset({
    "stock_code", "name", "side", "reason", "month", "year", "kind", "market", "sector", "id", "strategy", "status",
    "key", "name_ko", "name_en", "category", "unit", "formula", "summary", "rule", "note", "condition",
    "status_reason", "cause", "field",
})  # fmt: skip

COLUMNS: dict[str, tuple[str, ...]] = {
    "equity": ("date", "equity", "cash", "positions", "daily_return", "drawdown", "benchmark"),
    "trades": ("date", "stock_code", "name", "side", "shares", "price", "commission", "tax", "reason"),
    "round_trips": (
        "stock_code", "name", "entry_date", "exit_date", "entry_price", "exit_price", "shares", "cost", "proceeds",
        "gain", "return", "holding_days", "reason",
    ),
    "open_positions": (
        "stock_code", "name", "shares", "entry_date", "entry_price", "holding_days", "last_price", "value", "cost",
        "gain", "return",
    ),
    "monthly_returns": ("month", "return"),
    "yearly_returns": ("year", "return"),
    "corporate_actions": ("date", "stock_code", "kind", "ratio", "shares_before", "shares_after", "dps", "cash"),
    "accounts": ("id", "name", "start", "as_of", "equity", "cash", "position_count", "public", "error"),
    "orders": (
        "date", "stock_code", "name", "side", "kind", "reason", "shares", "amount", "level", "priority", "reserve",
        "status", "status_reason", "filled_shares", "fill_price", "provisional",
    ),
    "account_steps": ("date", "status", "live", "decided_at", "decided_on", "late", "orders", "equity", "cash"),
    "fills": ("date", "stock_code", "name", "side", "shares", "price", "commission", "tax", "reason", "won"),
    "drift": ("number", "day", "cause", "won"),
    "drift_cells": ("number", "field", "stock_code", "date", "to", "days", "before", "after", "late"),
    "provisional_fills": ("date", "stock_code", "name", "side", "shares", "price", "commission", "tax", "reason"),
    "reconciliation": (
        "date", "stock_code", "name", "side", "reason", "quoted_open", "open", "provisional_shares",
        "provisional_price", "shares", "price", "won", "cause",
    ),
    "account_changes": ("number", "changed_at", "fields"),
    "opening_quotes": ("date", "stock_code", "open"),
    "deliveries": (
        "number", "event_id", "type", "date", "status", "attempts", "due_at", "http_status", "error", "created_at",
        "delivered_at",
    ),
    "screen": ("rank", "stock_code", "name", "value"),
    "parts": ("condition", "passed", "remaining"),
    "holdings": (
        "stock_code", "name", "shares", "entry_price", "entry_date", "price", "value", "weight", "gain", "return",
    ),
}  # fmt: skip
"""Columns of a table that may be empty."""


def frame(rows: Rows | Mapping[str, Sequence[Any]], table: str | None = None) -> pl.DataFrame:
    """Return rows, or columns, as a frame; an empty one of a known `table` has its columns and types."""
    import polars as pl

    found = dict.fromkeys(rows if isinstance(rows, Mapping) else (name for row in rows for name in row))
    known = COLUMNS.get(table or "", ())
    names = [name for name in known if name in found or not found] + [name for name in found if name not in known]
    columns: dict[str, list[Any]] = {}
    for name in names:
        if isinstance(rows, Mapping):
            columns[name] = list(rows.get(name, ()))
        else:
            columns[name] = [row.get(name) for row in rows]
    return pl.DataFrame([series(name, values) for name, values in columns.items()])


def series(name: str, values: Sequence[Any]) -> pl.Series:
    """Return a column with the type of its name, or of its values when the name says nothing."""
    import polars as pl

    if name in DATES:
        return pl.Series(name, values, dtype=pl.String, strict=False).str.to_date("%Y-%m-%d", strict=False)
    if name in TEXTS:
        return pl.Series(name, values, dtype=pl.String, strict=False)
    if name in WHOLE and all(value is None or value == int(value) for value in values):
        return pl.Series(name, [None if value is None else int(value) for value in values], dtype=pl.Int64)
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {str}:
        return pl.Series(name, values, dtype=pl.String)
    return pl.Series(name, values, strict=False)
