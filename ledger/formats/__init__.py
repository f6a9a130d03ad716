"""Bytes and their digests: artifacts, trees, addresses, claims, and the numbers that all agree on."""
