"""One lying node, a real chain and the command as it is typed: nobody is blamed, the node is told off.

The same history, honestly served, still convicts who lied in it: both halves.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command import fedledger, play
from support.consortia.synthetic import Trial

from demo.lying_node import Edit, Log, lying, number, topic, word
from ledger.formats.claims import claim

LIAR = 1
PUBLISHED, SUBMITTED, ATTESTED = (topic(name) for name in ("AggregatePublished", "UpdateSubmitted", "Attested"))
FINALISED, REFUTED = topic("RoundFinalised"), topic("AggregateRefuted")
FORGED_CID = bytes([5]) * 32


@pytest.fixture
def trial(consortium: Any) -> Iterator[Trial]:
    """Round 1 is honest; in round 2 member 1 publishes a false model, which 0 and 2 vote down, and 0 the right one."""
    with Trial(consortium) as made:
        play(made)
        made.consortium.send(LIAR, "ledger", "openRound", made.number)
        made.submit()
        truth = made.parties[0].recompute()
        liar = made.parties[LIAR]
        liar.sender.send("ledger", "publishAggregate", made.number, 2, b"\x07" * 32, truth.cid, truth.verdicts)
        made.attest(0, 2)
        body: list[bytes] = []
        truth = made.parties[0].recompute(keep=lambda pieces: body.extend(bytes(piece) for piece in pieces))
        made.parties[0].connection.put(body, "model")
        sender = made.parties[0].sender
        sender.send("ledger", "publishAggregate", made.number, 2, truth.root, truth.cid, truth.verdicts)
        made.attest(2, 3)
        yield made


def is_(log: Log, event: str, round_: int) -> bool:
    return bool(log["topics"][0] == event) and number(log) == round_


def weight(logs: list[Log]) -> list[Log]:
    """Another weight of the first update of round 1."""
    first = next((log for log in logs if is_(log, SUBMITTED, 1)), None)
    return [word(log, 0, 11) if log is first else log for log in logs]


def dropped(logs: list[Log]) -> list[Log]:
    """Without that update."""
    first = next((log for log in logs if is_(log, SUBMITTED, 1)), None)
    return [log for log in logs if log is not first]


def another_file(logs: list[Log]) -> list[Log]:
    """Another CID of round 1's model, and claims to match."""
    edited: list[Log] = []
    claims = dict[int, bytes]()
    for log in logs:
        if is_(log, PUBLISHED, 1):
            data = bytes.fromhex(log["data"][2:])
            verdicts = data[192 : 192 + int.from_bytes(data[160:192])]
            claims[1] = claim(number(log, 1), 1, data[32:64], FORGED_CID, verdicts)
            edited.append(word(log, 2, FORGED_CID))
        elif is_(log, FINALISED, 1):
            edited.append(word(log, 2, FORGED_CID))
        elif is_(log, ATTESTED, 1):
            edited.append(word(log, 1, claims[1]))
        else:
            edited.append(log)
    return edited


def invented(logs: list[Log]) -> list[Log]:
    """A member that was silent in round 1 attested a false claim, in the transaction of the aggregate."""
    edited: list[Log] = []
    for log in logs:
        edited.append(log)
        if is_(log, PUBLISHED, 1):
            silent = next(one for one in logs if is_(one, SUBMITTED, 1) and one["topics"][3] not in _spoke(logs))
            topics = [ATTESTED, *log["topics"][1:3], silent["topics"][3]]
            words = (1).to_bytes(32, "big") + bytes([9]) * 32 + bytes(32)
            edited.append(log | {"topics": topics, "data": "0x" + words.hex(), "logIndex": "0x1"})
    return edited


def _spoke(logs: list[Log]) -> set[str]:
    return {log["topics"][3] for log in logs if is_(log, ATTESTED, 1) or is_(log, PUBLISHED, 1)}


def moved(logs: list[Log]) -> list[Log]:
    """The liar's aggregate of round 2 under the name of a member that published nothing."""
    lie = next((log for log in logs if is_(log, PUBLISHED, 2)), None)
    if lie is None:
        return logs
    published = {log["topics"][3] for log in logs if is_(log, PUBLISHED, 2)}
    other = [one for one in logs if is_(one, SUBMITTED, 2) and one["topics"][3] not in published][-1]["topics"][3]
    edited = []
    for log in logs:
        mine = is_(log, PUBLISHED, 2) and log["topics"][3] == lie["topics"][3]
        if mine or is_(log, REFUTED, 2):
            edited.append(log | {"topics": [*log["topics"][:3], other]})
        else:
            edited.append(log)
    return edited


