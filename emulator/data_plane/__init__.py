"""Requests to what was deployed: from the front door to a model or a container, and back.

A scoring request comes in at the front door, which ends TLS and hands the connection over:

    scoring/connection.py      reads it (client_connection.py), and has it answered in its turn
    scoring/request.py         asks for the endpoint of its host name (routes/endpoints.py)
    scoring/router.py          checks key or token, and draws the deployment (traffic.py)
    scoring/admission.py       gives it an instance that is free (backend.py), or lets it wait
    scoring/exchange.py        carries it to the instance's port and reads the answer
                               (backend_connection.py), which goes up the same way

A request to a container app goes much the same way, but does not wait for its own end:

    ingress/connection.py      starts it when its head is read; a web socket leaves here
    ingress/request.py         asks for the app of its host name (routes/apps.py), draws a revision,
                               takes a replica or waits until one was started
    ingress/pool.py            has a connection to the replica, or makes one
    ingress/replica_connection.py  carries both bodies as they come

What both have in common:

    client_connection.py   a client's connection: requests one after the other, pipelined or not
    client_request.py      one request: what its head decides, and the answer on its way back
    backend_connection.py  a connection to what answers
    backend.py             what answers: a port, and how many requests it is at
    traffic.py             draws by weight
    refusal.py             an answer of our own
    traffic_counts.py      what was answered, counted by the minute (tally.py)
    http.py                the HTTP that we write
    routes/                what the services publish here, who know nothing of the rest

Container groups have no gateway: the front door joins the client to the port that
routes/addresses.py has for it.
"""
