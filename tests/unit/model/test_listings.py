"""What an instrument was on a day: market, kind, sector and name, against a plain loop over the rules."""

from __future__ import annotations

import random

import numpy as np
import pytest

from shared.model.instruments import Instruments
from shared.model.issuers import issuer_groups
from shared.model.kinds import KINDS, derive_kind
from shared.model.listings import NO_SECTOR, market_codes_at, name_on, row_attributes
from shared.model.market_data import Listings, listings_of
from tests.support.markets import panels_of

NAMES = ("가나", "가나스팩", "가나리츠", "제1호기업인수목적")
MARKETS = ("KOSPI", "KOSDAQ", "KONEX", "OTC")
SECTORS = ("화학", "제약", None)


def market(seed: int) -> dict[str, list[dict]]:  # type: ignore[type-arg]
    rng = random.Random(seed)
    days = [f"2023-12-{day:02d}" for day in range(20, 30)] + [f"2024-01-{day:02d}" for day in range(2, 12)]
    codes = [f"{rng.choice('019')}{rng.randrange(10_000):04d}{rng.choice('05K')}" for _ in range(5)]
    codes = list(dict.fromkeys([*codes, "A", "999999X"]))
    prices = [
        {"date": day, "stock_code": code, "open": 10, "high": 10, "low": 10, "close": 10, "volume": 1}
        for day in days
        for code in codes
    ]
    companies = [
        {
            "stock_code": code, "name": rng.choice(NAMES), "market": rng.choice(MARKETS),
            "sector": rng.choice(SECTORS), "kind": rng.choice((None, None, None, *KINDS)),
        }
        for code in codes
    ]  # fmt: skip
    listings = [
        {
            "stock_code": code, "from_date": day, "market": rng.choice(MARKETS),
            "name": rng.choice((None, *NAMES)), "sector": rng.choice(SECTORS),
        }
        for code in codes
        for day in rng.sample(["2023-01-01", *days, "2025-01-01"], rng.choice((0, 1, 2, 4)))
    ]  # fmt: skip
    return {"prices": prices, "companies": companies, "listings": listings}


def plain(data: dict, code: str, date: str) -> tuple[str, str, str, str | None]:  # type: ignore[type-arg]
    company = next(c for c in data["companies"] if c["stock_code"] == code)
    entries = sorted((e for e in data["listings"] if e["stock_code"] == code), key=lambda e: e["from_date"])
    so_far = [e for e in entries if e["from_date"] <= date]
    market = (so_far or entries[:1] or [company])[-1]["market"]
    name = next((e["name"] for e in reversed(so_far) if e["name"]), company["name"])
    sector = next((e["sector"] for e in reversed(so_far) if e["sector"]), company["sector"])
    return market, company["kind"] or derive_kind(code, name, market), name, sector


@pytest.mark.parametrize("seed", range(12))
def test_row_attributes_equal_a_plain_loop(seed: int) -> None:
    data = market(seed)
    panels = panels_of(data, ())
    days = sorted({p["date"] for p in data["prices"]})
    rng = random.Random(seed)
    for start, length in ((0, len(days)), (3, 1), *((rng.randrange(15), 5) for _ in range(3))):
        stop = start + length
        found = row_attributes(panels, slice(start, stop))
        for row in range(start, stop):
            for column, code in enumerate(panels.instruments.code):
                expected = plain(data, code, days[row])
                sector = found.sector[row - start, column]
                assert (
                    found.markets[found.market[row - start, column]],
                    found.kinds[found.kind[row - start, column]],
                    name_on(panels, column, int(panels.days[row])),
                    None if sector == NO_SECTOR else found.sectors[sector],
                ) == expected
                codes = market_codes_at(
                    panels.instruments, panels.listings, np.array([column]), panels.days[row : row + 1]
                )
                assert found.markets[codes[0]] == expected[0]


def test_row_attributes_are_views_of_one_row_without_changes() -> None:
    data = market(1) | {"listings": []}
    found = row_attributes(panels_of(data, ()), slice(0, 20))
    assert found.market.strides[0] == found.kind.strides[0] == found.sector.strides[0] == 0


def test_listings_known_on_a_day_keep_every_first_entry() -> None:
    whole = listings_of([(0, 5, "A", None, None), (0, 9, "B", None, None), (2, 8, "C", None, None)])
    assert whole.known_on(6).market == ("A", "C")
    assert whole.of_columns(slice(2, 3)).instrument.tolist() == [0]
    assert isinstance(whole.of_columns(slice(1, 2)), Listings)


@pytest.mark.parametrize(
    ("code", "name", "market", "kind"),
    [
        ("123450", "가나스팩12호", "KOSDAQ", "spac"),
        ("123450", "가나기업인수목적", "KOSDAQ", "spac"),
        ("123455", "가나스팩우", "KOSDAQ", "spac"),
        ("123450", "가나리츠", "KOSPI", "reit"),
        ("123450", "가나위탁관리부동산투자", "KOSPI", "reit"),
        ("00088K", "한화3우B", "KOSPI", "preferred"),
        ("900115", "외국우", "KOSDAQ", "preferred"),
        ("900110", "이스트아시아홀딩스", "KOSDAQ", "foreign"),
        ("005930", "삼성전자", "KOSPI", "common"),
        ("리츠", "가나리츠", "KOSPI", "common"),
        ("900110", "가나리츠", "NASDAQ", "common"),
    ],
)  # fmt: skip
def test_a_kind_follows_from_code_name_and_market(code: str, name: str, market: str, kind: str) -> None:
    assert derive_kind(code, name, market) == kind


def test_issuers_group_by_loaded_name_else_by_code() -> None:
    codes = ("005930", "005935", "000010", "00001K", "A", "Abcdef", "000020")
    nothing = (None,) * len(codes)
    instruments = Instruments(
        code=codes, name=codes, name_en=nothing, market=("KOSPI",) * 5 + ("NYSE", "KOSPI"), sector=nothing,
        listed_on=nothing, delisted_on=nothing, issuer=(None, None, "X", None, None, None, "X"),
    )  # fmt: skip
    assert issuer_groups(instruments).tolist() == [0, 0, 1, 2, 3, 4, 1]
