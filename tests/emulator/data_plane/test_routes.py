"""Routes are replaced whole, and a host name is one owner's until it is withdrawn."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from emulator.data_plane.backend import Backend
from emulator.data_plane.routes.addresses import PublicAddresses
from emulator.data_plane.routes.apps import AppRoute, AppTable, RevisionRoute
from emulator.data_plane.routes.endpoints import DeploymentRoute, EndpointRoute, EndpointTable

HOST = "digits.westeurope.inference.ml.azure.com"
MINE, YOURS = "/workspaces/mine/onlineEndpoints/digits", "/workspaces/yours/onlineEndpoints/digits"


def endpoint(endpoint_id: str = MINE, **more: object) -> EndpointRoute:
    return replace(EndpointRoute(HOST, endpoint_id, "Key"), **more)  # type: ignore[arg-type]


def test_an_old_route_changes_nothing() -> None:
    table = EndpointTable()
    old = endpoint(deployments={"blue": DeploymentRoute("blue", (Backend(1),))})
    table.publish(old)
    table.publish(old.with_deployment(DeploymentRoute("blue", (Backend(2),))))
    with pytest.raises(FrozenInstanceError):
        old.keys = ("stolen",)  # type: ignore[misc]  # that it cannot be is what is tested
    old.with_deployment(DeploymentRoute("blue", (Backend(3),)))
    found = table.find(HOST.upper())
    assert found
    assert [backend.port for backend in found.deployments["blue"].backends] == [2]


def test_a_host_name_is_one_endpoint_s() -> None:
    table = EndpointTable()
    table.publish(endpoint())
    with pytest.raises(ValueError, match="mine"):
        table.publish(endpoint(YOURS))
    table.withdraw(HOST, YOURS)
    assert table.find(HOST)
    table.withdraw(HOST, MINE.upper())
    assert table.find(HOST) is None
    table.publish(endpoint(YOURS))
    table.withdraw(HOST, MINE)  # late
    found = table.find(HOST)
    assert found
    assert found.endpoint_id == YOURS


def test_the_gateway_hears_of_every_change() -> None:
    table, heard = EndpointTable(), []
    table.on_change = heard.append
    table.publish(endpoint())
    table.withdraw(HOST, YOURS)
    table.withdraw(HOST, MINE)
    assert heard == [HOST, HOST]


def test_an_app_has_the_hosts_that_it_published_last() -> None:
    table = AppTable()
    route = AppRoute(((RevisionRoute("app--one", lambda: None), 100),))
    table.publish("/App", {"app.env": route, "app--one.env": route})
    table.publish("/app", {"app.env": route})
    assert table.find("app--one.env") is None
    assert table.find("app.env") is route
    table.withdraw("/APP")
    assert table.find("app.env") is None


def test_an_app_that_goes_leaves_another_s_host() -> None:
    table = AppTable()
    old, new = AppRoute(()), AppRoute(())
    table.publish("/old", {"app.env": old})
    table.publish("/new", {"app.env": new})
    table.withdraw("/old")
    assert table.find("app.env") is new


def test_an_address_leads_to_the_ports_of_its_group() -> None:
    addresses = PublicAddresses()
    addresses.publish("Web.westeurope.azurecontainer.io", {80: 5000})
    assert addresses.find("web.westeurope.azurecontainer.io", 80) == 5000
    with pytest.raises(LookupError, match="its open ports: 80"):
        addresses.find("web.westeurope.azurecontainer.io", 443)
    addresses.withdraw("WEB.westeurope.azurecontainer.io")
    with pytest.raises(LookupError, match="does not resolve"):
        addresses.find("web.westeurope.azurecontainer.io", 80)
