"""Which lines of DART statements are which accounts of the load format.

Account ids are those of the IFRS taxonomy (`ifrs-full_`, in filings until 2018 `ifrs_`) and of the Korean additions
(`dart_`). Names in Korean count only for lines without a standard id.
"""

from __future__ import annotations

from dataclasses import dataclass

INCOME = ("IS", "CIS")
"""Statement of profit or loss, else the single statement of comprehensive income."""


@dataclass(frozen=True, kw_only=True)
class StatementLine:
    """One line of a statement: its ids and its names (without blanks and brackets), best first."""

    ids: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of the load format.

    The first of `ways` of which a filing has a line counts; its lines are added. `statements` are those that have the
    lines, best first. With `magnitude` the sign is removed: filers state costs and payments with either sign.
    """

    name: str
    statements: tuple[str, ...]
    ways: tuple[tuple[StatementLine, ...], ...]
    magnitude: bool = False


def _line(ids: str, names: str = "") -> StatementLine:
    return StatementLine(ids=tuple(ids.split()), names=tuple(names.split()))


def _one(name: str, statements: tuple[str, ...], ids: str, names: str = "", *, magnitude: bool = False) -> Account:
    return Account(name=name, statements=statements, ways=((_line(ids, names),),), magnitude=magnitude)


BALANCE = ("BS",)
CASH = ("CF",)

DART_ACCOUNTS: tuple[Account, ...] = (
    _one("revenue", INCOME, "ifrs-full_Revenue", "매출액 수익(매출액) 영업수익 매출 매출및지분법손익"),
    _one("cost_of_sales", INCOME, "ifrs-full_CostOfSales", "매출원가", magnitude=True),
    _one("operating_income", INCOME, "dart_OperatingIncomeLoss ifrs-full_ProfitLossFromOperatingActivities",
         "영업이익 영업이익(손실) 영업손익 영업손실"),
    _one("net_income", INCOME, "ifrs-full_ProfitLoss",
         "당기순이익 당기순이익(손실) 당기순손익 당기순손실 분기순이익 분기순이익(손실) 분기순손실 "
         "반기순이익 반기순이익(손실) 반기순손실 연결당기순이익 연결분기순이익 연결반기순이익"),
    _one("net_income_owners", INCOME, "ifrs-full_ProfitLossAttributableToOwnersOfParent",
         "지배기업소유주지분순이익 지배기업의소유주에게귀속되는당기순이익 "
         "지배기업의소유주에게귀속되는당기순이익(손실) 지배기업소유주지분 지배기업의소유주지분"),
    _one("income_tax", INCOME, "ifrs-full_IncomeTaxExpenseContinuingOperations",
         "법인세비용 법인세비용(수익) 법인세비용(이익) 법인세등"),
    Account(
        name="interest_expense", statements=(*INCOME, "CF"), magnitude=True,
        ways=((_line("dart_InterestExpenseFinanceExpense ifrs-full_InterestExpense dart_AdjustmentsForInterestExpenses "
                     "ifrs-full_AdjustmentsForInterestExpense", "이자비용"),),),
    ),
    Account(
        name="depreciation_amortization", statements=CASH, magnitude=True,
        ways=(
            (_line("ifrs-full_AdjustmentsForDepreciationAndAmortisationExpense",
                   "감가상각비및무형자산상각비 감가상각비와무형자산상각비"),),
            (
                _line("ifrs-full_AdjustmentsForDepreciationExpense dart_AdjustmentsForDepreciationExpense "
                      "ifrs-full_DepreciationExpense dart_DepreciationExpense",
                      "감가상각비 유형자산감가상각비"),
                _line("ifrs-full_AdjustmentsForAmortisationExpense dart_AdjustmentsForAmortisationExpense "
                      "ifrs-full_AmortisationExpense dart_AmortisationExpense",
                      "무형자산상각비 무형자산의상각"),
                _line("dart_AdjustmentsForDepreciationRightOfUseAssets "
                      "dart_AdjustmentsForDepreciationOfRightofuseAssets",
                      "사용권자산상각비 사용권자산감가상각비"),
                _line("dart_AdjustmentsForDepreciationInvestmentProperty", "투자부동산상각비 투자부동산감가상각비"),
            ),
        ),
    ),
    _one("operating_cash_flow", CASH, "ifrs-full_CashFlowsFromUsedInOperatingActivities",
         "영업활동현금흐름 영업활동으로인한현금흐름 영업활동순현금흐름 영업활동으로인한순현금흐름"),
    _one("capital_expenditure", CASH, "ifrs-full_PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities",
         "유형자산의취득 유형자산취득 유형자산의증가", magnitude=True),
    _one("total_assets", BALANCE, "ifrs-full_Assets", "자산총계 자산총액"),
    _one("current_assets", BALANCE, "ifrs-full_CurrentAssets", "유동자산"),
    _one("cash_and_equivalents", BALANCE, "ifrs-full_CashAndCashEquivalents", "현금및현금성자산"),
    _one("inventories", BALANCE, "ifrs-full_Inventories", "재고자산"),
    Account(
        name="intangible_assets", statements=BALANCE,
        ways=(
            (_line("ifrs-full_IntangibleAssetsAndGoodwill", "무형자산및영업권 영업권및무형자산"),),
            (_line("ifrs-full_IntangibleAssetsOtherThanGoodwill", "무형자산 영업권이외의무형자산"),
             _line("ifrs-full_Goodwill", "영업권")),
        ),
    ),
    _one("total_liabilities", BALANCE, "ifrs-full_Liabilities", "부채총계 부채총액"),
    _one("current_liabilities", BALANCE, "ifrs-full_CurrentLiabilities", "유동부채"),
    Account(
        name="interest_bearing_debt", statements=BALANCE,
        ways=((
            _line("ifrs-full_ShorttermBorrowings dart_ShortTermBorrowings "
                  "ifrs-full_CurrentLoansReceivedAndCurrentPortionOfNoncurrentLoansReceived "
                  "ifrs-full_CurrentBorrowingsAndCurrentPortionOfNoncurrentBorrowings",
                  "단기차입금 단기차입부채 유동차입금"),
            _line("ifrs-full_CurrentPortionOfLongtermBorrowings dart_CurrentPortionOfLongTermBorrowings "
                  "ifrs-full_CurrentPortionOfNoncurrentBorrowings", "유동성장기부채 유동성장기차입금"),
            _line("ifrs-full_LongtermBorrowings dart_LongTermBorrowingsGross dart_LongTermBorrowings "
                  "ifrs-full_NoncurrentPortionOfNoncurrentLoansReceived "
                  "ifrs-full_NoncurrentPortionOfNoncurrentBorrowings", "장기차입금 장기차입부채 비유동차입금"),
            _line("dart_CurrentPortionOfBonds dart_CurrentPortionOfBondsIssued "
                  "ifrs-full_CurrentPortionOfNoncurrentBondsIssued "
                  "ifrs-full_CurrentBondsIssuedAndCurrentPortionOfNoncurrentBondsIssued", "유동성사채 단기사채"),
            _line("ifrs-full_NoncurrentPortionOfNoncurrentBondsIssued dart_BondsIssued ifrs-full_BondsIssued",
                  "사채 비유동사채"),
            _line("dart_CurrentPortionOfConvertibleBonds", "유동성전환사채"),
            _line("dart_ConvertibleBonds", "전환사채"),
            _line("dart_BondWithWarrant dart_BondsWithWarrant", "신주인수권부사채"),
            _line("dart_ExchangeableBonds", "교환사채"),
            _line("ifrs-full_CurrentLeaseLiabilities", "유동리스부채 유동성리스부채 단기리스부채"),
            _line("ifrs-full_NoncurrentLeaseLiabilities", "비유동리스부채 장기리스부채"),
            _line("ifrs-full_LeaseLiabilities", "리스부채"),
        ),),
    ),
    _one("retained_earnings", BALANCE, "ifrs-full_RetainedEarnings",
         "이익잉여금 이익잉여금(결손금) 결손금 미처분이익잉여금"),
    _one("total_equity", BALANCE, "ifrs-full_Equity", "자본총계 자본총액"),
    _one("equity_owners", BALANCE, "ifrs-full_EquityAttributableToOwnersOfParent",
         "지배기업소유주지분 지배기업의소유주에게귀속되는자본 지배기업의소유주지분 지배기업소유지분"),
)  # fmt: skip
"""Every account of the load format, each with the lines of which it is made."""
