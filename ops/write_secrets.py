"""Write the secrets of compose.yaml: `python3 ops/write_secrets.py [FOLDER]`; needs Python alone, no package.

Passwords and keys that exist are kept, so that the command also upgrades a folder: it adds what is missing and writes
`users.acl` again, whose rights are those of this version.
"""

from __future__ import annotations

import pathlib
import secrets
import sys
from urllib.parse import unquote, urlsplit

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from shared.infra.redis import acl  # noqa: E402

SOURCE_KEYS = ("krx_key", "dart_key", "kis_key", "kis_secret")
"""Empty until the operator puts the keys of data sources into them."""
SERVICE_KEYS = ("warmer_key", "prometheus_key", "operator_key")
"""Keys of the API; the service `migrate` of compose.yaml stores them."""
ROLES = ("broker", "cache")


def write(folder: pathlib.Path) -> list[str]:
    """Write missing secrets into `folder` and return the names of the written files, `users.acl` when it has changed.

    Each service has a Redis user of its own, with the rights of `shared/infra/redis/users.acl`; `ondol` is the operator's.
    Only the owner can enter the folder. The files can be read by every user, because the users of the containers are
    not the owner; a container sees only the files that compose.yaml mounts into it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    postgres = _text(folder / "postgres_password") or _password(folder / "database_url") or secrets.token_urlsafe(24)
    redis = {user: _password(*_url_files(folder, user)) or secrets.token_urlsafe(24) for user in acl.USERS}
    content = {
        "postgres_password": postgres,
        "database_url": f"postgresql://ondol:{postgres}@postgres:5432/ondol",
        "grafana_password": secrets.token_urlsafe(24),
        **{name: "ondol_" + secrets.token_urlsafe(32) for name in SERVICE_KEYS},
    }
    for user, password in redis.items():
        for role, path in zip(ROLES, _url_files(folder, user), strict=True):
            content[path.name] = f"redis://{user}:{password}@redis-{role}:6379/0"
    content = {name: text for name, text in content.items() if not _text(folder / name)}
    content |= {name: "" for name in SOURCE_KEYS if not (folder / name).exists()}
    rights = acl.rendered(redis)
    if _text(folder / "users.acl") != rights.strip():
        content["users.acl"] = rights
    for name, text in content.items():
        (folder / name).write_text(text, encoding="utf-8")  # in place: a mounted file stays the same file
    for path in folder.iterdir():
        path.chmod(0o644)
    return sorted(content)


def _url_files(folder: pathlib.Path, user: str) -> tuple[pathlib.Path, ...]:
    prefix = "" if user == acl.KEEPER else f"{user}_"
    return tuple(folder / f"{prefix}{role}_url" for role in ROLES)


def _text(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _password(*files: pathlib.Path) -> str | None:
    """Return the password of the first of the URLs that exists."""
    found = (unquote(urlsplit(text).password or "") for text in map(_text, files) if text)
    return next(found, None) or None


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "secrets"
    written = write(target)
    print("written:", ", ".join(written) or "nothing, all files exist")
    if "users.acl" in written and "database_url" not in written:
        print("The rights of the Redis users have changed: docker compose restart redis-broker redis-cache")
