"""Whether `change` and `change_rate` of a table are signed won and per cent against the base price, by their effect."""

from __future__ import annotations

import polars as pl

from ondol.importing.options import ChangeUnit
from shared.market_files.cells import FileRefusedError

_FEWEST = 5
_TOLERANCE = 0.06
"""Percentage points: sources round or cut rates to one or two decimals."""

_REMEDY = "say --change-unit none to import without changes"


def checked_changes(rows: pl.DataFrame, unit: ChangeUnit) -> pl.DataFrame:
    """Return the rows with changes in won and per cent; FileRefusedError when their effect shows another meaning.

    Rows of one stock on following days show the base price (close less change), which is the close before on nearly all
    days; within a row `change` and `change_rate` must agree.
    """
    nothing = [pl.lit(None, pl.Float64).alias(name) for name in ("change", "change_rate")]
    if unit == "none":
        return rows.with_columns(nothing)
    if unit == "fraction":
        rate = pl.coalesce(pl.col("change_rate"), pl.when(pl.col("change").abs() < 1).then(pl.col("change")))
        return rows.with_columns(nothing[0], (rate * 100).round(2).alias("change_rate"))
    _refuse_by_effect(rows)
    return rows


def _refuse_by_effect(rows: pl.DataFrame) -> None:
    traded = (
        rows.filter((pl.col("close") > 0) & (pl.col("volume") > 0))
        .sort("stock_code", "date", maintain_order=True)
        .select(
            "close", "change", "change_rate",
            pl.col("close").shift(1).over("stock_code").alias("before"),
        )
    )  # fmt: skip
    moves = traded.filter((pl.col("before") > 0) & (pl.col("before") != pl.col("close")))
    falls = moves.filter(pl.col("close") < pl.col("before"))
    won = moves.filter(pl.col("change").is_not_null())
    if won.height >= _FEWEST and _share(won, pl.col("change").abs() < 1) > 0.5:
        raise FileRefusedError(
            "change is below 1 won on most days on which the close moved, so it is a fraction or a percentage: say "
            f"--change-unit fraction when 0.03 means 3 %, else {_REMEDY}"
        )
    for name in ("change", "change_rate"):
        found = falls.filter(pl.col(name).is_not_null() & (pl.col(name) != 0))
        above = found.filter(pl.col(name) > 0).height
        if found.height >= _FEWEST and above > 0.8 * found.height:
            raise FileRefusedError(
                f"{name} has no sign: it is above 0 on {above:,} of {found.height:,} days on which the close fell; add "
                f"the sign, or {_REMEDY}"
            )
    rates = moves.filter(pl.col("change_rate").is_not_null() & (pl.col("change_rate") != 0))
    ratio = (pl.col("close") / pl.col("before") - 1) / pl.col("change_rate")
    if rates.height >= _FEWEST and 0.9 < (rates.select(ratio.median()).item() or 0) < 1.1:
        raise FileRefusedError(f"change_rate is a fraction (0.03 for 3 %): say --change-unit fraction, or {_REMEDY}")
    both = traded.filter((pl.col("change").abs() > 0) & (pl.col("change_rate").abs() > 0))
    expected = pl.col("change") / (pl.col("close") - pl.col("change")) * 100
    agree = _share(both, (expected - pl.col("change_rate")).abs() <= _TOLERANCE)
    if both.height >= _FEWEST and agree < 0.9:
        raise FileRefusedError(
            f"change and change_rate agree on {agree:.0%} of the rows only: change must be won with its sign, "
            f"change_rate % with its sign; say --change-unit fraction when 0.03 means 3 %, or {_REMEDY}"
        )


def _share(rows: pl.DataFrame, condition: pl.Expr) -> float:
    return float(rows.select(condition.fill_null(value=False).mean()).item() or 0.0)