def another_hash(asked: dict[str, Any], result: Any) -> Any:
    """Blocks of another chain."""
    return result | {"hash": "0x" + "77" * 32} if asked["method"] == "eth_getBlockByNumber" and result else result


def ahead(asked: dict[str, Any], result: Any) -> Any:
    """A latest block that others do not have."""
    latest = asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == "latest"
    return result | {"number": hex(int(result["number"], 16) + 3)} if latest else result


def audit(trial: Trial, folder: Path, *options: Any, url: str | None = None) -> tuple[int, dict[str, Any], str]:
    home = trial.consortium.members[0].home
    rpc = ("--rpc", url) if url else ()
    common = ("--network", home.network_file, "--home", folder, "--no-source", "--json")
    done = fedledger("audit", *options, *rpc, *common)
    return done.returncode, json.loads(done.stdout), done.stderr


def open_matters(report: dict[str, Any]) -> list[dict[str, Any]]:
    """What is open, the sources aside."""
    return [one for one in report["open"]["list"] if one["check"] != 2]


def liars(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(lie["who"], lie["key"]) for lie in report["lies"]["list"]}


def test_nobody_is_blamed_for_what_a_node_forges(trial: Trial, tmp_path: Path) -> None:
    liar, url = trial.parties[LIAR].sender.address, trial.consortium.network.chain.rpc
    for edit in (weight, dropped, another_file):
        with lying(url, edit) as false:
            code, report, stderr = audit(trial, tmp_path / edit.__name__, url=false)
        assert code == 3, (edit.__name__, report, stderr)
        (found,) = open_matters(report)
        assert (found["check"], found["fault"], report["lies"]["answer"]) == (4, "the server", "none")
        assert "from another endpoint" in found["why"]
    told: list[Callable[..., Any] | Edit] = [invented, moved]
    for edit in told:
        with lying(url, edit) as false:
            round_ = 1 if edit is invented else 2
            code, report, stderr = audit(trial, tmp_path / edit.__name__, "--round", round_, url=false)
        assert code == 3, (edit.__name__, report, stderr)
        assert report["lies"]["answer"] == "none"
        (found,) = open_matters(report)
        assert (found["fault"], "the server shows an event" in found["why"]) == ("the server", True)
    code, report, _ = audit(trial, tmp_path / "honest")
    assert (code, report["right"]["answer"], report["lies"]["answer"]) == (0, "yes", "caught")
    assert liars(report) == {(f"member {LIAR}", liar)}


def test_a_forgery_elsewhere_does_not_hide_the_liar(trial: Trial, tmp_path: Path) -> None:
    """The invented attestation of round 1 is the node's lie; the aggregate of round 2 is member 1's, signed by it."""
    liar, url = trial.parties[LIAR].sender.address, trial.consortium.network.chain.rpc
    with lying(url, invented) as false:
        code, report, _ = audit(trial, tmp_path / "both", url=false)
    assert (code, report["right"]["answer"]) == (3, "unknown")
    assert liars(report) == {(f"member {LIAR}", liar)}
    assert {one["fault"] for one in open_matters(report)} == {"the server"}


