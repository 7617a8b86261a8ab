"""Values never depend on the requested rows, the order of columns, earlier evaluations, or later data."""

from __future__ import annotations

import numpy as np
import pytest

from shared.errors import CancelledRunError
from shared.language import compile_expression, evaluate, vm
from shared.language.evaluate import formula
from shared.model.calendar import year_slices
from tests.unit.language.fixtures import INDICES, SmallPanels, small_panels, universe_of

NUMBERS = [
    "PER", "lag(PER, 3)", "ts_mean(PER, 13) / ts_std(PER, 13)", "zscore(PER) + demean(ROE)", "sector_demean(PER)",
    "winsorize(PER / PBR, 10)", "rank(ts_corr(PER, ROE, 9)) - sector_rank(PBR)", "ema(PER, 5) * ema(ema(ROE, 3), 30)",
    "ts_sum(zscore(PER), 4)", "pct_change(ts_mean(raw_close, 20), 6)", "lag(ema(zscore(ROE), 4), 2) + log(abs(PER))",
    "delta(coalesce(PER, 0), 5)", "ts_rank(delta(lag(PER, 1), 2), 8)", "ts_mean(ts_mean(ts_mean(PER, 9), 9), 9)",
    "lag(5, 3)", "7", "lag(if(close > lag(close, 1), 1, 0), 40)", "pct_rank(PER) * 3 + pct_rank(PER) * pct_rank(ROE)",
    "KOSPI", "PER * KOSPI / ts_mean(KOSPI, 30)", "ema(row_mean(PER), 5) - lag(row_median(ROE), 3) * PER",
    "ts_corr(pct_change(close, 1), pct_change(KOSPI, 1), 12)", "rank(PER - row_mean(PER)) + row_count(PER > KOSPI)",
    "lag(KOSDAQ, 40) + PER", "row_sum(rank(PER))",
]  # fmt: skip
CONDITIONS = [
    "(PER < 10 or pct_rank(PER) < 0.3) and ROE > 1 and close > ts_mean(close, 12)", "1 > 0", "not PER > lag(PER, 70)",
    "close > ema(close, 4) and not_null(lag(PER, 2))", "KOSPI > ts_mean(KOSPI, 20) and PER > row_median(PER)",
    "KOSPI > 5", "is_null(KOSPI) or lag(KOSPI, 3) > KOSPI > 1 or PER > 9",
]  # fmt: skip
CASES = [(text, "number") for text in NUMBERS] + [(text, "condition") for text in CONDITIONS]


def _values(text: str, role: str, panels: SmallPanels, rows: slice) -> np.ndarray:
    expression = compile_expression(text, role=role, path="", indices=frozenset(INDICES))  # type: ignore[arg-type]
    return evaluate(expression, panels, rows, universe_of(panels), "members")


@pytest.mark.parametrize(("text", "role"), CASES)
def test_any_slice_of_rows_has_the_same_bits(text: str, role: str) -> None:
    whole = _values(text, role, small_panels(), slice(0, 71))
    warm = small_panels()
    for start, stop in ((0, 1), (70, 71), (24, 26), (40, 71), (3, 50), (26, 26), (0, 71)):
        for panels in (warm, small_panels()):
            np.testing.assert_array_equal(_values(text, role, panels, slice(start, stop)), whole[start:stop])


@pytest.mark.parametrize(("text", "role"), CASES)
def test_formula_gives_the_rows_and_cells_of_the_panel(text: str, role: str) -> None:
    panels = small_panels()
    whole = _values(text, role, panels, slice(0, 71))
    expression = compile_expression(text, role=role, path="", indices=frozenset(INDICES))  # type: ignore[arg-type]
    found = formula(expression, panels, slice(20, 71), universe_of(panels), "members")
    columns = np.random.default_rng(5).integers(0, whole.shape[1], 300)  # more than a register holds
    for at in (20, 70, 21, 33):
        np.testing.assert_array_equal(vm.cells(found, at, columns), whole[at][columns])
        np.testing.assert_array_equal(vm.row(found, at), whole[at])
    assert len(vm.cells(found, 20, columns[:0])) == 0
    with pytest.raises(ValueError, match="column"):
        vm.cells(found, 20, np.array([whole.shape[1]]))
    from_the_first = formula(expression, panels, slice(0, 9), universe_of(panels), "members")
    for at in range(9):
        np.testing.assert_array_equal(vm.cells(from_the_first, at, columns), whole[at][columns])
        np.testing.assert_array_equal(vm.row(from_the_first, at), whole[at])


@pytest.mark.parametrize(("text", "role"), CASES)
def test_column_order_changes_no_bit(text: str, role: str) -> None:
    panels = small_panels()
    whole = _values(text, role, panels, slice(0, 71))
    order = np.random.default_rng(4).permutation(whole.shape[1])
    np.testing.assert_array_equal(_values(text, role, panels.permuted(order), slice(0, 71)), whole[:, order])


@pytest.mark.parametrize(("text", "role"), CASES)
def test_later_data_change_no_value(text: str, role: str) -> None:
    whole = _values(text, role, small_panels(), slice(0, 71))
    for rows in (1, 25, 40):
        found = _values(text, role, small_panels().cut(rows), slice(0, rows))
        np.testing.assert_array_equal(found, whole[:rows])


