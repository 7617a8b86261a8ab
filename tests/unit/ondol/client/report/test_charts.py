"""Charts of the report."""

from __future__ import annotations

import datetime as dt
from xml.etree import ElementTree

import pytest

from ondol.client.report.charts import ChartLine, chart, date_labels, runs, thinned, ticks_of

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=n) for n in range(1500)]


def test_chart_is_well_formed_and_named() -> None:
    values = [n / 1000 for n in range(1500)]
    lines = [
        ChartLine(name="a <b>", values=values, kind="strategy"),
        ChartLine(name="c", values=[None] * 1500, kind="benchmark"),
    ]
    text = chart(DAYS, lines, title='R & "D"', unit="%")
    root = ElementTree.fromstring(text)  # noqa: S314  our own text
    assert root.find(".//title").text == 'R & "D"'  # type: ignore[union-attr]
    assert len(root.findall(".//polyline")) == 1
    assert "150 %" in "".join(root.itertext())


def test_thinned_line_has_every_peak() -> None:
    points = [(n, 0.0) for n in range(10_000)]
    points[5_001], points[7_003] = (5_001, 9.0), (7_003, -9.0)
    found = thinned(points)
    assert len(found) <= 960
    assert {(5_001, 9.0), (7_003, -9.0), points[0], points[-1]} <= set(found)


def test_absent_values_part_a_line() -> None:
    assert runs([None, 1.0, 2.0, None, None, 3.0, None]) == [[(1, 1.0), (2, 2.0)], [(5, 3.0)]]
    assert "fewer than two days" in chart(
        DAYS[:1], [ChartLine(name="a", values=[1.0], kind="fall")], title="t", unit="%"
    )


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.2, 0.71), (3.0, 3.0), (0.0, 0.0), (-1e9, 5e9)])
def test_ticks_cover_the_values(low: float, high: float) -> None:
    ticks = ticks_of(low, high)
    assert ticks[0] <= low
    assert high <= ticks[-1] or high == low
    assert 1 <= len(ticks) <= 8


def test_date_labels_are_few() -> None:
    assert [text for _, text in date_labels(DAYS)] == [
        "2020-07", "2021-01", "2021-07", "2022-01", "2022-07", "2023-01", "2023-07", "2024-01",
    ]  # fmt: skip
    assert date_labels(DAYS[:10]) == []
