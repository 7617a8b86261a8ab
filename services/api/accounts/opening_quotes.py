"""Opening prices that an operator posts, from which the fills of paper accounts are booked until the rows are loaded.

The quotes of a day are one row in PostgreSQL, changed under its lock: a post that is repeated changes nothing, and of
several posts at once each sees what the one before has stored.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from services.api.accounts.step import QUOTES as SQL
from services.api.accounts.step import SQL as PAPER
from services.api.backtests.serialize import instant
from services.api.context import AppContext
from services.api.datasets import View
from services.api.errors import ApiProblem, invalid
from services.api.schemas.account_requests import OpeningQuote, OpeningQuotesBody
from services.api.simulator_queries import query_simulator
from services.api.views import require_view
from shared.accounts.days import opens_at, today
from shared.contracts.queries import OpeningQuotes
from shared.errors import Problem
from shared.market.holidays import is_trading_day
from shared.market.opening_hours import next_trading_day
from shared.messages import say
from shared.model.calendar import from_day, to_day
from shared.model.suggestions import suggest_stocks
from shared.simulation.validation import MAX_NAMED

Prices = dict[str, float | None]
SERVICE: Final = "operator"
"""Owner whose share the check of quotes uses."""


async def store_quotes(
    app: AppContext, body: OpeningQuotesBody, *, replace: bool, now: dt.datetime | None = None
) -> dict[str, Any]:
    """Store opening quotes and return the answer of `POST /v1/quotes/open`.

    `now` is PostgreSQL's time unless it is given. Raises a 422 with every mistake of the body, and a 409 before the
    open, after the day's rows are loaded, for a later day, and without `replace` for prices that differ from those that
    are stored. A body that is refused changes nothing.
    """
    view = await require_view(app)
    async with app.database.connection() as connection:
        now = now or await connection.fetchval(PAPER["now"])
        loaded: int | None = await connection.fetchval(PAPER["select_last_day"])
    day = body.date or today(now)
    _check_day(day, view, loaded, now)
    posted = await asyncio.to_thread(_prices, body.quotes, view, day)  # suggestions take long
    marked = await _marked(app, view.version, day, posted)
    async with app.database.transaction() as connection:
        await connection.execute(SQL["insert_day"], day)
        row = await connection.fetchrow(SQL["lock_day"], day)
        stored: Prices = orjson.loads(row["quotes"])
        changed = {code for code, price in posted.items() if code in stored and stored[code] != price}
        if changed and not replace:
            raise ApiProblem(409, "conflict", say("quotes_differ"), _contradictions(body.quotes, stored))
        added = len(posted.keys() - stored.keys())
        if changed or added:
            merged = orjson.dumps(stored | posted, option=orjson.OPT_SORT_KEYS).decode()
            row = await connection.fetchrow(SQL["replace_quotes"], day, merged)
        waiting = await connection.fetchval(SQL["count_decisions"], day)
        number = await connection.fetchval(SQL["select_number"], day)
    return {
        "date": day.isoformat(), "number": number, "quotes": len(stored.keys() | posted.keys()), "added": added,
        "replaced": len(changed), "unchanged": len(posted) - added - len(changed), "marked": marked,
        "accounts": waiting,
    }  # fmt: skip


async def quotes_document(app: AppContext, day: dt.date | None) -> dict[str, Any] | None:
    """Return the stored quotes of a day, of the last one with quotes without it; None when there are none."""
    async with app.database.connection() as connection:
        row = await connection.fetchrow(SQL["select_quotes"], day)
    if row is None:
        return None
    prices: Prices = orjson.loads(row["quotes"])
    return {
        "date": row["day"].isoformat(), "number": row["number"], "posted_at": instant(row["posted_at"]),
        "changed_at": instant(row["changed_at"]),
        "items": [{"stock_code": code, "open": price} for code, price in sorted(prices.items())],
    }  # fmt: skip


def _check_day(day: dt.date, view: View, loaded: int | None, now: dt.datetime) -> None:
    if not is_trading_day(to_day(day)):
        raise invalid([Problem(path="date", message=say("quotes_no_trading_day", date=day))])
    last = max(int(view.days[-1]), -1 if loaded is None else loaded)
    if to_day(day) <= last:
        raise ApiProblem(409, "conflict", say("quotes_late", date=day))
    following = next_trading_day(from_day(last))
    if day > following:
        raise ApiProblem(409, "conflict", say("quotes_rows_missing", date=day, missing=following))
    if now < opens_at(day):
        raise ApiProblem(409, "conflict", say("quotes_before_open", date=day, opens_at=f"{opens_at(day):%H:%M}"))


def _prices(quotes: Sequence[OpeningQuote], view: View, day: dt.date) -> Prices:
    """Return the prices by stock code; raise a 422 with the codes that are unknown, delisted or repeated.

    Of unknown codes the first `MAX_NAMED` are named, with suggestions, and the others are counted.
    """
    instruments = view.instruments
    names = dict(zip(instruments.code, instruments.name, strict=True))
    found: Prices = {}
    problems: list[Problem] = []
    unknown = 0
    for at, quote in enumerate(quotes):
        path, column = f"quotes[{at}].stock_code", instruments.ordinal.get(quote.stock_code)
        if column is None:
            unknown += 1
            if unknown <= MAX_NAMED:
                near = suggest_stocks(quote.stock_code, names)
                message = say("unknown_stock_code", suggestions=near)
                problems.append(Problem(path=path, message=message, suggestions=near))
        elif quote.stock_code in found:
            problems.append(Problem(path=path, message=say("code_repeated")))
        elif int(instruments.delisted_day[column]) <= to_day(day):
            delisted = from_day(int(instruments.delisted_day[column]))
            problems.append(Problem(path=path, message=say("quote_of_delisted", delisted_on=delisted)))
        else:
            found[quote.stock_code] = quote.open
    if unknown > MAX_NAMED:
        problems.append(Problem(path="quotes", message=say("more_unknown_names", count=unknown - MAX_NAMED)))
    if problems:
        raise invalid(problems)
    return found


def _contradictions(quotes: Sequence[OpeningQuote], stored: Mapping[str, float | None]) -> list[Problem]:
    return [
        Problem(path=f"quotes[{at}].open", message=say("quote_differs", stored=stored[quote.stock_code]))
        for at, quote in enumerate(quotes)
        if quote.stock_code in stored and stored[quote.stock_code] != quote.open
    ]


async def _marked(app: AppContext, version: str, day: dt.date, prices: Prices) -> list[dict[str, Any]]:
    query = OpeningQuotes(version=version, day=to_day(day), quotes=tuple(sorted(prices.items())))
    found: list[dict[str, Any]] = orjson.loads(await query_simulator(app, query, SERVICE))["marked"]
    return found
