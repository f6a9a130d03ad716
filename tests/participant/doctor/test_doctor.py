"""A doctor finds what would keep a home from taking part, says what to do about each, and changes nothing."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner
from support.consortia.synthetic import Trial
from support.consortia.trainers import data_of, train_on

from ledger.cli.main import fedledger
from ledger.config import Home, save
from participant.doctor import jobs
from participant.doctor.findings import Health, Observation, note, trouble, unknown, well, worst
from participant.doctor.gateways import APART

pytestmark = pytest.mark.node
Said = tuple[int, dict[str, list[dict[str, str]]]]


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    """Three members with data, and an open job."""
    with Trial(found(3), propose=False) as trial:
        train_on(trial, rounds=2)
        yield trial


def examine(home: Home, *words: str) -> Said:
    """The exit code, and the findings by thing."""
    run = CliRunner().invoke(fedledger, ["doctor", "--home", str(home.folder), "--json", *words])
    by_thing: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(run.stdout)["findings"]:
        by_thing.setdefault(one["thing"], []).append(one)
    return run.exit_code, by_thing


def home_of(trial: Trial, index: int = 1) -> Home:
    return Home(trial.consortium.members[index].home.folder)


def test_a_home_that_is_well(trial: Trial) -> None:
    code, found = examine(home_of(trial))
    assert code == 0, found
    assert [one["said"] for one in found["job 1"]][-1].startswith("the data can be read: 24 rows")
    for thing in ("software", "key", "data", "network", "chain node", "member", "clock", "disk"):
        assert [one["state"] for one in found[thing]] == ["well"], thing


def test_it_changes_nothing_and_needs_no_passphrase(trial: Trial) -> None:
    home, before = home_of(trial), trial.consortium.client.head()
    kept = {path: path.read_bytes() for path in home.folder.iterdir() if path.suffix in (".toml", ".json")}
    examine(home)
    assert trial.consortium.client.head() == before
    assert {path: path.read_bytes() for path in kept} == kept


def test_an_empty_folder_is_told_what_to_do_first(tmp_path: Path) -> None:
    code, found = examine(Home(tmp_path / "nobody"))
    assert code == 1
    assert "fedledger node init" in found["key"][0]["advice"]
    assert "fedledger node join" in found["network"][0]["advice"]
    assert "member" not in found


def test_an_edges_home_needs_no_data(tmp_path: Path) -> None:
    from participant.edge.collected import EdgeFolder

    home = Home(tmp_path / "edge")
    assert f"--home {quote(str(home.folder))}" in examine(home)[1]["data"][0]["advice"]
    EdgeFolder(home.folder).make()
    _, found = examine(home)
    assert found["data"][0]["state"] == "well"
    assert "an edge needs none" in found["data"][0]["said"]


def test_data_that_do_not_fit_a_job(trial: Trial) -> None:
    home, path = home_of(trial), data_of(trial.parties[1])
    path.write_text(path.read_text().replace("low", "lwo", 1))
    code, found = examine(home)
    assert code == 1
    last = found["job 1"][-1]
    assert last["state"] == "trouble"
    assert "'lwo'" in last["said"]
    assert examine(home, "--no-data")[0] == 0, "the data were read though nobody asked for it"


def test_data_that_are_named_and_gone(trial: Trial) -> None:
    data_of(trial.parties[1]).unlink()
    code, found = examine(home_of(trial))
    assert code == 1
    assert "there is no file" in found["data"][0]["said"]


def test_a_task_of_other_code(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    from participant.tasks import discovery

    monkeypatch.setattr(discovery, "code_digest", lambda _: "0" * 64)
    code, found = examine(home_of(trial), "--no-data")
    assert code == 1
    assert [one["state"] for one in found["job 1"]] == ["trouble"]


def test_a_chain_that_does_not_answer_could_not_be_looked_at(trial: Trial) -> None:
    home = home_of(trial)
    network = home.network_file.read_text().replace(trial.consortium.network.chain.rpc, "http://127.0.0.1:9")
    home.network_file.write_text(network)
    code, found = examine(home)
    assert code == 3
    (node,) = [one for thing, (one, *_) in found.items() if thing.startswith("chain node")]
    assert node["state"] == "unknown"
    assert node["advice"]
    assert "job 1" not in found


def test_another_chains_node(trial: Trial) -> None:
    home = home_of(trial)
    home.network_file.write_text(home.network_file.read_text().replace("id = 31337", "id = 7"))
    code, found = examine(home)
    assert code == 1
    assert any(one["state"] == "trouble" for thing in found for one in found[thing] if thing.startswith("chain node"))


def test_a_key_of_no_member(trial: Trial, tmp_path: Path) -> None:
    from ledger.keys import create

    home = Home(tmp_path / "stranger")
    create(home.keystore, "a passphrase", light=True)
    shutil.copy(home_of(trial).network_file, home.network_file)
    code, found = examine(home)
    assert code == 1
    assert "proposal propose admit" in found["member"][0]["advice"]


def test_a_clock_that_is_behind_the_chain(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    from participant.doctor import chain

    monkeypatch.setattr(chain, "LOCAL_CHAIN", 0)
    monkeypatch.setattr(chain, "time", type("Behind", (), {"time": staticmethod(lambda: time.time() - 600)}))
    code, found = examine(home_of(trial))
    assert code == 1
    assert "behind" in found["clock"][0]["said"]
    assert "NTP" in found["clock"][0]["advice"]


def test_a_disk_that_is_too_small(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SPARE", 1 << 62)
    code, found = examine(home_of(trial), "--no-data")
    assert code == 1
    assert "store prune" in found["disk"][0]["advice"]


def test_secrets_that_others_may_read(trial: Trial) -> None:
    home = home_of(trial)
    home.folder.chmod(0o755)
    home.keystore.chmod(0o644)
    code, found = examine(home, "--no-data")
    assert code == 1
    assert found["secrets"][0]["advice"] == f"chmod -R go= {home.keystore}"
    home.keystore.chmod(0o600)
    assert examine(home, "--no-data")[0] == 0


def test_a_gateway_that_others_cannot_dial(trial: Trial) -> None:
    home = home_of(trial)
    settings = home.settings()
    gateway = msgspec.structs.replace(settings.gateway, public_url="http://127.0.0.1:9")
    save(home.settings_file, msgspec.structs.replace(settings, gateway=gateway))
    code, found = examine(home, "--no-data")
    assert code == 1
    assert "[gateway] public_url" in found["own gateway"][0]["advice"]


def test_others_gateways_are_dialled_and_their_clocks_compared(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks another member to run a doctor learns whether it can be dialled."""
    from ledger.http.answers import Answer
    from participant.doctor import gateways

    trial.consortium.send(0, "consortium", "announce", "http://127.0.0.1:9")
    _, found = examine(home_of(trial), "--no-data")
    (one,) = found[f"gateway of {trial.consortium.members[0].name}"]
    assert one["state"] == "unknown"
    assert "127.0.0.1:9" in one["advice"]
    late = Answer(200, {"date": "Sat, 01 Jan 2000 00:00:00 GMT"}, b"")
    assert gateways._apart(late) < -APART
    assert gateways._apart(Answer(200, {"date": "yesterday"}, b"")) is None
    assert gateways._apart(Answer(200, {}, b"")) is None


