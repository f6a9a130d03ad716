"""Joining a consortium: nothing is kept before chain, code and membership are what the network file says."""

from pathlib import Path

import msgspec

from ledger.chain.client import Client, Membership
from ledger.config import Home, Network, at_node, load_network, save, sealed_by
from ledger.errors import UsageError
from ledger.keys import address_of
from ledger.party.reach import advice


def join(file: Path, home: Home, *, replace: bool = False, rpc: tuple[str, ...] = ()) -> dict[str, object]:
    """Check a network file and copy it into the home; what was found, for the screen.

    1. The home has a key, and no other network, or `replace` is given.
    2. The chain has the pinned id, and the pinned code stands at both addresses (Client.connect).
    3. The key is a member's.
    4. Every other chain node of the home, too, serves that chain and that code.

    `rpc`, where there is any, takes the place of the chain nodes in the home's settings.
    Where nobody could dial this home's gateway, `advice` says what to change.
    """
    if not home.keystore.exists():
        raise UsageError("this home has no key", advice="fedledger node init", home=str(home.folder))
    key, network = address_of(home.keystore), load_network(file)
    _check_present(home, network, replace)
    settings = home.settings()
    settings = msgspec.structs.replace(settings, rpc=rpc or settings.rpc)
    reached = home.reached(network)
    with Client.connect(at_node(reached, settings.node)) as client:
        membership = client.membership(key)
    if membership is None:
        raise UsageError(
            "this home's key does not belong to a member of the consortium",
            advice="give the address to the consortium; its founders name the members when they deploy",
            key=key,
            network=network.name,
        )
    for url in settings.rpc[1:]:
        Client.connect(at_node(reached, url)).close()
    if rpc:
        save(home.settings_file, settings)
    save(home.network_file, network)
    return _facts(network, key, membership) | {"advice": advice(home.settings(), network.chain.id)}


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


def _facts(network: Network, key: str, membership: Membership) -> dict[str, object]:
    return {
        "network": network.name,
        "chain": network.chain.id,
        "confirmations": network.chain.confirmations,
        "ledger": network.contracts.ledger.address,
        "address": key,
        "member": membership.index,
        "name": network.party_name(membership.index),
        "sealed": sealed_by(network),
    }
