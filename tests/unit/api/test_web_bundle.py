"""The built web application: its files are whole, compressed forms are equal, and the wheel has all of them."""

from __future__ import annotations

import gzip
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

from services.api.web_bundle import FOLDER, MANIFEST, PAGE, TYPES, load_bundle
from shared.errors import SetupError

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_bundle_has_every_file_of_its_manifest() -> None:
    bundle = load_bundle()
    names = {path.name for path in FOLDER.iterdir() if path.suffix in TYPES} - {PAGE}
    assert set(bundle.assets) == names
    assert bundle.build == hashlib.sha256((FOLDER / MANIFEST).read_bytes()).hexdigest()[:12]


def test_page_names_the_assets_of_its_build() -> None:
    bundle = load_bundle()
    page = bundle.page.body.decode()
    for name in ("app.js", "theme.js", "style.css", "icon.svg"):
        assert f'"/assets/{bundle.build}/{name}"' in page
    assert "style=" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_compressed_forms_have_the_same_content() -> None:
    bundle = load_bundle()
    for asset in (bundle.page, *bundle.assets.values()):
        assert "gzip" not in asset.encoded or gzip.decompress(asset.encoded["gzip"]) == asset.body


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("", None), ("identity", None), ("br;q=0, gzip", "gzip"),
        ("br;q=0.000, gzip;q=0.0", None), ("GZIP;q=0.5", "gzip"),
    ],
)  # fmt: skip
def test_asset_is_sent_in_the_best_accepted_coding(header: str, coding: str | None) -> None:
    asset = load_bundle().assets["app.js"]
    assert asset.select(header)[1] == coding


def test_bundle_with_a_changed_file_is_refused(tmp_path: pathlib.Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "web")
    (tmp_path / "web" / "app.js").write_text("changed")
    with pytest.raises(SetupError, match=r"app\.js .*`make web`"):
        load_bundle(tmp_path / "web")


def test_bundle_without_a_file_is_refused(tmp_path: pathlib.Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "web")
    (tmp_path / "web" / "style.css").unlink()
    with pytest.raises(SetupError, match="ONDOL_WEB=off"):
        load_bundle(tmp_path / "web")


def test_wheel_has_the_whole_bundle_and_no_sources(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source"
    for name in ("ondol", "services", "shared"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    (source / "requirements").mkdir()
    for name in ("pyproject.toml", "README.md", "requirements/runtime.in"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--no-build-isolation"]
    subprocess.run([*command, "--out-dir", str(tmp_path / "wheel"), str(source)], check=True, capture_output=True)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read(f"services/api/web/{MANIFEST}"))
    assert {f"services/api/web/{path.name}" for path in FOLDER.iterdir()} <= names
    assert {f"services/api/web/{name}" for name in manifest["files"]} <= names
    assert not [name for name in names if name.endswith((".ts", ".tsx")) or "node_modules" in name]
