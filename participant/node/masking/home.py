"""What of masks a member keeps at home, together."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import FedledgerError, UsageError
from ledger.masks.blame import Guilty
from ledger.masks.reveals import check_opening, check_seed, read_packet
from ledger.masks.secret import Secret
from ledger.masks.segment import Segment
from ledger.masks.setup import RoundSecrets, SecretKind, SetupFile
from ledger.party.masking.mask_keys import MaskKeys
from ledger.party.masking.vault import Vault
from ledger.store import disk
from participant.node.masking.answers import AnswerJournal
from participant.node.masking.held import HeldSetups
from participant.node.masking.pads import Pads
from participant.node.masking.segments import SegmentSecrets

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


class MaskHome:
    """Keys, secrets, pads and answers in the folder `masks` of a home."""

    def __init__(self, folder: Path) -> None:
        self.vault = Vault(folder)
        self.keys, self.secrets = MaskKeys(self.vault), SegmentSecrets(self.vault)
        self.pads, self.answers = Pads(self.vault), AnswerJournal(self.vault)
        self.held = HeldSetups(self.vault)

    def secrets_of(self, setup: SetupFile, round_: int) -> RoundSecrets:
        """The own secrets of a round, by the own set-up file that the ledger names.

        Raises UsageError where this home does not have those that the file was made of, and as `Vault.read`.
        """
        for found in self.secrets.of(setup.segment, setup.member, round_):
            with suppress(Guilty):
                check_opening(setup, round_, found.key)
                check_seed(setup, round_, found.seed)
                return found
        raise UsageError(
            f"this home does not have the secrets of round {round_}: its member sits the round out",
            advice=f"it takes part in the next segment; bring no copy of {self.vault.folder} back during a round",
            segment=setup.segment.number,
        )

    def held_shares(
        self, setups: Mapping[int, SetupFile], holder: int, round_: int, wanted: Mapping[int, SecretKind]
    ) -> tuple[dict[int, Secret], dict[int, FedledgerError]]:
        """A holder's shares of the wanted secrets, by dealer; and why it cannot have the others: a packet does not open
        or holds another share than is listed, or the home does not have the mask key that it was sealed to.

        Raises NotRead for a key that cannot be read now: an answer is written down once, and would lack its shares.
        """
        shares, failed = dict[int, Secret](), dict[int, FedledgerError]()
        for dealer, kind in sorted(wanted.items()):
            setup = setups[dealer]
            try:
                pairs = read_packet(setup, holder, self._mask_key(setup.segment, holder))
            except disk.NotRead:
                raise
            except FedledgerError as error:
                failed[dealer] = error
            else:
                shares[dealer] = pairs[setup.segment.place(round_)][kind]
        return shares, failed

    def _mask_key(self, segment: Segment, holder: int) -> Secret:
        point = segment.keys[holder]
        key = self.keys.find(point)
        if key is None:
            raise UsageError(
                f"this home does not have the mask key that segment {segment.number} was dealt to: no share is given",
                advice=f"restore {self.vault.folder}/keys from a copy; a new key counts for the next segment",
                key=point.hex(),
            )
        return key


def packed(shares: Mapping[int, Secret]) -> bytes:
    """Shares as `unmask` and `giveShares` take them: 33 bytes each, by ascending dealer."""
    return b"".join(bytes([dealer]) + share.reveal() for dealer, share in sorted(shares.items()))


@contextmanager
def registering(folder: Path, patience: float) -> Iterator[bool]:
    """Hold a home's right to put mask keys on the ledger, so that a node and a command send none twice; whether it was
    had within `patience` seconds. Raises Unavailable where the disk does not take the lock's file.
    """
    from filelock import FileLock, Timeout

    path = folder / "mask-key.lock"
    lock = FileLock(path, timeout=patience, thread_local=False)
    with disk.translated(path):
        try:
            lock.acquire()
        except Timeout:
            mine = False
        else:
            mine = True
    try:
        yield mine
    finally:
        lock.release()


def register(home: MaskHome, sender: "Sender", point: bytes | None) -> bytes:
    """Put a mask key on the ledger, a new one where `point` is None; its point. It is kept before it is sent.

    Called while `registering`. Raises Unavailable where the disk does not take it, and as `Sender.send`.
    """
    made = home.keys.make() if point is None else point
    sender.send("masks", "registerKey", made)
    return made
