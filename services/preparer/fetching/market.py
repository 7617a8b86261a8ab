"""Write the market files of a directory from its stored answers, each file replaced when it is whole."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from services.preparer.fetching import krx_market
from services.preparer.fetching.dart_market import of_stocks, read_dart
from services.preparer.fetching.kis import stored_record_dates
from services.preparer.fetching.krx import PRICES, KrxAnswers
from services.preparer.fetching.krx_market import YearCache, replace_file
from services.preparer.fetching.raw_store import RawStore
from shared.market_files.record_dates import record_rows, with_ex_dates


@dataclass(kw_only=True)
class Written:
    """Rows of each written file, the first and last day of prices, and the days that are left out with the reason."""

    rows: dict[str, int] = field(default_factory=dict)
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def write_market(store: RawStore, directory: pathlib.Path, *, approximate: bool = False) -> Written:
    """Write all files of everything that is stored.

    With `approximate`, dividends whose record date is not known count from the end of their period.
    """
    written = Written()
    years = YearCache(store).years()
    days = [day for year in years for day in year.days.days]
    written.left_out = {day.isoformat(): text for year in years for day, text in year.days.left_out.items()}
    if not days:
        write_reports(store, directory, days, written, codes=_known_codes(directory), approximate=approximate)
        return written
    written.first_day, written.last_day = days[0], days[-1]
    answers = KrxAnswers(store)
    _write_labels(answers, krx_market.seen_in(years), days, directory, written)
    whole = directory / ".prices.parquet.new"
    pl.scan_parquet([year.prices for year in years]).sink_parquet(whole, compression="zstd", maintain_order=True)
    whole.replace(directory / "prices.parquet")
    written.rows["prices"] = pl.scan_parquet(directory / "prices.parquet").select(pl.len()).collect().item()
    write_reports(store, directory, days, written, codes=_known_codes(directory), approximate=approximate)
    return written


def _known_codes(directory: pathlib.Path) -> frozenset[str] | None:
    """Return the stock codes of the companies file, None without one."""
    path = directory / "companies.parquet"
    return frozenset(pl.read_parquet(path, columns=["stock_code"])["stock_code"]) if path.exists() else None


def write_reports(
    store: RawStore, directory: pathlib.Path, days: Sequence[dt.date], written: Written, *,
    codes: frozenset[str] | None, approximate: bool,
) -> None:  # fmt: skip
    """Write statements and dividends of the stocks `codes` (None: of all that file); record dates come before reports.

    days: the trading days, as far as they are known.
    """
    found = read_dart(store, codes, days, approximate=approximate)
    written.notes += found.notes
    records = stored_record_dates(store)
    dividends = found.dividends
    if records is not None:
        rows, dropped = record_rows(records)
        rows = with_ex_dates(rows, days)
        dividends = merged_dividends(of_stocks(rows, codes), dividends)
        written.notes += [f"record dates: {left.count:,} left out: {reason}" for reason, left in dropped.items()]
    for name, table in (("financials", found.financials), ("dividends", dividends)):
        if table is not None:
            replace_file(table, directory / f"{name}.parquet")
            written.rows[name] = table.height


def merged_dividends(records: pl.DataFrame, reports: pl.DataFrame | None) -> pl.DataFrame:
    """Return the dividends by record date, and of the reports those of the calendar years without any record date.

    A report that states no dividend counts in other years too, where the stock has no record date.
    """
    rows = records.filter(pl.col("ex_date").is_not_null()).unique(maintain_order=True)
    if reports is not None and not reports.is_empty():
        year = pl.col("ex_date").dt.year()
        covered = rows["ex_date"].dt.year().unique().to_list()
        others = reports.filter(~year.is_in(covered) | (pl.col("dps") == 0)).with_columns(year.alias("year"))
        paid = rows.select("stock_code", year.alias("year")).unique()
        rows = pl.concat([rows, others.join(paid, on=["stock_code", "year"], how="anti").select(rows.columns)])
    return rows.unique(["stock_code", "ex_date", "kind", "dps"], keep="first", maintain_order=True).sort(
        "stock_code", "ex_date", "kind", "dps"
    )


def write_recent(store: RawStore, directory: pathlib.Path, count: int) -> Written:
    """Write the files of the last `count` stored days, for a load of what is new; all companies and listings.

    The first of these days is only the base of the second one's splits.
    """
    written = Written()
    answers = KrxAnswers(store)
    stored = sorted({day for service in PRICES for day in answers.days(service)})[-count - 1 :]
    days, frames = krx_market.read_days(answers, stored)
    written.left_out = {day.isoformat(): text for day, text in days.left_out.items()}
    recent = days.days[1:]
    if not recent:
        return written
    written.first_day, written.last_day = recent[0], recent[-1]
    years = YearCache(store).years()
    _write_labels(
        answers, krx_market.seen_in(years), [day for year in years for day in year.days.days],
        directory, written, index_days=recent,
    )  # fmt: skip
    rows = krx_market.price_rows(frames.values()).filter(pl.col("date") >= recent[0]).drop("name", "market")
    replace_file(rows.sort("date", "stock_code"), directory / "prices.parquet")
    written.rows["prices"] = rows.height
    return written


def _write_labels(
    answers: KrxAnswers, seen: pl.DataFrame, days: Sequence[dt.date], directory: pathlib.Path, written: Written, *,
    index_days: Sequence[dt.date] | None = None,
) -> None:  # fmt: skip
    """Write companies first: a load between two replacements finds no price without its company."""
    tables = {
        "companies": krx_market.companies_of(seen, krx_market.base_rows(answers), days),
        "listings": krx_market.listings_of(seen),
        "indices": krx_market.index_rows(answers, days if index_days is None else index_days),
    }
    companies = tables["companies"]
    # a column without any value would replace what an earlier load knows
    empty = [name for name in ("name_en", "listed_on", "kind") if companies[name].null_count() == companies.height]
    tables["companies"] = companies.drop(empty)
    for name, rows in tables.items():
        replace_file(rows, directory / f"{name}.parquet")
        written.rows[name] = rows.height
