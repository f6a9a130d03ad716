"""A client at work against a real service: killed at any point, it sends one update of a round, and has its receipt."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.consortia.edge_services import Sketch
from support.worlds.edge_site import EDGE, EdgeSigner, Site, served, site_of
from support.worlds.edges import child_key

from ledger.config import Home
from ledger.errors import Malformed, Refuted, Unavailable, UsageError
from participant.edge.client.checks import Verified
from participant.edge.client.follow import ClientGoal, EdgeClient
from participant.edge.client.home import ClientHome, KeptRound
from participant.edge.client.road import EdgeRoad
from participant.edge.client.training import MadeUpdate, kept_and_signed
from participant.edge.documents import SignedUpdate

KEY = child_key(EDGE, 1)


class Killed(BaseException):
    """The process ends here."""


def die(*_: Any, **__: Any) -> None:
    raise Killed


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_of(tmp_path / "edge")


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    with served(site) as url:
        yield url


@pytest.fixture
def home(tmp_path: Path) -> ClientHome:
    (tmp_path / "client").mkdir()
    return ClientHome(Home(tmp_path / "client"))


class Counted(Sketch):
    """Says how often it was asked to train."""

    times = 0

    def update(self, of: Verified, seconds: float) -> SignedUpdate:
        self.times += 1
        return super().update(of, seconds)


ONE = ClientGoal(rounds=1)


class Told(list[str]):
    """The actions that a client said."""

    def note(self, action: str, *_: Any, **__: Any) -> None:
        self.append(action)


def client(
    home: ClientHome, url: str, training: Any = None, goal: ClientGoal = ONE, key: str = KEY, told: Told | None = None
) -> EdgeClient:
    training, told = training or Counted(home, EdgeSigner(key)), told if told is not None else Told()
    return EdgeClient(home, key, EdgeRoad(url), training, told.note, goal=goal, poll=0.1)


def test_a_round_from_task_to_receipt(site: Site, url: str, home: ClientHome) -> None:
    one = client(home, url)
    one.run()
    receipt = home.round(1, 1).receipt()
    assert receipt == site.collected.find(KEY) == one.receipts[0]
    for path in home.home.folder.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_round_that_was_answered_is_not_trained_again(site: Site, url: str, home: ClientHome) -> None:
    client(home, url).run()
    assert site.collected.find(KEY) is not None
    again = client(home, url)
    assert again._next(again.look()) is None


KILLS = [
    (KeptRound, "keep", False, 2),
    (KeptRound, "keep", True, 1),
    (EdgeRoad, "send", False, 1),
    (EdgeRoad, "send", True, 1),
    (KeptRound, "keep_receipt", False, 1),
]


@pytest.mark.parametrize(
    ("kind", "name", "kept", "times"), KILLS, ids=[f"{kind.__name__}.{name}, {kept}" for kind, name, kept, _ in KILLS]
)
def test_killed_at_any_point_it_sends_one_update(
    site: Site,
    url: str,
    home: ClientHome,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    name: str,
    kept: bool,
    times: int,
) -> None:
    """Trained again only where nothing was signed, then to the same bytes."""
    training, real = Counted(home, EdgeSigner(KEY)), getattr(kind, name)

    def killed(*arguments: Any) -> None:
        if kept:
            real(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(kind, name, killed)
        with pytest.raises(Killed):
            client(home, url, training).run()
    client(home, url, training).run()
    assert training.times == times
    assert home.round(1, 1).receipt() == site.collected.find(KEY)
    assert not list(site.collected.folder.glob("*.other"))


def test_a_receipt_is_asked_for_after_the_round_is_over(
    site: Site, url: str, home: ClientHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(KeptRound, "keep_receipt", die)
        with pytest.raises(Killed):
            client(home, url).run()
    site.over()
    one = client(home, url)
    one.run()
    assert one.receipts == [site.collected.find(KEY)]


def test_a_round_that_ended_without_an_update_is_given_up(
    site: Site, url: str, home: ClientHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(EdgeRoad, "send", die)
        with pytest.raises(Killed):
            client(home, url).run()
    site.over()
    told = Told()
    client(home, url, told=told).run()
    assert home.round(1, 1).receipt() is None
    assert home.round(1, 1).given_up
    assert told == ["missed", "complete"]


def test_a_receipt_whose_answer_was_lost_as_the_round_ended_is_asked_for(
    site: Site, url: str, home: ClientHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The update counts: the client's receipt is not lost because it ran on."""
    real = EdgeRoad.send

    def lost(*arguments: Any) -> bytes:
        real(*arguments)
        site.over()
        raise Unavailable("the line broke")

    monkeypatch.setattr(EdgeRoad, "send", lost)
    one = client(home, url)
    one.run()
    assert one.receipts == [site.collected.find(KEY)]
    assert home.round(1, 1).receipt() == one.receipts[0]


