"""The users of both Redis servers: one template for the containers and for the embedded servers.

Each service has a user of its own with the keys that it works on; no service may run scripts, read or change the
configuration, list keys, flush, or act as an administrator. `ondol` is whoever keeps the servers: the supervisor, the
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
"""What every service may do with its keys. INFO is how a service checks that the broker never evicts."""


def rendered(passwords: Mapping[str, str]) -> str:
    """The ACL file with the hash of each user's password; a name that the template lacks is a KeyError."""
    lines = []
    for line in TEMPLATE.read_text(encoding="utf-8").splitlines():
        user = line.split()[1]
        hashed = "#" + hashlib.sha256(passwords[user].encode()).hexdigest() if "PASSWORD" in line else ""
        lines.append(line.replace("PASSWORD", hashed).replace("COMMON", COMMON))
    return "\n".join(lines) + "\n"


def as_user(url: str, user: str, password: str) -> str:
    """A Redis URL with these credentials instead of its own."""
    scheme, _, rest = url.partition("://")
    place = rest.rpartition("@")[2]
    return f"{scheme}://{quote(user)}:{quote(password)}@{place}"
