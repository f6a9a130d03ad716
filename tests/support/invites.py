"""Invites for tests: always the same two keys."""

from typing import Any

import msgspec
from eth_account import Account

from ledger.chain.consortium_file import DEFAULT_RULES
from ledger.keys import LocalSigner
from participant.joining.documents import (
    ADDRESS,
    INVITE,
    AddressFile,
    Invite,
    InviteChain,
    Inviter,
    address_to_sign,
    invite_to_sign,
)

INVITER = LocalSigner(Account.from_key(b"\x01" * 32), light=True)
NEWCOMER = LocalSigner(Account.from_key(b"\x02" * 32), light=True)
HOUR = 3_600
NOW = 1_800_000_000


def invite(signer: LocalSigner = INVITER, **fields: Any) -> Invite:
    """An invite of North to South, good for an hour; `signer` signs it, whom it names or not. Before a founding both
    found it, unless other `founders` are given.
    """
    blank = Invite(
        format=INVITE,
        consortium="Three clinics",
        name="South",
        roles=("participant", "aggregator"),
        chain=InviteChain(id=31337, rpc="http://127.0.0.1:8545"),
        expires=NOW + HOUR,
        inviter=Inviter(name="North", key=INVITER.address),
        nonce="ab" * 16,
        rules=DEFAULT_RULES,
    )
    blank = msgspec.structs.replace(blank, **fields)
    if "founders" not in fields and blank.network is None:
        blank = msgspec.structs.replace(blank, founders=tuple(sorted({blank.name, blank.inviter.name})))
    return msgspec.structs.replace(blank, signature="0x" + signer.sign_typed_data(*invite_to_sign(blank)).hex())


def address_of(answered: Invite, signer: LocalSigner = NEWCOMER) -> AddressFile:
    """An answer to an invite."""
    blank = AddressFile(format=ADDRESS, invite=answered, key=signer.address)
    return msgspec.structs.replace(blank, signature="0x" + signer.sign_typed_data(*address_to_sign(blank)).hex())
