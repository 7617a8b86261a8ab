"""The built web application, in memory: `services/api/web` is read once, and requests read no file."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import SetupError

FOLDER = pathlib.Path(__file__).resolve().parent / "web"
PAGE = "index.html"
MANIFEST = "manifest.json"
HASH_DIGITS = 12
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
}
_SIDECARS = {"br": ".br", "gzip": ".gz"}
"""Content coding -> suffix of the file that was compressed with it when the bundle was built; the best one first."""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file of the bundle with its compressed forms."""

    body: bytes
    media_type: str
    etag: str
    encoded: Mapping[str, bytes]

    def select(self, accept_encoding: str) -> tuple[bytes, str | None]:
        """Return the body for an `Accept-Encoding` header, and its content coding (None: not compressed)."""
        accepted = _accepted(accept_encoding)
        for coding, body in self.encoded.items():
            if coding in accepted:
                return body, coding
        return self.body, None


@dataclass(frozen=True, kw_only=True)
class WebBundle:
    """The page and its assets; `build` names this build in the address of each asset."""

    build: str
    page: Asset
    assets: Mapping[str, Asset]


def load_bundle(folder: pathlib.Path = FOLDER) -> WebBundle:
    """Return the bundle of a folder; raise SetupError when a file is missing or is not the one that was built."""
    try:
        manifest = (folder / MANIFEST).read_bytes()
        assets = {name: _asset(folder, name, digest) for name, digest in json.loads(manifest)["files"].items()}
        page = _asset(folder, PAGE, None)
    except OSError as error:
        raise SetupError(
            f"The web application is incomplete ({error.filename}: {error.strerror}); install the package again, run "
            "`make web` in a clone, or set ONDOL_WEB=off to serve the API alone."
        ) from error
    return WebBundle(build=hashlib.sha256(manifest).hexdigest()[:HASH_DIGITS], page=page, assets=assets)


def _asset(folder: pathlib.Path, name: str, digest: str | None) -> Asset:
    body = (folder / name).read_bytes()
    found = hashlib.sha256(body).hexdigest()
    if digest is not None and found != digest:
        raise SetupError(
            f"The file {name} of the web application is not the one that {MANIFEST} names; install the package again, "
            "run `make web` in a clone, or set ONDOL_WEB=off to serve the API alone."
        )
    encoded = {}
    for coding, suffix in _SIDECARS.items():
        sidecar = folder / (name + suffix)
        if sidecar.exists():
            encoded[coding] = sidecar.read_bytes()
    return Asset(body=body, media_type=TYPES[pathlib.PurePath(name).suffix], etag=found[:32], encoded=encoded)


def _accepted(header: str) -> set[str]:
    """Return the content codings that an `Accept-Encoding` header accepts."""
    accepted = set()
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        weight = parameters.strip().removeprefix("q=").strip()
        if weight.rstrip("0") not in ("", "0.", "0") or not parameters.strip():
            accepted.add(coding.strip())
    return accepted
