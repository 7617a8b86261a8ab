"""Write the secrets of compose.yaml: `python ops/secrets.py [FOLDER]`; files that exist are kept."""

from __future__ import annotations

import hashlib
import pathlib
import secrets
import sys

HERE = pathlib.Path(__file__).resolve().parent


def write(folder: pathlib.Path) -> list[str]:
    """Make what is missing in `folder`; returns the names of the files that were written.

    One Redis user for all services of the compose file (`ondol`), with the rights of `ops/redis/users.acl`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    postgres, redis = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    acl = (HERE / "redis/users.acl").read_text(encoding="utf-8")
    hashed = "#" + hashlib.sha256(redis.encode()).hexdigest()
    content = {
        "postgres_password": postgres,
        "database_url": f"postgresql://ondol:{postgres}@postgres:5432/ondol",
        "broker_url": f"redis://ondol:{redis}@redis-broker:6379/0",
        "cache_url": f"redis://ondol:{redis}@redis-cache:6379/0",
        "users.acl": acl.replace("PASSWORD", hashed),
        "grafana_password": secrets.token_urlsafe(24),
        "warmer_key": "",
    }
    together = {"postgres_password", "database_url", "broker_url", "cache_url", "users.acl"}
    if any((folder / name).exists() for name in together):
        content = {name: text for name, text in content.items() if name not in together}
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
    print("written:", ", ".join(write(target)) or "nothing, all files are there")  # noqa: T201
    print("Then: ondol keys create warmer, and put the key into warmer_key.")  # noqa: T201
