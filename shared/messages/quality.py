"""Messages of the checks of loaded data."""

from __future__ import annotations

from shared.messages.declaration import kind

_STATEMENT_EN = "fiscal {fiscal_year} quarter {fiscal_quarter}: "
_STATEMENT_KO = "{fiscal_year} 회계연도 {fiscal_quarter}분기: "
_STATEMENT = {"fiscal_year": "2023", "fiscal_quarter": 4}

KINDS = (
    kind("quarantined_income", _STATEMENT_EN + "net_income is more than 2 times total_assets",
         _STATEMENT_KO + "net_income이 total_assets의 2배를 넘습니다.", **_STATEMENT),
    kind("quarantined_assets", _STATEMENT_EN + "total_assets is more than 100 times above or below the company's median",
         _STATEMENT_KO + "total_assets가 회사 중앙값의 100배를 넘거나 100분의 1에 못 미칩니다.", **_STATEMENT),
    kind("quarantined_revenue", _STATEMENT_EN + "revenue is more than 100 times above or below the company's median",
         _STATEMENT_KO + "revenue가 회사 중앙값의 100배를 넘거나 100분의 1에 못 미칩니다.", **_STATEMENT),
    kind("quarantined_falling_revenue", _STATEMENT_EN + "cumulated revenue falls within the fiscal year",
         _STATEMENT_KO + "누적 revenue가 회계연도 안에서 감소합니다.", **_STATEMENT),
    kind("late_disclosure", _STATEMENT_EN + "disclosed {days} days after the end of the period",
         _STATEMENT_KO + "결산일로부터 {days}일 뒤에 공시되었습니다.", **_STATEMENT, days=500),
    kind("amount_of_another_scale", _STATEMENT_EN + "{account} is {times:.4g} times the company's median",
         _STATEMENT_KO + "{account}: 회사 중앙값의 {times:.4g}배입니다.", **_STATEMENT, account="revenue", times=1000.0),
    kind("owners_part_absent", "the statements have {accounts}", "지배주주 귀속 금액이 없습니다: {accounts}",
         accounts=["net_income without net_income_owners"]),
    kind("move_beyond_limit", "after a close of {base:g} the open is {open:g} and the close {close:g}",
         "직전 종가는 {base:g}, 시가는 {open:g}, 종가는 {close:g}입니다.", base=1000.0, open=2000.0, close=2100.0),
    kind("share_count_jump", "the number of listed shares changes by the factor {times:.4g}", "상장주식수가 {times:.4g}배가 되었습니다.", times=2.0),
    kind("share_count_jump_with_split", "the number of listed shares changes by the factor {times:.4g}; the prices suggest a split of {split}",
         "상장주식수가 {times:.4g}배가 되었습니다. 가격으로 보면 분할 비율은 {split}입니다.", times=2.0, split="1:2"),
    kind("split_missing", "the close changes by the factor {move:.4g} and the number of shares does not change; suggested split {split}",
         "종가가 {move:.4g}배가 되었고 상장주식수는 변동이 없습니다. 제안하는 분할 비율: {split}", move=3.0, split="3:1"),
    kind("split_missing_with_shares", "the close changes by the factor {move:.4g} and the number of shares by {times:.4g}; suggested split {split}",
         "종가가 {move:.4g}배, 상장주식수가 {times:.4g}배가 되었습니다. 제안하는 분할 비율: {split}", move=3.0, times=0.33, split="3:1"),
    kind("cap_off", "market_cap differs from close x listed_shares by up to {off:.1%} on {rows} rows", "시가총액이 종가 × 상장주식수와 최대 {off:.1%} 다릅니다({rows}행).", off=0.5, rows=20),
    kind("rows_absent_before", "there is no row on the {days} days before", "이전 {days}일 동안 행이 없습니다.", days=90),
    kind("prices_end_early", "this is the last row, but the stock was delisted on {delisted_on}", "마지막 행이지만 상장폐지일은 {delisted_on}입니다.",
         delisted_on="2024-01-02"),
    kind("opens_off_tick", "{share:.0%} of the opens of {year} are not multiples of the tick", "{year}년 시가의 {share:.0%}가 호가 단위에 맞지 않습니다.", share=0.5, year="2023"),
    kind("one_price_throughout", "price {price:g} on {rows} consecutive rows", "{rows}행 연속 가격이 {price:g}입니다.", price=22.0, rows=32),
)  # fmt: skip
