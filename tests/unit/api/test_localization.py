"""Languages of answers: negotiated, and applied to problem documents of every origin."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.errors import ApiProblem, as_problem, invalid
from services.api.localization import localized_problem, preferred_language
from shared.contracts.http import problem_document, run_problem
from shared.errors import Problem, RunError
from shared.messages import joined, say


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"), ("", "en"), ("ko", "ko"), ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"), ("KO-kr", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"), ("ko;q=0", "en"), ("fr, ko;q=0.3", "ko"), ("*", "en"), ("*, ko;q=0.5", "en"),
        ("ko, en", "ko"), ("en, ko", "en"), ("ko;q=x", "en"), ("kok", "en"),
    ],
)  # fmt: skip
def test_language_follows_the_weights(header: str | None, language: str) -> None:
    assert preferred_language(header) == language


def korean(problem: ApiProblem) -> dict[str, Any]:
    return localized_problem(problem.document, "ko")


def test_single_mistake_is_the_detail() -> None:
    found = korean(invalid([Problem(path="start", message=say("no_such_date"))]))
    assert (found["title"], found["code"], found["params"]) == ("잘못된 요청", "invalid_request", {"count": 1})
    assert found["detail"] == found["errors"][0]["message"] == "존재하지 않는 날짜입니다."
    assert found["errors"][0]["code"] == "no_such_date"


def test_several_mistakes_are_counted() -> None:
    problems = [Problem(path=path, message=say("field_required")) for path in ("start", "end")]
    assert korean(invalid(problems))["detail"] == "2건의 문제가 있습니다. errors에서 각각 확인하십시오."


def test_failed_run_is_shown_in_either_language() -> None:
    messages = [say("factor_absent", name="PER"), say("no_such_date")]
    error = RunError("request_refused", joined(messages), tuple(Problem(path="x", message=m) for m in messages))
    document = run_problem(error)
    assert (document["code"], document["kind"]) == ("several_problems", "request_refused")
    assert localized_problem(document, "en")["detail"] == f"{messages[0]}; {messages[1]}"
    found = localized_problem(document, "ko")
    assert found["detail"] == "팩터 PER이(가) 이 데이터셋 버전에 없습니다. 존재하지 않는 날짜입니다."
    single = run_problem(RunError("no_result", say("no_result")))
    assert localized_problem(single, "ko")["detail"] == "저장된 백테스트 결과가 삭제되었습니다."
    assert as_problem(error).document == document


def test_problem_of_an_earlier_version_gets_codes() -> None:
    stored = {"type": "urn:ondol:problem:run-failed", "title": "Backtest failed", "status": 422, "detail": "gone",
              "errors": [{"path": "benchmark", "message": "absent"}], "kind": "benchmark_absent"}  # fmt: skip
    found = localized_problem(stored, "ko")
    assert (found["code"], found["params"], found["detail"]) == ("benchmark_absent", {"message": "gone"}, "gone")
    assert found["errors"] == [
        {"path": "benchmark", "message": "absent", "code": "invalid_value", "params": {"message": "absent"}}
    ]


def test_detail_without_a_message_has_the_code_of_its_type() -> None:
    document = problem_document(409, "conflict", "taken")
    assert (document["code"], document["params"]) == ("conflict", {"message": "taken"})
