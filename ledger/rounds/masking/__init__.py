"""Masked rounds judged: set-ups and casts, sets, answers, sums, openings, and who is to blame (docs/spec/masks.md).

Members, aggregators and auditors call the same functions. They take what the ledger says and a way to fetch bytes, and
decide nothing that they cannot see: bytes that cannot be had raise Unavailable.
"""