def test_a_client_that_has_the_receipt_it_ran_for_trains_nothing_more(
    site: Site, url: str, home: ClientHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(KeptRound, "keep_receipt", die)
        with pytest.raises(Killed):
            client(home, url).run()
    kept = home.round(1, 1).signed()
    assert kept is not None
    training = Counted(home, EdgeSigner(KEY))
    site.desk.know(site.desk.tasks, {}, site.at.closes)
    next_round = msgspec.structs.replace(site.at.task(site.at.closes), round=2)
    site.desk.know(msgspec.structs.replace(site.desk.tasks, tasks=(next_round,)), {}, site.at.closes)
    client(home, url, training).run()
    assert training.times == 0


def test_a_document_is_pinned_to_its_job_though_it_was_kept_before(site: Site, url: str, home: ClientHome) -> None:
    """Killed between the two, or met under another number, a job's document is still the only one of its number."""
    home.keep_job(site.world.job)
    client(home, url).run()
    known = home.edge()
    assert known is not None
    assert known.jobs == {"1": site.world.job.digest.hex()}


def test_what_an_edge_says_cannot_write_on_the_terminal(site: Site, url: str, home: ClientHome) -> None:
    site.desk.know(msgspec.structs.replace(site.desk.tasks, tasks=(), why="\u202e" + "x" * 5000), {}, 1)
    texts = list[str]()

    def note(_: str, text: str, *__: Any, **___: Any) -> None:
        texts.append(text)
        if "waits" in text:
            raise Killed

    one = EdgeClient(home, KEY, EdgeRoad(url), Counted(home, EdgeSigner(KEY)), note, goal=ONE, poll=0.1)
    with pytest.raises(Killed):
        one.run()
    assert "\u202e" not in "".join(texts)
    assert len(texts[-1]) < 400


def test_an_update_that_is_refused_costs_the_round_not_the_client(
    site: Site, url: str, home: ClientHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain that was reorganised gives a round another model than the one that was trained on."""

    def take(*_: Any) -> None:
        site.over()
        raise Malformed("this update would be refused (HEADER)")

    monkeypatch.setattr(site.desk, "take", take)
    told = Told()
    client(home, url, told=told).run()
    assert told[-1] == "complete"
    assert "missed" in told
    assert home.round(1, 1).given_up


def test_two_homes_with_one_key_are_told(site: Site, url: str, home: ClientHome, tmp_path: Path) -> None:
    """The second learns what the first sent, and has both signatures in the error."""

    class Other(Sketch):
        def update(self, of: Verified, seconds: float) -> SignedUpdate:
            values = np.full(of.job.layout.values, 3, np.int32)
            return kept_and_signed(
                self._home, self._signer, of, MadeUpdate(values, 5, tuple(bytes([row]) * 32 for row in range(20)))
            )

    client(home, url).run()
    (tmp_path / "second").mkdir()
    second = ClientHome(Home(tmp_path / "second"))
    with pytest.raises(UsageError, match="two homes have the same key") as refused:
        client(second, url, Other(second, EdgeSigner(KEY))).run()
    receipt = site.collected.find(KEY)
    assert receipt is not None
    assert receipt.cid in str(refused.value.facts["receipt"])


def test_a_key_that_is_on_no_list_trains_nothing(url: str, home: ClientHome) -> None:
    key = child_key(EDGE, 77)
    training = Counted(home, EdgeSigner(key))
    with pytest.raises(UsageError, match="not in the edge's list"):
        client(home, url, training, key=key).run()
    assert training.times == 0


def test_another_key_or_document_than_was_named_is_refused(site: Site, url: str, home: ClientHome) -> None:
    with pytest.raises(Refuted, match="another key than was named"):
        client(home, url, goal=ClientGoal(rounds=1, edge_key=site.world.keys[1])).run()
    with pytest.raises(Refuted, match="another document than was named"):
        client(home, url, goal=ClientGoal(rounds=1, digest="ab" * 32)).run()
    digest = site.world.job.digest.hex()
    client(home, url, goal=ClientGoal(rounds=1, digest=digest, edge_key=site.world.keys[EDGE])).run()


def test_an_edge_with_a_new_key_is_refused_until_somebody_confirms_it(site: Site, url: str, home: ClientHome) -> None:
    client(home, url).look()
    known = home.edge()
    assert known is not None
    home.know(msgspec.structs.replace(known, key=site.world.keys[1]))
    with pytest.raises(Refuted, match="another key"):
        client(home, url).look()
    client(home, url, goal=ClientGoal(edge_key=site.world.keys[EDGE])).look()
    assert home.edge() == known


def test_private_tensors_follow_the_rounds_that_have_a_receipt(site: Site, url: str, home: ClientHome) -> None:
    """What an update that was never taken left at home is not what the next round starts from."""

    class Leaving(Sketch):
        def update(self, of: Verified, seconds: float) -> SignedUpdate:
            values = np.full(of.job.layout.values, 3, np.int32)
            rows = tuple(bytes([row]) * 32 for row in range(20))
            return kept_and_signed(self._home, self._signer, of, MadeUpdate(values, 5, rows, b"what stays"))

    client(home, url, Leaving(home, EdgeSigner(KEY))).run()
    assert home.left_before(1, 2) == b"what stays"
    assert home.left_before(1, 1) == b""
    (home.round(1, 1).folder / "receipt.json").unlink()
    assert home.left_before(1, 2) == b""
