"""Completion scripts of shells."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

from ondol.cli.completion import SHELLS, completions, script


def test_completions_have_subcommands_options_and_latest() -> None:
    found = {item.words: item for item in completions()}
    assert "list" in found["backtests"].following
    assert "latest" in found["backtests show"].following
    assert "--rank-by" in [option for option, _, _ in found["screen"].options]
    assert {option: takes for option, _, takes in found["backtest"].options}["--json"] is False


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ondol scr", ["screen"]),
        ("ondol backtests tr", ["trades"]),
        ("ondol backtests show la", ["latest"]),
        ("ondol backtests trades latest --form", ["--format"]),
        ("ondol screen --rank", ["--rank-by"]),
        ("ondol backtest peter_lynch --comm", ["--commission"]),
    ],
)
def test_bash_completes_words(line: str, expected: list[str]) -> None:
    words = line.split()
    asked = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _ondol; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    found = subprocess.run(["bash", "-c", script("bash") + asked], capture_output=True, text=True, check=True, cwd="/")
    assert (found.stdout.split(), found.stderr) == (expected, "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ondol scr", ["screen"]),
        ("ondol backtests tr", ["trades"]),
        ("ondol backtest --comm", ["--commission"]),
        ("ondol backtests ", sorted(next(c.following for c in completions() if c.words == "backtests"))),
    ],
)
def test_fish_completes_words(line: str, expected: list[str], tmp_path: pathlib.Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("needs fish")
    (tmp_path / "ondol.fish").write_text(script("fish"), encoding="utf-8")
    asked = ["fish", "--no-config", "-c", f"source ondol.fish; complete -C '{line}'"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert sorted(line.split("\t")[0] for line in found.stdout.splitlines()) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_script_is_accepted_by_its_shell(shell: str) -> None:
    text = script(shell)
    assert "peter" not in text
    assert "backtests" in text
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    subprocess.run([shell, "-n"], input=text, text=True, check=True)
