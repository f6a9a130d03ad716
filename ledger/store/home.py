"""Opening the store that a home's settings name."""

from ledger.config import Home
from ledger.store import Store


def open_store(home: Home, *, create: bool = True) -> Store:
    """The home's store: its own folder, made where there is none and `create` is given, or a Kubo daemon.

    Raises Unavailable where there is no store, Malformed where the settings or the folder cannot be read.
    """
    settings = home.settings().store
    if settings.kind == "kubo":
        from ledger.http.outgoing import Outgoing
        from ledger.store.kubo import Kubo

        return Kubo(settings.api, outgoing=Outgoing(home.http()))
    from ledger.store.embedded import Embedded

    return Embedded(home.store, create=create, name="own store")
