"""One lying node, a real chain and the command as it is typed: nobody is blamed, the node is told off.

The same history, honestly served, still convicts who lied in it: both halves.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command import fedledger, play
from support.consortia.synthetic import Trial

from demo.lying_node import WORD, Edit, Forge, Log, heavier, lying, number, topic, word
from ledger.audit.report import Check
from ledger.events.rounds import Form
from ledger.formats.claims import RoundName, claim_of

LIAR, SILENT = 1, 4
PUBLISHED, COMMITTED, ATTESTED = (topic(name) for name in ("AggregatePublished", "UpdateCommitted", "Attested"))
OPENED, ROUND_OPENED = topic("UpdatesOpened"), topic("RoundOpened")
FORGED_CID, FALSE_ROOT = bytes([5]) * 32, bytes([7]) * 32
CID, CLAIM, FORM = 5, 2, 1
"""Words: of a publication's CID, and of an attestation's claim and form."""


@pytest.fixture
def trial(found: Any) -> Iterator[Trial]:
    """Round 1 is honest; in round 2 member 1 publishes a false model, which three vote down, and 0 the right one."""
    with Trial(found(5)) as made:
        play(made)
        made.consortium.send(LIAR, "ledger", "openRound", made.number)
        made.submit()
        made.parties[LIAR].publish(root=FALSE_ROOT)
        made.attest(0, 2, 3)
        made.parties[0].publish()
        made.attest(2, 3)
        yield made


def is_(log: Log, event: str, round_: int) -> bool:
    return bool(log["topics"][0] == event) and number(log) == round_


def dropped(logs: list[Log]) -> list[Log]:
    """Without the first commitment of round 1, though it is opened."""
    first = next((log for log in logs if is_(log, COMMITTED, 1)), None)
    return [log for log in logs if log is not first]


def another_opener(logs: list[Log]) -> list[Log]:
    """The aggregator that opened round 1 is another."""
    opener = next((log["topics"][3] for log in logs if is_(log, ROUND_OPENED, 1)), None)
    other = next((log["topics"][3] for log in logs if is_(log, COMMITTED, 1) and log["topics"][3] != opener), None)
    return [log | {"topics": [*log["topics"][:3], other]} if is_(log, ROUND_OPENED, 1) else log for log in logs]


def another_file(trial: Trial) -> Edit:
    """Another CID of round 1's model, and claims to match."""
    network, round_ = trial.consortium.network, trial.state.rounds[1]
    name = RoundName(network.chain.id, network.contracts.ledger.address, trial.number, 1)
    claim = claim_of(name, round_.opened, round_.aggregates[0].said._replace(cid=FORGED_CID))

    def edit(logs: list[Log]) -> list[Log]:
        edited = [word(log, CID, FORGED_CID) if is_(log, PUBLISHED, 1) else log for log in logs]
        return [word(log, CLAIM, claim) if is_(log, ATTESTED, 1) else log for log in edited]

    return edit


def invented(trial: Trial, round_: int) -> Edit:
    """A member that was silent attested a false claim to a round's last aggregate, in the aggregate's transaction."""
    silent = "0x" + bytes.fromhex(trial.parties[SILENT].sender.address[2:]).rjust(32, b"\0").hex()
    attempt = trial.state.rounds[round_].attempt

    def edit(logs: list[Log]) -> list[Log]:
        edited: list[Log] = []
        for log in logs:
            edited.append(log)
            if is_(log, PUBLISHED, round_) and int(log["data"][2 : 2 + WORD], 16) == attempt:
                words = b"".join(part.to_bytes(32, "big") for part in (attempt, Form.OTHER)) + bytes([9]) * 64
                topics = [ATTESTED, *log["topics"][1:3], silent]
                edited.append(log | {"topics": topics, "data": "0x" + words.hex(), "logIndex": "0x1"})
        return edited

    return edit


def moved(trial: Trial) -> Edit:
    """The liar's aggregate of round 2 under the name of a member that published nothing."""
    liar, other = (trial.parties[index].sender.address[2:].lower() for index in (LIAR, SILENT))

    def edit(logs: list[Log]) -> list[Log]:
        return [
            log | {"topics": [*log["topics"][:3], log["topics"][3].replace(liar, other)]}
            if is_(log, PUBLISHED, 2)
            else log
            for log in logs
        ]

    return edit


def another_hash(asked: dict[str, Any], result: Any) -> Any:
    """Blocks of another chain, by their form too."""
    block = asked["method"] == "eth_getBlockByNumber" and result
    return result | {"hash": "0x" + "77" * 32, "otherField": "0x"} if block else result


def ahead(asked: dict[str, Any], result: Any) -> Any:
    """A latest block that others do not have, by its form of another chain."""
    latest = asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == "latest"
    return result | {"number": hex(int(result["number"], 16) + 3), "otherField": "0x"} if latest else result


def unwritten(logs: list[Log]) -> list[Log]:
    """An attestation in a form that there is not."""
    return [word(log, FORM, 255) if is_(log, ATTESTED, 1) else log for log in logs]


