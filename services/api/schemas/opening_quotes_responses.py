"""Shapes of answers about opening quotes, and of what paper accounts book from them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from services.api.schemas.field_types import DATE, UTC, Count, DateText, Instant
from shared.model.request import about

Side = Literal["buy", "sell"]


class MarkedQuote(Struct, kw_only=True):
    """A quote that the rule book does not allow; no fill is booked from it."""

    stock_code: Annotated[str, about("Code of the stock.")]
    open: Annotated[float, about("Price that was posted.", "won")]
    mark: Annotated[
        Literal["beyond_limits", "off_tick"],
        about("beyond_limits: outside the daily limits around the last close, as on the day of a split; off_tick: no "
              "multiple of the tick size."),
    ]  # fmt: skip
    lower: Annotated[float | None, about("Lower limit of the day; null: none applies.", "won")]
    upper: Annotated[float | None, about("Upper limit of the day; null: none applies.", "won")]


class QuotesPosted(Struct, kw_only=True):
    """What a post of opening quotes did."""

    date: Annotated[DateText, about("Day of the quotes.", DATE)]
    number: Annotated[int, about("Number of the day's quotes, which grows with each change.")]
    quotes: Annotated[Count, about("Stocks with a quote of the day.", "stocks")]
    added: Annotated[Count, about("Quotes that are new.", "stocks")]
    replaced: Annotated[Count, about("Quotes that replaced another price.", "stocks")]
    unchanged: Annotated[Count, about("Quotes that were stored already.", "stocks")]
    marked: Annotated[list[MarkedQuote], about("Quotes of this post that the rule book does not allow.")]
    accounts: Annotated[Count, about("Accounts with orders of the day, which are booked from the quotes.", "accounts")]


class OpeningPrice(Struct, kw_only=True):
    """The opening price of a stock."""

    stock_code: Annotated[str, about("Code of the stock.")]
    open: Annotated[float | None, about("Price; null: the stock does not trade at the open.", "won")]


class OpeningQuoteList(Struct, kw_only=True):
    """The opening quotes of a day."""

    date: Annotated[DateText, about("Day of the quotes.", DATE)]
    number: Annotated[int, about("Number of the day's quotes, which grows with each change.")]
    posted_at: Annotated[Instant, about("When the first were posted.", UTC)]
    changed_at: Annotated[Instant, about("When they were changed last.", UTC)]
    items: Annotated[list[OpeningPrice], about("Quotes by stock code.")]


class ProvisionalFill(Struct, kw_only=True):
    """A fill at a quoted open."""

    date: Annotated[DateText, about("Day of the fill.", DATE)]
    stock_code: Annotated[str, about("Code of the stock.")]
    name: Annotated[str, about("Name of the stock.")]
    side: Annotated[Side, about("buy or sell.")]
    shares: Annotated[int, about("Shares.", "shares")]
    price: Annotated[float, about("Price after slippage.", "won")]
    commission: Annotated[float, about("Commission.", "won")]
    tax: Annotated[float, about("Tax of a sale.", "won")]
    reason: Annotated[str, about("Rule behind it.")]


class ProvisionalDay(Struct, kw_only=True):
    """What opening quotes fill on a day whose rows are not loaded yet."""

    date: Annotated[DateText, about("Day of the quotes.", DATE)]
    number: Annotated[int, about("Number of the day's quotes.")]
    booked_at: Annotated[Instant, about("When it was booked.", UTC)]
    cash: Annotated[float, about("Cash after the open; stocks without a quote count at their last closes.", "won")]
    equity: Annotated[float, about("Cash and positions at the opens.", "won")]
    position_count: Annotated[Count, about("Number of positions after the open.", "stocks")]
    fills: Annotated[list[ProvisionalFill], about("Fills of stocks with a quote.")]
    unquoted: Annotated[list[str], about("Ordered stocks without a usable quote.")]


class FillPart(Struct, kw_only=True):
    """Shares and price of a fill."""

    shares: Annotated[int, about("Shares.", "shares")]
    price: Annotated[float, about("Price after slippage.", "won")]


class ReconciledFill(Struct, kw_only=True):
    """A fill that was booked from opening quotes, beside the one that the day's rows gave."""

    stock_code: Annotated[str, about("Code of the stock.")]
    name: Annotated[str, about("Name of the stock.")]
    side: Annotated[Side, about("buy or sell.")]
    reason: Annotated[str, about("Rule behind it.")]
    quoted_open: Annotated[float | None, about("Opening price that was posted; null: none.", "won")]
    open: Annotated[float | None, about("Opening price of the row; null: none.", "won")]
    provisional: Annotated[FillPart | None, about("Fill at the quoted open; null: none.")]
    booked: Annotated[FillPart | None, about("Fill of the row; null: none.")]
    won: Annotated[
        float, about("What the booked fill made by the evening less what the provisional one would have made.", "won")
    ]
    cause: Annotated[
        Literal["open_differs", "not_quoted", "other_orders", "intraday", "orders_differ"] | None,
        about("open_differs: another open was posted; not_quoted: none was posted; other_orders: cash, slots or shares "
              "changed with other fills; intraday: a level was reached after the open; orders_differ: later data make "
              "other orders; null: both fills are the same."),
    ]  # fmt: skip
