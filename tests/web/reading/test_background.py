"""The threads behind the pages: a chain that goes away and comes back."""

from pathlib import Path

from support.web.server import AT, get, served, until, view_of
from support.worlds.decisions import Chamber
from support.worlds.world import World

from demo.anvil import Anvil
from ledger.errors import Unavailable
from ledger.party.connection import Connection
from web.reading.background import Live
from web.reading.latest import Latest
from web.reading.library import Library
from web.reading.snapshot import freeze
from web.view import View


def test_a_chain_that_is_down_is_shown_as_such_and_read_again_when_it_is_back(houses, tmp_path: Path) -> None:
    local = houses(tmp_path / "houses")
    latest = Latest()
    library = Library(latest, local.network)

    def visit() -> Connection:
        return Connection.visit(local.network, tmp_path / "visitor")

    view = View(local.network, latest, library, rate=0)
    port = local.anvil.port
    with Live(latest, library, visit, visit, source=False), served(view) as url:
        until(lambda: get(url + "/ready").status_code == 200)
        before = get(url + "/members.json").json()
        local.stop()
        until(lambda: get(url + "/ready").status_code == 503)
        after = get(url + "/members.json").json()
        assert (after["members"], after["chain"]["up"]) == (before["members"], False)
        assert after["chain"]["trouble"]
        assert before["chain"]["read_at"] <= after["chain"]["read_at"]
        page = get(url + "/members").text
        assert 'class="down" role="status"' in page
        assert "<time datetime=" in page
        assert "fedledger_chain_up 0.0" in get(url + "/metrics").text
        with Anvil.start(port, tmp_path / "houses" / "chain.json"):
            until(lambda: get(url + "/ready").status_code == 200)
            assert 'class="down"' not in get(url + "/members").text


def test_an_audit_that_fails_leaves_the_last_one() -> None:
    view = view_of(World().open_job().honest_round())
    before = view.latest.state.audited

    def away() -> Connection:
        raise Unavailable("the chain is away")

    with Live(view.latest, view.content, away, away, source=False), served(view) as url:
        until(lambda: view.latest.state.audited is not before and not view.latest.state.auditing)
        document = get(url + "/audit.json").json()
        answers = get(url + "/jobs/1.json").json()["answers"]
    assert (document["audit"]["trouble"], answers["trouble"]) == ("the chain is away", "the chain is away")
    assert (answers["right"], answers["coverage"]["at"], document["audits"]) == ("yes", AT, [])


def test_an_audit_is_due_when_something_new_is_there_to_be_judged() -> None:
    """A round that ended, an aggregate, a decision: not a vote, nor an update."""
    world = World().open_job()
    council = Chamber(world, AT)
    seen = [_judged(world)]
    world.open_round()
    for member in range(4):
        world.submit(member)
    world.open_pending()
    assert _judged(world)[0] != seen[0][0], "a round was opened"
    seen = [_judged(world)]
    world.publish(0)
    seen.append(_judged(world))
    world.attest(1)
    assert _judged(world) == seen[-1]
    world.attest(2)
    seen.append(_judged(world))
    council.propose(council.model()).vote(0, 1, 2)
    assert _judged(world) == seen[-1]
    council.execute()
    seen.append(_judged(world))
    assert len(set(seen)) == 4


def _judged(world: World) -> tuple[object, ...]:
    return freeze(world.history, world.block).judged
