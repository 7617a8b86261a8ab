"""The secrets of compose.yaml: what is written, what is kept, and what an upgrade adds."""

from __future__ import annotations

import hashlib
import pathlib
import subprocess
import sys

from tests.unit.ops.test_deployment_files import ROOT, script


def _write(folder: pathlib.Path) -> list[str]:
    return script("compose_secrets", "ops/write_secrets.py").write(folder)  # type: ignore[no-any-return]


def _texts(folder: pathlib.Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_a_second_run_changes_nothing(tmp_path: pathlib.Path) -> None:
    _write(tmp_path)
    before = _texts(tmp_path)
    assert _write(tmp_path) == []
    assert _texts(tmp_path) == before
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


def test_an_upgrade_adds_keys_and_renders_the_rights(tmp_path: pathlib.Path) -> None:
    """Passwords and the operator's own keys stay; an older folder lacks a key and has older rights."""
    _write(tmp_path)
    (tmp_path / "krx_key").write_text("of-the-operator", encoding="utf-8")
    before = _texts(tmp_path)
    rights = before["users.acl"]
    (tmp_path / "users.acl").write_text(rights.replace(" ~ondol:sweeps", ""), encoding="utf-8")
    (tmp_path / "warmer_key").write_text("", encoding="utf-8")
    (tmp_path / "prometheus_key").unlink()
    (tmp_path / "database_url").chmod(0o600)
    inode = (tmp_path / "users.acl").stat().st_ino
    assert _write(tmp_path) == ["prometheus_key", "users.acl", "warmer_key"]
    after = _texts(tmp_path)
    assert after["users.acl"] == rights
    assert (tmp_path / "users.acl").stat().st_ino == inode, "a mounted file must stay the same file"
    assert after["warmer_key"].startswith("ondol_")
    unchanged = set(before) - {"warmer_key", "prometheus_key"}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert (tmp_path / "database_url").stat().st_mode & 0o777 == 0o644


def test_a_lost_url_is_written_with_the_known_password(tmp_path: pathlib.Path) -> None:
    _write(tmp_path)
    before = _texts(tmp_path)
    for name in ("simulator_cache_url", "postgres_password"):
        (tmp_path / name).unlink()
    assert _write(tmp_path) == ["postgres_password", "simulator_cache_url"]
    assert _texts(tmp_path) == before


def test_the_rights_have_the_passwords_of_the_urls(tmp_path: pathlib.Path) -> None:
    _write(tmp_path)
    texts = _texts(tmp_path)
    for user in ("api", "preparer", "simulator", "warmer"):
        for role in ("broker", "cache"):
            url = texts[f"{user}_{role}_url"]
            password = url.removeprefix(f"redis://{user}:").partition("@")[0]
            assert f"user {user} on #{hashlib.sha256(password.encode()).hexdigest()}" in texts["users.acl"]


def test_the_script_needs_no_package(tmp_path: pathlib.Path) -> None:
    """A host that runs containers has Python at most; -S and -I leave out every installed package."""
    command = [sys.executable, "-I", "-S", str(ROOT / "ops/write_secrets.py"), str(tmp_path / "secrets")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "users.acl" in done.stdout
    assert (tmp_path / "secrets" / "database_url").exists()
