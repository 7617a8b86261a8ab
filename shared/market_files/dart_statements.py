"""Statements of the load format from account lines of DART, with the days on which they were disclosed."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from shared.market_files.dart_accounts import DART_ACCOUNTS
from shared.market_files.dart_filings import FILINGS_SCHEMA, receipt_days
from shared.model.market_data import ACCOUNTS

FINANCIALS_SCHEMA = {
    "stock_code": pl.String, "fiscal_year": pl.Int32, "fiscal_quarter": pl.Int32, "period_end": pl.Date,
    "disclosed_on": pl.Date, **dict.fromkeys(ACCOUNTS, pl.Float64),
}  # fmt: skip

MAX_DAYS_TO_FILE = 120
"""A calendar year is assumed for a filing that does not state its period only up to this many days after its end."""

_REPORT_NAMES = {1: "분기보고서", 2: "반기보고서", 3: "분기보고서", 4: "사업보고서"}
_STATEMENT = ("stock_code", "fiscal_year", "fiscal_quarter", "disclosed_on")


@dataclass(frozen=True, kw_only=True)
class Financials:
    """`rows` of FINANCIALS_SCHEMA sorted by their key, filings that are left out by reason, and notes.

    `period_ends` (receipt, period_end) are those of all filings that are not left out.
    """

    rows: pl.DataFrame
    period_ends: pl.DataFrame
    dropped: dict[str, int]
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class DartTables:
    """What else is known: filings (FILINGS_SCHEMA), receipt -> period_end, corp_code -> stock_code."""

    filings: pl.DataFrame
    period_ends: pl.DataFrame
    stocks: pl.DataFrame


NO_TABLES = DartTables(
    filings=pl.DataFrame(schema=FILINGS_SCHEMA),
    period_ends=pl.DataFrame(schema={"receipt": pl.String, "period_end": pl.Date}),
    stocks=pl.DataFrame(schema={"corp_code": pl.String, "stock_code": pl.String}),
)


def financial_rows(lines: pl.DataFrame, tables: DartTables = NO_TABLES) -> Financials:
    """Return one row for each filed statement from account lines (LINES_SCHEMA).

    A line with a receipt number is disclosed on the later one of its day and the day of the filing list. A line of a
    bulk file is disclosed with the last filing of its report, original or corrected, up to the day of the file: its
    amounts may be the corrected ones. Consolidated amounts come before separate ones. A corrected filing with the same
    amounts is left out.
    """
    report = _Report()
    filings = tables.filings.unique(["receipt"], keep="last", maintain_order=True)
    stocks = pl.concat([tables.stocks, filings.select("corp_code", "stock_code")]).drop_nulls().unique("corp_code")
    ends = pl.concat([filings.select("receipt", "period_end"), tables.period_ends]).drop_nulls().unique("receipt")
    keys = ["receipt", "corp_code", "stock_code", "fiscal_year", "fiscal_quarter", "period_end", "as_of"]
    found = lines.with_columns(pl.struct(keys).rank("dense").alias("filing"))
    heads = found.unique("filing").select("filing", *keys)
    heads = heads.join(stocks.rename({"stock_code": "known_code"}), on="corp_code", how="left")
    heads = heads.with_columns(pl.coalesce("stock_code", "known_code").alias("stock_code"))
    heads = report.without(heads, "filing of a corporation without a stock code", pl.col("stock_code").is_null())
    heads = heads.join(ends.rename({"period_end": "known_end"}), on="receipt", how="left")
    heads = heads.with_columns(pl.coalesce("period_end", "known_end").alias("period_end"))
    heads = _disclosed(heads, filings, report)
    heads = report.without(
        heads,
        "statement whose filing is in no filing list (add list.json of its company and year)",
        pl.col("disclosed_on").is_null(),
    )
    heads = _with_periods(heads, report)
    rows = _amounts(found, heads, report)
    kept = _without_equal_corrections(rows.sort(*_STATEMENT))
    if kept.height < rows.height:
        report.notes.append(f"{rows.height - kept.height:,} corrected statements with unchanged amounts left out")
    again = kept.height - kept.select("stock_code", "fiscal_year", "fiscal_quarter").n_unique()
    if again:
        report.notes.append(f"{again:,} statements are corrections: their amounts count from their own day")
    return Financials(
        rows=kept.select(list(FINANCIALS_SCHEMA)).cast(pl.Schema(FINANCIALS_SCHEMA)),
        period_ends=heads.select("receipt", "period_end").drop_nulls(),
        dropped=report.dropped, notes=report.notes,
    )  # fmt: skip


class _Report:
    def __init__(self) -> None:
        self.dropped: dict[str, int] = {}
        self.notes: list[str] = []

    def without(self, rows: pl.DataFrame, reason: str, bad: pl.Expr) -> pl.DataFrame:
        kept = rows.filter(~bad.fill_null(value=False))
        if kept.height < rows.height:
            self.dropped[reason] = self.dropped.get(reason, 0) + rows.height - kept.height
        return kept


def _disclosed(heads: pl.DataFrame, filings: pl.DataFrame, report: _Report) -> pl.DataFrame:
    """Add `disclosed_on`: null where neither a receipt number nor a filing says it."""
    listed = filings.select("receipt", "filed_on")
    with_receipt = heads.filter(pl.col("receipt").is_not_null()).join(listed, on="receipt", how="left")
    with_receipt = with_receipt.with_columns(pl.max_horizontal("filed_on", receipt_days()).alias("disclosed_on"))
    bulk = heads.filter(pl.col("receipt").is_null()).with_columns(
        pl.col("fiscal_quarter").replace_strict(_REPORT_NAMES, return_dtype=pl.String).alias("report"),
        pl.col("period_end").dt.month_end().alias("month"),
    )
    reports = filings.select(
        "stock_code", "report", pl.col("period_end").alias("month"), "filed_on", "is_correction"
    ).filter(pl.col("stock_code").is_not_null())
    matched = bulk.select("filing", "stock_code", "report", "month", "as_of").join(
        reports, on=["stock_code", "report", "month"], how="inner"
    )
    originals = matched.group_by("filing").agg(pl.col("filed_on").min())
    in_time = matched.filter((pl.col("filed_on") <= pl.col("as_of")).fill_null(value=True))
    last = in_time.filter(pl.col("is_correction")).group_by("filing").agg(pl.col("filed_on").max().alias("corrected"))
    bulk = bulk.join(originals, on="filing", how="left").join(last, on="filing", how="left")
    bulk = bulk.with_columns(pl.max_horizontal("filed_on", "corrected").alias("disclosed_on"))
    corrected = bulk.filter(pl.col("disclosed_on") > pl.col("filed_on")).height
    if corrected:
        report.notes.append(
            f"{corrected:,} statements of bulk files were corrected later: their amounts may be the corrected ones and "
            "count from the day of the last correction"
        )
    return pl.concat([with_receipt.select(*heads.columns, "disclosed_on"), bulk.select(*heads.columns, "disclosed_on")])


def _with_periods(heads: pl.DataFrame, report: _Report) -> pl.DataFrame:
    """Fill `period_end` by the calendar year where plausible, and `fiscal_year` by the first day of the year."""
    assumed = pl.date(pl.col("fiscal_year"), pl.col("fiscal_quarter") * 3, 1).dt.month_end()
    delay = (pl.col("disclosed_on") - assumed).dt.total_days()
    unknown = pl.col("period_end").is_null()
    count = heads.filter(unknown & delay.is_between(0, MAX_DAYS_TO_FILE)).height
    if count:
        report.notes.append(
            f"{count:,} filings do not state their period: fiscal years that end in December are assumed; add the "
            "filing list (list.json) to be sure"
        )
    heads = heads.with_columns(
        pl.when(unknown & delay.is_between(0, MAX_DAYS_TO_FILE))
        .then(assumed).otherwise("period_end").alias("period_end")
    )  # fmt: skip
    heads = report.without(
        heads, "filing whose period is not stated (add its filing list)", pl.col("period_end").is_null()
    )
    heads = report.without(heads, "filing before the end of its period", pl.col("period_end") > pl.col("disclosed_on"))
    return heads.with_columns(pl.coalesce("fiscal_year", fiscal_years()).alias("fiscal_year"))


def fiscal_years() -> pl.Expr:
    """Return the year in which the fiscal year of `period_end` and `fiscal_quarter` begins, as the filings count."""
    months = (4 - pl.col("fiscal_quarter").cast(pl.Int32)) * 3 - 11
    first = pl.col("period_end").dt.year() * 12 + pl.col("period_end").dt.month().cast(pl.Int32) - 1 + months
    return (first // 12).cast(pl.Int32)


def _amounts(lines: pl.DataFrame, heads: pl.DataFrame, report: _Report) -> pl.DataFrame:
    """Return one row of accounts for each statement: (stock, year, quarter, day), consolidated if it is there."""
    known = lines.select("filing", "basis", "account", "way", "line", "rank", "amount").join(
        heads.select("filing", *_STATEMENT, "period_end"), on="filing", how="inner"
    )
    key = [*_STATEMENT, "account"]
    bases = known.group_by(*_STATEMENT).agg((pl.col("basis") == "CFS").any().alias("consolidated"))
    known = known.join(bases, on=list(_STATEMENT)).filter((pl.col("basis") == "CFS") == pl.col("consolidated"))
    _note_bases(bases, report)
    known = known.filter(pl.col("way") == pl.col("way").min().over(key))
    known = known.sort("rank", maintain_order=True).unique([*key, "line"], keep="first", maintain_order=True)
    sums = known.group_by(key).agg(pl.col("amount").sum())
    names = [account.name for account in DART_ACCOUNTS]
    magnitudes = [place for place, account in enumerate(DART_ACCOUNTS) if account.magnitude]
    sums = sums.with_columns(
        pl.when(pl.col("account").is_in(magnitudes)).then(pl.col("amount").abs()).otherwise("amount").alias("amount"),
        pl.col("account").replace_strict(dict(enumerate(names)), return_dtype=pl.String),
    )
    wide = sums.pivot("account", index=list(_STATEMENT), values="amount")
    ends = known.group_by(*_STATEMENT).agg(pl.col("period_end").max())
    return wide.join(ends, on=list(_STATEMENT)).with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in ACCOUNTS if name not in wide.columns
    )


def _note_bases(bases: pl.DataFrame, report: _Report) -> None:
    mixed = bases.group_by("stock_code").agg(pl.col("consolidated").n_unique() > 1)["consolidated"].sum()
    if mixed:
        report.notes.append(
            f"{mixed:,} companies have consolidated statements in some periods and separate ones in others"
        )


def _without_equal_corrections(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out a statement whose accounts are those of the one of its period that was disclosed before it."""
    period = ["stock_code", "fiscal_year", "fiscal_quarter"]
    columns = (*period, "period_end", *ACCOUNTS)
    equal = pl.all_horizontal([pl.col(name).eq_missing(pl.col(name).shift(1)) for name in columns])
    return rows.filter(~equal)


def coverage(rows: pl.DataFrame) -> dict[str, float]:
    """Return the share of the statements (0..1) that have each account."""
    return {name: 1 - rows[name].null_count() / rows.height for name in ACCOUNTS} if rows.height else {}
