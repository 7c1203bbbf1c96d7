"""The front door in a process of its own, before what is running already.

    python -m benchmarks.door gateway PORT INSTANCE_PORT STATE_FOLDER
    python -m benchmarks.door ingress PORT REPLICA_PORT STATE_FOLDER

The same code as in local Azure, but for the endpoint's 500 requests per second, which are lifted.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from emulator.data_plane.backend import Backend
from emulator.data_plane.ingress.connection import IngressConnection
from emulator.data_plane.ingress.ingress import Ingress
from emulator.data_plane.routes.apps import AppRoute, AppTable, RevisionRoute
from emulator.data_plane.routes.endpoints import DeploymentRoute, EndpointRoute, EndpointTable
from emulator.data_plane.scoring.connection import ScoringConnection
from emulator.data_plane.scoring.gateway import Gateway
from emulator.front_door.door import FrontDoor
from emulator.front_door.opening import Serve
from emulator.tls import CertificateAuthority

HOST = "benchmark.westeurope.inference.ml.azure.com"
APP_HOST = "benchmark.environment.westeurope.azurecontainerapps.io"
KEY = "benchmark-key"
PASSWORD = "benchmark"
CLIENTS = 8


def gateway(instance: int) -> Serve:
    """An endpoint with one deployment, whose one instance is at this port."""
    table = EndpointTable()
    deployment = DeploymentRoute(
        "blue", (Backend(instance),), max_concurrent_requests_per_instance=CLIENTS
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
    made = Gateway(table, verify_token=lambda _token, _audience: {})
    return lambda host, _inside: ScoringConnection(made, host)


def ingress(replica: int) -> Serve:
    """A container app with one revision, whose one replica is at this port."""
    revision = RevisionRoute("benchmark--one", wake=lambda: None, backends=(Backend(replica),))
    made = Ingress(AppTable())
    made.table.publish("benchmark", {APP_HOST: AppRoute(((revision, 100),))})
    return lambda host, inside: IngressConnection(made, host, inside)


async def listen(serve: Serve, port: int, folder: Path) -> None:
    door = FrontDoor(CertificateAuthority(folder), serve, PASSWORD)
    await door.listen(port)
    await asyncio.Event().wait()


def main() -> None:
    make = {"gateway": gateway, "ingress": ingress}[sys.argv[1]]
    port, behind, folder = int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    factory = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(listen(make(behind), port, folder))


if __name__ == "__main__":
    main()
