"""Downloads of a real backtest, read by the lines of the how-to page."""

from __future__ import annotations

import pathlib
import re
from collections.abc import AsyncIterator
from typing import Any

import openpyxl
import pandas as pd
import polars as pl
import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from tests.support.api_with_market import request, served
from tests.support.system import Client

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "how-to" / "open-downloads.md"


@pytest_asyncio.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def document(client: Client) -> dict[str, Any]:
    status, found, _ = await client.call("POST", "/v1/backtests", request(), Prefer="wait=30")
    assert status == 200, found
    assert isinstance(found, dict)
    return found


def lines_of_the_page() -> list[str]:
    found = re.findall(r"^trades = (.*?)(?:  # .*)?$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 5
    return found


@pytest.mark.parametrize("line", lines_of_the_page())
async def test_lines_of_the_page_read_the_trades(
    client: Client, document: dict[str, Any], line: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = line.partition("trades.")[2].partition('"')[0]
    status, body, headers = await client.call("GET", f"/v1/backtests/{document['id']}/trades?format={kind}")
    assert status == 200
    assert headers["Content-Disposition"] == f'attachment; filename="trades-{document["id"]}.{kind}"'
    (tmp_path / f"trades.{kind}").write_bytes(body)
    monkeypatch.chdir(tmp_path)
    frame = eval(line, {"pd": pd, "pl": pl})  # noqa: S307  a line of our own page
    trades = document["result"]["trades"]
    assert list(frame.columns) == ["date", "stock_code", "name", "side", "shares", "price", "commission", "tax",
                                   "reason"]  # fmt: skip
    assert [str(day)[:10] for day in frame["date"].to_list()] == [trade["date"] for trade in trades]
    assert not isinstance(frame["date"].to_list()[0], str)
    for column in ("stock_code", "shares"):
        assert frame[column].to_list() == [trade[column] for trade in trades]
    assert frame["price"].to_list() == pytest.approx([trade["price"] for trade in trades], rel=1e-9)


async def test_holdings_download_has_the_day_and_the_positions(
    client: Client, document: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    path = f"/v1/backtests/{document['id']}/holdings?date={document['result']['trades'][0]['date']}"
    holdings = (await client.call("GET", path))[1]
    (tmp_path / "h.xlsx").write_bytes((await client.call("GET", path + "&format=xlsx"))[1])
    sheet = openpyxl.load_workbook(tmp_path / "h.xlsx").active
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert [row[1] for row in rows] == [holding["stock_code"] for holding in holdings["holdings"]]
    assert {str(row[0])[:10] for row in rows} == {holdings["date"]}


async def test_excel_codes_are_formulas_in_csv_only(client: Client, document: dict[str, Any]) -> None:
    path = f"/v1/backtests/{document['id']}/trades"
    text = (await client.call("GET", f"{path}?format=csv&excel=true&limit=2"))[1].decode("utf-8-sig")
    assert f'"=""{document["result"]["trades"][0]["stock_code"]}"""' in text.splitlines()[1]
    assert len(text.splitlines()) == 3
    for query in ("excel=true", "format=xlsx&excel=true", "format=csv&excel=1", "format=ods"):
        assert (await client.call("GET", f"{path}?{query}"))[0] == 422
