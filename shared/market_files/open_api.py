"""Answers of the open API of the Korea Exchange: pure functions of the bytes.

Every answer is a JSON object with the list `OutBlock_1` whose fields are all texts; `-` and empty texts are no value.
A day without trading is an empty list, or the whole list of stocks with `-` in every price.
"""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from shared.market_files.answers import (
    AnswerError,
    DamagedAnswerError,
    NotApprovedError,
    QuotaExceededError,
    refuse_page,
)
from shared.market_files.index_names import INDEX_NAMES

PRICE_FIELDS = {
    "open": "TDD_OPNPRC", "high": "TDD_HGPRC", "low": "TDD_LWPRC", "close": "TDD_CLSPRC", "volume": "ACC_TRDVOL",
    "trading_value": "ACC_TRDVAL", "market_cap": "MKTCAP", "listed_shares": "LIST_SHRS", "change": "CMPPREVDD_PRC",
    "change_rate": "FLUC_RT",
}  # fmt: skip
"""Column of the load format -> field of the daily prices."""

BASE_FIELDS = {
    "stock_code": "ISU_SRT_CD", "name": "ISU_ABBRV", "name_en": "ISU_ENG_NM", "listed_on": "LIST_DD",
    "group": "SECUGRP_NM", "share_kind": "KIND_STKCERT_TP_NM",
}  # fmt: skip
INDEX_FIELDS = {"close": "CLSPRC_IDX", "open": "OPNPRC_IDX", "high": "HGPRC_IDX", "low": "LWPRC_IDX"}

DAILY_SCHEMA = {"date": pl.Date, "stock_code": pl.String, "name": pl.String, **dict.fromkeys(PRICE_FIELDS, pl.Float64)}
BASE_SCHEMA = {name: pl.Date if name == "listed_on" else pl.String for name in BASE_FIELDS}
INDEX_SCHEMA = {"date": pl.Date, "index": pl.String, **dict.fromkeys(INDEX_FIELDS, pl.Float64)}

_PREFERRED = ("구형우선주", "신형우선주", "종류주권", "우선주")
_FOREIGN = ("외국주권", "주식예탁증권", "예탁증권")
_QUOTA = ("429",)
_KEY = ("401", "403")


def answer_rows(data: bytes) -> list[dict[str, Any]]:
    """Return the rows of an answer; AnswerError (or one of its kinds) when it states an error or is damaged."""
    refuse_page(data)
    try:
        document = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise DamagedAnswerError(f"the answer is not complete JSON ({len(data)} bytes)") from error
    rows = document.get("OutBlock_1") if isinstance(document, dict) else None
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    if isinstance(document, dict) and ("respCode" in document or "respMsg" in document):
        code, message = str(document.get("respCode") or ""), str(document.get("respMsg") or "")
        kind = QuotaExceededError if code in _QUOTA else NotApprovedError if code in _KEY else AnswerError
        raise kind(f"the exchange answers {code} {message}".strip())
    raise DamagedAnswerError("the answer has no list OutBlock_1")


def daily_prices(data: bytes) -> pl.DataFrame:
    """Return the stocks of a market on a day (DAILY_SCHEMA), empty on a day without trading."""
    frame = _texts(answer_rows(data), ("BAS_DD", "ISU_CD", "ISU_NM", *PRICE_FIELDS.values()))
    rows = frame.select(
        _date("BAS_DD").alias("date"), _code("ISU_CD").alias("stock_code"), _text("ISU_NM").alias("name"),
        *(_number(frame, field).alias(name) for name, field in PRICE_FIELDS.items()),
    )  # fmt: skip
    # A closed day has no close at all; a stock whose trading is halted has its last close and no volume.
    return rows.filter(pl.col("close").fill_null(0) > 0).with_columns(pl.col("volume").fill_null(0))


def base_information(data: bytes) -> pl.DataFrame:
    """Return the listed securities of a market on a day (BASE_SCHEMA)."""
    frame = _texts(answer_rows(data), tuple(BASE_FIELDS.values()))
    kinds = {"stock_code": _code, "listed_on": _date}
    rows = frame.select(kinds.get(name, _text)(field).alias(name) for name, field in BASE_FIELDS.items())
    return rows.filter(pl.col("stock_code").is_not_null())


def index_values(data: bytes) -> pl.DataFrame:
    """Return the known indices of a series on a day (INDEX_SCHEMA), empty on a day without trading."""
    frame = _texts(answer_rows(data), ("BAS_DD", "IDX_NM", *INDEX_FIELDS.values()))
    rows = frame.select(
        _date("BAS_DD").alias("date"),
        pl.col("IDX_NM").replace_strict(INDEX_NAMES, default=None, return_dtype=pl.String).alias("index"),
        *(_number(frame, field).alias(name) for name, field in INDEX_FIELDS.items()),
    )
    return rows.filter(pl.col("index").is_not_null() & (pl.col("close").fill_null(0) > 0))


def kind_of(group: str | None, share_kind: str | None, name: str | None) -> str | None:
    """Return the kind of a security (common, preferred, spac, reit, foreign) from its base information, or None."""
    if name and ("스팩" in name or "기업인수목적" in name):
        return "spac"
    if group == "부동산투자회사":
        return "reit"
    if group in _FOREIGN:
        return "foreign"
    if share_kind in _PREFERRED:
        return "preferred"
    return "common" if share_kind == "보통주" else None


def _texts(rows: list[dict[str, Any]], names: tuple[str, ...]) -> pl.DataFrame:
    cells = {name: [None if (cell := row.get(name)) is None else str(cell) for row in rows] for name in names}
    return pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String))


def _text(name: str) -> pl.Expr:
    cell = pl.col(name).str.strip_chars()
    return pl.when(~cell.is_in(["", "-"])).then(cell)


def _code(name: str) -> pl.Expr:
    return _text(name).str.replace(r"^KR7(.{6}).{3}$", "${1}")


def _date(name: str) -> pl.Expr:
    return pl.col(name).str.replace_all(r"[-/.\s]", "").str.to_date("%Y%m%d", strict=False)


def _number(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Return a field as Float64; DamagedAnswerError when a cell is neither a number nor one of `-` and nothing."""
    plain = frame[name].str.replace_all(r"[,\s]", "")
    typed = plain.cast(pl.Float64, strict=False)
    bad = typed.is_null() & ~plain.fill_null("").is_in(["", "-"])
    if bad.any():
        raise DamagedAnswerError(f"{name} is {frame[name][bad.arg_max() or 0]!r}, expected a number")
    return pl.lit(typed)
