"""What every event of the ledger has: its place on the chain."""

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and where it stands: number of its block, index in the block's log, hash of its transaction."""

    block: int
    log: int
    tx: bytes
