"""Pages and pictures of the documentation are those that the code generates."""

from __future__ import annotations

import json
import pathlib

import pytest

from ops import capacity, diagrams, metrics_page
from services.api.routes import ROUTES
from services.api.schemas.openapi import document

ROOT = pathlib.Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
SOURCES = sorted((DOCS / "diagrams").glob("*.txt"))


def test_metrics_page_lists_the_declared_metrics() -> None:
    assert metrics_page.PAGE.read_text(encoding="utf-8") == metrics_page.page(), "run: python ops/metrics_page.py"


def test_capacity_page_follows_from_its_figures() -> None:
    text = (DOCS / "explanation" / "capacity.md").read_text(encoding="utf-8")
    name = text.partition("ops/capacity.py ")[2].partition("`")[0]
    figures = json.loads((ROOT / "bench" / "results" / name).read_text(encoding="utf-8"))
    assert text == capacity.page(figures, name), f"run: python ops/capacity.py bench/results/{name}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_diagram_is_drawn_from_its_text(source: pathlib.Path) -> None:
    drawn = diagrams.draw(source.read_text(encoding="utf-8"))
    assert source.with_suffix(".svg").read_text(encoding="utf-8") == drawn, "run: python ops/diagrams.py"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "empty"), ("boxes T\nline a b", "line 2"), ("plan T", "plan"), ("sequence T\na -> b : c", "a")],
)
def test_diagram_with_an_unreadable_line_is_refused(text: str, problem: str) -> None:
    with pytest.raises(diagrams.DiagramError, match=problem):
        diagrams.draw(text)


def test_api_page_names_every_route() -> None:
    page = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    paths = {path for path in document(ROUTES)["paths"] if not path.startswith("/docs/")}
    assert sorted(path for path in paths if path not in page) == []
