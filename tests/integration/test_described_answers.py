"""Every route of a real system, in every format and language, answers exactly what the OpenAPI document declares."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import openpyxl
import polars as pl
import pytest
import pytest_asyncio

from ondol.local import embedded_servers
from services.api.routes.pages import SCREENS
from shared.market.opening_hours import next_trading_day
from tests.support.api_with_market import FIRST, LAST, request, served
from tests.support.described_answers import differences
from tests.support.sweeps import run_sweep, sweep
from tests.support.system import Client
from tests.support.walk_forwards import run_walk_forward, walk_forward

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
FORMATS = {"csv": CSV, "xlsx": XLSX, "parquet": PARQUET}


@dataclass(frozen=True, kw_only=True)
class System:
    """A system with a completed, a failed and a cancelled backtest, a strategy and a warm run."""

    client: Client
    document: dict[str, Any]
    names: dict[str, str]


@pytest_asyncio.fixture(scope="module")
async def system(servers: embedded_servers.Servers) -> AsyncIterator[System]:
    async with served(servers) as client:
        wide = request(portfolio={"max_positions": 5, "rebalance": "weekly"})
        _, document, _ = await client.call("POST", "/v1/backtests", wide, Prefer="wait=30")
        assert document["status"] == "completed", document
        absent = request(universe={"markets": ["KONEX"], "cap_groups": ["KOSPI_MEGA"]}, buy={"where": "PER < 10"})
        _, failed, _ = await client.call("POST", "/v1/backtests", absent, Prefer="wait=30")
        assert failed["status"] == "failed"
        own = {"id": "mine", "name": "Mine", "strategy": {"buy": {"where": "PER < 15"}}}
        assert (await client.call("POST", "/v1/strategies", own))[0] == 201
        _, warm_run, _ = await client.call("POST", "/v1/warm-runs", {"phases": ["prices"]})
        swept = sweep(
            holdout={"from": "2025-10-01"}, constraints=["$per > 10 or $n == 5"], research="described"
        )  # fmt: skip
        await client.call("POST", "/v1/backtests", request(research="described"), Prefer="wait=30")
        ranked = await run_sweep(client, swept)
        keep = {"keep": {"values": [5, 20]}, "most": {"values": [5, 10]}}
        rotating = {"sell": {"on_rebalance": "rotate"}, "portfolio": {"keep_rank": "$keep", "max_positions": "$most"}}
        partly = await run_sweep(client, {"template": request() | {"strategy": rotating}, "parameters": keep})
        assert partly["failed"] == 1
        other = walk_forward(choose="plateau", holdout={"from": "2025-10-01"})
        other["template"]["strategy"]["portfolio"] = {"max_positions": 6}
        walked = await run_walk_forward(client, other)
        unranked = await run_walk_forward(client, walk_forward(objective={"where": "trades > 100000"}))
        assert (walked["status"], unranked["status"]) == ("completed", "failed")
        _, account, _ = await client.call("POST", "/v1/accounts", {"strategy": request()["strategy"], "start": FIRST})
        _, stored, _ = await client.call("POST", "/v1/factor-reports", {"factor": "PBR", "start": FIRST, "end": LAST})
        trade = document["result"]["trades"][0]
        names = {
            "account": account["id"],
            "following": next_trading_day(dt.date.fromisoformat(account["as_of"])).isoformat(),
            "id": document["id"], "failed": failed["id"], "code": trade["stock_code"], "day": trade["date"],
            "first": FIRST, "last": LAST, "warm": str(warm_run["id"]),
            "sweep": ranked["id"], "partly": partly["id"], "walk": walked["id"], "unranked": unranked["id"],
            "report": stored["id"],
        }  # fmt: skip
        yield System(client=client, document=document, names=names)


REQUESTS: dict[str, list[tuple[str, Any]]] = {
    "POST /v1/backtests": [
        ("?parts=statistics,trades&format=columns", request()), ("", request()), ("?format=columns", request()),
        ("", {"strategy": {"buy": {"where": "RO > "}, "x": 1}, "start": "2025-02-30"}),
    ],
    "GET /v1/backtests": [("", None), ("?status=failed", None), ("?limit=1", None), ("?limit=0", None)],
    "GET /v1/backtests/{id}": [
        ("/v1/backtests/{id}", None), ("/v1/backtests/{id}?format=columns", None),
        ("/v1/backtests/{id}?parts=equity,warnings,timing&format=columns", None),
        ("/v1/backtests/{id}?parts=round_trips", None), ("/v1/backtests/{failed}", None), ("/v1/backtests/x", None),
    ],
    "PATCH /v1/backtests/{id}": [("/v1/backtests/{id}", {"name": "n", "note": "x", "starred": True}),
                                 ("/v1/backtests/{id}", {"name": 1})],
    "DELETE /v1/backtests/{id}": [("/v1/backtests/{id}", None)],
    "GET /v1/backtests/{id}/trades": [("/v1/backtests/{id}/trades?limit=5", None),
                                      ("/v1/backtests/{failed}/trades", None)],
    "GET /v1/backtests/{id}/equity": [("/v1/backtests/{id}/equity?limit=5", None)],
    "GET /v1/backtests/{id}/explain": [
        ("/v1/backtests/{id}/explain", None), ("/v1/backtests/{id}/explain?stock_code={code}&date={day}", None),
        ("/v1/backtests/{id}/explain?stock_code=999999&date={day}", None), ("/v1/backtests/{id}/explain?date=x", None),
    ],
    "GET /v1/backtests/{id}/holdings": [("/v1/backtests/{id}/holdings?date={day}", None),
                                        ("/v1/backtests/{id}/holdings?date=1999-01-01", None)],
    "POST /v1/backtests/{id}/replay": [("/v1/backtests/{id}/replay", {})],
    "POST /v1/backtests/{id}/audit": [("/v1/backtests/{id}/audit", {"cuts": 1})],
    "POST /v1/backtests/{id}/robustness": [
        ("/v1/backtests/{id}/robustness", {"random_draws": 5, "noise_draws": 3}),
        ("/v1/backtests/{id}/robustness", {"noise_pct": 0}),
    ],
    "POST /v1/compare": [("/v1/compare", {"ids": ["{id}"]}), ("/v1/compare", {"ids": ["x"]})],
    "POST /v1/sweeps": [("", sweep()), ("?dry_run=true", sweep()), ("", sweep(search={"method": "random"}))],
    "GET /v1/sweeps": [("", None), ("?status=completed&limit=1", None), ("?status=lost", None)],
    "GET /v1/sweeps/{id}": [("/v1/sweeps/{sweep}", None), ("/v1/sweeps/{partly}", None), ("/v1/sweeps/x", None)],
    "DELETE /v1/sweeps/{id}": [("/v1/sweeps/{sweep}", None)],
    "GET /v1/sweeps/{id}/table": [("/v1/sweeps/{sweep}/table?sort=score", None), ("/v1/sweeps/{partly}/table", None),
                                  ("/v1/sweeps/{sweep}/table?where=x", None)],
    "GET /v1/sweeps/{id}/heatmap": [("/v1/sweeps/{sweep}/heatmap?x=per&y=n", None),
                                    ("/v1/sweeps/{sweep}/heatmap?x=per&y=no", None)],
    "GET /v1/sweeps/{id}/variants/{variant}": [("/v1/sweeps/{sweep}/variants/3", None),
                                               ("/v1/sweeps/{partly}/variants/1", None),
                                               ("/v1/sweeps/{sweep}/variants/99", None)],
    "POST /v1/sweeps/{id}/holdout": [("/v1/sweeps/{sweep}/holdout", {"variant": 2}),
                                     ("/v1/sweeps/{partly}/holdout", {"variant": 2})],
    "GET /v1/research": [("", None), ("?limit=1", None), ("?limit=0", None)],
    "GET /v1/research/{line}": [("/v1/research/described", None), ("/v1/research/absent", None)],
    "PATCH /v1/research/{line}": [
        ("/v1/research/described", {"extra_trials": 7}), ("/v1/research/described", {"extra_trials": 6}),
        ("/v1/research/described", {"closed": True}), ("/v1/research/absent", {"closed": True}),
    ],
    "POST /v1/walk-forwards": [
        ("", walk_forward()), ("?dry_run=true", walk_forward()),
        ("", walk_forward(windows={"train": "9Y", "test": "1M"})),
    ],
    "GET /v1/walk-forwards": [("", None), ("?status=failed&limit=1", None), ("?status=lost", None)],
    "GET /v1/walk-forwards/{id}": [("/v1/walk-forwards/{walk}", None), ("/v1/walk-forwards/{unranked}", None),
                                   ("/v1/walk-forwards/x", None)],
    "DELETE /v1/walk-forwards/{id}": [("/v1/walk-forwards/{walk}", None)],
    "GET /v1/walk-forwards/{id}/result": [("/v1/walk-forwards/{walk}/result", None),
                                          ("/v1/walk-forwards/{unranked}/result", None)],
    "GET /v1/walk-forwards/{id}/windows/{window}/table": [
        ("/v1/walk-forwards/{walk}/windows/0/table?of=test&sort=score", None),
        ("/v1/walk-forwards/{walk}/windows/next/table", None), ("/v1/walk-forwards/{walk}/windows/99/table", None),
    ],
    "POST /v1/walk-forwards/{id}/holdout": [("/v1/walk-forwards/{walk}/holdout", None),
                                            ("/v1/walk-forwards/{unranked}/holdout", None)],
    "GET /v1/strategies": [("", None)],
    "POST /v1/strategies": [("", {"id": "other", "name": "Other", "strategy": {"buy": {"where": "PBR < 1"}}}),
                            ("", {"id": "mine", "name": "Again", "strategy": {}})],
    "GET /v1/strategies/{id}": [("/v1/strategies/peter_lynch", None), ("/v1/strategies/mine", None),
                                ("/v1/strategies/none", None)],
    "PUT /v1/strategies/{id}": [("/v1/strategies/mine", {"name": "New", "strategy": {"buy": {"where": "PBR < 2"}}}),
                                ("/v1/strategies/peter_lynch", {"name": "New", "strategy": {}})],
    "DELETE /v1/strategies/{id}": [("/v1/strategies/other", None), ("/v1/strategies/other", None)],
    "POST /v1/accounts": [("", {"strategy": "surge_stocks", "start": FIRST}), ("", {"strategy": {}, "start": "x"})],
    "GET /v1/accounts": [("", None), ("?limit=1", None)],
    "GET /v1/accounts/{id}": [("/v1/accounts/{account}", None), ("/v1/accounts/x", None)],
    "POST /v1/accounts/{id}/steps": [("/v1/accounts/{account}/steps", {}), ("/v1/accounts/x/steps", {})],
    "GET /v1/accounts/{id}/steps": [("/v1/accounts/{account}/steps", None)],
    "GET /v1/accounts/{id}/orders": [("/v1/accounts/{account}/orders", None),
                                     ("/v1/accounts/{account}/orders?date=2001-01-02", None)],
    "GET /v1/accounts/{id}/drift": [("/v1/accounts/{account}/drift", None)],
    "POST /v1/quotes/open": [("", {"date": "{following}", "quotes": [{"stock_code": "{code}", "open": 1}]}),
                             ("", {"date": "{following}", "quotes": [{"stock_code": "{code}", "open": 2}]}),
                             ("", {"date": "{following}", "quotes": [{"stock_code": "x", "open": None}]})],
    "GET /v1/quotes/open": [("", None), ("?date=2020-01-02", None)],
    "PUT /v1/accounts/{id}/webhook": [("/v1/accounts/{account}/webhook", {"url": "https://1.1.1.1/hook"}),
                                      ("/v1/accounts/{account}/webhook", {"url": "http://example.com/"})],
    "GET /v1/accounts/{id}/webhook": [("/v1/accounts/{account}/webhook", None)],
    "GET /v1/accounts/{id}/deliveries": [("/v1/accounts/{account}/deliveries", None)],
    "POST /v1/accounts/{id}/deliveries/{number}/resend": [("/v1/accounts/{account}/deliveries/1/resend", None)],
    "DELETE /v1/accounts/{id}/webhook": [("/v1/accounts/{account}/webhook", None)],
    "PATCH /v1/accounts/{id}": [("/v1/accounts/{account}", {"name": "renamed"}), ("/v1/accounts/x", {"name": "none"})],
    "GET /v1/accounts/{id}/changes": [("/v1/accounts/{account}/changes", None), ("/v1/accounts/x/changes", None)],
    "DELETE /v1/accounts/{id}": [("/v1/accounts/{account}", None), ("/v1/accounts/{account}", None)],
    "GET /v1/presets": [("", None)],
    "GET /v1/screen": [("?where=PER<20&rank_by=ROE&limit=5", None), ("?strategy=peter_lynch&limit=3", None),
                       ("?where=RO<1", None)],
    "GET /v1/rankings/{kind}": [("/v1/rankings/market_cap?limit=3", None),
                                ("/v1/rankings/trading_volume?limit=3", None), ("/v1/rankings/none", None)],
    "PUT /v1/factors/mine/{key}": [
        ("/v1/factors/mine/CHEAP", {"expression": "-rank(PBR)"}), ("/v1/factors/mine/CHEAP", {"expression": "1 / PBR"}),
        ("/v1/factors/mine/PER", {"expression": "PBR"}), ("/v1/factors/mine/LOOP", {"expression": "LOOP + RO"}),
    ],
    "GET /v1/factors/mine": [("", None)],
    "GET /v1/factors/mine/{key}": [("/v1/factors/mine/cheap", None), ("/v1/factors/mine/NONE", None)],
    "DELETE /v1/factors/mine/{key}": [("/v1/factors/mine/CHEAP", None), ("/v1/factors/mine/CHEAP", None)],
    "GET /v1/factors": [("", None)],
    "GET /v1/factors/{key}": [("/v1/factors/PER", None), ("/v1/factors/NONE", None)],
    "GET /v1/factors/{key}/distribution": [("/v1/factors/PER/distribution", None),
                                           ("/v1/factors/NONE/distribution", None)],
    "POST /v1/factor-reports/matrix": [
        ("", {"start": FIRST, "end": LAST, "factors": ["PER", "PBR"], "horizons": [5], "research": "described 2"}),
        ("", {"factors": ["PER", "-rank(PBR)"], "start": FIRST, "end": LAST, "horizons": [1, 5]}),
        ("", {"start": FIRST, "end": LAST, "horizons": [20], "neutral": "sector"}),
        ("", {"factors": ["PER", "per", "RO"], "start": FIRST, "end": LAST}),
    ],
    "GET /v1/factor-reports": [("", None), ("?factor=PBR&limit=1", None), ("?query=pb", None), ("?limit=0", None)],
    "GET /v1/factor-reports/{id}": [("/v1/factor-reports/{report}", None), ("/v1/factor-reports/x", None)],
    "POST /v1/factor-reports/{id}/audit": [("/v1/factor-reports/{report}/audit", {"cuts": 2}),
                                           ("/v1/factor-reports/{report}/audit", {"cuts": 0})],
    "DELETE /v1/factor-reports/{id}": [("/v1/factor-reports/{report}", None)],
    "POST /v1/factor-reports": [
        ("", {"factor": "-rank(PBR)", "start": FIRST, "end": LAST, "horizons": [5, 1], "quantiles": 4,
              "controls": ["log(MARKET_CAP)"], "breakdowns": ["sector", "market", "cap_group"]}),
        ("", {"factor": "PER", "start": FIRST, "end": LAST, "neutral": "sector", "correlations": False,
              "series": False, "universe": {"where": "PER < 20"}}),
        ("", {"factor": "close", "start": "x", "controls": ["RO"], "horizons": [5, 5, 251]}),
    ],
    "GET /v1/stocks": [("?limit=3", None)],
    "GET /v1/stocks/{code}": [("/v1/stocks/{code}", None), ("/v1/stocks/none", None)],
    "GET /v1/stocks/{code}/prices": [("/v1/stocks/{code}/prices?start={first}", None),
                                     ("/v1/stocks/none/prices", None)],
    "GET /v1/values": [("?fields=PER,close&codes={code}&start={first}&end={last}", None), ("?fields=RO", None)],
    "GET /v1/sectors": [("", None)],
    "GET /v1/calendar": [("?year=2025", None), ("?year=x", None)],
    "GET /v1/language": [("", None)],
    "POST /v1/expressions/check": [
        ("", {"text": "PER < 10 and not (ROE > ts_mean(close / lag(close, 1), 20) or KOSPI > 1)",
              "place": "buy.where"}),
        ("", {"text": "PER <", "place": "buy.where"}), ("", {"text": "PER", "place": "x"}),
    ],
    "GET /v1/datasets": [("", None)],
    "GET /v1/datasets/{version}": [("/v1/datasets/current", None), ("/v1/datasets/none", None)],
    "GET /v1/quality": [("", None), ("?revision=999", None)],
    "GET /v1/warm-runs": [("", None)],
    "POST /v1/warm-runs": [("", {"phases": ["prices"]}), ("", {"phases": ["x"]})],
    "GET /v1/warm-runs/{id}": [("/v1/warm-runs/{warm}", None), ("/v1/warm-runs/99", None)],
    "GET /v1/schedule": [("", None)],
    "POST /v1/session": [("", {"key": "unknown"}), ("", {"key": 1})],
    "DELETE /v1/session": [("", None)],
    "GET /healthz": [("", None)],
    "GET /readyz": [("", None)],
    "GET /metrics": [("", None)],
    "GET /openapi.json": [("", None)],
}  # fmt: skip
"""Operation -> paths (or queries) and bodies of requests; some are refused, so that problem documents are read too."""

NOT_READ = re.compile(rf"GET (/docs.*|/assets/.*|.*/events|{'|'.join(map(re.escape, SCREENS))})")
"""Pages, scripts and event streams; tests of their own read them."""


def filled(value: Any, names: dict[str, str]) -> Any:
    """Return a path or a body with the names of the system."""
    if isinstance(value, str):
        return re.sub(r"{(\w+)}", lambda found: names[found[1]], value)
    if isinstance(value, dict):
        return {name: filled(part, names) for name, part in value.items()}
    return [filled(part, names) for part in value] if isinstance(value, list) else value


async def test_every_operation_is_tested(system: System) -> None:
    described = await described_operations(system)
    assert {name for name in described if not NOT_READ.fullmatch(name)} == set(REQUESTS)


async def described_operations(system: System) -> dict[str, dict[str, Any]]:
    _, document, _ = await system.client.call("GET", "/openapi.json")
    return {
        f"{method.upper()} {path}": operation | {"schemas": document["components"]["schemas"]}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("operation", REQUESTS)
async def test_answers_have_the_declared_fields(system: System, operation: str, language: str) -> None:
    described = (await described_operations(system))[operation]
    method, route = operation.split(" ")
    for place, body in REQUESTS[operation]:
        path = filled(place if place.startswith("/") else route + place, system.names)
        status, answer, headers = await system.client.call(
            method, path, filled(body, system.names), Prefer="wait=30", Accept_Language=language
        )
        declared = described["responses"].get(str(status))
        assert declared is not None, (path, status, answer)
        kind = headers.get("Content-Type", "").partition(";")[0]
        assert kind in declared.get("content", {"": None, "application/octet-stream": None}), (path, status, kind)
        if kind.endswith("json"):
            schema = declared["content"][kind]["schema"]
            found = differences(answer, schema, described["schemas"], operation)
            assert sorted({re.sub(r"\[\d+\]", "[]", difference) for difference in found}) == [], path


TABLES = {
    "sweep": "/v1/sweeps/{sweep}/table?format=",
    "window": "/v1/walk-forwards/{walk}/windows/0/table?format=",
    "trades": "/v1/backtests/{id}/trades?format=", "equity": "/v1/backtests/{id}/equity?format=",
    "holdings": "/v1/backtests/{id}/holdings?date={day}&format=", "prices": "/v1/stocks/{code}/prices?format=",
    "screen": "/v1/screen?where=PER<30&columns=PER,ROE&format=",
    "values": "/v1/values?fields=PER,close&codes={code}&start={first}&format=",
}  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
async def test_every_format_has_the_same_table(system: System, table: str) -> None:
    frames: dict[str, tuple[list[str], int]] = {}
    for kind, media_type in FORMATS.items():
        path = filled(TABLES[table], system.names) + kind
        status, body, headers = await system.client.call("GET", path)
        assert (status, headers["Content-Type"].partition(";")[0]) == (200, media_type), body
        if kind == "xlsx":
            rows = list(openpyxl.load_workbook(io.BytesIO(body)).active.iter_rows(values_only=True))
            frames[kind] = ([str(name) for name in rows[0]], len(rows) - 1)
        else:
            overrides = {"stock_code": pl.String}
            frame = (
                pl.read_csv(io.BytesIO(body), schema_overrides=overrides, infer_schema_length=None)
                if kind == "csv"
                else pl.read_parquet(io.BytesIO(body))
            )
            frames[kind] = (frame.columns, frame.height)
    assert frames["csv"] == frames["xlsx"] == frames["parquet"]
    assert frames["csv"][1] > 0
