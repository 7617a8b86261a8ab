"""The future, the range, the batch and the order of instruments never change a bit of any factor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.factors.catalogue import FACTORS, WHOLE_HISTORY
from shared.factors.compute import FactorInputs, compute_factors
from shared.model.calendar import NO_DAY
from shared.model.instruments import Instruments
from shared.model.market_data import Dividends, RawMarket, Statements
from tests.unit.factors.random_raw import inputs_of, random_raw

KEYS = tuple(factor.key for factor in FACTORS)
Table = dict[str, np.ndarray]


def same(a: Table, b: Table) -> None:
    for key in KEYS:
        assert a[key].dtype == b[key].dtype == np.float32
        assert a[key].shape == b[key].shape, key
        assert a[key].tobytes() == b[key].tobytes(), key


def kept(statements: Statements, which: np.ndarray, column: np.ndarray | None = None) -> Statements:
    instrument = statements.instrument if column is None else column[statements.instrument]
    return Statements(
        instrument=instrument[which].astype(np.int32),
        fiscal_year=statements.fiscal_year[which],
        fiscal_quarter=statements.fiscal_quarter[which],
        period_end=statements.period_end[which],
        disclosed_on=statements.disclosed_on[which],
        accounts={name: values[which] for name, values in statements.accounts.items()},
    )


def kept_dividends(dividends: Dividends, which: np.ndarray, column: np.ndarray | None = None) -> Dividends:
    instrument = dividends.instrument if column is None else column[dividends.instrument]
    return replace(dividends, instrument=instrument.astype(np.int32)).select(which)


def known_by(raw: RawMarket, row: int) -> RawMarket:
    """The market as it could be loaded on the evening of a row."""
    day = int(raw.days[row])
    gone = tuple(d if d is not None and d <= day else None for d in raw.instruments.delisted_on)
    fields = {name: getattr(raw.instruments, name) for name in raw.instruments.__struct_fields__}
    return RawMarket(
        days=raw.days[: row + 1],
        instruments=Instruments(**fields | {"delisted_on": gone}),
        prices={name: values[: row + 1] for name, values in raw.prices.items()},
        statements=kept(raw.statements, raw.statements.disclosed_on <= day),
        dividends=kept_dividends(raw.dividends, raw.dividends.ex_date <= day),
        indices={name: values[: row + 1] for name, values in raw.indices.items()},
        listings=raw.listings.known_on(day),
    )


def columns_of(inputs: FactorInputs, order: np.ndarray) -> FactorInputs:
    """The inputs of some instruments, in another order."""
    place = np.full(len(inputs.delisted_day), -1)
    place[order] = np.arange(len(order))
    matrices = {
        name: np.ascontiguousarray(values[:, order])
        for name, values in vars(inputs).items()
        if isinstance(values, np.ndarray) and values.ndim == 2
    }
    return replace(
        inputs,
        **matrices,
        delisted_day=inputs.delisted_day[order],
        statements=kept(inputs.statements, place[inputs.statements.instrument] >= 0, place),
        dividends=kept_dividends(inputs.dividends, place[inputs.dividends.instrument] >= 0, place),
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(2, 330), cut=st.floats(0, 1), stocks=st.integers(1, 9))
def test_the_future_never_changes_the_past(seed: int, rows: int, cut: float, stocks: int) -> None:
    raw = random_raw(seed, rows, stocks)
    row = int(cut * (rows - 1))
    whole = compute_factors(inputs_of(raw), KEYS, slice(0, rows))
    early = compute_factors(inputs_of(known_by(raw, row)), KEYS, slice(0, row + 1))
    same({key: values[: row + 1] for key, values in whole.items()}, early)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 330), bounds=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_value_does_not_depend_on_the_rows_requested(seed: int, rows: int, bounds: tuple[float, float]) -> None:
    inputs = inputs_of(random_raw(seed, rows, 5))
    start, stop = sorted(int(bound * rows) for bound in bounds)
    whole = compute_factors(inputs, KEYS, slice(0, rows))
    same({key: values[start:stop] for key, values in whole.items()}, compute_factors(inputs, KEYS, slice(start, stop)))


@pytest.mark.parametrize("batch", [1, 7, 512])
def test_the_size_of_a_batch_changes_nothing(batch: int) -> None:
    inputs = inputs_of(random_raw(11, 300, 23))
    whole = compute_factors(inputs, KEYS, slice(40, 300))
    parts = [
        compute_factors(columns_of(inputs, np.arange(start, min(23, start + batch))), KEYS, slice(40, 300))
        for start in range(0, 23, batch)
    ]
    same(whole, {key: np.concatenate([part[key] for part in parts], axis=1) for key in KEYS})


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(11)))
def test_permuted_instruments_permute_the_answer(seed: int, order: list[int]) -> None:
    inputs = inputs_of(random_raw(seed, 280, 11))
    whole = compute_factors(inputs, KEYS, slice(0, 280))
    permuted = compute_factors(columns_of(inputs, np.array(order)), KEYS, slice(0, 280))
    same({key: np.ascontiguousarray(values[:, order]) for key, values in whole.items()}, permuted)


def test_one_factor_alone_is_the_same_as_among_all() -> None:
    inputs = inputs_of(random_raw(12, 280, 9))
    whole = compute_factors(inputs, KEYS, slice(0, 280))
    same(whole, {key: compute_factors(inputs, [key], slice(0, 280))[key] for key in KEYS})


def test_rows_of_wider_matrices_are_read_in_place() -> None:
    inputs = inputs_of(random_raw(13, 100, 9))
    wide = {}
    for name, values in vars(inputs).items():
        if isinstance(values, np.ndarray) and values.ndim == 2:
            whole = np.full((100, 32), 7, values.dtype)
            whole[:, :9] = values
            wide[name] = whole[:, :9]
    rows = slice(50, 100)
    same(compute_factors(inputs, KEYS, rows), compute_factors(replace(inputs, **wide), KEYS, rows))


@pytest.mark.parametrize("seed", range(3))
def test_the_declared_look_back_is_enough(seed: int) -> None:
    inputs = inputs_of(random_raw(seed, 420, 8, fewer_gaps=True))
    whole = compute_factors(inputs, KEYS, slice(419, 420))
    for factor in FACTORS:
        if factor.lookback_rows == WHOLE_HISTORY:
            continue
        first = max(0, 419 - factor.lookback_rows)
        cut = {
            name: values[first:]
            for name, values in vars(inputs).items()
            if isinstance(values, np.ndarray) and (values.ndim == 2 or name == "days")
        }
        series = {name: values[first:] for name, values in inputs.index_close.items()}
        rows = slice(419 - first, 420 - first)
        found = compute_factors(replace(inputs, **cut, index_close=series), [factor.key], rows)[factor.key]
        np.testing.assert_allclose(found, whole[factor.key], rtol=1e-6, err_msg=factor.key)


def test_an_unknown_factor_or_row_is_refused() -> None:
    inputs = inputs_of(random_raw(1, 10, 2))
    with pytest.raises(ValueError, match="no such factors: PERR"):
        compute_factors(inputs, ["PER", "PERR"], slice(0, 10))
    with pytest.raises(ValueError, match="10 rows"):
        compute_factors(inputs, ["PER"], slice(0, 11))


def test_a_statement_of_another_part_is_refused() -> None:
    inputs = inputs_of(random_raw(1, 10, 8))
    none = np.array([], np.int64)
    fewer = columns_of(inputs, np.arange(2))
    with pytest.raises(ValueError, match="a statement names an instrument"):
        compute_factors(replace(fewer, statements=inputs.statements), ["PER"], slice(0, 10))
    no_rows = replace(fewer, statements=kept(inputs.statements, none), dividends=kept_dividends(inputs.dividends, none))
    assert np.isnan(compute_factors(no_rows, ["PER"], slice(0, 10))["PER"]).all()


def test_nothing_exists_from_the_delisting_on() -> None:
    inputs = inputs_of(random_raw(2, 200, 8, fewer_gaps=True))
    gone = replace(inputs, delisted_day=np.full(8, int(inputs.days[150]), np.int32))
    found = compute_factors(gone, KEYS, slice(140, 200))
    listed = compute_factors(replace(inputs, delisted_day=np.full(8, NO_DAY, np.int32)), KEYS, slice(140, 200))
    for key in KEYS:
        assert np.isnan(found[key][10:]).all(), key
        assert found[key][:10].tobytes() == listed[key][:10].tobytes(), key
