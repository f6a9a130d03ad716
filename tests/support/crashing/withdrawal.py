"""A member that withdraws its data in a process of its own, which kills itself (SIGKILL) at a named point."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.crashing import children, sender
from support.crashing.aggregator import FLAVOURS

from ledger.config import Home
from ledger.history.withdrawal import file_in
from ledger.party.acts import withdrawing
from ledger.party.acts.withdrawing import Withdrawing
from ledger.party.connection import Connection

REASON = "the ethics vote was revoked"
PRELOADED = [*sender.PRELOADED, "support.crashing.withdrawal"]


def run(member: Any, job: int, point: str = "") -> int:
    """Withdraw from a job as a member; the exit code, minus the signal's number where it was killed."""
    return children.run(PRELOADED, _withdraw, str(member.home.folder), bytes(member.signer._account.key), job, point)


def _withdraw(folder: str, key: bytes, job: int, point: str) -> None:
    from eth_account import Account

    from ledger.keys import LocalSigner

    home = Home(Path(folder))
    if point:
        POINTS[point]()
    with Connection.open(home) as connection:
        connection.refresh()
        act = Withdrawing(connection, LocalSigner(Account.from_key(key)), job, file_in(home.withdrawals, job))
        act.require_possible()
        act.put_on_record(act.keep(REASON))


def _arm(flavour: str, owner: Any, name: str) -> Callable[[], None]:
    def arm() -> None:
        setattr(owner, name, FLAVOURS[flavour](getattr(owner, name)))

    return arm


POINTS: dict[str, Callable[[], None]] = {
    "before the file": _arm("before", Path, "touch"),
    "after the file": _arm("after", Path, "touch"),
    "before the statement": _arm("before", withdrawing.disk, "write_whole"),
    "after the statement": _arm("after", withdrawing.disk, "write_whole"),
    "after the store": _arm("after", Connection, "put"),
    **sender.POINTS,
}
