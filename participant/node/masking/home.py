"""What of masks a member keeps at home, together."""

from collections.abc import Mapping
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
from participant.node.masking.answers import AnswerJournal
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

    def secrets_of(self, setup: SetupFile, round_: int) -> RoundSecrets:
        """The own secrets of a round, by the own set-up file that the ledger names.

        Raises UsageError where this home does not have those that the file was made of, and as `Vault.read`.
        """
        found = self.secrets.of(setup.segment, setup.member, round_)
        if found is not None:
            try:
                check_opening(setup, round_, found.key)
                check_seed(setup, round_, found.seed)
            except Guilty:
                found = None
        if found is None:
            raise UsageError(
                f"this home does not have the secrets of round {round_}: its member sits the round out",
                advice=f"it takes part in the next segment; bring no copy of {self.vault.folder} back during a round",
                segment=setup.segment.number,
            )
        return found

    def held_shares(
        self, setups: Mapping[int, SetupFile], holder: int, round_: int, wanted: Mapping[int, SecretKind]
    ) -> tuple[dict[int, Secret], dict[int, FedledgerError]]:
        """A holder's shares of the wanted secrets, by dealer; and why it cannot have the others: a packet does not open
        or holds another share than is listed, or the home does not have the mask key that it was sealed to.
        """
        shares, failed = dict[int, Secret](), dict[int, FedledgerError]()
        for dealer, kind in sorted(wanted.items()):
            setup = setups[dealer]
            try:
                pairs = read_packet(setup, holder, self._mask_key(setup.segment, holder))
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


def register(home: MaskHome, sender: "Sender", point: bytes | None) -> bytes:
    """Put a mask key on the ledger, a new one where `point` is None; its point. It is kept before it is sent.

    Raises Unavailable where the disk does not take it, and as `Sender.send`.
    """
    made = home.keys.make() if point is None else point
    sender.send("masks", "registerKey", made)
    return made
