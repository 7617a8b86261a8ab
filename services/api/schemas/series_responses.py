"""Shapes of answers that are series: prices of a stock, and values of factors and expressions."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Struct

from services.api.schemas.field_types import DATE, Count, DateText
from shared.model.request import about


class PriceSplit(Struct, kw_only=True):
    """A split, or another change of the number of shares."""

    date: Annotated[DateText, about("First row on the new basis.", DATE)]
    ratio: Annotated[float, about("Shares of that morning for each share of the evening before.", "shares")]


class Prices(Struct, kw_only=True):
    """The rows of a stock as it was traded, from its first trade on; the lists have an entry for each row."""

    stock_code: Annotated[str, about("Stock code.")]
    name: Annotated[str, about("Name of the stock.")]
    dataset_version: Annotated[str, about("Dataset version that was read.")]
    dates: Annotated[list[DateText], about("Trading days of the dataset.", DATE)]
    open: Annotated[list[float | None], about("Opening prices; null on a row without trading.", "won")]
    high: Annotated[list[float | None], about("Highest prices; null on a row without trading.", "won")]
    low: Annotated[list[float | None], about("Lowest prices; null on a row without trading.", "won")]
    close: Annotated[list[float | None], about("Closing prices; null on a row without trading.", "won")]
    volume: Annotated[list[Count], about("Traded shares; 0 on a row without trading.", "shares")]
    splits: Annotated[
        list[PriceSplit],
        about("Splits among the rows: divide the prices before one by its ratio to compare them with later ones."),
    ]


class Values(Struct, kw_only=True):
    """Values in long form, by date, then stock code."""

    dataset_version: Annotated[str, about("Dataset version that was read.")]
    fields: Annotated[list[str], about("Canonical texts of the fields, in the order of the request.")]
    rows: Annotated[
        Count,
        about("Length of each column: one for each day and stock with a close on it or within the 60 rows before.",
              "rows"),
    ]  # fmt: skip
    columns: Annotated[
        dict[str, list[Any]],
        about("date, stock_code, and the values of each field under its canonical text: numbers or, of a condition, "
              "true and false; null: absent. Factors and expressions have single precision."),
    ]  # fmt: skip
