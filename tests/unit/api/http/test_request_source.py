"""Requests by their source: hosts, pages of other sites, media types, proxies."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.test_utils import make_mocked_request

from services.api.errors import ApiProblem
from services.api.http.request_source import ClientAddresses, SourceCheck, is_forwarded

PAGE = "https://charts.example"
JSON = {"Content-Type": "application/json", "Content-Length": "2"}


def status_of(method: str, headers: dict[str, str], *, path: str = "/v1/backtests", **options: object) -> int:
    values = {"hosts": ("ondol.example",), "any_host": False, "origins": (PAGE,), "pages": ("/",)} | options
    check = SourceCheck(**values)  # type: ignore[arg-type]
    payload = Mock() if "Content-Length" in headers else EMPTY_PAYLOAD
    request = make_mocked_request(method, path, headers={"Host": "127.0.0.1:8000"} | headers, payload=payload)
    try:
        check.check(request, path)
    except ApiProblem as problem:
        return problem.status
    return 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200), ("localhost:8000", 200), ("LOCALHOST.", 200), ("[::1]:8000", 200), ("10.0.0.7", 200),
        ("ondol.example", 200), ("a.localhost:1", 200), ("evil.example:8000", 421), ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421), ("", 421), ("[evil", 421),
    ],
)  # fmt: skip
def test_only_own_names_are_hosts(host: str, status: int) -> None:
    assert status_of("GET", {"Host": host}) == status


def test_any_host_is_served_where_keys_are_required() -> None:
    assert status_of("GET", {"Host": "api:8000"}, hosts=(), any_host=True) == 200
    assert status_of("GET", {"Host": "api:8000"}, any_host=True) == 421


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200), ("POST", JSON, 200),
        ("POST", JSON | {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8000"}, 200),
        ("POST", JSON | {"Origin": "http://127.0.0.1:8000"}, 200),
        ("POST", JSON | {"Origin": "http://127.0.0.1:8001"}, 403),
        ("POST", JSON | {"Origin": "https://evil.example"}, 403), ("POST", JSON | {"Origin": "null"}, 403),
        ("GET", {"Origin": "https://evil.example"}, 403),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Origin": "http://127.0.0.1:1"}, 403),
        ("GET", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403),
        ("POST", JSON | {"Sec-Fetch-Site": "cross-site", "Origin": PAGE}, 200),
        ("POST", JSON | {"Sec-Fetch-Site": "cross-site", "Origin": PAGE + ".evil.example"}, 403),
        ("OPTIONS", {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}, 200),
    ],
)  # fmt: skip
def test_pages_of_other_sites_are_refused(method: str, headers: dict[str, str], status: int) -> None:
    assert status_of(method, headers) == status


def test_a_link_may_open_a_page_but_not_frame_it() -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert status_of("GET", link, path="/") == 200
    assert status_of("GET", link | {"Sec-Fetch-Dest": "iframe"}, path="/") == 403
    assert status_of("POST", link, path="/") == 403


@pytest.mark.parametrize(
    ("kind", "status"),
    [("application/json; charset=utf-8", 200), ("application/problem+json", 200), ("text/plain", 415),
     ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=x", 415), (None, 415)],
)  # fmt: skip
def test_a_body_must_be_declared_as_json(kind: str | None, status: int) -> None:
    headers = {"Content-Length": "2"} | ({} if kind is None else {"Content-Type": kind})
    assert status_of("POST", headers) == status


@pytest.mark.parametrize("name", ["Forwarded", "Via", "X-Forwarded-For", "x-forwarded-host", "X-Real-IP"])
def test_forwarding_headers_show_a_proxy(name: str) -> None:
    assert is_forwarded(make_mocked_request("GET", "/", headers={name: "127.0.0.1"}))
    assert not is_forwarded(make_mocked_request("GET", "/"))


@pytest.mark.parametrize(
    ("proxies", "remote", "hops", "address"),
    [
        ((), "10.0.0.1", "1.2.3.4", "10.0.0.1"), (("10.0.0.0/8",), "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (("10.0.0.0/8",), "10.0.0.1", "9.9.9.9, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (("10.0.0.0/8",), "10.0.0.1", "", "10.0.0.1"),
        ((), "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"), (("10.0.0.0/8",), "10.0.0.1", "x" * 200, "x" * 64),
    ],
)  # fmt: skip
def test_client_address_is_named_by_trusted_proxies_only(
    proxies: tuple[str, ...], remote: str, hops: str, address: str
) -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": hops}).clone(remote=remote)
    assert ClientAddresses(proxies).address_of(request) == address
