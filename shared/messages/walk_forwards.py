"""Messages about walk-forwards: windows, choices and states."""

from __future__ import annotations

from shared.messages.declaration import kind

KINDS = (
    kind("walk_forward_too_long", "train, test and step end after the year 9999; use shorter lengths",
         "train, test, step이 9999년을 넘습니다. 더 짧게 지정하십시오."),
    kind("walk_forward_overlap", "the step {step} is shorter than the test {test}, so test days would be traded twice; "
         "omit step, or use at least {test}",
         "step({step})이 test({test})보다 짧아 같은 테스트 기간이 두 번 거래됩니다. step을 생략하거나 {test} 이상으로 지정하십시오.",
         step="3M", test="6M"),
    kind("walk_forward_step_of_positions",
         "an account cannot continue over days that belong to no window; omit step, or use carry cash",
         "어느 구간에도 속하지 않는 날이 있으면 계좌를 이어갈 수 없습니다. step을 생략하거나 carry를 cash로 지정하십시오."),
    kind("walk_forward_no_window",
         "no complete window of train {train} and test {test} fits between {start} and {end}; the first would need the "
         "days up to, but not including, {needed}. Use shorter windows or more days",
         "{start}부터 {end}까지에 train {train}와 test {test}로 된 온전한 구간이 없습니다. 첫 구간은 {needed} 전에 끝납니다. "
         "구간을 줄이거나 기간을 늘리십시오.",
         train="24M", test="6M", start="2022-01-03", end="2023-12-28", needed="2024-07-03"),
    kind("walk_forward_train_short",
         "the train of window {window} has {rows} trading days; at least {limit} are needed. Use a longer train or a "
         "smaller gap",
         "구간 {window}의 학습 기간이 {rows}거래일입니다. 최소 {limit}거래일이 필요합니다. train을 늘리거나 gap_rows를 줄이십시오.",
         window=0, rows=4, limit=20),
    kind("walk_forward_test_empty",
         "the test of window {window} from {first} up to, but not including, {end} has no trading day; use a longer test",
         "구간 {window}의 테스트 기간({first}부터 {end} 전까지)에 거래일이 없습니다. test를 늘리십시오.",
         window=0, first="2020-01-25", end="2020-01-27"),
    kind("walk_forward_many_windows", "more than {limit} windows; use a longer step or fewer days",
         "구간이 {limit}개를 넘습니다. step을 늘리거나 기간을 줄이십시오.", limit=200),
    kind("walk_forward_tpe",
         "tpe chooses other variants in each window, so they cannot be ranked out of sample; use grid, random, lhs or "
         "sobol",
         "tpe는 구간마다 다른 변형을 고르므로 표본 밖 순위를 정할 수 없습니다. grid, random, lhs, sobol 중 하나를 사용하십시오."),
    kind("walk_forward_place",
         "a parameter is not allowed here: a walk-forward chooses strategies for given costs, cash and rates; write the "
         "value, or compare values with a sweep",
         "이 자리에는 매개변수를 사용할 수 없습니다. 워크포워드는 전략을 고르며 비용, 현금, 금리는 주어진 값입니다. 값을 직접 쓰거나 "
         "스윕으로 비교하십시오."),
    kind("walk_forward_not_found", "There is no walk-forward with this id.", "해당 ID의 워크포워드가 없습니다."),
    kind("walk_forward_window_not_found", "The walk-forward has no window {window}; they are numbered from 0 to {last}.",
         "워크포워드에 구간 {window:이} 없습니다. 번호는 0부터 {last}까지입니다.", window=9, last=7),
    kind("walk_forward_ended", "The walk-forward has already ended: {status}.", "워크포워드가 이미 종료되었습니다({status}).",
         status="completed"),
    kind("walk_forward_no_result", "The walk-forward has no result: it is {status}.",
         "워크포워드에 결과가 없습니다(현재 {status}).", status="running"),
    kind("walk_forward_no_choice",
         "no variant is ranked over the train of window {window} ({start} to {end}): loosen objective.where, or lengthen "
         "the train",
         "구간 {window}의 학습 기간({start}부터 {end}까지)에 순위를 매길 변형이 없습니다. objective.where를 완화하거나 train을 늘리십시오.",
         window=3, start="2019-01-02", end="2020-12-30"),
    kind("walk_forward_train_failed",
         "no variant could be chosen over the train of window {window} ({start} to {end}), where variants have no result: "
         "{reason}; begin later, or lengthen the train",
         "구간 {window}의 학습 기간({start}부터 {end}까지)에 결과가 없는 변형이 있어 고르지 못했습니다: {reason}; "
         "시작일을 늦추거나 train을 늘리십시오.",
         window=0, start="2019-01-02", end="2020-12-30", reason="MOMENTUM_12M has no value"),
    kind("walk_forward_no_plateau",
         "no variant of window {window} ({start} to {end}) has at least half of its neighbours: use a grid, loosen objective.where, "
         "or choose best",
         "구간 {window}({start}부터 {end}까지)에서 이웃의 절반이 있는 변형이 없습니다. grid를 사용하거나 objective.where를 완화하거나 "
         "choose를 best로 지정하십시오.",
         window=3, start="2019-01-02", end="2020-12-30"),
    kind("walk_forward_choice_failed",
         "variant {variant}, which window {window} chose, has no result from {start} to {end}; the table of its test "
         "gives the reason",
         "구간 {window:이} 고른 변형 {variant}에 {start}부터 {end}까지의 결과가 없습니다. 테스트 표에 사유가 있습니다.",
         variant=17, window=3, start="2021-01-04", end="2021-06-30"),
    kind("walk_forward_windows_failed", "{count} windows cannot be traded", "거래할 수 없는 구간이 {count}개입니다.", count=2),
    kind("walk_forward_end_killed",
         "The simulator process ended ten times while it simulated the account of the windows.",
         "구간의 계좌를 시뮬레이션하는 동안 시뮬레이터가 열 번 종료되었습니다."),
    kind("walk_forward_no_holdout", "The walk-forward has no holdout; a request defines one with `holdout`.",
         "이 워크포워드에는 홀드아웃이 없습니다. 요청에 holdout을 지정해야 합니다."),
    kind("walk_forward_holdout_unfinished",
         "The holdout can be opened when the walk-forward is completed, not while it is {status}.",
         "홀드아웃은 워크포워드가 완료된 뒤에만 열 수 있습니다(현재 {status}).", status="running"),
    kind("walk_forward_no_next", "The walk-forward has chosen no values to trade next.",
         "워크포워드가 다음에 거래할 값을 고르지 않았습니다."),
)  # fmt: skip
