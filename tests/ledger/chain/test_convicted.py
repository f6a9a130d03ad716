"""Convictions on a real chain: what falls at once, what waits for the members, and what goes on after a rewind."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from eth_account import Account
from support.consortia.refuted import agree, begin, publish_false
from support.consortia.synthetic import Trial
from support.consortia.voters import refused, run, said

from ledger.audit import Question
from ledger.audit.report import Check
from ledger.chain.calldata import call_data
from ledger.chain.consortium_file import DEFAULT_RULES
from ledger.chain.transactions import Transactor
from ledger.court import calldata
from ledger.court.calldata import calls_of, refute_call
from ledger.court.recorded import retrial
from ledger.court.search import accused_of, find_point
from ledger.errors import Malformed, Rejected, UsageError
from ledger.events.encoding import name_word
from ledger.events.proposals import Proposal, release_id
from ledger.events.rounds import Reason
from ledger.formats.cid import RAW, Cid, of_file
from ledger.formats.digest import NOTHING
from ledger.history.convicted import ConvictedModel
from ledger.history.names import ConvictedRelease, find, require_usable
from ledger.history.state import Phase
from ledger.jobs.document import InitialModel
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.publishing import check_on_chain
from ledger.rounds.facts import RoundFacts, base_of
from ledger.rounds.trace import find as found_model
from ledger.rounds.trace import trace
from participant.cli.job import start_warning

VALUE = 7
STRANGER = 3


def one_more(values: np.ndarray) -> None:
    values[VALUE] += 1


@pytest.fixture
def trial(consortium: Any) -> Iterator[Trial]:
    with Trial(consortium, rounds=4) as trial:
        yield trial


def honest(trial: Trial, opener: int = 0) -> None:
    """A round that everybody agrees to."""
    begin(trial, opener)
    trial.parties[opener].publish()
    trial.attest(*(index for index in range(3) if index != opener))


def false(trial: Trial, opener: int = 0) -> None:
    """A round whose false model a majority agrees to."""
    begin(trial, opener)
    publish_false(trial, one_more, opener)
    agree(trial, *(index for index in range(3) if index != opener))


def convict(trial: Trial, number: int, **lies: Any) -> Any:
    """Refute the last attempt at a round, as one who takes no part in the lie, or with parts of the call bent."""
    state, connection = trial.state, trial.parties[STRANGER].connection
    facts = RoundFacts.of(connection.place, state, trial.job, state.rounds[number])
    aggregate = state.rounds[number].aggregates[-1]
    point = find_point(facts, aggregate, connection.fetch)
    assert point is not None
    call = refute_call(accused_of(facts, aggregate)._replace(**lies), point)
    return trial.consortium.send(STRANGER, "court", call.function, *call.arguments)


def convict_in_other_words(trial: Trial, more: str) -> Any:
    """The same of the first round, with bytes behind its calldata that no contract reads: not the ABI's encoding."""
    state, connection, client = trial.state, trial.parties[STRANGER].connection, trial.consortium.client
    facts = RoundFacts.of(connection.place, state, trial.job, state.rounds[1])
    aggregate = state.rounds[1].aggregates[-1]
    point = find_point(facts, aggregate, connection.fetch)
    assert point is not None
    call = refute_call(accused_of(facts, aggregate), point)
    data = call_data("court", call.function, *call.arguments) + more
    member = trial.consortium.members[STRANGER]
    network = client.network.chain
    transactor = Transactor(client.rpc, network.id, member.signer, member.home.outbox, gas_price=network.gas_price)
    return transactor.send(client.addresses["court"], data)


def key_of(trial: Trial, index: int) -> tuple[object, ...]:
    member = trial.consortium.members[index]
    return ("--home", member.home.folder, "--passphrase-file", member.passphrase_file)


def forwarder(court: str) -> str:
    """What deploys a contract that hands its calldata on to the court, and reverts where that does."""
    runtime = "36600060003760006000366000600073" + court[2:].lower() + "5af115602b57005b60006000fd"
    return "0x603180600b6000396000f3" + runtime


