"""Account lines of a filing from its XBRL instance: what a report said when it was filed, before any correction."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from xml.etree import ElementTree

import polars as pl

from shared.market_files.answers import DamagedAnswerError
from shared.market_files.dart_accounts import DART_ACCOUNTS
from shared.market_files.dart_answers import xml_root, zip_members

_XBRLI = "{http://www.xbrl.org/2003/instance}"
_MEMBER = "{http://xbrl.org/2006/xbrldi}explicitMember"
_AXIS = "ConsolidatedAndSeparateFinancialStatementsAxis"
_BASES = {"ConsolidatedMember": "CFS", "SeparateMember": "OFS"}

ROWS_SCHEMA = dict.fromkeys(
    ("rcept_no", "reprt_code", "bsns_year", "corp_code", "fs_div", "sj_div", "account_id", "account_nm",
     "account_detail", "thstrm_amount", "thstrm_add_amount", "currency"),
    pl.String,
)  # fmt: skip
"""The fields of `fnlttSinglAcntAll` that account lines are made of."""


@dataclass(frozen=True, kw_only=True)
class _Context:
    basis: str
    start: dt.date | None
    end: dt.date


def _statements() -> dict[str, str]:
    """Return account id -> the statement that has it first."""
    found: dict[str, str] = {}
    for account in DART_ACCOUNTS:
        for lines in account.ways:
            for line in lines:
                for name in line.ids:
                    found.setdefault(name, account.statements[0])
    return found


_STATEMENT_OF = _statements()


def xbrl_rows(
    data: bytes, *, receipt: str, corp_code: str, report: str, year: int, period_end: dt.date
) -> pl.DataFrame:
    """Return the accounts of a period from the zip of `fnlttXbrl` as rows of ROWS_SCHEMA; empty without an instance.

    Amounts of the balance are those of `period_end`; flows are those of the longest period that ends on this day and
    is at most a year, which is the time from the start of the fiscal year. Only facts of whole consolidated or
    separate statements count, not of their segments.
    """
    rows: list[dict[str, str]] = []
    for name, content in zip_members(data).items():
        if not name.lower().endswith(".xbrl"):
            continue
        root, prefixes = xml_root(content), _prefixes(content)
        contexts, units = _contexts(root), _units(root)
        best: dict[tuple[str, str], tuple[dt.date, str, str]] = {}
        for fact in root:
            context = contexts.get(fact.get("contextRef", ""))
            text = (fact.text or "").strip()
            if context is None or context.end != period_end or not text:
                continue
            uri, _, local = fact.tag.removeprefix("{").partition("}")
            account = f"{prefixes.get(uri, '')}_{local}".replace("ifrs_", "ifrs-full_", 1)
            statement = _STATEMENT_OF.get(account)
            if statement is None or (context.start is None) != (statement == "BS"):
                continue
            if context.start is not None and (context.end - context.start).days > 366:
                continue
            since = context.start or context.end
            key = (context.basis, account)
            if key not in best or since < best[key][0]:
                best[key] = (since, text, units.get(fact.get("unitRef", ""), ""))
        rows += [
            {
                "rcept_no": receipt, "reprt_code": report, "bsns_year": str(year), "corp_code": corp_code,
                "fs_div": basis, "sj_div": _STATEMENT_OF[account], "account_id": account, "account_nm": "",
                "account_detail": "-", "thstrm_amount": text, "thstrm_add_amount": text, "currency": currency,
            }
            for (basis, account), (_, text, currency) in best.items()
        ]  # fmt: skip
    return pl.DataFrame(rows, schema=ROWS_SCHEMA)


def _prefixes(content: bytes) -> dict[str, str]:
    """Return namespace -> prefix as the document declares them."""
    events = ElementTree.iterparse(io.BytesIO(content), events=("start-ns",))  # noqa: S314 - xml_root has checked it
    return {uri: prefix for _, (prefix, uri) in events}


def _contexts(root: ElementTree.Element) -> dict[str, _Context]:
    found = {}
    for context in root.iter(f"{_XBRLI}context"):
        members = list(context.iter(_MEMBER))
        if len(members) != 1 or not (members[0].get("dimension") or "").endswith(_AXIS):
            continue
        basis = _BASES.get((members[0].text or "").strip().rpartition(":")[2])
        period = context.find(f"{_XBRLI}period")
        if basis is None or period is None:
            continue
        end = period.findtext(f"{_XBRLI}instant") or period.findtext(f"{_XBRLI}endDate")
        start = period.findtext(f"{_XBRLI}startDate")
        try:
            found[context.get("id", "")] = _Context(
                basis=basis, end=dt.date.fromisoformat((end or "").strip()[:10]),
                start=dt.date.fromisoformat(start.strip()[:10]) if start else None,
            )  # fmt: skip
        except ValueError as error:
            raise DamagedAnswerError(f"a context of the XBRL instance has the date {end!r}") from error
    return found


def _units(root: ElementTree.Element) -> dict[str, str]:
    return {
        unit.get("id", ""): (unit.findtext(f"{_XBRLI}measure") or "").strip().rpartition(":")[2]
        for unit in root.iter(f"{_XBRLI}unit")
    }
