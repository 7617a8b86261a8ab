"""What an import did: one line for each file, what was written, and what the user should know."""

from __future__ import annotations

from dataclasses import dataclass, field

from ondol.cli.terminal import table


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """One file: its source (None: not recognised), imported rows, left out rows by reason, or why it was refused."""

    path: str
    recognised: str | None = None
    rows: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """All files, rows of each written file, and notes."""

    directory: str
    files: list[FileReport]
    written: dict[str, int]
    notes: list[str]

    @property
    def complete(self) -> bool:
        """Every file was recognised and imported."""
        return bool(self.files) and all(file.error is None for file in self.files)


def report_text(report: ImportReport) -> str:
    """Return the table of the files, then the written files and the notes."""
    rows = [
        [
            file.path,
            file.recognised or "not recognised",
            f"{file.rows:,}",
            file.error or ", ".join(f"{count:,} × {reason}" for reason, count in file.dropped.items()) or "-",
        ]
        for file in report.files
    ]
    lines = [table(["file", "recognised as", "rows", "left out, and why"], rows, "llrl")]
    lines += [f"note: {note}" for note in report.notes]
    written = ", ".join(f"{count:,} {name}" for name, count in report.written.items()) or "nothing"
    return "\n".join([*lines, f"{report.directory}: {written}"])
