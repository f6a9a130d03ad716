"""What members said that they hold, kept in the home: HOME/haves/JOB-ROUND.receipts, the entries of a receipts file for
each round, as they came.

All processes of a home share it: its gateway takes in what others say, its aggregator makes certificates of it.
Messages come one by one, and a file in the place of another makes the disk write at once: so entries are added to it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ledger.errors import Malformed, UsageError
from ledger.events.haves import Have, content_of, have_to_sign
from ledger.formats.digest import sha256
from ledger.party.sharing.named import is_over
from ledger.party.sharing.remembered import MOST, Remembered
from ledger.rounds.receipts import (
    ENTRY,
    MAX_SIZE,
    Roll,
    SignedHave,
    bitmap_of,
    counts,
    encode,
    marks,
    merged,
    parse_entry,
)
from ledger.store import disk

if TYPE_CHECKING:
    from ledger.keys import Signer

JUNK = 64
"""Signatures of one gateway's file that are not its members', after which the rest of it is not looked at."""
CHANGES = 512
"""Changes of a round's file that one member's messages may cause in a process: twice as many as there are updates."""
COUNTED = 4096
"""Members of rounds whose changes are counted at a time."""
PATIENCE = 20.0
"""Seconds to wait for another process that writes; it takes milliseconds."""


class Known(NamedTuple):
    """The receipts of a round that count, as a file of receipts has them, and that file's SHA-256."""

    receipts: tuple[SignedHave, ...]
    file: bytes
    digest: bytes


class Haves:
    """The messages known in one home; threads and processes may share it. Without `signer` it only listens.

    A message about other updates than those that the chain opened counts as never said, as on a branch of the chain
    that was given up: it would else stand in for the same, signed again.
    """

    def __init__(self, folder: Path, signer: "Signer | None" = None) -> None:
        from ledger.files.locks import SharedLock

        self._folder, self._signer = folder, signer
        with disk.translated(folder / "lock"):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = SharedLock(folder / "lock", PATIENCE)
        self._remembered = Remembered[Known]()
        self._latest: dict[tuple[int, int], tuple[Roll, bytes, Known]] = {}
        self._changes = Counter[tuple[int, int, int]]()

    def known(self, roll: Roll) -> tuple[SignedHave, ...]:
        """What is known of a round. A file that was damaged counts as none: what was said comes again. Raises
        Unavailable where it cannot be read now.
        """
        return self.file(roll).receipts

    def file(self, roll: Roll) -> Known:
        """The same, with the file that is served: read and checked again only once it, or the round, is another."""
        return self._remembered.get((roll.job, roll.round), self._path(roll), roll, lambda: self._read(roll)[1])

    def take(self, roll: Roll, said: Iterable[SignedHave]) -> bool:
        """Keep what fits the round, and is new; whether anything was. What does not fit is left out, as is more than
        `CHANGES` of one member.
        """
        return self._keep(roll, list(self._fitting(roll, said)))

    def _fitting(self, roll: Roll, said: Iterable[SignedHave]) -> Iterator[SignedHave]:
        """What is new and fits, as long as the others are not too many: each costs the recovery of a key."""
        known, junk = frozenset(self.known(roll)), 0
        for one in said:
            if one in known or one.have(roll) is None or self._changes[roll.job, roll.round, one.member] >= CHANGES:
                continue
            if counts(one, roll):
                yield one
            elif (junk := junk + 1) == JUNK:
                return

    def say(self, roll: Roll, held: Collection[int], tip: int) -> SignedHave | None:
        """Sign that this member holds the updates of these members, besides those it signed for before; what was
        signed last. `tip` is the latest block's number. None where it has nothing to say in the round.

        Raises as `Signer.sign_typed_data`.
        """
        mine = self._mine(roll)
        if mine is None or self._signer is None:
            return None
        before = [one for one in self.known(roll) if one.member == mine]
        old, new = self.signed(roll), roll.opened.keys() & held
        if new <= old:
            return before[-1] if before else None
        content = content_of({index: roll.opened[index] for index in old | new})
        have = Have(roll.job, roll.round, bitmap_of(old | new), content, tip)
        signature = self._signer.sign_typed_data(*have_to_sign(roll.chain, roll.ledger, have))
        signed = SignedHave(mine, have.updates, have.block, signature)
        self._keep(roll, [signed])
        return signed

    def signed(self, roll: Roll) -> frozenset[int]:
        """The members whose updates this member signed for."""
        mine = self._mine(roll)
        return frozenset(index for one in self.known(roll) if one.member == mine for index in marks(one.updates))

    def sweep(self, needed: Mapping[int, int]) -> None:
        """Forget what was said in rounds before the first one that is needed, by job. Raises Unavailable."""
        with disk.translated(self._folder), self._lock.held():
            for path in self._folder.glob("*.receipts"):
                if is_over(path, needed):
                    path.unlink(missing_ok=True)

    def _mine(self, roll: Roll) -> int | None:
        """The own index in a round."""
        me = self._signer.address if self._signer else None
        return next((index for index, key in roll.keys.items() if key == me), None)

    def _keep(self, roll: Roll, said: Collection[SignedHave]) -> bool:
        if not said:
            return False
        if len(self._changes) > COUNTED:
            self._changes.clear()
        with disk.translated(self._folder / "lock"), self._lock.held():
            data, before = self._read(roll)
            known = _known(merged([*before.receipts, *said]))
            if known.receipts == before.receipts:
                return False
            self._note(roll, _write(self._path(roll), data, before, known), known)
        self._changes.update({(roll.job, roll.round, one.member) for one in said if one in known.receipts})
        return True

    def _read(self, roll: Roll) -> tuple[bytes, Known]:
        """The file, and what it says; what was checked for the same roll is not checked again. Bytes behind its last
        whole entry are left out: another process adds it just now, or was killed as it did.
        """
        try:
            data = self._path(roll).read_bytes()
        except FileNotFoundError:
            return b"", _known(())
        except OSError as error:  # a disk that fails once has lost nothing: what is there is not written over
            raise disk.unread(self._path(roll), error) from error
        about, checked, latest = self._latest.get((roll.job, roll.round), (None, b"", _known(())))
        if about == roll and checked == data:
            return data, latest
        right = frozenset(latest.receipts) if about == roll else frozenset[SignedHave]()
        known = _known(merged(one for one in _entries(data) if one in right or counts(one, roll)))
        self._note(roll, data, known)
        return data, known

    def _note(self, roll: Roll, data: bytes, known: Known) -> None:
        """Remember what was checked, of the latest rounds."""
        self._latest.pop((roll.job, roll.round), None)
        self._latest[roll.job, roll.round] = roll, data, known
        for earliest in list(self._latest)[:-MOST]:
            self._latest.pop(earliest, None)

    def _path(self, roll: Roll) -> Path:
        return self._folder / f"{roll.job}-{roll.round}.receipts"


