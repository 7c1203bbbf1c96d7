"""Azure Resource Manager itself.

https://learn.microsoft.com/rest/api/resources/

    paths.py          where things are
    subscriptions.py  the cloud, its tenant and subscription, regions
    providers.py      resource providers, their types and api-versions
    groups.py         resource groups
    any_resource.py   resources of any type: lists of them, and their tags
"""
