"""The scoring gateway: who gets a request, may they, and moving the bytes.

    connection.py  a client's connection, here and at the ingress: reads requests, writes answers
    server.py      the gateway's own
    request.py     one request: through the router to a deployment, and the answer back
    router.py      which deployment a request is for, and whether it may pass
    admission.py   the requests of a deployment: those under way, those that wait
    forward.py     one request to one instance, and its answer back
    answers.py     the statuses, headers and words in which Azure answers

A request goes down this list and its answer up again.
"""