def _known(receipts: tuple[SignedHave, ...]) -> Known:
    data = encode(receipts)
    return Known(receipts, data, sha256(data))


def _entries(data: bytes) -> list[SignedHave]:
    """The whole entries of a file, as they came. One that is none, such as zeros where the power failed, is left out;
    of a file that is too long, all of them.
    """
    found = list[SignedHave]()
    if len(data) <= MAX_SIZE:
        for at in range(0, len(data) - ENTRY + 1, ENTRY):
            with suppress(Malformed):
                found.append(parse_entry(data[at : at + ENTRY]))
    return found


def _write(path: Path, data: bytes, before: Known, known: Known) -> bytes:
    """Add what is known besides what was before to the file, which has `data`; or write all of it again, where the file
    has more than was known, or some of that is not known any more. What the file has then.
    """
    old = frozenset(before.receipts)
    added = encode(one for one in known.receipts if one not in old)
    if data and len(data) == len(before.file) and old.issubset(known.receipts):
        with path.open("ab") as file:
            file.write(added)
        return data + added
    draft = path.with_suffix(".part")
    draft.write_bytes(known.file)
    draft.replace(path)
    return known.file


def misfit(said: SignedHave, roll: Roll) -> str:
    """Why a message is not kept; nothing where it fits."""
    if said.have(roll) is None:
        return "it names updates that are not open"
    return "" if counts(said, roll) else "it is not signed by its member's key, for the updates that are open"


def require_fit(said: SignedHave, roll: Roll) -> None:
    """Raises UsageError where a message is not kept, with the reason."""
    if reason := misfit(said, roll):
        raise UsageError(reason, member=said.member)
