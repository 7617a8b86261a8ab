"""Why a stock was not bought on a day of a run: what it passed and failed, its rank, and the slots and cash of the day.

The run is repeated; the state of the day follows from its trades, so that the answer agrees with what was done.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from shared.errors import Problem, RunError
from shared.messages import say
from shared.model.calendar import iso, to_day
from shared.model.listings import name_on, row_attributes
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.model.suggestions import suggest_stocks
from shared.simulation.engine import Run, result_of, simulate
from shared.simulation.explain.condition_values import RowRanking, number
from shared.simulation.explain.day_state import DayState, OrderPrice, day_state, order_price
from shared.simulation.explain.drawdown_stops import drawdown_stops
from shared.simulation.explain.targets import target_columns
from shared.simulation.explain.trades import rankings_of
from shared.simulation.explain.universe_parts import universe_parts


def why_not(request: BacktestRequest, panels: Panels, stock_code: str, date: dt.date) -> dict[str, Any]:
    """Return why a stock was not bought on a row of a canonical request's window.

    {stock_code, name, date, decided_on, outcome, message, rebalance_day, universe: [{part, passed, value}], condition:
    [parts with values], rank_by, value, rank, candidates, target_list, positions, slots, cash, equity, price,
    upper_limit, mean_volume}. Raises RunError for an unknown stock or a date outside the window, and what `run` raises.
    """
    column = panels.instruments.ordinal.get(stock_code)
    if column is None:
        instruments = panels.instruments
        near = suggest_stocks(stock_code, dict(zip(instruments.code, instruments.name, strict=True)))
        message = say("unknown_stock", stock_code=stock_code, suggestions=near)
        raise RunError("unknown_stock", message, (Problem(path="stock_code", message=message, suggestions=near),))
    run = simulate(request, panels)
    window, row = run.plan.window, int(panels.days.searchsorted(to_day(date)))
    if not window.start <= row < window.stop or int(panels.days[row]) != to_day(date):
        first, last = (iso(int(panels.days[r])) for r in (window.start, window.stop - 1))
        message = say("no_row", date=date, first=first, last=last)
        raise RunError("no_row", message, (Problem(path="date", message=message),))
    return explain_candidate(run, result_of(run), row, column)


def explain_candidate(run: Run, result: Mapping[str, Any], row: int, column: int) -> dict[str, Any]:
    """Return the explanation of a stock on a dataset row of a run; `result` is the parsed result of the run."""
    panels, request = run.panels, run.request
    about: dict[str, Any] = {
        "stock_code": panels.instruments.code[column],
        "name": name_on(panels, column, int(panels.days[row])),
        "date": iso(int(panels.days[row])),
        "rebalance_day": bool(run.rebalance[row - run.plan.window.start]),
    }
    if row == 0:
        return about | {"decided_on": None, "outcome": "no_signal", "message": say("not_bought_no_signal")}
    ranking = rankings_of(run).on(row - 1)
    state = day_state(run, result, row)
    order = order_price(run, row, column)
    targets = None
    if request.strategy.sell.on_rebalance != "hold":
        targets = target_columns(request, panels, ranking, state.held_before)
    universe = universe_parts(request.strategy.universe, run.expressions, ranking.values, column)
    outcome = _outcome(run, row, column, ranking, state, targets, order)
    return about | {
        "decided_on": iso(int(panels.days[row - 1])),
        "outcome": outcome,
        "message": say(f"not_bought_{outcome}"),
        "universe": [asdict(part) for part in universe],
        "condition": [asdict(part) for part in ranking.values.parts(run.expressions.buy, column)],
        "rank_by": run.expressions.rank_by.text,
        "value": number(ranking.rank_by[column]),
        "rank": ranking.rank.get(column),
        "candidates": len(ranking.order),
        "target_list": None if targets is None else len(targets),
        "positions": len(state.held),
        "slots": state.slots,
        "bought": len(state.bought),
        "cash": state.cash,
        "equity": state.equity,
        "price": order.price,
        "upper_limit": order.upper_limit,
        "mean_volume": order.mean_volume,
    }


def outcomes_of(run: Run, result: Mapping[str, Any], row: int, orders: Mapping[int, OrderPrice]) -> dict[int, str]:
    """Return the outcomes of some stocks on a dataset row of a run, as `explain_candidate` does for one.

    orders: column -> what a purchase meets (`order_price`).
    """
    if row == 0:
        return dict.fromkeys(orders, "no_signal")
    ranking = rankings_of(run).on(row - 1)
    state = day_state(run, result, row)
    targets = None
    if run.request.strategy.sell.on_rebalance != "hold":
        targets = target_columns(run.request, run.panels, ranking, state.held_before)
    return {column: _outcome(run, row, column, ranking, state, targets, order) for column, order in orders.items()}


def _outcome(  # noqa: PLR0917 - the findings about one stock on one day
    run: Run, row: int, column: int, ranking: RowRanking, state: DayState, targets: list[int] | None, order: OrderPrice
) -> str:
    first = run.plan.window.start
    if column in state.bought:
        return "bought"
    if not run.rebalance[row - first]:
        return "no_rebalance_day"
    when = dict(run.expressions.named()).get("strategy.portfolio.when")
    if when is not None and not ranking.values.of(when)[column]:
        return "when_false"
    stops = drawdown_stops(run.request, run.ledger.equity, run.panels.days[run.plan.window])
    if any(stop.row < row - first < stop.resumed for stop in stops):
        return "drawdown_stop"
    if column in state.held:
        return "held"
    if column in state.sold:
        return "sold_today"
    if not ranking.inside[column]:
        return "not_in_universe"
    if not ranking.fulfils[column]:
        return "condition"
    if np.isnan(ranking.rank_by[column]):
        return "no_rank_value"
    if targets is not None and column not in targets:
        return "not_in_target_list"
    return _outcome_of_walk(run, row, column, ranking, state, order)


def _outcome_of_walk(  # noqa: PLR0917 - the findings about one stock on one day
    run: Run, row: int, column: int, ranking: RowRanking, state: DayState, order: OrderPrice
) -> str:
    """Why the walk over the candidates passed over a stock, or did not reach it."""
    earlier = [bought for bought in state.bought if ranking.rank[bought] < ranking.rank[column]]
    if len(earlier) >= state.limit:
        return "no_slot" if len(earlier) >= state.slots else "max_new_per_day"
    if run.request.strategy.sell.on_rebalance == "hold" and _sector_is_full(run, column, ranking, state, earlier):
        return "sector_cap"
    if order.price is None or order.liquidation:
        return "halted"
    if order.upper_limit is not None and order.price >= order.upper_limit * (1 - 1e-9):
        return "limit_up"
    return "volume" if _volume_binds(run, cash=_cash_at(run, row, state, earlier), state=state, order=order) else "cash"


def _sector_is_full(run: Run, column: int, ranking: RowRanking, state: DayState, earlier: list[int]) -> bool:
    most = run.request.strategy.portfolio.max_per_sector
    sectors = row_attributes(run.panels, ranking.values.rows).sector[0]
    if most is None or sectors[column] < 0:
        return False
    return sum(int(sectors[other] == sectors[column]) for other in (*state.held, *earlier)) >= most


def _cash_at(run: Run, row: int, state: DayState, earlier: list[int]) -> float:
    """Cash that was left after the purchases before a stock's turn."""
    trades = run.ledger.trades
    cash = state.cash
    for trade in trades[(trades["reason"] == 0) & (trades["row"] == row)]:
        if trade["col"] in earlier:
            cash -= float(trade["shares"] * trade["price"] + trade["commission"])
    return cash


def _volume_binds(run: Run, *, cash: float, state: DayState, order: OrderPrice) -> bool:
    """Whether the volume cap, and not the money, allows less than one share."""
    costs, portfolio, execution = run.request.costs, run.request.strategy.portfolio, run.request.execution
    if execution.max_volume_pct is None or order.price is None:
        return False
    if math.floor(execution.max_volume_pct / 100 * (order.mean_volume or 0.0) + 1e-9) >= 1:
        return False
    price = order.price * (1 + costs.slippage_pct / 100)
    target = state.equity / portfolio.max_positions
    if portfolio.position_pct is not None:
        target = portfolio.position_pct / 100 * state.equity
    money = min(target, cash, portfolio.max_position_value or math.inf)
    return math.floor(money / (price * (1 + costs.commission_pct / 100)) + 1e-9) >= 1
