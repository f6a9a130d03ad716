"""What members sign gets onto the ledger, once, by a server without rights; what would not count is refused by name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from support.web.relay import FAR, House, Site, post, relaying, soon
from support.web.server import get, served, until

from ledger.errors import FedledgerError
from ledger.events.actions import (
    AdmitMember,
    ChangeRoles,
    ChangeRules,
    CloseJob,
    ReleaseModel,
    RemoveMember,
    RevokeRelease,
    RollBack,
)
from ledger.events.records import Choice
from web.documents.refusals import AlreadyQueued, SignatureExpired, WrongState
from web.documents.relay import Posted
from web.documents.signatures import ORDER
from web.reading.ledger import Reading
from web.relay.delivery import Delivery
from web.relay.intake import identify, message_of
from web.relay.moment import LONGEST, Moment


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, found_house: Any) -> Iterator[House]:
    with found_house(tmp_path_factory.mktemp("relay") / "house") as house:
        yield house


@pytest.fixture(scope="module")
def site(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with relaying(house, tmp_path_factory.mktemp("server")) as site:
        yield site


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and name of a refusal, which also says what is wrong, and the way out."""
    problem = answer.json()
    assert problem["fedledger"] == "error/1", problem
    assert problem["detail"]
    assert problem["advice"], problem
    return answer.status_code, problem["error"]


def signed(account: Any, typed: Any) -> str:
    return "0x" + bytes(account.sign_typed_data(full_message=typed).signature).hex()


def test_a_vote_is_relayed_and_counts_once(house: House, site: Site) -> None:
    proposal, account = house.propose(), house.signers[1]._account
    site.read()
    typed = site.get(f"/proposals/{proposal.number}/ballot.json?member={account.address}&choice=for").json()
    assert typed["typed_data"]["message"]["choice"] == "For"
    content = {"proposal": proposal.id.hex(), "member": account.address, "choice": "for", "deadline": typed["deadline"]}
    body = {"kind": "ballot", **content, "signature": signed(account, typed["typed_data"])}
    before = house.transactions(site.relayer.address)
    answers = [site.post(body) for _ in range(3)]
    assert len({answer.json()["id"] for answer in answers}) == 1
    went = site.settled(answers[0])
    assert (went["status"], went["kind"], went["proposal"]) == ("done", "ballot", proposal.id.hex())
    receipt = house.client.rpc.call("eth_getTransactionReceipt", "0x" + went["tx"])
    assert receipt["from"] == site.relayer.address.lower()
    assert house.votes(proposal) == {1: Choice.FOR}
    again = site.post(body)
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (202, went["id"], "done")
    assert house.transactions(site.relayer.address) == before + 1


def test_a_file_signed_elsewhere_is_taken_as_it_is(house: House, site: Site) -> None:
    body = house.vote(2, house.propose(), "abstain")
    body |= {"fedledger": "signed/1", "chain": 31337, "contract": house.ballots}
    assert site.settled(site.post(body))["status"] == "done"


def test_votes_that_wait_are_sent_together_and_a_bad_one_stops_none(house: House, tmp_path: Path) -> None:
    proposal = house.propose()
    with relaying(house, tmp_path, started=False) as site:
        answers = [site.post(house.vote(index, proposal)) for index in (0, 1, 2)]
        house.send(1, "vote", proposal.id, 2)
        with site.relayer:
            went = [site.settled(answer) for answer in answers]
        assert [one["status"] for one in went] == ["done", "refused", "done"]
        assert (went[1]["reason"], went[1]["advice"]) == ("ALREADY_VOTED", "a vote is final")
        assert went[0]["tx"] == went[2]["tx"]
        assert house.transactions(site.relayer.address) == 1
    assert house.votes(proposal) == {0: Choice.FOR, 1: Choice.AGAINST, 2: Choice.FOR}


