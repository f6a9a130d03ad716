"""Invites, the address files that answer them, and what was founded (docs/spec/invite.md): canonical JSON, signed by
EIP-712.

Pure: what is read here came from a file that anyone may have changed on its way.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from ledger.chain.consortium_file import check_rules
from ledger.config import Contracts, Founding, Network, RoleWord, SealKind, check_network
from ledger.errors import Malformed
from ledger.events.records import Role, Rules
from ledger.formats.digest import decode, encode, parse_address, sha256
from ledger.formats.grammar import check_text
from ledger.formats.member_name import check_member_name
from ledger.formats.signatures import LENGTH, signer
from ledger.formats.strict import Strict
from ledger.formats.typed import TypedData, Types, domain, typed_digest
from ledger.http.addresses import parse

INVITE: Literal["fedledger/invite/1"] = "fedledger/invite/1"
ADDRESS: Literal["fedledger/address/1"] = "fedledger/address/1"
FOUNDED: Literal["fedledger/founded/1"] = "fedledger/founded/1"
MAX_SIZE = 1 << 20
NONCE = 16
_NOWHERE = "0x" + "0" * 40
"""The contract in what is signed: before a founding there is none."""
_INVITE_TYPES: Types = {"Invite": [{"name": "digest", "type": "bytes32"}]}
_ADDRESS_TYPES: Types = {"Address": [{"name": "digest", "type": "bytes32"}]}
_FOUNDING_TYPES: Types = {"Founding": [{"name": "digest", "type": "bytes32"}]}
Hexadecimal = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]+$")]


class InviteChain(Strict, frozen=True):
    """The chain that the consortium is or will be on, and a node of it."""

    id: Annotated[int, msgspec.Meta(ge=1)]
    rpc: str


class Inviter(Strict, frozen=True):
    """Who invites: its name, and the key that signs."""

    name: str
    key: str


class Invite(Strict, frozen=True, dict=True):
    """One party is asked to join, under this name and with these roles, until `expires` (seconds since 1970).

    Before the founding, `rules` are those that the contracts will get, `founders` the names of all parties that it will
    be founded with, ascending, and there is no `network`; afterwards `network` is the network file, and the rules are
    on the ledger.
    """

    format: Literal["fedledger/invite/1"]
    consortium: str
    name: str
    roles: tuple[RoleWord, ...]
    chain: InviteChain
    expires: Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
    inviter: Inviter
    nonce: Hexadecimal
    rules: Rules | None = None
    network: Network | None = None
    founders: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    signature: str = ""

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the document without its signature: what is signed, and what its words are of."""
        return _digest(self)

    @property
    def role(self) -> Role:
        """The roles as the ledger has them."""
        return Role.named(self.roles)

    def encode(self) -> bytes:
        """The file's bytes."""
        return encode(self)


class AddressFile(Strict, frozen=True, dict=True):
    """An invite's answer: the key of the one who was invited, signed with that key. It carries the invite whole."""

    format: Literal["fedledger/address/1"]
    invite: Invite
    key: str
    signature: str = ""

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the document without its signature: it covers the invite, its signature, and the key."""
        return _digest(self)

    def encode(self) -> bytes:
        """The file's bytes."""
        return encode(self)


class FoundedConsortium(Strict, frozen=True):
    """What a network file pins: what its founder signs, and what all members' words are of."""

    format: Literal["fedledger/founded/1"]
    name: str
    chain: int
    seals: SealKind
    founding: Founding
    contracts: Contracts


def parse_invite(data: bytes) -> Invite:
    """Read an invite: its form alone, not who signed it. Raises Malformed."""
    invite = decode(data, Invite, "the invite")
    check_invite(invite)
    return invite


def parse_address_file(data: bytes) -> AddressFile:
    """Read an address file: its form alone, not who signed it. Raises Malformed."""
    address = decode(data, AddressFile, "the address file")
    check_invite(address.invite)
    parse_address(address.key, "the key in the address file")
    return address


