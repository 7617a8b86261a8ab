"""Keys, loopback addresses and token buckets."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from services.api.auth import TokenBucket, hash_of
from services.api.http.request_source import is_loopback, is_same_origin


def test_bucket_admits_its_rate_and_returns_the_wait() -> None:
    bucket = TokenBucket(60, 0.0)
    assert sum(bucket.take(0.0) == 0.0 for _ in range(100)) == 20
    assert bucket.take(0.0) == pytest.approx(1.0)
    assert bucket.take(1.0) == 0.0
    assert bucket.take(1.0) > 0.0


def test_charge_of_an_expensive_request_delays_later_ones() -> None:
    bucket = TokenBucket(60, 0.0)
    assert bucket.take(0.0) == 0.0
    bucket.charge(30)
    assert bucket.take(0.0) == pytest.approx(12.0)
    assert bucket.take(12.0) == 0.0


@pytest.mark.parametrize(("rate", "burst"), [(1, 1), (5, 5), (30, 20), (600, 60)])
def test_bucket_burst_is_a_part_of_the_rate(rate: float, burst: int) -> None:
    bucket = TokenBucket(rate, 0.0)
    assert sum(bucket.take(0.0) == 0.0 for _ in range(100)) == burst


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),  # noqa: S104
     ("10.0.0.1", False), ("example.org", False), ("", False)],
)  # fmt: skip
def test_only_loopback_is_loopback(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_hash_does_not_reveal_the_key() -> None:
    assert b"ondol" not in hash_of("ondol_secret")
    assert hash_of("ondol_secret") != hash_of("ondol_secreT")


@pytest.mark.parametrize(
    ("method", "headers", "same"),
    [
        ("POST", {"Sec-Fetch-Site": "same-origin"}, True), ("POST", {"Sec-Fetch-Site": "cross-site"}, False),
        ("POST", {"Sec-Fetch-Site": "same-site"}, False), ("GET", {"Sec-Fetch-Site": "none"}, True),
        ("POST", {"Sec-Fetch-Site": "none"}, False), ("POST", {"Origin": "https://o.example"}, True),
        ("DELETE", {"Origin": "https://evil.example"}, False), ("POST", {"Origin": "null"}, False),
        ("POST", {}, False), ("GET", {}, True),
    ],
)  # fmt: skip
def test_only_requests_of_the_own_page_are_same_origin(method: str, headers: dict[str, str], *, same: bool) -> None:
    request = make_mocked_request(method, "/v1/backtests", headers={"Host": "o.example"} | headers)
    assert is_same_origin(request) is same
