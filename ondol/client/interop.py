"""Results as quantstats, pyfolio, empyrical and alphalens expect them (`pip install ondol[pandas]`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.errors import SetupError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def _pandas() -> None:
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise SetupError(f"{error.name} is not installed; `pip install ondol[pandas]` adds it.") from error


def daily_returns(equity: pl.DataFrame, column: str, initial: float, name: str) -> pd.Series[float]:
    """Return the daily returns of a column of `Result.equity` as a series by day (midnight, without a time zone).

    The first return is that against the initial cash.
    """
    _pandas()
    import pandas as pd

    values = equity[column].to_numpy()
    before = [initial, *values[:-1]]
    index = pd.DatetimeIndex(equity["date"].to_numpy(), name="date").as_unit("ns")
    return pd.Series(values / before - 1.0, index=index, name=name)


def transactions(trades: pl.DataFrame) -> pd.DataFrame:
    """Return trades as pyfolio expects them: amount (negative: sold), price and symbol, by day in UTC."""
    _pandas()
    import pandas as pd
    import polars as pl

    sign = pl.when(pl.col("side") == "buy").then(1).otherwise(-1)
    table = trades.select(
        amount=sign * pl.col("shares"), price=pl.col("price"), symbol=pl.col("stock_code")
    ).to_pandas()
    table.index = pd.DatetimeIndex(trades["date"].to_numpy(), name="date").as_unit("ns").tz_localize("UTC")
    return table


def factor_series(values: pl.DataFrame, field: str) -> pd.Series[float]:
    """Return a column of `client.values(...)` as alphalens expects a factor: by (date, asset), no absent values."""
    _pandas()
    import pandas as pd

    table = values.select("date", "stock_code", field).drop_nulls().to_pandas()
    table["date"] = pd.DatetimeIndex(table["date"]).as_unit("ns")
    found: pd.Series[float] = table.set_index(["date", "stock_code"])[field].rename_axis(["date", "asset"])
    return found


def wide_prices(values: pl.DataFrame, field: str = "close", codes: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a column of `client.values(...)` as a table with a row for each day and a column for each stock."""
    _pandas()
    import pandas as pd

    wide = values.pivot(on="stock_code", index="date", values=field).sort("date").to_pandas().set_index("date")
    wide.index = pd.DatetimeIndex(wide.index, name="date").as_unit("ns")
    return wide if codes is None else wide[list(codes)]
