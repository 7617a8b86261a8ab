"""Rows of the company file from listings, descriptions and delistings; one row for each stock code."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ondol.importing.readers import Table
from shared.market_files.cells import Cells, FileRefusedError, Rows, left_out
from shared.market_files.column_names import COLUMN_NAMES
from shared.market_files.headers import key_of

SHARES = ("주권", "외국주권", "주식예탁증권", "예탁증권", "부동산투자회사")
"""Groups of securities that are shares of companies."""
_READ = ("code", "name", "name_en", "market", "industry", "sector", "listed_on", "delisted_on", "group")

WANTED = frozenset(key_of(name) for column in _READ for name in COLUMN_NAMES[column])
COMPANIES_SCHEMA = {
    "stock_code": pl.String, "name": pl.String, "name_en": pl.String, "market": pl.String, "sector": pl.String,
    "listed_on": pl.Date, "delisted_on": pl.Date,
}  # fmt: skip


def company_rows(table: Table, *, drop_broken: bool = False) -> tuple[pl.DataFrame, dict[str, Rows]]:
    """Convert a company table; return rows of COMPANIES_SCHEMA, and rows that are left out by reason.

    The sector is the industry: `Sector` of FinanceDataReader is a department of KOSDAQ, and counts only in tables
    without an industry.
    """
    cells = Cells(table.frame)
    industry = COLUMN_NAMES["industry"]
    columns = {
        "stock_code": cells.codes(COLUMN_NAMES["code"]), "market": cells.markets(COLUMN_NAMES["market"]),
        "group": cells.texts(COLUMN_NAMES["group"]), "name": cells.texts(COLUMN_NAMES["name"]),
        "name_en": cells.texts(COLUMN_NAMES["name_en"]),
        "sector": cells.texts(industry if cells.has(industry) else COLUMN_NAMES["sector"]),
        "listed_on": cells.dates(COLUMN_NAMES["listed_on"]), "delisted_on": cells.dates(COLUMN_NAMES["delisted_on"]),
    }  # fmt: skip
    if columns["stock_code"] is None:
        raise FileRefusedError("has no code column")
    dropped = dict(table.dropped)
    schema = {**COMPANIES_SCHEMA, "group": pl.String}
    rows = pl.select(pl.int_range(table.frame.height).alias("row")).with_columns(
        pl.lit(None, dtype).alias(name) if (values := columns[name]) is None else values.alias(name)
        for name, dtype in schema.items()
    )
    if not drop_broken:
        cells.refuse_broken()
    elif cells.bad is not None:
        rows = rows.filter(~cells.bad)
        dropped |= cells.broken
    rows = left_out(rows, "not a share", ~pl.col("group").is_in(SHARES), dropped)
    rows = left_out(rows, "row without a code of six characters", pl.col("stock_code").is_null(), dropped)
    last = rows.sort("delisted_on", nulls_last=True, maintain_order=True)
    again = ~pl.col("stock_code").is_last_distinct()
    last = left_out(last, "earlier company of a re-used code", again, dropped)
    return last.select(list(COMPANIES_SCHEMA)), dropped


@dataclass(frozen=True, kw_only=True)
class Merged:
    """Companies sorted by code, and what the user should know."""

    companies: pl.DataFrame
    notes: list[str]


def merge_companies(tables: list[pl.DataFrame], listings: pl.DataFrame, last_days: pl.DataFrame | None) -> Merged:
    """Merge company tables in order with the last entry of `listings`; later tables win cell by cell.

    last_days: (stock_code, last_day) of the imported prices. A delisting of a code that is listed again, or traded on
    or after that day, is left out; so is a delisted company without prices.
    """
    notes = []
    every = pl.concat([pl.DataFrame(schema=COMPANIES_SCHEMA), *tables])
    listed = every.filter(pl.col("delisted_on").is_null())
    gone = every.filter(pl.col("delisted_on").is_not_null())
    gone = gone.sort("delisted_on", maintain_order=True).unique("stock_code", keep="last", maintain_order=True)
    again = gone.join(listed, on="stock_code", how="semi")
    if again.height:
        notes.append(f"{again.height:,} delistings left out: the code is listed (re-used, or moved to another market)")
        gone = gone.join(listed, on="stock_code", how="anti")
    if last_days is not None:
        known = gone.join(last_days, on="stock_code", how="left", maintain_order="left")
        traded = known.filter(pl.col("last_day") >= pl.col("delisted_on")).height
        without = known["last_day"].null_count()
        if traded:
            notes.append(f"{traded:,} delistings left out: the code has prices on or after that day")
        if without:
            notes.append(f"{without:,} delisted companies left out: they have no prices")
        gone = known.filter(pl.col("last_day") < pl.col("delisted_on")).drop("last_day")
    newest = (
        listings.sort("stock_code", "from_date", maintain_order=True)
        .unique("stock_code", keep="last", maintain_order=True)
        .select("stock_code", "name", "market")
    )
    base = newest.select(
        pl.col(name) if name in newest.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in COMPANIES_SCHEMA.items()
    )
    merged = (
        pl.concat([base, gone, listed])
        .group_by("stock_code", maintain_order=True)
        .agg(pl.all().drop_nulls().last())
        .sort("stock_code")
    )
    incomplete = merged.filter(pl.col("market").is_null())
    if incomplete.height:
        notes.append(f"{incomplete.height:,} companies left out: no file names their market")
    merged = merged.filter(pl.col("market").is_not_null()).with_columns(pl.coalesce("name", "stock_code").alias("name"))
    if last_days is not None:
        unknown = last_days.join(merged, on="stock_code", how="anti").height
        if unknown:
            notes.append(f"{unknown:,} codes have prices but no company: import a listing with names and markets too")
    return Merged(companies=merged.select(list(COMPANIES_SCHEMA)), notes=notes)
