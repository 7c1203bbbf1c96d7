"""The ingress of Container Apps: https in front of the replicas of an app's revisions.

    connection.py          a client's connection
    request.py             one request: to a replica and back, streaming both ways
    ingress.py             what all connections share
    pool.py                the connections to replicas that wait for a request
    replica_connection.py  one of them
    affinity.py            the cookie by which a client comes back to its replica
    cors.py                what a browser is told
    web_socket.py          a web socket: once it is open, bytes both ways
    refusals.py            what the ingress answers itself

https://learn.microsoft.com/azure/container-apps/ingress-overview
"""
