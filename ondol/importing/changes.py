"""Whether `change` and `change_rate` of a table are signed won and per cent against the base price, by their effect."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class _Effect:
    """Counts of a table: days on which the close moved, on which it fell, and how changes look on them."""

    moves: int
    small_moves: int
    falls: tuple[int, int]
    """Falls with a change and with a rate that is not 0."""
    rises_on_falls: tuple[int, int]
    rated: int
    ratio: float | None
    """Days on which the close moved and that have a rate; median of the return of the close and the rate on them."""
    both: int
    agree: int


def _effect(rows: pl.DataFrame) -> _Effect:
    traded = (
        rows.select("stock_code", "date", "close", "change", "change_rate", "volume")
        .filter((pl.col("close") > 0) & (pl.col("volume") > 0) & (
            pl.col("change").is_not_null() | pl.col("change_rate").is_not_null()))
        .sort("stock_code", "date", maintain_order=True)
    )  # fmt: skip
    before = pl.col("close").shift(1).over("stock_code")
    change, rate = pl.col("change"), pl.col("change_rate")
    moved, fell = before != pl.col("close"), pl.col("close") < before
    expected = change / (pl.col("close") - change) * 100
    both = (change.abs() > 0) & (rate.abs() > 0)
    found = traded.select(
        (moved & change.is_not_null()).sum().alias("moves"),
        (moved & (change.abs() < 1)).sum().alias("small"),
        *((fell & (column != 0)).sum().alias(f"falls {column.meta.output_name()}") for column in (change, rate)),
        *((fell & (column > 0)).sum().alias(f"rises {column.meta.output_name()}") for column in (change, rate)),
        (moved & (rate != 0)).sum().alias("rated"),
        ((pl.col("close") / before - 1) / rate).filter(moved & (rate != 0)).median().alias("ratio"),
        both.sum().alias("both"),
        (both & ((expected - rate).abs() <= _TOLERANCE)).sum().alias("agree"),
    ).row(0)
    return _Effect(found[0], found[1], found[2:4], found[4:6], *found[6:])


def _refuse_by_effect(rows: pl.DataFrame) -> None:
    if rows["change"].null_count() == rows["change_rate"].null_count() == rows.height:
        return
    effect = _effect(rows)
    if effect.moves >= _FEWEST and effect.small_moves > 0.5 * effect.moves:
        raise FileRefusedError(
            "change is below 1 won on most days on which the close moved, so it is a fraction or a percentage: say "
            f"--change-unit fraction when 0.03 means 3 %, else {_REMEDY}"
        )
    for name, falls, above in zip(("change", "change_rate"), effect.falls, effect.rises_on_falls, strict=True):
        if falls >= _FEWEST and above > 0.8 * falls:
            raise FileRefusedError(
                f"{name} has no sign: it is above 0 on {above:,} of {falls:,} days on which the close fell; add the "
                f"sign, or {_REMEDY}"
            )
    if effect.ratio is not None and effect.rated >= _FEWEST and 0.9 < effect.ratio < 1.1:
        raise FileRefusedError(f"change_rate is a fraction (0.03 for 3 %): say --change-unit fraction, or {_REMEDY}")
    if effect.both >= _FEWEST and effect.agree < 0.9 * effect.both:
        raise FileRefusedError(
            f"change and change_rate agree on {effect.agree:,} of {effect.both:,} rows only: change must be won with "
            f"its sign, change_rate % with its sign; say --change-unit fraction when 0.03 means 3 %, or {_REMEDY}"
        )
