"""The requests behind the methods of both clients: what is sent, and what the answer becomes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ondol.client.answers import Audit, Comparison, Explanation, ExpressionCheck, Holdings, Replay, Robustness, Screen
from ondol.client.factor_answers import FactorMatrix, FactorReport, OwnFactor
from ondol.client.frames import frame
from ondol.client.request import Day, day_text
from ondol.client.strategy import Strategy, plain
from shared.infra.api_client.errors import InvalidRequest, Mistake

if TYPE_CHECKING:
    import polars as pl

    from shared.infra.api_client.client import ApiClient, Progress

PAGE = 1000
"""Largest page of a list."""
CODES = 500
"""Stock codes of one request, so that its address stays short."""
COLUMNS = {"format": "columns"}
"""Results by columns are smaller and become frames faster."""


async def run(
    api: ApiClient,
    body: Mapping[str, Any],
    *,
    name: str | None = None,
    no_store: bool,
    timeout_s: float | None,
    on_progress: Progress | None,
) -> dict[str, Any]:
    """Run a backtest to its end; a request that is repeated is one backtest."""
    key = uuid.uuid4().hex
    document = await api.run(
        body, no_store=no_store, idempotency_key=key, timeout_s=timeout_s, on_progress=on_progress, query=COLUMNS
    )
    return document if name is None else document | await update(api, document["id"], {"name": name})


async def result(
    api: ApiClient, identity: str, *, timeout_s: float | None, on_progress: Progress | None
) -> dict[str, Any]:
    """Wait for the end of a backtest and return its document."""
    document = await api.call("GET", f"/v1/backtests/{quote(identity, safe='')}", query=COLUMNS)
    return await api.ended(document, timeout_s=timeout_s, on_progress=on_progress, query=COLUMNS)


async def submit(api: ApiClient, body: Mapping[str, Any], *, no_store: bool, name: str | None = None) -> str:
    """Submit a backtest and return its id."""
    document = await api.submit(body, no_store=no_store, idempotency_key=uuid.uuid4().hex)
    if name is not None:
        await update(api, document["id"], {"name": name})
    return str(document["id"])


async def update(api: ApiClient, identity: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change name, note and star of a backtest; return its head."""
    found: dict[str, Any] = await api.call("PATCH", f"/v1/backtests/{quote(identity, safe='')}", body=changes)
    return found


async def cancel(api: ApiClient, identity: str) -> None:
    """Cancel a backtest that has not ended; OndolError when there is none."""
    await api.call("DELETE", f"/v1/backtests/{quote(identity, safe='')}")


async def dataset(api: ApiClient) -> dict[str, Any]:
    """Return the current dataset version."""
    found: dict[str, Any] = await api.call("GET", "/v1/datasets/current")
    return found


async def holdings(api: ApiClient, identity: str, date: Day) -> Holdings:
    """Return the positions on an evening."""
    query = {"date": day_text(date)}
    return Holdings.of(await api.call("GET", f"/v1/backtests/{identity}/holdings", query=query))


async def explain(api: ApiClient, identity: str) -> Explanation:
    """Return the reasons of all trades."""
    return Explanation(document=await api.call("GET", f"/v1/backtests/{identity}/explain"))


async def why_not(api: ApiClient, identity: str, stock_code: str, date: Day) -> dict[str, Any]:
    """Return why a stock was not bought."""
    query = {"stock_code": stock_code, "date": day_text(date)}
    found: dict[str, Any] = await api.call("GET", f"/v1/backtests/{identity}/explain", query=query)
    return found


async def robustness(api: ApiClient, identity: str, options: Mapping[str, Any]) -> Robustness:
    """Return the robustness report; `options` are the fields of its body, None left out."""
    body = {name: value for name, value in options.items() if value is not None}
    return Robustness.of(await api.call("POST", f"/v1/backtests/{identity}/robustness", body=body, repeatable=True))


async def audit(api: ApiClient, identity: str, cuts: int | None, seed: int | None) -> Audit:
    """Return the look-ahead audit. cuts: days at which it ends the data (None: the default); seed: of their choice."""
    body = {name: value for name, value in (("cuts", cuts), ("seed", seed)) if value is not None}
    return Audit.of(await api.call("POST", f"/v1/backtests/{identity}/audit", body=body, repeatable=True))


async def replay(api: ApiClient, identity: str) -> Replay:
    """Run a stored backtest again and return whether its result has the same digest."""
    return Replay.of(await api.call("POST", f"/v1/backtests/{identity}/replay", body={}, repeatable=True))


