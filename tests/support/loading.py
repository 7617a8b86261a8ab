"""Load markets in the form of `tests/data/examples.json` into the database of a test."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from services.preparer.loading.load import LoadReport, load_market
from shared.settings import Settings

Market = Mapping[str, Sequence[Mapping[str, Any]]]


async def load(settings: Settings, market: Market) -> LoadReport:
    """Load a market through the files of the load format."""
    with tempfile.TemporaryDirectory(prefix="ondol-test-market-") as name:
        for table, rows in market.items():
            if rows:
                frame = pl.DataFrame([dict(row) for row in rows], infer_schema_length=None)
                frame.write_csv(pathlib.Path(name) / f"{table}.csv")
        return await load_market(pathlib.Path(name), settings.database_url or "")


def until(market: Market, day: str) -> dict[str, list[Mapping[str, Any]]]:
    """Return the market as known at the end of a day: prices and indices up to it, statements disclosed by then."""
    known = {"prices": "date", "indices": "date", "financials": "disclosed_on"}
    return {
        table: [row for row in rows if table not in known or str(row[known[table]]) <= day]
        for table, rows in market.items()
    }


def dates(market: Market) -> list[str]:
    """Return the trading days of a market."""
    return sorted({str(row["date"]) for row in market["prices"]})


def loadable(market: Market) -> dict[str, list[Mapping[str, Any]]]:
    """Return a market with a close of 0 in place of an empty one, which the load format does not allow."""
    prices = [{**row, "close": row["close"] or 0} for row in market["prices"]]
    return {table: list(rows) for table, rows in market.items()} | {"prices": prices}
