"""Joining a consortium: nothing is kept before chain, code and membership are what the network file says."""

import msgspec

from ledger.chain.client import Client, Membership
from ledger.config import Home, Network, at_node, save, sealed_by
from ledger.errors import UsageError
from ledger.events.actions import AdmitMember
from ledger.events.proposals import ProposalState
from ledger.history.fold import History
from ledger.history.foundation import foundation_of
from ledger.index import Follower, Index
from ledger.keys import address_of
from ledger.party.reach import advice


def join(network: Network, home: Home, *, replace: bool = False, rpc: tuple[str, ...] = ()) -> dict[str, object]:
    """Check a network file, as it was read, and keep it in the home; what was found, for the screen.

    1. The home has a key, and no other network, or `replace` is given.
    2. The chain has the pinned id, and the pinned code stands at both addresses (Client.connect).
    3. The key is a member's.
    4. Every other chain node of the home, too, serves that chain and that code.

    `rpc`, where there is any, takes the place of the chain nodes in the home's settings.
    A key whose admission is under way is told so, with what its members do next. Where nobody could dial this home's
    gateway, `advice` says what to change.
    """
    home.require_key()
    key = address_of(home.keystore)
    _check_present(home, network, replace)
    settings = home.settings()
    settings = msgspec.structs.replace(settings, rpc=rpc or settings.rpc)
    reached = home.reached(network)
    with Client.connect(at_node(reached, settings.node)) as client:
        membership = client.membership(key)
        if membership is None:
            raise _not_member(client, network, key)
        name = _name(client, network, membership.index)
    for url in settings.rpc[1:]:
        Client.connect(at_node(reached, url)).close()
    if rpc:
        save(home.settings_file, settings)
    save(home.network_file, network)
    return _facts(network, key, membership, name) | {"advice": advice(home.settings(), network.chain.id)}


def _check_present(home: Home, network: Network, replace: bool) -> None:
    if replace or not home.network_file.exists():
        return
    present = home.network()
    if (present.chain.id, present.contracts) != (network.chain.id, network.contracts):
        raise UsageError(
            "this home has joined another network",
            advice="use another home (--home), or leave that network with --replace",
            present=f"{present.name}, chain {present.chain.id}, {present.contracts.ledger.address}",
            wanted=f"{network.name}, chain {network.chain.id}, {network.contracts.ledger.address}",
        )


def _name(client: Client, network: Network, index: int) -> str:
    """A member's name: of one that came later only the log has it."""
    if index < len(network.founding.members):
        return foundation_of(network).name(index)
    return _history(client).name(index)


def _not_member(client: Client, network: Network, key: str) -> UsageError:
    """Why a key that no member has cannot join: its admission is still under way, or nobody has proposed it."""
    now = client.time()
    for made in reversed(_history(client).decisions.proposals.values()):
        if isinstance(made.action, AdmitMember) and made.action.key == key and made.state(now) in _UNDER_WAY:
            return UsageError(
                "this home's key is not a member's yet: its admission is under way",
                advice=_UNDER_WAY[made.state(now)].format(made.number) + "; then join again",
                key=key,
                network=network.name,
                proposal=made.number,
                state=made.state(now).value,
            )
    return UsageError(
        "this home's key does not belong to a member of the consortium",
        advice=f"ask a member to run: fedledger proposal propose admit {key} --name NAME --roles participant; where it "
        f"takes the place of a member's lost key, a majority to run: fedledger keys recover MEMBER {key}",
        key=key,
        network=network.name,
    )


_UNDER_WAY = {
    ProposalState.VOTING: "ask the members to vote for it: fedledger proposal vote {} for",
    ProposalState.WAITING: "when its delay is over, ask a member to carry it out: fedledger proposal execute {}",
    ProposalState.EXECUTABLE: "ask a member to carry it out: fedledger proposal execute {}",
}


def _history(client: Client) -> History:
    """All that is on the ledger, read for this once: nothing is kept in the home before it has joined."""
    return Follower(client, Index(None)).refresh()


def _facts(network: Network, key: str, membership: Membership, name: str) -> dict[str, object]:
    return {
        "network": network.name,
        "chain": network.chain.id,
        "confirmations": network.chain.confirmations,
        "ledger": network.contracts.ledger.address,
        "address": key,
        "member": membership.index,
        "name": name,
        "sealed": sealed_by(network),
    }
