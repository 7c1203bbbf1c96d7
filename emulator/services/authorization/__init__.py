"""Azure role-based access control: assignments are kept, and nothing is held to them.

https://learn.microsoft.com/rest/api/authorization/

    paths.py             the scopes at which roles can be assigned
    roles.py             the built-in roles; roles.json is Azure's catalogue
    role_definitions.py  the requests for these
    role_assignments.py  the requests for assignments
    principals.py        whom a role can be assigned to
"""
