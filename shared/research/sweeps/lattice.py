"""The values of a parameter, in order: an exact decimal lattice or a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from functools import cached_property

import numpy as np

from shared.errors import Problem
from shared.messages import say
from shared.research.sweeps.request import Parameter

Value = int | float | str | bool | None

MAX_LEVELS = 100_000
LOG_LEVELS = 200
"""Values of a logarithmic range without a step."""
_FOUR_DIGITS = Context(prec=4)
_MANY_DIGITS = Context(prec=40)


@dataclass(frozen=True)
class Lattice:
    """The distinct values of one parameter; neighbours in the order are neighbours in the plateau.

    `stepped`: whether the request names the values (a list, or a range with a step), as a grid needs.
    """

    values: tuple[Value, ...]
    stepped: bool = True

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def is_numeric(self) -> bool:
        """Return whether the values are numbers in ascending or descending order."""
        numbers = [value for value in self.values if isinstance(value, int | float) and not isinstance(value, bool)]
        return len(numbers) == len(self.values) and numbers in (sorted(numbers), sorted(numbers, reverse=True))

    @cached_property
    def numbers(self) -> np.ndarray:
        """Return the values as float64 for conditions: true and false are 1 and 0, texts and null are NaN."""
        return np.array([value if isinstance(value, int | float) else np.nan for value in self.values], np.float64)

    def extremes(self) -> tuple[Value, ...]:
        """Return the values that show whether all of them can stand at a place.

        Of three or more numbers: the least, the greatest, and the first that is no whole number. Else all.
        """
        numbers = [value for value in self.values if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(numbers) < len(self) or len(numbers) <= 2:
            return self.values
        broken = next((value for value in numbers if isinstance(value, float)), None)
        chosen = (min(numbers), max(numbers), *(() if broken is None else (broken,)))
        return tuple(dict.fromkeys(chosen))


def lattice_of(parameter: Parameter, path: str, *, whole: bool, problems: list[Problem]) -> Lattice | None:
    """Return the values of a parameter; None after its mistakes were appended.

    `whole`: the parameter stands where only whole numbers can, so that a range without a step has the step 1.
    """
    if parameter.values is not None:
        return _of_list(parameter, path, problems)
    if parameter.from_ is None or parameter.to is None:
        problems.append(Problem(path=path, message=say("sweep_range_incomplete")))
        return None
    first, last = _decimal(parameter.from_), _decimal(parameter.to)
    if first >= last:
        problems.append(
            Problem(path=f"{path}.to", message=say("sweep_range_empty", start=_text(first), end=_text(last)))
        )
        return None
    values = _logarithmic if parameter.scale == "log" else _linear
    return values(parameter, first, last, path, whole=whole, problems=problems)


def _of_list(parameter: Parameter, path: str, problems: list[Problem]) -> Lattice | None:
    before = len(problems)
    if any(value is not None for value in (parameter.from_, parameter.to, parameter.step)) or parameter.scale == "log":
        problems.append(Problem(path=path, message=say("sweep_values_and_range")))
    found: list[Value] = []
    for index, value in enumerate(parameter.values or ()):
        if not (value is None or isinstance(value, bool | int | float | str)):
            problems.append(Problem(path=f"{path}.values[{index}]", message=say("sweep_value_kind")))
            continue
        plain = number(_decimal(value)) if isinstance(value, float) else value
        if any(plain == other and isinstance(plain, bool) == isinstance(other, bool) for other in found):
            problems.append(Problem(path=f"{path}.values[{index}]", message=say("sweep_value_repeated")))
        found.append(plain)
    return None if len(problems) > before else Lattice(tuple(found))


def _linear(
    parameter: Parameter, first: Decimal, last: Decimal, path: str, *, whole: bool, problems: list[Problem]
) -> Lattice | None:
    stepped = parameter.step is not None or whole
    if parameter.step is not None:
        step = _decimal(parameter.step)
    else:  # three decimal digits below the first digit of the range
        step = Decimal(1) if whole else Decimal(1).scaleb((last - first).adjusted() - 3)
    count = int(((last - first) / step).to_integral_value(ROUND_FLOOR)) + 1
    if count > MAX_LEVELS:
        problems.append(Problem(path=f"{path}.step", message=say("sweep_range_long", count=count, limit=MAX_LEVELS)))
        return None
    return Lattice(tuple(number(first + step * k) for k in range(count)), stepped)


def _logarithmic(
    parameter: Parameter, first: Decimal, last: Decimal, path: str, *, whole: bool, problems: list[Problem]
) -> Lattice | None:
    if first <= 0:
        problems.append(Problem(path=f"{path}.from", message=say("sweep_log_needs_positive")))
        return None
    if parameter.step is None:
        ratio = last / first
        exact = (first * _MANY_DIGITS.power(ratio, Decimal(k) / Decimal(LOG_LEVELS - 1)) for k in range(LOG_LEVELS))
        rounded = (_FOUR_DIGITS.plus(value) for value in exact)
        ends = [first, *(value for value in rounded if first < value < last), last]
        return Lattice(_distinct(value.to_integral_value() if whole else value for value in ends), whole)
    step = _decimal(parameter.step)
    if step <= 1:
        problems.append(Problem(path=f"{path}.step", message=say("sweep_log_step")))
        return None
    values: list[Decimal] = []
    value = first
    while value <= last:
        if len(values) == MAX_LEVELS:
            message = say("sweep_range_long", count=MAX_LEVELS + 1, limit=MAX_LEVELS)
            problems.append(Problem(path=f"{path}.step", message=message))
            return None
        values.append(value)
        value = _MANY_DIGITS.multiply(value, step)
    return Lattice(_distinct(values))


def _distinct(values: Iterable[Decimal]) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(number(value) for value in values))


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def number(value: Decimal) -> int | float:
    """Return a decimal as JSON has it: a whole number, or the nearest float."""
    return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)


def _text(value: Decimal) -> str:
    return str(number(value))
