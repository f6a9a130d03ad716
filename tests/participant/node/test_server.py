"""Jobs with a server optimiser on a real chain: nodes train, keep state, attest, and do their half."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia import aggregators
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes, train_on

from ledger.formats.cid import RAW, Cid, of_file
from ledger.history.state import Phase
from ledger.party.copies import Copies
from ledger.rounds.carried import decode
from ledger.rounds.facts import RoundFacts
from ledger.rounds.server_state import layout_of
from ledger.store.maintenance import collect
from participant.node.drift import Drifts

pytestmark = pytest.mark.node
STREAMS = {"momentum": "m", "adam": "mv", "dyn": "h", "scaffold": "c"}


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Callable[..., Trial]]:
    """Makes trials with a job whose server has this optimiser."""
    with ExitStack() as stack:

        def make(optimiser: str, rounds: int) -> Trial:
            made = stack.enter_context(Trial(found(3), propose=False))
            return train_on(made, rounds=rounds, server=f'[server]\noptimiser = "{optimiser}"\n')

        yield make


def update_of(t: Trial, number: int, member: int) -> np.ndarray:
    """A member's update, as the ledger has it."""
    cid = of_file(t.state.rounds[number].updates[member].cid, t.layout.size)
    data = b"".join(bytes(piece) for piece in t.parties[member].connection.fetch(cid))
    return np.frombuffer(data[t.layout.header_size :], "<i4").astype(np.int64)


def stream_of(t: Trial, number: int, name: str) -> np.ndarray:
    """A stream of the state beside a round's model, from the first party's own store."""
    final = t.state.rounds[number].final
    assert final is not None
    connection = t.parties[0].connection
    carried = decode(b"".join(bytes(piece) for piece in connection.fetch(Cid(RAW, final.carried))))
    one = next(one for one in carried.streams if one.name == name)
    layout = layout_of(t.layout, name)
    data = b"".join(bytes(piece) for piece in connection.fetch(one.file(layout.size)))
    return np.frombuffer(data[layout.header_size :], "<i8" if layout.width == 8 else "<i4").astype(np.int64)


@pytest.mark.parametrize("optimiser", STREAMS)
def test_a_job_comes_to_its_end_and_everyone_keeps_its_state(trial: Callable[..., Trial], optimiser: str) -> None:
    t = trial(optimiser, 3)
    drive(*[node(party, until_complete=True) for party in t.parties], aggregators.service(t.parties[0]), looks=60)
    assert [round_.phase for round_ in t.state.rounds.values()] == [Phase.FINALISED] * 3
    for party in t.parties:
        assert not notes(party.member.home, "failed", "refuted")
        pins = party.connection.store.pins()
        for number, round_ in t.state.rounds.items():
            assert round_.final is not None
            assert pins[f"carried/1/{number}"].digest == round_.final.carried
            assert all(f"state/1/{number}/{name}" in pins for name in STREAMS[optimiser])


def test_a_member_that_lost_its_state_gets_it_from_others(trial: Callable[..., Trial]) -> None:
    """The carried file first, then the streams that it names."""
    t = trial("adam", 2)
    drive(*[node(party, until_complete=True) for party in t.parties], aggregators.service(t.parties[0]), looks=60)
    connection = t.parties[2].connection
    store, pins = connection.store, connection.store.pins()
    names = ["carried/1/1", "state/1/1/m", "state/1/1/v"]
    for name in names:
        store.unpin(name)
    collect(store)
    assert not any(store.has(pins[name]) for name in names)
    copies, facts = Copies(connection), RoundFacts.of(connection.place, t.state, t.job, t.state.rounds[2])
    for _ in range(40):
        if not copies.base(facts, 5).copying:
            break
        copies.settle(60)
    copies.check_base(facts)
    assert all(store.has(pins[name]) for name in names)
    assert {name: store.pins()[name] for name in names} == {name: pins[name] for name in names}


def test_fed_dyn_corrects_by_what_the_ledger_took_of_the_party(trial: Callable[..., Trial]) -> None:
    t = trial("dyn", 3)
    drive(*[node(party, until_complete=True) for party in t.parties], aggregators.service(t.parties[0]), looks=60)
    for member, party in enumerate(t.parties):
        facts = RoundFacts.of(party.connection.place, t.state, t.job, t.state.rounds[3])
        drift = Drifts(party.connection).of(facts, member)
        assert (drift == -(update_of(t, 1, member) + update_of(t, 2, member))).all()


def test_scaffold_corrects_by_the_servers_control_less_the_partys(trial: Callable[..., Trial]) -> None:
    t = trial("scaffold", 3)
    drive(*[node(party, until_complete=True) for party in t.parties], aggregators.service(t.parties[0]), looks=60)
    one, two = stream_of(t, 1, "c"), stream_of(t, 2, "c")
    for member, party in enumerate(t.parties):
        facts = RoundFacts.of(party.connection.place, t.state, t.job, t.state.rounds[3])
        own = update_of(t, 1, member) + update_of(t, 2, member) - one
        drifts = Drifts(party.connection)
        assert (drifts.of(facts, member) == two - own).all()
        assert (drifts.of(facts, member) == two - own).all()
        earlier = RoundFacts.of(party.connection.place, t.state, t.job, t.state.rounds[2])
        assert (drifts.of(earlier, member) == one - update_of(t, 1, member)).all()
