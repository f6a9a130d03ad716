"""`fedledger web run`: a process that holds no key, and options that fit together."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from msgspec.structs import replace
from support.command import fedledger
from support.web.server import get, until

from ledger.config import Home, load_network, save
from web.cli.live import LedgerReader


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
        assert process.wait(60) == 0
    finally:
        hidden.rename(home.keystore)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    assert json.loads(log.read_text().splitlines()[0])["path"] == "/ready"


def test_the_own_consortium_s_network_file_reads_as_the_home(trial, tmp_path: Path) -> None:
    """Its store may have what nobody serves; another consortium, or another chain node, is looked at from outside."""
    home, file = trial.parties[0].member.home, tmp_path / "network.toml"
    network = load_network(home.network_file)
    save(file, replace(network, gateways=(), chain=replace(network.chain, rpc="http://127.0.0.1:1")))
    assert LedgerReader.of(file, home, None).network_file is None
    assert LedgerReader.of(file, home, "http://127.0.0.1:2").network_file == file
    assert LedgerReader.of(file, Home(tmp_path / "nobody"), None).network_file == file
    save(file, replace(network, founding=replace(network.founding, hash="0x" + "ab" * 32)))
    assert LedgerReader.of(file, home, None).network_file == file


def test_a_server_for_others_must_be_meant(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ledger.cli.main", "web", "run", "--host", "0.0.0.0"]  # noqa: S104
    environment = os.environ | {"FEDLEDGER_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 2
    assert "--read public" in done.stderr


def test_options_that_do_not_fit_are_refused_with_the_way_out(tmp_path: Path) -> None:
    environment = os.environ | {"FEDLEDGER_HOME": str(tmp_path)}
    for options, words in (
        (("--host", "0.0.0.0"), "--read members"),  # noqa: S104
        (("--host", "0.0.0.0", "--read", "members"), "--origin"),  # noqa: S104
        (("--origin", "audit.example"), "https://"),
        (("--origin", "https://audit.example/pages"), "https://"),
        (("--proxy", "proxy.example"), "127.0.0.1"),
        (("--contact", "security@audit.example"), "mailto:"),
    ):
        done = fedledger("web", "run", *options, env=environment)
        assert done.returncode == 2
        assert words in done.stderr, options
