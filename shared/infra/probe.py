"""Health check of a container: `python -S -m shared.infra.probe PORT` ends with 0 when the service is ready, else 1.

Plain sockets and no packages: the check runs every few seconds in each container and starts in some 20 ms. It is a
module because some engines split the text behind `python -c` at its spaces.
"""

from __future__ import annotations

import socket
import sys

TIMEOUT_S = 2.0


def is_ready(port: int) -> bool:
    """Whether /readyz of the service on this port of the loopback address answers with 200 in time."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = connection.makefile("rb").readline()
    except OSError:
        return False
    return answer.split(b" ")[1:2] == [b"200"]


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1])) else 1)
