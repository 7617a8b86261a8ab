"""Enumerations of native.h and Python have the same order; other structures and constants are refused at load."""

from __future__ import annotations

import ctypes
import pathlib
import re
from typing import Any

import pytest

from shared.errors import SetupError
from shared.factors.native import PRICE_FACTORS
from shared.model.fields import CARRY_ROWS, NEVER_TRADED
from shared.native import library, verify_constants, verify_sizes
from shared.simulation.structures import REASONS, UNFILLED
from shared.simulation.templates import BOTH, EITHER, KINDS, NEITHER

ROOT = pathlib.Path(__file__).resolve().parents[3]


def enumeration(first: str) -> list[str]:
    """The names of the enumeration of native.h that begins with `first`."""
    header = (ROOT / "shared/native/native.h").read_text(encoding="utf-8")
    (names,) = re.findall(r"enum \{\s*(" + first + r"\b[^}]*)\}", header)
    return [name.split("=")[0].strip() for name in names.split(",") if name.strip()]


@pytest.mark.parametrize(
    ("listed", "first", "last"),
    [
        (PRICE_FACTORS, "MOMENTUM_1M", "PRICE_FACTORS"),
        ([name.upper() for name in REASONS], "ENTRY", "REASONS"),
    ],
    ids=["price_factors", "reasons"],
)
def test_enumeration_has_the_order_of_python(listed: Any, first: str, last: str) -> None:
    assert enumeration(first) == [*listed, last]


def test_parts_of_conditions_have_the_order_of_c() -> None:
    names = {"LESS": "<", "AT_MOST": "<=", "EQUALS": "==", "DIFFERS": "!=", "GREATER": ">", "AT_LEAST": ">="}
    assert [names.get(name, name.lower()) for name in enumeration("LESS")] == list(KINDS)
    header = (ROOT / "shared/native/native.h").read_text(encoding="utf-8")
    assert f"BOTH = {BOTH}, EITHER = {EITHER}, NEITHER = {NEITHER}" in header


def test_unfilled_keys_have_the_order_of_c() -> None:
    names = {"HALTED": "halted", "LIMIT_UP": "limit_up", "NO_CASH": "cash", "VOLUME_CAP": "volume"}
    listed = [names.get(name, name.lower()) for name in enumeration("HALTED")[:-1]]
    assert list(UNFILLED[: len(listed)]) == listed
    assert list(UNFILLED[len(listed) :]) == [f"sell_{reason}" for reason in REASONS[1:]][: len(UNFILLED) - len(listed)]


def test_verify_sizes_refuses_other_structures() -> None:
    kernels = library("statistics")
    with pytest.raises(SetupError, match="run `make install`"):
        verify_sizes(kernels, "statistics", [ctypes.sizeof(ctypes.c_int64)])


def test_verify_constants_refuses_other_constants() -> None:
    kernels = library("dataset")
    verify_constants(kernels, "dataset", {"NEVER_TRADED": NEVER_TRADED, "CARRY_ROWS": CARRY_ROWS})
    for expected in ({"NEVER_TRADED": NEVER_TRADED, "CARRY_ROWS": 61}, {"NEVER_TRADED": NEVER_TRADED}):
        with pytest.raises(SetupError, match="run `make install`"):
            verify_constants(kernels, "dataset", expected)
