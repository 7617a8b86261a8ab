"""Language, expression check, sectors and calendar, asked over HTTP."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

import numpy as np
import openpyxl
import polars as pl
import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from services.api.http.pagination import write_cursor
from shared.language.ast import MAX_DEPTH
from shared.strategies.catalogue import FAMOUS
from tests.support.api_with_market import served
from tests.support.system import Client


@pytest_asyncio.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


async def _check(client: Client, **body: Any) -> dict[str, Any]:
    status, found, _ = await client.call("POST", "/v1/expressions/check", body)
    assert status == 200, found
    return dict(found)


async def test_language_lists_the_fields_of_the_dataset(client: Client) -> None:
    status, found, _ = await client.call("GET", "/v1/language")
    assert status == 200
    dataset = (await client.call("GET", "/v1/datasets/current"))[1]
    factors = {field["name"]: field["available"] for field in found["fields"] if field["kind"] == "factor"}
    assert {name for name, available in factors.items() if available} == set(dataset["factors"])
    indices = {field["name"] for field in found["fields"] if field["kind"] == "index"}
    assert indices == {name for name in dataset["indices"] if name.isalnum()}


async def test_check_answers_the_canonical_text_and_tree(client: Client) -> None:
    found = await _check(client, text="per<10 그리고 종가 > 1 * ts_mean(close,20)", place="buy.where")
    assert found["canonical"] == "PER < 10 and close > 1 * ts_mean(close, 20)"
    assert (found["ok"], found["type"], found["reads"]) == (True, "condition", ["PER", "close"])
    assert (found["tree"]["op"], len(found["tree"]["args"]), found["lookback_rows"]) == ("and", 2, 19)
    long = " and ".join(f"PER < {number}" for number in range(1, 101))
    again = await _check(client, tree=(await _check(client, text=long))["tree"])
    assert (again["ok"], len(again["tree"]["args"])) == (True, 100)
    again = await _check(client, tree=found["tree"])
    assert again["canonical"] == found["canonical"]
    assert again["tree"] == found["tree"]


async def test_deepest_expression_is_checked_as_a_tree(client: Client) -> None:
    deepest = "abs(" * (MAX_DEPTH - 2) + "PER" + ")" * (MAX_DEPTH - 2) + " > 1"
    found = await _check(client, text=deepest)
    assert found["ok"]
    again = await _check(client, tree=found["tree"])
    assert (again["ok"], again["tree"]) == (True, found["tree"])
    deeper = {"op": "not", "args": [found["tree"]]}
    refused = await _check(client, tree=deeper)
    assert (refused["ok"], [error["code"] for error in refused["errors"]]) == (False, ["expression_too_deep"])
    for _ in range(2):
        deeper = {"op": "not", "args": [deeper]}
    status, problem, _ = await client.call("POST", "/v1/expressions/check", {"tree": deeper})
    assert (status, problem["errors"][0]["code"]) == (422, "body_too_deep")


async def test_check_answers_every_mistake_of_a_text(client: Client) -> None:
    found = await _check(client, text="RO > 3 and PERR < 1")
    assert (found["ok"], found["canonical"], found["type"]) == (False, None, None)
    assert [(e["path"], e["line"], e["column"]) for e in found["errors"]] == [("text", 1, 1), ("text", 1, 12)]
    assert "ROE" in found["errors"][0]["suggestions"]
    assert found["tree"]["op"] == "and"
    broken = await _check(client, text="PER <")
    assert (broken["ok"], broken["tree"], broken["errors"][0]["column"]) == (False, None, 6)


@pytest.mark.parametrize(
    ("text", "place", "is_right"),
    [
        ("PER", "buy.rank_by", True),
        ("PER", "buy.where", False),
        ("PER < 1", "buy.rank_by", False),
        ("KOSPI > ts_mean(KOSPI, 20)", "portfolio.when", True),
        ("PER < 10", "portfolio.when", False),
        ("close", "buy.rank_by", False),
    ],
)
async def test_check_follows_the_place(client: Client, text: str, place: str, *, is_right: bool) -> None:
    found = await _check(client, text=text, place=place)
    assert found["ok"] is is_right
    assert bool(found["errors"]) is not is_right


async def test_conditions_of_the_catalogue_survive_rows_and_text(client: Client) -> None:
    for entry in FAMOUS:
        for part in ("buy", "sell"):
            text = entry.strategy.get(part, {}).get("where")
            if text is None:
                continue
            first = await _check(client, text=text, place=f"{part}.where")
            second = await _check(client, tree=first["tree"], place=f"{part}.where")
            assert (first["canonical"], first["tree"]) == (second["text"], second["tree"]), entry.id


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "text"),
        ({"text": "PER < 1", "tree": {"op": "field", "name": "PER"}}, "text"),
        ({"text": "PER < 1", "place": "buy.when"}, "place"),
        ({"tree": {"op": "compare", "args": [], "operators": []}}, "tree"),
        ({"text": "PER < 1", "strict": True}, "strict"),
    ],
)
async def test_check_refuses_a_body_by_its_place(client: Client, body: dict[str, Any], path: str) -> None:
    status, problem, _ = await client.call("POST", "/v1/expressions/check", body)
    assert status == 422
    assert [error["path"] for error in problem["errors"]] == [path]


async def test_sectors_count_the_stocks_of_the_row(client: Client) -> None:
    status, found, _ = await client.call("GET", "/v1/sectors")
    assert status == 200
    last = (await client.call("GET", "/v1/datasets/current"))[1]["last_day"]
    names = [item["sector"] for item in found["items"]]
    assert (found["date"], names) == (last, sorted(names))
    markets = "KOSPI,KOSDAQ,KONEX"
    kinds = "common,foreign,preferred,spac,reit"
    screen = (await client.call("GET", f"/v1/screen?limit=0&markets={markets}&kinds={kinds}"))[1]
    assert sum(item["stocks"] for item in found["items"]) + found["without_sector"] == screen["total"]
    for item in found["items"]:
        query = f"/v1/screen?limit=0&markets={markets}&kinds={kinds}&sectors={item['sector']}"
        assert (await client.call("GET", query))[1]["total"] == item["stocks"]


async def test_sectors_refuse_a_day_without_trading(client: Client) -> None:
    status, problem, _ = await client.call("GET", "/v1/sectors?date=2025-06-07")
    assert status == 422
    assert problem["errors"][0]["path"] == "date"


async def test_calendar_has_the_trading_days_of_the_dataset(client: Client) -> None:
    dataset = (await client.call("GET", "/v1/datasets/current"))[1]
    counted = 0
    for year in range(int(dataset["first_day"][:4]), int(dataset["last_day"][:4]) + 1):
        found = (await client.call("GET", f"/v1/calendar?year={year}"))[1]
        assert found["trading_days"] == sum(day["trading"] for day in found["days"])
        counted += sum(day["trading"] for day in found["days"] if day["source"] == "dataset")
    assert counted == dataset["days"]
    assert (found["first_day"], found["last_day"]) == (dataset["first_day"], dataset["last_day"])
    status, problem, _ = await client.call("GET", "/v1/calendar?year=12")
    assert (status, problem["errors"][0]["path"]) == (422, "year")


async def test_factors_are_defined_in_the_language_of_the_caller(client: Client) -> None:
    """Definitions, and the reasons of factors and years without values, differ by language; figures do not."""
    found = {}
    for language in ("en", "ko"):
        headers = {"Accept-Language": language}
        async with client.session.get(client.url + "/v1/factors", headers=headers) as response:
            assert response.headers["Content-Language"] == language
            items = {item["key"]: item for item in (await response.json())["items"]}
        for key in items:
            async with client.session.get(client.url + f"/v1/factors/{key}", headers=headers) as response:
                assert response.headers["Content-Language"] == language
                items[key] = await response.json()
        found[language] = items
    assert found["ko"]["CHANGE_RATE"]["formula"] == "(aclose / aclose(전 행) - 1) * 100"
    reasons = 0
    for key, english in found["en"].items():
        korean = found["ko"][key]
        assert korean["unit"] == english["unit"]
        pairs = [(english["reason"], korean["reason"])]
        pairs += [(a["reason"], b["reason"]) for a, b in zip(english["coverage"], korean["coverage"], strict=True)]
        for text, translated in pairs:
            assert (text is None) == (translated is None)
            if text is not None:
                reasons += 1
                assert re.search("[가-힣]", translated)
                assert not re.search("[가-힣]", text)
    assert reasons > 0


@pytest.mark.parametrize("path", ["/v1/language", "/v1/sectors", "/v1/calendar?year=2025", "/v1/factors", "/healthz"])
async def test_head_answers_as_get_without_a_body(client: Client, path: str) -> None:
    async with client.session.get(client.url + path) as response:
        await response.read()
        size, kind = response.headers["Content-Length"], response.content_type
    async with client.session.head(client.url + path) as response:
        assert (response.status, response.content_type, await response.read()) == (200, kind, b"")
        assert response.headers["Content-Length"] == size


async def test_head_of_an_unknown_resource_is_not_found(client: Client) -> None:
    async with client.session.head(client.url + "/v1/factors/NOTHING") as response:
        assert response.status == 404
    async with client.session.head(client.url + "/v1/compare") as response:
        assert (response.status, "POST" in response.headers["Allow"]) == (405, True)


def _floats(values: Iterable[float | None]) -> list[float]:
    return [np.nan if value is None else value for value in values]


async def _codes(client: Client, count: int) -> list[str]:
    found = (await client.call("GET", f"/v1/stocks?limit={count}"))[1]["items"]
    return [item["stock_code"] for item in found]


async def test_prices_of_a_stock_default_to_its_last_rows(client: Client) -> None:
    (code,) = await _codes(client, 1)
    status, found, _ = await client.call("GET", f"/v1/stocks/{code}/prices")
    assert status == 200
    assert len(found["dates"]) == 250
    assert {len(found[name]) for name in ("open", "high", "low", "close", "volume")} == {250}
    part = (await client.call("GET", f"/v1/stocks/{code}/prices?start={found['dates'][5]}&end={found['dates'][9]}"))[1]
    assert (part["dates"], part["close"]) == (found["dates"][5:10], found["close"][5:10])
    values = (await client.call("GET", f"/v1/values?fields=raw_close&codes={code}&start={found['dates'][0]}"))[1]
    raw = dict(zip(values["columns"]["date"], values["columns"]["raw_close"], strict=True))
    assert all(close is None or raw[date] == close for date, close in zip(found["dates"], found["close"], strict=True))


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("start=2025-03-04&end=2025-03-03", "start"),
        ("start=1990-01-01&end=1990-02-01", "start"),
        ("end=1990-02-01", "end"),
        ("start=2025-02-30", "start"),
        ("excel=true", "excel"),
    ],
)
async def test_prices_refuse_a_range_by_its_place(client: Client, query: str, path: str) -> None:
    (code,) = await _codes(client, 1)
    status, problem, _ = await client.call("GET", f"/v1/stocks/{code}/prices?{query}")
    assert (status, [error["path"] for error in problem["errors"]]) == (422, [path])


async def test_unknown_stock_is_not_found_with_suggestions(client: Client) -> None:
    (code,) = await _codes(client, 1)
    for path in (f"/v1/stocks/A{code}/prices", f"/v1/stocks/A{code}"):
        status, problem, _ = await client.call("GET", path)
        assert (status, problem["errors"][0]["suggestions"]) == (404, [code])


async def test_values_are_long_form_by_date_and_code(client: Client) -> None:
    codes = await _codes(client, 3)
    query = (
        f"fields=per,close,ts_mean(PER,%205)%20<%2010&codes={','.join(reversed(codes))}&start=2025-06-02&end=2025-06-05"
    )
    status, found, _ = await client.call("GET", f"/v1/values?{query}")
    assert status == 200
    assert found["fields"] == ["PER", "close", "ts_mean(PER, 5) < 10"]
    columns = found["columns"]
    assert list(columns) == ["date", "stock_code", *found["fields"]]
    assert {len(column) for column in columns.values()} == {found["rows"]}
    keys = list(zip(columns["date"], columns["stock_code"], strict=True))
    assert keys == sorted(keys)
    assert {code for _, code in keys} <= set(codes)
    assert {type(value) for value in columns["ts_mean(PER, 5) < 10"]} <= {bool}


async def test_values_of_blocks_are_those_of_one_query(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "/v1/values?fields=PER,rank(PBR),close&start=2025-06-02&end=2025-06-30"
    whole = (await client.call("GET", query))[1]
    monkeypatch.setattr("services.api.routes.values.BLOCK_CELLS", 400)
    assert (await client.call("GET", query))[1] == whole
    assert whole["rows"] > 400


async def test_values_of_the_last_row_equal_the_screen(client: Client) -> None:
    found = (await client.call("GET", "/v1/values?fields=PER"))[1]["columns"]
    screen = (await client.call("GET", "/v1/screen?rank_by=PER&limit=1000"))[1]
    assert set(found["date"]) == {screen["date"]}
    expected = {item["stock_code"]: item["value"] for item in screen["items"]}
    values = dict(zip(found["stock_code"], found["PER"], strict=True))
    assert values.keys() == expected.keys()
    np.testing.assert_allclose(_floats(values.values()), _floats(expected[code] for code in values), rtol=1e-6)


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("codes=005930", ["fields"]),
        ("fields=PERR&codes=nope&start=2025-06-30&end=2025-06-01", ["start", "fields", "codes"]),
        ("fields=PER&sectors=nope", ["sectors"]),
        ("fields=PER&end=1990-01-01", ["end"]),
    ],
)
async def test_values_refuse_every_wrong_parameter(client: Client, query: str, paths: list[str]) -> None:
    status, problem, _ = await client.call("GET", f"/v1/values?{query}")
    assert (status, [error["path"] for error in problem["errors"]]) == (422, paths)


async def test_too_many_values_are_refused_with_the_size(client: Client) -> None:
    object.__setattr__(client.api.settings, "max_value_cells", 1000)
    try:
        status, problem, _ = await client.call("GET", "/v1/values?fields=PER,PBR&start=2025-06-02")
    finally:
        object.__setattr__(client.api.settings, "max_value_cells", 2_000_000)
    assert (status, problem["errors"][0]["path"]) == (422, "start")
    assert "the limit is 1,000" in problem["errors"][0]["message"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
async def test_series_are_downloaded_with_their_types(client: Client, kind: str) -> None:
    (code,) = await _codes(client, 1)
    for path, name in ((f"/v1/stocks/{code}/prices?", "close"), ("/v1/values?fields=close,PER&", "PER")):
        status, body, headers = await client.call("GET", f"{path}format={kind}&start=2025-06-02")
        assert status == 200
        assert headers["Content-Disposition"].endswith(f'.{kind}"')
        document = (await client.call("GET", f"{path}start=2025-06-02"))[1]
        expected = document["close"] if "close" in document else document["columns"]["PER"]
        if kind == "xlsx":
            sheet = openpyxl.load_workbook(io.BytesIO(body), read_only=True).active
            head, *rows = sheet.iter_rows(values_only=True)
            found = [row[head.index(name)] for row in rows]
            assert {type(row[head.index("stock_code")]) for row in rows} == {str}
        elif kind == "parquet":
            frame = pl.read_parquet(io.BytesIO(body))
            assert frame.schema["date"] == pl.Date
            found = frame[name].to_list()
        else:
            frame = pl.read_csv(io.BytesIO(body), schema_overrides={"stock_code": pl.String})
            found = frame[name].to_list()
        np.testing.assert_allclose(_floats(found), _floats(expected), rtol=1e-9)


async def test_screen_counts_each_part_of_the_condition(client: Client) -> None:
    where = "PER%20<%2015%20and%20(PBR%20<%201%20or%20ROE%20>%2010)%20and%20close%20>%20lag(close,%2020)"
    status, found, _ = await client.call("GET", f"/v1/screen?where={where}&limit=0")
    assert (status, found["items"]) == (200, [])
    assert [part["condition"] for part in found["parts"]] == [
        "PER < 15", "PBR < 1 or ROE > 10", "close > lag(close, 20)",
    ]  # fmt: skip
    assert [part["remaining"] for part in found["parts"]][-1] == found["total"]
    for part in found["parts"]:
        alone = (await client.call("GET", f"/v1/screen?where={part['condition'].replace(' ', '%20')}&limit=0"))[1]
        assert (alone["total"], alone["universe"]) == (part["passed"], found["universe"])


async def test_screen_columns_equal_the_values(client: Client) -> None:
    columns = "per,close,PBR%20<%201,pct_rank(ROE)"
    found = (await client.call("GET", f"/v1/screen?where=PER%20<%2030&columns={columns}&limit=1000"))[1]
    assert found["columns"] == ["PER", "close", "PBR < 1", "pct_rank(ROE)"]
    codes = [item["stock_code"] for item in found["items"]]
    values = (await client.call("GET", f"/v1/values?fields={columns}&codes={','.join(codes)}"))[1]["columns"]
    for name in found["columns"]:
        expected = dict(zip(values["stock_code"], values[name], strict=True))
        items = [(item["values"][name], expected[item["stock_code"]]) for item in found["items"]]
        np.testing.assert_allclose(_floats(a for a, _ in items), _floats(b for _, b in items), rtol=1e-6)


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("columns=PERR", ["columns"]),
        ("columns=PER,per&where=RO>1&date=2025-06-07", ["date", "where", "columns"]),
        ("excel=true", ["excel"]),
    ],
)
async def test_screen_refuses_every_wrong_parameter(client: Client, query: str, paths: list[str]) -> None:
    status, problem, _ = await client.call("GET", f"/v1/screen?{query}")
    assert (status, [error["path"] for error in problem["errors"]]) == (422, paths)


async def test_screen_is_downloaded_as_it_is_listed(client: Client) -> None:
    query = "/v1/screen?where=PER%20<%2030&columns=ROE&limit=1000"
    items = (await client.call("GET", query))[1]["items"]
    body = (await client.call("GET", f"{query}&format=csv"))[1]
    frame = pl.read_csv(io.BytesIO(body), schema_overrides={"stock_code": pl.String})
    assert frame["stock_code"].to_list() == [item["stock_code"] for item in items]
    assert frame.columns == ["date", "rank", "stock_code", "name", "market", "sector", "value", "ROE"]


async def test_distribution_counts_every_value_once(client: Client) -> None:
    status, found, _ = await client.call("GET", "/v1/factors/per/distribution?bins=12")
    assert status == 200
    values = (await client.call("GET", "/v1/values?fields=PER"))[1]["columns"]["PER"]
    known = np.sort([value for value in values if value is not None])
    assert (found["universe"], found["count"]) == (len(values), len(known))
    assert len(found["bins"]) == 12
    assert found["below"] + found["above"] + sum(part["count"] for part in found["bins"]) == len(known)
    for part in found["bins"][:-1]:
        assert part["count"] == np.count_nonzero((known >= part["lower"]) & (known < part["upper"]))
    assert found["quantiles"]["0.5"] == pytest.approx(float(np.median(known)), rel=1e-6)
    assert (await client.call("GET", "/v1/factors/NOTHING/distribution"))[0] == 404
    status, problem, _ = await client.call("GET", "/v1/factors/PER/distribution?bins=0&sectors=nope")
    assert (status, problem["errors"][0]["path"]) == (422, "bins")
    assert (await client.call("GET", "/v1/factors/PER/distribution?date=2025-06-07&sectors=nope"))[0] == 422


async def test_ranking_says_over_how_many_rows_it_is_a_mean(client: Client) -> None:
    found = (await client.call("GET", "/v1/rankings/trading_value"))[1]
    assert found["mean_rows"] == 20
    assert {item["rows"] for item in found["items"]} <= set(range(1, 21))
    assert (await client.call("GET", "/v1/rankings/market_cap"))[1]["mean_rows"] == 1
    first = (await client.call("GET", "/v1/datasets/current"))[1]["first_day"]
    early = (await client.call("GET", f"/v1/rankings/trading_volume?date={first}"))[1]
    assert (early["mean_rows"], {item["rows"] for item in early["items"]}) == (1, {1})


async def test_stocks_are_found_by_code_and_name(client: Client) -> None:
    stocks = (await client.call("GET", "/v1/stocks?limit=60"))[1]["items"]
    for stock in stocks[:5]:
        for query in (stock["stock_code"], stock["name"]):
            found = (await client.call("GET", f"/v1/stocks?query={query}"))[1]
            assert found["items"][0]["stock_code"] == stock["stock_code"]
            assert found["next_cursor"] is None
    market = stocks[0]["market"]
    found = (await client.call("GET", f"/v1/stocks?query=0&market={market}&limit=3"))[1]["items"]
    assert {stock["market"] for stock in found} == {market}
    assert len(found) == 3
    status, problem, _ = await client.call("GET", f"/v1/stocks?query=0&cursor={write_cursor('0')}")
    assert (status, problem["errors"][0]["path"], problem["errors"][0]["code"]) == (422, "cursor", "cursor_with_query")
