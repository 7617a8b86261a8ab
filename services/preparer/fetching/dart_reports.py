"""Periodic reports from filings: which business year and report code each has, and which filings correct which."""

from __future__ import annotations

import polars as pl

from services.preparer.fetching.dart import FIRST_YEAR, Report

CODES = {3: "11013", 6: "11012", 9: "11014", 0: "11011"}
"""Months since the end of the last fiscal year -> report code; 0 is the whole year."""
_MONTHS_TO_YEAR_END = {"사업보고서": 0, "반기보고서": 6}


def reports_of(filings: pl.DataFrame) -> tuple[list[Report], int]:
    """Return the reports of listed corporations, newest filing first, and the count of filings of no known period.

    filings: FILINGS_SCHEMA. The month in which a corporation's fiscal year ends is that of its newest annual report,
    else follows from a half-year report, else December.
    """
    listed = filings.filter(pl.col("stock_code").is_not_null() & (pl.col("stock_code") != ""))
    ends = fiscal_year_ends(listed)
    rows = listed.sort("filed_on", "receipt").with_columns(
        pl.col("corp_code").replace_strict(ends, default=12, return_dtype=pl.Int32).alias("year_end")
    )
    month = pl.col("period_end").dt.month().cast(pl.Int32)
    rows = rows.with_columns(
        pl.when(pl.col("report") == "사업보고서").then(0)
        .when(pl.col("report") == "반기보고서").then(6)
        .otherwise((month - pl.col("year_end")) % 12).alias("months")
    )  # fmt: skip
    known = rows.filter(pl.col("months").is_in(list(CODES)))
    known = known.with_columns(pl.when(pl.col("months") == 0).then(12).otherwise("months").alias("length"))
    first_month = pl.col("period_end").dt.year() * 12 + month - 1 - (pl.col("length") - 1)
    known = known.with_columns(
        (first_month // 12).alias("year"), pl.col("months").replace_strict(CODES, return_dtype=pl.String).alias("code")
    )
    groups = known.group_by("corp_code", "code", "year", "period_end", maintain_order=True).agg(
        pl.col("receipt"), pl.col("filed_on").max()
    )
    groups = groups.filter(pl.col("year") >= FIRST_YEAR).sort("filed_on", "corp_code", descending=True)
    found = [
        Report(
            corp_code=row["corp_code"], code=row["code"], year=row["year"], period_end=row["period_end"],
            receipts=tuple(row["receipt"]), filed_on=row["filed_on"],
        )
        for row in groups.iter_rows(named=True)
    ]  # fmt: skip
    return found, rows.height - known.height


def fiscal_year_ends(filings: pl.DataFrame) -> dict[str, int]:
    """Return corp_code -> month in which the fiscal year ends."""
    stated = filings.filter(pl.col("report").is_in(list(_MONTHS_TO_YEAR_END))).sort("report", "period_end")
    # "반기보고서" sorts before "사업보고서": the annual report, which states the month itself, comes last and counts
    found: dict[str, int] = {}
    for corp, report, end in stated.select("corp_code", "report", "period_end").iter_rows():
        found[corp] = (end.month + _MONTHS_TO_YEAR_END[report] - 1) % 12 + 1
    return found
