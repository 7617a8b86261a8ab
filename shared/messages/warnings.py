"""Korean sentences of a result's warnings, made from their figures (declared in shared.simulation.warnings)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shared.messages.korean import Word

Figures = Mapping[str, Any]


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.4g} %"


def _listed(names: Iterable[Any], count: int) -> str:
    shown = [str(name) for name in names]
    more = count - len(shown)
    return ", ".join(shown) + (f" 외 {more}개" if more > 0 else "")


def _window_clipped(f: Figures) -> str:
    if f["side"] == "start":
        return f"시작일({f['requested']})이 데이터의 첫 날짜({f['available']})보다 빠릅니다."
    return f"종료일({f['requested']})이 데이터의 마지막 날짜({f['available']})보다 늦습니다."


def _suspicious_value(f: Figures) -> str:
    field, value = f["field"], f["value"]
    if value is None:
        return (
            "전략에 규칙이 없습니다. 유니버스에서 시가총액이 큰 종목을 매수한 뒤 매도하지 않습니다. strategy.buy.where, "
            "strategy.buy.rank_by 또는 strategy.sell의 규칙을 설정하십시오."
        )
    if str(field).endswith("min_hold_days"):
        return (
            f"{field}({value})가 max_hold_days보다 커서 where와 리밸런싱에 의한 매도가 이루어지지 않습니다. "
            "min_hold_days를 줄이십시오."
        )
    return f"{field} 값이 {value:g}, 즉 {value:g} %입니다. {100 * value:g} %를 의도하셨다면 {Word(f'{100 * value:g}'):을} 입력하십시오."


def _factor_gap(f: Figures) -> str:
    buys = str(f["path"]).startswith(("strategy.buy", "strategy.universe"))
    effect = (
        f"이 기간의 리밸런싱일 {f['rebalances']}일 동안 매수 후보가 없었습니다."
        if buys
        else "이 기간에는 해당 팩터를 사용한 비교가 모두 거짓이었습니다."
    )
    return (
        f"{f['factor']}({f['path']})의 값이 {f['from']}부터 {f['to']}까지 매매를 결정하는 {f['rows']}행 동안 유니버스의 어떤 "
        f"종목에도 없습니다. {effect} 누락된 데이터를 적재하거나 기간을 줄이십시오."
    )


def _scarce_factor(f: Figures) -> str:
    reason = f" ({f['reason']})" if f["reason"] else ""
    return (
        f"{f['factor']}({f['path']})의 값이 있는 비율이 {_percent(f['coverage'])}에 불과합니다{reason}. "
        "이 결과로 전략을 판단하지 마십시오."
    )


def _range(part: Figures) -> str:
    return f"(값의 범위: {part['lowest']:.4g} ~ {part['highest']:.4g}, 단위: {part['unit']})" if "unit" in part else ""


def _no_candidate(f: Figures) -> str:
    terms = [
        f"유니버스: {f['universe']}",
        *(f"{part['condition']}: {part['passed']}{_range(part)}" for part in f["parts"]),
    ]
    return f"매수 후보가 없었습니다. 한 번이라도 통과한 종목 수 - {'; '.join(terms)}; rank_by 값 있음: {f['ranked']}."


def _low_exposure(f: Figures) -> str:
    stopped, exposure, positions = f["stopped_rows"], f["open_exposure"], f["open_positions"]
    invested = f"평균적으로 자산의 {_percent(f['exposure'])}만 투자되었습니다(포지션 {f['slots']}개 중 {f['mean_positions']:.4g}개)."
    if stopped:
        invested += f" 시장 조건(portfolio.when)이나 낙폭 중단으로 {stopped}행 동안 매수하지 않았습니다."
        if exposure is None or exposure >= 0.8:
            return f"{invested} 같은 기간의 현금과 비교하십시오."
    remedy = (
        "포지션이 배정된 금액보다 작습니다. initial_cash를 줄이거나 execution.max_volume_pct, "
        "portfolio.max_position_value를 늘리거나 더 큰 종목을 선택하십시오."
        if (positions or 0) >= 0.9 * f["slots"]
        else "후보 종목 수에 맞게 max_positions를 줄이거나 on_rebalance reweight와 invest full을 사용하십시오."
    )
    return f"{invested} {remedy}"


def _large_orders(f: Figures) -> str:
    return (
        f"매수 {f['buys']}건 중 {f['orders']}건이 당일 거래량의 10 %를 초과했고(최대 {_percent(f['largest'])}), "
        f"{f['above_listed_shares']}건은 상장주식수보다 많습니다. initial_cash를 줄이거나 execution.max_volume_pct를 유지하거나 "
        "costs.impact를 설정하십시오."
    )


def _mostly_not_common(f: Figures) -> str:
    return (
        f"매수의 {_percent(f['share'])}가 보통주가 아닙니다(우선주 {f['preferred']}건, 스팩 {f['spac']}건, 리츠 {f['reit']}건). "
        "의도한 것이 아니라면 universe.kinds에서 제외하십시오."
    )


def _suspect_price(f: Figures) -> str:
    return (
        f"보유 종목의 가격 {f['count']}건이 액면분할 없이 가격제한폭을 벗어났습니다. 가장 큰 것은 {f['date']}의 "
        f"{f['stock_code']}({_percent(f['move'])})입니다. 누락된 액면분할이 있는지 확인하십시오."
    )


def _stale_exit(f: Figures) -> str:
    return (
        f"상장폐지된 종목 {f['count']}건이 30일 넘게 지난 가격으로 정리되었습니다: "
        f"{_listed(f['stock_codes'], len(f['stock_codes']))}. 실제로는 얻을 수 없는 가격입니다. "
        "execution.stale_haircut_pct를 참고하십시오."
    )


def _unpriced_holdings(f: Figures) -> str:
    names = _listed((f"{item['stock_code']}({item['last_traded']})" for item in f["holdings"]), f["count"])
    return (
        f"보유 종목 {f['count']}개가 60행 넘게 거래되지 않아 마지막 종가로 평가되었습니다(총 {f['value']:,.0f}원): {names}. "
        "상장폐지된 종목이라면 delisted_on을 적재하십시오."
    )


KOREAN: Mapping[str, Callable[[Figures], str]] = {
    "window_clipped": _window_clipped,
    "no_signal": lambda f: f"{f['date']}은 데이터셋의 첫 행이므로 신호가 없어 매수가 이루어지지 않습니다.",
    "short_window": lambda f: f"기간이 {f['rows']}행입니다. 60행 미만의 연율화 수치는 의미가 작습니다.",
    "unknown_stocks": lambda f: (
        f"strategy.universe.exclude에 데이터셋에 없는 종목이 있습니다: {_listed(f['stock_codes'], f['count'])}."
    ),
    "suspicious_value": _suspicious_value,
    "no_effect": lambda f: (
        f"{f['field']} 값({f['value']})은 {f['needs']} 없이는 효과가 없습니다. 함께 설정하거나 이 항목을 빼십시오."
    ),
    "factor_gap": _factor_gap,
    "scarce_factor": _scarce_factor,
    "no_candidate": _no_candidate,
    "low_exposure": _low_exposure,
    "long_idle": lambda f: (
        f"{f['from']}부터 {f['to']}까지 {f['rows']}행 동안 보유 종목이 없었습니다. 조건의 어느 부분이 충족되지 않았는지 "
        "explain에서 확인하십시오."
    ),
    "large_orders": _large_orders,
    "mostly_not_common": _mostly_not_common,
    "suspect_price": _suspect_price,
    "stale_exit": _stale_exit,
    "unpriced_holdings": _unpriced_holdings,
    "benchmark_starts_late": lambda f: (
        f"지수 {f['benchmark']}의 값이 {f['first']}부터 있으며 그 이전의 수익률은 0입니다. 이 날짜 이후로 시작일을 정하십시오."
    ),
    "benchmark_ends_early": lambda f: (
        f"이 기간에 지수 {f['benchmark']}의 값이 {f['last']} 이후로 없으며 수익률은 0입니다. 이후의 값을 적재하거나 이 날짜로 "
        "종료일을 정하십시오."
    ),
}
"""Code of a warning -> its sentence."""


def in_korean(warnings: Any) -> Any:
    """Return warnings of a result with Korean messages; those of other versions are unchanged."""
    return [_translated(warning) for warning in warnings]


def _translated(warning: Any) -> Any:
    if not isinstance(warning, dict) or warning.get("code") not in KOREAN:
        return warning
    try:
        return warning | {"message": KOREAN[warning["code"]](warning)}
    except (KeyError, TypeError, ValueError):  # figures of another version
        return warning
