"""Where the subscription, its groups and any resource are.

https://learn.microsoft.com/rest/api/resources/
"""

from emulator.defaults import SUBSCRIPTION

SUBSCRIPTION_ID = f"/subscriptions/{SUBSCRIPTION}"
SUBSCRIPTION_TYPE = "Microsoft.Resources/subscriptions"
ONE_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
GROUPS = ONE_SUBSCRIPTION + "/resourceGroups"
GROUP = GROUPS + "/{resourceGroupName}"
GROUP_TYPE = "Microsoft.Resources/resourceGroups"
