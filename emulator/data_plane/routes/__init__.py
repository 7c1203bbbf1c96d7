"""What the services publish and the data plane serves from: plain data, replaced and never changed.

    endpoints.py  scoring host name -> online endpoint, its keys, traffic and deployments
    apps.py       host name of a container app -> its revisions, by weight
    addresses.py  public IP or DNS name of a container group -> its ports

A route is a snapshot: a service publishes a new one in the place of the one before, and each
request takes the one that is there when it comes. So nothing that holds on to an old route can
change what is served. What counts requests (`Backend`) is apart, and shared by the snapshots.
"""
