"""Output in encodings without some letters, and words of locales without UTF-8."""

from __future__ import annotations

import io
import os
import sys

import pytest

from ondol.cli.encoding import HANDLER, can_print, decoded, prepare_streams
from ondol.cli.terminal import print_json
from ondol.main import COMMANDS, main

TEXT = "삼성전자 12.5 % … × é"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", b"???? 12.5 % ... x ?"),
        ("latin-1", b"???? 12.5 % ... \xd7 \xe9"),
        ("cp949", "삼성전자 12.5 % … × ?".encode("cp949")),
        ("utf-8", TEXT.encode()),
    ],
)
def test_letters_that_an_encoding_lacks_are_replaced(encoding: str, expected: bytes) -> None:
    assert TEXT.encode(encoding, HANDLER) == expected
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", HANDLER)


def test_json_is_utf8_on_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    prepare_streams()
    print(TEXT)
    print_json({"name": "삼성전자"})
    assert written.getvalue() == b'???? 12.5 % ... x ?\n{\n  "name": "' + "삼성전자".encode() + b'"\n}\n'
    assert not can_print("█")
    assert can_print("#")


def test_words_of_a_locale_without_utf8_are_read() -> None:
    assert decoded(["전자".encode().decode("ascii", "surrogateescape")]) == ["전자"]
    broken = os.fsdecode(b"\xff")
    assert decoded(["PER < 10", broken]) == ["PER < 10", broken]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp949"])
@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_help_is_printed_in_any_encoding(command: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    sys.stdout.flush()
    assert ended.value.code == 0
    assert f"ondol {command}" in written.getvalue().decode(encoding)


def test_standard_output_escapes_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="utf-8"))
    prepare_streams()
    print("a\x1b[2Jb\u202ec\x9bd\te")
    sys.stdout.flush()
    assert written.getvalue().decode() == "a\\u001b[2Jb\\u202ec\\u009bd\te\n"