def decide(trial: Trial, function: str, *arguments: Any) -> None:
    """Propose, vote, close and carry out."""
    proposal = passed(trial, function, *arguments)
    trial.consortium.pass_time(DEFAULT_RULES.delay_seconds + 2)
    execute(trial, proposal)


def passed(trial: Trial, function: str, *arguments: Any) -> Proposal:
    """Propose, vote and close."""
    consortium = trial.consortium
    consortium.send(0, "ballots", function, *arguments)
    history = trial.parties[0].connection.refresh()
    proposal = history.decisions.proposal(len(history.decisions.proposals))
    assert proposal is not None
    for index in (0, 1, 2):
        consortium.send(index, "ballots", "vote", proposal.id, 1)
    consortium.send(3, "ballots", "close", proposal.id)
    return proposal


def execute(trial: Trial, proposal: Proposal) -> None:
    said = (proposal.proposer, proposal.nonce, proposal.kind, proposal.encoded)
    trial.consortium.send(3, "ballots", "execute", *said)


def release(trial: Trial, number: int, version: str) -> tuple[Any, ...]:
    final = trial.state.rounds[number].final
    assert final is not None
    words = (name_word("cardio"), name_word(version))
    return (*words, trial.number, number, final.root, NOTHING, NOTHING)


def answer(trial: Trial, **about: Any) -> Any:
    connection = trial.parties[1].connection
    connection.refresh()
    asked = Question(**about) if about else Question()
    return inspect(connection, AuditRequest(asked, source=False))


def test_an_attempt_falls_while_members_attest_it(trial: Trial) -> None:
    begin(trial)
    lie = publish_false(trial, one_more)
    agree(trial, 1)
    convict(trial, 1)
    state, round_ = trial.state, trial.round
    assert (round_.phase, round_.aggregates[0].outcome) == (Phase.AGGREGATING, Phase.REFUTED)
    assert (state.convicted, state.strikes[lie.index]) == (0, 1)
    told = state.conviction_of(1, 1)
    assert told is not None
    assert (told.value, told.actual - told.expected, told.claim) == (VALUE, 1, lie.claim)
    trial.parties[1].publish()
    trial.attest(0, 2)
    report = answer(trial)
    assert (report.right.answer, report.lies.answer) == ("yes", "caught")
    assert {one.who for one in report.lies.list} == {"member 0", "member 1"}
    assert report.passed[18] == 1


def test_a_refutation_in_no_encoding_of_ours_leaves_the_log_believed(trial: Trial) -> None:
    """The contract's decoder reads past what the ABI leaves no room for, and so do audits."""
    begin(trial)
    publish_false(trial, one_more)
    convict_in_other_words(trial, "00")
    assert trial.round.phase is Phase.AGGREGATING
    trial.parties[1].publish()
    trial.attest(0, 2)
    report = answer(trial)
    assert (report.right.answer, report.lies.answer) == ("yes", "caught"), "the round itself shows who lied"
    assert not [one for one in report.open.list if one.check is Check.COURT], "the bytes show it, whatever was sent"
    assert report.passed[Check.COURT] == 1


def convict_in_no_form_of_ours(trial: Trial) -> str:
    """The same of the first round, by somebody's transaction of the oldest form, which names no chain; its hash."""
    state, connection, client = trial.state, trial.parties[0].connection, trial.consortium.client
    facts = RoundFacts.of(connection.place, state, trial.job, state.rounds[1])
    aggregate = state.rounds[1].aggregates[-1]
    point = find_point(facts, aggregate, connection.fetch)
    assert point is not None
    call = refute_call(accused_of(facts, aggregate), point)
    data = call_data("court", call.function, *call.arguments)
    anybody = Account.create()
    client.rpc.call("anvil_setBalance", anybody.address, hex(10**20))
    price = client.rpc.call("eth_gasPrice")
    fields = {"nonce": 0, "gasPrice": price, "gas": 5_000_000, "to": client.addresses["court"], "value": 0}
    raw = anybody.sign_transaction(fields | {"data": data}).raw_transaction
    tx: str = client.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
    client.rpc.call("evm_mine")
    return tx.removeprefix("0x")


