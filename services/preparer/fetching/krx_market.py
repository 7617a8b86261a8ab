"""Market files from the stored answers of the exchange: a pure function of them, calendar year after year.

A day exists when both markets have prices, and neither has fewer than a third of the stocks of the day before; a
half-published or thin day is left out and named.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import pathlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from services.preparer.fetching.krx import BASE_INFORMATION, INDICES, PRICES, Call, KrxAnswers
from services.preparer.fetching.raw_store import RawStore
from services.preparer.fetching.splits import with_splits
from shared.market_files.open_api import BASE_SCHEMA, DAILY_SCHEMA, INDEX_SCHEMA, kind_of

THIN = 1 / 3
"""A day with fewer stocks of a market than this part of the day before is thin."""
VERSION = 1
"""Part of the name of cached years; raised when a rule of this module or of `splits` changes."""

PRICES_SCHEMA = {**DAILY_SCHEMA, "market": pl.String, "split": pl.Float64}
SEEN_SCHEMA = {
    "stock_code": pl.String, "market": pl.String, "name": pl.String, "first": pl.Date, "last": pl.Date,
}  # fmt: skip
_PRICE_COLUMNS = [name for name in PRICES_SCHEMA if name not in ("name", "market")]


@dataclass(kw_only=True)
class Days:
    """Days of prices, ascending, and those that are left out with the reason."""

    days: list[dt.date] = field(default_factory=list)
    left_out: dict[dt.date, str] = field(default_factory=dict)


def read_days(answers: KrxAnswers, stored: Sequence[dt.date]) -> tuple[Days, dict[dt.date, pl.DataFrame]]:
    """Return which of these days (ascending) have prices, and the rows of each (DAILY_SCHEMA and market)."""
    found, frames = Days(), {}
    last: list[int] = [0] * len(PRICES)
    for day in stored:
        parts = [answers.frame(Call(service=service, day=day)) for service in PRICES]
        counts = [0 if part is None else part.height for part in parts]
        if not any(counts):
            continue
        if reason := _left_out(parts, counts, last):
            found.left_out[day] = reason
            continue
        last = counts
        found.days.append(day)
        frames[day] = pl.concat(
            part.with_columns(pl.lit(service.market).alias("market"))
            for part, service in zip(parts, PRICES, strict=True)
            if part is not None
        )
    return found, frames


def _left_out(parts: Sequence[pl.DataFrame | None], counts: Sequence[int], last: Sequence[int]) -> str | None:
    for service, part, count, before in zip(PRICES, parts, counts, last, strict=True):
        if part is None:
            return f"{service.market} was not fetched yet"
        if not count:
            return f"{service.market} has no prices, but the other market has"
        if count < before * THIN:
            return f"{service.market} has {count:,} stocks, the day before {before:,}"
    return None


@dataclass(frozen=True, kw_only=True)
class Year:
    """What a calendar year contributes: prices (in a file), listings, indices, the days, and those left out."""

    prices: pathlib.Path
    seen: pl.DataFrame
    """stock_code, market, name, first and last day of each stretch without a change."""
    days: Days


def price_rows(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return rows of PRICES_SCHEMA with splits, from days in any order; the first day of a stock has no split."""
    rows = [pl.DataFrame(schema={name: kind for name, kind in PRICES_SCHEMA.items() if name != "split"}), *frames]
    together = pl.concat(rows).unique(["date", "stock_code"], keep="first", maintain_order=True)
    return with_splits(together).select(list(PRICES_SCHEMA))


def stretches(rows: pl.DataFrame) -> pl.DataFrame:
    """Return (stock_code, market, name, first, last) of each stretch of days on which both are the same."""
    ordered = rows.sort("stock_code", "date")
    changed = pl.any_horizontal(
        [~pl.col(name).eq_missing(pl.col(name).shift(1).over("stock_code")) for name in ("market", "name")]
    )
    numbered = ordered.with_columns(changed.cum_sum().over("stock_code").alias("stretch"))
    return (
        numbered.group_by("stock_code", "stretch", maintain_order=True)
        .agg(
            pl.col("market", "name").first(), pl.col("date").first().alias("first"), pl.col("date").last().alias("last")
        )
        .drop("stretch")
    )


def listings_of(seen: pl.DataFrame) -> pl.DataFrame:
    """Return the listings: the first day of each stretch that differs from the one before."""
    ordered = seen.sort("stock_code", "first")
    changed = pl.any_horizontal(
        [~pl.col(name).eq_missing(pl.col(name).shift(1).over("stock_code")) for name in ("market", "name")]
    )
    is_first = pl.int_range(pl.len()).over("stock_code") == 0
    return ordered.filter(is_first | changed).select(
        "stock_code", pl.col("first").alias("from_date"), "market", "name"
    )  # fmt: skip


