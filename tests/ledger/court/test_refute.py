"""`fedledger refute` on a real chain: an aggregator and a majority lie, and one member overturns it alone."""

import json
import subprocess
import sys
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from support.consortia.refuted import agree, begin, publish_false, publish_values
from support.consortia.synthetic import LIMITS, Trial
from support.consortia.voters import refused, run, said
from support.passphrases import write_passphrase

from ledger import keys
from ledger.chain.evidence.fetch import ChainWitness
from ledger.court import calldata
from ledger.court.conviction import parse
from ledger.court.refutation import place_of
from ledger.court.search import NoModelToShow
from ledger.errors import Malformed, Rejected, Unavailable, UsageError
from ledger.events.evidence import Unproven
from ledger.events.rounds import Reason
from ledger.formats.claims import ENTRY
from ledger.history.state import Phase
from ledger.jobs.rules import Median, MultiKrum, Rule, TrimmedMean, WeightedMean
from ledger.party.refuting import finding
from ledger.rounds.rules import combine

VALUE = 10 + 300
RULES = (WeightedMean(), Median(), TrimmedMean(1))
AWAY = b"\x77" * 32


def key(trial: Trial, index: int) -> tuple[object, ...]:
    member = trial.consortium.members[index]
    return ("--home", member.home.folder, "--passphrase-file", member.passphrase_file)


def one_more(values: np.ndarray) -> None:
    values[VALUE] += 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_one_member_overturns_an_attempt_that_others_agree_to(consortium: Any, tmp_path: Path, rule: Rule) -> None:
    file = tmp_path / "conviction.rlp"
    with Trial(consortium, rule=rule, limits=replace(LIMITS, min_updates=3)) as trial:
        begin(trial)
        lie = publish_false(trial, one_more)
        agree(trial, 1)
        done = said("refute", "--round", 1, "--output", file, *key(trial, 3), "--json")
        assert (done["outcome"], done["value"], done["ground"]) == ("convicted", VALUE, "value")
        assert int(done["actual"]) == int(done["expected"]) + 1
        assert done["aggregator"] == lie.aggregator
        assert done["attesters"] == [consortium.members[1].address]
        assert trial.round.aggregates[-1].outcome is Phase.REFUTED
        assert trial.round.phase is Phase.AGGREGATING, "the round goes on"
        assert "another aggregator publishes the next" in done["next"]
        again = said("refute", "--round", 1, "--output", file, *key(trial, 2), "--json")
        assert (again["outcome"], again["tx"]) == ("convicted already", done["tx"])
        checked = run("evidence", "check", file).stdout
        assert f"value {VALUE} of the model must be {done['expected']}" in checked
        trial.parties[1].publish()
        trial.attest(2, 3)
        assert trial.state.latest == 1, "the next attempt is right, and final"


def test_a_final_model_is_marked_and_the_job_waits_for_its_members(consortium: Any, tmp_path: Path) -> None:
    file = tmp_path / "conviction.rlp"
    with Trial(consortium) as trial:
        begin(trial)
        publish_false(trial, one_more)
        agree(trial, 1, 2)
        consortium.send(1, "ledger", "openRound", trial.number)
        done = said("refute", "--round", 1, "--output", file, *key(trial, 3), "--json")
        assert done["outcome"] == "convicted"
        assert "propose rewind 1" in done["next"]
        assert "the job's initial model" in done["next"]
        state = trial.state
        assert (state.convicted, state.sound, state.is_convicted(1)) == (1, 0, True)
        assert state.rounds[2].reason is Reason.BASE_CONVICTED
        with pytest.raises(Rejected):
            consortium.send(1, "ledger", "openRound", trial.number)
        text = run("refute", "--round", 1, "--output", file, *key(trial, 0)).stdout
        assert "convicted already" in text


def test_nothing_is_refuted_of_an_honest_round(consortium: Any, tmp_path: Path) -> None:
    file = tmp_path / "conviction.rlp"
    with Trial(consortium) as trial:
        refused(UsageError, "refute", "--round", 1, "--dry-run", *key(trial, 3)[:2])
        begin(trial)
        trial.parties[0].publish()
        for speaking in ((1, 2), ()):
            told = run("refute", "--round", 1, "--output", file, *key(trial, 3), "--json", fails=1).stdout
            assert '"outcome": "nothing to refute"' in told
            trial.attest(*speaking)
        assert not file.exists()
        assert not trial.state.convicted


