"""How the home stands on the chain: its nodes, what they show, its clock, its membership."""

import time

from ledger.config import LOCAL_CHAIN, Home, at_node
from ledger.errors import FedledgerError, Unavailable
from ledger.events.records import Role
from ledger.formats.text import listed
from ledger.keys import address_of
from ledger.party.connection import Connection
from participant.doctor.findings import Examination, note, of_error, trouble, unknown, well

AHEAD = 15
"""Seconds by which a block may be ahead of this machine's clock: what chains let a proposer do."""
STILL = 3600
"""Seconds without a block after which a chain is worth a note."""
ASKED = 30.0
"""Seconds that the other chain nodes have to say whether they show the same."""


def nodes(home: Home) -> Examination:
    """Each chain node of the home by itself: that it answers, and serves the pinned chain and the pinned code."""
    from ledger.chain.client import Client

    network = home.network()
    for url in home.settings().rpc or (network.chain.rpc,):
        try:
            with Client.connect(at_node(network, url)) as client:
                head, _ = client.head()
            yield well("chain node", f"{url} serves the pinned chain and code; block {head}")
        except FedledgerError as error:
            yield of_error(f"chain node {url}", error)


def history(connection: Connection) -> Examination:
    """That the own node's log is whole and that others show the same, as far as that can be told."""
    found = connection.witnesses.ask(connection.point(*connection.follower.tip), seconds=ASKED)
    if found.own is not None and found.own.same is False:
        advice = "sign nothing; put another node into rpc in node.toml, and look at fedledger node status"
        yield trouble("log", f"the own node's log contradicts its blocks: {found.own.trouble}", advice)
    for one in found.answers:
        name = f"chain node {one.url}"
        if one.same:
            yield well(name, "shows the same history as the own node")
        elif one.same is False:
            yield trouble(name, "shows another history than the own node: nothing is signed", "find out which one lies")
        else:
            yield unknown(name, f"does not confirm the history{': ' + one.trouble if one.trouble else ''}")
    if not found.answers and connection.network.chain.id != LOCAL_CHAIN:
        advice = "add a node of somebody else's to rpc in node.toml"
        yield note("chain nodes", "one node alone is asked: what it hides, nobody notices", advice)


def clock(connection: Connection) -> Examination:
    """This machine's clock beside the time of the chain's latest block. A local chain may have been set forward."""
    block, local = connection.client.latest(), connection.network.chain.id == LOCAL_CHAIN
    behind = time.time() - block.time
    if local:
        yield well("clock", "the local chain has a time of its own")
    elif behind < -AHEAD:
        advice = "set the clock: let the system keep it by NTP"
        yield trouble("clock", f"is {-behind:.0f} s behind the chain's latest block", advice)
    elif behind > STILL:
        said = f"the latest block is {behind / 3600:.1f} h old: the chain stands still, its node does not follow"
        yield note("clock", f"{said}, or this clock is ahead", "compare fedledger status with another member's")
    else:
        yield well("clock", f"fits the chain's latest block, {max(behind, 0):.0f} s ago")


def membership(home: Home, connection: Connection) -> Examination:
    """Whose key the home has, and what it may do."""
    key = address_of(home.keystore)
    member = connection.history.member_of(key)
    if member is None:
        advice = f"ask a member to run: fedledger proposal propose admit {key} --name NAME --roles participant"
        yield trouble("member", f"the key {key} does not belong to a member", advice)
        return
    if member.key != key:
        advice = f"use the home that has {member.key}, or let the members give it back: fedledger keys recover --help"
        yield trouble("member", f"{member.name} has another key by now: {member.key}", advice)
        return
    roles = [role.name.lower() for role in member.roles if role.name]
    yield well("member", f"{member.name} (member {member.index}): {listed(roles)}")
    if not member.has(Role.PARTICIPANT):
        yield note("member", "has no participant's role: this home votes and attests, and does not train")
    if connection.network.chain.gas_price == "market":
        yield from _balance(connection, key)


def _balance(connection: Connection, key: str) -> Examination:
    wei = connection.client.rpc.call("eth_getBalance", key, "latest")
    try:
        have = int(str(wei), 16)
    except ValueError as error:
        raise Unavailable("the node does not say what the key has to pay with") from error
    if have:
        yield well("balance", f"{have / 10**18:.6f} of the chain's coin to pay for transactions")
    else:
        yield trouble("balance", "the key has nothing to pay for transactions with", f"send some coin to {key}")
