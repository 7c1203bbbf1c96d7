"""The scopes at which roles can be assigned.

https://learn.microsoft.com/azure/role-based-access-control/scope-overview
"""

from emulator.defaults import SUBSCRIPTION

SUBSCRIPTION_ID = f"/subscriptions/{SUBSCRIPTION}"
ONE_SUBSCRIPTION = "/subscriptions/{subscriptionId}"
ONE_GROUP = ONE_SUBSCRIPTION + "/resourceGroups/{resourceGroupName}"
ONE_RESOURCE = ONE_GROUP + "/providers/{namespace}/{type}/{name}"
ONE_BELOW = ONE_RESOURCE + "/{childType}/{childName}"
ONE_FURTHER_BELOW = ONE_BELOW + "/{grandchildType}/{grandchildName}"
SCOPES = (ONE_SUBSCRIPTION, ONE_GROUP, ONE_RESOURCE, ONE_BELOW, ONE_FURTHER_BELOW)

PROVIDER = "/providers/Microsoft.Authorization"
DEFINITIONS = PROVIDER + "/roleDefinitions"
DEFINITION = DEFINITIONS + "/{roleDefinitionId}"
DEFINITION_TYPE = "Microsoft.Authorization/roleDefinitions"
ASSIGNMENTS = PROVIDER + "/roleAssignments"
ASSIGNMENT = ASSIGNMENTS + "/{roleAssignmentName}"
ASSIGNMENT_TYPE = "Microsoft.Authorization/roleAssignments"
