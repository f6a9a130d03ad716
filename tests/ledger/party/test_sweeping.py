"""What a home keeps of rounds does not grow with their number."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.consortia.neighbours import signer_of
from support.worlds.world import World

from ledger.formats.cid import raw
from ledger.formats.claims import UpdateOpening
from ledger.party.sharing.haves import Haves
from ledger.party.sharing.openings import ROUNDS_KEPT, Openings
from ledger.party.sharing.sweeping import DEEP, Sweeper, needed_from
from ledger.store.borrowed import SHORT, Borrowed


class Home:
    """A home that only aggregates: it takes in what others show and say."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder, self.tip = world, folder, 0
        self.openings, self.haves = Openings(folder), Haves(folder / "haves", signer_of(0))
        self.borrowed = Borrowed(folder / "borrowed")
        self.sweeper = Sweeper(self, self.openings, self.haves)  # type: ignore[arg-type]

    @property
    def history(self) -> Any:
        return self.world.history

    @property
    def follower(self) -> Any:
        return SimpleNamespace(tip=SimpleNamespace(number=self.world.block + self.tip))

    def take_in(self) -> None:
        facts = self.world.facts
        for update in facts.round.sorted_updates():
            said = (update.party, update.weight, update.root, update.cid, update.salt)
            self.openings.take(facts.name, UpdateOpening(*said))
        self.haves.say(facts.roll, list(facts.round.updates), self.world.block)
        for block in (b"block", bytes(SHORT + 1)):
            self.borrowed.take(facts.round.job, facts.round.number, raw(block), block)

    def left(self) -> tuple[set[int], set[int], set[int]]:
        """The rounds of which openings are left, of which messages are, and of which borrowed blocks."""
        shown = {int(path.name.split("-")[1]) for path in self.folder.glob("openings/*.shown")}
        said = {int(path.stem.split("-")[1]) for path in self.folder.glob("haves/*.receipts")}
        lent = {int(path.parent.name.split("-")[1]) for path in self.folder.glob("borrowed/*/*")}
        assert self.borrowed.holds(raw(b"block")) == bool(lent)
        return shown, said, lent


def test_rounds_that_are_over_leave_nothing_in_a_home_that_only_aggregates(tmp_path: Path) -> None:
    world = World(3).open_job()
    home = Home(world, tmp_path)
    for number in range(1, world.state.terms.rounds + 1):
        world.honest_round()
        home.take_in()
        home.sweeper.look()
        assert home.left() == (set(range(max(1, number - ROUNDS_KEPT + 1), number + 1)),) * 3
    assert world.state.complete
    home.tip = DEEP
    home.sweeper.look()
    assert home.left() == (set(), set(), set())


def test_an_own_opening_that_nobody_saw_and_files_of_other_names_stay(tmp_path: Path) -> None:
    openings, haves = Openings(tmp_path), Haves(tmp_path / "haves")
    for name in ("openings/1-1-ab.opening", "openings/1-1-ab.update", "openings/x.shown", "haves/1.receipts"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    openings.sweep({1: 9})
    haves.sweep({1: 9})
    assert len(list(tmp_path.glob("*/*.*"))) == 4


def test_a_job_that_was_closed_needs_nothing_once_the_chain_cannot_go_back_over_it() -> None:
    world = World(3).open_job().honest_round()
    state = world.state
    assert needed_from(state, 10**6) == 1 - ROUNDS_KEPT + 1
    state.closed = True
    assert needed_from(state, world.block) == 1 - ROUNDS_KEPT + 1
    assert needed_from(state, world.block + DEEP) == 2
