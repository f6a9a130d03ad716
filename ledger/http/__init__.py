"""Outgoing HTTP: the one road to chain nodes, gateways and Kubo; and what conditions of requests mean.

What is dialled, by which proxy, with whose certificates and credentials, how long an answer may take and how large it
may be is decided here. Nothing that comes back is believed here (docs/adr/0028-one-road-out.md). `clients` is the other
side: what a server of ours allows those who connect to it.
"""
