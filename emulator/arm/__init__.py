"""What every service of Azure Resource Manager shares, each thing once.

A request, in and out:

    http.py           routing, api-version, authorization, request ids
    bodies.py         its bytes, and JSON, strictly
    forms.py          forms, as sign-in hosts take them
    fields.py         typed readers of a body, field by field
    errors.py         the one shape of an error
    resources.py      find a resource, show one, answer a page of a list
    merge_patch.py    what a PATCH does to a body
    odata.py          `$filter`
    tags.py           tags, and lists filtered by them
    managed_identity.py  the managed identities of a resource
    readings.py       what is measured of a resource while it runs
    exchange.py       a request with its answer, for the logs
    operation_names.py  what a request does, as Azure names it
    masking.py        secrets that no log shows
    ids.py            resource ids, GUIDs and times
    regions.py        Azure's regions; locations.py checks that a resource is in one

A change that takes long:

    lifecycle.py      the table of a type's states and moves
    change.py         one change under way: what its work is given
    changes.py        begins, runs and ends every change
    recovery.py       the same after a start
    operations.py     what is kept of an operation, and answered when it is polled
"""
