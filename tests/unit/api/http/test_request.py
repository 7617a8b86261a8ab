"""Bodies of requests: a field that is given twice is named with its path."""

from __future__ import annotations

import pytest

from services.api.errors import ApiProblem
from services.api.http.request import parse_object


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"start": "2023-01-02", "start": "2023-02-02"}', "start"),
        (b'{"strategy": {"buy": {"where": "PER < 10", "where": "PER < 5"}}}', "strategy.buy.where"),
        (b'{"ids": [{"a": 1}, {"a": 1, "a": 1}]}', "ids[1].a"),
        (b'{"start": "2023-01-02", "\\u0073tart": "2023-01-02"}', "start"),
    ],
)
def test_field_given_twice_is_refused_with_its_path(body: bytes, path: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        parse_object(body)
    assert (caught.value.status, [problem.path for problem in caught.value.errors]) == (422, [path])


def test_equal_names_in_different_objects_are_allowed() -> None:
    assert parse_object(b'{"buy": {"where": "a"}, "sell": {"where": "b"}}')["sell"] == {"where": "b"}


def test_values_of_a_body_are_counted_up_to_its_limit() -> None:
    assert len(parse_object(b'{"a": [' + b"1," * 998 + b"1]}")["a"]) == 999
    for limit in (1000, 5000):
        with pytest.raises(ApiProblem) as caught:
            parse_object(b'{"a": [' + b"1," * limit + b"1]}", limit)
        assert str(limit) in str(caught.value.errors[0].message)
