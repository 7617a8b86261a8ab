"""Values do not depend on the tier that serves a panel, and a changed index is computed anew."""

from __future__ import annotations

import pathlib

import msgspec
import numpy as np
import pytest

from shared.dataset.encode import manifest_of
from shared.dataset.manifest import Manifest
from shared.dataset.panels import MappedPanels
from shared.language import compile_expression, evaluate
from tests.support.datasets import random_version

TEXTS = [
    ("(PER < 10 or pct_rank(PER) < 0.3) and ROE > 10 and close > ts_mean(close, 20)", "condition"),
    ("ts_std(lag(close, 3), 12) / close + ema(ROE, 5)", "number"),
    ("close > ts_mean(close, 20)", "condition"),
    ("rank(ts_mean(zscore(ROE), 4)) - lag(ema(PER, 3) * ROE, 2)", "number"),
    ("ROE", "number"),
]


@pytest.mark.parametrize(("text", "role"), TEXTS)
def test_mapped_and_memory_panels_give_the_same_bits(tmp_path: pathlib.Path, text: str, role: str) -> None:
    memory, manifest, blobs = random_version(stocks=600, days=50)
    mapped = MappedPanels(tmp_path, manifest, lambda names: {name: blobs[name] for name in names}, 1 << 28)
    expression = compile_expression(text, role=role, path="")  # type: ignore[arg-type]

    def universe(rows: slice) -> np.ndarray:
        return ~np.isnan(memory.panel("adj_close", rows))

    for rows in (slice(40, 50), slice(0, 50), slice(10, 45)):
        expected = evaluate(expression, memory, rows, universe, "present")
        np.testing.assert_array_equal(evaluate(expression, mapped, rows, universe, "present"), expected)


def test_changed_index_is_not_read_from_shared_panels(tmp_path: pathlib.Path) -> None:
    _, manifest, blobs = random_version(stocks=20, days=50)
    series = [None if np.isnan(value) else 50 - value for value in manifest.indices["KOSPI"].tolist()]
    content = msgspec.structs.replace(manifest.content, indices={"KOSPI": series})
    changed = manifest_of(content, 2, {})
    text = "ts_sum(if(KOSPI > 25, ROE, 0), 2)"
    expression = compile_expression(text, role="number", path="", indices=frozenset({"KOSPI"}))

    def values(folder: str, version: Manifest) -> np.ndarray:
        mapped = MappedPanels(tmp_path / folder, version, lambda names: {name: blobs[name] for name in names}, 1 << 28)
        return evaluate(expression, mapped, slice(0, 50))

    before = values("shared", manifest).copy()
    np.testing.assert_array_equal(values("shared", changed), values("apart", changed))
    assert not np.array_equal(values("shared", changed), before, equal_nan=True)
