"""Which statements are set aside, and that later data never change a decision."""

from __future__ import annotations

from math import isnan
from statistics import median

import numpy as np

from shared.model.market_data import ACCOUNTS, Statements
from shared.quality.quarantine import ASSETS, FALLING_REVENUE, INCOME, REVENUE, USED, quarantine_codes, usable

NAN = float("nan")
StatementRow = tuple[int, int, int, int, dict[str, float]]


def statements_of(lines: list[StatementRow]) -> Statements:
    """Return statements of (instrument, year, quarter, disclosed_on, accounts)."""
    return Statements(
        instrument=np.array([line[0] for line in lines], np.int32),
        fiscal_year=np.array([line[1] for line in lines], np.int32),
        fiscal_quarter=np.array([line[2] for line in lines], np.int32),
        period_end=np.array([line[3] - 45 for line in lines], np.int32),
        disclosed_on=np.array([line[3] for line in lines], np.int32),
        accounts={name: np.array([line[4].get(name, NAN) for line in lines], np.float64) for name in ACCOUNTS},
    )


def codes_of(lines: list[StatementRow]) -> list[int]:
    return [int(code) for code in quarantine_codes(statements_of(lines))]


def amounts_of(account: str, *amounts: float) -> list[StatementRow]:
    return [(0, 2010 + at, 4, 100 * at, {account: amount}) for at, amount in enumerate(amounts)]


def test_amount_far_from_median_of_five_is_set_aside() -> None:
    assert codes_of(amounts_of("total_assets", 3, 3, 3, 3, 301)) == [USED] * 4 + [ASSETS]
    assert codes_of(amounts_of("total_assets", 3, 3, 3, 3, 300)) == [USED] * 5
    assert codes_of(amounts_of("revenue", 300, 300, 300, 300, 2)) == [USED] * 4 + [REVENUE]
    assert codes_of(amounts_of("revenue", 300, 300, 300, 300, 3, 2)) == [USED] * 5 + [REVENUE]


def test_amount_is_not_judged_by_fewer_than_five() -> None:
    assert codes_of(amounts_of("total_assets", 3, 3, 3, 900)) == [USED] * 4
    assert codes_of(amounts_of("revenue", 3, 3, 0, 3, 900)) == [USED] * 5


def test_statements_of_other_companies_do_not_count() -> None:
    others: list[StatementRow] = [(1, 2010 + at, 4, 100 * at, {"total_assets": 900.0}) for at in range(9)]
    assert codes_of(amounts_of("total_assets", 3, 3, 3, 3, 900) + others) == [USED] * 4 + [ASSETS] + [USED] * 9


def test_income_beyond_twice_the_assets_is_set_aside() -> None:
    lines: list[StatementRow] = [
        (0, 2020, 4, 10, {"net_income": 7.0, "total_assets": 3.0}),
        (0, 2021, 4, 20, {"net_income": -7.0, "total_assets": 3.0}),
        (0, 2022, 4, 30, {"net_income": 6.0, "total_assets": 3.0}),
        (0, 2023, 4, 40, {"net_income": 6.0}),
    ]
    assert codes_of(lines) == [INCOME, INCOME, USED, USED]


def test_fiscal_year_with_falling_revenue_is_in_quarantine() -> None:
    revenues = {1: 1000.0, 2: 950.0, 3: 1050.0, 4: 1100.0}
    lines: list[StatementRow] = [(0, 2021, q, 100 * q, {"revenue": amount}) for q, amount in revenues.items()]
    next_year: list[StatementRow] = [(0, 2022, 1, 500, {"revenue": 500.0})]
    assert codes_of(lines + next_year) == [USED, FALLING_REVENUE, FALLING_REVENUE, FALLING_REVENUE, USED]


def test_restated_revenue_clears_later_statements() -> None:
    lines: list[StatementRow] = [
        (0, 2021, 1, 100, {"revenue": 1000.0}),
        (0, 2021, 2, 200, {"revenue": 950.0}),
        (0, 2021, 2, 250, {"revenue": 1950.0}),
        (0, 2021, 3, 300, {"revenue": 3000.0}),
        (0, 2021, 4, 400, {}),
    ]
    assert codes_of(lines) == [USED, FALLING_REVENUE, USED, USED, USED]


def random_lines(seed: int) -> list[StatementRow]:
    g = np.random.default_rng(seed)
    lines: list[StatementRow] = []
    for company in range(6):
        for year in range(2015, 2015 + int(g.integers(1, 7))):
            for quarter in (1, 2, 3, 4):
                accounts = {
                    "total_assets": float(g.choice([1, 2, 3, 0, 1000, 0.001], p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.05]))
                }
                accounts["revenue"] = float(
                    g.choice([quarter, quarter - 1.5, -1, 500, NAN], p=[0.7, 0.1, 0.05, 0.05, 0.1])
                )
                accounts["net_income"] = float(g.choice([1, -5, NAN]))
                day = (year - 2015) * 360 + quarter * 90 + int(g.integers(0, 3)) * 45
                for extra in range(int(g.choice([1, 2], p=[0.8, 0.2]))):
                    restated = accounts | {"revenue": accounts["revenue"] - extra}
                    line: StatementRow = (company, year, quarter, day + 90 * extra, restated)
                    lines += [line]
    return [lines[at] for at in g.permutation(len(lines))]


def plain_code(lines: list[StatementRow], line: StatementRow) -> int:
    """Return the code of one statement by the words of the rule."""
    known = [other for other in lines if other[0] == line[0] and other[3] <= line[3]]
    accounts = line[4]
    if abs(accounts["net_income"]) > 2 * accounts["total_assets"]:
        return INCOME
    for account, code in (("total_assets", ASSETS), ("revenue", REVENUE)):
        positive = [other[4][account] for other in known if other[4][account] > 0]
        value = accounts[account]
        if value > 0 and len(positive) >= 5:
            middle = median(positive)
            if value > 100 * middle or value < middle / 100:
                return code
    cumulated: list[float] = []
    for quarter in range(1, line[2] + 1):
        of_quarter = [o for o in known if o[1:3] == (line[1], quarter) and not isnan(o[4]["revenue"])]
        if of_quarter:
            cumulated.append(max(of_quarter, key=lambda o: o[3])[4]["revenue"])
    revenue = accounts["revenue"]
    return FALLING_REVENUE if not isnan(revenue) and cumulated != sorted(cumulated) else USED


def test_codes_equal_those_of_plain_loops() -> None:
    seen: set[int] = set()
    for seed in range(40):
        lines = random_lines(seed)
        codes = codes_of(lines)
        assert codes == [plain_code(lines, line) for line in lines], seed
        seen |= set(codes)
    assert seen == {USED, INCOME, ASSETS, REVENUE, FALLING_REVENUE}


def test_later_statements_never_change_a_decision() -> None:
    for seed in range(10):
        lines = random_lines(seed)
        whole = dict(zip(map(repr, lines), codes_of(lines), strict=True))
        for day in (500, 900, 1400):
            early = [line for line in lines if line[3] <= day]
            assert codes_of(early) == [whole[repr(line)] for line in early]


def test_usable_statements_keep_their_order() -> None:
    statements = statements_of(amounts_of("total_assets", 3, 3, 3, 3, 301, 4))
    assert usable(statements).fiscal_year.tolist() == [2010, 2011, 2012, 2013, 2015]
    assert usable(statements_of(amounts_of("total_assets", 3, 4))).accounts["total_assets"].tolist() == [3, 4]