def test_what_a_batch_skips_is_refused_with_the_contracts_reason(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = house.propose()
    with relaying(house, tmp_path, started=False) as site:
        answers = [site.post(house.vote(index, proposal)) for index in (0, 1)]
        house.send(1, "vote", proposal.id, 2)
        simulated, counts = set(), Delivery._counts

        def once(delivery: Delivery, message: Any) -> bool:
            """As if the direct vote came after the first simulation."""
            first = message.id not in simulated
            simulated.add(message.id)
            return first or counts(delivery, message)

        monkeypatch.setattr(Delivery, "_counts", once)
        with site.relayer:
            went = [site.settled(answer) for answer in answers]
    assert [(one["status"], one["reason"]) for one in went] == [("done", ""), ("refused", "ALREADY_VOTED")]


def test_a_direct_vote_that_says_the_same_is_done(house: House, tmp_path: Path) -> None:
    proposal = house.propose()
    with relaying(house, tmp_path, started=False) as site:
        answer = site.post(house.vote(0, proposal))
        receipt = house.send(0, "vote", proposal.id, 1)
        with site.relayer:
            went = site.settled(answer)
        assert (went["status"], went["tx"]) == ("done", receipt.tx.hex())
        assert house.transactions(site.relayer.address) == 0


def test_a_proposal_cancelled_meanwhile_is_a_refusal_by_name(house: House, tmp_path: Path) -> None:
    proposal = house.propose(0)
    with relaying(house, tmp_path, started=False) as site:
        answer = site.post(house.vote(1, proposal))
        house.send(0, "cancel", proposal.id)
        with site.relayer:
            went = site.settled(answer)
        assert (went["status"], went["reason"]) == ("refused", "Ballots_WrongState")
        assert went["advice"]
        assert refusal(site.post(house.vote(1, proposal))) == (409, "WrongState")
        assert refusal(site.post(house.vote(2, proposal))) == (409, "WrongState")


def test_a_second_ballot_waits_for_the_first(house: House, tmp_path: Path) -> None:
    proposal = house.propose()
    with relaying(house, tmp_path, started=False) as site:
        assert site.post(house.vote(0, proposal, "for")).status_code == 202
        assert refusal(site.post(house.vote(0, proposal, "against"))) == (409, "AlreadyQueued")
        assert [entry.message.choice for entry in site.relayer.queue.waiting()] == [1]


BAD_SIGNATURES = {
    "compact, EIP-2098": lambda s: s[:-2],
    "too long": lambda s: s + "00",
    "v of a yParity": lambda s: s[:-2] + f"{int(s[-2:], 16) - 27:02x}",
    "the twin with a high s": lambda s: (
        s[:66] + f"{ORDER - int(s[66:130], 16):064x}" + ("1c" if s.endswith("1b") else "1b")
    ),
    "zero": lambda _: "0x" + "00" * 64 + "1b",
    "r beyond the order": lambda s: "0x" + "ff" * 32 + s[66:],
}


@pytest.mark.parametrize("form", BAD_SIGNATURES)
def test_any_other_form_of_a_signature_is_refused(house: House, site: Site, form: str) -> None:
    """Also of one that has been counted: it never gets a second identifier."""
    body = house.vote(0, house.propose())
    bad = body | {"signature": BAD_SIGNATURES[form](body["signature"])}
    assert refusal(site.post(bad))[0] == 400
    assert refusal(site.post(bad))[1] in {"SignatureNotCanonical", "Malformed"}
    assert site.settled(site.post(body))["status"] == "done"
    assert refusal(site.post(bad))[0] == 400


def test_a_signature_counts_for_what_was_signed_alone(house: House, site: Site) -> None:
    first, second = house.propose(), house.propose()
    body = house.vote(0, first)
    for change in (
        {"choice": "against"},
        {"proposal": second.id.hex()},
        {"deadline": FAR - 1},
        {"member": house.signers[1].address},
    ):
        assert refusal(site.post(body | change)) == (403, "WrongSigner")
    foreign = {"fedledger": "signed/1", "chain": 1, "contract": house.ballots}
    assert refusal(site.post(body | foreign)) == (409, "WrongChain")
    assert refusal(site.post(body | foreign | {"chain": 31337, "contract": "0x" + "11" * 20})) == (409, "WrongChain")
    assert house.votes(first) == {}


def test_what_never_could_count_is_refused_by_name(house: House, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger.keys import ephemeral

    proposal = house.propose()
    assert refusal(site.post(house.vote(0, proposal, deadline=soon(-600)))) == (409, "SignatureExpired")
    assert refusal(site.post(house.vote(0, proposal, deadline=soon(LONGEST + 60)))) == (409, "DeadlineTooFar")
    body = house.vote(0, proposal)
    assert refusal(site.post(body | {"choice": "perhaps"})) == (400, "Malformed")
    assert refusal(site.post(body | {"choice": 4})) == (400, "Malformed")
    assert refusal(site.post(body | {"member": body["member"].lower()})) == (400, "Malformed")
    assert refusal(site.post(body | {"extra": 1})) == (400, "Malformed")
    assert refusal(site.post({"kind": "veto"})) == (400, "Malformed")
    unknown = house.vote(0, type(proposal)(**{**_fields(proposal), "id": b"\x09" * 32}))
    assert refusal(site.post(unknown)) == (404, "NotFound")
    monkeypatch.setattr(house, "signers", [ephemeral()])
    assert refusal(site.post(house.vote(0, proposal))) == (403, "NotMember")


def _fields(proposal: Any) -> dict[str, Any]:
    return {name: getattr(proposal, name) for name in proposal.__slots__}


def test_a_double_vote_is_refused_by_name(house: House, site: Site) -> None:
    proposal = house.propose()
    house.send(0, "vote", proposal.id, 1)
    assert refusal(site.post(house.vote(0, proposal))) == (409, "AlreadyVoted")
    assert site.settled(site.post(house.vote(1, proposal)))["status"] == "done"
    assert refusal(site.post(house.vote(1, proposal, "against"))) == (409, "AlreadyVoted")


def test_the_second_of_a_deadline_is_still_in_time(house: House, site: Site) -> None:
    proposal = house.propose()
    site.read()
    reading = Reading(house.network, site.latest.state)

    def take(body: dict[str, Any], now: int) -> None:
        import msgspec

        posted = msgspec.convert(body, Posted)
        moment = Moment(reading, now)
        message_of(moment, posted, identify(moment, posted), lambda: pytest.fail("no session is needed"))

    late = house.vote(0, proposal, deadline=proposal.deadline - 10)
    take(late, proposal.deadline - 10)
    with pytest.raises(SignatureExpired):
        take(late, proposal.deadline - 9)
    body = house.vote(0, proposal)
    take(body, proposal.deadline)
    with pytest.raises(WrongState) as caught:
        take(body, proposal.deadline + 1)
    assert caught.value.facts["actual"] == "Rejected"


def test_typed_data_is_served_for_votes_that_would_count(house: House, site: Site) -> None:
    proposal = house.propose()
    house.send(0, "vote", proposal.id, 1)
    site.read()
    voter, other = house.signers[0].address, house.signers[1].address

    def ask(number: int, member: str, choice: str = "for") -> tuple[int, str]:
        return refusal(site.get(f"/proposals/{number}/ballot.json?member={member}&choice={choice}"))

    assert ask(proposal.number, voter) == (409, "AlreadyVoted")
    assert ask(999, other) == (404, "NotFound")
    assert ask(proposal.number, site.relayer.address) == (403, "NotMember")
    assert ask(proposal.number, other, "maybe") == (400, "BadRequest")
    assert ask(proposal.number, other.lower()) == (400, "Malformed")


def test_a_proposal_is_signed_and_relayed(house: House, site: Site) -> None:
    account = house.signers[2]._account
    wanted = {"kind": "change_roles", "index": 3, "roles": 7}
    given = site.post({"member": account.address, "action": wanted}, "/proposals/typed-data.json").json()
    shown = {"index": 3, "roles": "participant, aggregator, scorer", "proposer": account.address}
    assert given["typed_data"]["message"]["changeRoles"] == shown | {"nonce": given["nonce"]}
    content = {"nonce": given["nonce"], "member": account.address, "action": wanted, "deadline": given["deadline"]}
    body = {"kind": "proposal", **content, "signature": signed(account, given["typed_data"])}
    answer = site.post(body)
    went = site.settled(answer)
    assert went["status"] == "done", went
    made = house.decisions.proposals[bytes.fromhex(given["proposal"])]
    assert (made.proposer, made.nonce, made.action) == (account.address, given["nonce"], ChangeRoles(3, 7))
    assert (made.id.hex(), made.encoded.hex()) == (went["proposal"], given["encoded"])
    assert site.post(body).json() == answer.json() | {"status": "done"}, "handed in again, it is the same one"


def test_of_two_proposals_with_one_nonce_the_second_is_refused(house: House, tmp_path: Path) -> None:
    nonce = house.next_nonce(0)
    with relaying(house, tmp_path, started=False) as site:
        answer = site.post(house.proposal(0, nonce, ChangeRoles(3, 4)))
        second = house.proposal(0, nonce, ChangeRoles(3, 7))
        assert refusal(site.post(second)) == (409, "AlreadyQueued")
        house.propose(0)
        with site.relayer:
            went = site.settled(answer)
        assert (went["status"], went["reason"]) == ("refused", "Ballots_WrongNonce")
        assert went["advice"]
        assert refusal(site.post(second)) == (409, "WrongNonce")


def test_what_others_propose_first_does_not_hold_up_a_signed_proposal(house: House, tmp_path: Path) -> None:
    with relaying(house, tmp_path, started=False) as site:
        answers = [site.post(house.proposal(index, house.next_nonce(index), ChangeRoles(3, 4))) for index in (0, 2)]
        house.propose(1)
        with site.relayer:
            went = [site.settled(answer) for answer in answers]
        assert [one["status"] for one in went] == ["done", "done"]


def test_what_cannot_be_proposed_is_refused_by_name(house: House, site: Site) -> None:
    site.read()
    nonce = house.next_nonce(0)
    digest = "07" * 32
    for action, expected in (
        (AdmitMember(site.relayer.address, 1, "Delta"), (409, "RelayersAddress")),
        (AdmitMember("0x" + "77" * 20, 1, house.network.founding.members[2].name), (409, "NameTaken")),
        (RemoveMember(9), (404, "NotFound")),
        (CloseJob(5), (404, "NotFound")),
        (ReleaseModel("cardio", "1.0", 1, 1, digest), (404, "NotFound")),
        (RevokeRelease("none", "1"), (404, "NotFound")),
        (RollBack("none", "1"), (404, "NotFound")),
    ):
        assert refusal(site.post(house.proposal(0, nonce, action))) == expected, action
    good = house.proposal(0, nonce, ChangeRoles(3, 7))
    assert refusal(site.post(good | {"nonce": nonce + 1})) == (403, "WrongSigner")
    assert refusal(site.post(good | {"action": {"kind": "remove_member", "index": 3}})) == (403, "WrongSigner")
    nameless = {"kind": "admit_member", "key": "0x" + "77" * 20, "roles": 1, "name": "0x" + "ff" * 64}
    assert refusal(site.post(good | {"action": nameless})) == (400, "Malformed")
    assert refusal(site.post(good | {"action": {"kind": "seize"}})) == (400, "Malformed")
    assert refusal(site.post(house.proposal(0, nonce + 1, ChangeRoles(3, 7)))) == (409, "WrongNonce")
    assert refusal(site.post(house.proposal(0, nonce, ChangeRoles(3, 7), deadline=soon(-600)))) == (
        409,
        "SignatureExpired",
    )
    for bad in ("0x" + "7" * 39 + "g", "0x" + "Ab" * 20, house.signers[0].address.lower()[:-1]):
        asked = {"member": house.signers[0].address, "action": {"kind": "name_successor", "chain": 1, "ledger": bad}}
        assert refusal(site.post(asked, "/proposals/typed-data.json")) == (400, "Malformed")


def test_addresses_are_taken_in_lower_case_to_be_signed(house: House, site: Site) -> None:
    site.read()
    checked = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    wanted = {"kind": "admit_member", "key": checked.lower(), "roles": 5, "name": "Nørre"}
    made = site.post({"member": house.signers[0].address, "action": wanted}, "/proposals/typed-data.json").json()
    assert made["action"] == wanted | {"key": checked}
    shown = made["typed_data"]["message"]["admitMember"]
    assert (shown["key"], shown["roles"], shown["name"]) == (checked, "participant, scorer", "Nørre")


def test_what_would_change_nothing_is_refused(house: House, site: Site) -> None:
    """To be signed, and signed: the contract refuses some of it only when it is carried out."""
    site.read()
    decisions = house.decisions
    roles = house.client.view("consortium", "membership", house.signers[3].address)[0][1]
    for action in (
        AdmitMember(house.signers[1].address, 1, "Delta"),
        ChangeRoles(3, roles),
        ChangeRules(decisions.rules),
    ):
        asked = {"member": house.signers[0].address, "action": msgspec.to_builtins(action)}
        assert refusal(site.post(asked, "/proposals/typed-data.json")) == (409, "ChangesNothing")
        signed = house.proposal(0, house.next_nonce(0), action)
        assert refusal(site.post(signed)) == (409, "ChangesNothing")


def test_what_passes_may_be_executed_in_advance(house: House, site: Site) -> None:
    proposal = house.propose()
    for index in (0, 1, 2):
        assert site.settled(site.post(house.vote(index, proposal)))["status"] == "done"
    site.read()
    order = site.post({"kind": "execute", "number": proposal.number}, reader=site.sign_in(3))
    until(lambda: site.status(order)["reason"] == "Ballots_WrongState")
    assert site.status(order)["status"] == "queued"
    house.send(1, "close", proposal.id)
    assert site.settled(order)["status"] == "done"


def test_one_member_cannot_spend_the_relayers_money(house: House, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [p for p in house.decisions.proposals.values() if p.proposer == house.signers[3].address and not p.ended]
    monkeypatch.setattr("web.relay.proposals.MOST", len(mine) + 1)
    assert site.settled(site.post(_next(house, 3)))["status"] == "done"
    site.read()
    assert refusal(site.post(_next(house, 3))) == (409, "TooManyProposals")


def _next(house: House, index: int) -> dict[str, Any]:
    return house.proposal(index, house.next_nonce(index), ChangeRoles(3, 7))


def test_members_close_and_execute_and_nobody_else(house: House, site: Site) -> None:
    proposal = house.propose()
    order = {"kind": "close", "number": proposal.number}
    assert refusal(site.post(order)) == (401, "NotSignedIn")
    member = site.sign_in(3)
    assert refusal(site.post(order, reader=member)) == (409, "NotDecided")
    assert refusal(site.post({"kind": "execute", "number": proposal.number}, reader=member)) == (409, "WrongState")
    for index in (0, 1, 2):
        assert site.settled(site.post(house.vote(index, proposal)))["status"] == "done"
    assert site.settled(site.post(order, reader=member))["status"] == "done"
    executing = site.post({"kind": "execute", "number": proposal.number}, reader=member)
    assert site.settled(executing)["status"] == "done"
    assert house.decisions.proposals[proposal.id].ended is not None
    assert site.post(order, reader=member).json()["status"] == "done"
    assert refusal(site.post({"kind": "close", "number": 999}, reader=member)) == (404, "NotFound")


def test_a_body_is_json_not_too_large_and_not_from_a_page_elsewhere(house: House, site: Site) -> None:
    body = b'{"kind":"close","number":1}'
    for headers, content, expected in (
        ({"content-type": "text/plain"}, body, (415, "WrongContentType")),
        ({"content-type": "application/json"}, b"[" * 5000, (400, "Malformed")),
        ({"content-type": "application/json"}, b"{}" + b" " * (17 << 10), (413, "TooLarge")),
        ({"content-type": "application/json"}, b"\xff\xfe", (400, "Malformed")),
        ({"content-type": "application/json", "origin": "https://evil.example"}, body, (403, "WrongOrigin")),
        ({"content-type": "application/json", "origin": "null"}, body, (403, "WrongOrigin")),
        ({"content-type": "application/json", "sec-fetch-site": "cross-site"}, body, (403, "WrongOrigin")),
        ({"content-type": "application/json", "origin": site.url}, body, (401, "NotSignedIn")),
    ):
        answer = post(site.url + "/relay.json", headers=headers, content=content)
        assert refusal(answer) == expected, headers

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 1024

    streamed = post(site.url + "/relay.json", headers={"content-type": "application/json"}, content=pieces())
    assert refusal(streamed) == (413, "TooLarge")


def test_a_message_that_was_never_submitted_is_not_found(site: Site) -> None:
    assert refusal(site.get("/relay/" + "0f" * 32 + ".json")) == (404, "NotFound")


def test_counts_of_what_was_relayed(house: House, site: Site) -> None:
    site.settled(site.post(house.vote(0, house.propose())))
    text = site.get("/metrics").text
    assert 'fedledger_relayed_total{kind="ballot",outcome="done"}' in text
    assert "fedledger_relay_waiting 0.0" in text
    assert "fedledger_relayer_balance_wei 0.0" in text
    assert "fedledger_relayer_up 1.0" in text


def test_a_server_without_a_relayer_says_so(house: House, tmp_path: Path) -> None:
    from ledger.party.connection import Connection
    from web.reading.latest import Latest
    from web.reading.library import Library
    from web.reading.snapshot import freeze
    from web.view import View

    proposal = house.propose()
    with Connection.visit(house.network, tmp_path) as connection:
        snapshot = freeze(connection.refresh(), connection.follower.tip.number)
    latest = Latest()
    latest.post(snapshot=snapshot)
    with served(View(house.network, latest, Library(latest, house.network), rate=0)) as url:
        answer = post(url + "/relay.json", json=house.vote(0, proposal))
        assert refusal(answer) == (503, "NoRelayer")
        path = f"/proposals/{proposal.number}/ballot.json?member={house.signers[0].address}&choice=for"
        assert get(url + path).status_code == 200


def test_two_servers_never_relay_from_one_home(house: House, tmp_path: Path) -> None:
    from ledger.keys import ephemeral
    from web.relay.relayer import Relayer

    with relaying(house, tmp_path) as site:
        second = Relayer(house.network, site.latest, ephemeral(), tmp_path / "relay")
        with pytest.raises(FedledgerError, match="another server relays"), second:
            pass


def test_a_member_s_key_relays_nothing(house: House, tmp_path: Path) -> None:
    with relaying(house, tmp_path, payer=house.signers[0]) as site:
        proposal = house.propose(1)
        until(lambda: site.relayer.trouble is not None)
        assert refusal(site.post(house.vote(1, proposal))) == (503, "RelayersKey")
    assert house.votes(proposal) == {}


def test_a_queue_survives_and_a_message_is_the_same_with_any_signature(tmp_path: Path) -> None:
    from web.relay.queue import Message, Queue

    one = Message(id="a", kind="ballot", proposal="aa", number=1, index=0, signature="0x01")
    queue = Queue(tmp_path / "queue.sqlite")
    queue.add(one, 5)
    with pytest.raises(AlreadyQueued):
        queue.add(Message(id="b", kind="ballot", proposal="aa", number=1, index=0), 5)
    queue.close()
    queue = Queue(tmp_path / "queue.sqlite")
    assert [entry.message for entry in queue.waiting()] == [one]
    queue.mark([one], "refused", "NOT_MEMBER", "no")
    assert queue.waiting() == []
    queue.add(Message(id="b", kind="ballot", proposal="aa", number=1, index=0), 5)
    queue.mark([one], "queued")
    entry = queue.entry("a")
    assert entry is not None
    assert (entry.status, entry.reason) == ("refused", "AlreadyQueued"), "another took its place"
    queue.mark([Message(id="b", kind="ballot", proposal="aa", number=1, index=0)], "done", tx="ff", block=9)
    assert queue.add(one, 6).status == "queued", "a refused one may wait again"
    assert [entry.tx for entry in queue.done(9)] == ["ff"]
    assert queue.done(10) == []