def test_anybody_may_and_a_dry_run_needs_no_key(consortium: Any, tmp_path: Path) -> None:
    file, network = tmp_path / "conviction.rlp", tmp_path / "network.toml"
    network.write_bytes(consortium.members[0].home.network_file.read_bytes())
    outsider = ("--network", network, "--home", tmp_path / "outsider")
    stranger = tmp_path / "stranger.json"
    keys.create(stranger, "right", light=True)
    secret = write_passphrase(tmp_path / "passphrase", "right")
    with Trial(consortium) as trial:
        begin(trial)
        publish_false(trial, one_more)
        dry = said("refute", "--round", 1, "--dry-run", "--output", file, *outsider, "--json")
        assert dry["outcome"] == "written"
        assert file.stat().st_size == dry["size"] <= 32 << 10
        assert trial.round.phase is Phase.ATTESTING, "nothing was sent"
        run("evidence", "check", file, "--network", network)
        done = said("refute", "--round", 1, "--output", file, *outsider, "--keystore", stranger,
                    "--passphrase-file", secret, "--json")  # fmt: skip
        assert done["outcome"] == "convicted"


def test_an_admitted_value_above_the_bound_is_convicted(consortium: Any, tmp_path: Path) -> None:
    file = tmp_path / "conviction.rlp"
    with Trial(consortium) as trial:
        consortium.send(0, "ledger", "openRound", trial.number)
        drawn = [np.random.default_rng(index).integers(-9, 9, trial.layout.values).astype("<i4") for index in range(4)]
        drawn[2][VALUE] = -(LIMITS.max_value + 1)
        for party, values in zip(trial.parties, drawn, strict=True):
            party.submit(values)
        trial.look()
        trial.open_updates()
        for party in trial.parties:
            party.vouch()
        mean = combine(WeightedMean(), [10] * 4, drawn.__getitem__)
        publish_values(trial, trial.initial + mean, verdicts=bytes(4))
        done = said("refute", "--round", 1, "--output", file, *key(trial, 3), "--json")
        assert (done["ground"], done["value"], done["actual"]) == ("limit", VALUE, str(drawn[2][VALUE]))
        assert "update of member 2" in run("evidence", "check", file).stdout


def open_too_heavy(trial: Trial, consortium: Any) -> None:
    """A round whose updates are open and held, member 1's with a weight above the bound."""
    consortium.send(0, "ledger", "openRound", trial.number)
    for party in trial.parties:
        party.submit(weight=1001 if party.index == 1 else 1)
    trial.look()
    trial.open_updates()
    for party in trial.parties:
        party.vouch()


def test_an_admitted_weight_above_the_bound_is_convicted(consortium: Any, tmp_path: Path) -> None:
    file = tmp_path / "conviction.rlp"
    with Trial(consortium) as trial:
        open_too_heavy(trial, consortium)
        trial.parties[0].publish(verdicts=bytes(4))
        done = said("refute", "--round", 1, "--output", file, *key(trial, 3), "--json")
        assert (done["ground"], done["member"], done["actual"], done["expected"]) == ("weight", 1, "1001", "1000")
        run("evidence", "check", file)


def test_a_model_of_too_few_updates_is_convicted(consortium: Any, tmp_path: Path) -> None:
    file = tmp_path / "conviction.rlp"
    with Trial(consortium) as trial:
        begin(trial)
        trial.parties[0].publish(verdicts=b"\x00\x09\x09\x09")
        done = said("refute", "--round", 1, "--output", file, *key(trial, 3), "--json")
        assert (done["ground"], done["actual"], done["expected"]) == ("too_few", "1", "2")
        run("evidence", "check", file)


