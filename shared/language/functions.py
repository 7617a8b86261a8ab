"""The functions of the language as declarations: signature, kind, scale and meaning of each.

They are computed in `shared/native/language.c`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["element", "window", "cross_section", "aggregate"]
"""By cell; over the rows of one stock; across the stocks of one row; one number for all stocks of a row."""
Scale = Literal["keep", "none", "zero"]
"""Scale degree of a function: the arguments' common one; 0 whatever theirs; 0, and theirs must be 0."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function. `parameters`: `x y` numbers, `c` a condition, `n` a whole number, `p` a percentage of a tail."""

    name: str
    parameters: tuple[str, ...]
    family: Family
    scale: Scale
    meaning: str
    gives: Literal["number", "condition"] = "number"
    least_n: int = 1

    @property
    def signature(self) -> str:
        """`ts_mean(x, n)`."""
        return f"{self.name}({', '.join(self.parameters)})"


def _function(signature: str, family: Family, scale: Scale, meaning: str, **more: object) -> Function:
    name, _, rest = signature.rstrip(")").partition("(")
    parameters = tuple(word.strip() for word in rest.split(","))
    return Function(name=name, parameters=parameters, family=family, scale=scale, meaning=meaning, **more)  # type: ignore[arg-type]


FUNCTIONS: tuple[Function, ...] = (
    _function("rank(x)", "cross_section", "zero", "position in the row, 1 = smallest, ties by average"),
    _function("rank_desc(x)", "cross_section", "zero", "position in the row, 1 = largest, ties by average"),
    _function("pct_rank(x)", "cross_section", "zero", "(rank - 1) / (count - 1), from 0 to 1"),
    _function("zscore(x)", "cross_section", "zero", "(x - mean) / sample deviation of the row"),
    _function("demean(x)", "cross_section", "zero", "x less the mean of the row"),
    _function("sector_rank(x)", "cross_section", "zero", "`rank` among the stocks of the same sector"),
    _function("sector_demean(x)", "cross_section", "zero", "x less the mean of its sector in the row"),
    _function("winsorize(x, p)", "cross_section", "zero", "x cut off at the quantiles p % and 100 - p % of the row"),
    _function("row_mean(x)", "aggregate", "zero", "mean of x over the universe; absent when no stock has x"),
    _function("row_median(x)", "aggregate", "zero", "median of x over the universe; absent when no stock has x"),
    _function("row_sum(x)", "aggregate", "zero", "sum of x over the universe; 0 when no stock has x"),
    _function("row_count(c)", "aggregate", "zero", "number of stocks of the universe on which the condition c holds"),
    _function("lag(x, n)", "window", "keep", "the value exactly n rows ago"),
    _function("delta(x, n)", "window", "keep", "x - lag(x, n)"),
    _function("pct_change(x, n)", "window", "none", "(x / lag(x, n) - 1) * 100"),
    _function("ts_mean(x, n)", "window", "keep", "mean of the last n rows"),
    _function(
        "ts_std(x, n)", "window", "keep", "sample deviation of the last n rows (n from 2; with 1 it has no value)"
    ),
    _function("ts_sum(x, n)", "window", "keep", "sum of the last n rows"),
    _function("ts_min(x, n)", "window", "keep", "smallest of the last n rows"),
    _function("ts_max(x, n)", "window", "keep", "largest of the last n rows"),
    _function(
        "ts_rank(x, n)",
        "window",
        "none",
        "(rank of today among the last n rows - 1) / (n - 1), ties by average",
        least_n=2,
    ),
    _function(
        "ts_corr(x, y, n)",
        "window",
        "none",
        "correlation of x and y over the last n rows (n from 2; with 1 it has no value)",
    ),
    _function("ema(x, n)", "window", "keep", "exponential mean, alpha = 2 / (n + 1), over all values so far"),
    _function("abs(x)", "element", "keep", "magnitude"),
    _function("log(x)", "element", "zero", "natural logarithm"),
    _function("sqrt(x)", "element", "zero", "square root"),
    _function("sign(x)", "element", "none", "-1, 0 or 1"),
    _function("min(x, y)", "element", "keep", "the smaller of two"),
    _function("max(x, y)", "element", "keep", "the larger of two"),
    _function("clip(x, lo, hi)", "element", "keep", "x, not below lo, not above hi"),
    _function("if(c, x, y)", "element", "keep", "x where the condition c holds, y elsewhere"),
    _function("coalesce(x, y)", "element", "keep", "x where it is present, y elsewhere"),
    _function("is_null(x)", "element", "none", "whether x is absent", gives="condition"),
    _function("not_null(x)", "element", "none", "whether x is present", gives="condition"),
)
BY_NAME = {function.name: function for function in FUNCTIONS}

MAX_N = 500
DEGREES = {"open": 1, "high": 1, "low": 1, "close": 1, "volume": -1}
"""Scale degree of the adjusted fields; every other name has 0."""
