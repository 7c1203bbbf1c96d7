"""The ingress of Container Apps: https in front of the replicas of an app's revisions.

    connection.py  a client's connection; how it is read is in the gateway's connection.py
    request.py     one request: to a replica and back, streaming both ways
    upstream.py    connections to replicas, kept alive between requests
    sockets.py     a web socket: once it is open, bytes both ways
    answers.py     what the ingress answers itself

https://learn.microsoft.com/azure/container-apps/ingress-overview
"""