def test_no_model_where_there_should_be_one_is_told_and_a_false_weight_beside_it_convicted(
    consortium: Any, tmp_path: Path
) -> None:
    file, nothing = tmp_path / "conviction.rlp", {"root": bytes(32), "cid": bytes(32)}
    with Trial(consortium) as trial:
        begin(trial)
        trial.parties[0].publish(**nothing, verdicts=bytes(1) + b"\x09" * 3)
        told = run("refute", "--round", 1, "--output", file, *key(trial, 3), fails=1).stdout
        assert "1 of 2 updates are admitted" in told
        assert "audit --round 1/1" in told
        agree(trial, 1, 2)
        assert trial.round.phase is Phase.ABANDONED
        error = refused(UsageError, "refute", "--round", 1, *key(trial, 3)[:2])
        assert "over without a model" in str(error)
        begin(trial)
        trial.parties[0].publish(**nothing)
        error = refused(NoModelToShow, "refute", "--round", 2, "--output", file, *key(trial, 3))
        assert "vote against it" in error.advice
        trial.attest(1, 2)
        assert trial.round.phase is Phase.AGGREGATING, "the votes say so"
    with Trial(consortium) as trial:
        open_too_heavy(trial, consortium)
        trial.parties[0].publish(**nothing, verdicts=bytes(4))
        done = said("refute", "--round", 1, "--output", file, *key(trial, 3), "--json")
        assert (done["outcome"], done["ground"], done["member"]) == ("convicted", "weight", 1)
        assert trial.round.phase is Phase.AGGREGATING
        assert "member 1 is admitted with weight 1001" in run("evidence", "check", file).stdout


def test_a_job_that_does_not_follow_value_by_value_is_told_so(consortium: Any) -> None:
    with Trial(consortium, rule=MultiKrum(1), limits=replace(LIMITS, min_updates=5)) as trial:
        begin(trial)
        trial.parties[0].publish(root=AWAY, cid=AWAY)
        error = refused(UsageError, "refute", "--round", 1, "--dry-run", *key(trial, 3)[:2])
        assert "the court cannot judge this job" in str(error)
        assert "audit" in error.advice


def test_a_root_whose_leaves_nobody_has_is_told_so(consortium: Any) -> None:
    with Trial(consortium) as trial:
        begin(trial)
        trial.parties[0].publish(root=AWAY)
        error = refused(Unavailable, "refute", "--round", 1, "--dry-run", *key(trial, 3)[:2])
        assert "nobody" in str(error)


def test_of_an_attempt_that_failed_a_file_is_written_and_nothing_sent(consortium: Any, tmp_path: Path) -> None:
    file = tmp_path / "conviction.rlp"
    with Trial(consortium) as trial:
        begin(trial)
        publish_false(trial, one_more)
        trial.attest(1, 3)
        assert trial.round.aggregates[0].outcome is Phase.REFUTED
        error = refused(UsageError, "refute", "--round", 1, "--output", file, *key(trial, 3))
        assert "failed already" in str(error)
        error = refused(UsageError, "refute", "--round", 1, "--output", file, *key(trial, 3)[:2])
        assert "failed already" in str(error), "said before a passphrase is asked for"
        dry = said("refute", "--round", 1, "--attempt", 1, "--dry-run", "--output", file, *key(trial, 3)[:2], "--json")
        assert (dry["outcome"], dry["value"]) == ("written", VALUE)
        run("evidence", "check", file)
        for attempt in (2, 9):
            refused(UsageError, "refute", "--round", 1, "--attempt", attempt, "--dry-run", *key(trial, 3)[:2])


def test_a_file_of_another_ledger_proves_nothing_there(consortium: Any, found: Any, tmp_path: Path) -> None:
    file, other = tmp_path / "conviction.rlp", found()
    with Trial(consortium) as trial:
        begin(trial)
        publish_false(trial, one_more)
        said("refute", "--round", 1, "--dry-run", "--output", file, *key(trial, 3)[:2], "--json")
    run("evidence", "check", file, "--network", consortium.members[0].home.network_file)
    told = run("evidence", "check", file, "--network", other.members[0].home.network_file, fails=1)
    assert "another chain or ledger" in told.stdout
    file.write_bytes(b"\xc0")
    run("evidence", "check", file, fails=Malformed)


