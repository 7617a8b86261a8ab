"""Statements and dividends from files of DART: collected in any order, resolved when all are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from ondol.importing.readers import Document, Table
from shared.market_files import dart_dividends, dart_shares, dart_statements, record_dates
from shared.market_files.cells import Cells, Rows, code_in
from shared.market_files.dart_filings import FILINGS_SCHEMA, corp_codes, filings_of, receipts
from shared.market_files.dart_lines import LINES_SCHEMA, api_lines, basis_in, bulk_lines
from shared.market_files.headers import key_of

_FIELDS = (
    "rcept_no reprt_code bsns_year corp_code stock_code fs_div sj_div account_id account_nm account_detail thstrm_dt "
    "thstrm_amount thstrm_add_amount currency report_nm rcept_dt se stock_knd thstrm stlm_dt istc_totqy"
)
_BULK = "재무제표종류 종목코드 결산기준일 보고서종류 통화 항목코드 항목명"
_WANTED = frozenset(key_of(name) for name in f"{_FIELDS} {_BULK}".split()) | frozenset(
    key_of(name) for name in record_dates.WANTED
)


def is_wanted(key: str) -> bool:
    """Whether a column of a DART file is read; amounts of bulk files have names that change."""
    return key in _WANTED or key.startswith("당기")


@dataclass(kw_only=True)
class DartFiles:
    """What the files said so far."""

    lines: list[pl.DataFrame] = field(default_factory=list)
    filings: list[pl.DataFrame] = field(default_factory=list)
    stocks: list[pl.DataFrame] = field(default_factory=list)
    period_ends: list[pl.DataFrame] = field(default_factory=list)
    stated: list[pl.DataFrame] = field(default_factory=list)
    records: list[pl.DataFrame] = field(default_factory=list)
    shares: list[pl.DataFrame] = field(default_factory=list)

    def add(self, kind: str, document: Document, name: str) -> tuple[int, dict[str, Rows]]:
        """Add a file of a kind of DART signatures; return its rows and those that are left out by reason."""
        table = document.read(is_wanted)
        rows, dropped = self._add(kind, table, name)
        return rows, {**table.dropped, **dropped}

    def _add(self, kind: str, table: Table, name: str) -> tuple[int, dict[str, Rows]]:
        frame = table.frame
        code = code_in(name)
        if kind in ("lines", "bulk"):
            lines = (
                api_lines(frame, stock_code=code, basis=basis_in(name)) if kind == "lines" else bulk_lines(frame, name)
            )
            self.lines.append(lines.rows)
            return lines.rows.height, lines.dropped
        if kind == "filings":
            found = filings_of(frame)
            self.filings.append(found.reports)
            self.stocks.append(found.stocks)
            return found.reports.height, _counted("filing that is no periodic report", found.others)
        if kind == "records":
            rows, dropped = record_dates.record_rows(frame)
            self.records.append(rows)
            return rows.height, dropped
        cells = Cells(frame)
        if kind == "corporations":
            known = _frame({"corp_code": corp_codes(cells), "stock_code": cells.codes(["stock_code"])}).drop_nulls()
            self.stocks.append(known)
            return known.height, _counted("corporation without a stock code", frame.height - known.height)
        ends = _frame({"receipt": receipts(cells), "period_end": cells.dates(["stlm_dt"])}, period_end=pl.Date())
        cells.refuse_broken()
        self.period_ends.append(ends.drop_nulls().unique(maintain_order=True))
        if kind == "shares":
            shares, dropped = dart_shares.stated_shares(frame, stock_code=code)
            self.shares.append(shares)
            return shares.height, dropped
        stated, dropped = dart_dividends.stated_dividends(frame, stock_code=code)
        self.stated.append(stated)
        return stated.height, dropped

    def financials(self) -> dart_statements.Financials | None:
        """Return the statements of all files; None without any."""
        if not self.lines:
            return None
        lines = pl.concat([pl.DataFrame(schema=LINES_SCHEMA), *self.lines])
        return dart_statements.financial_rows(lines, self._tables([]))

    def dividends(
        self, financials: dart_statements.Financials | None, codes: frozenset[str], days: Sequence[dt.date], *,
        approximate: bool,
    ) -> dart_dividends.Dividends | None:  # fmt: skip
        """Return the dividends of all files; None without any. Tables of record dates come before reports."""
        if not self.stated and not self.records:
            return None
        exact = pl.concat([pl.DataFrame(schema=record_dates.DIVIDENDS_SCHEMA), *self.records])
        exact = record_dates.with_ex_dates(exact, days).unique(maintain_order=True)
        known = [] if financials is None else [financials.period_ends]
        stated = pl.concat([pl.DataFrame(schema=dart_dividends.STATED_SCHEMA), *self.stated])
        found = dart_dividends.dividend_rows(
            stated, self._tables(known), codes=codes, price_days=days, approximate=approximate
        )
        rows = found.rows.join(exact.select("stock_code").unique(), on="stock_code", how="anti")
        notes = list(found.notes)
        if rows.height < found.rows.height:
            notes.append(
                f"{found.rows.height - rows.height:,} approximate dividends left out: a table of record dates has "
                "the stock"
            )
        return dart_dividends.Dividends(
            rows=pl.concat([exact, rows]).sort("stock_code", "ex_date", "kind", "dps"),
            dropped=found.dropped,
            notes=notes,
        )

    def share_filler(self) -> dart_shares.ShareFiller | None:
        """Return what fills share counts of reports into prices; None without any."""
        if not self.shares:
            return None
        stated = pl.concat([pl.DataFrame(schema=dart_shares.STATED_SHARES_SCHEMA), *self.shares])
        return dart_shares.ShareFiller(dart_shares.share_rows(stated, self._tables([])))

    def _tables(self, period_ends: list[pl.DataFrame]) -> dart_statements.DartTables:
        nothing = dart_statements.NO_TABLES
        return dart_statements.DartTables(
            filings=pl.concat([pl.DataFrame(schema=FILINGS_SCHEMA), *self.filings]),
            period_ends=pl.concat([nothing.period_ends, *self.period_ends, *period_ends]),
            stocks=pl.concat([nothing.stocks, *self.stocks]),
        )


def _frame(columns: dict[str, pl.Series | None], **types: pl.DataType) -> pl.DataFrame:
    height = next((values.len() for values in columns.values() if values is not None), 0)
    return pl.select(pl.int_range(height).alias("row")).select(
        pl.lit(None, types.get(name, pl.String())).alias(name) if values is None else values.alias(name)
        for name, values in columns.items()
    )


def _counted(reason: str, count: int) -> dict[str, Rows]:
    return {reason: Rows(count=count)} if count else {}
