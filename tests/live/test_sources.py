"""The real sources still have the documented fields: field names only, for a person with keys.

Run with your keys: `ONDOL_KRX_KEY_FILE=… ONDOL_DART_KEY_FILE=… pytest -m live tests/live`. Nothing is stored.
"""

from __future__ import annotations

import datetime as dt
import os
import pathlib

import pytest

from services.preparer.fetching import krx
from services.preparer.fetching.kis import PATH, TRANSACTION, record_table
from services.preparer.fetching.raw_store import RawStore
from services.preparer.fetching.source import Clock
from services.preparer.fetching.sources import open_sources
from shared.market_files.dart_answers import corporations, dart_rows
from shared.market_files.open_api import BASE_FIELDS, INDEX_FIELDS, PRICE_FIELDS, answer_rows
from shared.settings import Settings

pytestmark = pytest.mark.live

KRX_FIELDS = {
    **{service.path: {"BAS_DD", "ISU_CD", "ISU_NM", "MKT_NM", *PRICE_FIELDS.values()} for service in krx.PRICES},
    **{service.path: set(BASE_FIELDS.values()) for service in krx.BASE_INFORMATION},
    **{service.path: {"BAS_DD", "IDX_NM", *INDEX_FIELDS.values()} for service in krx.INDICES},
}
DART_FIELDS = {
    "list.json": {"corp_code", "stock_code", "report_nm", "rcept_no", "rcept_dt"},
    "fnlttSinglAcntAll.json": {
        "rcept_no", "reprt_code", "bsns_year", "corp_code", "sj_div", "account_id", "account_nm", "account_detail",
        "thstrm_amount", "currency",
    },
    "alotMatter.json": {"rcept_no", "corp_code", "se", "thstrm", "stlm_dt"},
}  # fmt: skip
SAMSUNG = "00126380"


def settings_with(*names: str) -> Settings:
    """Return the settings of the environment; skip the test when one of these keys is not set."""
    settings = Settings.from_environment({k: v for k, v in os.environ.items() if k.startswith("ONDOL_")})
    for name in names:
        if not getattr(settings, name):
            pytest.skip(f"ONDOL_{name.upper()} is not set")
    return settings


@pytest.mark.parametrize("service", krx.SERVICES, ids=lambda service: service.api)
async def test_krx_service_has_the_documented_fields(service: krx.Service, tmp_path: pathlib.Path) -> None:
    settings = settings_with("krx_key")
    async with open_sources(settings, RawStore(tmp_path), Clock()) as sources:
        assert sources.krx is not None
        day = krx.last_published(dt.datetime.now(dt.UTC))
        _, rows = await sources.krx.source.get(service.path, {"basDd": f"{day:%Y%m%d}"}, answer_rows)
    assert rows, f"{service.path} has no rows on {day}"
    assert KRX_FIELDS[service.path] <= set(rows[0])


@pytest.mark.parametrize("path", DART_FIELDS)
async def test_dart_answer_has_the_documented_fields(path: str, tmp_path: pathlib.Path) -> None:
    settings = settings_with("dart_key")
    params = {"corp_code": SAMSUNG, "bsns_year": "2023", "reprt_code": "11011", "fs_div": "CFS"}
    if path == "list.json":
        params = {"corp_code": SAMSUNG, "bgn_de": "20240301", "end_de": "20240331", "pblntf_ty": "A"}
    async with open_sources(settings, RawStore(tmp_path), Clock()) as sources:
        assert sources.dart is not None
        _, rows = await sources.dart.source.get(path, params, dart_rows)
    assert DART_FIELDS[path] <= set(rows[0])


async def test_dart_corporations_can_be_read(tmp_path: pathlib.Path) -> None:
    settings = settings_with("dart_key")
    async with open_sources(settings, RawStore(tmp_path), Clock()) as sources:
        assert sources.dart is not None
        _, found = await sources.dart.source.get("corpCode.xml", {}, corporations)
    assert found.height > 2_000


async def test_kis_record_dates_have_the_documented_fields(tmp_path: pathlib.Path) -> None:
    settings = settings_with("kis_key", "kis_secret")
    async with open_sources(settings, RawStore(tmp_path), Clock()) as sources:
        assert sources.kis is not None
        headers = {
            "authorization": f"Bearer {await sources.kis.token()}", "appkey": settings.kis_key or "",
            "appsecret": settings.kis_secret or "", "tr_id": TRANSACTION, "custtype": "P",
        }  # fmt: skip
        params = {"CTS": "", "GB1": "0", "F_DT": "20250601", "T_DT": "20250630", "SHT_CD": "", "HIGH_GB": ""}
        _, rows = await sources.kis.source.get(PATH, params, record_table, headers=headers)
    assert {"record_date", "sht_cd", "divi_kind", "per_sto_divi_amt"} <= set(rows[0])