async def compare(api: ApiClient, ids: Sequence[str]) -> Comparison:
    """Return backtests side by side."""
    return Comparison.of(await api.call("POST", "/v1/compare", body={"ids": list(ids)}, repeatable=True))


async def screen(api: ApiClient, query: Mapping[str, Any]) -> Screen:
    """Return the stocks that pass a condition; lists in the query are joined by commas."""
    return Screen.of(await api.call("GET", "/v1/screen", query=_joined(query)))


async def values(api: ApiClient, query: Mapping[str, Any]) -> pl.DataFrame:
    """Return values in long form; many codes are requested in several parts."""
    import polars as pl

    codes = query.get("codes")
    if codes is not None and not codes:
        raise InvalidRequest.of((Mistake(path="codes", message="names no stock; leave it out for all of them"),))
    parts = [None] if codes is None else [codes[at : at + CODES] for at in range(0, len(codes), CODES)]
    tables = []
    for part in parts:
        sent = _joined(dict(query) | {"codes": part, "format": "parquet"})
        tables.append(pl.read_parquet(await api.download("/v1/values", query=sent)))
    return pl.concat(tables).sort("date", "stock_code", maintain_order=True) if len(tables) > 1 else tables[0]


async def prices(api: ApiClient, code: str, start: Day | None, end: Day | None) -> pl.DataFrame:
    """Return the prices of a stock as traded, with the ratio of a split on its day."""
    query = {"start": _day(start), "end": _day(end)}
    document = await api.call("GET", f"/v1/stocks/{quote(code, safe='')}/prices", query=query)
    splits = {split["date"]: split["ratio"] for split in document["splits"]}
    columns = {name: document[name] for name in ("open", "high", "low", "close", "volume")}
    return frame({"date": document["dates"], **columns, "split": [splits.get(day) for day in document["dates"]]})


async def sectors(api: ApiClient, date: Day | None) -> pl.DataFrame:
    """Return the sectors and their number of stocks."""
    return frame((await api.call("GET", "/v1/sectors", query={"date": _day(date)}))["items"])


async def calendar(api: ApiClient, year: int | None) -> pl.DataFrame:
    """Return the days of a year: trading or not, and why."""
    return frame((await api.call("GET", "/v1/calendar", query={"year": year}))["days"])


async def language(api: ApiClient) -> dict[str, Any]:
    """Return the grammar, functions, operators and fields of the expression language, as the API lists them."""
    found: dict[str, Any] = await api.call("GET", "/v1/language")
    return found


async def check_expression(api: ApiClient, text: str, place: str) -> ExpressionCheck:
    """Return what the API says about an expression."""
    body = {"text": text, "place": place}
    return ExpressionCheck.of(await api.call("POST", "/v1/expressions/check", body=body, repeatable=True))


async def check(api: ApiClient, strategy: Strategy) -> dict[str, ExpressionCheck]:
    """Return the checks of all expressions by their place; raise InvalidRequest with the mistakes of all."""
    found = {place: await check_expression(api, text, place) for place, text in strategy.expressions()}
    mistakes = tuple(
        replace(error, path=f"strategy.{place}") for place, checked in found.items() for error in checked.errors
    )
    if mistakes:
        raise InvalidRequest.of(mistakes)
    return found


