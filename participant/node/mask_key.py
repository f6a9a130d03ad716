"""A new mask key, at will: others seal shares to it from the next segment on."""

from pathlib import Path

from ledger.config import Home
from ledger.errors import Unavailable, UsageError
from ledger.events.records import Role
from ledger.party.connection import Connection
from participant.node.masking.home import MaskHome, register, registering
from participant.node.start import member_of, unlocked

PATIENCE = 120.0
"""Seconds that a command waits for the node of its home, which may be putting a key on the ledger."""


def rotate(home: Home, passphrase_file: Path | None) -> dict[str, object]:
    """Draw a mask key, keep it, and put it on the ledger. The one before stays at home until what was dealt to it is
    over.

    Raises UsageError where the home's key is not that of a participant, Unavailable and Rejected as `Sender.send`.
    """
    network = home.network()
    signer = unlocked(home, passphrase_file, network.chain.id)
    with Connection.open(home) as connection:
        connection.refresh()
        member = member_of(connection, signer.address)
        if not member.has(Role.PARTICIPANT):
            raise UsageError("this member trains no updates, so that it masks none", member=member.index)
        with registering(home.folder, PATIENCE) as mine:
            if not mine:
                raise Unavailable("this home's node is putting a mask key on the ledger", advice="try again")
            point = register(MaskHome(home.folder), connection.sender(signer), None)
    return {"member": member.index, "key": point.hex(), "folder": str(home.folder / "masks")}
