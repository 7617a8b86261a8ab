"""OpenDART: filing lists, statements, filings as they were filed, and dividends, each answer stored once.

Filing lists are requested by calendar month, and by day for the last weeks. A statement is requested when its report
was filed, again when a correction was filed, consolidated first and separate when there is no consolidated one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import polars as pl

from services.preparer.fetching.raw_store import AnswerName, RawStore
from services.preparer.fetching.source import Source
from shared.market_files.answers import DamagedAnswerError
from shared.market_files.cells import FileRefusedError
from shared.market_files.dart_answers import dart_rows, page_count, zip_members
from shared.market_files.dart_dividends import stated_dividends
from shared.market_files.dart_filings import filings_of
from shared.market_files.dart_lines import api_lines
from shared.model.calendar import SEOUL

SOURCE, TITLE = "dart", "OpenDART"
FIRST_YEAR = 2015
FIRST_DAY = dt.date(FIRST_YEAR, 1, 1)
PAGE_ROWS = 100
DAY_LISTS = 10
"""Days before today whose filings are listed day by day; older ones by month."""
LIST_SETTLED = dt.timedelta(hours=6)
"""A list that was received this long after its last day has ended is final."""
STATEMENT_SETTLED = dt.timedelta(days=3)
"""The statements of a filing are available at OpenDART within this time."""
NO_DATA_BYTES = 400
"""A larger stored answer has rows; a smaller one is read to know."""
ASK_AGAIN = dt.timedelta(hours=3)

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, kw_only=True)
class Span:
    """Days of one filing list."""

    first: dt.date
    last: dt.date

    @property
    def final_at(self) -> dt.datetime:
        """When no further filing can appear in the list."""
        return dt.datetime.combine(self.last + dt.timedelta(days=1), dt.time(0), SEOUL) + LIST_SETTLED

    def page(self, number: int) -> AnswerName:
        """Where a page of the list is stored."""
        days = f"{self.first:%Y%m%d}" if self.first == self.last else f"{self.first:%Y%m}"
        return AnswerName(source=SOURCE, api="list", name=f"{self.first:%Y}/{days}-{number}.json")


@dataclass(frozen=True, kw_only=True)
class Report:
    """A periodic report of a corporation, with all filings of it: the original and its corrections."""

    corp_code: str
    code: str
    """Report code (11011 and so on)."""
    year: int
    """Business year: the one in which the fiscal year begins."""
    period_end: dt.date
    receipts: tuple[str, ...]
    """Receipt numbers, the original first."""
    filed_on: dt.date
    """Day of the newest filing."""

    def statement(self, basis: str) -> AnswerName:
        """Where the statement (CFS or OFS) is stored."""
        name = f"{self.year}/{self.corp_code}-{self.code}-{basis}.json"
        return AnswerName(source=SOURCE, api="fnlttSinglAcntAll", name=name)

    def dividends(self) -> AnswerName:
        """Where the dividend section is stored."""
        return AnswerName(source=SOURCE, api="alotMatter", name=f"{self.year}/{self.corp_code}-{self.code}.json")

    def filing(self, receipt: str) -> AnswerName:
        """Where the XBRL documents of a filing are stored."""
        name = f"{self.year}/{receipt}-{self.corp_code}-{self.code}-{self.period_end:%Y%m%d}.zip"
        return AnswerName(source=SOURCE, api="fnlttXbrl", name=name)


def list_spans(first: dt.date, last: dt.date, today: dt.date) -> Iterator[Span]:
    """Yield the lists of a range, newest first: days of the last weeks, and whole months before."""
    recent = today - dt.timedelta(days=DAY_LISTS)
    day = min(last, today)
    while day >= first:
        start = day.replace(day=1)
        end = (start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
        if end >= recent:
            yield Span(first=day, last=day)
            day -= dt.timedelta(days=1)
        else:
            yield Span(first=start, last=end)
            day = start - dt.timedelta(days=1)


def listed_rows(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of a filing list; DamagedAnswerError when a cell cannot be read."""
    return _readable(data, filings_of)


def statement_rows(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of a statement; DamagedAnswerError when a cell cannot be read."""
    return _readable(data, api_lines)


def dividend_rows(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of a dividend section; DamagedAnswerError when a cell cannot be read."""
    return _readable(data, stated_dividends)


def _readable(data: bytes, convert: Callable[[pl.DataFrame], object]) -> list[dict[str, Any]]:
    """Return the rows of an answer that `convert` can read: only such answers are stored."""
    rows = dart_rows(data)
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = {name: [None if (cell := row.get(name)) is None else str(cell) for row in rows] for name in names}
    if rows:
        try:
            convert(pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String)))
        except FileRefusedError as error:
            raise DamagedAnswerError(f"the answer {error}") from error
    return rows


