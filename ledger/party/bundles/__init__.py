"""Bundles of a live consortium: what an indexed ledger, its chain node and the store have, as one file."""