def test_a_conviction_whose_call_and_bytes_nobody_can_read_is_open_by_name(trial: Trial) -> None:
    """The court took it, and its word stands; but who audits cannot say that it is right, and accuses nobody of it."""
    trial.consortium.send(0, "ledger", "openRound", trial.number)
    trial.submit()
    for party in trial.parties[:STRANGER]:
        party.vouch()
    publish_false(trial, one_more)
    agree(trial, 1, 2)
    tx = convict_in_no_form_of_ours(trial)
    assert trial.state.convicted == 1
    auditor = trial.parties[STRANGER].connection
    auditor.keep(Cid(RAW, trial.job.digest), "document")
    for party in trial.parties[:STRANGER]:
        party.serving.close()
    auditor.refresh()
    report = inspect(auditor, AuditRequest(Question(), source=False))
    (told,) = [one for one in report.open.list if one.check is Check.COURT]
    assert "the conviction of" in told.what
    assert "the refutation's transaction is of a form that is not read here" in told.why
    assert "nor made again from the bytes, so nobody is named" in told.why
    assert told.tx == tx
    assert report.passed[Check.COURT] == 0
    models = {one.claim: (one.answer, one.why) for one in report.right.claims}
    assert models[f"model {trial.number}/1"] == ("no", "the court convicted it"), "nothing is built on it"
    assert (report.right.answer, report.lies.answer) == ("no", "none")


def test_a_liar_convicts_itself_through_no_contract(trial: Trial) -> None:
    """Then no reader of transactions could see what was shown."""
    false(trial)
    lie = trial.state.rounds[1].aggregates[0]
    state, connection, client = trial.state, trial.parties[0].connection, trial.consortium.client
    facts = RoundFacts.of(connection.place, state, trial.job, state.rounds[1])
    point = find_point(facts, lie, connection.fetch)
    assert point is not None
    member, chain = trial.consortium.members[0], client.network.chain
    transactor = Transactor(client.rpc, chain.id, member.signer, member.home.outbox, gas_price=chain.gas_price)
    proxy = transactor.send("", forwarder(client.addresses["court"])).contract
    call = refute_call(accused_of(facts, lie), point)
    with pytest.raises(Rejected):
        transactor.send(proxy, call_data("court", call.function, *call.arguments))
    assert trial.state.conviction_of(1, 1) is None