def companies_of(seen: pl.DataFrame, base: pl.DataFrame, days: Sequence[dt.date]) -> pl.DataFrame:
    """Return the companies: of their last day, with kinds and listing days of the base information.

    A stock without a row on the newest day was delisted on the first day of the market after its last row.
    """
    order = seen.sort("stock_code", "first").group_by("stock_code", maintain_order=True)
    last = order.agg(pl.col("market", "name").last(), pl.col("last").max())
    after = dict(itertools.pairwise(days))
    known = base.unique("stock_code", keep="last", maintain_order=True)
    joined = last.join(known.rename({"name": "short_name"}), on="stock_code", how="left", maintain_order="left")
    kinds = [kind_of(*row) for row in joined.select("group", "share_kind", "name").iter_rows()]
    return joined.select(
        "stock_code", pl.coalesce("name", "short_name", "stock_code").alias("name"), "name_en", "market",
        # a listing day after the first row belongs to a later company of the same code
        pl.when(pl.col("listed_on") <= pl.col("last")).then(pl.col("listed_on")).alias("listed_on"),
        pl.col("last").replace_strict(after, default=None, return_dtype=pl.Date).alias("delisted_on"),
        pl.Series("kind", kinds, pl.String),
    ).sort("stock_code")  # fmt: skip


def base_rows(answers: KrxAnswers) -> pl.DataFrame:
    """Return the base information of all stored days (BASE_SCHEMA), the newest day last."""
    days = [(day, service) for service in BASE_INFORMATION for day in answers.days(service)]
    frames = (answers.frame(Call(service=service, day=day)) for day, service in sorted(days, key=lambda item: item[0]))
    return pl.concat([pl.DataFrame(schema=BASE_SCHEMA), *(frame for frame in frames if frame is not None)])


def index_rows(answers: KrxAnswers, days: Iterable[dt.date]) -> pl.DataFrame:
    """Return the index values of these days (INDEX_SCHEMA), sorted."""
    calls = (Call(service=service, day=day) for day in days for service in INDICES)
    frames = (answers.frame(call) for call in calls)
    rows = pl.concat([pl.DataFrame(schema=INDEX_SCHEMA), *(frame for frame in frames if frame is not None)])
    return rows.unique(["date", "index"], keep="first").sort("date", "index")


class YearCache:
    """The prices of each calendar year as a Parquet file, built again when an answer of the year has changed."""

    def __init__(self, store: RawStore) -> None:
        self._folder = store.root / "years"
        self._store = store
        self._answers = KrxAnswers(store)

    def years(self) -> list[Year]:
        """Return all years with prices, ascending."""
        by_year: dict[int, list[dt.date]] = defaultdict(list)
        for day in sorted({day for service in PRICES for day in self._answers.days(service)}):
            by_year[day.year].append(day)
        found = []
        before: dt.date | None = None
        for year in sorted(by_year):
            built = self._year(year, by_year[year], before)
            found.append(built)
            before = built.days.days[-1] if built.days.days else before
        return found

    def _year(self, year: int, stored: Sequence[dt.date], before: dt.date | None) -> Year:
        name = f"{year}-{self._fingerprint(stored, before)}"
        prices, seen = self._folder / f"{name}.prices.parquet", self._folder / f"{name}.seen.parquet"
        kept = self._folder / f"{name}.days.parquet"
        if not kept.exists():
            self._build(year, stored, before, (prices, seen, kept))
        listed = pl.read_parquet(kept)
        return Year(
            prices=prices, seen=pl.read_parquet(seen),
            days=Days(
                days=listed.filter(pl.col("reason").is_null())["date"].to_list(),
                left_out=dict(listed.filter(pl.col("reason").is_not_null()).iter_rows()),
            ),
        )  # fmt: skip

    def _build(
        self, year: int, stored: Sequence[dt.date], before: dt.date | None, paths: tuple[pathlib.Path, ...]
    ) -> None:
        days, frames = read_days(self._answers, [*([before] if before else []), *stored])
        rows = price_rows(frames.values()).filter(pl.col("date").dt.year() == year)
        listed: list[tuple[dt.date, str | None]] = [(day, None) for day in days.days if day.year == year]
        listed += [(day, reason) for day, reason in days.left_out.items() if day.year == year]
        tables = (
            rows.select(_PRICE_COLUMNS).sort("date", "stock_code"), stretches(rows),
            pl.DataFrame(sorted(listed), schema={"date": pl.Date, "reason": pl.String}, orient="row"),
        )  # fmt: skip
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob(f"{year}-*"):
            old.unlink()
        for table, path in zip(tables, paths, strict=True):
            replace_file(table, path)

    def _fingerprint(self, stored: Sequence[dt.date], before: dt.date | None) -> str:
        digest = hashlib.sha256(f"{VERSION} {before}".encode())
        for day in (*([before] if before else []), *stored):
            for service in PRICES:
                path = self._store.root / Call(service=service, day=day).name.path
                size = path.stat().st_size if path.exists() else -1
                digest.update(f" {day} {service.api} {size} {_inode(path)}".encode())
        return digest.hexdigest()[:16]


def _inode(path: pathlib.Path) -> int:
    """Return the inode of a file, which changes when an answer is replaced, but not when it is confirmed."""
    return path.stat().st_ino if path.exists() else 0


def replace_file(rows: pl.DataFrame, path: pathlib.Path) -> None:
    """Write a Parquet file and put it in place when it is whole."""
    temporary = path.with_name(f".{path.name}.new")
    rows.write_parquet(temporary, compression="zstd")
    temporary.replace(path)


def seen_in(years: Sequence[Year]) -> pl.DataFrame:
    """Return the stretches of all years (see `Year.seen`)."""
    return pl.concat([pl.DataFrame(schema=SEEN_SCHEMA), *(year.seen for year in years)])
