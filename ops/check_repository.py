"""Check what the linters cannot: commit subjects, files, names, words, links, tests beside sources, unused definitions.

`python ops/check_repository.py` prints each violation as `path:line: message` and ends with 1 when there is one.
`make check` runs it.
"""

from __future__ import annotations

import ast
import pathlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

ROOT = pathlib.Path(__file__).resolve().parents[1]

RULES_SINCE = "dc59903e1976"
"""Commit subjects are checked from the commit after this one on."""

MAX_SUBJECT = 60
MAX_TEST_NAME = 60

_NOT_IMPERATIVE = re.compile(r"^(?!bring\b)(?:\w+ed|\w+ing|the|a|an)\b", re.IGNORECASE)

FORBIDDEN = (
    "nobody",
    "whoever",
    "whom",
    "told",
    "tells",
    "hears",
    "brings",
    "nursery",
    "doorkeeper",
    "crew",
    "of its own accord",
    "looked at",
    "handed back",
)
"""Words that describe a program as a person, also within names; CONTRIBUTING.md names the standard terms."""

_WORDS = re.compile(r"(?<![^\W_])(?:" + "|".join(re.escape(word) for word in FORBIDDEN) + r")(?![^\W_])", re.IGNORECASE)
_ALLOWED = (
    re.compile(r"`nobody`|\"nobody\"|'nobody'|user nobody|nobody:nogroup"),  # the operating system's account
)

_PROSE = (".py", ".md", ".c", ".h", ".sql", ".sh", ".ts", ".tsx", ".yaml")
_NO_PROSE = ("bench/results/", "requirements/", "ops/check_repository.py", "shared/infra/database/sql/migrations/")

TOP_LEVEL = frozenset({
    ".dockerignore", ".gitattributes", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE",
    "Makefile", "README.ko.md", "README.md", "SECURITY.md", "compose.yaml", "pyproject.toml",
})  # fmt: skip
"""The files beside the folders; output that a command wrote there by mistake is none of them."""

MAY_BE_EMPTY = frozenset({"__init__.py", ".gitkeep", "py.typed"})

_FILE_NAME = re.compile(r"[\w.@/-]+")
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)


def git(*arguments: str) -> str:
    """Return the output of a git command in the repository."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def tracked_files() -> list[pathlib.Path]:
    """Return the tracked files and the new ones that git does not ignore, relative to the repository."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    return sorted(pathlib.Path(name) for name in set(names) if (ROOT / name).is_file())


def commit_subjects() -> Iterator[str]:
    """Yield violations of the rules for commit subjects; a clone without the first commit says that it checks none."""
    known = subprocess.run(
        ["git", "cat-file", "-e", f"{RULES_SINCE}^{{commit}}"], cwd=ROOT, check=False, capture_output=True
    )
    if known.returncode:
        print(f"commit subjects are not checked: this clone lacks the commit {RULES_SINCE}")
        return
    for line in git("log", "--no-merges", "--format=%h %s", f"{RULES_SINCE}..HEAD").splitlines():
        commit, _, subject = line.partition(" ")
        yield from (f"commit {commit}: {problem}: {subject}" for problem in subject_problems(subject))


def subject_problems(subject: str) -> list[str]:
    """Return what is wrong with a commit subject."""
    found = []
    if len(subject) > MAX_SUBJECT:
        found.append(f"the subject has {len(subject)} characters, at most {MAX_SUBJECT} are allowed")
    if _NOT_IMPERATIVE.match(subject):
        found.append("the subject does not begin with an imperative verb")
    if subject.endswith("."):
        found.append("the subject ends with a full stop")
    return found


def file_names(files: Iterable[pathlib.Path]) -> Iterator[str]:
    """Yield files whose name no source, page or data file has, such as output that a shell wrote to a wrong name."""
    for path in files:
        if not _FILE_NAME.fullmatch(path.as_posix()):
            yield f"{path}: file names have letters, digits and . _ - @ only; remove or rename the file"


def file_places(files: Iterable[pathlib.Path], root: pathlib.Path = ROOT) -> Iterator[str]:
    """Yield files of the top level that are not in TOP_LEVEL, and empty files."""
    for path in files:
        if len(path.parts) == 1 and path.name not in TOP_LEVEL:
            yield f"{path}: not a file of the top level; remove it, move it to a folder or add it to TOP_LEVEL"
        if path.name not in MAY_BE_EMPTY and not (root / path).stat().st_size:
            yield f"{path}: the file is empty; remove it"


def test_names(files: Iterable[pathlib.Path]) -> Iterator[str]:
    """Yield test functions whose name is too long."""
    for path in files:
        if path.parts[0] != "tests" or path.suffix != ".py":
            continue
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
            found = re.match(r"\s*(?:async )?def (test_\w+)", line)
            if found and len(found[1]) > MAX_TEST_NAME:
                yield f"{path}:{number}: the test name has {len(found[1])} characters, at most {MAX_TEST_NAME} are allowed"


