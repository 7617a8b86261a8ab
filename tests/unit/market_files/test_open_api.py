"""Answers of the exchange's open API: documented shapes with invented companies, and every kind of bad answer."""

from __future__ import annotations

import datetime as dt

import orjson
import pytest

from shared.market_files.answers import (
    AnswerError,
    BlockedError,
    DamagedAnswerError,
    NotApprovedError,
    QuotaExceededError,
)
from shared.market_files.open_api import base_information, daily_prices, index_values, kind_of

PRICE = {
    "BAS_DD": "20260105", "ISU_CD": "900110", "ISU_NM": "가상1", "MKT_NM": "KOSPI", "SECT_TP_NM": "-",
    "TDD_CLSPRC": "10,500", "CMPPREVDD_PRC": "-500", "FLUC_RT": "-4.55", "TDD_OPNPRC": "11000", "TDD_HGPRC": "11000",
    "TDD_LWPRC": "10400", "ACC_TRDVOL": "1,234", "ACC_TRDVAL": "13000000", "MKTCAP": "105000000000",
    "LIST_SHRS": "10000000",
}  # fmt: skip


def block(*rows: dict[str, str]) -> bytes:
    return orjson.dumps({"OutBlock_1": list(rows)})


def test_daily_prices_accept_separators_and_isins() -> None:
    row = daily_prices(b"\xef\xbb\xbf" + block(PRICE | {"ISU_CD": "KR7900110001"})).row(0, named=True)
    assert (row["date"], row["stock_code"], row["close"]) == (dt.date(2026, 1, 5), "900110", 10_500)
    assert (row["change"], row["change_rate"], row["volume"]) == (-500, -4.55, 1_234)


def test_daily_prices_keep_halted_stocks() -> None:
    halted = PRICE | dict.fromkeys(("TDD_OPNPRC", "TDD_HGPRC", "TDD_LWPRC", "ACC_TRDVOL"), "0") | {"CMPPREVDD_PRC": "0"}
    row = daily_prices(block(halted)).row(0, named=True)
    assert (row["open"], row["volume"], row["close"]) == (0, 0, 10_500)


def test_daily_prices_of_a_closed_day_are_empty() -> None:
    holiday = {name: cell if name in ("BAS_DD", "ISU_CD", "ISU_NM", "MKT_NM") else "-" for name, cell in PRICE.items()}
    assert daily_prices(block(holiday, holiday)).is_empty()
    assert daily_prices(block()).is_empty()


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"<!DOCTYPE html><html></html>", BlockedError, "web page"),
        (b'{"OutBlock_1":[{"BAS_DD":"2026', DamagedAnswerError, "complete JSON"),
        (b'{"respCode":"401","respMsg":"Unauthorized"}', NotApprovedError, "401 Unauthorized"),
        (b'{"respCode":"429","respMsg":"Limit"}', QuotaExceededError, "429 Limit"),
        (b'{"respCode":"999","respMsg":"Other"}', AnswerError, "999 Other"),
        (b'{"rows":[]}', DamagedAnswerError, "OutBlock_1"),
        (block(PRICE | {"TDD_CLSPRC": "n.a."}), DamagedAnswerError, "TDD_CLSPRC is 'n.a.'"),
    ],
)
def test_bad_answer_has_its_kind(data: bytes, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        daily_prices(data)


def test_base_information_names_the_short_code() -> None:
    row = {
        "ISU_CD": "KR7900110001", "ISU_SRT_CD": "900110", "ISU_NM": "가상1보통주", "ISU_ABBRV": "가상1",
        "ISU_ENG_NM": "Invented 1", "LIST_DD": "2001/02/03", "MKT_TP_NM": "KOSPI", "SECUGRP_NM": "주권",
        "SECT_TP_NM": "-", "KIND_STKCERT_TP_NM": "보통주", "PARVAL": "500", "LIST_SHRS": "10,000",
    }  # fmt: skip
    found = base_information(block(row)).row(0, named=True)
    assert (found["stock_code"], found["name"], found["listed_on"]) == ("900110", "가상1", dt.date(2001, 2, 3))


def test_index_values_leave_other_indices_out() -> None:
    row = {"BAS_DD": "20260105", "IDX_NM": "코스피", "CLSPRC_IDX": "2,500.10", "OPNPRC_IDX": "-"}
    found = index_values(block(row, row | {"IDX_NM": "코스피 가상"}))
    assert found.rows() == [(dt.date(2026, 1, 5), "KOSPI", 2500.1, None, None, None)]


@pytest.mark.parametrize(
    ("group", "share", "name", "kind"),
    [
        ("주권", "보통주", "가상", "common"),
        ("주권", "신형우선주", "가상우", "preferred"),
        ("주권", "보통주", "가상스팩1호", "spac"),
        ("부동산투자회사", "보통주", "가상", "reit"),
        ("외국주권", "보통주", "가상", "foreign"),
        (None, None, None, None),
    ],
)
def test_kind_follows_from_base_information(
    group: str | None, share: str | None, name: str | None, kind: str | None
) -> None:
    assert kind_of(group, share, name) == kind
