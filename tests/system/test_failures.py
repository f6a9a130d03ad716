"""Bad input, as a user meets it (docs/failure-modes.md): a message that names the thing, an exit code, nothing lost."""

import json
import re
import resource
import socket
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.command import fedledger, play
from support.consortia import trainers
from support.consortia.synthetic import LIMITS, Trial
from support.passphrases import write_passphrase

from ledger.cli.main import main
from ledger.config import Network, save

ABSENT = "0x" + "ab" * 32

CSV: dict[str, tuple[str, list[str]]] = {
    "a missing value": ("a,b,kind\n1,0.5,low\n,0.5,high\n", ["a value is missing", "line: 3", "column: a"]),
    "not a number": ("a,b,kind\n1,0.5,low\n2,nan,high\n", ["a value is missing", "line: 3", "column: b"]),
    "infinity": ("a,b,kind\n1,0.5,low\n2,inf,high\n", ["line: 3", "column: b", "inf"]),
    "text": ("a,b,kind\n1,0.5,low\n2,tall,high\n", ["text stands in a column of numbers", "line: 3", "'tall'"]),
    "an unknown label": ("a,b,kind\n1,0.5,low\n2,0.5,odd\n", ["none of the job's classes", "'odd'", "low, high"]),
    "no rows": ("a,b,kind\n", ["a header but no rows"]),
    "no such column": ("a,c,kind\n1,0.5,low\n", ["column 'b' is missing", "a, c, kind"]),
    "an empty file": ("", ["the file is empty"]),
}


@pytest.mark.node
@pytest.mark.parametrize("case", CSV)
def test_bad_data_are_named_by_file_line_column_and_value(
    case: str, consortium: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    text, words = CSV[case]
    data = tmp_path / "patients.csv"
    data.write_text(text)
    with Trial(consortium, propose=False) as trial:
        trainers.train_on(trial)
        home = trial.parties[1].member.home
        before = dict(trial.parties[1].connection.store.pins())  # type: ignore[union-attr]
        for as_json in ([], ["--json"]):
            with pytest.raises(SystemExit) as ended:
                main(["node", "submit", "--dry-run", "--data", str(data), "--home", str(home.folder), *as_json])
            said = capfd.readouterr()
            assert (ended.value.code, said.out) == (2, "")
            if as_json:
                assert json.loads(said.err)["facts"]["file"] == str(data)
            else:
                assert all(word in said.err for word in [*words, f"file: {data}"]), said.err
        assert trial.parties[1].connection.store.pins() == before  # type: ignore[union-attr]


def altered(network: Network, file: Path, **fields: Any) -> Path:
    """A network file that differs in the chain's or the ledger contract's fields."""
    chain = msgspec.structs.replace(network.chain, **{k: v for k, v in fields.items() if k in ("id", "rpc")})
    contracts = network.contracts
    if "code_hash" in fields:
        ledger = msgspec.structs.replace(contracts.ledger, code_hash=fields["code_hash"])
        contracts = msgspec.structs.replace(contracts, ledger=ledger)
    save(file, msgspec.structs.replace(network, chain=chain, contracts=contracts))
    return file


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"id": 1337}, 2, ["another chain", "expected: 1337", "actual: 31337"]),
        ({"code_hash": ABSENT}, 1, ["the code of RoundLedger is not", f"expected: {ABSENT}", "sign nothing"]),
        ({"rpc": "http://127.0.0.1:9"}, 3, ["cannot be reached", "url: http://127.0.0.1:9", "fedledger up"]),
        ({"rpc": "http://127.0.0.1:x"}, 2, ["address is not a URL", "http://127.0.0.1:x"]),
    ],
    ids=["another chain", "other code", "no node", "no address"],
)
def test_a_wrong_chain_is_told_before_anything_is_kept(
    fields: dict[str, Any], code: int, words: list[str], consortium: Any, tmp_path: Path
) -> None:
    file = altered(consortium.network, tmp_path / "network.toml", **fields)
    home = consortium.members[0].home
    home.network_file.unlink()
    for command in (
        ["status", "--network", file, "--home", tmp_path / "visitor"],
        ["audit", "--network", file, "--home", tmp_path / "visitor"],
        ["node", "join", file, "--home", home.folder],
    ):
        done = fedledger(*command)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert all(word in done.stderr for word in words), done.stderr
    assert not home.network_file.exists()


