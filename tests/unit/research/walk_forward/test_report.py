"""Windows that cannot be traded are refused with their reasons; stored ends are read again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from msgspec import convert

from shared.errors import DatasetError, RequestError
from shared.research.walk_forward.plan import Dates, WalkForwardPlan, WindowDates, plan_walk_forward
from shared.research.walk_forward.report import (
    Choices,
    Finished,
    WindowOutcome,
    request_error,
    stitch_requests,
    unpack,
    without_account,
)
from shared.research.walk_forward.request import WalkForwardBody, Windows
from tests.unit.research.sweeps.test_columns import BODY

TRAIN = Dates(dt.date(2024, 1, 2), dt.date(2024, 6, 28), 120)
TEST = Dates(dt.date(2024, 7, 1), dt.date(2024, 9, 30), 60)


def planned(choose: Any = "best") -> WalkForwardPlan:
    body = convert(BODY | {"windows": {"train": "6M", "test": "3M"}, "choose": choose}, WalkForwardBody)
    assert isinstance(body.windows, Windows)
    sweep = plan_walk_forward(body, frozenset({"KOSPI"}))
    return WalkForwardPlan(body=body, sweep=sweep, windows=(WindowDates(TRAIN, TEST),), next_train=TRAIN)


def nothing(failure: dict[str, Any] | None = None) -> WindowOutcome:
    return WindowOutcome(chosen=None, train={}, test={}, rank=None, failure=failure)


@pytest.mark.parametrize(
    ("choose", "failure", "code", "words"),
    [
        ("best", None, "walk_forward_no_choice", "loosen objective.where"),
        ("plateau", None, "walk_forward_no_plateau", "use a grid"),
        ("best", {"detail": "PER has no value"}, "walk_forward_train_failed", "PER has no value; begin later"),
    ],
)
def test_window_without_a_choice_says_why(choose: str, failure: Any, code: str, words: str) -> None:
    with pytest.raises(RequestError) as error:
        stitch_requests(planned(choose), [nothing(failure)])
    (problem,) = error.value.problems
    assert (problem.path, problem.code) == ("windows[0]", code)
    assert words in problem.message


def test_stored_end_is_read_again() -> None:
    plan = planned()
    with pytest.raises(RequestError) as error:
        stitch_requests(plan, [nothing()])
    found = without_account(plan, Choices(outcomes=[nothing()], following=None), request_error(error.value))
    again = unpack(found.pack(), with_result=True)
    assert again.document == found.document
    assert again.error is not None
    assert again.error["kind"] == "request"
    assert again.result is None
    assert unpack(Finished(document={}, result={"equity": []}, error=None).pack(), with_result=True).result == {
        "equity": []
    }
    with pytest.raises(DatasetError):
        unpack(b"\x05\x00\x00\x00damaged")
