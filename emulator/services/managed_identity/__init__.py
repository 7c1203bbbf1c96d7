"""Managed identities: those that are resources of their own, and the tokens of all of them.

https://learn.microsoft.com/rest/api/managedidentity/
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token

Host: 169.254.169.254, for workloads alone

    user_assigned.py     user-assigned identities in Resource Manager
    principals.py        which identity a workload asks for, and its claims
    token_endpoints.py   where workloads ask for tokens
"""