class Dart:
    """Requests of OpenDART; what is stored and cannot change is not requested."""

    def __init__(self, source: Source, store: RawStore) -> None:
        self.source = source
        self._store = store

    def is_list_wanted(self, span: Span, now: dt.datetime) -> bool:
        """Whether a list is absent, incomplete, or may have grown since it was received."""
        return self._is_stale(span, now) or bool(self._missing_pages(span))

    def _is_stale(self, span: Span, now: dt.datetime) -> bool:
        fetched = self._store.fetched_at(span.page(1))
        return fetched is None or (fetched < span.final_at and now - fetched >= ASK_AGAIN)

    def _missing_pages(self, span: Span) -> list[int]:
        """Return the pages that are absent, or older than the first one, which says how many there are."""
        first, fetched = self._store.read(span.page(1)), self._store.fetched_at(span.page(1))
        if first is None or fetched is None:
            return []
        ages = ((n, self._store.fetched_at(span.page(n))) for n in range(2, page_count(first) + 1))
        return [number for number, at in ages if at is None or at < fetched]

    async def fetch_list(self, span: Span) -> None:
        """Request the pages of a list that are not stored."""
        params = {
            "bgn_de": f"{span.first:%Y%m%d}", "end_de": f"{span.last:%Y%m%d}", "pblntf_ty": "A", "last_reprt_at": "N",
            "sort": "date", "sort_mth": "asc", "page_count": str(PAGE_ROWS),
        }  # fmt: skip
        if self._is_stale(span, self.source.clock.now()):
            await self._store_answer(span.page(1), "list.json", {**params, "page_no": "1"}, listed_rows)
        for number in self._missing_pages(span):
            await self._store_answer(span.page(number), "list.json", {**params, "page_no": str(number)}, listed_rows)

    async def fetch_statement(self, report: Report) -> None:
        """Request the consolidated statement, and the separate one when there is no consolidated one."""
        params = {"corp_code": report.corp_code, "bsns_year": str(report.year), "reprt_code": report.code}
        for basis in ("CFS", "OFS"):
            name = report.statement(basis)
            rows = await self._store_answer(name, "fnlttSinglAcntAll.json", {**params, "fs_div": basis}, statement_rows)
            if rows:
                return

    def is_statement_wanted(self, report: Report, now: dt.datetime) -> bool:
        """Whether the statement of the newest filing is absent, and may be available."""
        fetched = self._store.fetched_at(report.statement("CFS"))
        if fetched is None:
            return True
        settled = dt.datetime.combine(report.filed_on, dt.time(0), SEOUL) + STATEMENT_SETTLED
        if fetched >= settled:
            # the separate statement follows in a call of its own, which an interrupted run may not have made
            return not self._has_rows(report.statement("CFS")) and not self._store.has(report.statement("OFS"))
        if now - fetched < ASK_AGAIN:
            return False
        stored = {receipt for basis in ("CFS", "OFS") for receipt in self.receipts(report.statement(basis))}
        return report.receipts[-1] not in stored

    def receipts(self, name: AnswerName) -> set[str]:
        """Return the receipt numbers of all versions of a stored statement."""
        return {str(row.get("rcept_no")) for data in self._store.versions(name) for row in dart_rows(data)[:1]}

    def missing_filings(self, report: Report) -> list[str]:
        """Return the receipt numbers of earlier filings whose statements are not stored."""
        if len(report.receipts) == 1:
            return []
        known = {receipt for basis in ("CFS", "OFS") for receipt in self.receipts(report.statement(basis))}
        return [r for r in report.receipts[:-1] if r not in known and not self._store.has(report.filing(r))]

    async def fetch_filing(self, report: Report, receipt: str) -> None:
        """Request the XBRL documents of a filing."""
        params = {"rcept_no": receipt, "reprt_code": report.code}
        await self._store_answer(report.filing(receipt), "fnlttXbrl.xml", params, zip_members)

    def is_dividend_wanted(self, report: Report, now: dt.datetime) -> bool:
        """Whether the dividend section of the newest filing is absent, and may be available."""
        fetched = self._store.fetched_at(report.dividends())
        if fetched is None:
            return True
        settled = dt.datetime.combine(report.filed_on, dt.time(0), SEOUL) + STATEMENT_SETTLED
        return fetched < settled and now - fetched >= ASK_AGAIN and report.receipts[-1] not in self.receipts(
            report.dividends()
        )  # fmt: skip

    async def fetch_dividends(self, report: Report) -> None:
        """Request the dividend section of a report."""
        params = {"corp_code": report.corp_code, "bsns_year": str(report.year), "reprt_code": report.code}
        await self._store_answer(report.dividends(), "alotMatter.json", params, dividend_rows)

    def corporations(self, month: dt.date) -> AnswerName:
        """Where the corporation codes of a month are stored."""
        return AnswerName(source=SOURCE, api="corpCode", name=f"{month:%Y}/{month:%Y%m}.zip")

    async def fetch_corporations(self, month: dt.date) -> None:
        """Request the corporation codes."""
        await self._store_answer(self.corporations(month), "corpCode.xml", {}, zip_members)

    def _has_rows(self, name: AnswerName) -> bool:
        if self._store.size(name) > NO_DATA_BYTES:
            return True
        data = self._store.read(name)
        return data is not None and bool(dart_rows(data))

    async def _store_answer(
        self, name: AnswerName, path: str, params: dict[str, str], parse: Callable[[bytes], Parsed]
    ) -> Parsed:
        data, parsed = await self.source.get(path, params, parse)
        now = self.source.clock.now()
        if self._store.read(name) == data:
            self._store.confirm(name, now)
        else:
            self._store.write(name, data, now)
        return parsed
