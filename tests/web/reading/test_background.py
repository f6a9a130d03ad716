"""The threads behind the pages: a chain that goes away and comes back."""

from pathlib import Path

from support.web.server import get, served, until

from demo.anvil import Anvil
from ledger.party.connection import Connection
from web.reading.background import Live
from web.reading.latest import Latest
from web.reading.library import Library
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
