"""Write the market files of a directory from its stored answers, each file replaced when it is whole."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from services.preparer.fetching import krx_market
from services.preparer.fetching.krx import PRICES, KrxAnswers
from services.preparer.fetching.krx_market import YearCache, replace_file
from services.preparer.fetching.raw_store import RawStore


@dataclass(kw_only=True)
class Written:
    """Rows of each written file, the first and last day of prices, and the days that are left out with the reason."""

    rows: dict[str, int] = field(default_factory=dict)
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def write_market(store: RawStore, directory: pathlib.Path) -> Written:
    """Write companies, listings, indices and prices of everything that is stored."""
    written = Written()
    years = YearCache(store).years()
    days = [day for year in years for day in year.days.days]
    written.left_out = {day.isoformat(): text for year in years for day, text in year.days.left_out.items()}
    if not days:
        return written
    written.first_day, written.last_day = days[0], days[-1]
    answers = KrxAnswers(store)
    _write_labels(answers, pl.concat([year.seen for year in years]), days, directory, written)
    whole = directory / ".prices.parquet.new"
    pl.scan_parquet([year.prices for year in years]).sink_parquet(whole, compression="zstd", maintain_order=True)
    whole.replace(directory / "prices.parquet")
    written.rows["prices"] = pl.scan_parquet(directory / "prices.parquet").select(pl.len()).collect().item()
    return written


def write_recent(store: RawStore, directory: pathlib.Path, count: int) -> Written:
    """Write the files of the last `count` stored days, for a load of what is new; all companies and listings.

    The first of these days is the base of the second one's splits, and is not written.
    """
    written = Written()
    answers = KrxAnswers(store)
    stored = sorted({day for service in PRICES for day in answers.days(service)})[-count - 1 :]
    days, frames = krx_market.read_days(answers, stored)
    written.left_out = {day.isoformat(): text for day, text in days.left_out.items()}
    recent = days.days[1:] if len(stored) > count else days.days
    if not recent:
        return written
    written.first_day, written.last_day = recent[0], recent[-1]
    years = YearCache(store).years()
    _write_labels(
        answers, pl.concat([year.seen for year in years]), [day for year in years for day in year.days.days],
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
    for name, rows in tables.items():
        replace_file(rows, directory / f"{name}.parquet")
        written.rows[name] = rows.height
