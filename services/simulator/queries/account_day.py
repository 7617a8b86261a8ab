"""Account day: the ledger of a paper account up to the last row, and the orders of the next trading day."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from shared.contracts import queries
from shared.dataset.panel_reader import PanelReader
from shared.errors import RunError
from shared.market.opening_hours import next_trading_day
from shared.messages import joined
from shared.model.calendar import from_day, iso, to_day
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.engine import ENGINE_VERSION, Run, outcome_of, result_of, simulate, simulate_days
from shared.simulation.explain.day_state import order_price
from shared.simulation.explain.order_limits import order_limits
from shared.simulation.explain.why_not import outcomes_of
from shared.simulation.next_day import decide_next_day
from shared.simulation.opened_day import opened_panels
from shared.simulation.plan import dataset_problems, plan
from shared.simulation.structures import REASONS


@dataclass(frozen=True, kw_only=True)
class NumberedQuotes:
    """Opening quotes of a day number: stock code -> price in won, None where the stock does not trade.

    `number` grows with every change of the day's quotes.
    """

    day: int
    number: int
    prices: Mapping[str, float | None]


def account_day_on_mapped(
    request: BacktestRequest, query: queries.AccountDay, quotes: NumberedQuotes | None, reader: PanelReader
) -> dict[str, Any]:
    """Map the panels that the account reads up to the last row, then compute."""
    whole = _until(request, int(reader.days[-1]))
    for name, rows in plan(whole, reader.days).needs.items():
        if name in reader.factors or not name.isupper():
            reader.ensure([name], rows)
    return account_day(whole, query, reader, quotes)


def account_day(
    request: BacktestRequest, query: queries.AccountDay, panels: Panels, quotes: NumberedQuotes | None = None
) -> dict[str, Any]:
    """Return {last_day, as_of, result, result_digest, fills_won, decision, rechecked, met, quoted, opened,
    engine_version}.

    The result is that of a backtest from the account's start to the last row, null before the start. `decision` is for
    the first trading day after the last row, if it is at most `decide_until`. `rechecked` are the decisions of the days
    `recheck` from the rows before each. `fills_won` has the won of each fill after `since`, and `met` what the orders
    of `ordered` met: {date: {stock code: {outcome, price, low, high, upper_limit, lower_limit, most_shares}}}.
    `quoted` has the day's prices of the stocks of `query.quoted`, and `opened` what the `quotes` fill at the open of
    the day after the last row (`_opened`).
    """
    last, start = int(panels.days[-1]), to_day(request.start)
    request = _until(request, last)
    run = simulate(request, panels) if start <= last else None
    outcome = None if run is None else outcome_of(run)
    following = to_day(next_trading_day(from_day(last)))
    decision = None
    if start <= following <= query.decide_until:
        if run is None:
            _check(request, panels)
        decision = decide_next_day(request, panels, following, run).document()
    return {
        "last_day": iso(last),
        "as_of": None if run is None else iso(last),
        "result": None if outcome is None else orjson.Fragment(outcome.body),
        "result_digest": None if outcome is None else outcome.result_digest,
        "fills_won": [] if run is None else _won(run, query.since),
        "decision": decision,
        "rechecked": [_decided(request, panels, day) for day in query.recheck],
        "met": {} if run is None or outcome is None else _met(run, outcome.body, query.ordered),
        "quoted": {iso(day): _prices(panels, day, codes) for day, codes in query.quoted},
        "opened": None if quotes is None or quotes.day != following else _opened(request, query, panels, quotes),
        "engine_version": ENGINE_VERSION,
    }


def _opened(
    request: BacktestRequest, query: queries.AccountDay, panels: Panels, quotes: NumberedQuotes
) -> dict[str, Any] | None:
    """Return {date, number, fills, cash, equity, positions, met, quotes}: what quotes fill at the open of their day.

    Fills are of the stocks with quotes only; `cash`, `equity` (at the opens) and `positions` follow from all fills,
    those of stocks without a quote at their last closes. `quotes` has the price of each stock that was ordered or has a
    fill, null where it does not trade; stocks without a usable quote are left out. None before the account's start, and
    for orders at the close.
    """
    if request.execution.price != "open" or to_day(request.start) > quotes.day:
        return None
    extended, used = opened_panels(panels, quotes.day, quotes.number, quotes.prices)
    ordered = next((codes for day, codes in query.ordered if day == quotes.day), ())
    run = simulate_days(msgspec.structs.replace(request, end=from_day(quotes.day), benchmark=None), extended)[0]
    body = orjson.dumps(result := result_of(run))
    date = iso(quotes.day)
    fills = [trade for trade in result["trades"] if trade["date"] == date and trade["stock_code"] in used]
    last = result["equity"][-1]
    met = _met(run, body, ((quotes.day, tuple(code for code in ordered if code in used)),))
    return {
        "date": date, "number": quotes.number, "fills": fills, "cash": last["cash"], "equity": last["equity"],
        "positions": last["positions"], "met": met.get(date, {}),
        "quotes": {
            code: quotes.prices[code]
            for code in sorted({*ordered, *(fill["stock_code"] for fill in fills)})
            if code in used
        },
    }  # fmt: skip


def _prices(panels: Panels, day: int, codes: tuple[str, ...]) -> dict[str, dict[str, float | None]]:
    """Return {stock code: {open, last, split}} of stocks on a day; without a row of the day nothing."""
    row = int(panels.days.searchsorted(day))
    if row >= len(panels.days) or int(panels.days[row]) != day:
        return {}
    found: dict[str, dict[str, float | None]] = {}
    rows = slice(row, row + 1)
    values = {name: panels.panel(name, rows)[0] for name in ("open", "volume", "last", "split")}
    for code in codes:
        column = panels.instruments.ordinal.get(code)
        if column is None:
            continue
        trades = values["open"][column] > 0 and values["volume"][column] > 0
        last = float(values["last"][column])
        found[code] = {
            "open": float(values["open"][column]) if trades else None, "last": None if math.isnan(last) else last,
            "split": float(values["split"][column]),
        }  # fmt: skip
    return found


def _met(run: Run, body: bytes, ordered: tuple[tuple[int, tuple[str, ...]], ...]) -> dict[str, dict[str, Any]]:
    panels, window = run.panels, run.plan.window
    found: dict[str, dict[str, Any]] = {}
    result: dict[str, Any] | None = None
    for day, codes in ordered:
        row = int(panels.days.searchsorted(day))
        if not window.start <= row < window.stop or int(panels.days[row]) != day:
            continue
        result = orjson.loads(body) if result is None else result
        ordinal = panels.instruments.ordinal
        columns = [ordinal[code] for code in codes if code in ordinal]
        orders = {column: order_price(run, row, column) for column in columns}
        outcomes = outcomes_of(run, result, row, orders)
        found[iso(day)] = {
            panels.instruments.code[column]: vars(order_limits(run, row, column, order)) | {"outcome": outcomes[column]}
            for column, order in orders.items()
        }
    return found


def _until(request: BacktestRequest, day: int) -> BacktestRequest:
    """Return the request up to a day number; one that starts later keeps its start as its end."""
    return msgspec.structs.replace(request, end=max(from_day(day), request.start))


def _check(request: BacktestRequest, panels: Panels) -> None:
    problems = [
        problem
        for problem in dataset_problems(
            request, days=panels.days, instruments=panels.instruments, indices=panels.indices,
            factors=panels.factors, listings=panels.listings,
        )
        if problem.path != "start"
    ]  # fmt: skip
    if problems:
        raise RunError("request_refused", joined(p.message for p in problems), tuple(problems))


def _decided(request: BacktestRequest, panels: Panels, day: int) -> dict[str, Any]:
    row = int(panels.days.searchsorted(day)) - 1
    alone = msgspec.structs.replace(_until(request, int(panels.days[row])), benchmark=None)
    run = simulate_days(alone, panels)[0] if to_day(request.start) <= int(panels.days[row]) else None
    return decide_next_day(alone, panels, day, run).document()


def _won(run: Run, since: int) -> list[dict[str, Any]]:
    """Return what each fill after a day made by the evening of its day, after costs."""
    panels, found = run.panels, []
    for trade in run.ledger.trades:
        row, column = int(trade["row"]), int(trade["col"])
        if int(panels.days[row]) <= since:
            continue
        last = float(panels.panel("last", slice(row, row + 1))[0, column])
        sign = 1 if REASONS[trade["reason"]] == "entry" else -1
        won = sign * float(trade["shares"]) * (last - float(trade["price"]))
        found.append(
            {
                "date": iso(int(panels.days[row])), "stock_code": panels.instruments.code[column],
                "side": "buy" if sign > 0 else "sell",
                "won": round(won - float(trade["commission"]) - float(trade["tax"]), 2),
            }
        )  # fmt: skip
    return found
