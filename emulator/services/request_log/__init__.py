"""The request log: what a client really sends to Resource Manager, and what it is answered.

Live Azure has nothing like it: it is local Azure's own, to be looked at beside a notebook. It is in
memory alone, and gone when local Azure stops; what lasts is the activity log.

requests    the resource provider LocalAzure.RequestLog: a list of requests, and one with its bodies
recent      the newest requests, so many of them and so many bytes
entry       one request as it is shown, without secrets; sender reads who sent it
"""
