"""Messages about single values of a request: types, ranges, lengths."""

from __future__ import annotations

from typing import Any

from shared.messages.declaration import kind

_BOUNDS: dict[str, Any] = {"ge": 1, "gt": None, "le": 20, "lt": None}

KINDS = (
    kind("invalid_value", "{message}", "{message}", message="this value is not allowed"),
    kind("field_required", "this field is required", "필수 항목입니다."),
    kind("unknown_field", "there is no such field{remedy}", "존재하지 않는 항목입니다.{remedy}",
         suggestions=["stop_loss_pct"], known=["stop_loss_pct", "take_profit_pct"]),
    kind("not_an_object", "must be an object; omit it to use its defaults",
         "객체여야 합니다. 기본값을 사용하려면 생략하십시오."),
    kind("not_a_number", "must be a number{allowed}", "{allowed}숫자여야 합니다.", **_BOUNDS),
    kind("not_a_whole_number", "must be a whole number{allowed}", "{allowed}정수여야 합니다.", **_BOUNDS),
    kind("out_of_range", "{value:g} is out of range: must be{allowed}",
         "{value:g}: 허용 범위를 벗어났습니다. {allowed}값을 입력하십시오.", value=25.0, **_BOUNDS),
    kind("not_a_text", "must be text", "문자열이어야 합니다."),
    kind("nul_character", "must not contain the character NUL", "NUL 문자는 사용할 수 없습니다."),
    kind("text_length", "must have {lengths} characters; it has {length}",
         "{lengths}여야 합니다. 현재 {length}자입니다.", minimum=1, maximum=64, length=70),
    kind("pattern_mismatch", "must match the pattern {pattern}", "{pattern} 형식이어야 합니다.", pattern="^[a-z]+$"),
    kind("not_a_boolean", "must be true or false", "true 또는 false여야 합니다."),
    kind("not_a_choice", "{given}must be one of {choices}", "{given}다음 중 하나를 사용하십시오: {choices}.",
         value="up", choices=["asc", "desc"]),
    kind("no_such_date", "this date does not exist", "존재하지 않는 날짜입니다."),
    kind("not_a_date", "must be a date of the form YYYY-MM-DD", "날짜는 YYYY-MM-DD 형식으로 입력하십시오."),
    kind("not_a_list", "must be a list", "목록이어야 합니다."),
    kind("too_few_entries", "must have at least {minimum} {entries}", "항목이 {minimum}개 이상이어야 합니다.{entries}",
         minimum=1),
    kind("too_many_entries", "must have at most {maximum} entries; it has {length}",
         "항목은 {maximum}개 이하여야 합니다. 현재 {length}개입니다.", maximum=20, length=25),
    kind("unknown_name", "unknown name {name!r}{remedy}", "알 수 없는 이름입니다: {name!r}.{remedy}",
         name="반도체주", suggestions=["반도체"], known=[]),
    kind("more_unknown_names", "{count} more names are unknown", "이 밖에도 알 수 없는 이름이 {count}개 더 있습니다.",
         count=5),
)  # fmt: skip
