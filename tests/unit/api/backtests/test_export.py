"""Exports of parts of a result."""

from __future__ import annotations

import orjson
import pytest

from services.api.backtests.export import COLUMNS, as_csv, encode_page


def test_csv_has_the_documented_columns_and_no_formulas() -> None:
    row = {"date": "2025-01-02", "stock_code": "1", "name": "=1+1", "side": "buy", "shares": 1, "price": None}
    lines = as_csv([row], COLUMNS["trades"]).decode().splitlines()
    assert lines[0] == "date,stock_code,name,side,shares,price,commission,tax,reason"
    assert lines[1] == "2025-01-02,1,'=1+1,buy,1,,,,"
    assert as_csv([], COLUMNS["equity"]).decode().startswith("date,equity,cash,positions")


@pytest.mark.parametrize(("start", "limit"), [(0, 3), (3, 3), (6, 3), (0, 100), (7, 1)])
def test_json_page_is_a_slice_of_the_part(start: int, limit: int) -> None:
    trades = [{"date": "2025-01-02", "shares": number} for number in range(7)]
    pieces, total = encode_page(orjson.dumps({"trades": trades}), "trades", "json", start, limit)
    assert total == 7
    assert orjson.loads(b"[%b]" % b"".join(pieces)) == trades[start : start + limit]
