"""A proposal as wallets show it: a struct of EIP-712 for each kind, whose hash is the proposal's name.

So what a member reads in its wallet is what is decided, or its signature counts for nothing (docs/spec/ballot.md).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from ledger.errors import Malformed
from ledger.events.actions import ACTIONS, Action, encode_action, kind_name, kind_of, layout, parse_action, values
from ledger.formats.typed import TypedData, Types, domain, hash_struct, typed_digest

_PROPOSER = [{"name": "proposer", "type": "address"}, {"name": "nonce", "type": "uint32"}]
_MEMBER = [{"name": "member", "type": "address"}]
_DEADLINE = [{"name": "deadline", "type": "uint64"}]


def place_of(kind: int) -> str:
    """What a signed message calls the proposal in it: changeRoles."""
    name = kind_name(kind)
    return name[0].lower() + name[1:]


@cache
def vote_types(kind: int) -> Types:
    """What a member signs to vote on a proposal of that kind."""
    return {"Vote": [{"name": "choice", "type": "string"}, *_proposed(kind), *_MEMBER, *_DEADLINE]} | _content_types(
        kind
    )


@cache
def proposal_types(kind: int) -> Types:
    """What a member signs to propose something of that kind; its key is in what it proposes."""
    return {"Proposal": [*_proposed(kind), *_DEADLINE]} | _content_types(kind)


def content(proposer: str, nonce: int, action: Action) -> dict[str, Any]:
    """What a wallet shows of a proposal. Bytes stand for a member's name that is not one, and cannot be shown."""
    fields = zip(layout(type(action)), values(action), strict=True)
    return {_camel(name): word.show(value) for (name, word), value in fields} | {"proposer": proposer, "nonce": nonce}


def proposal_id(proposer: str, nonce: int, kind: int, action: bytes) -> bytes:
    """The name of a proposal: the hash of what wallets show of it. Raises Malformed for what is not an action."""
    return hash_struct(_content_types(kind), kind_name(kind), content(proposer, nonce, parse_action(kind, action)))


def proposal_to_sign(chain: int, contract: str, nonce: int, member: str, action: Action, deadline: int) -> TypedData:
    """What a member signs to propose; `contract` is Ballots' address, `nonce` the next of the member's key.

    Raises Malformed for an action that the contract could not read, or no wallet could show.
    """
    kind = kind_of(type(action))
    message = {place_of(kind): shown(member, nonce, action), "deadline": deadline}
    return domain(chain, contract), proposal_types(kind), message


def shown(proposer: str, nonce: int, action: Action) -> dict[str, Any]:
    """What a wallet shows of a proposal. Raises Malformed for what the contract could not read, or no wallet show."""
    encode_action(action)
    fields = content(proposer, nonce, action)
    if any(isinstance(value, bytes) for value in fields.values()):
        raise Malformed(
            "no wallet can show this proposal: the name in it is not text for people",
            advice="vote by a transaction of the member's own: fedledger proposal vote",
        )
    return fields


def digest_of_vote(chain: int, contract: str, kind: int, said: Mapping[str, Any]) -> bytes:
    """The digest of a vote on a proposal of that kind, by the proposal's name: `said` are proposal, member, choice and
    deadline, the name as bytes or hexadecimal, the choice in words."""
    return typed_digest(chain, contract, vote_types(kind), {**said, place_of(kind): said["proposal"]})


def digest_of_proposal(chain: int, contract: str, kind: int, proposal: bytes, deadline: int) -> bytes:
    """The digest of a signed proposal of that kind, by its name."""
    said = {place_of(kind): proposal, "deadline": deadline}
    return typed_digest(chain, contract, proposal_types(kind), said)


def _proposed(kind: int) -> list[dict[str, str]]:
    return [{"name": place_of(kind), "type": kind_name(kind)}]


@cache
def _content_types(kind: int) -> Types:
    fields = [{"name": _camel(name), "type": word.shown} for name, word in layout(ACTIONS[kind - 1])]
    return {kind_name(kind): [*fields, *_PROPOSER]}


def _camel(name: str) -> str:
    """vote_seconds as the contract says it: voteSeconds."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
