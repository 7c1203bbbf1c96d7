"""Every region of Azure's public cloud, as `az account list-locations` lists them.

https://learn.microsoft.com/azure/reliability/regions-list (read 2026-11-27)
https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """`name` is the programmatic name; `paired` the name of its paired region, "" if none."""

    name: str
    display: str
    group: str
    geography: str
    place: str
    paired: str = ""
    recommended: bool = False


# geography group | display name | geography | physical location | paired region | * recommended
_TABLE = """
US | East US | United States | Virginia | westus | *
US | East US 2 | United States | Virginia | centralus | *
US | South Central US | United States | Texas | northcentralus | *
US | West US 2 | United States | Washington | westcentralus | *
US | West US 3 | United States | Phoenix | eastus | *
Asia Pacific | Australia East | Australia | New South Wales | australiasoutheast | *
Asia Pacific | Southeast Asia | Asia Pacific | Singapore | eastasia | *
Europe | North Europe | Europe | Ireland | westeurope | *
Europe | Sweden Central | Sweden | Gävle | swedensouth | *
Europe | UK South | United Kingdom | London | ukwest | *
Europe | West Europe | Europe | Netherlands | northeurope | *
US | Central US | United States | Iowa | eastus2 | *
Africa | South Africa North | South Africa | Johannesburg | southafricawest | *
Asia Pacific | Central India | India | Pune | southindia | *
Asia Pacific | East Asia | Asia Pacific | Hong Kong | southeastasia | *
Asia Pacific | Indonesia Central | Indonesia | Jakarta | | *
Asia Pacific | Japan East | Japan | Tokyo, Saitama | japanwest | *
Asia Pacific | Japan West | Japan | Osaka | japaneast | *
Asia Pacific | Korea Central | Korea | Seoul | koreasouth | *
Asia Pacific | Malaysia West | Malaysia | Kuala Lumpur | | *
Asia Pacific | New Zealand North | New Zealand | Auckland | | *
Canada | Canada Central | Canada | Toronto | canadaeast | *
Europe | Austria East | Austria | Vienna | | *
Europe | Belgium Central | Belgium | Brussels | | *
Europe | France Central | France | Paris | francesouth | *
Europe | Germany West Central | Germany | Frankfurt | germanynorth | *
Europe | Italy North | Italy | Milan | | *
Europe | Norway East | Norway | Norway | norwaywest | *
Europe | Poland Central | Poland | Warsaw | | *
Europe | Spain Central | Spain | Madrid | | *
Europe | Switzerland North | Switzerland | Zurich | switzerlandwest | *
Mexico | Mexico Central | Mexico | Querétaro State | | *
Middle East | UAE North | UAE | Dubai | uaecentral | *
South America | Brazil South | Brazil | Sao Paulo State | southcentralus | *
South America | Chile Central | Chile | Santiago | | *
Middle East | Israel Central | Israel | Israel | | *
Middle East | Qatar Central | Qatar | Doha | | *
US | North Central US | United States | Illinois | southcentralus |
US | West US | United States | California | eastus |
US | West Central US | United States | Wyoming | westus2 |
Africa | South Africa West | South Africa | Cape Town | southafricanorth |
Asia Pacific | Australia Central | Australia | Canberra | australiacentral2 |
Asia Pacific | Australia Central 2 | Australia | Canberra | australiacentral |
Asia Pacific | Australia Southeast | Australia | Victoria | australiaeast |
Asia Pacific | Jio India Central | India | Nagpur | jioindiawest |
Asia Pacific | Jio India West | India | Jamnagar | jioindiacentral |
Asia Pacific | Korea South | Korea | Busan | koreacentral |
Asia Pacific | South India | India | Chennai | centralindia |
Asia Pacific | West India | India | Mumbai | southindia |
Canada | Canada East | Canada | Quebec | canadacentral |
Europe | France South | France | Marseille | francecentral |
Europe | Germany North | Germany | Berlin | germanywestcentral |
Europe | Norway West | Norway | Norway | norwayeast |
Europe | Sweden South | Sweden | Malmö | swedencentral |
Europe | Switzerland West | Switzerland | Geneva | switzerlandnorth |
Europe | UK West | United Kingdom | Cardiff | uksouth |
Middle East | UAE Central | UAE | Abu Dhabi | uaenorth |
South America | Brazil Southeast | Brazil | Rio | brazilsouth |
"""


def short(name: str) -> str:
    """A region's name as Azure compares it: "West Europe" and "WestEurope" are "westeurope"."""
    return name.replace(" ", "").lower()


def _read() -> dict[str, Region]:
    regions = {}
    for line in _TABLE.strip().splitlines():
        group, display, geography, place, paired, mark = (part.strip() for part in line.split("|"))
        name = short(display)
        regions[name] = Region(name, display, group, geography, place, paired, mark == "*")
    return regions


# Programmatic name -> region, in the order of `az account list-locations`.
REGIONS = _read()
