"""Messages about accepted backtests and queries that cannot have a result."""

from __future__ import annotations

from shared.messages.declaration import kind

_NOT_BOUGHT = {
    "bought": ("it was bought on this day",
        "이날 매수했습니다."),
    "no_signal": ("the row has no row before it in the dataset, so nothing could be decided",
        "데이터셋에 이 행의 직전 행이 없어 판단할 수 없었습니다."),
    "no_rebalance_day": ("the day is no rebalance day",
        "리밸런싱 날이 아닙니다."),
    "when_false": ("portfolio.when was false on the row before, so nothing was bought",
        "직전 행에서 portfolio.when이 거짓이어서 매수하지 않았습니다."),
    "drawdown_stop": ("a drawdown stop rested, so nothing was bought",
        "낙폭 손절 뒤 쉬는 기간이어서 매수하지 않았습니다."),
    "held": ("it was held already",
        "이미 보유하고 있었습니다."),
    "sold_today": ("it was sold earlier on this day, and is not bought on the same day",
        "이날 먼저 매도했으며, 같은 날 다시 매수하지 않습니다."),
    "not_in_universe": ("it was not in the universe on the row before",
        "직전 행에서 유니버스에 속하지 않았습니다."),
    "condition": ("it failed a part of buy.where on the row before",
        "직전 행에서 buy.where의 일부를 충족하지 못했습니다."),
    "no_rank_value": ("rank_by had no value for it on the row before",
        "직전 행에 rank_by 값이 없었습니다."),
    "not_in_target_list": ("it ranked behind the target list",
        "순위가 목표 목록 밖이었습니다."),
    "no_slot": ("no slot was free when its turn came",
        "차례가 되었을 때 빈 슬롯이 없었습니다."),
    "max_new_per_day": ("max_new_per_day stocks had been bought when its turn came",
        "차례가 되었을 때 이미 max_new_per_day 종목을 매수했습니다."),
    "sector_cap": ("max_per_sector positions of its sector were held",
        "같은 섹터를 이미 max_per_sector 종목 보유하고 있었습니다."),
    "halted": ("it did not trade on this day, or was in liquidation trading",
        "이날 거래되지 않았거나 정리매매 중이었습니다."),
    "limit_up": ("its price was at the upper limit",
        "가격이 상한가였습니다."),
    "volume": ("the volume cap allows less than one share",
        "거래량 한도로 한 주도 살 수 없었습니다."),
    "cash": ("the money for it buys less than one share",
        "배정된 금액으로 한 주도 살 수 없었습니다."),
}  # fmt: skip
"""Outcome of the question why a stock was not bought on a day, in the order in which it is checked."""

