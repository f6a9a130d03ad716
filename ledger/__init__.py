"""What all parties of a consortium must agree on, and how to reach chain and content store.

Anything computed here from the ledger and the content store alone comes out as the same bytes on every machine.
"""