def test_a_refutation_of_several_calls_goes_into_a_bundle_as_one(
    consortium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, bundle, verifier = tmp_path / "conviction.rlp", tmp_path / "conviction.car", tmp_path / "verify_bundle.py"
    with Trial(consortium) as trial:
        begin(trial)
        lie = publish_false(trial, one_more)
        agree(trial, 1)
        size = place_of(VALUE, trial.layout.values).size
        monkeypatch.setattr(calldata, "LARGEST", 1_200 + 4 * ENTRY + 3 * size)
        said("refute", "--round", 1, "--output", file, *key(trial, 3), "--dry-run", "--json")
        assert len(parse(file.read_bytes()).calls) > 1
        run("bundle", "export", "--conviction", file, "--output", bundle, *key(trial, 3)[:2])
    (found,) = said("bundle", "check", bundle, "--json", fails=1)["findings"]
    assert (found["check"], found["code"], found["value"]) == ("CONVICTION", "VALUE", VALUE)
    assert found["who"] == sorted([lie.aggregator, consortium.members[1].address], key=str.lower)
    run("bundle", "verifier", "--output", verifier)
    read = subprocess.run([sys.executable, verifier, bundle, "--json"], capture_output=True, check=False)
    assert json.loads(read.stdout)["findings"] == [found]


def test_another_kind_of_file_is_named_with_the_command_that_takes_it(consortium: Any, tmp_path: Path) -> None:
    file, bundle, job = tmp_path / "conviction.rlp", tmp_path / "bundle.car", tmp_path / "job.json"
    with Trial(consortium) as trial:
        begin(trial)
        publish_false(trial, one_more)
        said("refute", "--round", 1, "--output", file, *key(trial, 3), "--dry-run", "--json")
        run("bundle", "export", "--conviction", file, "--output", bundle, *key(trial, 3)[:2])
        job.write_bytes(trial.job.encode())
        told = run("bundle", "check", file, fails=3)
        assert f"this is a conviction file: fedledger evidence check {quote(str(file))}" in told.stderr
        for wrong, words in ((bundle, "bundle check"), (job, "job propose")):
            command = f"fedledger {words} {quote(str(wrong))}"
            assert command in refused(Malformed, "evidence", "check", wrong).advice
            output = ("--output", tmp_path / "none.car", *key(trial, 3)[:2])
            assert command in refused(Malformed, "bundle", "export", "--conviction", wrong, *output).advice
        proposed = refused(Malformed, "job", "propose", file, *key(trial, 3))
        assert "fedledger evidence check" in proposed.advice


def test_where_another_was_faster_nothing_is_said_twice(
    consortium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Trial(consortium) as trial:
        begin(trial)
        publish_false(trial, one_more)
        honest = finding.find

        def slow(*arguments: Any) -> Any:
            found = honest(*arguments)
            monkeypatch.setattr(finding, "find", honest)
            said("refute", "--round", 1, "--output", tmp_path / "theirs", *key(trial, 2), "--json")
            return found

        monkeypatch.setattr(finding, "find", slow)
        done = said("refute", "--round", 1, "--output", tmp_path / "ours", *key(trial, 3), "--json")
        assert (done["outcome"], done["caller"]) == ("convicted already", consortium.members[2].address)


def test_what_stands_on_a_convicted_model_is_not_convicted_once_more(consortium: Any, tmp_path: Path) -> None:
    file = tmp_path / "conviction.rlp"
    with Trial(consortium) as trial:
        for number in (1, 2):
            begin(trial)
            publish_false(trial, one_more)
            agree(trial, 1, 2)
            assert trial.state.latest == number
        said("refute", "--round", 1, "--output", file, *key(trial, 3), "--json")
        error = refused(UsageError, "refute", "--round", 2, "--output", file, *key(trial, 3))
        assert "stands on a convicted one" in str(error)
        dry = said("refute", "--round", 2, "--dry-run", "--output", file, *key(trial, 3)[:2], "--json")
        assert dry["outcome"] == "written"


def test_a_lower_round_may_be_convicted_later(consortium: Any, tmp_path: Path) -> None:
    file = tmp_path / "conviction.rlp"
    with Trial(consortium) as trial:
        for _ in range(2):
            begin(trial)
            publish_false(trial, one_more)
            agree(trial, 1, 2)
        for number in (2, 1):
            done = said("refute", "--round", number, "--output", file, *key(trial, 3), "--json")
            assert done["outcome"] == "convicted"
            assert (trial.state.convicted, trial.state.sound) == (number, number - 1)


def test_a_node_that_shows_no_transactions_hinders_no_conviction(
    consortium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any) -> Any:
        raise Unproven("the node has no such transaction")

    monkeypatch.setattr(ChainWitness, "__call__", nothing)
    file = tmp_path / "conviction.rlp"
    with Trial(consortium) as trial:
        begin(trial)
        publish_false(trial, one_more)
        run("refute", "--round", 1, "--dry-run", "--output", file, *key(trial, 3)[:2], fails=Unproven)
        done = said("refute", "--round", 1, "--output", file, *key(trial, 3), "--json")
        assert (done["outcome"], done["file"]) == ("convicted", None)
        assert not file.exists()
