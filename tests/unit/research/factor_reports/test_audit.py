"""Audits of factor reports: equal on the same data, and what an audit finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared.model.panels import Panels
from shared.research.factor_reports import audit as audited
from shared.research.factor_reports.audit import audit_report
from shared.research.factor_reports.report import factor_report
from shared.research.factor_reports.rows import HorizonRows
from tests.unit.research.factor_reports.fixtures import options, request, world

FACTOR = "rank(pct_change(close, 5))"


def audit_of(panels: Panels, **changes: Any) -> tuple[dict[str, Any], str]:
    """Return an audit with many cuts, and the digest of its report."""
    asked, given = request(panels, FACTOR), options(**changes)
    digest = str(factor_report(asked, panels, given)["digest"])
    return audit_report(asked, panels, given, stored_digest=digest, seed=3, cuts=12), digest


@pytest.mark.parametrize("neutral", ["none", "sector"])
def test_audit_of_a_report_is_identical(neutral: str) -> None:
    panels, _ = world(3)
    found, digest = audit_of(panels, neutral=neutral)
    assert found["identical"] is True
    assert found["digest"] == found["stored_digest"] == digest
    assert len(found["cuts"]) == 12
    assert sum(cut["coefficients"] for cut in found["cuts"]) > 0
    assert found["cuts"][-1]["absent"] == 2 * (2 + 5)


def test_another_stored_digest_is_not_identical() -> None:
    panels, _ = world(3)
    found = audit_report(request(panels, FACTOR), panels, options(), stored_digest="0" * 64, seed=0, cuts=1)
    assert (found["identical"], found["stored_digest"]) == (False, "0" * 64)
    assert found["cuts"][0]["identical"] is True


@pytest.mark.parametrize(("at", "value"), [(3, 0.25), (-1, 0.5)])
def test_a_coefficient_from_later_data_is_named(at: int, value: float) -> None:
    days = np.arange(20_000, 20_010, dtype=np.int32)
    part = np.full(10, 0.1)
    part[8:] = np.nan
    whole = {1: HorizonRows(ic=[np.full(10, 0.1)], rank_ic=[np.full(10, 0.1)])}
    right = audited._compare(days, whole, {1: HorizonRows(ic=[part], rank_ic=[part])})
    assert (right["identical"], right["coefficients"], right["absent"]) == (True, 16, 4)
    wrong = part.copy()
    wrong[at] = value
    found = audited._compare(days, whole, {1: HorizonRows(ic=[part], rank_ic=[wrong])})
    difference = found["first_difference"]
    assert (found["identical"], difference["figure"], difference["cut"]) == (False, "rank_ic", value)
    assert difference["whole"] == (None if at < 0 else 0.1)
