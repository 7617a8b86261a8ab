"""The small markets of `tests/data/cases`: load files, requests beside them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

CASES = Path(__file__).parents[1] / "data" / "cases"
TEXT = {
    "date", "stock_code", "name", "name_en", "market", "sector", "kind", "issuer", "listed_on", "delisted_on",
    "from_date", "period_end", "disclosed_on", "ex_date", "index",
}  # fmt: skip

Market = dict[str, list[dict[str, Any]]]


def read_market(directory: Path) -> Market:
    """Return the CSV files of a directory as lists of rows: numbers as float, empty cells as None."""
    market: Market = {"prices": [], "companies": []}
    for path in sorted(directory.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            market[path.stem] = [{k: _cell(k, v) for k, v in row.items()} for row in csv.DictReader(file)]
    return market


def _cell(column: str, value: str) -> Any:
    if value == "":
        return None
    return value if column in TEXT else float(value)


def case_market(name: str, folder: str = "market") -> Market:
    """Return the market of a case."""
    return read_market(CASES / name / folder)


def case_request(name: str, number: int = 1) -> dict[str, Any]:
    """Return a request of a case."""
    request: dict[str, Any] = json.loads((CASES / name / f"request{number}.json").read_text(encoding="utf-8"))
    return request


def without(market: Market, table: str, column: str) -> Market:
    """Return the market without one column of one file."""
    return {**market, table: [{k: v for k, v in row.items() if k != column} for row in market[table]]}


def with_cell(market: Market, date: str, column: str, value: float) -> Market:
    """Return the market with one cell of the prices of a day."""
    return {**market, "prices": [{**r, column: value} if r["date"] == date else r for r in market["prices"]]}