def forbidden_words(files: Iterable[pathlib.Path]) -> Iterator[str]:
    """Yield lines of prose or code with a forbidden word."""
    for path in files:
        if path.suffix not in _PROSE or path.as_posix().startswith(_NO_PROSE):
            continue
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
            rest = line
            for allowed in _ALLOWED:
                rest = allowed.sub("", rest)
            for word in _WORDS.findall(rest):
                yield f"{path}:{number}: '{word}' is not plain technical English (see CONTRIBUTING.md)"


def anchor(heading: str) -> str:
    """Return the fragment that Markdown renderers give a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def links(files: Iterable[pathlib.Path]) -> Iterator[str]:
    """Yield links of Markdown pages to files or headings that do not exist."""
    for path in files:
        if path.suffix != ".md":
            continue
        text = re.sub(
            r"```.*?```", lambda block: "\n" * block[0].count("\n"), (ROOT / path).read_text("utf-8"), flags=re.S
        )
        for number, line in enumerate(text.splitlines(), 1):
            for match in _LINK.finditer(line):
                target = match[1] or match[2]
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, fragment = target.partition("#")
                file = (ROOT / path.parent / unquote(name)).resolve() if name else ROOT / path
                if not file.exists():
                    yield f"{path}:{number}: the link {target} leads to no file"
                elif fragment and file.suffix == ".md":
                    headings = {anchor(found) for found in _HEADING.findall(file.read_text(encoding="utf-8"))}
                    if fragment not in headings:
                        yield f"{path}:{number}: {name or path} has no heading #{fragment}"


_CODE = re.compile(r"`([^`]+)`")
_PATH = re.compile(r"(?<!\S)(?:shared|services|ondol|tests|ops|docs|bench)/[\w./-]+(?![^\s:,)])")
EXAMPLE_PATHS = (
    "bench/results/DATE-COMMIT.json",
    "shared/infra/database/sql/migrations/NNNN_what_it_does.sql",
)
"""Paths that pages use as examples."""


def paths(files: Iterable[pathlib.Path]) -> Iterator[str]:
    """Yield paths in Markdown pages that do not exist in the repository."""
    for path in files:
        if path.suffix != ".md" or path.as_posix().startswith(_NO_PROSE):
            continue
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
            spans = [line] if line.startswith((".venv/", "pytest ")) else _CODE.findall(line)
            for name in (name for span in spans for name in _PATH.findall(span)):
                if name not in EXAMPLE_PATHS and not (ROOT / name).exists():
                    yield f"{path}:{number}: {name} does not exist"


MIRRORED = ("services", "shared", "ondol", "bench", "ops")

SEVERAL_MODULES = frozenset(
    f"tests/unit/ops/test_{name}.py" for name in ("deployment_files", "documentation", "kubernetes")
)
"""Unit tests of files that are no modules."""


def mirror(files: Iterable[pathlib.Path]) -> Iterator[str]:
    """Yield unit tests that are not named after a source.

    `tests/unit/<path>/test_<module>[_<subject>].py` tests `<module>` in or below `<path>`, `shared/<path>` or
    `services/<path>`; the module may be a folder or a C file.
    """
    sources = [path for path in files if path.suffix in {".py", ".c", ".h"} and path.parts[0] in MIRRORED]
    for path in files:
        if path.parts[:2] != ("tests", "unit") or not path.name.startswith("test_") or str(path) in SEVERAL_MODULES:
            continue
        inner = pathlib.Path(*path.parts[2:-1])
        folders = (inner, "shared" / inner, "services" / inner)
        below = [source for source in sources if any(source.is_relative_to(folder) for folder in folders)]
        modules = {name for source in below for name in (source.stem, source.parent.name)}
        name = path.stem.removeprefix("test_")
        if not any(name == module or name.startswith(f"{module}_") for module in modules):
            yield f"{path}: no module in or below {inner} has this name; expected test_<module>[_<subject>].py"


def unused_definitions(files: Iterable[pathlib.Path], root: pathlib.Path = ROOT) -> Iterator[str]:
    """Yield top-level functions, classes and constants whose name stands once in all product code.

    Tests do not count as a use, strings and comments do.
    """
    texts = {
        path: (root / path).read_text("utf-8") for path in files if path.suffix == ".py" and path.parts[0] in MIRRORED
    }
    words = Counter(word for text in texts.values() for word in re.findall(r"\w+", text))
    for path, text in texts.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names = [node.name]
            else:
                targets = node.targets if isinstance(node, ast.Assign) else []
                targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            for name in names:
                if words[name] == 1 and not name.startswith("__"):
                    yield f"{path}:{node.lineno}: no product code uses {name}; remove it, or move it to tests/support"


def main() -> int:
    """Print every violation; return 1 when there is one."""
    files = tracked_files()
    violations = [
        *commit_subjects(), *file_names(files), *file_places(files), *test_names(files), *forbidden_words(files), *links(files),
        *paths(files), *mirror(files), *unused_definitions(files),
    ]  # fmt: skip
    for line in violations:
        print(line)
    print(f"{len(files)} files checked, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