def test_what_was_shown_in_parts_is_judged_again_from_its_transactions(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log says which calls these were; nobody needs the round's bytes."""
    false(trial)
    connection, client = trial.parties[STRANGER].connection, trial.consortium.client
    facts = RoundFacts.of(connection.place, trial.state, trial.job, trial.state.rounds[1])
    aggregate = trial.state.rounds[1].aggregates[-1]
    point = find_point(facts, aggregate, connection.fetch)
    assert point is not None
    monkeypatch.setattr(calldata, "LARGEST", 2_400)
    calls = calls_of(accused_of(facts, aggregate), point, aggregate.claim, trial.state.model.values)
    assert [call.function for call in calls[:-1]] == ["show"] * (len(calls) - 1) != []
    for call in calls:
        trial.consortium.send(STRANGER, "court", call.function, *call.arguments)
    (found,) = trial.state.convictions
    assert (len(found.shows), found.shows[0].first) == (len(calls) - 1, 0)
    again = retrial(client.rpc, client.network.chain.id, client.addresses)
    again(trial.state, found.said)
    with pytest.raises(Malformed, match="other updates were shown"):
        again(replace(trial.state, convictions=(found._replace(shows=()),)), found.said)
    report = answer(trial)
    assert not [one for one in report.open.list if one.check is Check.COURT]
    assert report.passed[Check.COURT] == 1


def test_a_final_model_halts_its_job_until_the_members_rewind_it(trial: Trial) -> None:
    honest(trial)
    false(trial, 1)
    trial.consortium.send(0, "ledger", "openRound", trial.number)
    convict(trial, 2)
    state = trial.state
    assert (state.convicted, state.sound, state.stage) == (2, 1, "convicted")
    assert (state.rounds[3].phase, state.rounds[3].reason) == (Phase.ABANDONED, Reason.BASE_CONVICTED)
    with pytest.raises(Rejected, match="convicted") as caught:
        trial.consortium.send(0, "ledger", "openRound", trial.number)
    assert "propose rewind" in caught.value.advice
    report = answer(trial)
    right = {one.claim: one.answer for one in report.right.claims}
    assert (report.right.answer, right["model 1/1"], right["model 1/2"]) == ("no", "yes", "no")
    assert report.lies.answer == "standing"

    decide(trial, "proposeRewind", trial.number, trial.state.convicted)
    state = trial.state
    assert (state.latest, state.convicted, state.void) == (1, 0, ((2, 3),))
    assert state.finalised == 2, "a rewind gives no round back"
    honest(trial, 2)
    state = trial.state
    assert (state.latest, base_of(state, trial.job, 4).round, state.built_on(4)) == (4, 1, 1)
    assert [one.round for one in trace(state, trial.job, found_model(state, None), str).models] == [4, 1, 0]
    report = answer(trial)
    assert (report.right.answer, report.lies.answer) == ("yes", "caught")
    assert "model 1/2" not in {one.claim for one in report.right.claims}
    assert answer(trial, about="model", job=1, round=2).right.answer == "no"
    assert answer(trial, about="model", job=1, round=4).right.answer == "yes"


def test_a_rewind_that_passed_lifts_no_later_conviction(trial: Trial) -> None:
    """Two rewinds for one conviction pass; nobody who voted knew of the next conviction."""
    honest(trial)
    false(trial, 1)
    convict(trial, 2)
    where = (trial.number, 2)
    stale = passed(trial, "proposeRewind", *where)
    decide(trial, "proposeRewind", *where)
    false(trial, 2)
    convict(trial, 3)
    assert (trial.state.convicted, trial.state.sound) == (3, 1)
    with pytest.raises(Rejected, match="another round") as caught:
        execute(trial, stale)
    assert (caught.value.facts["round"], caught.value.facts["convicted"]) == (2, 3)
    assert trial.state.convicted == 3
    decide(trial, "proposeRewind", trial.number, 3)
    assert (trial.state.convicted, trial.state.latest, trial.state.void) == (0, 1, ((2, 2), (3, 3)))


def test_what_is_built_on_a_convicted_model_falls_with_it(trial: Trial) -> None:
    false(trial)
    honest(trial, 1)
    convict(trial, 1)
    report = answer(trial)
    right = {one.claim: (one.answer, one.why) for one in report.right.claims}
    assert right["model 1/1"] == ("no", "the court convicted it")
    assert right["model 1/2"] == ("no", "it stands on the model of round 1: the court convicted it")
    decide(trial, "proposeRewind", trial.number, trial.state.convicted)
    assert (trial.state.latest, trial.state.base) == (0, trial.job.initial_root)


def test_nobody_names_a_void_round_as_what_was_sound(trial: Trial) -> None:
    """The contract leads from a void round to what was finalised after the rewind: not in a conviction."""
    honest(trial)
    false(trial, 1)
    convict(trial, 2)
    decide(trial, "proposeRewind", trial.number, trial.state.convicted)
    false(trial, 2)
    with pytest.raises(Rejected):
        convict(trial, 3, before=2)
    convict(trial, 3)
    assert (trial.state.convicted, trial.state.sound) == (3, 1)


def test_members_may_close_a_convicted_job_instead(trial: Trial) -> None:
    false(trial)
    convict(trial, 1)
    decide(trial, "proposeClosing", trial.number)
    state = trial.state
    assert (state.closed, state.convicted, state.stage) == (True, 1, "closed")
    with pytest.raises(Rejected):
        decide(trial, "proposeRewind", trial.number, trial.state.convicted)


def test_no_release_stands_on_a_convicted_model(trial: Trial) -> None:
    honest(trial)
    decide(trial, "proposeRelease", release(trial, 1, "1.0"))
    false(trial, 1)
    decide(trial, "proposeRelease", release(trial, 2, "2.0"))
    convict(trial, 2)
    connection = trial.parties[0].connection
    decisions = connection.refresh().decisions
    first, second = (decisions.releases[release_id("cardio", version)] for version in ("1.0", "2.0"))
    assert (first.convicted, second.convicted, "cardio" in decisions.current) == (False, True, False)
    assert trial.consortium.client.view("releases", "currentOf", name_word("cardio")) == [NOTHING]
    with pytest.raises(ConvictedRelease) as caught:
        check_on_chain(connection, second)
    assert caught.value.exit_code == 2
    check_on_chain(connection, first)
    require_usable(first)
    with pytest.raises(UsageError, match="was convicted"):
        find(decisions, "cardio")
    with pytest.raises(Rejected, match="convicted"):
        trial.consortium.send(0, "ballots", "proposeRelease", release(trial, 2, "2.1"))
    decide(trial, "proposeRollback", name_word("cardio"), name_word("1.0"))
    assert connection.refresh().decisions.current["cardio"].version == "1.0"
    with pytest.raises(Rejected, match="convicted"):
        trial.consortium.send(0, "ballots", "proposeRollback", name_word("cardio"), name_word("2.0"))


def test_commands_say_what_a_convicted_job_waits_for(trial: Trial) -> None:
    member = trial.consortium.members[0]
    home = ("--home", member.home.folder)
    keys = (*home, "--passphrase-file", member.passphrase_file)
    false(trial)
    refused(UsageError, "proposal", "propose", "rewind", 1, *keys)
    convict(trial, 1)
    (job,) = said("status", "--json", *home)["jobs"]
    assert (job["stage"], job["convicted"], job["sound"], job["model"]) == ("convicted", 1, 0, None)
    assert "propose rewind 1" in " ".join(run("job", "show", 1, *home).stdout.split())
    refused(ConvictedModel, "release", "propose", 1, "cardio@1.0", "--no-audit", *keys)
    assert said("proposal", "propose", "rewind", 1, "--json", *keys)


def test_a_job_that_begins_from_a_convicted_model_is_warned_of_before_it_is_approved(
    trial: Trial, tmp_path: Path
) -> None:
    false(trial)
    final = trial.state.rounds[1].final
    assert final is not None
    model = InitialModel(cid=str(of_file(final.cid, trial.layout.size)), root=final.root.hex(), seed=1)
    draft = tmp_path / "job.json"
    again = msgspec.structs.replace(trial.job, name="again", initial_model=model)
    draft.write_bytes(again.encode())
    done = said("job", "propose", draft, "--no-wait", *key_of(trial, 0), "--json")
    number = done["job"]
    assert not any("convicted" in one for one in done["warnings"]), "the lie is not known yet"
    convict(trial, 1)
    warning = "it begins from the model of round 1 of job 1, which the court convicted"
    for command, code in ((("job", "show", number), None), (("node", "review", number), 1)):
        assert warning in " ".join(run(*command, *key_of(trial, 1)[:2], fails=code).stdout.split())
    shown = run("job", "approve", number, "--unchecked", *key_of(trial, 1), input="n\n", fails=1).stdout
    assert warning in " ".join(shown.split())
    assert said("job", "show", number, *key_of(trial, 1)[:2], "--json")["begins_falsely"] == warning
    for member in (1, 2):
        assert said("job", "approve", number, "--unchecked", "--yes", *key_of(trial, member), "--json")["job"] == number
    (told,) = [one for one in answer(trial).open.list if one.what == f"the beginning of job {number}"]
    assert told.why.startswith(warning)
    draft.write_bytes(msgspec.structs.replace(again, name="third").encode())
    done = said("job", "propose", draft, "--no-wait", *key_of(trial, 0), "--json")
    assert warning in done["warnings"]
    assert start_warning(trial.consortium.members[2].home, again) == warning, "as job create says it"
    assert start_warning(trial.consortium.members[2].home, trial.job) == ""
