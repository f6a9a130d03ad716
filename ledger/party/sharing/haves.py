"""What members said that they hold, kept in the home: HOME/haves/JOB-ROUND.receipts, one receipts file for each round.

All processes of a home share it: its gateway takes in what others say, its aggregator makes certificates of it.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import Malformed, UsageError
from ledger.events.haves import Have, have_to_sign
from ledger.party.sharing.duties import Anchor
from ledger.rounds.receipts import Roll, SignedHave, bitmap_of, counts, encode, marks, merged, parse
from ledger.store import disk

if TYPE_CHECKING:
    from ledger.keys import Signer

AHEAD = 256
"""Blocks by which another member's node may be ahead of one's own."""
PATIENCE = 20.0
"""Seconds to wait for another process that writes; it takes milliseconds."""


class Haves:
    """The messages known in one home; threads and processes may share it. Without `signer` it only listens.

    Messages that are `lost`, as of a branch of the chain that was given up, count as never said: one of them would
    else stand in for the same, signed again. Methods raise what `lost` raises.
    """

    def __init__(
        self, folder: Path, signer: "Signer | None" = None, lost: Callable[[SignedHave], bool] = lambda _: False
    ) -> None:
        from filelock import FileLock

        self._folder, self._signer, self._lost = folder, signer, lost
        with disk.translated(folder / "lock"):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(str(folder / "lock"), timeout=PATIENCE)

    def known(self, roll: Roll) -> tuple[SignedHave, ...]:
        """What is known of a round. A file that was damaged counts as none: what was said comes again."""
        try:
            known = parse(self._path(roll).read_bytes())
        except (OSError, Malformed):
            return ()
        return tuple(one for one in known if not self._lost(one))

    def take(self, roll: Roll, said: Iterable[SignedHave], tip: Anchor) -> bool:
        """Keep what fits the round as of `tip`, and is new; whether anything was. What does not fit is left out."""
        return self._keep(roll, [one for one in said if not misfit(one, roll, tip)])

    def say(self, roll: Roll, held: Collection[int], tip: Anchor) -> SignedHave | None:
        """Sign that this member holds the updates of these members, besides those it signed for before; what was
        signed last. None where it has nothing to say in the round. Raises as `Signer.sign_typed_data`.
        """
        mine = self._mine(roll)
        if mine is None or self._signer is None:
            return None
        before = [one for one in self.known(roll) if one.member == mine]
        old = bitmap_of(self.signed(roll))
        new = bitmap_of(index for index in held if roll.opened.get(index, tip.number + 1) <= tip.number)
        if new & ~old == 0:
            return before[-1] if before else None
        have = Have(roll.job, roll.round, old | new, tip.number, tip.hash)
        signature = self._signer.sign_typed_data(*have_to_sign(roll.chain, roll.ledger, have))
        signed = SignedHave(mine, have.updates, have.block, have.hash, signature)
        self._keep(roll, [signed])
        return signed

    def signed(self, roll: Roll) -> frozenset[int]:
        """The members whose updates this member signed for."""
        mine = self._mine(roll)
        return frozenset(index for one in self.known(roll) if one.member == mine for index in marks(one.updates))

    def _mine(self, roll: Roll) -> int | None:
        """The own index in a round."""
        me = self._signer.address if self._signer else None
        return next((index for index, key in roll.keys.items() if key == me), None)

    def _keep(self, roll: Roll, said: Collection[SignedHave]) -> bool:
        said = [one for one in said if not self._lost(one)]
        if not said:
            return False
        with disk.translated(self._folder / "lock"), self._lock:
            before = self.known(roll)
            after = merged([*before, *said])
            if after == before:
                return False
            path = self._path(roll)
            draft = path.with_suffix(".part")
            draft.write_bytes(encode(after))
            draft.replace(path)
        return True

    def _path(self, roll: Roll) -> Path:
        return self._folder / f"{roll.job}-{roll.round}.receipts"


def misfit(said: SignedHave, roll: Roll, tip: Anchor) -> str:
    """Why a message is not kept; nothing where it fits."""
    if not counts(said, roll):
        return "it is not signed by its member's key"
    if any(index not in roll.opened or roll.opened[index] > said.block for index in marks(said.updates)):
        return "it names updates that were not opened by then"
    if said.block > tip.number + AHEAD:
        return "it names a block that is far ahead"
    return ""


def require_fit(said: SignedHave, roll: Roll, tip: Anchor) -> None:
    """Raises UsageError where a message is not kept, with the reason."""
    if reason := misfit(said, roll, tip):
        raise UsageError(reason, member=said.member, block=said.block)
