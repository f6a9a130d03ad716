"""Work shared out to other processes, here or on a Ray cluster: a trade says what workers do (`trade`).

An audit's rounds are such work. A worker has its own way to bytes and to the chain node. A round that gave it any
trouble it hands back: the auditing process checks that itself. So a report is the same for any number of workers.
"""
