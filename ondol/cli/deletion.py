"""Delete several things of one kind, each on its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ondol.cli.terminal import print_json
from shared.infra.api_client.client import ApiClient
from shared.infra.api_client.errors import ApiError


async def delete_each(api: ApiClient, kind: str, ids: Sequence[str], *, json: bool) -> int:
    """Delete `/v1/{kind}/{id}` for each id and return the exit code: 1 when the API refused one, and says why."""
    gone = []
    for identity in ids:
        try:
            await api.call("DELETE", f"/v1/{kind}/{identity}")
        except ApiError as error:
            sys.stderr.write(f"ondol {kind}: {identity}: {error}\n")
            continue
        gone.append(identity)
        if not json:
            print(f"{identity} is deleted")
    if json:
        print_json({"deleted": gone})
    return 0 if len(gone) == len(ids) else 1
