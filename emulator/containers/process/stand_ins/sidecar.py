"""Asks port 80 of its container group every three seconds, and prints the answer's headers.

As https://github.com/Azure-Samples/aci-tutorial-sidecar does.
"""

from __future__ import annotations

import http.client
import os
import time

PERIOD = 3.0  # seconds


def ask() -> None:
    port = os.environ.get("PORT_80")
    if port is None:
        print("Failed to connect to localhost port 80: no container of the group has it")
        return
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=PERIOD)
    try:
        connection.request("HEAD", "/", headers={"Host": "localhost"})
        answer = connection.getresponse()
        print(f"HTTP/1.1 {answer.status} {answer.reason}")
        for name, value in answer.getheaders():
            print(f"{name}: {value}")
        print()
    except (OSError, http.client.HTTPException) as error:
        print(f"Failed to connect to localhost port 80: {error}")
    finally:
        connection.close()


def main() -> None:
    while True:
        ask()
        time.sleep(PERIOD)


if __name__ == "__main__":
    main()
