"""Every function and random trees against a naive evaluator, and the rules of absent values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.language import FUNCTIONS, compile_expression, evaluate, evaluate_market, render
from shared.language.ast import Node
from tests.unit.language.ast_strategies import (
    EXACT_FUNCTIONS,
    SMALL_NUMBERS,
    conditions,
    market_conditions,
    market_numbers,
    numbers,
)
from tests.unit.language.fixtures import INDICES, SmallPanels, small_panels, universe_of
from tests.unit.language.naive_reference import carried, naive_values, single

CALLS = {
    "element": ["{f}(PER)", "{f}(PER / PBR - 3)"],
    "window": [
        "{f}(PER, {n})",
        "{f}(raw_close, {n})",
        "{f}(PER / PBR - 3, {n})",
        "{f}(rank(ROE), {n})",
        "{f}(lag(PER, 2), {n})",
        "{f}(KOSPI, {n})",
        "{f}(row_mean(PER) / KOSDAQ, {n})",
    ],
    "aggregate": ["{f}(PER)", "{f}(raw_close)", "{f}(PER / PBR - 3)", "{f}(ts_mean(ROE, 3))", "{f}(rank(PER) * KOSPI)"],
    "cross_section": ["{f}(PER)", "{f}(raw_close)", "{f}(PER / PBR - 3)", "{f}(ts_mean(ROE, 3))"],
}
OTHER_CALLS = {
    "row_count": ["row_count(PER > 3)", "row_count(close > ts_mean(close, 3))", "row_count(not PER > KOSPI)"],
    "winsorize": ["winsorize(PER, 0)", "winsorize(PER / PBR, 12.5)", "winsorize(raw_close, 50)"],
    "ts_corr": [
        "ts_corr(pct_change(close, 1), pct_change(KOSPI, 1), 6)",
        "ts_corr(KOSPI, KOSDAQ, 5)",
        "ts_corr(PER, ROE, 5)",
        "ts_corr(PER, raw_close / 3, 12)",
        "ts_corr(PER, PER, 4)",
        "ts_corr(PER, PBR, 1)",
    ],
    "min": ["min(PER, PBR)", "min(PER, 3)"],
    "max": ["max(PER, PBR)", "max(PER, 3)"],
    "clip": ["clip(PER, PBR, ROE)", "clip(PER, -2, 5)", "clip(PER, 5, -2)"],
    "if": ["if(PER > PBR, ROE, -1)", "if(is_null(PER), 1, PER)"],
    "coalesce": ["coalesce(PER, PBR)", "coalesce(PER, 0)"],
    "is_null": ["is_null(PER)", "is_null(raw_close)", "is_null(PER / PBR)"],
    "not_null": ["not_null(PER)", "not_null(raw_close)", "not_null(lag(PER, 3))"],
}


def _texts() -> list[tuple[str, str]]:
    found = []
    for function in FUNCTIONS:
        for pattern in OTHER_CALLS.get(function.name, CALLS[function.family]):
            sizes = (1, 2, 7, 30, 400) if "{n}" in pattern else (500,)
            texts = (pattern.format(f=function.name, n=n) for n in sizes if n >= function.least_n)
            found.extend((function.gives, text) for text in texts)
    return found


def _evaluated(text: str, role: str, panels: SmallPanels) -> tuple[np.ndarray, Node]:
    expression = compile_expression(text, role=role, path="", indices=frozenset(INDICES))  # type: ignore[arg-type]
    found = evaluate(expression, panels, slice(0, len(panels.days)), universe_of(panels), "members")
    assert found.dtype == (np.bool_ if role == "condition" else np.float32)
    return found, expression.node


def _expected(node: Node, role: str, panels: SmallPanels) -> np.ndarray:
    cells = naive_values(node, panels, universe_of(panels)(slice(0, len(panels.days))))
    if role == "condition":
        return np.array(cells, np.bool_)
    found = np.array([[single(value) for value in row] for row in cells], np.float32)
    found[np.isinf(found)] = np.nan
    return found


@pytest.mark.parametrize(("role", "text"), _texts())
def test_function_equals_the_naive_reference(role: str, text: str) -> None:
    panels = small_panels()
    found, node = _evaluated(text, role, panels)
    expected = _expected(node, role, panels)
    if role == "condition":
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, rtol=2e-7 if "log" in text or "winsorize" in text else 0, atol=0)
        assert np.isfinite(expected).any() or any(word in text for word in (", 1)", ", 30)", ", 400)"))


@given(
    st.one_of(
        st.tuples(st.just("number"), numbers(3, SMALL_NUMBERS, EXACT_FUNCTIONS)),
        st.tuples(st.just("condition"), conditions(4, SMALL_NUMBERS, EXACT_FUNCTIONS)),
    )
)
@settings(max_examples=120, deadline=None)
def test_expression_equals_the_naive_reference(case: tuple[str, Node]) -> None:
    role, tree = case
    panels = small_panels(seed=3, years=(11, 9), stocks=5)
    found, node = _evaluated(render(tree), role, panels)
    np.testing.assert_array_equal(found, _expected(node, role, panels))


def _listed(values: np.ndarray) -> list:
    """The values with None where absent."""
    return [None if np.isnan(value) else value for value in values.tolist()]


def _cells(text: str, role: str = "condition", **columns: list[float]) -> list:
    """Values of an expression over a market of one row whose columns are the cells given."""
    panels = small_panels(years=(1,), stocks=max(len(values) for values in columns.values()))
    for name, values in columns.items():
        panels.fields[name] = np.array([values], np.float64 if name.startswith(("adj", "view")) else np.float32)
    expression = compile_expression(text, role=role, path="", indices=frozenset(INDICES))  # type: ignore[arg-type]
    found = evaluate(expression, panels, slice(0, 1), lambda rows: np.ones((1, len(panels.instruments)), bool), "all")
    return _listed(found[0])


NAN = float("nan")


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "!="])
def test_comparison_with_an_absent_value_is_false(sign: str) -> None:
    assert _cells(f"PER {sign} ROE", PER=[NAN, 1, NAN], ROE=[1, NAN, NAN]) == [False] * 3
    assert _cells(f"not PER {sign} ROE", PER=[NAN, 1, NAN], ROE=[1, NAN, NAN]) == [True] * 3


def test_chain_holds_when_all_neighbours_do() -> None:
    assert _cells("0 < PER < 2", PER=[-1, 0, 1, 2, NAN]) == [False, False, True, False, False]
    assert _cells("3 > PER != 2 >= 1", PER=[1, 2, 3, NAN]) == [True, False, False, False]


def test_comparison_rounds_both_sides_to_float32() -> None:
    price = [100.00000001, 100.0, 100.00001, 99.99999]
    assert _cells("raw_close == 100", view_close=price) == [True, True, False, False]
    assert _cells("raw_close > 100", view_close=price) == [False, False, True, False]
    assert _cells("raw_close / 3 * 3 == raw_close", view_close=[7.1, 0.3, 1e9 + 0.1, 5]) == [True] * 4
    assert _cells("PER == 0.1", PER=[0.1]) == [True]
    assert _cells("raw_close == 16777216", view_close=[16777217.0]) == [True]


def test_ranked_values_are_rounded_to_float32() -> None:
    price = [100.00000001, 100.0, 100.00001, NAN, 99.0]
    assert _cells("rank(raw_close)", "number", view_close=price) == [2.5, 2.5, 4, None, 1]
    assert _cells("rank_desc(raw_close)", "number", view_close=price) == [2.5, 2.5, 1, None, 4]
    assert _cells("pct_rank(raw_close)", "number", view_close=price) == [0.5, 0.5, 1, None, 0]
    assert _cells("rank(PER)", "number", PER=[0.0, -0.0, -1e-40, 1e-40]) == [2.5, 2.5, 1, 4]


def test_infinity_never_appears() -> None:
    values = [1e30, -1e30, 0.0, 1.0]
    assert _cells("PER * 1e300", "number", PER=values) == [None, None, 0, None]
    assert _cells("PER * 1e300 * 0", "number", PER=values) == [None, None, 0, 0]
    assert _cells("1 / PER", "number", PER=[0.0, -0.0, NAN, 2.0]) == [None, None, None, 0.5]
    assert _cells("is_null(PER / 0)", PER=[0.0, 1.0]) == [True, True]
    assert _cells("PER * 1e20 * 1e20 > 1", PER=[1.0, 1e-30]) == [True, True]
    assert _cells("log(PER)", "number", PER=[0.0, -1.0, 1.0]) == [None, None, 0]
    assert _cells("sqrt(PER)", "number", PER=[-1.0, 0.0, 4.0]) == [None, 0, 2]
    assert _cells("zscore(PER)", "number", PER=[3.1, 3.1, 3.1]) == [None] * 3
    assert _cells("pct_rank(PER)", "number", PER=[3.1, NAN]) == [None, None]
    assert _cells("zscore(PER)", "number", PER=[3.1, NAN]) == [None, None]


def test_logarithm_is_exact_to_two_units_in_the_last_place() -> None:
    rng = np.random.default_rng(5)
    values = np.exp(rng.uniform(-700, 700, 4000))
    values[:1000] = 1 + rng.normal(0, 1e-3, 1000)
    values[1000] = 5e-324
    panels = small_panels(years=(1,), stocks=len(values))
    panels.fields["view_close"] = values[None]
    evaluate(compile_expression("ts_sum(log(raw_close), 1) * 1", role="number", path=""), panels, slice(0, 1))
    ((found, _),) = panels.stored.values()
    assert found.dtype == np.float64
    np.testing.assert_array_max_ulp(found[0], np.log(values), 2)


def test_windows_need_every_row() -> None:
    panels = small_panels(years=(6,), stocks=1)
    panels.fields["PER"] = np.array([[0.1], [0.1], [0.1], [np.nan], [0.1], [0.1]], np.float32)
    panels.fields["ROE"] = np.array([[1], [2], [4], [4], [3], [5]], np.float32)

    def column(text: str) -> list:
        return _listed(_evaluated(text, "number", panels)[0][:, 0])

    tenth = float(np.float32(0.1))
    assert column("ts_mean(PER, 3)") == [None, None, tenth, None, None, None]
    assert column("ts_std(PER, 2)") == [None, 0, 0, None, None, 0]
    assert column("ts_corr(ROE, PER, 2)") == [None] * 6
    assert column("ema(PER, 3)") == [tenth, tenth, tenth, None, tenth, tenth]
    assert column("ema(ROE, 3)") == [1, 1.5, 2.75, 3.375, 3.1875, 4.09375]
    assert column("lag(PER, 2)") == [None, None, tenth, tenth, tenth, None]
    assert column("ts_rank(ROE, 3)") == [None, None, 1, 0.75, 0, 1]
    assert column("ts_std(ROE, 1)") == [None] * 6
    assert column("ts_max(ROE, 1)") == [1, 2, 4, 4, 3, 5]


def test_index_is_carried_ten_rows() -> None:
    panels = small_panels(years=(8, 9), stocks=2)
    series = np.full(17, np.nan)
    series[1], series[3], series[16] = 2500.0, 0.0, 2600.0
    panels.indices["KOSPI"] = series
    expected = [None, *[2500.0] * 11, *[None] * 4, 2600.0]
    assert _listed(_evaluated("KOSPI", "number", panels)[0][:, 1]) == expected
    np.testing.assert_array_equal(carried(series.tolist()), [np.nan if v is None else v for v in expected])
    found, _ = _evaluated("KOSPI > 2000", "condition", panels)
    assert found[:, 0].tolist() == [value is not None for value in expected]
    for rows in (slice(11, 12), slice(12, 13), slice(5, 14)):
        expression = compile_expression("KOSPI", role="number", path="", indices=frozenset({"KOSPI"}))
        assert _listed(evaluate_market(expression, panels, rows)) == expected[rows]


def test_index_is_read_under_any_loaded_spelling() -> None:
    panels = small_panels(years=(2,), stocks=1)
    panels.indices = {"Kosdaq": np.array([1.0, 2.0]), "KOSPI": np.array([3.0, 4.0])}
    text = "kosdaq + kospi"
    expression = compile_expression(text, role="number", path="", indices=frozenset(panels.indices))
    assert expression.text == "KOSDAQ + KOSPI"
    assert evaluate_market(expression, panels, slice(0, 2)).tolist() == [4.0, 6.0]


def test_aggregates_of_nothing() -> None:
    assert _cells("row_mean(PER)", "number", PER=[NAN, NAN]) == [None, None]
    assert _cells("row_median(PER)", "number", PER=[NAN, NAN]) == [None, None]
    assert _cells("row_sum(PER)", "number", PER=[NAN, NAN]) == [0, 0]
    assert _cells("row_count(PER > 0)", "number", PER=[NAN, NAN]) == [0, 0]


def test_aggregates_leave_out_absent_values() -> None:
    assert _cells("row_mean(PER)", "number", PER=[1, NAN, 5]) == [3] * 3
    assert _cells("row_median(PER)", "number", PER=[9, NAN, 1, 2]) == [2] * 4
    assert _cells("row_median(PER)", "number", PER=[9, 4, 1, 2]) == [3] * 4
    assert _cells("row_sum(PER)", "number", PER=[1, NAN, -5]) == [-4] * 3
    assert _cells("row_count(PER < 2)", "number", PER=[1, NAN, -5]) == [2] * 3
    assert _cells("PER > row_mean(PER)", PER=[1, NAN, 5]) == [False, False, True]


def test_mean_of_equal_values_is_that_value() -> None:
    assert _cells("row_mean(raw_close) == 0.1 and row_mean(raw_close) / 0.1 == 1", view_close=[0.1] * 7) == [True] * 7


@given(
    st.one_of(
        st.tuples(st.just("number"), market_numbers(3, SMALL_NUMBERS)),
        st.tuples(st.just("condition"), market_conditions(3, SMALL_NUMBERS)),
    )
)
@settings(max_examples=80, deadline=None)
def test_market_values_are_those_of_every_stock(case: tuple[str, Node]) -> None:
    role, tree = case
    panels = small_panels(seed=3, years=(11, 9), stocks=5)
    whole, _ = _evaluated(render(tree), role, panels)
    np.testing.assert_array_equal(whole, _expected(tree, role, panels))
    expression = compile_expression(render(tree), role=role, path="", indices=frozenset(INDICES))  # type: ignore[arg-type]
    assert expression.market_wide
    for rows in (slice(0, 20), slice(11, 12), slice(7, 15), slice(4, 4)):
        found = evaluate_market(expression, panels, rows, universe_of(panels), "members")
        assert found.dtype == whole.dtype
        np.testing.assert_array_equal(found, whole[rows, 3])


def test_evaluate_market_refuses_a_stock_expression() -> None:
    expression = compile_expression("PER > 1", role="condition", path="")
    with pytest.raises(ValueError, match="differs by stock"):
        evaluate_market(expression, small_panels(), slice(0, 1))


def test_noise_of_prices_is_no_change() -> None:
    panels = small_panels(years=(3,), stocks=1)
    panels.fields["view_close"] = np.array([[1000.0], [1000.0 * (1 + 9e-10)], [1000.0 * (1 + 2.1e-9)]])
    panels.fields["adj_close"] = panels.fields["view_close"]
    panels.indices["KOSPI"] = panels.fields["view_close"][:, 0]
    change = _listed(_evaluated("pct_change(close, 1)", "number", panels)[0][:, 0])
    assert change[:2] == [None, 0]
    assert change[2] == pytest.approx(1.2e-7, rel=1e-6)
    assert _listed(_evaluated("delta(raw_close, 1)", "number", panels)[0][:, 0])[1] == 0
    assert _listed(_evaluated("delta(lag(raw_close, 1), 1)", "number", panels)[0][:, 0]) == [None, None, 0]
    assert _listed(_evaluated("sign(pct_change(close, 1))", "number", panels)[0][:, 0]) == [None, 0, 1]
    assert _listed(_evaluated("delta(KOSPI, 1)", "number", panels)[0][:, 0])[1] > 0
