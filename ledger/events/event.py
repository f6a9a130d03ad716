"""What every event of the ledger has: its place on the chain."""

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event, and where it stands: number of its block, index in the block's log, hash of its transaction.

    `leaf` is the hash of the log as the chain has it: 32 bytes of which the head is made (`ledger.formats.head`).
    """

    block: int
    log: int
    tx: bytes
    leaf: bytes
