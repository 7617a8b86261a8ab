"""What an import did: one line for each file, rows that are left out, what was written, and notes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ondol.cli.terminal import table
from shared.market_files.cells import Rows

_SHOWN = 20
_TABLE_FILES = 200


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """One file: its source (None: not recognised), imported rows, left out rows by reason, or why it was refused.

    `examples` has the first left out rows by reason.
    """

    path: str
    recognised: str | None = None
    rows: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    error: str | None = None


def file_report(path: str, recognised: str, rows: int, dropped: dict[str, Rows]) -> FileReport:
    """Return what became of a file: rows read, and counts and examples of the rows that were left out by reason."""
    return FileReport(
        path=path, recognised=recognised, rows=rows,
        dropped={reason: found.count for reason, found in dropped.items()},
        examples={reason: found.examples for reason, found in dropped.items() if found.examples},
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """All files, rows of each written file, what was left out after all files were read by reason, and notes."""

    directory: str
    files: list[FileReport]
    written: dict[str, int]
    dropped: dict[str, int]
    notes: list[str]

    @property
    def complete(self) -> bool:
        """Every file was recognised and imported."""
        return bool(self.files) and all(file.error is None for file in self.files)


def report_text(report: ImportReport) -> str:
    """Return the table of the files, the first left out rows of each kind, the notes and the written files."""
    files = report.files
    if len(files) > _TABLE_FILES:  # files with something to say first; the others are alike
        files = sorted(files, key=lambda file: (file.error is None, not file.dropped))[:_TABLE_FILES]
    rows = [
        [
            file.path,
            file.recognised or "not recognised",
            f"{file.rows:,}",
            "refused, see below"
            if file.error
            else ", ".join(f"{count:,} × {reason}" for reason, count in file.dropped.items())
            or ("-" if file.rows else "no rows for the load format"),
        ]
        for file in files
    ]
    lines = [table(["file", "recognised as", "rows", "left out, and why"], rows, "llrl")]
    if len(files) < len(report.files):
        lines.append(f"and {len(report.files) - len(files):,} more files; all files by what they are:")
        lines += _sums(report.files)
    lines += [f"refused: {file.path}: {file.error}" for file in files if file.error]
    lines += _left_out(report)
    lines += [f"left out: {count:,} × {reason}" for reason, count in report.dropped.items()]
    lines += [f"note: {note}" for note in report.notes]
    written = ", ".join(f"{count:,} {name}" for name, count in report.written.items()) or "nothing"
    return "\n".join([*lines, f"{report.directory}: {written}"])


def _sums(files: list[FileReport]) -> list[str]:
    sums: dict[str, tuple[int, int]] = {}
    for file in files:
        name = file.recognised or "not recognised"
        count, rows = sums.get(name, (0, 0))
        sums[name] = count + 1, rows + file.rows
    return [f"  {name}: {count:,} files, {rows:,} rows" for name, (count, rows) in sums.items()]


def _left_out(report: ImportReport) -> list[str]:
    """Return a line for each reason with the first rows of all files."""
    counts: dict[str, int] = {}
    examples: dict[str, list[str]] = {}
    for file in report.files:
        for reason, count in file.dropped.items():
            counts[reason] = counts.get(reason, 0) + count
        for reason, found in file.examples.items():
            shown = examples.setdefault(reason, [])
            if len(shown) < _SHOWN:
                first = found[: _SHOWN - len(shown)]
                shown.append(f"{file.path.rsplit('/', 1)[-1]} {', '.join(first)}")
                shown += [""] * (len(first) - 1)
    lines = []
    for reason, shown in examples.items():
        total = len(shown)
        text = "; ".join(part for part in shown if part)
        lines.append(f"left out: {counts[reason]:,} × {reason}: {text}" + (", …" if counts[reason] > total else ""))
    return lines
