"""The node of an edge: it closes the round and registers the sum, once, wherever it is killed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.edge_services import Client, Sketch, clients, edges_of, serving
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes

from ledger.errors import Corrupt
from ledger.formats.cid import of_file
from ledger.formats.claims import commitment
from ledger.party.pins import edge_members_pin
from ledger.store.home import open_store
from participant.edge.client.home import ClientHome
from participant.edge.collected import Collected, EdgeFolder
from participant.edge.collecting import closes_at
from participant.node.edge import EdgeUpdates

pytestmark = pytest.mark.node
EDGE = 0


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    with Trial(found(3), propose=False) as trial:
        yield trial


@pytest.fixture
def people(trial: Trial, tmp_path: Path) -> list[Client]:
    """Three clients of member 0, which is the only edge, and a round that collects."""
    people = clients(tmp_path / "clients", 3)
    edges_of(trial, {EDGE: [one.signer.address for one in people]})
    trial.parties[1].sender.send("ledger", "openRound", trial.number)
    return people


def send(trial: Trial, *people: Client) -> None:
    """Each sends an update to the edge, and has its receipt."""
    with ExitStack() as stack:
        served = stack.enter_context(serving(trial.parties[EDGE]))
        served.until(lambda desk: desk.collecting())
        for one in people:
            one.follow(served.url, stack, training=Sketch(ClientHome(one.home), one.signer)).run()


def folder(trial: Trial) -> Collected:
    return EdgeFolder(trial.parties[EDGE].member.home.folder).round(trial.number, 1)


def edge_node(trial: Trial) -> Any:
    return node(trial.parties[EDGE], scores=False)


def committed(trial: Trial) -> bool:
    return EDGE in trial.round.commitments


def test_the_sum_is_registered_as_soon_as_all_clients_sent(trial: Trial, people: list[Client]) -> None:
    send(trial, *people[:2])
    drive(edge_node(trial))
    assert not committed(trial)
    send(trial, people[2])
    drive(edge_node(trial))
    assert committed(trial)
    opening = trial.parties[EDGE].opening()
    assert opening is not None
    assert opening.weight == 30


def test_a_client_that_never_sends_costs_the_round_nothing(trial: Trial, people: list[Client]) -> None:
    """When the edge's time is over, which is before the ledger's, the sum is made of those that came."""
    send(trial, *people[:2])
    closes = closes_at(trial.round, trial.state.terms)
    assert closes < trial.round.update_deadline
    trial.until(closes + 1)
    drive(edge_node(trial))
    assert committed(trial)
    listed = folder(trial).children()
    assert listed is not None
    assert {one.party for one in listed.children} == {one.signer.address for one in people[:2]}


def test_with_too_few_clients_an_edge_sits_the_round_out(trial: Trial, people: list[Client]) -> None:
    send(trial, people[0])
    trial.until(closes_at(trial.round, trial.state.terms) + 1)
    drive(edge_node(trial))
    assert not committed(trial)
    assert not folder(trial).is_closed


def test_an_edge_whose_folder_was_never_made_says_what_to_do(trial: Trial, people: list[Client]) -> None:
    EdgeFolder(trial.parties[EDGE].member.home.folder).folder.rename(trial.parties[EDGE].member.home.folder / "moved")
    drive(edge_node(trial))
    (failed,) = notes(trial.parties[EDGE].member.home, "failed")
    assert "fedledger edge init" in failed["advice"]


def test_an_edge_keeps_every_list_that_its_sum_is_judged_by(trial: Trial, tmp_path: Path) -> None:
    """An edge before it that shows its own list no longer, once the job is approved, cannot make its sums unknown."""
    keys = [one.signer.address for one in clients(tmp_path / "clients", 4)]
    edges_of(trial, {0: keys[:2], 1: keys[2:]})
    trial.parties[1].sender.send("ledger", "openRound", trial.number)
    with serving(trial.parties[1]) as served:
        served.until(lambda desk: desk.collecting())
    kept = open_store(trial.parties[1].member.home).pins()
    hierarchy = trial.job.hierarchy
    assert hierarchy is not None
    assert [kept.get(edge_members_pin(trial.number, one)) for one in (0, 1)] == [
        hierarchy.list_cid(0),
        hierarchy.list_cid(1),
    ]


def test_small_updates_of_clients_are_stored_together(trial: Trial, people: list[Client]) -> None:
    """A round is opened in seconds: two thousand files, each with a wait for the disk, would come too late."""
    send(trial, *people)
    drive(edge_node(trial))
    party = trial.parties[EDGE]
    store = open_store(party.member.home)
    packs, pins = len(list(store.packs.iterdir())), store.pins()
    shown = EdgeUpdates(party.connection, party.sender.address)
    shown.show(party.facts)
    assert len(list(store.packs.iterdir())) == packs + 2
    listed = folder(trial).children()
    assert listed is not None
    new = {pin: cid for pin, cid in store.pins().items() if pin not in pins}
    size = trial.job.layout.size
    assert new == {
        f"children/{trial.number}/1/0": listed.cid,
        **{
            f"children/{trial.number}/1/0/{at}": of_file(bytes.fromhex(one.cid), size)
            for at, one in enumerate(listed.children)
        },
    }
    path = folder(trial).path_of(people[0].signer.address)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(Corrupt, match="damaged"):
        shown.show(party.facts)


KILLS = [
    "participant.edge.collected.disk.write_private",
    "participant.node.edge.make_sum",
    "ledger.party.sharing.openings.Openings.salted",
    "ledger.party.sharing.openings.Openings.keep",
    "ledger.chain.sender.Sender.send",
]


@pytest.mark.parametrize("point", KILLS)
@pytest.mark.parametrize("kept", [False, True], ids=["effect lost", "effect kept"])
def test_killed_at_any_point_one_sum_is_registered(
    trial: Trial, people: list[Client], monkeypatch: pytest.MonkeyPatch, point: str, kept: bool
) -> None:
    """The sum of the very updates that were closed, committed to once."""
    send(trial, *people)
    kill(monkeypatch, point, kept=kept)
    with pytest.raises(Killed):
        drive(edge_node(trial))
    monkeypatch.undo()
    drive(edge_node(trial))
    assert committed(trial)
    opening = trial.parties[EDGE].opening()
    assert opening is not None
    assert commitment(trial.parties[EDGE].facts.name, opening) == trial.round.commitments[EDGE].digest
    listed = folder(trial).children()
    assert listed is not None
    assert len(listed.children) == len(people)
    assert opening.weight == listed.weight
    (sum_,) = list(trial.parties[EDGE].openings.update(trial.parties[EDGE].facts.name, opening))
    assert of_file(opening.cid, len(sum_)) == trial.job.file_of(EDGE, opening.cid)


def test_a_sum_of_another_model_than_the_rounds_is_not_registered(
    trial: Trial, people: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made before the chain was reorganised, it would be refused on the record: HEADER."""
    send(trial, *people)
    kill(monkeypatch, "ledger.party.sharing.openings.Openings.keep", kept=True)
    with pytest.raises(Killed):
        drive(edge_node(trial))
    monkeypatch.undo()
    (folder(trial).folder / "base").write_text("ab" * 32)
    drive(edge_node(trial))
    assert not committed(trial)


def kill(monkeypatch: pytest.MonkeyPatch, point: str, *, kept: bool) -> None:
    """Let the process end where it calls this, once what it calls is done, or before."""
    holder = resolve_name(point.rpartition(".")[0])
    name = point.rpartition(".")[2]
    real = getattr(holder, name)

    def die(*arguments: Any, **options: Any) -> Any:
        if kept:
            real(*arguments, **options)
        raise Killed

    monkeypatch.setattr(holder, name, die)
