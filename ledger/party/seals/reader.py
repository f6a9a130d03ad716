"""What a home opens of sealed rounds: with its member's mask keys and slips that it has."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import Cid
from ledger.formats.sealed import HEAD
from ledger.masks.secret import Secret
from ledger.party.connection import Connection
from ledger.party.masking.mask_keys import MaskKeys
from ledger.party.masking.vault import Vault
from ledger.party.seals.drawer import Drawer
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.sealed import Erased, unsealed
from ledger.seals.keyring import BadSlips, open_key
from ledger.seals.keys import ContentKey, UpdateName, commitment_in


class SealReader:
    """Opens with the mask keys and slips of the home at `folder`, and with `read_keys` and the slips of `more`. Not for
    several threads at once.

    `bad` are slips that do not open with these keys, by update and author. What is for others is not looked at
    (`ledger.party.seals.checks`).
    """

    def __init__(self, folder: Path, read_keys: Sequence[Secret] = (), more: Sequence[Drawer] = ()) -> None:
        self._drawers = (Drawer(folder), *more)
        self._folder, self._read_keys = folder, tuple(read_keys)
        self._found: dict[tuple[UpdateName, bytes], ContentKey] = {}
        self.bad: dict[tuple[UpdateName, str], BadSlips] = {}

    def open(self, facts: RoundFacts, fetch: Fetch) -> RoundFacts:
        """The same facts, with the key of every sealed update that can be opened here; others are as they were.

        Raises Unavailable where the home's own keys cannot be read.
        """
        if facts.job.sealed is None or not facts.entries:
            return facts
        keys = self._keys()
        found = dict(facts.keys)
        for entry in facts.entries:
            name = UpdateName(facts.name, entry.update.party)
            key = self._key(name, entry.cid, fetch, keys)
            if key is not None:
                found[entry.update.cid] = key
            elif self._erased(name, entry.cid) and not isinstance(found.get(entry.update.cid), ContentKey):
                found[entry.update.cid] = Erased(name)
        return replace(facts, keys=found)

    def opens(self, facts: RoundFacts, fetch: Fetch) -> frozenset[int]:
        """The members whose updates can be opened here: all of a job that is not sealed. Raises as `open`."""
        opened = self.open(facts, fetch)
        closed = {cid for cid, key in opened.keys.items() if not isinstance(key, ContentKey)}
        return frozenset(entry.update.index for entry in facts.entries if entry.update.cid not in closed)

    def forget(self, job: int, present: int) -> None:
        """Forget the keys of a job's updates but those of the present round: one that is erased stays in no memory."""
        kept = {(name, cid) for name, cid in self._found if name.round.job != job or name.round.round == present}
        self._found = {where: found for where, found in self._found.items() if where in kept}

    def _keys(self) -> list[Secret]:
        return [*self._read_keys, *mask_keys_of(self._folder)]

    def _key(self, name: UpdateName, cid: Cid, fetch: Fetch, keys: Sequence[Secret]) -> ContentKey | None:
        if self._erased(name, cid):
            self._found.pop((name, cid.digest), None)
            return None
        if (name, cid.digest) in self._found:
            return self._found[name, cid.digest]
        if (own := self._drawers[0].own_key(name, cid.digest)) is not None:
            return own
        if slips := [kept for drawer in self._drawers for kept in drawer.of(name, cid.digest)]:
            try:
                head = b"".join(bytes(piece) for piece in fetch(cid, 0, HEAD))
                found = open_key(name, cid.digest, commitment_in(head, name), slips, keys)
            except (Malformed, Unavailable):
                return None
            self.bad |= {(name, one.author): one for one in found.bad}
            if found.key is not None:
                self._found[name, cid.digest] = found.key
            return found.key
        return None

    def _erased(self, name: UpdateName, cid: Cid) -> bool:
        return any(drawer.erased(name, cid.digest) for drawer in self._drawers)


def mask_keys_of(folder: Path) -> list[Secret]:
    """The private mask keys of a home. Raises Unavailable where they are open to others, or damaged."""
    keys = MaskKeys(Vault(folder))
    return [key for point in sorted(keys.points()) if (key := keys.find(point)) is not None]


def opened_fetch(connection: Connection, facts: RoundFacts) -> Fetch:
    """Reads the round's files as their readers see them. Raises as `SealReader.open`, and as `unsealed`."""
    if facts.job.sealed is None:
        return connection.fetch
    opened = SealReader(connection.folder).open(facts, connection.fetch)
    return unsealed(connection.fetch, opened.keys, facts.artifact_size)
