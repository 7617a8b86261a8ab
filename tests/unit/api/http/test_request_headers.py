"""Headers of requests whose value is checked."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from services.api.errors import ApiProblem
from services.api.http.request_headers import CHECKED, idempotency_key_of, origin_of


@pytest.mark.parametrize("value", ["a", "x" * 255, "order 7: é"[:8]])
def test_idempotency_key_of_printable_ascii_is_accepted(value: str) -> None:
    assert idempotency_key_of(make_mocked_request("POST", "/", headers={"Idempotency-Key": value})) == value


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Idempotency-Key", ""),
        ("Idempotency-Key", "x" * 256),
        ("Idempotency-Key", "ключ"),
        ("Idempotency-Key", "a\tb"),
        ("Ondol-Origin", ""),
        ("Ondol-Origin", "robot"),
    ],
)
def test_invalid_value_is_refused_with_its_header(header: str, value: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        CHECKED[header](make_mocked_request("POST", "/", headers={header: value}))
    assert (caught.value.status, [problem.path for problem in caught.value.errors]) == (422, [header])


def test_origin_is_user_by_default_in_any_case_of_letters() -> None:
    assert origin_of(make_mocked_request("POST", "/")) == "user"
    assert origin_of(make_mocked_request("POST", "/", headers={"Ondol-Origin": "Warmer"})) == "warmer"
