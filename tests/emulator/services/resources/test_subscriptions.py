"""Azure's regions: all of them, by any of their names, and no others."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError

from emulator.defaults import SUBSCRIPTION


def test_every_region_is_listed_with_its_place(call):
    listed = call("GET", f"/subscriptions/{SUBSCRIPTION}/locations", version="2022-12-01").json()
    regions = {region["name"]: region for region in listed["value"]}
    assert "nextLink" not in listed
    assert len(regions) > 50
    assert regions["japaneast"]["displayName"] == "Japan East"
    assert regions["swedencentral"]["metadata"]["geographyGroup"] == "Europe"
    paired = regions["westeurope"]["metadata"]["pairedRegion"][0]["name"]
    assert regions[paired]["metadata"]["pairedRegion"][0]["name"] == "westeurope"


def test_the_list_of_subscriptions_has_the_link_that_its_model_asks_for(call):
    listed = call("GET", "/subscriptions", version="2022-12-01").json()
    assert [one["subscriptionId"] for one in listed["value"]] == [SUBSCRIPTION]
    assert listed["nextLink"] == ""


@pytest.mark.parametrize("given", ["japaneast", "Japan East", "JAPANEAST", "japan east"])
def test_a_region_has_one_name_however_it_is_written(client, unique, given):
    made = client.resource_groups.create_or_update(f"rg-region-{unique}", {"location": given})
    assert made.location == "japaneast"
    client.resource_groups.begin_delete(made.name).result()


@pytest.mark.parametrize("given", ["mars", "", "west-europe", 7, ["westeurope"]])
def test_what_is_no_region_is_refused(client, unique, given):
    with pytest.raises(HttpResponseError) as refused:
        client.resource_groups.create_or_update(f"rg-region-{unique}", {"location": given})
    assert refused.value.status_code == 400
    assert not client.resource_groups.check_existence(f"rg-region-{unique}")
