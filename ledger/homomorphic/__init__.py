"""Encrypted sums: integers of several members, added up as ciphertexts by everyone, and opened by a custodian."""