KINDS = (
    kind("benchmark_without_values", "the index {name} has no value up to {date}; use benchmark null",
         "지수 {name}의 값이 {date}까지 없습니다. benchmark를 null로 설정하십시오.", name="KOSPI", date="2023-12-28"),
    kind("universe_empty",
         "the universe has no stock on any row from {first} to {last} that decides something, "
         "so {factor} has no value; widen strategy.universe",
         "{first}부터 {last}까지 매매를 결정하는 모든 날에 유니버스에 종목이 없어 {factor}의 값이 없습니다. "
         "strategy.universe를 넓히십시오.", first="2023-01-02", last="2023-12-28", factor="PER"),
    kind("factor_without_values",
         "{factor} has no value for any stock of the universe on any row from {first} to {last} "
         "that decides something{because}",
         "{first}부터 {last}까지 매매를 결정하는 모든 날에 유니버스의 어떤 종목에도 {factor}의 값이 없습니다{because}.",
         first="2023-01-02", last="2023-12-28", factor="PER", reason="no statements"),
    kind("window_never_filled",
         "{text} needs {rows} rows of values and no stock of the universe has them on any row "
         "from {first} to {last} that decides something: there are {available} rows up to {last}; shorten the "
         "window or let the backtest begin later",
         "{text} 계산에는 값이 {rows}행 필요하지만 {first}부터 {last}까지 매매를 결정하는 모든 날에 이를 갖춘 종목이 "
         "없습니다. {last}까지의 행은 {available}개입니다. 기간(n)을 줄이거나 시작일을 늦추십시오.",
         text="ts_mean(close, 200)", rows=200, first="2023-01-02", last="2023-12-28", available=120),
    kind("several_problems", "{count} problems; each is listed under errors.",
         "{count}건의 문제가 있습니다. errors에서 각각 확인하십시오.", count=2),
    kind("dataset_gone", "The dataset version {version} has been deleted.", "데이터셋 버전 {version:이} 삭제되었습니다.",
         version="3fae8c95"),
    kind("no_result", "The stored result of this backtest has been deleted.", "저장된 백테스트 결과가 삭제되었습니다."),
    kind("no_window", "{date} is not a trading day of the dataset.", "{date}: 데이터셋의 거래일이 아닙니다.",
         date="2024-01-06"),
    kind("no_ledger",
         "This result was computed by engine version 1, which kept no ledger of splits and dividends: "
         "run the backtest again to see its holdings.",
         "엔진 버전 1로 계산된 결과에는 액면분할과 배당 내역이 없습니다. 보유 종목을 보려면 백테스트를 다시 "
         "실행하십시오."),
    kind("no_row_with_nearest",
         "{date} is no row of this backtest ({first} to {last}); the nearest are {nearest}",
         "{date}: 이 백테스트({first}~{last})의 거래일이 아닙니다. 가장 가까운 날짜: {nearest}.",
         date="2023-01-01", first="2023-01-02", last="2023-12-28", nearest=["2023-01-02"]),
    kind("no_row", "{date} is no row of this backtest, which has rows from {first} to {last}",
         "{date}: 이 백테스트의 거래일이 아닙니다. 기간은 {first}부터 {last}까지입니다.",
         date="2023-01-01", first="2023-01-02", last="2023-12-28"),
    kind("unknown_stock", "the dataset has no stock {stock_code!r}{did_you_mean}",
         "데이터셋에 종목 {stock_code!r}이(가) 없습니다.{did_you_mean}", stock_code="5930", suggestions=["005930"]),
    kind("interrupted", "The backtest was interrupted three times, the last time: {reason}",
         "백테스트가 세 번 중단되었습니다. 마지막 원인: {reason}", reason="PostgreSQL does not answer."),
    kind("run_crashed", "The run failed with an internal error, which has been logged.",
         "내부 오류로 실행에 실패했습니다. 오류는 기록되었습니다."),
    kind("query_unknown", "The simulator that took the query is of an older version and does not know it; "
         "repeat the request.",
         "조회를 받은 시뮬레이터가 이전 버전이어서 처리하지 못합니다. 다시 요청하십시오."),
    kind("query_crashed", "The query failed with an internal error, which has been logged.",
         "내부 오류로 조회에 실패했습니다. 오류는 기록되었습니다."),
    kind("damaged_panels",
         "Data in the memory of the machine were damaged while the backtest was computed, so that its result was "
         "withdrawn; submit it again.",
         "백테스트를 계산하는 동안 메모리의 데이터가 손상되어 결과를 취소했습니다. 다시 제출하십시오."),
    kind("damaged_selection",
         "Data in the memory of the machine were damaged while the stocks were selected, so that the selection was "
         "withdrawn; the next warm run selects again.",
         "종목을 선정하는 동안 메모리의 데이터가 손상되어 선정 결과를 취소했습니다. 다음 사전 계산에서 다시 선정합니다."),
    kind("killed_simulator",
         "The backtest ended its simulator three times and is not tried again; narrow the request.",
         "백테스트 실행 중 시뮬레이터가 세 번 종료되어 다시 시도하지 않습니다. 요청 범위를 줄이십시오."),
    kind("run_overdue", "The run was ended after {seconds} seconds (ONDOL_RUN_LIMIT_S); narrow the request.",
         "실행 시간이 {seconds}초를 넘어 중단되었습니다(ONDOL_RUN_LIMIT_S). 요청 범위를 줄이십시오.", seconds=300),
    kind("query_overdue", "The answer was not ready after {seconds} seconds; repeat the request, or narrow it.",
         "{seconds}초 안에 응답을 계산하지 못했습니다. 다시 요청하거나 요청 범위를 줄이십시오.", seconds=60),
    kind("answer_too_large", "The answer would be too large; request a shorter window.",
         "응답이 너무 큽니다. 기간을 줄여 요청하십시오."),
    kind("data_unreadable", "The data cannot be read at this moment; try again.",
         "현재 데이터를 읽을 수 없습니다. 잠시 후 다시 시도하십시오."),
    *(kind(f"not_bought_{outcome}", english, korean) for outcome, (english, korean) in _NOT_BOUGHT.items()),
)  # fmt: skip
