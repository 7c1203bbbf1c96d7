"""The front door and the gateway in a process of their own, before an instance that is running.

    python -m benchmarks.door PORT INSTANCE_PORT STATE_FOLDER

The same code as in local Azure, but for the endpoint's 500 requests per second, which are lifted.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from emulator.front_door import FrontDoor
from emulator.gateway.request import Gateway
from emulator.gateway.server import Connection
from emulator.routing import DeploymentRoute, EndpointRoute, RoutingTable
from emulator.tls import CertificateAuthority

HOST = "benchmark.westeurope.inference.ml.azure.com"
KEY = "benchmark-key"
CLIENTS = 8


async def serve(port: int, instance: int, folder: Path) -> None:
    table = RoutingTable()
    deployment = DeploymentRoute(
        "blue", (instance,), max_concurrent_requests_per_instance=CLIENTS, instance_count=1
    )
    table.publish(
        EndpointRoute(
            HOST,
            endpoint_id="",
            auth_mode="Key",
            keys=(KEY, "other"),
            traffic={"blue": 100},
            deployments={"blue": deployment},
            requests_per_second=sys.maxsize,
        )
    )

    gateway = Gateway(table, verify_token=lambda _token, _audience: {})
    door = FrontDoor(CertificateAuthority(folder), lambda host: Connection(gateway, host))
    await door.listen(port)
    await asyncio.Event().wait()


def main() -> None:
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))


if __name__ == "__main__":
    main()
