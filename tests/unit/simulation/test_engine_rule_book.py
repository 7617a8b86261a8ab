"""The worked example of docs/reference/simulation.md comes out as the page says."""

from __future__ import annotations

import json
import pathlib
import re

import pytest

from shared.simulation import canonical_request, request_of, run
from tests.support.markets import panels_of

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "reference" / "simulation.md"


def test_engine_gives_the_worked_example() -> None:
    text = PAGE.read_text(encoding="utf-8").split("## Worked example")[1].split("\n## ")[0]
    body = json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])  # type: ignore[index]
    codes = re.findall(r"(\d{6}) open, high, low, close", text)
    prices = []
    for line in re.findall(r"^\| (\d{4}-\d\d-\d\d) \| (.*?) \| (.*?) \|$", text, re.MULTILINE):
        for code, cells in zip(codes, line[1:], strict=True):
            values = [float(cell.replace(",", "")) for cell in cells.split("·")]
            bar = dict(zip(("open", "high", "low", "close"), values, strict=True))
            prices.append({"date": line[0], "stock_code": code, "volume": 1e5, "listed_shares": 1e7, **bar})
    companies = [{"stock_code": code, "name": code, "market": "KOSPI"} for code in codes]
    result = run(canonical_request(request_of(body)), panels_of({"prices": prices, "companies": companies})).result
    fills = [(t["date"], t["stock_code"], t["side"], t["shares"], t["price"], t["reason"]) for t in result["trades"]]
    assert fills == [
        ("2024-03-05", "000020", "buy", 109, 9110.0, "entry"),
        ("2024-03-06", "000020", "sell", 109, 9470.0, "rebalance"),
        ("2024-03-06", "000010", "buy", 110, 9360.0, "entry"),
        ("2024-03-07", "000010", "sell", 110, 8880.0, "stop_loss"),
    ]
    shown = [float(value.replace(",", "")) for value in re.findall(r"\*\*([\d,]+\.\d\d)\*\*", text)]
    assert [point["equity"] for point in result["equity"]] == pytest.approx(shown, abs=0.005)
    gains = [trip["gain"] for trip in result["round_trips"]]
    assert gains == pytest.approx([37_078.20, -54_859.20], abs=0.005)
