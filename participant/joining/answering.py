"""Answering an invite: everything that can be checked is, then the home is made, and its address is signed."""

from typing import TYPE_CHECKING

import msgspec

from ledger.config import Home, Network, at_node, save
from ledger.errors import Refuted, UsageError
from ledger.files.foreign import read_foreign
from participant.joining.checks import InviteUsed, check_bound, check_signed, check_time, require_chain
from participant.joining.documents import (
    ADDRESS,
    MAX_SIZE,
    AddressFile,
    Invite,
    address_to_sign,
    parse_address_file,
)

if TYPE_CHECKING:
    from ledger.keys import Signer


def answered(home: Home) -> AddressFile | None:
    """The invite that the home has answered, in its answer; None where there is none. Raises Malformed."""
    path = home.answer
    return parse_address_file(read_foreign(path, "the home's answer", MAX_SIZE)) if path.exists() else None


def check_invited(home: Home, invite: Invite, now: int, *, rpc: tuple[str, ...] = ()) -> bool:
    """Everything that is checked before a key is made or used; whether the home's key is a member's already.

    1. The inviter's key signed the invite as it is (InviteChanged), and it names who founds (FoundersUnnamed). 2. The
    home founds nothing, has joined no other network and has answered no other invite that is still good. 3. The chain
    node serves the chain that the invite names (OtherChain). 4. After a founding, the chain has the pinned block and
    code, and the inviter is a member of this name (Refuted). 5. The invite has not expired, unless the home's key is a
    member's already, and nobody has its name (InviteUsed).

    `rpc`, where there is any, is asked instead of the node that the invite names. Raises Unavailable where no node
    could be asked: nothing is made then.
    """
    check_signed(invite)
    check_bound(invite)
    _check_home(home, invite, now)
    url = next(iter(rpc or home.settings().rpc), invite.chain.rpc)
    _check_chain(home, invite, url)
    member = invite.network is not None and _is_member(home, invite, at_node(home.reached(invite.network), url))
    if not member:
        check_time(invite, now)
    return member


def make_answer(home: Home, invite: Invite, signer: "Signer") -> AddressFile:
    """Sign this home's address as the answer to an invite, and keep it: the same each time."""
    from ledger.store import disk

    blank = AddressFile(format=ADDRESS, invite=invite, key=signer.address)
    signature = "0x" + signer.sign_typed_data(*address_to_sign(blank)).hex()
    answer = msgspec.structs.replace(blank, signature=signature)
    disk.write_private(home.answer, [answer.encode()])
    return answer


def keep_nodes(home: Home, rpc: tuple[str, ...]) -> None:
    """Keep this party's own chain nodes in the home's settings."""
    if rpc:
        save(home.settings_file, msgspec.structs.replace(home.settings(), rpc=rpc))


def _check_home(home: Home, invite: Invite, now: int) -> None:
    elsewhere = "take a home of its own for each consortium: --home FOLDER"
    if home.founding.exists() and not home.network_file.exists():
        raise UsageError("this home founds a consortium itself", advice=elsewhere, home=str(home.folder))
    if home.network_file.exists():
        present, wanted = home.network(), invite.network
        if wanted is None or (present.chain.id, present.contracts) != (wanted.chain.id, wanted.contracts):
            raise UsageError("this home has joined another network", advice=elsewhere, present=present.name)
    former = answered(home)
    if former is not None and not _same_place(former.invite, invite) and now <= former.invite.expires:
        raise InviteUsed(
            "this home has answered another invite, which is still good",
            advice=elsewhere,
            present=f"{former.invite.name}, {former.invite.consortium}",
            wanted=f"{invite.name}, {invite.consortium}",
        )


def _same_place(former: Invite, invite: Invite) -> bool:
    """Whether an invite is another one, or a later one in its place: of the same inviter, to the same consortium, under
    the same name.
    """
    places = [(one.inviter, one.consortium, one.chain.id, one.name) for one in (former, invite)]
    return places[0] == places[1]


def _check_chain(home: Home, invite: Invite, url: str) -> None:
    from ledger.chain.rpc import Rpc
    from ledger.http.outgoing import Outgoing

    rpc = Rpc(url, outgoing=Outgoing(home.http()))
    try:
        require_chain(invite, rpc.chain_id(), rpc.url)
    finally:
        rpc.close()


def _is_member(home: Home, invite: Invite, network: Network) -> bool:
    """Whether the home's key is a member's, as the ledger says. Raises Refuted, InviteUsed as `check_invited`."""
    from ledger.chain.client import Client
    from ledger.index import Follower, Index
    from ledger.keys import address_of

    with Client.connect(network) as client:
        history = Follower(client, Index(None)).refresh()
    inviter = history.member_of(invite.inviter.key)
    name = history.name(inviter.index) if inviter is not None and inviter.key == invite.inviter.key else None
    if name != invite.inviter.name:
        raise Refuted(
            "the inviter is not a member of the consortium, or has another key or name there",
            advice="ask a member whom you know for an invite",
            inviter=invite.inviter.name,
            key=invite.inviter.key,
        )
    own = address_of(home.keystore) if home.keystore.exists() else None
    if own is not None and history.member_of(own) is not None:
        return True
    for member in history.members.values():
        if history.name(member.index) == invite.name:
            raise InviteUsed(
                "the invite was used before, with another key",
                advice=f"ask {invite.inviter.name} for an invite under another name",
                name=invite.name,
                actual=member.key,
            )
    return False
