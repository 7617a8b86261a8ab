"""Errors of the client leave worker processes as they are."""

from __future__ import annotations

import pickle

import pytest

from shared.errors import OndolError
from shared.infra.api_client.errors import Mistake, RunCancelled, RunFailed, WaitTimeout, api_error

PROBLEM = {"title": "Invalid request", "code": "c", "params": {"n": 1}, "errors": [{"path": "a", "message": "b"}]}
RUN = {"id": "1", "status": "failed", "error": {"detail": "no", "kind": "factor_absent"}}


@pytest.mark.parametrize(
    "error",
    [api_error(422, PROBLEM), api_error(429, {}, 3.0), RunFailed(RUN), RunCancelled(RUN), WaitTimeout(RUN, 5)],
)
def test_error_survives_pickling(error: OndolError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_problem_without_a_code_has_that_of_its_type() -> None:
    error = api_error(404, {"type": "urn:ondol:problem:not-found", "detail": "There is none."})
    assert (error.code, str(error), error.errors) == ("not_found", "There is none.", ())
    assert api_error(422, PROBLEM).errors == (Mistake(path="a", message="b"),)
    assert str(api_error(500, {})) == "HTTP status 500"
