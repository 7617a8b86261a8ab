"""Korean for the definitions of factors: formulas with words in them, and when a factor has no value."""

from __future__ import annotations

from shared.factors.catalogue import Factor

_FORMULAS = {
    "EV_EBITDA": "EV / EBITDA_ttm, EV = cap + interest_bearing_debt - cash, EBITDA = 영업이익 + 감가상각비",
    "EV_FCF": "EV / FCF_ttm, FCF = OCF - capital_expenditure",
    "CAPE_RATIO": "cap / 최근 알려진 3~10개 연간 순이익의 평균",
    "ROIC": "NOPAT / (equity + debt - cash) * 100, NOPAT = OI_ttm * (1 - t), "
    "t = clip(tax_ttm / (NI_ttm + tax_ttm); 0; 0.5), 정의되지 않으면 0.25",
    "GPM": "GP_ttm / REV_ttm * 100, GP = revenue - cost_of_sales",
    "QUALITY_SCORE": "항목당 1점: NI_ttm > 0; OCF_ttm > 0; ROA 전년 대비 상승; OCF_ttm > NI_ttm; 부채/자산 하락; "
    "유동비율 상승; 상장주식수 증가 없음; 매출총이익률 상승; 자산회전율 상승",
    "REVENUE_GROWTH_1Y": "(REV_ttm / REV_ttm(1년 전) - 1) * 100",
    "REVENUE_GROWTH_3Y": "((REV_ttm / REV_ttm(3년 전))^(1/3) - 1) * 100",
    "EARNINGS_GROWTH_1Y": "(NI_ttm / NI_ttm(1년 전) - 1) * 100",
    "EARNINGS_GROWTH_3Y": "((NI_ttm / NI_ttm(3년 전))^(1/3) - 1) * 100",
    "OCF_GROWTH_1Y": "(OCF_ttm / OCF_ttm(1년 전) - 1) * 100",
    "ASSET_GROWTH_1Y": "(assets / assets(1년 전) - 1) * 100",
    "BOOK_VALUE_GROWTH_1Y": "(equity / equity(1년 전) - 1) * 100",
    "SUSTAINABLE_GROWTH_RATE": "ROE * (1 - 배당성향), 배당성향 = clip(DPS_ttm * listed_shares / NI_ttm; 0; 1)",
    "MOMENTUM_1M": "(aclose / aclose(20행 전) - 1) * 100",
    "MOMENTUM_3M": "(aclose / aclose(60행 전) - 1) * 100",
    "MOMENTUM_6M": "(aclose / aclose(120행 전) - 1) * 100",
    "MOMENTUM_12M": "(aclose / aclose(240행 전) - 1) * 100",
    "DISTANCE_FROM_52W_HIGH": "(aclose / max(ahigh; 250행) - 1) * 100",
    "DISTANCE_FROM_52W_LOW": "(aclose / min(alow; 250행) - 1) * 100",
    "RELATIVE_STRENGTH": "MOMENTUM_3M - 종목이 속한 시장 지수의 60행 수익률(%)",
    "VOLUME_MOMENTUM": "(mean(trading_value; 20) / 그 전 20행의 mean(trading_value) - 1) * 100",
    "BETA": "최근 252행의 일간 수익률로 cov(r_stock; r_index) / var(r_index), 지수는 종목이 속한 시장의 것",
    "RSI_14": "aclose의 14행 Wilder RSI (TA-Lib RSI)",
    "BOLLINGER_POSITION": "(aclose - mean20) / (2 * 표본 std20)",
    "MACD_SIGNAL": "(MACD - EMA9(MACD)) / aclose * 100, MACD = EMA12 - EMA26 (재귀식, alpha = 2/(n+1))",
    "VOLUME_ROC": "(mean(avolume; 20) / 그 전 20행의 mean(avolume) - 1) * 100",
    "PRICE_POSITION": "(aclose - low52) / (high52 - low52) * 100, 52주 팩터와 같은 250행 구간",
    "CHANGE_RATE": "(aclose / aclose(전 행) - 1) * 100",
    "OPERATING_INCOME_GROWTH_YOY": "(OI_ttm / OI_ttm(1년 전) - 1) * 100",
    "MARKET_CAP": "close * listed_shares (적재된 market_cap이 있으면 그 값)",
}

_NULL_WHEN = {
    "OCF_ttm <= 0": "OCF_ttm <= 0",
    "EBITDA_ttm <= 0": "EBITDA_ttm <= 0",
    "either missing": "둘 중 하나가 없음",
    "base <= 0 or fewer than 40 rows": "기준값 <= 0 또는 40행 미만",
    "base <= 0 or NI_ttm <= 0": "기준값 <= 0 또는 NI_ttm <= 0",
    "fewer than 120 observations or range 0": "관측값 120개 미만 또는 구간 폭 0",
    "base <= 0": "기준값 <= 0",
    "fewer than 120 observations in the window": "구간의 관측값 120개 미만",
    "assets <= 0 or total_liabilities <= 0 or any input missing":
        "assets <= 0, total_liabilities <= 0 또는 입력값 중 하나가 없음",
    "ROE null or NI_ttm <= 0 or no dividend data": "ROE 없음, NI_ttm <= 0 또는 배당 자료 없음",
    "equity <= 0": "equity <= 0",
    "FCF_ttm <= 0": "FCF_ttm <= 0",
    "fewer than 5 of the nine tests can be decided (an undecidable test scores 0)":
        "9개 항목 중 판정할 수 있는 것이 5개 미만 (판정할 수 없는 항목은 0점)",
    "no dividend data loaded for the stock (0 when it is known to pay none)":
        "종목의 배당 자료가 적재되지 않음 (무배당으로 알려졌으면 0)",
    "denominator <= 0": "분모 <= 0",
    "PER null or growth <= 0": "PER 없음 또는 성장률 <= 0",
    "fewer than 15 observations": "관측값 15개 미만",
    "NI_ttm <= 0": "NI_ttm <= 0",
    "fewer than 20 rows or std 0": "20행 미만 또는 표준편차 0",
    "fewer than 14 rows or range 0": "14행 미만 또는 구간 폭 0",
    "inventories <= 0": "inventories <= 0",
    "fewer than 35 observations": "관측값 35개 미만",
    "interest_expense_ttm <= 0": "interest_expense_ttm <= 0",
    "base <= 0 or REV_ttm <= 0": "기준값 <= 0 또는 REV_ttm <= 0",
    "fewer than 3 annual figures or mean <= 0": "연간 수치 3개 미만 또는 평균 <= 0",
    "assets <= 0": "assets <= 0",
    "REV_ttm <= 0": "REV_ttm <= 0",
    "fewer than 120 pairs": "쌍 120개 미만",
    "either close missing": "두 종가 중 하나가 없음",
}  # fmt: skip


def formula(factor: Factor) -> str:
    """Return the formula in Korean; names of inputs stay as they are."""
    return _FORMULAS.get(factor.key, factor.formula)


def null_when(factor: Factor) -> str:
    """Return in Korean when the factor has no value although its inputs are known."""
    return _NULL_WHEN.get(factor.null_when, factor.null_when)
