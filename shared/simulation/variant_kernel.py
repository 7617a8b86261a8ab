"""ctypes layer of the batch kernel (shared/native/variants.c): many requests over the same dataset and window."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Hashable, Sequence
from ctypes import POINTER, Structure, c_double, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from shared.language import vm
from shared.native import library, place, verify_sizes
from shared.simulation import statistics
from shared.simulation.ledger import kernel_functions
from shared.simulation.structures import MatrixView, address, matrix_view
from shared.simulation.templates import KINDS

WORD = 64
"""Positions of a row that are one word of bits."""


class _Part(Structure):
    """Mirrors `condition_part` of native.h."""

    _fields_ = (
        ("kind", c_int64), ("values", MatrixView), ("constant", c_double), ("formula", c_int64), ("at", c_int64),
        ("words", c_void_p), ("known", c_void_p),
    )  # fmt: skip


class _Condition(Structure):
    """Mirrors `condition` of native.h."""

    _fields_ = (("code", c_void_p), ("n_code", c_int64), ("words", c_void_p), ("known", c_void_p))


class FormulaUse(Structure):
    """Mirrors `formula_use` of native.h."""

    _fields_ = (("formula", c_int64), ("at", c_int64))


class Variant(Structure):
    """Mirrors `variant` of native.h."""

    _fields_ = (
        *((name, c_void_p) for name in ("market", "rules", "options", "block", "when", "benchmark", "chosen")),
        *((name, FormulaUse) for name in ("buy", "ranking", "sell")),
        *((name, c_double) for name in ("initial_cash", "daily_rf")),
        ("sectors", c_int64),
    )


class VariantSums(Structure):
    """Mirrors `variant_sums` of native.h."""

    _fields_ = (
        ("curve", statistics.CurveSums),
        ("trips", statistics.TripSums),
        *((name, c_int64) for name in ("ended", "fills", "first_purchase")),
        *(
            (name, c_double)
            for name in (
                "sales", "commission", "tax", "slippage", "dividends", "last_equity", "best_month", "worst_month",
                "participation_median", "participation_max",
            )
        ),
    )  # fmt: skip


class _Functions(Structure):
    """Mirrors `kernel_functions` of native.h."""

    _fields_ = tuple(
        (name, c_void_p)
        for name in ("simulate", "measure_curve", "measure_trips", "list_purchases", "bind", "cells", "row")
    )


class _Batch(Structure):
    """Mirrors `variant_batch` of native.h."""

    _fields_ = (
        ("call", c_void_p), ("variants", c_void_p), ("count", c_int64), ("sums", c_void_p), ("weekly", c_void_p),
        ("parts", c_void_p), ("formulas", c_void_p), ("n_formulas", c_int64), ("constants", c_void_p),
        ("volume", MatrixView), ("days", c_void_p), ("week_ends", c_void_p), ("month_ends", c_void_p),
        *(
            (name, c_int64)
            for name in (
                "weeks", "months", "columns", "window", "rows", "decided", "max_positions", "sectors", "threads",
            )
        ),
    )  # fmt: skip


@cache
def _kernel() -> ctypes.CDLL:
    found = library("variants")
    structures = (_Part, _Condition, FormulaUse, Variant, VariantSums, _Functions, _Batch)
    verify_sizes(found, "variants", [ctypes.sizeof(structure) for structure in structures])
    found.run_batch.restype, found.run_batch.argtypes = c_int64, [POINTER(_Batch)]
    return found


@cache
def _functions() -> _Functions:
    simulate, list_purchases = kernel_functions()
    measure_curve, measure_trips = statistics.functions()
    return _Functions(simulate, measure_curve, measure_trips, list_purchases, vm.bind_entry(), *vm.entries())


Words = tuple[np.ndarray, np.ndarray]
"""Kept words of bits: uint64 [rows, words of a row], and uint8 of the same shape: whether they are known."""


@dataclass
class _Counted:
    """A part or condition with the number of those that read it."""

    index: int
    uses: int = 0


class Conditions:
    """The parts, conditions and formulas of a batch; each exists once. Arrays and formulas are kept alive here."""

    def __init__(self, *, threads: int, rows: int, columns: int) -> None:
        self.threads, self.rows, self.columns = threads, rows, columns
        self._parts: dict[Hashable, _Counted] = {}
        self._counted: list[_Counted] = []
        self._part_rows: list[tuple[int, MatrixView, float, int, int]] = []
        self._conditions: dict[tuple[int, ...], _Counted] = {}
        self._formulas: dict[Hashable, tuple[int, tuple[vm.Formula, ...]]] = {}
        self._constants: list[float] = []
        self._constants_at: dict[tuple[float, ...], int] = {}
        self._arrays: list[Any] = []

    def part(
        self, key: Hashable, kind: str, *, values: MatrixView | None = None, constant: float = 0.0,
        use: FormulaUse | None = None,
    ) -> int:  # fmt: skip
        """Return the number of the part with this key; the other arguments describe it."""
        found = self._parts.get(key)
        if found is None:
            found = self._parts[key] = _Counted(len(self._part_rows))
            self._counted.append(found)
            formula, at = (-1, 0) if use is None else (use.formula, use.at)
            self._part_rows.append((KINDS.index(kind), values or MatrixView(), constant, formula, at))
        return found.index

    def condition(self, code: tuple[int, ...]) -> int:
        """Return the number of the condition with this code (in numbers of parts), and count a variant that uses it."""
        found = self._conditions.get(code)
        if found is None:
            found = self._conditions[code] = _Counted(len(self._conditions))
            for part in {operation for operation in code if operation >= 0}:
                self._counted[part].uses += 1
        found.uses += 1
        return found.index

    def formula(self, key: Hashable, bind: Callable[[], vm.Formula], constants: Sequence[float]) -> FormulaUse:
        """Return the use of the formula with this key with these constants; `bind` makes it, once for each thread."""
        if key not in self._formulas:
            self._formulas[key] = len(self._formulas), tuple(bind() for _ in range(self.threads))
        values = tuple(constants)
        if values not in self._constants_at:
            self._constants_at[values] = len(self._constants)
            self._constants += values
        return FormulaUse(self._formulas[key][0], self._constants_at[values])

    def keep(self, array: np.ndarray) -> np.ndarray:
        """Keep an array whose address a part contains."""
        self._arrays.append(array)
        return array

    def bound(self, budget_bytes: int) -> BoundConditions:
        """Return everything as the kernel reads it; words that several read are kept, the most used ones first."""
        words: dict[tuple[str, int], Words] = {}
        shape = (self.rows, -(-self.columns // WORD))
        shared = [("part", c) for c in self._counted] + [("condition", c) for c in self._conditions.values()]
        shared = sorted((pair for pair in shared if pair[1].uses > 1), key=lambda pair: -pair[1].uses)
        fit = budget_bytes // max(9 * shape[0] * shape[1], 1)
        for kind, counted in shared[:fit]:
            words[kind, counted.index] = np.empty(shape, np.uint64), np.zeros(shape, np.uint8)

        def places(kind: str, index: int) -> tuple[int | None, int | None]:
            found = words.get((kind, index))
            return (None, None) if found is None else (place(found[0]), place(found[1]))

        parts = (_Part * max(len(self._part_rows), 1))(
            *(_Part(*row, *places("part", index)) for index, row in enumerate(self._part_rows))
        )
        codes = [np.array(code, np.int32) for code in self._conditions]
        conditions = (_Condition * max(len(codes), 1))(
            *(_Condition(place(code), len(code), *places("condition", i)) for i, code in enumerate(codes))
        )
        by_thread = [
            ctypes.addressof(formulas[thread])
            for thread in range(self.threads)
            for _, formulas in self._formulas.values()
        ]
        return BoundConditions(
            parts=parts, conditions=conditions, formulas=np.array([*by_thread, 0], np.uintp),
            n_formulas=len(self._formulas), constants=np.array([*self._constants, 0.0]), threads=self.threads,
            keep_alive=(self, words, codes),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BoundConditions:
    """Arrays of structures for the kernel."""

    parts: Any
    conditions: Any
    formulas: np.ndarray
    n_formulas: int
    constants: np.ndarray
    threads: int
    keep_alive: Any

    def condition_address(self, index: int) -> int:
        """Return the address of a condition."""
        return ctypes.addressof(self.conditions) + index * ctypes.sizeof(_Condition)


@dataclass(frozen=True, kw_only=True)
class Window:
    """What a batch reads of the dataset besides its variants: `first` and `decided` are the dataset rows of the window
    and of its first decision row; `week_ends`, `month_ends` rows of the window."""

    days: np.ndarray
    volume: np.ndarray
    columns: int
    first: int
    rows: int
    decided: int
    week_ends: np.ndarray
    month_ends: np.ndarray


def run_batch(
    variants: Any, count: int, bound: BoundConditions, window: Window, *, max_positions: int, sectors: int
) -> tuple[Any, np.ndarray]:
    """Return an array of VariantSums and float32 [count, weeks]; `variants` is an array of Variant.

    Raises MemoryError.
    """
    sums, weekly = (VariantSums * max(count, 1))(), np.empty((count, len(window.week_ends)), np.float32)
    batch = _Batch(
        ctypes.addressof(_functions()), ctypes.addressof(variants), count, ctypes.addressof(sums), place(weekly),
        ctypes.addressof(bound.parts), place(bound.formulas), bound.n_formulas, place(bound.constants),
        matrix_view(window.volume, window.first, np.float64, window.columns), address(window.days, np.int32),
        address(window.week_ends, np.int32), address(window.month_ends, np.int32), len(window.week_ends),
        len(window.month_ends), window.columns, window.first, window.rows, window.decided, max_positions, sectors,
        bound.threads,
    )  # fmt: skip
    if _kernel().run_batch(batch):
        raise MemoryError("no memory for the variants of a sweep")
    return sums, weekly
