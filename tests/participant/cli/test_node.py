"""`fedledger node`: its commands, as a party uses them, on a real chain."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.command import PROGRAM, fedledger
from support.content.proxy import ForwardProxy
from support.passphrases import write_passphrase

from ledger.config import Home, HomeSettings, load, save
from ledger.errors import FedledgerError, Refuted, Unavailable, UsageError
from ledger.events.actions import AdmitMember, encode_action
from ledger.events.contents import proposal_id
from ledger.formats.member_name import name_words
from ledger.keys import address_of
from participant.cli.node import node


def call(*arguments: str | Path, fails: type[FedledgerError] | None = None) -> Result:
    result = CliRunner().invoke(node, [str(argument) for argument in arguments])
    if fails is None:
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    else:
        assert isinstance(result.exception, fails), (result.exception, result.output)
    return result


def document(result: Result) -> dict[str, Any]:
    return json.loads(result.stdout)


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    return write_passphrase(tmp_path / "passphrase", "correct horse")


def test_help_loads_little_and_no_torch() -> None:
    code = (
        "import sys; from ledger.cli.main import main\n"
        "try: main(['node', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'web3', 'sklearn', 'numpy'} & set(sys.modules)\n"
        "assert len(sys.modules) < 700, len(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_init_makes_a_key_once_and_settings(tmp_path: Path, passphrase: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a\n")
    home = tmp_path / "home"
    arguments = ("init", "--light", "--home", home, "--passphrase-file", passphrase, "--name", "Ours", "--data", data)
    facts = document(call(*arguments, "--json"))
    assert facts["address"].startswith("0x")
    assert load(home / "node.toml", HomeSettings) == HomeSettings(name="Ours", data=str(data))
    assert (home / "keystore.json").stat().st_mode & 0o77 == 0
    call(*arguments, fails=UsageError)


def test_init_refuses_data_that_are_not_there(tmp_path: Path, passphrase: Path) -> None:
    for option in ("--data", "--validation"):
        call("init", "--home", tmp_path / "h", "--passphrase-file", passphrase, option, "nowhere.csv", fails=UsageError)


def test_init_keeps_a_scorers_validation_data(tmp_path: Path, passphrase: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a\n")
    home = Home(tmp_path / "home")
    call("init", "--light", "--home", home.folder, "--passphrase-file", passphrase, "--validation", rows)
    assert home.settings() == HomeSettings(validation=str(rows.resolve()))
    assert not (tmp_path / "h").exists()


def fresh(consortium: Any, tmp_path: Path, member: int = 0) -> tuple[Home, Path]:
    """A home that has a member's key and has joined nothing; and the network file."""
    home = Home(tmp_path / "fresh")
    home.folder.mkdir()
    home.keystore.write_bytes(consortium.members[member].home.keystore.read_bytes())
    file = tmp_path / "network.toml"
    save(file, consortium.network)
    return home, file


def test_join_checks_and_keeps_the_network_file(consortium: Any, tmp_path: Path) -> None:
    home, file = fresh(consortium, tmp_path, member=2)
    facts = document(call("join", file, "--home", home.folder, "--json"))
    assert facts["member"] == 2
    assert facts["name"] == "member 2"
    assert home.network() == home.reached(consortium.network)
    call("join", file, "--home", home.folder)


def test_join_asks_every_node_as_the_homes_requests_go_out(consortium: Any, tmp_path: Path) -> None:
    """A further node, too, is asked through the proxy that the settings name."""
    home, file = fresh(consortium, tmp_path)
    near = consortium.network.chain.rpc
    far = f"http://chain.invalid:{near.rpartition(':')[2]}"
    with ForwardProxy(host="127.0.0.1") as proxy:
        home.settings_file.write_text(f'[http]\nproxy = "{proxy.url}"\n')
        call("join", file, "--home", home.folder, "--rpc", near, "--rpc", far)
    assert set(proxy.asked) == {f"POST {far}/"}


def replaced(network: Any, **fields: Any) -> Any:
    from msgspec.structs import replace

    return replace(network, **fields)


