"""The HTTP(S) proxy on loopback through which unmodified clients reach local Azure.

door       where it listens, and who may come in at which side
head       a request's head, read
opening    a new connection, until its first request says where it goes
pipe       bytes from one connection to another
upstream   the proxy that this machine had before
"""
