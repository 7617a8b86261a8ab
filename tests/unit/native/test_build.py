"""Kernels that were not compiled."""

from __future__ import annotations

import pathlib

import pytest

from shared.errors import SetupError
from shared.native import build, load_kernels


def test_kernel_that_was_not_compiled_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    (tmp_path / "absent.c").write_text("int64_t abi_size(int64_t which);\n")
    monkeypatch.setattr(build, "HERE", tmp_path)
    with pytest.raises(SetupError, match=r"absent-.* is missing: run `make install`"):
        load_kernels()
