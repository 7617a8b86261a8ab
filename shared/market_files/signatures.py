"""Header signatures: which source wrote a file, and what it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from shared.market_files.column_names import COLUMN_NAMES
from shared.market_files.headers import key_of


@dataclass(frozen=True)
class Signature:
    """Columns that a file of a source always has (`columns`) and never has (`absent`).

    `@close` is any of the names of `close` in COLUMN_NAMES.
    """

    name: str
    kind: str
    """prices, companies, indices, filings, corporations, lines, bulk, dividends, records, shares or unused."""
    columns: frozenset[str]
    absent: frozenset[str] = frozenset()
    adjusted: bool = False
    """The prices are adjusted for later splits."""
    unsure: bool = False
    """The prices may be adjusted for later splits or not."""
    one: bool = False
    """All rows are of one stock or index, which only the file name states."""

    @cached_property
    def required(self) -> tuple[frozenset[str], ...]:
        """For each required column the keys of its names."""
        return tuple(_keys(name) for name in sorted(self.columns))

    @cached_property
    def forbidden(self) -> frozenset[str]:
        """Keys of the columns that must be absent."""
        return frozenset(key for name in self.absent for key in _keys(name))


def _keys(name: str) -> frozenset[str]:
    return frozenset(map(key_of, COLUMN_NAMES[name[1:]])) if name.startswith("@") else frozenset({key_of(name)})


def _signature(name: str, kind: str, columns: str, absent: str = "", **flags: bool) -> Signature:
    return Signature(name, kind, frozenset(columns.split()), frozenset(absent.split()), **flags)


_KOREAN_BAR = "시가 고가 저가 종가 거래량"
_KRX_BAR = "TDD_OPNPRC TDD_HGPRC TDD_LWPRC TDD_CLSPRC ACC_TRDVOL"
_DART_LINE = "rcept_no reprt_code bsns_year sj_div account_nm thstrm_amount"
_BAR = "@open @high @low @close @volume"

SIGNATURES: tuple[Signature, ...] = (
    _signature("KRX open API daily prices", "prices", f"BAS_DD ISU_CD {_KRX_BAR}"),
    _signature("KRX market data JSON of a day", "prices", f"ISU_SRT_CD {_KRX_BAR}"),
    _signature("KRX market data JSON of a stock", "prices", f"TRD_DD {_KRX_BAR}", "ISU_SRT_CD ISU_CD", one=True,
               unsure=True),
    _signature("KRX open API base information", "companies", "ISU_SRT_CD ISU_ABBRV LIST_DD"),
    _signature("KRX open API indices", "indices", "BAS_DD IDX_NM CLSPRC_IDX"),
    _signature("KRX market data JSON of an index", "indices", "TRD_DD CLSPRC_IDX", "IDX_NM", one=True),
    _signature("KRX CSV of a day", "prices", f"종목코드 {_KOREAN_BAR}", "일자 날짜"),
    _signature("KRX CSV of a stock", "prices", f"일자 {_KOREAN_BAR} 상장주식수", "종목코드", one=True, unsure=True),
    _signature("KRX CSV of an index", "indices", "일자 시가 고가 저가 종가 상장시가총액", "종목코드 지수명", one=True),
    _signature("KRX CSV of indices of a day", "indices", "지수명 시가 고가 저가 종가", "일자"),
    _signature("KRX CSV of base information", "companies", "단축코드 상장일 시장구분"),
    _signature("KRX CSV of delistings", "companies", "종목코드 종목명 시장구분 폐지일"),
    _signature("KRX CSV of sectors", "companies", "종목코드 종목명 시장구분 업종명"),
    _signature("KIND table of delistings", "companies", "회사명 종목코드 폐지일자"),
    _signature("KIND table of listed companies", "companies", "회사명 종목코드 업종 상장일"),
    _signature("pykrx frame of a day", "prices", f"티커 {_KOREAN_BAR}", "일자 날짜"),
    _signature("pykrx market caps of a day", "prices", "티커 종가 시가총액 거래량 상장주식수", "시가"),
    _signature("pykrx market caps of a stock", "prices", "날짜 시가총액 거래량 거래대금 상장주식수",
               "티커 종목코드 시가 종가", one=True),
    _signature("pykrx index", "indices", f"날짜 {_KOREAN_BAR} 상장시가총액", "티커", one=True),
    _signature("pykrx raw prices of a stock", "prices", f"날짜 {_KOREAN_BAR} 거래대금", "티커 종목코드 상장시가총액",
               one=True),
    _signature("pykrx adjusted prices of a stock", "prices", f"날짜 {_KOREAN_BAR}",
               "티커 종목코드 거래대금 전일비 변동% 전일대비 대비", one=True,
               adjusted=True),
    _signature("marcap", "prices", "Code Date Open High Low Close Volume Marcap Stocks"),
    _signature("FinanceDataReader listing", "prices", "Code Open High Low Close Volume Marcap Stocks", "Date"),
    _signature("FinanceDataReader descriptions", "companies", "Code Name Market Industry", "Close"),
    _signature("FinanceDataReader delistings", "companies", "Symbol Name Market DelistingDate"),
    _signature("FinanceDataReader prices of a stock from KRX", "prices",
               "Date Open High Low Close Volume Change MarCap Shares", "Code stock_code", one=True, unsure=True),
    _signature("FinanceDataReader prices of a stock", "prices", "Date Open High Low Close Volume Change",
               "Code stock_code", one=True, adjusted=True),
    _signature("data.go.kr stock prices", "prices", "basDt srtnCd clpr mkp hipr lopr trqu"),
    _signature("KIS daily prices of a stock", "prices",
               "stck_bsop_date stck_clpr stck_oprc stck_hgpr stck_lwpr acml_vol", one=True, unsure=True),
    _signature("DART statement", "lines", f"{_DART_LINE} account_id"),
    _signature("DART main accounts", "lines", _DART_LINE),
    _signature("DART bulk statements", "bulk", "재무제표종류 종목코드 결산기준일 보고서종류 항목코드 항목명"),
    _signature("DART filing list", "filings", "corp_code stock_code report_nm rcept_no rcept_dt"),
    _signature("DART corporation codes", "corporations", "corp_code corp_name stock_code", "rcept_no"),
    _signature("DART dividends", "dividends", "rcept_no corp_code se thstrm"),
    _signature("DART share counts", "shares", "rcept_no corp_code se istc_totqy"),
    _signature("KRX ratios of stocks", "unused", "PER PBR EPS BPS", "시가 TDD_OPNPRC Open"),
    _signature("DART decisions on capital", "unused", "rcept_no corp_code corp_name nstk_ostk_cnt"),
    _signature("KIS record dates", "records", "record_date sht_cd per_sto_divi_amt"),
    _signature("table of record dates", "records", "종목코드 배당기준일"),
)  # fmt: skip
"""Files of known sources. The first signature that fits decides."""

GENERAL: tuple[Signature, ...] = (
    _signature("table of indices", "indices", "@date @index_name @close", "@code"),
    _signature("price table of stocks", "prices", f"@date @code {_BAR}", unsure=True),
    _signature("price table of a day", "prices", f"@code {_BAR}", "@date"),
    _signature("price table of a stock", "prices", f"@date {_BAR}", "@code", one=True, unsure=True),
    _signature("table of delistings", "companies", "@code @delisted_on"),
    _signature("table of companies", "companies", "@code @name @market", "@close"),
    _signature("table of companies with sectors", "companies", "@code @name @industry", "@close"),
    _signature("closes of an index", "indices", "@date @close", "@code", one=True),
)  # fmt: skip
"""Files of any program, by what their columns mean; compared after SIGNATURES."""

LOAD_FORMAT = (
    frozenset({"date", "stock_code", "open", "high", "low", "close", "volume"}),
    frozenset({"stock_code", "name", "market"}), frozenset({"stock_code", "from_date", "market"}),
    frozenset({"stock_code", "fiscal_year", "fiscal_quarter", "period_end", "disclosed_on"}),
    frozenset({"stock_code", "ex_date", "dps"}), frozenset({"date", "index", "close"}),
)  # fmt: skip
"""Required columns of the files of `ondol load`."""


def identify(columns: Iterable[str]) -> Signature | None:
    """Return the signature of a known source whose column names are exactly among `columns`, or None."""
    names = set(columns)
    return next((s for s in SIGNATURES if s.columns <= names and not s.absent & names), None)


def recognise(columns: Iterable[str]) -> Signature | None:
    """Return the first signature that columns fit, whatever their case, blanks and units; None without any."""
    keys = {key_of(name) for name in columns}
    return next((s for s in (*SIGNATURES, *GENERAL) if not _missing(s, keys) and not s.forbidden & keys), None)


def is_load_format(columns: Iterable[str]) -> bool:
    """Whether the columns are those of a file of `ondol load`."""
    names = set(columns)
    return any(required <= names for required in LOAD_FORMAT)


def nearest(columns: Iterable[str]) -> tuple[Signature, list[str]] | None:
    """Return the signature that lacks the fewest columns, and the columns; None when none has half of its columns."""
    keys = {key_of(name) for name in columns}
    candidates = [(s, _missing(s, keys)) for s in (*SIGNATURES, *GENERAL)]
    possible = [(s, missing) for s, missing in candidates if 2 * len(missing) <= len(s.columns)]
    if not possible:
        return None
    return min(possible, key=lambda found: (len(found[1]) / len(found[0].columns), len(found[1])))


def _missing(signature: Signature, keys: set[str]) -> list[str]:
    names = sorted(signature.columns)
    return [
        COLUMN_NAMES[name[1:]][1] if name.startswith("@") else name
        for name, alternatives in zip(names, signature.required, strict=True)
        if not alternatives & keys
    ]
