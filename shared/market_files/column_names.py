"""Names under which sources write the same column, best first; compared without case, blanks, `_`, `-`, `.` and `/`."""

from __future__ import annotations

COLUMN_NAMES: dict[str, tuple[str, ...]] = {
    "date": (
        "BAS_DD", "TRD_DD", "Date", "날짜", "일자", "거래일", "거래일자", "매매일자", "영업일자", "기준일자", "기준일",
        "basDt", "stck_bsop_date", "trade_date", "trading_date",
    ),
    "code": (
        "ISU_SRT_CD", "종목코드", "단축코드", "티커", "Code", "Symbol", "Ticker", "stock_code", "종목번호", "srtnCd",
        "코드", "Issue code", "stck_shrn_iscd", "mksc_shrn_iscd", "ISU_CD", "표준코드", "isinCd",
    ),
    "name": (
        "ISU_ABBRV", "한글 종목약명", "종목약명", "종목명", "회사명", "기업명", "Name", "itmsNm", "ISU_NM",
        "한글 종목명", "company_name", "Issue name", "hts_kor_isnm", "Symbol Name",
    ),
    "name_en": ("ISU_ENG_NM", "영문 종목명", "영문명", "name_en"),
    "market": ("MKT_TP_NM", "MKT_NM", "시장구분", "시장", "소속시장", "Market", "mrktCtg", "MarketId", "MKT_ID"),
    "industry": ("Industry", "업종명", "업종", "산업", "IDX_IND_NM"),
    "sector": ("Sector", "섹터"),
    "listed_on": ("LIST_DD", "상장일", "상장일자", "ListingDate", "listed_on"),
    "delisted_on": ("DelistingDate", "상장폐지일", "상장폐지일자", "폐지일", "폐지일자", "delisted_on"),
    "group": ("SECUGRP_NM", "증권구분", "SecuGroup"),
    "open": ("TDD_OPNPRC", "시가", "Open", "stck_oprc", "mkp", "시작가", "open_price"),
    "high": ("TDD_HGPRC", "고가", "High", "stck_hgpr", "hipr", "최고가", "high_price"),
    "low": ("TDD_LWPRC", "저가", "Low", "stck_lwpr", "lopr", "최저가", "low_price"),
    "close": ("TDD_CLSPRC", "종가", "Close", "stck_clpr", "clpr", "현재가", "close_price"),
    "volume": ("ACC_TRDVOL", "거래량", "Volume", "acml_vol", "trqu", "누적거래량", "vol", "Trading volume"),
    "trading_value": (
        "ACC_TRDVAL", "거래대금", "Amount", "acml_tr_pbmn", "trPrc", "누적거래대금", "trading_value", "turnover",
        "Trading value", "value",
    ),
    "market_cap": ("MKTCAP", "시가총액", "상장시가총액", "Marcap", "mrktTotAmt", "market_cap"),
    "listed_shares": (
        "LIST_SHRS", "상장주식수", "Stocks", "lstgStCnt", "listed_shares", "No. of listed shares", "shares", "주식수",
    ),
    "change": ("CMPPREVDD_PRC", "대비", "전일대비", "전일비", "Changes", "Comp", "vs", "prdy_vrss", "change"),
    "change_rate": (
        "FLUC_RT", "등락률", "등락율", "ChagesRatio", "ChangesRatio", "fltRt", "prdy_ctrt", "change_rate", "전일대비율",
        "변동 %", "변동률", "Change %", "Fluctuation rate", "Fluc. rate", "Change(%)",
    ),
    "direction": ("FLUC_TP_CD", "ChangeCode", "UpDown"),
    "direction_kis": ("prdy_vrss_sign",),
    "adjusted_close": ("Adj Close", "수정종가", "수정주가", "adjusted_close"),
    "index_close": ("CLSPRC_IDX",),
    "index_open": ("OPNPRC_IDX",),
    "index_high": ("HGPRC_IDX",),
    "index_low": ("LWPRC_IDX",),
    "index_name": ("IDX_NM", "지수명", "index", "index_name"),
}  # fmt: skip
"""Meaning of a column -> its names, best first. The first name that has a value in a row counts."""
