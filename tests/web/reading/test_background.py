"""The threads behind the pages: a chain that goes away and comes back, and a process that holds no key."""

import json
import os
import signal
import subprocess
import sys
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


def test_the_command_serves_a_party_s_home_without_its_key(trial, tmp_path: Path) -> None:
    home = trial.parties[0].member.home
    log = tmp_path / "access.jsonl"
    command = [sys.executable, "-m", "ledger.cli.main", "web", "run", "--home", str(home.folder), "--port", "0"]
    hidden = home.keystore.rename(tmp_path / "keystore.json")
    process = subprocess.Popen(
        [*command, "--no-source", "--json", "--access-log", str(log)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        until(lambda: get(url + "/ready").status_code == 200)
        until(lambda: get(url + "/jobs/1.json").json()["job"]["name"] == "synthetic")
        maps = Path(f"/proc/{process.pid}/maps")
        if maps.exists():
            assert "libtorch" not in maps.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        hidden.rename(home.keystore)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    assert json.loads(log.read_text().splitlines()[0])["path"] == "/ready"


def test_a_server_for_others_must_be_meant(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ledger.cli.main", "web", "run", "--host", "0.0.0.0"]  # noqa: S104
    environment = os.environ | {"FEDLEDGER_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
    assert done.returncode == 2
    assert "--read public" in done.stderr