def nonsense(past: int) -> Forge:
    """A block of the past that is not one."""

    def forge(asked: dict[str, Any], result: Any) -> Any:
        told = asked["method"] == "eth_getBlockByNumber" and asked["params"][0] == hex(past)
        return result | {"hash": "nonsense"} if told else result

    return forge


def audit(trial: Trial, folder: Path, *options: Any, url: str | None = None) -> tuple[int, dict[str, Any], str]:
    home = trial.consortium.members[0].home
    rpc = ("--rpc", url) if url else ()
    common = ("--network", home.network_file, "--home", folder, "--no-source", "--json")
    done = fedledger("audit", *options, *rpc, *common)
    return done.returncode, json.loads(done.stdout), done.stderr


def open_matters(report: dict[str, Any]) -> list[dict[str, Any]]:
    """What is open, the sources and events after the last signed head aside."""
    left_out = {(Check.SOURCE, "the contracts' sources"), (Check.SIGNED, "the end of the history")}
    return [one for one in report["open"]["list"] if (one["check"], one["what"]) not in left_out]


def liars(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(lie["who"], lie["key"]) for lie in report["lies"]["list"]}


@pytest.mark.parametrize("edit", [heavier, dropped, unwritten])
def test_a_log_that_contradicts_itself_is_the_nodes_lie(trial: Trial, tmp_path: Path, edit: Edit) -> None:
    with lying(trial.consortium.network.chain.rpc, edit) as false:
        code, report, stderr = audit(trial, tmp_path, url=false)
    assert code == 3, (report, stderr)
    (found,) = open_matters(report)
    assert (found["check"], found["fault"], report["lies"]["answer"]) == (Check.LOG, "the chain node", "none")
    assert "another RPC endpoint" in found["why"]


def test_a_past_block_that_is_nonsense_is_not_the_callers_fault(trial: Trial, tmp_path: Path) -> None:
    """An audit that has begun ends with unknown."""
    past, home = trial.state.rounds[1].aggregates[0].as_of, trial.consortium.members[0].home
    with lying(trial.consortium.network.chain.rpc, list, forge=nonsense(past)) as false:
        options = ("--rpc", false, "--network", home.network_file, "--home", tmp_path, "--no-source")
        done = fedledger("audit", *options)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "not a block" in done.stdout + done.stderr


def test_nobody_is_blamed_for_what_a_node_forges(trial: Trial, tmp_path: Path) -> None:
    """What members signed after it shows that it is forged: nothing else is looked at."""
    liar, url = trial.parties[LIAR].sender.address, trial.consortium.network.chain.rpc
    for place, edit in enumerate((another_opener, another_file(trial), invented(trial, 1), moved(trial))):
        with lying(url, edit) as false:
            code, report, stderr = audit(trial, tmp_path / str(place), url=false)
        assert code == 3, (place, report, stderr)
        assert (report["right"]["answer"], report["lies"]["answer"]) == ("unknown", "none"), place
        (found,) = open_matters(report)
        assert (found["check"], found["fault"]) == (Check.SIGNED, "the chain node")
        assert "from another endpoint" in found["why"]
    code, report, _ = audit(trial, tmp_path / "honest")
    assert (code, report["right"]["answer"], report["lies"]["answer"]) == (0, "yes", "caught")
    assert liars(report) == {(f"member {LIAR}", liar)}


def test_a_forgery_at_the_end_does_not_hide_the_liar(trial: Trial, tmp_path: Path) -> None:
    """The invented attestation comes after all that is signed, and convicts nobody; the false aggregate was signed."""
    liar, url = trial.parties[LIAR].sender.address, trial.consortium.network.chain.rpc
    with lying(url, invented(trial, 2)) as false:
        code, report, _ = audit(trial, tmp_path / "both", url=false)
    assert (code, report["right"]["answer"]) == (3, "unknown")
    assert liars(report) == {(f"member {LIAR}", liar)}
    assert {one["fault"] for one in open_matters(report)} == {"the chain node"}


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
    assert "false if: the updates opened in round 2 of job 1" in done.stdout
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
    assert {one.get("fault") for one in open_matters(report)} == {"the chain node"}


def test_a_lie_that_is_being_attested_is_no_and_its_liar_named(trial: Trial, tmp_path: Path) -> None:
    """The models of the rounds before are right."""
    trial.consortium.send(3, "ledger", "openRound", trial.number)
    trial.submit()
    trial.parties[3].publish(root=FALSE_ROOT)
    caught, pending = ((f"member {index}", trial.parties[index].sender.address) for index in (LIAR, 3))
    for options, named in (((), {caught, pending}), (("--round", f"{trial.number}/3"), {pending})):
        code, report, _ = audit(trial, tmp_path / "auditor", *options)
        assert (code, report["right"]["answer"], report["lies"]["answer"]) == (1, "no", "pending")
        assert liars(report) == named
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
    assert (found["fault"], "stale" in found["why"]) == ("the chain node", True)
