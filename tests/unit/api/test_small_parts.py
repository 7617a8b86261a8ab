"""Ids, cursors, limits, exports and frames: the small parts that everything leans on."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from pydantic import ValidationError

from services.api.auth import Bucket, hash_of, is_loopback
from services.api.backtests.results import timing_of
from services.api.backtests.serialize import Recent, instant, splice
from services.api.errors import ApiProblem, problems_of
from services.api.http.request import read_cursor, write_cursor
from services.api.ids import Ids
from services.api.routes.backtest_events import Position, position_of
from services.api.routes.backtest_exports import COLUMNS, as_csv
from services.api.schemas.requests import BacktestBody
from services.simulator.queries.replay import first_difference


def test_ids_ascend_also_within_a_millisecond() -> None:
    ids = Ids()
    made = [ids.new() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {uuid.RFC_4122}


def test_a_cursor_comes_back_as_it_was_and_nothing_else_is_one() -> None:
    assert read_cursor(write_cursor(17), int) == 17
    assert read_cursor(write_cursor("005930"), str) == "005930"
    assert read_cursor(None, int) is None
    for wrong in ("", "x", "!!!!", write_cursor("text"), write_cursor(True), write_cursor([1]), "é"):
        with pytest.raises(ApiProblem):
            read_cursor(wrong, int)


def test_a_bucket_lets_through_its_rate_and_says_when_to_come_back() -> None:
    bucket = Bucket(60, 0.0)
    passed = sum(bucket.take(0.0) == 0.0 for _ in range(100))
    assert passed == 20
    assert bucket.take(0.0) == pytest.approx(1.0)
    assert bucket.take(1.0) == 0.0
    assert bucket.take(1.0) > 0.0
    for rate, burst in ((1, 1), (5, 5), (30, 20), (600, 60)):
        bucket = Bucket(rate, 0.0)
        assert sum(bucket.take(0.0) == 0.0 for _ in range(100)) == burst


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),  # noqa: S104
     ("10.0.0.1", False), ("example.org", False), ("", False)],
)  # fmt: skip
def test_only_loopback_is_loopback(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_key_is_not_in_what_is_stored_of_it() -> None:
    assert b"ondol" not in hash_of("ondol_secret")
    assert hash_of("ondol_secret") != hash_of("ondol_secreT")


def test_spliced_members_are_the_bytes_that_were_stored() -> None:
    assert splice({"a": 1}, result=b'{"x":1.50}', error=None) == b'{"a":1,"result":{"x":1.50},"error":null}'


def test_instants_are_utc_with_milliseconds() -> None:
    seoul = dt.timezone(dt.timedelta(hours=9))
    assert instant(dt.datetime(2025, 1, 1, 0, 0, 0, 1999, seoul)) == "2024-12-31T15:00:00.001Z"
    assert instant(None) is None


def test_the_memory_of_results_stays_within_its_budget() -> None:
    recent = Recent(1000)
    names = [uuid.uuid4() for _ in range(10)]
    for name in names:
        recent.put(name, b"x" * 200)
    assert [recent.get(name) is not None for name in names] == [False] * 5 + [True] * 5
    recent.put(names[0], b"x" * 900)
    assert recent.get(names[0]) is None


def test_the_timing_is_read_from_the_end_of_a_result() -> None:
    assert timing_of(b'{"trades":[],"timing":{"total_ms":1.5},"cache":{"by_tier":{}}}') == {"total_ms": 1.5}
    assert timing_of(b"{}") == {}


def test_an_event_id_is_a_position_and_nothing_else() -> None:
    assert position_of(None) == Position()
    assert position_of("-.0") == Position()
    assert position_of("2025-01-02.17") == Position("2025-01-02", 17)
    for wrong in ("x", "2025-01-02", "2025-01-02.-1", "2025-01-02.1.1", "-.9999999999"):
        with pytest.raises(ApiProblem):
            position_of(wrong)


def test_csv_has_the_columns_of_the_contract_and_no_formulas() -> None:
    row = {"date": "2025-01-02", "stock_code": "1", "name": "=1+1", "side": "buy", "shares": 1, "price": None}
    lines = as_csv([row], COLUMNS["trades"]).decode().splitlines()
    assert lines[0] == "date,stock_code,name,side,shares,price,commission,tax,reason"
    assert lines[1] == "2025-01-02,1,'=1+1,buy,1,,,,"
    assert as_csv([], COLUMNS["equity"]).decode().startswith("date,equity,cash,positions")


def test_the_first_difference_is_the_first_day_that_differs() -> None:
    before = {"equity": [{"date": "a", "equity": 1}, {"date": "b", "equity": 2}], "trades": []}
    after = {"equity": [{"date": "a", "equity": 1}, {"date": "b", "equity": 3}], "trades": [{"date": "a"}]}
    found = first_difference(before, after)
    assert found is not None
    assert (found["part"], found["index"], found["date"]) == ("equity", 1, "b")
    assert first_difference(before, before | {"timing": 1}) is None
    assert (first_difference({"statistics": 1}, {"statistics": 2}) or {})["part"] == "statistics"


def test_mistakes_of_types_are_told_in_the_words_of_the_interface() -> None:
    body = {
        "strategy": {"buy": {"where": "", "order": "up"}, "universe": None, "portfolio": {"max_positions": 1.5}},
        "start": "{x}", "end": "2024-02-02", "initial_cash": "1", "risk_free_pct": 1e9, "a{b}": 1,
    }  # fmt: skip
    with pytest.raises(ValidationError) as caught:
        BacktestBody.model_validate(body)
    found = {problem.path: problem for problem in problems_of(caught.value)}
    assert {path: problem.message for path, problem in found.items()} == {
        "strategy.buy.where": "must not be shorter than 1; it has 0", "strategy.buy.order": "must be 'asc' or 'desc'",
        "strategy.universe": "must be an object; leave it out for its defaults",
        "strategy.portfolio.max_positions": "must be a whole number", "start": "a date is written YYYY-MM-DD",
        "initial_cash": "must be a number", "risk_free_pct": "must be at most 1000", "a{b}": "there is no such field",
    }  # fmt: skip
    assert (found["strategy.buy.where"].line, found["strategy.buy.where"].column) == (1, 1)