def test_a_wrong_passphrase_sends_nothing(consortium: Any, tmp_path: Path) -> None:
    write_passphrase(tmp_path / "passphrase", "wrong horse")
    with Trial(consortium, propose=False) as trial:
        terms, model = map(msgspec.structs.astuple, (trial.job.terms, trial.job.model_terms))
        trial.consortium.send(0, "ledger", "proposeJob", trial.job.digest, terms, model)
        member = consortium.members[1]
        options = ("--yes", "--home", member.home.folder, "--passphrase-file")
        wrong = fedledger("job", "approve", 1, *options, tmp_path / "passphrase")
        state = trial.parties[0].connection.refresh().jobs[1]
        assert state.approvals == {0}
        right = fedledger("job", "approve", 1, *options, member.passphrase_file)
    assert wrong.returncode == 2
    assert "the passphrase does not open" in wrong.stderr
    assert str(member.home.keystore) in wrong.stderr
    assert right.returncode == 0, right.stderr


def test_a_port_in_use_is_named(consortium: Any, tmp_path: Path) -> None:
    home = consortium.members[0].home.folder
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "file").write_text("x")
        assert fedledger("store", "add", tmp_path / "file", "--home", home).returncode == 0
        for command in (["store", "serve", "--home", home], ["up", "--home", tmp_path / "chain"]):
            done = fedledger(*command, "--port", port)
            assert done.returncode == 3
            assert str(port) in done.stderr
            assert "another" in done.stderr


def test_a_full_disk_stores_nothing_and_what_was_there_stays(tmp_path: Path) -> None:
    small, large, home = tmp_path / "small", tmp_path / "large", tmp_path / "home"
    small.write_bytes(b"s" * 1000)
    large.write_bytes(b"l" * 3_000_000)
    assert fedledger("store", "add", small, "--home", home).returncode == 0

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    done = fedledger("store", "add", large, "--home", home, preexec_fn=no_room)
    assert done.returncode == 3
    assert "nothing was stored" in done.stderr
    pins = json.loads(fedledger("store", "ls", "--home", home, "--json").stdout)["pins"]
    assert [pin["pin"] for pin in pins] == ["file/small"]
    assert fedledger("store", "verify", "--home", home).returncode == 0


def test_a_bad_update_is_refused_on_the_record_and_the_round_goes_on(consortium: Any, tmp_path: Path) -> None:
    with Trial(consortium) as trial:
        trial.consortium.send(0, "ledger", "openRound", trial.number)
        trial.commit(0, 1)
        trial.parties[2].submit(np.full(trial.layout.values, LIMITS.max_value + 1, "<i4"))
        trial.parties[3].submit(binding=trial.parties[3].binding(base=b"\x01" * 32))
        trial.open_updates()
        play(trial)
        common = ("--network", consortium.members[0].home.network_file, "--home", tmp_path / "auditor", "--json")
        audit = fedledger("audit", "--no-source", *common)
        trace = fedledger("trace", *common)
    assert (audit.returncode, json.loads(audit.stdout)["right"]["answer"]) == (0, "yes"), audit.stdout
    verdicts = [update["verdict"] for update in json.loads(trace.stdout)["models"][0]["updates"]]
    assert verdicts == [
        "admitted",
        "admitted",
        "a value above the job's bound",
        "header or length not those of the round's artifact",
    ]


def test_a_second_update_is_rejected_by_the_contract(consortium: Any) -> None:
    from ledger.errors import Rejected

    with Trial(consortium) as trial:
        trial.consortium.send(0, "ledger", "openRound", trial.number)
        trial.commit(1)
        with pytest.raises(Rejected, match="already") as caught:
            trial.parties[1].submit(weight=11)
        assert caught.value.facts["error"] == "RoundLedger_AlreadyCommitted"
        trial.pass_time(601)
        with pytest.raises(Rejected, match="deadline") as late:
            trial.parties[2].submit()
        assert late.value.facts["error"] == "RoundLedger_DeadlinePassed"
        assert sorted(trial.round.commitments) == [1]


def test_the_documentation_names_tests_that_exist() -> None:
    root = Path(__file__).parents[2]
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (root / "docs" / "failure-modes.md").read_text())
    assert len(named) > 20
    for path, test in named:
        assert f"def {test}(" in (root / path).read_text(), f"{path}::{test}"
