"""Edges: members whose update is the sum of others' updates. What they and their children sign and publish."""
