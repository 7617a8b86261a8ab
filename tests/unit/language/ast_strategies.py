"""Random trees of the language for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from shared.language.ast import COMPARISONS, Call, Comparison, Index, Name, Negate, Node, Not, Number, arithmetic, logic
from tests.unit.language.fixtures import FACTORS, INDICES

NUMBERS = st.one_of(
    st.integers(0, 100).map(float), st.floats(0, 1e308, allow_nan=False), st.sampled_from([0.1, 0.5, 1e16, 5e-324])
)
SMALL_NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 0.5, 3.0, 10.0])


def _run(operands: st.SearchStrategy[Node], signs: tuple[str, ...]) -> st.SearchStrategy[Node]:
    return st.lists(operands, min_size=2, max_size=3).flatmap(
        lambda found: st.tuples(*[st.sampled_from(signs)] * (len(found) - 1)).map(
            lambda chosen: arithmetic(tuple(found), chosen)
        )
    )


def _call(function: str, *arguments: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.tuples(*arguments).map(lambda found: Call(function, found))


def numbers(depth: int, constants: st.SearchStrategy[float], functions: tuple[str, ...]) -> st.SearchStrategy[Node]:
    """Numbers of scale degree 0 and at most this depth, made of factors, constants and the functions named."""
    leaf = st.one_of(st.sampled_from(FACTORS).map(Name), st.sampled_from(INDICES).map(Index), constants.map(Number))
    if depth <= 1:
        return leaf
    x = numbers(depth - 1, constants, functions)
    c = conditions(depth - 1, constants, functions)
    n = st.integers(2, 7).map(lambda k: Number(float(k)))
    made = {
        **{name: _call(name, x) for name in ("abs", "sqrt", "sign")},
        **{name: _call(name, x, x) for name in ("min", "max", "coalesce")},
        **{name: _call(name, x) for name in ("row_mean", "row_median", "row_sum")},
        "row_count": _call("row_count", c),
        **{name: _call(name, x) for name in ("rank", "rank_desc", "pct_rank", "zscore", "demean")},
        **{name: _call(name, x) for name in ("sector_rank", "sector_demean")},
        **{name: _call(name, x, n) for name in ("lag", "delta", "pct_change", "ema")},
        **{name: _call(name, x, n) for name in ("ts_mean", "ts_std", "ts_sum", "ts_min", "ts_max", "ts_rank")},
        "ts_corr": _call("ts_corr", x, x, n),
        "clip": _call("clip", x, x, x),
        "if": _call("if", c, x, x),
        "log": _call("log", x),
        "winsorize": _call("winsorize", x, st.sampled_from([0.0, 5.0, 12.5, 50.0]).map(Number)),
    }
    return st.one_of(
        leaf, x.map(Negate), _run(x, ("+", "-")), _run(x, ("*", "/")), *(made[function] for function in functions)
    )


def conditions(depth: int, constants: st.SearchStrategy[float], functions: tuple[str, ...]) -> st.SearchStrategy[Node]:
    """Conditions of at most this depth."""
    x = numbers(depth - 1, constants, functions)
    one = st.lists(x, min_size=2, max_size=3).flatmap(
        lambda found: st.tuples(*[st.sampled_from(COMPARISONS)] * (len(found) - 1)).map(
            lambda signs: Comparison(tuple(found), signs)
        )
    )
    absent = st.one_of(_call("is_null", x), _call("not_null", x))
    if depth <= 2:
        return st.one_of(one, absent)
    c = conditions(depth - 1, constants, functions)
    both = st.tuples(st.sampled_from(("and", "or")), st.lists(c, min_size=2, max_size=3)).map(
        lambda found: logic(found[0], tuple(found[1]))
    )
    return st.one_of(one, absent, c.map(Not), both)


def market_numbers(depth: int, constants: st.SearchStrategy[float]) -> st.SearchStrategy[Node]:
    """Market-wide numbers: index series, aggregates of shallow trees over stocks, and functions of them."""
    over_stocks = numbers(2, constants, ("rank", "ts_mean", "abs"))
    leaf = st.one_of(
        st.sampled_from(INDICES).map(Index),
        constants.map(Number),
        *(_call(name, over_stocks) for name in ("row_mean", "row_median", "row_sum")),
        _call("row_count", conditions(2, constants, ())),
    )
    if depth <= 1:
        return leaf
    x = market_numbers(depth - 1, constants)
    n = st.integers(2, 7).map(lambda k: Number(float(k)))
    windows = ("lag", "delta", "pct_change", "ema", "ts_mean", "ts_std", "ts_rank")
    return st.one_of(
        leaf, x.map(Negate), _run(x, ("+", "-")), _run(x, ("*", "/")), *(_call(name, x, n) for name in windows),
        _call("ts_corr", x, x, n), _call("max", x, x), _call("coalesce", x, x),
        _call("if", market_conditions(depth - 1, constants), x, x),
    )  # fmt: skip


def market_conditions(depth: int, constants: st.SearchStrategy[float]) -> st.SearchStrategy[Node]:
    """Market-wide conditions."""
    x = market_numbers(depth - 1, constants)
    one = st.tuples(x, st.sampled_from(COMPARISONS), x).map(lambda t: Comparison((t[0], t[2]), (t[1],)))
    return st.one_of(one, _call("is_null", x), one.map(Not), st.tuples(one, one).map(lambda two: logic("and", two)))


ALL_FUNCTIONS = (
    "abs", "sqrt", "sign", "min", "max", "coalesce", "rank", "rank_desc", "pct_rank", "zscore", "demean", "sector_rank",
    "sector_demean", "row_mean", "row_median", "row_sum", "row_count", "lag", "delta", "pct_change", "ema", "ts_mean",
    "ts_std", "ts_sum", "ts_min", "ts_max", "ts_rank", "ts_corr", "clip", "if", "log", "winsorize",
)  # fmt: skip
EXACT_FUNCTIONS = tuple(name for name in ALL_FUNCTIONS if name not in ("log", "winsorize"))
"""Those for which the naive evaluator gives the same bits."""