def check_invite(invite: Invite) -> None:
    """Raises Malformed for names, roles, keys and rules that no consortium could have.

    1. names and chain node are text; 2. there is a role; 3. the inviter's key is an address; 4. either rules or a
    network are there; 5. the rules can be had, and the chain node's address tells no secret; 6. the network is that of
    the consortium, the chain and the node that the invite names, and has the form of a network file.
    """
    check_text(invite.consortium, "the consortium's name")
    check_text(invite.chain.rpc, "the chain node's address")
    check_member_name(invite.name, "the name of the one who is invited")
    check_member_name(invite.inviter.name, "the inviter's name")
    parse_address(invite.inviter.key, "the inviter's key")
    if not invite.roles or len(set(invite.roles)) < len(invite.roles):
        raise Malformed("the invite names no role, or one twice", actual=", ".join(invite.roles))
    if (invite.rules is None) == (invite.network is None):
        raise Malformed("an invite has rules, before a founding, or a network, after it: one of them")
    check_node(invite.chain.rpc)
    _check_founders(invite)
    if invite.rules is not None:
        check_rules(invite.rules)
    if invite.network is not None:
        chain = invite.network.chain
        if (chain.id, chain.rpc, invite.network.name) != (invite.chain.id, invite.chain.rpc, invite.consortium):
            raise Malformed("the network in the invite is another one than the invite says")
        check_network(invite.network, Path("the invite"))


def _check_founders(invite: Invite) -> None:
    """Raises Malformed for founders after a founding, or names that are not in order, or lack one of both parties."""
    if invite.founders is msgspec.UNSET:
        return
    named = invite.founders
    if (
        invite.rules is None
        or list(named) != sorted(set(named))
        or not {invite.name, invite.inviter.name} <= set(named)
    ):
        raise Malformed("the invite's founders are not named once each, in order, both of its parties among them")
    for name in named:
        check_member_name(name, "the name of a founder")


def check_node(url: str) -> None:
    """Raises UsageError for what is not the URL of a chain node, Malformed for one that would show others a secret."""
    node = parse(url, "the chain node's address")
    if node.login or node.query:
        raise Malformed(
            "the chain node's address has credentials in it, which everyone who is invited would read",
            advice="put them into [[http.servers]] of the home's node.toml (docs/spec/network.md)",
            url=node.shown,
        )


def invite_to_sign(invite: Invite) -> TypedData:
    """What the inviter signs."""
    return domain(invite.chain.id, _NOWHERE), _INVITE_TYPES, {"digest": invite.digest}


def address_to_sign(address: AddressFile) -> TypedData:
    """What the one who was invited signs."""
    return domain(address.invite.chain.id, _NOWHERE), _ADDRESS_TYPES, {"digest": address.digest}


def signer_of_invite(invite: Invite) -> str:
    """The address whose key signed an invite. Raises Malformed."""
    digest = typed_digest(invite.chain.id, _NOWHERE, _INVITE_TYPES, {"digest": invite.digest})
    return signer(digest, _bytes_of(invite.signature))


def signer_of_address(address: AddressFile) -> str:
    """The address whose key signed an address file. Raises Malformed."""
    digest = typed_digest(address.invite.chain.id, _NOWHERE, _ADDRESS_TYPES, {"digest": address.digest})
    return signer(digest, _bytes_of(address.signature))


def founding_digest(network: Network) -> bytes:
    """SHA-256 of what a network file pins, its signature apart: the chain, the founding with its members, and the
    contracts. What parties choose for themselves is not in it, such as a chain node; nor is the order in which roles
    and validators are named, by which a founder could look for two foundings with the same words.
    """
    members = (replace(one, roles=Role.named(one.roles).words) for one in network.founding.members)
    validators = tuple(sorted(network.founding.validators))
    founding = replace(network.founding, members=tuple(members), validators=validators, signature=msgspec.UNSET)
    pinned = FoundedConsortium(
        format=FOUNDED,
        name=network.name,
        chain=network.chain.id,
        seals=network.chain.seals,
        founding=founding,
        contracts=network.contracts,
    )
    return sha256(encode(pinned))


def founding_to_sign(network: Network) -> TypedData:
    """What the founder signs."""
    return domain(network.chain.id, _NOWHERE), _FOUNDING_TYPES, {"digest": founding_digest(network)}


def signer_of_founding(network: Network) -> str:
    """The address whose key signed a network file as its founder. Raises Malformed, also where nobody did."""
    digest = typed_digest(network.chain.id, _NOWHERE, _FOUNDING_TYPES, {"digest": founding_digest(network)})
    return signer(digest, _bytes_of(network.founding.signature or ""))


def _digest(document: Invite | AddressFile) -> bytes:
    return sha256(encode(replace(document, signature="")))


def _bytes_of(signature: str) -> bytes:
    digits = signature.removeprefix("0x")
    if not signature.startswith("0x") or len(digits) != 2 * LENGTH or digits != digits.lower():
        raise Malformed("a signature is 0x and 130 hexadecimal digits in lower case", actual=signature[:200])
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise Malformed("a signature is 0x and 130 hexadecimal digits in lower case", actual=signature[:200]) from error
