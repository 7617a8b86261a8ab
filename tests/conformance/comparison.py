"""How a result of the engine is held against one of the reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from shared.errors import RequestError, RunError
from shared.model.panels import Panels
from shared.simulation import canonical_request, request_of, run
from tests.reference import engine
from tests.reference.market import Market

CLOSE = 1e-9
LOOSE = 1e-7
"""For what is a quotient of small differences (deviations, alpha), relative."""

FEW = 0.05

TRADE = ("date", "stock_code", "name", "side", "shares", "reason")


def near(found: Any, expected: Any, relative: float, absolute: float = 1e-9) -> bool:
    """Numbers within a tolerance, all else equal; None only beside None."""
    if isinstance(found, float) or isinstance(expected, float):
        if found is None or expected is None:
            return False
        return math.isclose(found, expected, rel_tol=relative, abs_tol=absolute)
    return bool(found == expected)


def product_result(panels: Panels, request: Mapping[str, Any]) -> dict[str, Any] | Exception:
    """The engine's result, or the error that it answered with; asked three times, since the second run finds the orders
    of the stocks that the first one did without, and the third one its candidates."""
    try:
        canonical = canonical_request(request_of(request))
        found = run(canonical, panels)
        for _ in range(2):
            assert run(canonical, panels).result_digest == found.result_digest, "a further run gave another result"
        return found.result
    except (RunError, RequestError) as error:
        return error


def reference_result(market: Market, request: dict[str, Any]) -> dict[str, Any] | Exception:
    """The reference's result, or its refusal."""
    try:
        return engine.backtest(market, request)
    except engine.RefusedError as error:
        return error


def differences(found: dict[str, Any] | Exception, expected: dict[str, Any] | Exception) -> list[str]:
    """What differs between the engine and the reference, in words; empty when they agree."""
    if isinstance(found, Exception) or isinstance(expected, Exception):
        both = isinstance(found, Exception) and isinstance(expected, Exception)
        if both or (isinstance(expected, dict) and isinstance(found, RunError) and _absent_in_part(expected)):
            return []
        return [f"engine {_brief(found)}, reference {_brief(expected)}"]
    said = _lists("trade", found["trades"], expected["trades"], TRADE, ("price", "commission", "tax"))
    said += _lists(
        "equity",
        found["equity"],
        expected["equity"],
        ("date", "positions"),
        ("equity", "cash", "daily_return", "drawdown"),
    )
    for a, b in zip(found["equity"], expected["equity"], strict=False):
        if not near(a["benchmark"], b["benchmark"], LOOSE):
            said.append(f"benchmark on {b['date']}: {a['benchmark']} not {b['benchmark']}")
            break
    trips = [{**t, "days": t["holding_days"]} for t in found["round_trips"]]
    said += _lists(
        "round trip", trips, expected["round_trips"],
        ("stock_code", "entry_date", "exit_date", "shares", "days", "reason"),
        ("entry_price", "exit_price", "cost", "gain", "return"),
    )  # fmt: skip
    said += _lists("open position", found["open_positions"], expected["open_positions"], ("stock_code", "shares"), ())
    said += _lists("month", found["monthly_returns"], expected["monthly_returns"], ("month",), ("return",))
    said += _lists("year", found["yearly_returns"], expected["yearly_returns"], ("year",), ("return",))
    if found["unfilled"] != expected["unfilled"]:
        said.append(f"unfilled {found['unfilled']} not {expected['unfilled']}")
    for name in ("first", "last"):
        if found["window"][name] != expected["window"][name]:
            said.append(f"window {name} {found['window'][name]} not {expected['window'][name]}")
    for name in sorted(set(found["statistics"]) | set(expected["statistics"])):
        a, b = found["statistics"].get(name, "missing"), expected["statistics"].get(name, "missing")
        if not near(a, b, LOOSE):
            said.append(f"statistics.{name}: {a} not {b}")
    return said + _rare(found, expected["coverage"])


def _absent_in_part(expected: dict[str, Any]) -> bool:
    """One of several expressions reads no value of a factor: whether that is an error already, no page says."""
    return any(part == 0 for seen in expected["coverage"].values() for part, _ in seen)


def _rare(found: dict[str, Any], coverage: dict[str, list[tuple[float, int]]]) -> list[str]:
    """Factors that one expression reads without a look-back are named in a warning when present on under 5 %."""
    named = {w["factor"] for w in found["warnings"] if w["code"] == "scarce_factor"}
    clear = {key: seen[0][0] for key, seen in coverage.items() if len(seen) == 1 and seen[0][1] == 0}
    rare = {key for key, part in clear.items() if part < FEW}
    wrong = (named & set(clear)) ^ rare
    return [f"warnings about rare factors: {sorted(named)} not {sorted(rare)}"] if wrong else []


def _brief(result: dict[str, Any] | Exception) -> str:
    if isinstance(result, Exception):
        return f"refuses: {result}"
    return f"ends with {len(result['trades'])} trades"


def _lists(
    what: str,
    found: list[dict[str, Any]],
    expected: list[dict[str, Any]],
    same: tuple[str, ...],
    numbers: tuple[str, ...],
) -> list[str]:
    for i, (a, b) in enumerate(zip(found, expected, strict=False)):
        wrong = [n for n in same if a[n] != b[n]]
        wrong += [n for n in numbers if not near(_number(a[n]), _number(b[n]), CLOSE, 1e-7 if n == "gain" else 1e-9)]
        if wrong:
            return [f"{what} {i} differs in {', '.join(wrong)}: {a} not {b}"]
    return [] if len(found) == len(expected) else [f"{len(found)} of {what}, not {len(expected)}"]


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value
