"""Warnings that follow from the fills, positions and figures of a finished run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.market.liquidation import STALE_EXIT_DAYS
from shared.model.calendar import iso
from shared.model.kinds import KINDS
from shared.model.panels import Panels
from shared.simulation.ledger import Ledger
from shared.simulation.statistics import EquityCurve
from shared.simulation.structures import REASONS
from shared.simulation.warnings import MAX_LISTED, ResultWarning, listed, percent, warn

IDLE_ROWS = 60
LOW_EXPOSURE = 0.8
FULL_SLOTS = 0.9
"""Share of the slots from which they count as filled."""
LARGE_ORDER = 0.1
NOT_COMMON_SHARE = 0.2
UNPRICED_ROWS = 60


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """What warnings about a run's fills and positions are computed from.

    `kinds` are those of its universe.

    `kind` is uint8 [rows from the first decision row to the window's end, N]: position in KINDS. `bought` are
    the positions of the purchases in `ledger.trades`, `participation` is float64 of as many: shares / volume of the
    day.
    """

    panels: Panels
    window: slice
    ledger: Ledger
    curve: EquityCurve
    kind: np.ndarray
    bought: np.ndarray
    participation: np.ndarray
    exposure: float | None
    max_positions: int
    kinds: tuple[str, ...] | None


def run_warnings(run: FinishedRun) -> Iterator[ResultWarning]:
    """Yield what is unusual about the fills and positions of a run."""
    if len(run.participation):
        yield from _low_exposure(run)
        yield from _long_idle(run)
        yield from _large_orders(run)
        yield from _mostly_not_common(run)
        yield from _suspect_prices(run)
        yield from _stale_exits(run)
        yield from unpriced_holdings(run.ledger.holdings, run.panels, run.window.stop - 1)


def _low_exposure(run: FinishedRun) -> Iterator[ResultWarning]:
    if run.exposure is None or run.exposure >= LOW_EXPOSURE:
        return
    curve, allowed = run.curve, ~run.ledger.stopped
    worth = allowed & (curve.equity > 0)
    figures = {
        "exposure": run.exposure,
        "mean_positions": float(curve.positions.mean()),
        "slots": run.max_positions,
        "stopped_rows": int(np.count_nonzero(run.ledger.stopped)),
        "open_exposure": float((1 - curve.cash[worth] / curve.equity[worth]).mean()) if worth.any() else None,
        "open_positions": float(curve.positions[worth].mean()) if worth.any() else None,
    }
    yield warn(
        "low_exposure",
        f"on average {percent(run.exposure)} of the equity was invested, in {figures['mean_positions']:.4g} of "
        f"{run.max_positions} positions; {_exposure_remedy(figures, len(allowed))}",
        figures,
    )


def _exposure_remedy(figures: dict[str, Any], rows: int) -> str:
    """Return the cause, as the rows show it on which purchases were allowed, with the remedy."""
    stopped, exposure = figures["stopped_rows"], figures["open_exposure"]
    said = ""
    if stopped:
        said = f"portfolio.when or the drawdown stop forbade purchases on {stopped} of {rows} rows"
        if exposure is None:
            return f"{said}; compare the strategy with cash"
        if exposure >= LOW_EXPOSURE:
            return f"{said}, and {percent(exposure)} was invested on the others; compare the strategy with cash"
        said += f", but only {percent(exposure)} was invested on the others too: "
    if (figures["open_positions"] or 0) >= FULL_SLOTS * figures["slots"]:
        return (
            f"{said}positions are smaller than their slots: lower initial_cash, raise execution.max_volume_pct or "
            "portfolio.max_position_value, or choose larger stocks"
        )
    return f"{said}lower max_positions to the number of candidates, or use on_rebalance reweight with invest full"


def _long_idle(run: FinishedRun) -> Iterator[ResultWarning]:
    if len(run.curve.positions) - run.curve.sums.invested < IDLE_ROWS:
        return
    held = run.curve.positions > 0
    start = int(held.argmax())
    if not held[start]:
        return
    edges = np.diff(np.concatenate([[True], held[start:], [True]]).astype(np.int8))
    begins, ends = start + np.flatnonzero(edges < 0), start + np.flatnonzero(edges > 0)
    lengths = ends - begins
    long = np.flatnonzero(lengths >= IDLE_ROWS)
    if not len(long):
        return
    longest = long[lengths[long].argmax()]
    days = run.panels.days[run.window]
    first, last = iso(int(days[begins[longest]])), iso(int(days[ends[longest] - 1]))
    yield warn(
        "long_idle",
        f"from {first} to {last} ({int(lengths[longest])} rows) there was no position; "
        "see in `explain` which part of the condition failed",
        {"from": first, "to": last, "rows": int(lengths[longest]), "stretches": len(long)},
    )


def _large_orders(run: FinishedRun) -> Iterator[ResultWarning]:
    large = run.participation > LARGE_ORDER
    orders = int(np.count_nonzero(large))
    if not orders:
        return
    trades, at, buys = run.ledger.trades, run.bought[large], len(run.bought)
    rows, columns, shares = trades["row"][at], trades["col"][at], trades["shares"][at]
    first, last = int(rows[0]), int(rows[-1])
    listed_shares = run.panels.panel("shares", slice(first, last + 1))[rows - first, columns]
    figures = {
        "share": orders / buys,
        "orders": orders,
        "buys": buys,
        "largest": float(run.participation.max()),
        "above_listed_shares": int(np.count_nonzero(shares > listed_shares)),
    }
    yield warn(
        "large_orders",
        f"{orders} of {buys} purchases took more than 10 % of the volume of their day (the largest "
        f"{percent(figures['largest'])}), {figures['above_listed_shares']} more shares than the company has; "
        "lower initial_cash, keep execution.max_volume_pct, or set costs.impact",
        figures,
    )


def _mostly_not_common(run: FinishedRun) -> Iterator[ResultWarning]:
    if run.kinds is not None and set(run.kinds) <= {"common", "foreign"}:
        return
    trades, bought = run.ledger.trades, run.bought
    decided_on = trades["row"][bought] - 1 - (run.window.stop - len(run.kind))  # the kind that `universe.kinds` judged
    by_kind = np.bincount(run.kind[decided_on, trades["col"][bought]], minlength=len(KINDS)).tolist()
    counts = {kind: by_kind[KINDS.index(kind)] for kind in ("preferred", "spac", "reit")}
    share = sum(counts.values()) / len(bought)
    if share > NOT_COMMON_SHARE:
        yield warn(
            "mostly_not_common",
            f"{percent(share)} of the purchases are not common shares: {counts['preferred']} of preferred shares, "
            f"{counts['spac']} of SPACs, {counts['reit']} of REITs; leave them out of universe.kinds unless meant",
            {"share": share, **counts, "buys": len(bought)},
        )


def _suspect_prices(run: FinishedRun) -> Iterator[ResultWarning]:
    records = run.ledger.suspect_prices
    if not len(records):
        return
    codes, days = run.panels.instruments.code, run.panels.days
    prices: list[dict[str, Any]] = [
        {"stock_code": codes[record["col"]], "date": iso(int(days[record["row"]])), "move": float(record["move"])}
        for record in records
    ]
    prices.sort(key=lambda price: (-abs(price["move"]), price["date"], price["stock_code"]))
    worst = prices[0]
    yield warn(
        "suspect_price",
        f"{len(prices)} prices of positions moved beyond the daily limit without a split, the largest "
        f"{worst['stock_code']} on {worst['date']} by {percent(worst['move'])}; check whether a split is missing",
        {**worst, "count": len(prices), "prices": prices[:MAX_LISTED]},
    )


def _stale_exits(run: FinishedRun) -> Iterator[ResultWarning]:
    trades, instruments, days = run.ledger.trades, run.panels.instruments, run.panels.days
    stale = []
    for trade in trades[np.flatnonzero(trades["reason"] == REASONS.index("delisted"))]:
        row, column = int(trade["row"]), int(trade["col"])
        delisted = int(instruments.delisted_day[column])
        if days[row] < delisted:
            continue
        idle = int(run.panels.panel("idle", slice(row, row + 1))[0, column])
        if idle > row or delisted - int(days[row - idle]) > STALE_EXIT_DAYS:
            stale.append(instruments.code[column])
    if stale:
        distinct = sorted(set(stale))
        yield warn(
            "stale_exit",
            f"{len(stale)} positions left at a delisting at a price more than {STALE_EXIT_DAYS} days old: "
            f"{listed(distinct)}; such a price could not be had, see execution.stale_haircut_pct",
            {"count": len(stale), "stock_codes": distinct[:MAX_LISTED]},
        )


def unpriced_holdings(holdings: np.ndarray, panels: Panels, row: int) -> Iterator[ResultWarning]:
    """Yield a warning when stocks that are held on the window's last row have not traded for more than 60 rows."""
    columns = holdings["col"]
    idle = panels.panel("idle", slice(row, row + 1))[0][columns].astype(np.int64)
    long = np.flatnonzero(idle > UNPRICED_ROWS)
    if not len(long):
        return
    last = panels.panel("last", slice(row, row + 1))[0][columns]
    stocks = [
        {"stock_code": panels.instruments.code[columns[at]], "last_traded": iso(int(panels.days[row - idle[at]]))}
        for at in long.tolist()
    ]
    value = float((holdings["shares"] * last)[long].sum())
    names = listed(f"{stock['stock_code']} (since {stock['last_traded']})" for stock in stocks)
    yield warn(
        "unpriced_holdings",
        f"stocks that are held have not traded for more than {UNPRICED_ROWS} rows and are valued at their last close "
        f"({value:,.0f} won): {names}; load delisted_on if they were delisted",
        {"count": len(stocks), "value": value, "holdings": stocks[:MAX_LISTED]},
    )
