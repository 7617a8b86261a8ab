"""Korea Investment & Securities: record dates of dividends of the whole market, month by month."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from typing import Any

import orjson
import polars as pl

from services.preparer.fetching.raw_store import AnswerName, RawStore
from services.preparer.fetching.source import Source
from shared.market_files.answers import (
    AnswerError,
    DamagedAnswerError,
    NotApprovedError,
    QuotaExceededError,
    refuse_page,
)
from shared.market_files.record_dates import WANTED
from shared.model.calendar import SEOUL

SOURCE, TITLE = "kis", "Korea Investment & Securities"
PATH = "uapi/domestic-stock/v1/ksdinfo/dividend"
TRANSACTION = "HHKDB669102C0"
SETTLED = dt.timedelta(days=90)
"""Amounts of a month are settled this long after its end; until then it is requested again once a day."""
ASK_AGAIN = dt.timedelta(hours=20)
MAX_PAGES = 100

_TOO_FAST = "EGW00201"
_BAD_KEY = ("EGW00103", "EGW00105", "EGW00121", "EGW00123", "EGW00002")


def kis_document(data: bytes) -> dict[str, Any]:
    """Return a successful answer (`rt_cd` 0); AnswerError (or one of its kinds) for every other."""
    refuse_page(data)
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DamagedAnswerError(f"the answer is not complete JSON ({len(data)} bytes)") from error
    if not isinstance(document, dict):
        raise DamagedAnswerError("the answer is no object")
    code = str(document.get("msg_cd") or document.get("error_code") or "")
    message = str(document.get("msg1") or document.get("error_description") or "")
    if str(document.get("rt_cd", "0")) != "0" or "error_code" in document:
        text = f"the answer is the error {code} {message}".strip()
        if code == _TOO_FAST:
            raise DamagedAnswerError(text)
        raise (NotApprovedError if code in _BAD_KEY else AnswerError)(text)
    return document


def kis_token(data: bytes) -> str:
    """Return the access token of an answer."""
    token = kis_document(data).get("access_token")
    if not isinstance(token, str) or not token:
        raise DamagedAnswerError("the answer has no access_token")
    return token


def record_table(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of record dates of an answer."""
    rows = kis_document(data).get("output1", [])
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DamagedAnswerError("the answer has no rows output1")
    return rows


def months(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """Yield the first days of the months of a range, newest first."""
    month = last.replace(day=1)
    while month >= first.replace(day=1):
        yield month
        month = (month - dt.timedelta(days=1)).replace(day=1)


def end_of(month: dt.date) -> dt.date:
    """Return the last day of a month."""
    return (month + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


class Kis:
    """Requests of the record dates, with a token of the run that is neither stored nor shown."""

    def __init__(self, source: Source, store: RawStore, key: str, secret: str) -> None:
        self.source = source
        self._store = store
        self._key, self._secret = key, secret
        self._token: str | None = None
        self._requesting = asyncio.Lock()

    def page(self, month: dt.date, number: int) -> AnswerName:
        """Where a page of a month is stored."""
        return AnswerName(source=SOURCE, api="ksdinfo_dividend", name=f"{month:%Y}/{month:%Y%m}-{number}.json")

    def is_wanted(self, month: dt.date, now: dt.datetime) -> bool:
        """Whether the record dates of a month are absent or may change."""
        fetched = self._store.fetched_at(self.page(month, 1))
        if fetched is None:
            return True
        settled = dt.datetime.combine(end_of(month), dt.time(0), SEOUL) + SETTLED
        return fetched < settled and now - fetched >= ASK_AGAIN

    async def token(self) -> str:
        """Return the access token, requested once in a run."""
        async with self._requesting:
            if self._token is None:
                body = {"grant_type": "client_credentials", "appkey": self._key, "appsecret": self._secret}
                _, token, _ = await self.source.request("POST", "oauth2/tokenP", kis_token, body=body)
                self.source.secrets = (*self.source.secrets, token)
                self._token = token
            return self._token

    async def fetch(self, month: dt.date) -> None:
        """Request a month page by page; the first page is stored last, so that a month with it is complete."""
        headers = {
            "authorization": f"Bearer {await self.token()}", "appkey": self._key, "appsecret": self._secret,
            "tr_id": TRANSACTION, "custtype": "P",
        }  # fmt: skip
        params = {
            "CTS": "", "GB1": "0", "F_DT": f"{month:%Y%m%d}", "T_DT": f"{end_of(month):%Y%m%d}", "SHT_CD": "",
            "HIGH_GB": "",
        }  # fmt: skip
        pages: list[bytes] = []
        while len(pages) < MAX_PAGES:
            data, _, answered = await self.source.request(
                "GET", PATH, record_table, params=params, headers={**headers, "tr_cont": "N" if pages else ""}
            )
            pages.append(data)
            if answered.get("tr_cont") not in ("M", "F"):
                break
        else:
            raise self.source.error(QuotaExceededError, PATH, f"more than {MAX_PAGES} pages for {month:%Y-%m}")
        now = self.source.clock.now()
        for number in range(len(pages), 0, -1):
            name, data = self.page(month, number), pages[number - 1]
            if self._store.read(name) == data:
                self._store.confirm(name, now)
            else:
                self._store.write(name, data, now)


def stored_record_dates(store: RawStore) -> pl.DataFrame | None:
    """Return all stored record dates as a table of texts, None when nothing is stored."""
    rows: list[dict[str, Any]] = []
    names = sorted(store.names(SOURCE, "ksdinfo_dividend"))
    for name in names:
        data = store.read(AnswerName(source=SOURCE, api="ksdinfo_dividend", name=name))
        rows += [] if data is None else record_table(data)
    if not names:
        return None
    fields = sorted(name for name in WANTED if name.isascii())
    cells = {name: [None if (cell := row.get(name)) is None else str(cell) for row in rows] for name in fields}
    return pl.DataFrame(cells, schema=dict.fromkeys(fields, pl.String)).unique(maintain_order=True)
