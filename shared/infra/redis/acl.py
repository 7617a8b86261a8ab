"""The users of both Redis servers: one template for the containers and for the embedded servers.

Each service has its own user, restricted to the keys that it uses; no service may run scripts, read or change the
configuration, list keys, flush, or run administrative commands. `ondol` is the administrator: the supervisor, the
command line, an operator.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Mapping
from urllib.parse import quote

TEMPLATE = pathlib.Path(__file__).with_name("users.acl")
KEEPER = "ondol"
SERVICES = ("api", "preparer", "simulator", "warmer")
USERS = (KEEPER, *SERVICES)

COMMON = (
    "-@all +@connection +@transaction +@read +@write -@dangerous -@admin -@scripting -@pubsub "
    "-scan -randomkey -move -copy -select +info +dbsize +command +cluster|slots +cluster|shards +cluster|nodes"
)
"""Commands that every service may use on its keys. INFO is used to check that the broker never evicts."""


def rendered(passwords: Mapping[str, str]) -> str:
    """Return the ACL file with the hash of each user's password; KeyError when the password of a user is missing."""
    lines = []
    for line in TEMPLATE.read_text(encoding="utf-8").splitlines():
        user = line.split()[1]
        hashed = "#" + hashlib.sha256(passwords[user].encode()).hexdigest() if "PASSWORD" in line else ""
        lines.append(line.replace("PASSWORD", hashed).replace("COMMON", COMMON))
    return "\n".join(lines) + "\n"


def as_user(url: str, user: str, password: str) -> str:
    """Return a Redis URL with these credentials instead of its own."""
    scheme, _, rest = url.partition("://")
    address = rest.rpartition("@")[2]
    return f"{scheme}://{quote(user)}:{quote(password)}@{address}"
