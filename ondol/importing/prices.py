"""Rows of the price file and of the listings from price tables of any source."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from ondol.importing.changes import checked_changes
from ondol.importing.options import HEADER_UNITS, UNITS, Options
from ondol.importing.readers import Table
from shared.market_files.cells import Cells, FileRefusedError, Rows, left_out
from shared.market_files.column_names import COLUMN_NAMES
from shared.market_files.headers import key_of
from shared.market_files.signatures import Signature

NUMBERS = (
    "open", "high", "low", "close", "volume", "trading_value", "market_cap", "listed_shares", "change", "change_rate",
)  # fmt: skip
COUNTS = ("volume", "listed_shares")
MONEY = ("trading_value", "market_cap")
_READ = ("date", "code", "name", "market", "direction", "direction_kis", "adjusted_close", *NUMBERS)

WANTED = frozenset(key_of(name) for column in _READ for name in COLUMN_NAMES[column])
PRICES_SCHEMA = {"date": pl.Date, "stock_code": pl.String, **dict.fromkeys(NUMBERS, pl.Float64)}

_RAW_SHARE = 0.95
_RAW_TOLERANCE = 0.02


@dataclass(frozen=True, kw_only=True)
class PriceTable:
    """`rows` of PRICES_SCHEMA; `listings` (stock_code, from_date, market, name) on the first day and on changes."""

    rows: pl.DataFrame
    listings: pl.DataFrame
    dropped: dict[str, Rows]
    """Reason -> rows that are left out."""


def price_rows(
    table: Table, found: Signature, options: Options, *, date: dt.date | None = None, code: str | None = None
) -> PriceTable:
    """Convert a price table; `date` and `code` are those of all rows where the table has no column for them.

    Adjusted tables lose `change`, which is not against the base price. Raises FileRefusedError for a missing date or
    code, broken rows, adjusted prices, changes and amounts in another unit than won, each without its option.
    """
    dropped = dict(table.dropped)
    cells = _with_codes(table.frame, dropped)
    day = cells.dates(COLUMN_NAMES["date"])
    if day is None and date is None:
        if (close := cells.numbers(COLUMN_NAMES["close"])) is not None and not (close.fill_null(0) > 0).any():
            return _holiday(table)
        raise FileRefusedError("has no date column and no date in its name: give --date YYYY-MM-DD")
    stock = cells.codes(COLUMN_NAMES["code"])
    if stock is None and code is None:
        raise FileRefusedError("has no code column: put the six-character stock code into the file name")
    scales = _scales(table, cells, options.unit)
    columns: dict[str, pl.Series | pl.Expr] = {
        "date": day if day is not None else pl.lit(date),
        "stock_code": stock if stock is not None else pl.lit(code),
    }
    for name in NUMBERS:
        values = cells.numbers(COLUMN_NAMES[name])
        columns[name] = pl.lit(None, pl.Float64) if values is None else values
    for name, texts in (("market", cells.markets(COLUMN_NAMES["market"])), ("name", cells.texts(COLUMN_NAMES["name"]))):
        columns[name] = pl.lit(None, pl.String) if texts is None else texts
    rows = pl.select(cells.rows.alias("row")).with_columns(**columns)
    for column, falling, rising in (("direction", ["2", "5"], ["1", "4"]), ("direction_kis", ["4", "5"], ["1", "2"])):
        if (direction := cells.texts(COLUMN_NAMES[column])) is not None:
            rows = _signed(rows, direction, falling, rising)
    rows = rows.with_columns((pl.col(name) * scale).alias(name) for name, scale in scales.items())
    rows, dropped = _kept(rows, cells, dropped, drop_broken=options.drop_broken)
    _refuse_units(rows)
    adjusted = _is_adjusted(rows, found, cells, options)
    rows = checked_changes(rows, "none" if adjusted else options.change_unit)
    rows = rows.with_columns(pl.col("change_rate").round(2))
    return PriceTable(rows=rows.select(list(PRICES_SCHEMA)).cast(pl.Schema(PRICES_SCHEMA)), listings=_listings(rows),
                      dropped=dropped)  # fmt: skip


def _with_codes(frame: pl.DataFrame, dropped: dict[str, Rows]) -> Cells:
    """Return the cells of the rows that have a stock code, so that totals and remarks below a table do not count."""
    every = Cells(frame)
    stock = every.codes(COLUMN_NAMES["code"])
    if stock is None or not stock.null_count():
        return every
    rows = left_out(
        pl.select(every.rows.alias("row"), stock.alias("code")), "row without a code of six characters",
        pl.col("code").is_null(), dropped,
    )["row"]  # fmt: skip
    return Cells(frame.filter(stock.is_not_null()), rows)


def _holiday(table: Table) -> PriceTable:
    dropped = {**table.dropped, "holiday row without prices": Rows(count=table.frame.height)}
    empty = pl.DataFrame(schema={**PRICES_SCHEMA, "market": pl.String, "name": pl.String})
    return PriceTable(rows=empty.select(list(PRICES_SCHEMA)), listings=_listings(empty), dropped=dropped)


def _scales(table: Table, cells: Cells, unit: str | None) -> dict[str, float]:
    """Return the won of one unit of each amount; FileRefusedError for units that the options do not name."""
    scales = {}
    for column in (*NUMBERS[:4], *COUNTS, *MONEY):
        key = next((key for name in COLUMN_NAMES[column] if (key := key_of(name)) in table.units), None)
        stated = None if key is None else table.units[key]
        if column not in MONEY:
            if stated not in (None, "원", "주"):
                other = "주" if column in COUNTS else "원"
                raise FileRefusedError(f"{COLUMN_NAMES[column][1]} is in {stated}: write the file again in {other}")
            continue
        if stated in UNITS and stated != "원" and unit not in (stated, HEADER_UNITS):
            raise FileRefusedError(
                f"{COLUMN_NAMES[column][1]} is in {stated}: say --unit {stated} (--unit header when columns have "
                "different units), or write the file again in 원"
            )
        if unit not in (None, HEADER_UNITS) and stated is None:
            stated = unit
        scales[column] = UNITS.get(stated or "원", 1.0)
    return scales


def _signed(rows: pl.DataFrame, direction: pl.Series, falling: list[str], rising: list[str]) -> pl.DataFrame:
    """Give `change` and `change_rate` the sign of the direction code of the exchange or of KIS."""
    sign = pl.when(direction.is_in(falling)).then(-1.0).when(direction.is_in(rising)).then(1.0)
    return rows.with_columns(
        pl.coalesce(pl.col(name).abs() * sign, pl.col(name)).alias(name) for name in ("change", "change_rate")
    )


def _kept(
    rows: pl.DataFrame, cells: Cells, dropped: dict[str, Rows], *, drop_broken: bool
) -> tuple[pl.DataFrame, dict[str, Rows]]:
    """Leave out rows without a price, and broken ones or refuse them."""
    traded = (pl.col("volume") > 0) & (pl.col("open") > 0)
    priced = "close" if cells.has(COLUMN_NAMES["close"]) else "market_cap"
    rules = {
        "a price is below 0": pl.min_horizontal("open", "high", "low", "close") < 0,
        "high is below low": traded & (pl.col("high") < pl.col("low")),
        "close is outside low to high": traded & (pl.col("low") > 0) & (
            (pl.col("close") > pl.col("high") * 1.01 + 5) | (pl.col("close") < pl.col("low") * 0.99 - 5)),
        "row without a date": pl.col("date").is_null(),
        "holiday row without prices": pl.col(priced).fill_null(0) == 0,
        "volume below 0 (32-bit overflow)": pl.col("volume").fill_null(0) < 0,
    }  # fmt: skip
    found = rows.select(rule.fill_null(value=False).any().alias(reason) for reason, rule in rules.items()).row(0)
    hit = {reason: rule for (reason, rule), present in zip(rules.items(), found, strict=True) if present}
    for reason in list(rules)[:3]:
        if reason in hit:
            cells.note(reason, rows.select(hit[reason].fill_null(value=False)).to_series())
    if not drop_broken:
        cells.refuse_broken()
    elif cells.bad is not None:
        rows = rows.filter(~cells.bad)
        for reason, broken in cells.broken.items():
            dropped.setdefault(reason, Rows()).add(broken)
    for reason in list(rules)[3:]:
        if reason in hit:
            rows = left_out(rows, reason, rules[reason], dropped)
    return rows.with_columns(pl.col("volume").fill_null(0)), dropped


def _is_adjusted(rows: pl.DataFrame, found: Signature, cells: Cells, options: Options) -> bool:
    """Whether prices are adjusted for later splits; FileRefusedError when that is so, or open, without its option."""
    why = "market caps, price limits and ticks of the day would be wrong"
    if found.unsure and not found.adjusted:
        known = rows.filter((pl.col("market_cap") > 0) & (pl.col("listed_shares") > 0))
        ratio = pl.col("market_cap") / (pl.col("listed_shares") * pl.col("close"))
        share = known.select(((ratio - 1).abs() < _RAW_TOLERANCE).mean()).item()
        if share is not None and share >= _RAW_SHARE:
            return False
        if share is not None and not (options.adjusted or options.raw):
            raise FileRefusedError(
                f"close times shares is the market cap on {share:.0%} of the rows only, so prices are adjusted for "
                f"later splits and {why}: use raw prices, or say --adjusted (--raw when the caps are wrong)"
            )
        if not (options.adjusted or options.raw):
            raise FileRefusedError(
                "does not show whether prices are adjusted for later splits: say --raw when they are as traded, or "
                f"--adjusted when they are adjusted ({why})"
            )
        return options.adjusted
    if not found.adjusted or options.raw:
        return cells.has(COLUMN_NAMES["adjusted_close"]) and options.adjusted
    if not options.adjusted:
        raise FileRefusedError(
            f"prices are adjusted for later splits, so {why}: use a source of raw prices, or say --adjusted (--raw "
            "when you know that they are as traded)"
        )
    return True


def _refuse_units(rows: pl.DataFrame) -> None:
    """Refuse amounts whose usual ratio to price times count shows another unit."""
    pairs = (("market_cap", "listed_shares", "상장주식수"), ("trading_value", "volume", "거래량"))
    ratios = rows.select(
        (pl.col(amount) / (pl.col(count) * pl.col("close")))
        .filter((pl.col(count) > 0) & (pl.col(amount) > 0)).median().alias(amount)
        for amount, count, _ in pairs
    ).row(0)  # fmt: skip
    for (amount, count, korean), ratio in zip(pairs, ratios, strict=True):
        if ratio is not None and not 0.2 < ratio < 5.0:
            raise FileRefusedError(
                f"{amount} is {ratio:.3g} times close × {count}: amounts are not in won (say --unit 천원, 백만원, "
                f"억원 or 십억원), or {korean} is not in shares (download the file again in 주)"
            )


def with_prices(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out merged rows without a close, which come from tables of market caps alone."""
    return rows.filter(pl.col("close").is_not_null())


def _listings(rows: pl.DataFrame) -> pl.DataFrame:
    named = rows.filter(pl.col("market").is_not_null()).select(
        "stock_code", pl.col("date").alias("from_date"), "market", "name"
    )
    return changes_of(named, ends=True) if named.height else named


def changes_of(listings: pl.DataFrame, *, ends: bool = False) -> pl.DataFrame:
    """Keep the first entry of each stock and those whose market or name differs from the entry before.

    With `ends`, keep the last entry before each change and of each stock too, so that entries of other files can still
    be merged.
    """
    ordered = listings.sort("stock_code", "from_date", maintain_order=True)
    columns = ("stock_code", "market", "name")
    place = pl.int_range(pl.len())
    kept = (place == 0) | ~pl.all_horizontal([pl.col(name).eq_missing(pl.col(name).shift(1)) for name in columns])
    if ends:
        same_next = pl.all_horizontal([pl.col(name).eq_missing(pl.col(name).shift(-1)) for name in columns])
        kept = kept | (place == pl.len() - 1) | ~same_next
    return ordered.filter(kept).unique(["stock_code", "from_date"], keep="last", maintain_order=True)
