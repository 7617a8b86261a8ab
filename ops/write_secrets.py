"""Write the secrets of compose.yaml: `python ops/write_secrets.py [FOLDER]`; existing files are not changed."""

from __future__ import annotations

import pathlib
import secrets
import sys

from shared.infra.redis import acl

SOURCE_KEYS = ("krx_key", "dart_key", "kis_key", "kis_secret")
"""Empty until the operator puts the keys of data sources into them."""
HERE = pathlib.Path(__file__).resolve().parent


def write(folder: pathlib.Path) -> list[str]:
    """Write missing secrets into `folder` and return the names of the written files.

    Each service has a Redis user of its own, with the rights of `shared/infra/redis/users.acl`; `ondol` is the operator's.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    postgres = secrets.token_urlsafe(24)
    redis = {user: secrets.token_urlsafe(24) for user in acl.USERS}
    content = {
        "postgres_password": postgres,
        "database_url": f"postgresql://ondol:{postgres}@postgres:5432/ondol",
        "users.acl": acl.rendered(redis),
        "grafana_password": secrets.token_urlsafe(24),
        "warmer_key": "",
        **dict.fromkeys(SOURCE_KEYS, ""),
    }
    for user, password in redis.items():
        prefix = "" if user == acl.KEEPER else f"{user}_"
        for role in ("broker", "cache"):
            content[f"{prefix}{role}_url"] = f"redis://{user}:{password}@redis-{role}:6379/0"
    alone = {"grafana_password", "warmer_key", *SOURCE_KEYS}
    if any((folder / name).exists() for name in content if name not in alone):
        content = {name: text for name, text in content.items() if name in alone}
    written = []
    for name, text in content.items():
        path = folder / name
        if not path.exists():
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644 if name == "users.acl" else 0o600)
            written.append(name)
    return written


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "secrets"
    print("written:", ", ".join(write(target)) or "nothing, all files exist")
    print("Then: ondol keys create warmer, and put the key into warmer_key.")
