"""Header signatures: which source wrote a file, and what it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from shared.market_files.headers import SUFFIXES, columns_of


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Columns that a file of a source always has (`columns`) and never has (`absent`)."""

    name: str
    kind: str
    """prices, companies or indices."""
    columns: frozenset[str]
    absent: frozenset[str] = frozenset()
    adjusted: bool = False
    """The prices are adjusted for later splits."""
    one: bool = False
    """All rows are of one stock or index, which only the file name states."""


def _signature(name: str, kind: str, columns: str, absent: str = "", **flags: bool) -> Signature:
    return Signature(
        name=name, kind=kind, columns=frozenset(columns.split()), absent=frozenset(absent.split()),
        adjusted=flags.get("adjusted", False), one=flags.get("one", False),
    )  # fmt: skip


_KOREAN_BAR = "시가 고가 저가 종가 거래량"
_KRX_BAR = "TDD_OPNPRC TDD_HGPRC TDD_LWPRC TDD_CLSPRC ACC_TRDVOL"

SIGNATURES: tuple[Signature, ...] = (
    _signature("KRX open API daily prices", "prices", f"BAS_DD ISU_CD {_KRX_BAR}"),
    _signature("KRX market data JSON of a day", "prices", f"ISU_SRT_CD {_KRX_BAR}"),
    _signature("KRX open API base information", "companies", "ISU_SRT_CD ISU_ABBRV LIST_DD"),
    _signature("KRX open API indices", "indices", "BAS_DD IDX_NM CLSPRC_IDX"),
    _signature("KRX market data JSON of an index", "indices", "TRD_DD CLSPRC_IDX", "IDX_NM", one=True),
    _signature("KRX CSV of a day", "prices", f"종목코드 {_KOREAN_BAR}"),
    _signature("KRX CSV of base information", "companies", "단축코드 상장일 시장구분"),
    _signature("KRX CSV of delistings", "companies", "종목코드 종목명 시장구분 폐지일"),
    _signature("KRX CSV of sectors", "companies", "종목코드 종목명 시장구분 업종명"),
    _signature("pykrx frame of a day", "prices", f"티커 {_KOREAN_BAR}"),
    _signature("pykrx market caps of a day", "prices", "티커 종가 시가총액 거래량 상장주식수", "시가"),
    _signature("pykrx index", "indices", f"날짜 {_KOREAN_BAR} 상장시가총액", "티커", one=True),
    _signature("pykrx raw prices of a stock", "prices", f"날짜 {_KOREAN_BAR} 거래대금", "티커 상장시가총액", one=True),
    _signature("pykrx adjusted prices of a stock", "prices", f"날짜 {_KOREAN_BAR}", "티커 거래대금", one=True,
               adjusted=True),
    _signature("marcap", "prices", "Code Date Open High Low Close Volume Marcap Stocks"),
    _signature("FinanceDataReader listing", "prices", "Code Open High Low Close Volume Marcap Stocks", "Date"),
    _signature("FinanceDataReader descriptions", "companies", "Code Name Market Industry", "Close"),
    _signature("FinanceDataReader delistings", "companies", "Symbol Name Market DelistingDate"),
    _signature("FinanceDataReader prices of a stock", "prices", "Date Open High Low Close Volume Change", "Code",
               one=True, adjusted=True),
)  # fmt: skip
"""The first signature that fits decides."""


def identify(columns: Iterable[str]) -> Signature | None:
    """Return the signature that column names fit, or None."""
    names = set(columns)
    return next((s for s in SIGNATURES if s.columns <= names and not s.absent & names), None)


def describe_foreign_files(paths: Sequence[Path]) -> str | None:
    """Return what the files of other programs among `paths` are (`3 files of marcap`), or None without any."""
    counts: Counter[str] = Counter()
    for path in paths:
        if path.name.lower().endswith(SUFFIXES) and path.is_file():
            try:
                found = identify(columns_of(path))
            except (OSError, EOFError, ValueError, pl.exceptions.PolarsError):
                continue  # a file that cannot be read is not one of another program; the caller names what it expects
            if found is not None:
                counts[found.name] += 1
    return ", ".join(f"{n} file{'s' * (n > 1)} of {name}" for name, n in counts.items()) or None