async def listed(api: ApiClient, path: str, query: Mapping[str, Any], limit: int | None = None) -> list[dict[str, Any]]:
    """Return the items of a list, all pages or the first `limit` items."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        size = PAGE if limit is None else min(PAGE, limit - len(items))
        page = await api.call("GET", path, query=_joined(query) | {"limit": size, "cursor": cursor})
        items += page["items"]
        cursor = page.get("next_cursor")
        if cursor is None or (limit is not None and len(items) >= limit):
            return items


async def stocks(api: ApiClient, query: Mapping[str, Any], limit: int | None) -> pl.DataFrame:
    """Return a row for each stock, sorted by code; limit: rows at most, None for all."""
    return frame(await listed(api, "/v1/stocks", query, limit))


async def factors(api: ApiClient) -> pl.DataFrame:
    """Return the definitions of all factors."""
    return frame((await api.call("GET", "/v1/factors"))["items"])


async def factor_report(api: ApiClient, factor: str, start: Day, end: Day, fields: Mapping[str, Any]) -> FactorReport:
    """Return the report of a factor; None in `fields` is left out."""
    body = {"factor": factor, "start": day_text(start), "end": day_text(end)}
    body |= {name: plain(value) for name, value in fields.items() if value is not None}
    return FactorReport.of(await api.call("POST", "/v1/factor-reports", body=body, repeatable=True))


async def factor_reports(api: ApiClient, query: Mapping[str, Any], limit: int) -> pl.DataFrame:
    """Return the stored factor reports, the newest first, with the rank IC and its t by horizon."""
    rows = []
    for item in await listed(api, "/v1/factor-reports", query, limit):
        names = ("id", "factor", "dataset_version", "digest", "created_at")
        row = {name: item[name] for name in names} | item["window"]
        for of in item["horizons"]:
            row |= {f"rank_ic_{of['horizon']}": of["rank_ic"], f"t_{of['horizon']}": of["t"]}
        rows.append(row)
    return frame(rows)


async def get_factor_report(api: ApiClient, identity: str) -> FactorReport:
    """Return a stored factor report."""
    return FactorReport.of(await api.call("GET", report_path(identity)))


async def audit_factor_report(api: ApiClient, identity: str, cuts: int, seed: int) -> dict[str, Any]:
    """Return the audit of a stored factor report."""
    body = {"cuts": cuts, "seed": seed}
    found: dict[str, Any] = await api.call("POST", f"{report_path(identity)}/audit", body=body, repeatable=True)
    return found


async def delete_factor_report(api: ApiClient, identity: str) -> None:
    """Delete a stored factor report."""
    await api.call("DELETE", report_path(identity))


def report_path(identity: str) -> str:
    """Return the path of a stored factor report."""
    return f"/v1/factor-reports/{quote(identity, safe='')}"


async def factor_matrix(
    api: ApiClient, start: Day, end: Day, factors: Sequence[str] | None, fields: Mapping[str, Any]
) -> FactorMatrix:
    """Return the matrix of factors and horizons; `factors` None is every factor."""
    body = {"start": day_text(start), "end": day_text(end)} | ({} if factors is None else {"factors": list(factors)})
    body |= {name: plain(value) for name, value in fields.items() if value is not None}
    return FactorMatrix.of(await api.call("POST", "/v1/factor-reports/matrix", body=body, repeatable=True))


async def own_factors(api: ApiClient) -> pl.DataFrame:
    """Return the caller's own factors."""
    return frame((await api.call("GET", "/v1/factors/mine"))["items"])


async def own_factor(api: ApiClient, key: str) -> OwnFactor:
    """Return an own factor with versions and coverage."""
    return OwnFactor.of(await api.call("GET", f"/v1/factors/mine/{quote(key, safe='')}"))


async def define_factor(api: ApiClient, key: str, expression: str, unit: str, summary: str) -> int:
    """Define an own factor; return its version."""
    body = {"expression": expression, "unit": unit, "summary": summary}
    return int((await api.call("PUT", f"/v1/factors/mine/{quote(key, safe='')}", body=body))["version"])


async def delete_factor(api: ApiClient, key: str) -> None:
    """Delete an own factor."""
    await api.call("DELETE", f"/v1/factors/mine/{quote(key, safe='')}")


async def strategies(api: ApiClient) -> pl.DataFrame:
    """Return presets, catalogue and stored strategies."""
    presets = (await api.call("GET", "/v1/presets"))["items"]
    items = [*await listed(api, "/v1/strategies", {}), *presets]
    names = ("id", "kind", "name_ko", "name_en", "summary", "factors", "missing_factors", "period_days")
    unique = {
        item["id"]: {name: item.get(name) for name in names}
        | {"missing_factors": list(item.get("missing_factors") or ())}
        for item in items
    }
    return frame(list(unique.values()))


async def backtests(api: ApiClient, query: Mapping[str, Any], limit: int) -> pl.DataFrame:
    """Return backtests, the newest first."""
    rows = []
    for item in await listed(api, "/v1/backtests", query, limit):
        figures = item.get("statistics") or {}
        named = ("id", "name", "note", "starred", "origin", "status", "strategy_id", "created_at")
        head = {name: item.get(name) for name in named}
        days = {name: item["request"][name] for name in ("start", "end")}
        shown = ("total_return", "benchmark_total_return", "max_drawdown", "sharpe", "trades")
        rows.append(head | days | {name: figures.get(name) for name in shown})
    return frame(rows)


async def walk_forwards(api: ApiClient, query: Mapping[str, Any], limit: int) -> pl.DataFrame:
    """Return walk-forwards, the newest first."""
    return frame(await listed(api, "/v1/walk-forwards", query, limit))


async def sweeps(api: ApiClient, query: Mapping[str, Any], limit: int) -> pl.DataFrame:
    """Return sweeps, the newest first."""
    return frame(await listed(api, "/v1/sweeps", query, limit))


def _day(day: Day | None) -> str | None:
    return None if day is None else day_text(day)


def _joined(query: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: ",".join(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else value
        for name, value in query.items()
    }