def test_the_whole_is_as_its_worst_part() -> None:
    parts: list[Observation] = []
    for one, expected in (
        (well("a", ""), Health.WELL),
        (note("b", ""), Health.NOTE),
        (unknown("c", ""), Health.UNKNOWN),
        (trouble("d", "", "advice"), Health.TROUBLE),
        (unknown("e", ""), Health.TROUBLE),
    ):
        parts.append(one)
        assert worst(parts) is expected
    assert [one.exit_code for one in Health] == [0, 0, 3, 1]


def test_people_read_signs_and_mends(trial: Trial) -> None:
    data_of(trial.parties[1]).unlink()
    run = CliRunner().invoke(fedledger, ["doctor", "--home", str(home_of(trial).folder), "--no-data"])
    assert run.exit_code == 1
    assert "✗ data: there is no file" in run.stdout
    assert "    try: fedledger node data default FILE" in run.stdout
    assert run.stdout.splitlines()[-1] == "1 trouble"


def test_a_node_says_what_is_urgent_when_it_starts(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SPARE", 1 << 62)
    home, passphrase = home_of(trial), str(trial.consortium.members[1].passphrase_file)
    from participant.node.node import Node

    monkeypatch.setattr(Node, "run", lambda _: None)
    run = CliRunner().invoke(fedledger, ["node", "run", "--home", str(home.folder), "--passphrase-file", passphrase])
    assert run.exit_code == 0, run.exception
    assert "disk: " in run.stdout
    assert "store prune" in run.stdout


@pytest.mark.parametrize(
    ("file", "following"), [("founding.json", "consortium show"), ("address.json", "join NETWORK")]
)
def test_between_an_invite_and_the_network_it_names_the_next_step(tmp_path: Path, file: str, following: str) -> None:
    """As every other command of such a home does."""
    from ledger.keys import create

    create(tmp_path / "keystore.json", "secret", light=True)
    (tmp_path / file).touch()
    said = CliRunner().invoke(fedledger, ["doctor", "--home", str(tmp_path)]).output
    assert f"fedledger {following}" in said, said
