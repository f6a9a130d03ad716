"""A conviction judged again from its transaction: whoever sends it chooses its form, and accuses no node by that."""

from collections.abc import Sequence
from typing import Any

import pytest
from eth_account import Account
from support.court import convicted
from support.worlds import lies
from support.worlds.world import World

from ledger.court import calldata
from ledger.court.calldata import read_calls
from ledger.court.judge import judge
from ledger.court.recorded import require_same
from ledger.errors import Malformed
from ledger.events.court import Convicted
from ledger.events.evidence import Unproven
from ledger.formats.claims import ENTRY
from ledger.history.state import Conviction, ShowCall

COURT = "0x" + "00" * 19 + "77"
KEY = Account.from_key(b"\x05" * 32)
CALL = {"to": COURT, "nonce": 0, "gas": 100_000, "value": 0}


@pytest.fixture
def world() -> World:
    return lies.wrong_value_members_agree()


def said_of(world: World, data: bytes) -> Convicted:
    """The event of that refutation."""
    name, terms = world.facts.name, world.state.model
    made = judge(terms, name, *read_calls([data], name.chain, name.ledger, terms.values))
    point, before = made.point, world.facts.base.round
    shown = {"ground": point.ground, "member": point.member, "value": point.value}
    found = shown | {"claim": made.claim, "expected": made.expected, "actual": made.actual, "caller": KEY.address}
    place = {"block": 1, "log": 0, "tx": bytes(32), "leaf": bytes(32)}
    return Convicted(job=1, round=name.round, before=before, **found, **place)


def signed(world: World, data: bytes, **fields: Any) -> bytes:
    return bytes(KEY.sign_transaction(CALL | {"data": data} | fields).raw_transaction)


def again(world: World, said: Convicted, raw: bytes, shows: Sequence[bytes] = ()) -> None:
    """`shows` are the transactions before it, by their place."""
    known = {bytes(32): raw, **{bytes([place]) * 32: one for place, one in enumerate(shows, 1)}}
    require_same(world.state, said, world.facts.name, COURT, known.__getitem__)


def test_the_call_as_we_send_it_convicts_again(world: World) -> None:
    data = convicted(world).calls[0]
    again(world, said_of(world, data), signed(world, data, chainId=world.facts.name.chain, gasPrice=1))


def in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[Convicted, list[bytes]]:
    """A conviction whose updates were shown in calls before, and all calldata."""
    (whole,) = convicted(world).calls
    said = said_of(world, whole)
    monkeypatch.setattr(calldata, "LARGEST", 2_400)
    calls = list(convicted(world).calls)
    shows = [shown(place, data) for place, data in enumerate(calls[:-1], 1)]
    world.state.convictions = (Conviction(1, said, tuple(shows)),)
    return said, calls


def shown(place: int, data: bytes) -> ShowCall:
    """What is kept of such a call."""
    _, _, _, low, high, first, updates, _ = calldata._decoded("show", data)
    return ShowCall(bytes([place]) * 32, low, high, first, first + len(updates) // ENTRY)


def test_what_was_shown_in_calls_before_convicts_with_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said, calls = in_parts(world, monkeypatch)
    assert len(calls) > 2
    sealed = {"chainId": world.facts.name.chain, "gasPrice": 1}
    *shows, last = [signed(world, data, **sealed) for data in calls]
    again(world, said, last, shows)
    other = Account.from_key(b"\x06" * 32)
    relayed = bytes(other.sign_transaction(CALL | {"data": calls[0]} | sealed).raw_transaction)
    with pytest.raises(Unproven, match="through another contract"):
        again(world, said, last, [relayed, *shows[1:]])
    with pytest.raises(Malformed):
        again(world, said, last, shows[::-1])
    bent = signed(world, calls[0][:-1] + bytes([calls[0][-1] ^ 1]), **sealed)
    with pytest.raises(Malformed):
        again(world, said, last, [bent, *shows[1:]])
    (found,) = world.state.convictions
    for fewer in (found.shows[:-1], ()):
        world.state.convictions = (found._replace(shows=fewer),)
        with pytest.raises(Malformed, match="other updates were shown"):
            again(world, said, last, shows)


def test_a_form_that_the_chain_takes_and_we_do_not_is_open(world: World) -> None:
    data = convicted(world).calls[0]
    said = said_of(world, data)
    unbound = signed(world, data, gasPrice=1)
    with pytest.raises(Unproven):
        again(world, said, unbound)


def test_what_the_court_takes_is_judged_again_in_whatever_words(world: World) -> None:
    data, chain = convicted(world).calls[0], world.facts.name.chain
    said = said_of(world, data)
    grants = [Account.from_key(b"\x06" * 32).sign_authorization({"chainId": chain, "address": COURT, "nonce": 0})]
    fees = {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1}
    again(world, said, signed(world, data + b"\x00", chainId=chain, gasPrice=1))
    again(world, said, signed(world, data, chainId=chain, type=4, authorizationList=grants, **fees))


def test_a_call_that_convicts_nobody_is_the_nodes_word(world: World) -> None:
    data, chain = convicted(world).calls[0], world.facts.name.chain
    said = said_of(world, data)
    for wrong in (data[:-1] + b"\x01", b"\x00" * 4 + data[4:]):
        with pytest.raises(Malformed):
            again(world, said, signed(world, wrong, chainId=chain, gasPrice=1))