@pytest.mark.parametrize(("text", "role"), CASES)
def test_evaluation_reads_the_years_of_its_look_back(text: str, role: str) -> None:
    expression = compile_expression(text, role=role, path="", indices=frozenset(INDICES))  # type: ignore[arg-type]
    starts = [year.start for year in year_slices(small_panels().days).values()]
    for rows in (slice(60, 61), slice(30, 55), slice(0, 71)):
        panels = small_panels()
        read: list[slice] = []
        universe = universe_of(panels)

        def recorded(rows: slice, read: list[slice] = read, inner=universe) -> np.ndarray:
            read.append(rows)
            return inner(rows)

        evaluate(expression, panels, rows, recorded, "members")
        assert set(panels.read) == expression.fields | expression.factors
        first = max(0, rows.start - expression.lookback)
        for _ in range(3):  # a materialized node below a window reads from the start of the year it reaches into
            first = max(0, max(start for start in starts if start <= first) - expression.lookback)
        if not expression.whole_history:
            assert all(found.start >= first for found in (*panels.read.values(), *read))
        assert bool(read) == expression.needs_universe


def test_shared_node_is_computed_once_a_year() -> None:
    panels = small_panels()
    universe = universe_of(panels)
    for text in (
        "pct_rank(PER) < 0.3",
        "PER < 3 and pct_rank( per ) > 0.5 and pct_rank(PER) < 0.9",
        "pct_rank(PER) > lag(3, 1)",
    ):
        evaluate(compile_expression(text, role="condition", path=""), panels, slice(30, 71), universe, "members")
    names = {name for name, _ in panels.computed}
    assert len(names) == 2  # the rank, and the constant below lag
    assert len(panels.computed) == len(set(panels.computed)) == 4
    evaluate(
        compile_expression("pct_rank(PER) < 0.1", role="condition", path=""), panels, slice(30, 71), universe, "others"
    )
    assert len({name for name, _ in panels.computed}) == 3
    assert len(year_slices(panels.days)) == 3


def test_factor_is_returned_without_a_copy() -> None:
    panels = small_panels()
    found = _values("MOMENTUM_3M", "number", panels, slice(5, 30))
    assert np.shares_memory(found, panels.fields["MOMENTUM_3M"])


def test_cancelled_evaluation_ends() -> None:
    panels = small_panels()
    expression = compile_expression("ts_mean(PER, 5) + ts_mean(PBR, 5)", role="number", path="")
    with pytest.raises(CancelledRunError):
        evaluate(expression, panels, slice(0, 71), cancelled=lambda: bool(panels.computed))
    assert len(panels.computed) == 1


def test_cross_section_needs_a_universe() -> None:
    panels = small_panels()
    with pytest.raises(ValueError, match="universe"):
        evaluate(compile_expression("rank(PER)", role="number", path=""), panels, slice(0, 3))


def test_program_over_many_blocks_has_the_bits_of_narrow_ones() -> None:
    text = "if(close > lag(close, 1), PER / PBR - ROE, coalesce(min(PER, -1), 2)) + ts_std(PER, 3) + clip(ROE, 1, 2)"
    wide = small_panels(years=(12, 9), stocks=1003)
    whole = _values(text, "number", wide, slice(0, 21))
    for start, stop in ((0, 256), (255, 258), (768, 1003), (1002, 1003)):
        part = wide.permuted(np.arange(start, stop))
        np.testing.assert_array_equal(_values(text, "number", part, slice(0, 21)), whole[:, start:stop])


@pytest.mark.parametrize(
    "text",
    [
        "ts_mean(" * 39 + "PER" + ", 2)" * 39,
        "rank(" * 39 + "PER" + ")" * 39,
        "ema(" * 39 + "PER" + ", 2)" * 39,
        "delta(" * 39 + "PER" + ", 1)" * 39,
        " + ".join(f"lag(ts_sum(PER, {n}), {n})" for n in range(2, 60)),
        " * ".join(["PER"] * 200),
        "-(" + " + ".join(f"(PER - {n})" for n in range(99)) + ")",
    ],
)
def test_largest_expressions_are_evaluated(text: str) -> None:
    panels = small_panels()
    found = _values(text, "number", panels, slice(60, 71))
    assert found.shape == (11, 9)
    assert not np.isinf(found).any()


def test_market_wide_node_is_computed_once_a_year() -> None:
    panels = small_panels()
    universe, read = universe_of(panels), []

    def recorded(rows: slice) -> np.ndarray:
        read.append(rows)
        return universe(rows)

    for text in (
        "PER > row_mean(PER)",
        "KOSPI > 3 and ROE < row_mean(PER) * 2",
        "row_mean(PER) > lag(row_mean(PER), 2)",
    ):
        expression = compile_expression(text, role="condition", path="", indices=frozenset(INDICES))
        evaluate(expression, panels, slice(0, 71), recorded, "members")
    assert len(read) == 3
    assert not panels.stored


def test_comparison_without_constants_is_materialized() -> None:
    panels = small_panels()
    universe = universe_of(panels)
    for text in (
        "close > ts_mean(close, 5)",
        "PER < 3 and close > ts_mean(close, 5)",
        "not (close > ts_mean(close, 5) or lag(close, 1) < lag(ts_max(close, 3), 1) != ts_max(close, 3))",
    ):
        kept = evaluate(compile_expression(text, role="condition", path=""), panels, slice(0, 71), universe, "members")
        assert kept.dtype == np.bool_
    truths = [whole for whole, _ in panels.stored.values() if whole.dtype == np.bool_]
    assert len(truths) == 2
    constant = compile_expression("PER < 3 and rank(PER) < 5", role="condition", path="")
    evaluate(constant, panels, slice(0, 71), universe, "members")
    assert len([whole for whole, _ in panels.stored.values() if whole.dtype == np.bool_]) == 2
