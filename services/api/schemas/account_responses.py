"""Shapes of answers about paper accounts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct

from services.api.schemas.field_types import DATE, NEXT_CURSOR, UTC, Count, DateText, Instant
from services.api.schemas.opening_quotes_responses import ProvisionalDay, ProvisionalFill, ReconciledFill, Side
from services.api.schemas.result_responses import OpenPosition
from shared.model.request import about

StepStatus = Literal["decided", "working", "booked", "no_decision", "data_late", "paused"]
OrderStatus = Literal["decided", "working", "filled", "partly", "cancelled"]


class AccountOrder(Struct, kw_only=True):
    """An order of a day, decided before its open."""

    date: Annotated[DateText, about("Day of the order.", DATE)]
    stock_code: Annotated[str, about("Code of the stock.")]
    name: Annotated[str, about("Name of the stock.")]
    side: Annotated[Side, about("buy or sell.")]
    kind: Annotated[
        Literal["open", "close", "stop", "target"],
        about("At the open or close of the day, or at a stop or target level that stands for the day."),
    ]
    reason: Annotated[str, about("Rule behind it, as in the trades of a backtest.")]
    shares: Annotated[int | None, about("Shares to sell; null: by the amount.", "shares")]
    amount: Annotated[
        float | None,
        about("Won to buy for (floor(amount / price) shares, at most the cash); of a sale of `reweight` the value that "
              "is kept; null: by the shares.", "won"),
    ]  # fmt: skip
    level: Annotated[
        float | None, about("Price of a stop or target, on the share basis of `decided_on`; null: another kind.", "won")
    ]
    priority: Annotated[int | None, about("Place of a purchase, from 1; null: a sale.")]
    reserve: Annotated[bool, about("Whether it is bought only when one before it cannot fill or a stop frees a slot.")]
    status: Annotated[
        OrderStatus,
        about("decided: before the open; working: the exchange has opened; then filled, partly or cancelled, when the "
              "day is booked."),
    ]  # fmt: skip
    status_reason: Annotated[
        str | None, about("Why it was filled in part or cancelled, see the how-to; null: it was not.")
    ]
    filled_shares: Annotated[int, about("Shares of its fills.", "shares")]
    fill_price: Annotated[float | None, about("Mean price of its fills after slippage; null: none.", "won")]
    provisional: Annotated[bool, about("Whether this comes from opening quotes, until the day's row is loaded.")]


class AccountFill(ProvisionalFill, kw_only=True):
    """A fill that was booked, as in the trades of the backtest."""

    won: Annotated[float, about("What it made by the evening of its day, after costs.", "won")]


class AccountOrders(Struct, kw_only=True):
    """The orders of a day."""

    date: Annotated[DateText, about("Day of the orders.", DATE)]
    status: Annotated[
        StepStatus,
        about("decided: before the open; working: the exchange has opened; booked: the day's row is loaded; "
              "no_decision, data_late and paused: nothing was decided."),
    ]  # fmt: skip
    decided_at: Annotated[Instant | None, about("When it was decided; null: it was not.", UTC)]
    decided_on: Annotated[DateText | None, about("Last row that the decision read.", DATE)]
    late: Annotated[bool, about("Whether it was decided after the open; such a day never counts as live.")]
    dataset_version: Annotated[str | None, about("Dataset version that the decision read.")]
    digest: Annotated[str | None, about("SHA-256 of the orders.")]
    buys: Annotated[
        str | None,
        about("allowed, no_rebalance_day, when_false, drawdown_stop or no_signal; null: no decision."),
    ]
    items: Annotated[list[AccountOrder], about("Orders: sales, levels, purchases in order of priority.")]


class AccountSummary(Struct, kw_only=True):
    """A paper account."""

    id: Annotated[str, about("Id of the account.")]
    name: Annotated[str, about("Name of the account.")]
    strategy_id: Annotated[
        str | None, about("Strategy of the catalogue or of the caller that it names; null: its own.")
    ]
    start: Annotated[DateText, about("First day of the account.", DATE)]
    as_of: Annotated[DateText | None, about("Last day that is booked; null: none yet.", DATE)]
    equity: Annotated[float | None, about("Cash and positions at the last closes; null: not started.", "won")]
    cash: Annotated[float | None, about("Cash; null: not started.", "won")]
    position_count: Annotated[Count | None, about("Number of positions; null: not started.", "stocks")]
    dataset_version: Annotated[str | None, about("Dataset version of the last step.")]
    engine_version: Annotated[str | None, about("Engine version of the last step.")]
    result_digest: Annotated[
        str | None, about("Digest of the backtest from `start` to `as_of` on this version, which the account equals.")
    ]
    error: Annotated[str | None, about("Why the last step failed; null: it did not.")]
    created_at: Annotated[Instant, about("When it was created.", UTC)]
    stepped_at: Annotated[Instant | None, about("When it was stepped last.", UTC)]
    paused: Annotated[bool, about("Whether it decides no orders; its days are booked as those of its backtest.")]
    changes: Annotated[Count, about("How often it was changed.", "changes")]
    public: Annotated[bool, about("Whether everyone may read it, without a key.")]
    changeable: Annotated[bool, about("Whether the caller may change, pause, step and delete it.")]


class AccountCurve(Struct, kw_only=True):
    """Equity by day, as columns."""

    date: Annotated[list[DateText], about("Days.", DATE)]
    equity: Annotated[list[float], about("Equity of each day.", "won")]
    cash: Annotated[list[float], about("Cash of each day.", "won")]
    benchmark: Annotated[list[float | None], about("Benchmark of each day; null: none.", "won")]


class AccountDetail(AccountSummary, kw_only=True):
    """A paper account with its positions, the orders of its last decision and its curve."""

    request: Annotated[dict[str, Any], about("Backtest that the account equals: body of `POST /v1/backtests`.")]
    positions: Annotated[list[OpenPosition], about("Positions on the evening of `as_of`.")]
    orders: Annotated[AccountOrders | None, about("Orders of the last decision; null: none yet.")]
    provisional: Annotated[
        ProvisionalDay | None, about("What opening quotes fill until the day's row is loaded; null: none.")
    ]
    statistics: Annotated[dict[str, Any] | None, about("Statistics of the backtest; null: not started.")]
    curve: Annotated[AccountCurve, about("Equity of the account by day.")]
    drift_reports: Annotated[Count, about("Number of drift reports.", "reports")]


class AccountPage(Struct, kw_only=True):
    """A page of paper accounts, the newest first."""

    items: Annotated[list[AccountSummary], about("Accounts.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class AccountStep(Struct, kw_only=True):
    """A trading day of an account."""

    date: Annotated[DateText, about("Trading day.", DATE)]
    status: Annotated[StepStatus, about("As in the orders of a day.")]
    live: Annotated[bool, about("Whether the orders were decided before the open.")]
    decided_at: Annotated[Instant | None, about("When the orders were decided; null: they were not.", UTC)]
    decided_on: Annotated[DateText | None, about("Last row that the decision read.", DATE)]
    late: Annotated[bool, about("Whether it was decided after the open.")]
    orders: Annotated[Count, about("Number of orders.", "orders")]
    digest: Annotated[str | None, about("SHA-256 of the orders.")]
    dataset_version: Annotated[str | None, about("Dataset version that the decision read.")]
    working_at: Annotated[Instant | None, about("When the orders became working.", UTC)]
    booked_at: Annotated[Instant | None, about("When the day was booked; null: its row is not loaded.", UTC)]
    equity: Annotated[float | None, about("Equity of the evening as it was booked.", "won")]
    cash: Annotated[float | None, about("Cash of the evening as it was booked.", "won")]
    fills: Annotated[list[AccountFill], about("Fills as they were booked.")]
    provisional: Annotated[ProvisionalDay | None, about("What opening quotes filled before; null: none were posted.")]
    reconciliation: Annotated[
        list[ReconciledFill] | None,
        about("The fills of quotes and of the row side by side; null: not booked yet, or no quotes."),
    ]


class AccountStepPage(Struct, kw_only=True):
    """A page of steps, the newest first."""

    items: Annotated[list[AccountStep], about("Steps.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class AccountChange(Struct, kw_only=True):
    """A change of an account by its user."""

    number: Annotated[int, about("Number of the change, from 1.")]
    changed_at: Annotated[Instant, about("When it was made.", UTC)]
    fields: Annotated[
        dict[str, Any],
        about("Changed fields (name, strategy, costs, execution, paused) -> {before, after}."),
    ]


class AccountChangePage(Struct, kw_only=True):
    """A page of changes, the newest first."""

    items: Annotated[list[AccountChange], about("Changes.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class AccountStepped(Struct, kw_only=True):
    """What a step did."""

    booked: Annotated[list[DateText], about("Days that were booked.", DATE)]
    decided: Annotated[DateText | None, about("Day whose orders were decided; null: none.", DATE)]
    drift: Annotated[list[int], about("Numbers of the drift reports that it wrote.")]
    provisional: Annotated[DateText | None, about("Day whose fills were booked from opening quotes; null: none.", DATE)]
    superseded: Annotated[bool, about("Whether another step came first; this one changed nothing.")]


DriftCause = Literal[
    "restated_data",
    "engine",
    "late_data",
    "no_decision",
    "user_change",
    "not_separable",
    "quoted_opens",
    "damaged_panels",
]


class StockWon(Struct, kw_only=True):
    """What the restated cells of a stock made."""

    stock_code: Annotated[str, about("Code of the stock.")]
    won: Annotated[float, about("What they made of the difference.", "won")]


class DriftPart(Struct, kw_only=True):
    """What one cause made of a difference; the parts of a report add up to its won."""

    cause: Annotated[DriftCause, about("The cause, as in the report.")]
    won: Annotated[float | None, about("What it made; null: unknown.", "won")]
    stocks: Annotated[list[StockWon], about("By stock with restated cells, at most 20 of them; else empty.")]


class DriftCell(Struct, kw_only=True):
    """A cell that the strategy reads and that differs, with the days after it on which it differs too."""

    field: Annotated[
        str,
        about("A field of the language, a factor, a stored price field, the name of an index, dividend, delisted_on, "
              "market or sector."),
    ]  # fmt: skip
    stock_code: Annotated[str | None, about("Code of the stock; null: an index.")]
    date: Annotated[DateText, about("First day.", DATE)]
    to: Annotated[DateText, about("Last day.", DATE)]
    days: Annotated[Count, about("Number of trading days.", "days")]
    before: Annotated[float | str | None, about("Value of the first day before; null: absent.")]
    after: Annotated[float | str | None, about("Value of the first day now; null: absent.")]
    late: Annotated[bool, about("Whether the row or the statement behind it came later; false: it was restated.")]


class StatementNumber(Struct, kw_only=True):
    """A number of a statement."""

    field: Annotated[str, about("Column of the statements.")]
    before: Annotated[float | None, about("Value before; null: absent.", "won")]
    after: Annotated[float | None, about("Value now; null: absent.", "won")]


class StatementChange(Struct, kw_only=True):
    """A statement that loads changed between the two revisions."""

    stock_code: Annotated[str, about("Code of the stock.")]
    fiscal_year: Annotated[int, about("Fiscal year.")]
    fiscal_quarter: Annotated[int, about("Fiscal quarter, 1 to 4.")]
    disclosed_on: Annotated[DateText, about("Day of the disclosure.", DATE)]
    late: Annotated[bool, about("Whether it was loaded only between the revisions; false: its numbers were changed.")]
    numbers: Annotated[list[StatementNumber], about("Numbers that differ.")]


class DriftReport(Struct, kw_only=True):
    """A decision or a ledger that a later dataset, engine or request makes otherwise."""

    number: Annotated[int, about("Number of the report, from 1.")]
    day: Annotated[DateText, about("Day of the first difference.", DATE)]
    cause: Annotated[
        DriftCause,
        about("The cause that made most. restated_data: data up to the day were changed; engine: another engine "
              "version; late_data: data were loaded after they were due; no_decision: no step ran before the day's row "
              "was loaded; user_change: the account was changed; not_separable: engine and data changed, and the "
              "earlier dataset version was deleted; quoted_opens: fills differ from those at the quoted opens; "
              "damaged_panels: a step read damaged memory, and its ledger or orders were withdrawn."),
    ]  # fmt: skip
    won: Annotated[
        float | None,
        about("Difference of the equity, or what the fills concerned made by the evening; null: unknown.", "won"),
    ]
    causes: Annotated[list[DriftPart], about("What each cause made, the largest first.")]
    cells: Annotated[
        list[DriftCell] | None,
        about("Cells that the strategy reads and that differ, at most 500; null: the earlier version was deleted."),
    ]
    cell_count: Annotated[Count | None, about("Number of cells; null: unknown.", "cells")]
    other_days: Annotated[list[DateText], about("Trading days that only one of the versions has.", DATE)]
    statements: Annotated[list[StatementChange], about("Statements behind the cells that loads changed.")]
    orders: Annotated[dict[str, Any], about("Orders of one side only: `decided` and `now`.")]
    ledger: Annotated[
        dict[str, Any] | None, about("First difference of the ledger: date, part, stored, now, won; null: none.")
    ]
    fills: Annotated[list[AccountFill], about("Fills without an order, or of the stocks whose orders differ.")]
    dataset_before: Annotated[str | None, about("Dataset version of the decision or of the stored ledger.")]
    dataset_now: Annotated[str, about("Dataset version that differs from it.")]
    revision_before: Annotated[int | None, about("Data revision before.")]
    revision_now: Annotated[int, about("Data revision now.")]
    engine_before: Annotated[str | None, about("Engine version before.")]
    engine_now: Annotated[str, about("Engine version now.")]
    created_at: Annotated[Instant, about("When it was written.", UTC)]


class DriftPage(Struct, kw_only=True):
    """A page of drift reports, the newest first."""

    items: Annotated[list[DriftReport], about("Reports.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]