def test_join_keeps_nothing_where_chain_or_code_is_another(consortium: Any, tmp_path: Path) -> None:
    home, file = fresh(consortium, tmp_path)
    network = consortium.network
    contracts = network.contracts
    lies: list[tuple[Any, type[FedledgerError]]] = [
        (replaced(network, chain=replaced(network.chain, id=7)), UsageError),
        (replaced(network, chain=replaced(network.chain, rpc="http://127.0.0.1:9")), Unavailable),
        (
            replaced(
                network,
                contracts=replaced(contracts, ledger=replaced(contracts.ledger, code_hash="0x" + "00" * 32)),
            ),
            Refuted,
        ),
        (
            replaced(
                network, contracts=replaced(contracts, ledger=replaced(contracts.ledger, address="0x" + "11" * 20))
            ),
            Unavailable,
        ),
    ]
    for lie, error in lies:
        save(file, lie)
        call("join", file, "--home", home.folder, fails=error)
        assert not home.network_file.exists()


def test_join_refuses_strangers_and_homes_that_belong_elsewhere(
    found: Callable[..., Any], tmp_path: Path, passphrase: Path
) -> None:
    first, second = found(3), found(3)
    home, file = fresh(first, tmp_path)
    call("join", file, "--home", home.folder)
    save(file, second.network)
    call("join", file, "--home", home.folder, fails=UsageError)
    assert home.network() == home.reached(first.network)
    call("join", file, "--home", home.folder, "--replace")
    assert home.network() == home.reached(second.network)
    stranger = tmp_path / "stranger"
    call("join", file, "--home", stranger, fails=UsageError)
    call("init", "--light", "--home", stranger, "--passphrase-file", passphrase)
    call("join", file, "--home", stranger, fails=UsageError)


@pytest.fixture
def ready(found: Callable[..., Any]) -> Iterator[Any]:
    """A job that is really trained, its first round open."""
    pytest.importorskip("torch")
    from support.consortia.synthetic import Trial
    from support.consortia.trainers import train_on

    with Trial(found(3), propose=False) as trial:
        train_on(trial, rounds=1)
        yield trial


def party(trial: Any, index: int = 0) -> tuple[str, ...]:
    member = trial.consortium.members[index]
    return ("--home", str(member.home.folder), "--passphrase-file", str(member.passphrase_file))


def open_round(trial: Any) -> None:
    trial.parties[0].sender.send("ledger", "openRound", trial.number)


@pytest.mark.node
def test_a_dry_run_shows_what_would_be_registered_and_sends_nothing(ready: Any) -> None:
    home = ("--home", ready.consortium.members[0].home.folder)
    before = document(call("submit", "--dry-run", *home, "--json"))
    assert before["round"] == 1
    assert not ready.state.rounds
    open_round(ready)
    pins = ready.parties[0].connection.store.pins()
    rehearsed = document(call("submit", "--dry-run", *home, "--device", "cpu", "--json"))
    assert rehearsed["verdict"] == "ADMITTED"
    assert rehearsed["weight"] == 24
    assert rehearsed["device"] == "cpu"
    assert not ready.round.commitments
    assert ready.parties[0].connection.store.pins() == pins
    facts = document(call("submit", *party(ready), "--json"))
    assert facts["commitment"] == ready.round.commitments[0].digest.hex()
    (kept,) = ready.parties[0].openings.find(ready.parties[0].facts.name)
    assert rehearsed["root"] == kept.root.hex()
    call("submit", *party(ready), fails=UsageError)
    assert "ADMITTED" in call("submit", "--dry-run", *home).stdout


@pytest.mark.node
def test_a_dry_run_that_would_be_refused_says_so_with_exit_2(found: Callable[..., Any]) -> None:
    pytest.importorskip("torch")
    from support.consortia.synthetic import Trial
    from support.consortia.trainers import train_on

    with Trial(found(3), propose=False) as trial:
        train_on(trial, norm=0.001)
        open_round(trial)
        result = call("submit", "--dry-run", "--home", trial.consortium.members[0].home.folder, "--json")
        assert document(result)["verdict"] == "NORM"
        assert result.exit_code == 2
        assert not trial.round.commitments


@pytest.mark.node
def test_status_says_what_comes_next(ready: Any) -> None:
    open_round(ready)
    home = ("--home", ready.consortium.members[1].home.folder)
    facts = document(call("status", *home, "--json"))
    assert facts["member"] == 1
    assert facts["data_found"] is True
    assert facts["jobs"][0]["next"] == {"step": "commit", "job": 1, "round": 1}
    assert (facts["device"], facts["trained_on"]) == ("auto", None)
    shown = call("status", *home).stdout
    assert "two columns" in shown
    rows = [line.split() for line in shown.splitlines()]
    assert next(row for row in rows if "columns" in row)[:5] == ["1", "two", "columns", "0", "of"], (
        "finalised, of how many"
    )


