"""What a home may let go of: copies of updates that others keep, once their round is over for good. All else stays."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import sha256
from ledger.formats.text import plural
from ledger.history.state import Phase, Round
from ledger.party.connection import Connection
from ledger.party.pins import named_with_update
from ledger.party.sharing.sweeping import DEEP, needed_from
from ledger.party.upkeep.keeping import refused
from ledger.rounds.assignment import kept_by
from ledger.rounds.receipts import MAX_SIZE, marks, parse
from ledger.store import Store, files
from ledger.store.holders import Holders


@dataclass(slots=True)
class Prunable:
    """`goes` are the pins to remove, and their files; `stays` counts the others by kind; `alone` are those that could
    go, but no other member returned them whole just now. `size` is how many bytes go at most: files that were stored
    together leave the disk together.
    """

    goes: dict[str, Cid] = field(default_factory=dict)
    stays: Counter[str] = field(default_factory=Counter)
    alone: list[str] = field(default_factory=list)
    size: int = 0


class Pruning:
    """Looks at each pin of a home's store, by the ledger as the connection has it; `key` is the member's."""

    def __init__(self, connection: Connection, store: Store, key: str) -> None:
        self._connection, self._store, self._key = connection, store, key
        others = connection.elsewhere(key).items()
        self._others = [Holders(None, (holder,)) for gateway, holder in others if gateway.key]
        self._signed: dict[tuple[int, int], frozenset[int] | None] = {}

    def plan(self) -> Prunable:
        """What would go. Reads each such file whole from another member: nothing goes that none returns."""
        made = Prunable()
        for pin, cid in self._store.pins().items():
            if not self._may_go(pin):
                made.stays[pin.split("/")[0]] += 1
            elif (size := self._elsewhere(cid)) is None:
                made.alone.append(pin)
            else:
                made.goes[pin] = cid
                made.size += size
        return made

    def _may_go(self, pin: str) -> bool:
        """Only an admitted or certified update of a finalised round that no fork brings back, and what such an update
        is the sum of: not the own one, none that this member keeps by rank, and none that it signed for.
        """
        named, history = named_with_update(pin), self._connection.history
        state = history.jobs.get(named[0]) if named else None
        round_ = state.rounds.get(named[1]) if named and state else None
        member = history.member_of(self._key)
        if named is None or state is None or round_ is None or member is None:
            return False
        tip = self._connection.follower.tip.number
        over = named[1] < needed_from(state, tip) and round_.ended_in + DEEP <= tip
        if round_.phase is not Phase.FINALISED or not over:
            return False
        signed = self._signed_in(round_, member.index)
        owed = kept_by(member.index, round_, self._connection.network.replication) | refused(round_)
        return signed is not None and named[2] not in owed | signed

    def _signed_in(self, round_: Round, me: int) -> frozenset[int] | None:
        """The authors whose updates this member signed for, by the receipts that the ledger names; None where these are
        not all here.
        """
        place = round_.job, round_.number
        if place not in self._signed:
            try:
                self._signed[place] = frozenset(self._read_signed(round_, me))
            except (Unavailable, Malformed):
                self._signed[place] = None
        return self._signed[place]

    def _read_signed(self, round_: Round, me: int) -> Iterator[int]:
        for digest in {made.receipts for made in round_.aggregates} - {sha256(b"")}:
            data = b"".join(bytes(piece) for piece in files.read(self._store, Cid(RAW, digest), 0, MAX_SIZE + 1))
            for one in parse(data):
                if one.member == me:
                    yield from marks(one.updates)

    def _elsewhere(self, cid: Cid) -> int | None:
        """The size of the file as another member returns it; None where none does."""
        sizes = (_returned(other, cid) for other in self._others)
        return next((size for size in sizes if size is not None), None)


def _returned(holder: Holders, cid: Cid) -> int | None:
    """How many bytes a holder returns of a file; None where that is not all of it."""
    try:
        return sum(len(piece) for piece in holder.read(cid))
    except (Unavailable, Malformed):
        return None


def said(plan: Prunable) -> str:
    """What an audit needs, what stays for it, and what goes."""
    kinds = ", ".join(f"{count} of {kind}/" for kind, count in sorted(plan.stays.items())) or "nothing else"
    lines = [
        "An audit reads every update, model and receipts file that the ledger names, from any member that has it.",
        f"stays here: {kinds}: what this member made, signed for, keeps by rank, or what is evidence",
        f"goes: {plural(len(plan.goes), 'update')} that others keep; another member returned each whole just now",
    ]
    if plan.alone:
        lines.append(f"stays, too: {plural(len(plan.alone), 'update')} that no other member returned whole now")
    return "\n".join(lines)
