"""Rows of the company file from listings, descriptions and delistings; one row for each stock code."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ondol.importing.readers import Table
from shared.market_files.cells import Cells, FileRefusedError

CODE = ("ISU_SRT_CD", "단축코드", "종목코드", "Code", "Symbol")
TEXTS = {
    "name": ("ISU_ABBRV", "한글 종목약명", "종목명", "회사명", "Name"),
    "name_en": ("ISU_ENG_NM", "영문 종목명"),
    "sector": ("Industry", "업종명", "업종"),
}
MARKET = ("MKT_TP_NM", "MKT_NM", "시장구분", "Market", "MarketId")
DATES = {"listed_on": ("LIST_DD", "상장일", "ListingDate"), "delisted_on": ("DelistingDate", "상장폐지일", "폐지일")}
GROUP = ("SECUGRP_NM", "증권구분", "SecuGroup")
SHARES = ("주권", "외국주권", "주식예탁증권", "예탁증권", "부동산투자회사")
"""Groups of securities that are shares of companies."""

WANTED = frozenset({*CODE, *MARKET, *GROUP, *(n for m in (TEXTS, DATES) for names in m.values() for n in names)})
COMPANIES_SCHEMA = {
    "stock_code": pl.String, "name": pl.String, "name_en": pl.String, "market": pl.String, "sector": pl.String,
    "listed_on": pl.Date, "delisted_on": pl.Date,
}  # fmt: skip


def company_rows(table: Table) -> tuple[pl.DataFrame, dict[str, int]]:
    """Convert a company table; return rows of COMPANIES_SCHEMA, and reason -> rows that are left out."""
    frame = table.frame
    cells = Cells(frame)
    columns = {"stock_code": cells.codes(CODE), "market": cells.markets(MARKET), "group": cells.texts(GROUP)}
    columns |= {name: cells.texts(sources) for name, sources in TEXTS.items()}
    columns |= {name: cells.dates(sources) for name, sources in DATES.items()}
    cells.refuse_broken()
    if columns["stock_code"] is None:
        raise FileRefusedError("has no code column")
    schema = {**COMPANIES_SCHEMA, "group": pl.String}
    rows = pl.DataFrame(
        [
            pl.Series(name, [None] * frame.height, dtype) if (values := columns[name]) is None else values.alias(name)
            for name, dtype in schema.items()
        ]
    )
    dropped = {}
    for reason, bad in (
        ("row without a code", pl.col("stock_code").is_null()),
        ("not a share", pl.col("group").is_not_null() & ~pl.col("group").is_in(SHARES)),
    ):
        kept = rows.filter(~bad)
        if kept.height < rows.height:
            dropped[reason] = rows.height - kept.height
        rows = kept
    rows = rows.select(list(COMPANIES_SCHEMA))
    last = rows.sort("delisted_on", nulls_last=True, maintain_order=True).unique(
        "stock_code", keep="last", maintain_order=True
    )
    if last.height < rows.height:
        dropped["earlier company of a re-used code"] = rows.height - last.height
    return last, dropped


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
