"""Charts with matplotlib."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from ondol.client.result import ResultData
from tests.support.result_documents import completed


@pytest.mark.parametrize(("benchmark", "lines"), [(True, 2), (False, 1)])
def test_figure_has_equity_and_benchmark(benchmark: bool, lines: int) -> None:
    from matplotlib import pyplot

    mpl.use("Agg")
    figure = ResultData(completed(benchmark=benchmark)).plot()
    assert [len(axes.lines) for axes in figure.axes] == [lines, 0]
    pyplot.close(figure)