def test_the_evidence_convicts_without_any_node(trial: Trial, tmp_path: Path) -> None:
    """By a node that serves no raw transactions: they are made again from what it shows."""
    liar, url = trial.parties[LIAR].sender.address, trial.consortium.network.chain.rpc
    folder, report_file = tmp_path / "evidence", tmp_path / "report.json"
    with lying(url, list, refuse=("eth_getRawTransactionByHash",)) as plain:
        written = ("--evidence", folder, "--output", report_file)
        code, report, _ = audit(trial, tmp_path / "auditor", *written, url=plain)
    assert (code, report["lies"]["answer"]) == (0, "caught")
    files = sorted(folder.iterdir())
    assert [file.name for file in files][:2] == ["001-publishAggregate.json", "002-proposeJob.json"]
    network = trial.consortium.members[0].home.network_file
    done = fedledger("evidence", "check", *files, "--network", network)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{liar} signed publishAggregate" in done.stdout
    assert "false if: the updates registered for round 2 of job 1" in done.stdout
    whole = fedledger("evidence", "check", report_file, "--json")
    assert (whole.returncode, len(json.loads(whole.stdout))) == (0, len(files))
    data = json.loads(files[0].read_bytes())
    assert data == report["lies"]["list"][0]["evidence"]
    files[0].write_text(json.dumps(data | {"signer": trial.parties[0].sender.address}))
    done = fedledger("evidence", "check", *files)
    assert done.returncode == 1
    assert "another signer than the evidence" in done.stdout
    files[0].write_text("{}")
    assert fedledger("evidence", "check", files[0]).returncode == 2
    assert fedledger("evidence", "check").returncode == 2


def test_a_node_that_serves_no_transactions_convicts_nobody(trial: Trial, tmp_path: Path) -> None:
    url = trial.consortium.network.chain.rpc
    with lying(url, list, refuse=("eth_getRawTransactionByHash", "eth_getTransactionByHash")) as silent:
        code, report, _ = audit(trial, tmp_path / "auditor", url=silent)
    assert code == 3
    assert report["lies"]["answer"] == "none"
    assert {one.get("fault") for one in open_matters(report)} == {"the server"}


def test_a_lie_that_is_being_attested_is_no_and_its_liar_named(trial: Trial, tmp_path: Path) -> None:
    """The models of the rounds before are right."""
    liar = trial.parties[LIAR]
    trial.consortium.send(LIAR, "ledger", "openRound", trial.number)
    trial.submit()
    truth = trial.parties[0].recompute()
    liar.sender.send("ledger", "publishAggregate", trial.number, 3, b"\x07" * 32, truth.cid, truth.verdicts)
    for options in ((), ("--round", f"{trial.number}/3"), ("--job", trial.number)):
        code, report, _ = audit(trial, tmp_path / "auditor", *options)
        assert (code, report["right"]["answer"], report["lies"]["answer"]) == (1, "no", "pending")
        assert liars(report) == {(f"member {LIAR}", liar.sender.address)}
    code, report, _ = audit(trial, tmp_path / "auditor", "--model", f"{trial.number}/2")
    assert (code, report["asked"], report["lies"]["answer"]) == (0, {"model": f"{trial.number}/2"}, "pending")


def test_further_nodes_are_compared_and_nobody_is_blamed(trial: Trial, tmp_path: Path) -> None:
    """One that lies about logs alone has the same blocks; one that has other blocks makes the history doubtful."""
    url = trial.consortium.network.chain.rpc
    nowhere = ("--rpc", url, "--rpc", "http://127.0.0.1:1")
    with lying(url, dropped) as false, lying(url, list, forge=another_hash) as other:
        code, report, _ = audit(trial, tmp_path / "one", "--rpc", url, "--rpc", false)
        assert (code, [one["same"] for one in report["history"]["endpoints"]]) == (0, [True, True])
        code, report, _ = audit(trial, tmp_path / "two", "--rpc", url, "--rpc", other)
    assert (code, report["right"]["answer"]) == (3, "unknown")
    assert liars(report) == {(f"member {LIAR}", trial.parties[LIAR].sender.address)}  # what it signed stays its own
    assert [one["same"] for one in report["history"]["endpoints"]] == [True, False]
    told = [one["why"] for one in open_matters(report) if one["what"].startswith("block ")]
    assert len(told) == 1 and "another chain" in told[0]
    code, report, _ = audit(trial, tmp_path / "three", *nowhere)
    assert (code, [one["same"] for one in report["history"]["endpoints"]]) == (0, [True, None])


def test_a_node_that_is_behind_another_is_stale(trial: Trial, tmp_path: Path) -> None:
    url = trial.consortium.network.chain.rpc
    with lying(url, list, forge=ahead) as other:
        code, report, _ = audit(trial, tmp_path / "auditor", "--rpc", url, "--rpc", other)
    assert code == 0
    (found,) = [one for one in open_matters(report) if one["what"] == "the end of the history"]
    assert (found["fault"], "stale" in found["why"]) == ("the server", True)
