"""Filing lists of DART (`list.json`): who filed which periodic report when."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from shared.market_files.cells import Cells

REPORTS = {"11013": 1, "11012": 2, "11014": 3, "11011": 4}
"""Report code -> fiscal quarter: first quarter, half year, third quarter, business report."""

FILINGS_SCHEMA = {
    "receipt": pl.String, "corp_code": pl.String, "stock_code": pl.String, "filed_on": pl.Date,
    "report": pl.String, "period_end": pl.Date, "is_correction": pl.Boolean,
}  # fmt: skip
"""`report` is 사업보고서, 반기보고서 or 분기보고서; `period_end` the last day of the month in its name."""

_NAME = r"^((?:\s*\[[^\]]*\])*)\s*(사업보고서|반기보고서|분기보고서)\s*\((\d{4})\.(\d{2})\)"


def corp_codes(cells: Cells) -> pl.Series | None:
    """Return corporation codes of eight digits, with lost zeros."""
    texts = cells.texts(["corp_code"])
    return None if texts is None else texts.str.replace(r"\.0$", "").str.zfill(8)


def receipts(cells: Cells) -> pl.Series | None:
    """Return receipt numbers of fourteen digits."""
    texts = cells.texts(["rcept_no"])
    return None if texts is None else texts.str.replace(r"\.0$", "").str.extract(r"^(\d{14})$")


def receipt_days() -> pl.Expr:
    """Return the day that a receipt number begins with."""
    return pl.col("receipt").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)


@dataclass(frozen=True, kw_only=True)
class FilingList:
    """`reports` of FILINGS_SCHEMA, `stocks` (corp_code, stock_code) of all filings, and the count of other filings."""

    reports: pl.DataFrame
    stocks: pl.DataFrame
    others: int


def filings_of(frame: pl.DataFrame) -> FilingList:
    """Return the periodic reports of a filing list.

    A filing counts from the later one of the day of its receipt and the day in its receipt number. FileRefusedError
    when a day cannot be read.
    """
    cells = Cells(frame)
    filed_on, names = cells.dates(["rcept_dt"]), cells.texts(["report_nm"])
    cells.refuse_broken()
    columns = {
        "receipt": receipts(cells), "corp_code": corp_codes(cells), "stock_code": cells.codes(["stock_code"]),
        "filed_on": filed_on, "name": names,
    }  # fmt: skip
    rows = pl.select(pl.int_range(frame.height).alias("row")).with_columns(
        pl.lit(None, pl.String).alias(name) if values is None else values.alias(name)
        for name, values in columns.items()
    )
    rows = rows.with_columns(
        pl.max_horizontal(pl.col("filed_on").cast(pl.Date), receipt_days()).alias("filed_on"),
        pl.col("name").str.extract(_NAME, 2).alias("report"),
        pl.concat_str(pl.col("name").str.extract(_NAME, 3), pl.col("name").str.extract(_NAME, 4), pl.lit("01"))
        .str.to_date("%Y%m%d", strict=False).dt.month_end().alias("period_end"),
        pl.col("name").str.extract(_NAME, 1).str.contains("기재정정|정정명령|정정제출").alias("is_correction"),
    )  # fmt: skip
    reports = rows.filter(pl.all_horizontal(pl.col("report", "filed_on", "period_end").is_not_null()))
    return FilingList(
        reports=reports.select(list(FILINGS_SCHEMA)).cast(pl.Schema(FILINGS_SCHEMA)),
        stocks=rows.select("corp_code", "stock_code").drop_nulls().unique(maintain_order=True),
        others=frame.height - reports.height,
    )
