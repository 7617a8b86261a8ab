"""Messages about what expressions mean: names, types, scales, arguments."""

from __future__ import annotations

from shared.messages.declaration import kind

_RAW = "use raw_close, raw_volume or trading_value, or a ratio such as close / lag(close, 20)"
_RAW_KO = "raw_close, raw_volume, trading_value 또는 close / lag(close, 20)과 같은 비율을 사용하십시오."
_SCALES = (
    "must have the same scale: `{one}` has degree {degree}, `{other}` has {other_degree} "
    f"(split-adjusted prices have degree 1, volume -1 and other values 0; the level of adjusted prices is arbitrary); {_RAW}"
)
_SCALES_KO = (
    "척도가 같아야 합니다. `{one}`의 차수는 {degree}, `{other}`의 차수는 {other_degree}입니다(수정주가 1, 거래량 -1, "
    f"그 밖은 0). {_RAW_KO}"
)

KINDS = (
    kind("unknown_word", "unknown name {name}{did_you_mean}", "알 수 없는 이름입니다: {name}.{did_you_mean}",
         name="RO", suggestions=["ROE", "ROA"]),
    kind("unknown_function", "unknown function {name}{did_you_mean}", "알 수 없는 함수입니다: {name}.{did_you_mean}",
         name="ts_avg", suggestions=["ts_mean"]),
    kind("factor_not_in_dataset", "the factor {name} is not in this dataset",
         "팩터 {name:이} 이 데이터셋에 없습니다.", name="PER"),
    kind("function_without_arguments", "{name} is a function; write {signature}",
         "{name:은} 함수입니다. {signature} 형태로 작성하십시오.", name="ts_mean", signature="ts_mean(x, n)"),
    kind("index_is_market",
         "the index {name} is not loaded in this dataset; to choose a market use the request field universe.markets",
         "지수 {name:이} 이 데이터셋에 적재되어 있지 않습니다. 시장을 선택하려면 요청 항목 universe.markets를 사용하십시오.",
         name="KOSDAQ"),
    kind("text_comparison",
         "expressions compare numbers, not text; restrict stocks by universe.sectors, universe.markets, "
         "universe.stock_codes or universe.kinds",
         "식에서는 문자열이 아니라 숫자만 비교할 수 있습니다. 종목은 universe.sectors, universe.markets, "
         "universe.stock_codes, universe.kinds로 제한하십시오."),
    kind("text_field_comparison", "{name} is text, and expressions compare numbers; use the request field {field}",
         "{name:은} 문자열이므로 식에서 비교할 수 없습니다. 요청 항목 {field:을} 사용하십시오.",
         name="sector", field="universe.sectors"),
    kind("condition_needed_here", "expected a condition but found a number; compare it, e.g. `… > 0`",
         "조건이 필요한 위치에 숫자가 있습니다. `… > 0`과 같이 비교하십시오."),
    kind("number_needed_here", "expected a number but found a condition; write if(…, 1, 0)",
         "숫자가 필요한 위치에 조건이 있습니다. if(…, 1, 0)과 같이 작성하십시오."),
    kind("condition_needed",
         "expected a condition but `{text}` is a number; compare it, e.g. `{text} > 0`",
         "조건이 필요한 위치에 숫자 `{text}`이(가) 있습니다. `{text} > 0`과 같이 비교하십시오.", text="PER"),
    kind("number_needed", "expected a number but `{text}` is a condition; write if({text}, 1, 0)",
         "숫자가 필요한 위치에 조건 `{text}`이(가) 있습니다. if({text}, 1, 0)과 같이 작성하십시오.", text="PER > 10"),
    kind("scaled_result",
         "the level of `{text}` depends on split-adjusted prices or volumes, whose level is arbitrary "
         f"(scale degree {{degree}}, but 0 is needed); {_RAW}",
         "`{text}`의 값은 수준이 임의적인 수정주가나 수정거래량에 따라 달라집니다(척도 차수 {degree}, 0이어야 함). "
         f"{_RAW_KO}", text="close", degree=1),
    kind("differs_by_stock",
         "`{text}` differs by stock, but this condition is for the whole market; write an aggregate over "
         "the universe such as `row_mean({loaded_name})` or `row_count({loaded_name} > 0)`, or an index series",
         "`{text}`은(는) 종목마다 다른 값이지만 이 항목은 시장 전체에 대한 조건입니다. `row_mean({loaded_name})`, "
         "`row_count({loaded_name} > 0)`과 같은 집계나 지수를 사용하십시오.", text="PER", loaded_name="PER"),
    kind("scales_of_comparison", f"the two sides of a comparison {_SCALES}", f"비교하는 두 값의 {_SCALES_KO}",
         one="close", degree=1, other="PER", other_degree=0),
    kind("scales_of_sum", f"the sides of `{{operator}}` {_SCALES}", f"`{{operator}}` 양쪽 값의 {_SCALES_KO}",
         operator="+", one="close", degree=1, other="PER", other_degree=0),
    kind("scales_of_arguments", f"the arguments of {{function}} {_SCALES}", f"{{function}} 인수들의 {_SCALES_KO}",
         function="max", one="close", degree=1, other="PER", other_degree=0),
    kind("scaled_argument",
         "{function} needs a number of scale degree 0, but `{text}` has degree {degree} "
         f"(the level of split-adjusted prices and volumes is arbitrary); {_RAW}",
         "{function}에는 척도 차수가 0인 숫자가 필요하지만 `{text}`의 차수는 {degree}입니다(수정주가와 수정거래량의 "
         f"수준은 임의적임). {_RAW_KO}", function="rank", text="close", degree=1),
    kind("argument_count", "{signature} takes {expected} argument(s), but {count} given",
         "{signature}의 인수는 {expected}개입니다. 현재 {count}개입니다.", signature="ts_mean(x, n)", expected=2, count=1),
    kind("not_a_row_count", "n of {signature} must be a whole number from {minimum} to {maximum}",
         "{signature}의 n은 {minimum} 이상 {maximum} 이하의 정수여야 합니다.",
         signature="ts_mean(x, n)", minimum=1, maximum=500),
    kind("not_a_tail", "p of {signature} must be a number from 0 to 50 (percent in each tail)",
         "{signature}의 p는 0 이상 50 이하의 숫자여야 합니다(양쪽 꼬리의 퍼센트).", signature="winsorize(x, p)"),
)  # fmt: skip
