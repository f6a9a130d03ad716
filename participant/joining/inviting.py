"""Inviting: before the founding as its founder, afterwards as a member."""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from ledger.config import Home, Network, RoleWord
from ledger.errors import UsageError
from ledger.history.naming import require_new_name
from participant.joining.documents import INVITE, NONCE, Invite, InviteChain, Inviter, check_invite, invite_to_sign
from participant.joining.founding import FoundingFile, load_founding, save_founding

if TYPE_CHECKING:
    from ledger.keys import Signer
    from ledger.party.connection import Connection


def require_place(home: Home) -> FoundingFile | None:
    """What a home can invite to: its founding, or None where it has joined a network. Raises UsageError for neither."""
    if home.network_file.exists():
        return None
    founding = load_founding(home)
    if founding is None:
        raise UsageError(
            "this home founds no consortium, and has joined none",
            advice=home.command("consortium", "new"),
            home=str(home.folder),
        )
    return founding


def invite_to_founding(
    home: Home, founding: FoundingFile, signer: "Signer", names: Sequence[str], roles: Sequence[RoleWord], expires: int
) -> list[Invite]:
    """Invites to a founding, which keeps their digests; each names all who are invited by now.

    Raises UsageError or Malformed for a name that is refused.
    """
    made = []
    founders = tuple(sorted({founding.founder.name, *(one.name for one in founding.invited), *names}))
    for name in names:
        require_new_name(name, [])
        invite = _signed(
            signer,
            Invite(
                format=INVITE,
                consortium=founding.name,
                name=name,
                roles=tuple(roles),
                chain=founding.chain,
                expires=expires,
                inviter=founding.founder,
                nonce=secrets.token_hex(NONCE),
                rules=founding.rules,
                founders=founders,
            ),
        )
        founding = founding.with_invite(invite)
        made.append(invite)
    save_founding(home, founding)
    return made


def invite_as_member(
    connection: "Connection",
    network: Network,
    signer: "Signer",
    names: Sequence[str],
    roles: Sequence[RoleWord],
    expires: int,
) -> list[Invite]:
    """Invites of a member to its consortium; `network` is what newcomers get. Raises UsageError for a key that is not a
    member's, NameTaken or Malformed for a name that is refused.
    """
    member = connection.history.member_of(signer.address)
    if member is None or member.key != signer.address:
        raise UsageError("this home's key is not a member's", advice="let a member invite", key=signer.address)
    for name in names:
        require_new_name(name, connection.history.members.values())
    return [
        _signed(
            signer,
            Invite(
                format=INVITE,
                consortium=network.name,
                name=name,
                roles=tuple(roles),
                chain=InviteChain(id=network.chain.id, rpc=network.chain.rpc),
                expires=expires,
                inviter=Inviter(name=connection.name(member.index), key=signer.address),
                nonce=secrets.token_hex(NONCE),
                network=network,
            ),
        )
        for name in names
    ]


def _signed(signer: "Signer", invite: Invite) -> Invite:
    check_invite(invite)
    signature = signer.sign_typed_data(*invite_to_sign(invite))
    return msgspec.structs.replace(invite, signature="0x" + signature.hex())
