"""A founding under way: who founds, who was invited and who answered. It stands in the founder's home, founding.json.

It is the founder's own file, and becomes the network file once the contracts stand on the chain.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec

from ledger.chain.consortium_file import MINIMUM_MEMBERS, Founder, check_founders, check_rules
from ledger.config import Home, Network, RoleWord
from ledger.errors import UsageError
from ledger.events.records import Role, Rules
from ledger.files.foreign import read_foreign
from ledger.formats.alike import difference
from ledger.formats.digest import decode, encode
from ledger.formats.grammar import check_text
from ledger.formats.strict import Strict
from ledger.formats.text import listed, plural
from ledger.history.naming import require_new_name
from participant.joining.checks import InviteUsed, InviteWithdrawn
from participant.joining.documents import (
    MAX_SIZE,
    AddressFile,
    Invite,
    InviteChain,
    Inviter,
    check_node,
    founding_to_sign,
)

if TYPE_CHECKING:
    from ledger.keys import Signer

FORMAT: Literal["fedledger/founding/1"] = "fedledger/founding/1"


class InvitedParty(Strict, frozen=True):
    """One who was invited: the digest of the invite, and the key that answered it, or nothing."""

    name: str
    roles: tuple[RoleWord, ...]
    invite: str
    expires: int
    key: str = ""

    @property
    def answered(self) -> bool:
        return bool(self.key)


class FoundingFile(Strict, frozen=True):
    """The founding. Members will be numbered: the founder 0, then those who were invited, in their order."""

    format: Literal["fedledger/founding/1"]
    name: str
    chain: InviteChain
    rules: Rules
    founder: Inviter
    roles: tuple[RoleWord, ...]
    invited: tuple[InvitedParty, ...] = ()

    def founders(self) -> list[Founder]:
        """The members there would be now."""
        first = Founder(self.founder.name, self.founder.key, Role.named(self.roles))
        answered = [Founder(one.name, one.key, Role.named(one.roles)) for one in self.invited if one.answered]
        return [first, *answered]

    @property
    def waiting(self) -> list[str]:
        """Who has not answered yet."""
        return [one.name for one in self.invited if not one.answered]

    def with_founder(self, key: str) -> "FoundingFile":
        """The founding with its founder's key."""
        return msgspec.structs.replace(self, founder=Inviter(name=self.founder.name, key=key))

    def with_invite(self, invite: Invite) -> "FoundingFile":
        """The founding with one more party invited; an invite that nobody answered is replaced by a later one.

        Raises UsageError for a name that is, or looks like, another's.
        """
        names = [self.founder.name, *(one.name for one in self.invited)]
        for name in names:
            if difference(name, invite.name) and name != invite.name:
                raise UsageError("a name looks like another's", advice="choose another", name=invite.name, other=name)
        if invite.name == self.founder.name or any(one.name == invite.name and one.answered for one in self.invited):
            raise UsageError("this name is a member's already", advice="choose another name", name=invite.name)
        party = InvitedParty(name=invite.name, roles=invite.roles, invite=invite.digest.hex(), expires=invite.expires)
        kept = tuple(one for one in self.invited if one.name != invite.name)
        return msgspec.structs.replace(self, invited=(*kept, party))

    def with_answer(self, address: AddressFile) -> "FoundingFile":
        """The founding with an answer to one of its invites.

        1. The invite is of this founding, and the latest for its name: else InviteWithdrawn. 2. Nobody answered it with
        another key: else InviteUsed. 3. The key is no other member's: else UsageError.
        """
        digest = address.invite.digest.hex()
        party = next((one for one in self.invited if one.invite == digest), None)
        if party is None:
            raise InviteWithdrawn(
                "this founding did not make the invite, or made a later one for the same name",
                advice="ask for an answer to the latest invite: fedledger consortium show",
                name=address.invite.name,
                consortium=address.invite.consortium,
            )
        if party.key and party.key != address.key:
            raise InviteUsed(
                "the invite was used before, with another key",
                advice=f"ask {party.name}, by phone, which key is its own; if need be, invite it under another name",
                name=party.name,
                expected=party.key,
                actual=address.key,
            )
        if any(one.key == address.key and one is not party for one in self.invited) or address.key == self.founder.key:
            raise UsageError(
                "the key is another member's: every member has a key of its own",
                advice=f"let {party.name} join in a home of its own: fedledger join INVITE --home FOLDER",
                key=address.key,
            )
        answered = msgspec.structs.replace(party, key=address.key)
        return msgspec.structs.replace(self, invited=tuple(answered if one is party else one for one in self.invited))

    def require_ready(self, home: Home, *, incomplete: bool) -> list[Founder]:
        """The founders. Raises UsageError where too few have answered, or, unless `incomplete`, somebody has not."""
        founders = self.founders()
        if len(founders) < MINIMUM_MEMBERS:
            raise UsageError(
                f"a consortium has at least {plural(MINIMUM_MEMBERS, 'member')}",
                advice=_way_on(self, home),
                members=listed(one.name for one in founders),
                not_answered=listed(self.waiting) or "nobody",
            )
        if self.waiting and not incomplete:
            raise UsageError(
                f"not everybody has answered: {listed(self.waiting)}",
                advice=f"{_way_on(self, home)}; or found without them by --incomplete, and admit them by a vote",
            )
        check_founders(founders)
        return founders


def begin(
    home: Home, name: str, party: str, roles: tuple[RoleWord, ...], chain: InviteChain, rules: Rules
) -> FoundingFile:
    """A founding that is just begun, without the founder's key yet.

    Raises UsageError where the home founds or has joined something, or for names and rules that are refused.
    """
    if home.network_file.exists():
        present = home.network().name
        raise UsageError(
            "this home has joined a consortium", advice="found in a home of its own: --home FOLDER", present=present
        )
    if (former := load_founding(home)) is not None:
        raise UsageError(
            "this home founds a consortium already", advice=home.command("consortium", "show"), present=former.name
        )
    check_text(name, "the consortium's name")
    check_node(chain.rpc)
    require_new_name(party, [])
    check_rules(rules)
    founder = Inviter(name=party, key="")
    return FoundingFile(format=FORMAT, name=name, chain=chain, rules=rules, founder=founder, roles=roles)


def _way_on(founding: FoundingFile, home: Home) -> str:
    if founding.waiting:
        start = home.command("consortium", "start", "FILE")
        return f"name the address files of {listed(founding.waiting)}: {start}"
    return f"invite more: {home.command('invite', 'NAME')}"


def load_founding(home: Home) -> FoundingFile | None:
    """The home's founding; None where it founds nothing. Raises Malformed for what cannot be read."""
    path = home.founding
    if not path.exists():
        return None
    founding = decode(read_foreign(path, "the founding", MAX_SIZE), FoundingFile, "the founding")
    check_text(founding.name, "the consortium's name")
    check_rules(founding.rules)
    return founding


def save_founding(home: Home, founding: FoundingFile) -> None:
    """Keep a founding, whole or not at all."""
    from ledger.store import disk

    disk.write_private(home.founding, [encode(founding)])


def answer_all(founding: FoundingFile, addresses: Iterable[AddressFile]) -> FoundingFile:
    """The founding with several answers."""
    for address in addresses:
        founding = founding.with_answer(address)
    return founding


def signed_founding(network: Network, signer: "Signer") -> Network:
    """A network file with its founder's signature."""
    signature = "0x" + signer.sign_typed_data(*founding_to_sign(network)).hex()
    founding = msgspec.structs.replace(network.founding, signature=signature)
    return msgspec.structs.replace(network, founding=founding)
