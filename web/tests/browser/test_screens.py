"""Every screen in both languages and themes, wide and narrow: no violation, no overflow, a screenshot."""

from __future__ import annotations

from typing import Any

import pytest

SCREENS = {
    "start": "/",
    "runs": "/runs",
    "new": "/new?from={run}",
    "run": "/runs/{run}",
    "analysis": "/runs/{run}?tab=analysis",
    "trades": "/runs/{run}?tab=trades",
    "holdings": "/runs/{run}?tab=holdings",
    "funnel": "/runs/{run}?tab=funnel",
    "trust": "/runs/{run}?tab=trust",
    "request": "/runs/{run}?tab=request",
    "compare": "/compare?ids={run},{other}",
    "sweeps": "/sweeps",
    "sweep-new": "/sweeps/new?from={run}",
    "sweep": "/sweeps/{sweep}",
    "walks": "/walk-forwards",
    "walk-new": "/walk-forwards/new?sweep={sweep}",
    "walk": "/walk-forwards/{walk}",
    "lines": "/research",
    "line": "/research/value%20line",
    "accounts": "/accounts",
    "account": "/accounts/{account}",
    "screen": "/screen",
    "stocks": "/stocks",
    "stock": "/stocks/S00010?run={run}",
    "factors": "/factors",
    "factor": "/factors/PER",
    "matrix": "/factor-matrix?start=2024-01-02&end=2025-12-30&horizons=5,20&factors=PER,PBR,CHEAP",
    "reports": "/factor-reports",
    "report": "/factor-reports/{report}",
    "own-factors": "/own-factors",
    "own-factor": "/own-factors/CHEAP",
    "quality": "/quality",
    "shared": "/shared#{shared}",
    "ops": "/ops",
}
VARIANTS = [("ko", "light", 1440), ("en", "dark", 1440), ("ko", "dark", 390), ("en", "light", 390)]


@pytest.mark.parametrize(("language", "theme", "width"), VARIANTS)
def test_screens_are_accessible_and_fit(visit: Any, language: str, theme: str, width: int) -> None:
    visitor = visit(language, theme, width)
    found = []
    for name, path in SCREENS.items():
        visitor.open(path.format_map(vars(visitor.system)))
        assert visitor.page.evaluate("document.documentElement.lang") == language
        if visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name}: wider than the page")
        found += [f"{name}: {each}" for each in visitor.violations()]
        visitor.shoot(name)
    assert found == []