@pytest.mark.node
def test_a_second_node_in_a_home_is_refused_by_name(ready: Any) -> None:
    """By its exit code, too; `node status` says which of the two is the case, and whether anyone serves the store."""
    home = ready.consortium.members[0].home.folder
    ready.parties[0].serving.close()
    resting = call("status", "--home", home).stdout
    assert "does not run" in resting
    assert "no process of this home serves it now" in resting
    first = subprocess.Popen([*PROGRAM, "node", "run", *map(str, party(ready))], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        assert "node of member 0" in first.stdout.readline()
        second = fedledger("node", "run", *party(ready))
        running = document(call("status", "--home", home, "--json"))
    finally:
        first.terminate()
        first.communicate()
    assert second.returncode == 2
    assert "the node of this home runs already" in second.stderr
    assert str(home) in second.stderr
    assert (running["running"], running["served"]) == (True, True)
    assert document(call("status", "--home", home, "--json"))["running"] is False


@pytest.mark.node
def test_run_until_complete_then_evaluate(ready: Any, tmp_path: Path) -> None:
    import threading

    from support.consortia import aggregators
    from support.consortia.trainers import data_of, notes

    for each in ready.parties:
        each.serving.close()
    service = aggregators.service(ready.parties[0])
    done = threading.Event()

    def aggregate() -> None:
        while not done.is_set():
            if not service.look():
                time.sleep(0.05)

    from support.consortia.trainers import node as make

    others = [make(ready.parties[1]), make(ready.parties[2])]
    threads = [threading.Thread(target=aggregate), *(threading.Thread(target=_until, args=(n, done)) for n in others)]
    for thread in threads:
        thread.start()
    try:
        result = call("run", "--until-complete", "--poll", "0.05", "--device", "cpu", *party(ready), "--json")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    actions = [line["action"] for line in lines]
    assert actions[0] == "started"
    assert actions[-1] == "stopped"
    assert {line["device"] for line in lines if line["action"] == "committed"} == {"cpu"}
    home = ("--home", ready.consortium.members[0].home.folder)
    assert document(call("status", *home, "--json"))["trained_on"] == "cpu"
    assert "latest update on cpu" in call("status", *home).stdout
    assert [note["action"] for note in notes(ready.consortium.members[0].home)] == actions
    _evaluate(ready, data_of(ready.parties[1]))


def _until(node_: Any, done: Any) -> None:
    while not done.is_set():
        if not node_.look():
            time.sleep(0.05)


def _evaluate(trial: Any, data: Path) -> None:
    home = ("--home", trial.consortium.members[0].home.folder)
    line = document(call("evaluate", "--data", data, *home, "--json"))
    final = trial.round.final
    assert (line["job"], line["round"], line["model"]) == (trial.number, 1, final.root.hex())
    assert 0 <= line["accuracy"] <= 1
    followed = call("evaluate", "--follow", "--data", data, *home, "--json").stdout.splitlines()
    assert [json.loads(text) for text in followed] == [line]
    initial = document(call("evaluate", "--round", "0", "--data", data, *home, "--json"))
    assert initial["model"] == trial.job.initial_model.root
    call("evaluate", *home, fails=UsageError)
    assert "round 1, trained on: accuracy" in call("evaluate", "--trained-on", *home).stdout
    call("evaluate", "--round", "9", "--data", data, *home, fails=UsageError)
    call("evaluate", "--data", "nowhere.csv", *home, fails=UsageError)
    _report(trial, data)


def _report(trial: Any, data: Path) -> None:
    """Each party adds its figures to one file, once."""
    from ledger.releases.report import parse

    path = data.parent / "report.json"
    homes = [("--home", trial.consortium.members[index].home.folder) for index in (0, 1)]
    for options, home in zip((("--follow",), ("--round", "0", "--round", "1")), homes, strict=True):
        call("evaluate", *options, "--data", data, *home, "--report", path)
    report = parse(path.read_bytes())
    assert (report.round, report.root) == (1, trial.round.final.root.hex())
    assert {party.key for party in report.parties} == {trial.consortium.members[index].address for index in (0, 1)}
    assert {"accuracy", "auc", "balanced_accuracy", "loss"} == set(report.parties[0].metrics)
    assert (report.parties[0].samples, [figures.round for figures in report.rounds]) == (24, [1])
    assert [party.rows for party in report.parties] == ["own_file", "trained_on"]
    call("evaluate", "--data", data, *homes[0], "--report", path, fails=UsageError)
    call("evaluate", "--round", "0", "--data", data, *homes[0], "--report", data.parent / "0", fails=UsageError)
    network = ("--network", homes[0][1] / "network.toml", "--home", data.parent / "nobody")
    call("evaluate", "--data", data, *network, "--report", data.parent / "0", fails=UsageError)
    assert parse(path.read_bytes()) == report
    assert not (data.parent / "0").exists()
    _comparison(data, path, homes)


def _comparison(data: Path, path: Path, homes: list[tuple[str, Path]]) -> None:
    """A party sets the report's model beside others that were measured on the same file, once."""
    from ledger.releases.report import parse

    rows = [{"name": name, "samples": 24, "accuracy": 0.5, "auc": 0.5} for name in ("hospital-1 alone", "pooled")]
    written = {"rows": rows, "data": sha256(data.read_bytes()).hexdigest(), "rounds": 1, "seed": 7}
    compared = data.parent / "compared.json"
    options = ("--data", data, "--compared", compared, "--report", path, *homes[0])
    for wrong in ("{", json.dumps(written | {"data": "00" * 32}), json.dumps(written | {"rows": [{"name": 1}]})):
        compared.write_text(wrong)
        call("evaluate", *options, fails=UsageError)
    compared.write_text(json.dumps(written))
    before = parse(path.read_bytes())
    call("evaluate", *options)
    after = parse(path.read_bytes())
    (made,) = after.comparisons
    assert after.parties == before.parties
    assert (made.key, made.samples, made.seed) == (before.parties[0].key, before.parties[0].samples, 7)
    assert [(one.kind, one.name) for one in made.models] == [("alone", "hospital-1"), ("pooled", ""), ("federated", "")]
    call("evaluate", *options, fails=UsageError)


@pytest.mark.node
def test_run_refuses_what_is_not_ready(ready: Any, tmp_path: Path) -> None:
    wrong = write_passphrase(tmp_path / "wrong", "battery staple")
    folder = ready.consortium.members[0].home.folder
    call("run", "--home", folder, "--passphrase-file", wrong, fails=UsageError)
    call("run", *party(ready), "--data", tmp_path / "nowhere.csv", fails=UsageError)
    call("run", "--home", tmp_path / "empty", "--passphrase-file", wrong, fails=UsageError)
    home = ready.consortium.members[0].home
    save(home.settings_file, replaced(home.settings(), data=""))
    for command in (("run", *party(ready)), ("evaluate", "--home", folder)):
        unnamed = call(*command, fails=UsageError).exception
        assert isinstance(unnamed, UsageError)
        assert (unnamed.message, dict(unnamed.facts)) == ("no data file is named yet", {})
        assert home.command("node", "data", "default", "FILE") in unnamed.advice
        assert home.command("node", "data", "JOB", "FILE") in unnamed.advice


def test_join_says_how_far_a_newcomer_s_admission_is(
    found: Callable[..., Any], tmp_path: Path, passphrase: Path
) -> None:
    made, home, file = found(3), Home(tmp_path / "new"), tmp_path / "network.toml"
    save(file, made.network)
    call("init", "--light", "--home", home.folder, "--passphrase-file", passphrase)
    admit = AdmitMember(address_of(home.keystore), 1, "Delta")
    proposal = proposal_id(made.members[0].address, 1, *encode_action(admit))

    def refused() -> UsageError:
        error = call("join", file, "--home", home.folder, fails=UsageError).exception
        assert isinstance(error, UsageError) and not home.network_file.exists() and not home.index.exists()
        return error

    assert "does not belong to a member" in refused().message
    made.send(0, "ballots", "proposeAdmission", admit.key, admit.roles, list(name_words(admit.name)))
    voting = refused()
    assert (voting.facts["proposal"], voting.facts["state"]) == (1, "Voting")
    assert "fedledger proposal vote 1 for" in voting.advice
    for index in (0, 1):
        made.send(index, "ballots", "vote", proposal, 1)
    made.send(0, "ballots", "close", proposal)
    made.client.rpc.call("evm_increaseTime", made.client.view("ballots", "rules")[0][2] + 2)
    made.client.rpc.call("evm_mine")
    assert "fedledger proposal execute 1" in refused().advice
    kind, encoded = encode_action(admit)
    made.send(1, "ballots", "execute", made.members[0].address, 1, kind, encoded)
    assert "as Delta (member 3)" in call("join", file, "--home", home.folder).stdout
