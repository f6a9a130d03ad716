"""The commands, as a person types them."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys

import pytest
from support.content.proxy import ForwardProxy
from support.passphrases import write_passphrase

from ledger.config import load_network

MEMBER = '[[members]]\nname = "{}"\nkey = "{}"\nroles = ["participant", "aggregator"]\n'


def fedledger(*arguments, **options):
    command = [sys.executable, "-m", "ledger.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


@pytest.fixture
def consortium_file(tmp_path, keystores):
    path = tmp_path / "consortium.toml"
    members = "".join(MEMBER.format(f"hospital {n}", keystores[n][1].address) for n in range(3))
    path.write_text('fedledger = "consortium/1"\nname = "Three hospitals"\n' + members)
    return path


def test_deploy_writes_the_network_file(anvil, consortium_file, tmp_path):
    from ledger.chain.client import Client

    out = tmp_path / "network.toml"
    done = fedledger("deploy", consortium_file, "--rpc", anvil.url, "--out", out, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    network = load_network(out)
    facts = json.loads(done.stdout)
    assert (facts["members"], facts["ledger"]) == (3, network.contracts.ledger.address)
    with Client.connect(network) as client:
        assert client.jobs() == 0
    again = fedledger("deploy", consortium_file, "--rpc", anvil.url, "--out", out)
    assert again.returncode == 2
    assert "not overwritten" in again.stderr


def test_deploy_with_a_key(anvil, consortium_file, keystores, tmp_path):
    passphrase = write_passphrase(tmp_path / "passphrase", "correct horse")
    keystore = tmp_path / "keystore.json"
    keystore.write_bytes(keystores[0][0].read_bytes())
    out = tmp_path / "network.toml"
    key = ("--keystore", keystore, "--passphrase-file", passphrase)
    done = fedledger("deploy", consortium_file, "--rpc", anvil.url, "--out", out, *key)
    assert done.returncode == 0, done.stderr
    assert "Three hospitals: 3 members on chain 31337" in done.stdout
    assert out.exists()


@pytest.mark.engine
def test_deploy_and_join_show_who_seals_the_chain(clique, consortium_file, keystores, tmp_path):
    out, home = tmp_path / "network.toml", tmp_path / "home"
    done = fedledger("deploy", consortium_file, "--rpc", clique.url, "--out", out, "--seals", "clique")
    assert done.returncode == 0, done.stderr
    network = load_network(out)
    assert network.chain.seals == "clique"
    assert sorted(network.founding.validators) == sorted(clique.signers)
    said = f"blocks sealed by clique, at the founding by {', '.join(network.founding.validators)}"
    assert said in done.stdout
    clique.wait_deep(network.founding.block)
    home.mkdir()
    (home / "keystore.json").write_bytes(keystores[0][0].read_bytes())
    joined = fedledger("node", "join", out, "--home", home)
    assert (joined.returncode, said in joined.stdout) == (0, True), joined.stderr


def test_seals_that_the_chain_does_not_have_are_told_before_anything_is_deployed(anvil, consortium_file, tmp_path):
    from ledger.chain.rpc import Rpc

    out, before = tmp_path / "network.toml", Rpc(anvil.url).call("eth_blockNumber")
    for kind in ("clique", "qbft", "ibft2"):
        done = fedledger("deploy", consortium_file, "--rpc", anvil.url, "--out", out, "--seals", kind)
        assert (done.returncode, f"not sealed by {kind}" in done.stderr) == (3, True), done.stderr
    assert not out.exists()
    assert Rpc(anvil.url).call("eth_blockNumber") == before


def test_deploy_without_a_chain(consortium_file, tmp_path):
    done = fedledger("deploy", consortium_file, "--rpc", "http://127.0.0.1:9", "--out", tmp_path / "network.toml")
    assert done.returncode == 3
    assert "fedledger up" in done.stderr


def test_up_runs_until_it_is_told_to_end(tmp_path):
    command = [sys.executable, "-m", "ledger.cli.main", "up", "--home", str(tmp_path), "--port", "0", "--json"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    facts = json.loads(program.stdout.readline())
    second = fedledger("up", "--home", tmp_path, "--port", "0")
    assert (second.returncode, "runs already" in second.stderr) == (2, True)
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=240)
    assert program.returncode == 0
    assert (tmp_path / "chain" / "state.json").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(facts["pid"], 0)


def test_up_goes_on_from_another_chain_s_file(anvil, consortium_file, tmp_path):
    """As that of a demo, whose last words have the commands."""
    from demo.anvil import Anvil
    from demo.cli import _again
    from demo.folder import STATE
    from ledger.chain.rpc import Rpc

    with Anvil.start(state=tmp_path / STATE) as chain:
        out, port = tmp_path / "network.toml", chain.port
        assert fedledger("deploy", consortium_file, "--rpc", chain.url, "--out", out).returncode == 0
        ledger = load_network(out).contracts.ledger.address
        code = Rpc(chain.url).call("eth_getCode", ledger, "latest")
        chain.stop()
    said = [shlex.split(line) for line in _again(tmp_path, port).splitlines() if line.startswith("  ")]
    words = [word for word in said[0] if word != "fedledger"]
    program = subprocess.Popen(
        [sys.executable, "-m", "ledger.cli.main", *words, "--json"], stdout=subprocess.PIPE, text=True
    )
    try:
        facts = json.loads(program.stdout.readline())
        assert facts["url"].endswith(f":{port}")
        assert Rpc(facts["url"]).call("eth_getCode", ledger, "latest") == code != "0x"
    finally:
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=240)
    assert fedledger("up", "--home", tmp_path, "--state", tmp_path / "none.json").returncode == 2


def test_up_names_a_taken_port(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = fedledger("up", "--home", tmp_path, "--port", port)
    assert done.returncode == 3
    assert f"port: {port}" in done.stderr


@pytest.mark.parametrize("named", [True, False])
def test_deploy_goes_out_as_the_homes_settings_say(anvil, consortium_file, tmp_path, named):
    """Through the proxy that the home names, and no other; without a home nothing resolves the name."""
    home, out = tmp_path / "home", tmp_path / "network.toml"
    home.mkdir()
    rpc = f"http://chain.invalid:{anvil.url.rpartition(':')[2]}"
    arguments = ("deploy", consortium_file, "--rpc", rpc, "--out", out, "--home", home)
    surroundings = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with ForwardProxy(host="127.0.0.1") as proxy:
        proxy.authorization = "Basic bWU6c2VjcmV0"
        if named:
            url = proxy.url.replace("//", "//me:secret@")
            (home / "node.toml").write_text(f'[http]\nproxy = "{url}"\n')
        done = fedledger(*arguments, env=surroundings)
        asked = set(proxy.asked)
    if named:
        assert done.returncode == 0, done.stderr
        assert load_network(out).chain.rpc == rpc
        assert asked == {f"POST {rpc}/"}
    else:
        assert (done.returncode, asked, out.exists()) == (3, set(), False)


def test_deploy_names_a_home_whose_settings_are_not_valid(consortium_file, tmp_path):
    (tmp_path / "node.toml").write_text("[http]\nproxi = 1\n")
    done = fedledger("deploy", consortium_file, "--out", tmp_path / "network.toml", "--home", tmp_path)
    assert (done.returncode, "proxi" in done.stderr) == (2, True)
