"""What a folder of blocks goes through."""

from ledger.store.embedded import Embedded


def indexed_again(store: Embedded) -> Embedded:
    """The store, closed and opened with an index made of what its packs are now."""
    store.close()
    for ending in ("", "-wal", "-shm"):
        (store.folder / f"index.db{ending}").unlink(missing_ok=True)
    return Embedded(store.folder)
