"""Parts of sentences that follow from parameters and differ by language in more than words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.messages.absences import reason_in_korean

Params = Mapping[str, Any]


def did_you_mean(params: Params, language: str) -> str:
    """Return a question that names the suggestions, an empty text without any."""
    names = ", ".join(params["suggestions"])
    if not names:
        return ""
    return f" 혹시 {names}입니까?" if language == "ko" else f"; did you mean {names}?"


def suggested(params: Params, language: str) -> str:
    """Return the suggested stock codes as a question, else where stocks are listed."""
    if params["suggestions"]:
        return did_you_mean(params, language)
    return " /v1/stocks?search= 로 검색하십시오." if language == "ko" else "; see /v1/stocks?search="


def remedy(params: Params, language: str) -> str:
    """Return the suggestions as a question, else the known names."""
    if params["suggestions"] or not params["known"]:
        return did_you_mean(params, language)
    names = ", ".join(params["known"])
    return f" 사용할 수 있는 값: {names}." if language == "ko" else f"; known values are {names}"


def allowed(params: Params, language: str) -> str:
    """Return the bounds of a number: ` at least 1 and at most 20`, `1 이상 20 이하인 `."""
    words = (("at least", "이상", "ge"), ("above", "초과", "gt"), ("at most", "이하", "le"), ("below", "미만", "lt"))
    bounds = [(en, ko, f"{params[name]:,.15g}") for en, ko, name in words if params[name] is not None]
    if not bounds:
        return ""
    if language == "ko":
        return " ".join(f"{bound} {ko}" for _, ko, bound in bounds) + "의 "
    return " " + " and ".join(f"{en} {bound}" for en, _, bound in bounds)


def given(params: Params, language: str) -> str:
    """Return the refused value, when it is short enough to be shown."""
    value = params["value"]
    if value is None:
        return ""
    return f"{value!r}: 사용할 수 없는 값입니다. " if language == "ko" else f"{value!r} is not allowed: "


def lengths(params: Params, language: str) -> str:
    """Return the permitted lengths of a text: `1 to 64`, `at least 1`."""
    low, high = params["minimum"], params["maximum"]
    if language == "ko":
        return f"{low}자 이상" + (f" {high}자 이하" if high is not None else "")
    return f"at least {low}" if high is None else f"{low} to {high}"


def entries(params: Params, language: str) -> str:
    """Return the noun for a number of entries, and the remedy of an empty list."""
    one = params["minimum"] == 1
    if language == "ko":
        return " 제한하지 않으려면 null을 사용하십시오." if one else ""
    return "entry; use null for no restriction" if one else "entries"


def operator_remedy(params: Params, language: str) -> str:
    """Return what to write instead of a sign of another language."""
    written = params["instead"]
    if written is None:
        return ""
    if written in _REMARKS:
        return f" {_REMARKS[written]}" if language == "ko" else f"; {written}"
    return f" {written} 형태로 작성하십시오." if language == "ko" else f"; write {written}"


_REMARKS = {
    "there is no power operator; multiply, or use sqrt and log": "거듭제곱은 없습니다. 곱셈이나 sqrt, log를 사용하십시오.",
    "write the number without %; factors in percent have percent values": "%를 빼고 숫자만 쓰십시오. 퍼센트 팩터의 값은 이미 퍼센트입니다.",
}


def loaded(params: Params, language: str) -> str:
    """Return the index series that are loaded."""
    names = ", ".join(params["known"])
    if language == "ko":
        return f" 사용할 수 있는 지수: {names}." if names else " 적재된 지수가 없습니다."
    return f"; the loaded indices are {names}" if names else ""


def because(params: Params, language: str) -> str:
    """Return a reason in parentheses."""
    reason = params["reason"]
    if not reason:
        return ""
    return f" ({reason_in_korean(reason)})" if language == "ko" else f" ({reason})"


DERIVED: Mapping[str, Callable[[Params, str], str]] = {
    function.__name__: function
    for function in (
        did_you_mean,
        suggested,
        remedy,
        allowed,
        given,
        lengths,
        entries,
        operator_remedy,
        loaded,
        because,
    )
}
