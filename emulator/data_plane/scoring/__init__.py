"""The scoring gateway: who gets a request, may they, and moving the bytes.

    connection.py  a client's connection
    request.py     one request: through the router to a deployment, and the answer back
    gateway.py     what all connections share
    router.py      whether a request may pass, and which deployment it is for
    rate.py        how many requests an endpoint gets in a second
    admission.py   the requests of a deployment: those under way, those that wait
    exchange.py    one request to one instance, and its answer back
    refusals.py    the statuses, headers and words in which Azure answers

https://learn.microsoft.com/azure/machine-learning/concept-endpoints-online
"""
