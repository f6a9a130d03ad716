"""A proposal as far as wallets show it, for tests that have no ledger."""

from typing import NamedTuple

from ledger.events.actions import Action


class Made(NamedTuple):
    """What `ledger.events.proposals.vote_to_sign` reads of a proposal."""

    proposer: str
    nonce: int
    kind: int
    action: Action
