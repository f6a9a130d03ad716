"""Members govern through the page alone: wallets in a real browser, a real chain, a server that relays."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.web.relay import House, relaying
from support.web.server import get, until
from support.web.wallet import Wallet

from ledger.releases.report import Evaluation, PartyFigures, RoundFigures

pytestmark = pytest.mark.browser
FAST = 15_000


class Member:
    """A member at its browser, with a wallet of its own."""

    def __init__(self, browser: Any, url: str, signer: Any, *names: str) -> None:
        self.wallet, self.url = Wallet(signer), url
        self.context = browser.new_context(locale="en-GB")
        self.wallet.inject(self.context, names)
        self.page = self.context.new_page()
        self.page.set_default_timeout(FAST)
        self.complaints: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> "Member":
        self.page.goto(self.url + path)
        return self

    def sign_in(self) -> "Member":
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("button", name="Sign out").wait_for()
        return self

    def vote(self, word: str) -> "Member":
        self.page.get_by_role("button", name=word, exact=True).click()
        self.reads("on the ledger")
        return self

    def press(self, name: str) -> "Member":
        self.page.get_by_role("button", name=name, exact=True).click()
        self.reads("on the ledger")
        return self

    def reads(self, words: str) -> None:
        """Wait for the status line, which a screen reader reads out, to be seen with these words."""
        status = self.page.locator("#wallet-status")
        try:
            until(lambda: status.is_visible() and words in status.inner_text())
        except AssertionError:
            raise AssertionError(f"{words!r} is not shown, but {status.inner_text()!r}") from None


@pytest.fixture(scope="module")
def hospital(found_consortium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A consortium with one final model, and a server that relays for it."""
    from support.consortia.aggregators import drive, service
    from support.consortia.synthetic import Trial

    local, consortium = found_consortium(tmp_path_factory.mktemp("governed") / "houses")
    try:
        with Trial(consortium) as trial, ExitStack() as stack:
            honest = service(trial.parties[0])
            drive(honest)
            trial.submit()
            trial.vouch()
            drive(honest)
            trial.attest(1, 2)
            drive(honest)
            house = House(local)
            stack.callback(house.client.close)
            site = stack.enter_context(relaying(house, tmp_path_factory.mktemp("server")))
            until(lambda: site.latest.state.snapshot is not None and site.latest.state.documents)
            yield trial, site
        consortium.client.close()
    finally:
        local.stop()


@pytest.fixture
def members(hospital: Any, browser: Any) -> Iterator[list[Member]]:
    _, site = hospital
    names = (("Test wallet",), (), ("Test wallet",), ("Test wallet",))
    made = [Member(browser, site.url, signer, *names[place]) for place, signer in enumerate(site.house.signers)]
    yield made
    for member in made:
        member.context.close()


def report_of(trial: Any) -> Evaluation:
    final, network = trial.state.rounds[1].final, trial.consortium.network
    figures = {"accuracy": "0.97", "loss": "0.081"}
    report = Evaluation(
        fedledger="evaluation/1",
        chain=network.chain.id,
        ledger=network.contracts.ledger.address,
        job=1,
        round=1,
        root=final.root.hex(),
        parties=(
            PartyFigures(
                party="North",
                key=trial.parties[0].member.address,
                samples=50,
                rows="own_file",
                metrics=figures,
                rounds=(RoundFigures(round=0, metrics={"accuracy": "0.5"}), RoundFigures(round=1, metrics=figures)),
            ),
        ),
    )
    trial.parties[0].connection.put([report.encode()], "report")
    return report


def tally_of(member: Member) -> str:
    return str(member.page.locator("#vote .counts").inner_text())


def signed(member: Member) -> dict[str, Any]:
    """The last typed data that a member's wallet showed."""
    asked = [params for method, params in member.wallet.asked if method == "eth_signTypedData_v4"]
    document: dict[str, Any] = json.loads(asked[-1][1])
    return document


def next_second(trial: Any) -> None:
    """What is certain and closed can be carried out a second later."""
    trial.consortium.client.rpc.call("evm_increaseTime", 2)
    trial.consortium.client.rpc.call("evm_mine")


def propose_release(member: Member, report: Evaluation) -> str:
    """Where the proposal is, once the page has gone there."""
    page = member.open("/jobs/1/models/1").sign_in().page
    page.get_by_text("Propose as a release").click()
    page.get_by_label("Name").fill("cardio")
    page.get_by_label("Version").fill("1.2.0")
    page.get_by_label("Evaluation report").fill(report.digest.hex())
    guard = page.get_by_label("This server has not recomputed this model")
    if guard.count():
        page.get_by_role("button", name="Propose", exact=True).click()
        assert not [method for method, _ in member.wallet.asked if method == "eth_signTypedData_v4"]
        guard.check()
    page.get_by_role("button", name="Propose", exact=True).click()
    page.wait_for_url("**/proposals/*")
    assert page.get_by_role("heading", level=1).inner_text().endswith("of synthetic as cardio 1.2.0")
    shown = signed(member)
    released = shown["message"]["release"]
    assert (shown["primaryType"], released["name"], released["version"]) == ("Proposal", "cardio", "1.2.0")
    assert (released["round"], released["report"]) == (1, f"0x{report.digest.hex()}")
    return str(page.url.removeprefix(member.url))


def propose_revocation(member: Member) -> str:
    page = member.open("/releases/cardio/1.2.0").page
    page.get_by_text("Propose to revoke it").click()
    page.get_by_label("Reason").fill("labels were wrong")
    page.get_by_role("button", name="Propose", exact=True).click()
    page.wait_for_url("**/proposals/*")
    assert "labels were wrong" in page.locator("main").inner_text()
    return str(page.url.removeprefix(member.url))


def carry_out(trial: Any, member: Member) -> None:
    """Close the vote, and execute: the page of `member` is the proposal's."""
    until(lambda: member.page.get_by_role("button", name="Close the vote").is_visible())
    member.press("Close the vote")
    next_second(trial)
    until(lambda: member.page.get_by_role("button", name="Carry it out").is_visible())
    member.press("Carry it out")
    until(lambda: "It passed, and was carried out" in member.page.locator("#vote").inner_text())


def test_a_model_is_proposed_voted_on_released_served_and_revoked_through_the_page(
    hospital: Any, members: list[Member]
) -> None:
    trial, site = hospital
    first, second, third, fourth = members
    report = report_of(trial)
    file = site.url + "/releases/cardio/1.2.0/model.safetensors"
    proposal = propose_release(first, report)
    until(lambda: "North" in first.page.locator("#h-evaluation ~ div").first.inner_text())
    assert get(file).status_code == 403, "proposed is not released"

    first.vote("For")
    until(lambda: first.page.get_by_text("You voted, or were not a member").is_visible())
    second.open(proposal).sign_in().vote("Against")
    until(lambda: tally_of(first).startswith("For 1 · Against 1"))
    third.open(proposal).sign_in().vote("For")
    fourth.open(proposal).sign_in().vote("For")
    until(lambda: tally_of(first).startswith("For 3 · Against 1"))
    assert signed(third)["message"]["choice"] == "For", "the wallet shows it in words"
    carry_out(trial, first)

    served = get(file)
    release = site.latest.state.snapshot.decisions.current["cardio"]
    assert (served.status_code, release.version, release.report) == (200, "1.2.0", report.digest)
    assert release.root.hex().encode() in served.content[:4096], "the file says which model it is of"
    assert first.open("/releases/cardio/1.2.0").page.get_by_role("link", name="model.safetensors").is_visible()

    revocation = propose_revocation(second)
    second.vote("For")
    third.open(revocation).vote("For")
    fourth.open(revocation).vote("For")
    carry_out(trial, fourth)
    until(lambda: get(file).status_code == 410)
    assert "revoked" in get(file).json()["detail"]
    first.open("/releases/cardio/1.2.0")
    assert "labels were wrong" in first.page.locator("#state").inner_text()
    assert first.page.get_by_role("link", name="model.safetensors").count() == 0
    assert [complaint for member in members for complaint in member.complaints] == []


def test_what_goes_wrong_with_a_wallet_is_shown_in_words(hospital: Any, members: list[Member]) -> None:
    _, site = hospital
    site.house.send(3, "proposeRoles", 3, 1)
    number = int(site.house.client.view("ballots", "proposals")[0])
    site.read()
    member = members[0]
    member.open(f"/proposals/{number}")
    member.wallet.refuse = True
    member.page.get_by_role("button", name="Sign in").click()
    member.reads("You declined")
    member.wallet.refuse = False
    member.sign_in()
    member.wallet.chain, member.wallet.stubborn = 1, True
    member.page.get_by_role("button", name="Abstain").click()
    member.reads("another chain")
    member.wallet.stubborn = False
    own, member.wallet.signer = member.wallet.signer, site.house.signers[1]
    member.page.get_by_role("button", name="Abstain").click()
    member.reads("another account")
    member.wallet.signer = own
    member.vote("Abstain")
    assert ("wallet_switchEthereumChain", [{"chainId": "0x7a69"}]) in member.wallet.asked
    member.page.get_by_role("button", name="Sign out").click()
    member.reads("Signed out")
    assert member.page.get_by_role("button", name="For", exact=True).count() == 0


LIES: dict[str, Any] = {
    "another proposal's content": lambda typed: typed["message"]["removeMember"].update(index=0),
    "another proposer": lambda typed: typed["message"]["removeMember"].update(proposer="0x" + "11" * 20),
    "another choice": lambda typed: typed["message"].update(choice="For"),
    "another kind": lambda typed: typed["message"].update(changeRoles=typed["message"].pop("removeMember")),
    "a summary that nobody hashes": lambda typed: typed["message"].update(summary="\u202eeverything is fine"),
    "a field that nobody hashes": lambda typed: typed["message"]["removeMember"].update(name="West"),
    "fields that no contract knows": lambda typed: typed["types"]["RemoveMember"].pop(),
    "a contract of its own": lambda typed: typed["domain"].update(verifyingContract="0x" + "11" * 20),
    "another chain": lambda typed: typed["domain"].update(chainId=1),
    "another application": lambda typed: typed["domain"].update(name="Permit"),
    "another deadline": lambda typed: typed["message"].update(deadline=5_000_000_000),
    "something that is no vote": lambda typed: typed.update(primaryType="Permit"),
}


def test_a_page_asks_for_no_signature_under_anything_but_what_it_shows(hospital: Any, members: list[Member]) -> None:
    """A server, or who sits between, answers with typed data that differs from the page."""
    _, site = hospital
    made = site.house.propose_removal(2)
    site.read()
    member = members[1].open(f"/proposals/{made.number}").sign_in()
    shown = member.page.locator("[data-shown]")
    shown.locator("summary").click()
    assert shown.locator("dd").all_inner_texts() == ["2", made.proposer, str(made.nonce)]
    against = member.page.get_by_role("button", name="Against", exact=True)
    lies = iter(LIES.values())
    member.page.route("**/ballot.json*", lambda route: _lie(route, next(lies)))
    for what in LIES:
        with member.page.expect_response("**/ballot.json*"):
            against.click()
        until(against.is_enabled)
        member.reads("is not what this page shows")
        assert "eth_signTypedData_v4" not in [method for method, _ in member.wallet.asked], what
    member.page.unroute("**/ballot.json*")
    member.vote("Against")
    vote = signed(member)["message"]
    assert vote["removeMember"] == {"index": 2, "proposer": made.proposer, "nonce": made.nonce}
    assert vote["choice"] == "Against"


WATCHED = """() => {
  window.WORDS = [];
  const status = document.getElementById("wallet-status");
  new MutationObserver(() => WORDS.push(status.textContent)).observe(status, { childList: true });
}"""
"""Remembers all that the status line says."""


def _far(document: Any) -> None:
    """A signature for a year."""
    document["deadline"] += 365 * 86_400
    document["typed_data"]["message"]["deadline"] = document["deadline"]


def _later(document: Any) -> None:
    """The nonce after the next: a signature to be kept, and used once another proposal was made."""
    document["nonce"] += 1
    document["typed_data"]["message"]["removeMember"]["nonce"] = document["nonce"]


def test_nonce_and_deadline_are_the_chain_s_by_the_wallet_s_own_node(hospital: Any, members: list[Member]) -> None:
    """A server may repeat its own lie in both places that it is asked for: the wallet's node is asked, too."""
    _, site = hospital
    rpc, member = site.house.client.rpc, members[2]
    page = member.open("/members/1").sign_in().page
    page.get_by_text("Propose to remove").click()
    button = page.locator("form[data-propose=remove_member] button")
    for lie, node, words in (
        (_far, None, "deadline:"),
        (_far, rpc.call, "deadline:"),
        (_later, rpc.call, "nonce:"),
    ):
        member.wallet.node = node
        _changed(page, "**/typed-data.json", lie)
        with page.expect_response("**/typed-data.json"):
            button.click()
        until(button.is_enabled)
        member.reads(words)
        assert "eth_signTypedData_v4" not in [method for method, _ in member.wallet.asked]
        page.unroute("**/typed-data.json")
    member.wallet.node = rpc.call
    button.click()
    page.wait_for_url("**/proposals/*")
    own = int(site.house.client.view("ballots", "nonceOf", member.wallet.signer.address)[0])
    assert signed(member)["message"]["removeMember"]["nonce"] == own
    place = page.locator("#vote")
    longer = int(place.get_attribute("data-deadline")) + 60
    place.evaluate("(place, deadline) => { place.dataset.deadline = deadline; }", longer)
    page.route("**/ballot.json*", lambda route: _lie(route, lambda typed: typed["message"].update(deadline=longer)))
    page.get_by_role("button", name="Against", exact=True).click()
    member.reads("deadline:")
    assert signed(member)["primaryType"] == "Proposal"


def test_where_nobody_else_was_asked_the_page_says_so_and_refuses_in_its_language(
    hospital: Any, members: list[Member]
) -> None:
    _, site = hospital
    site.house.propose_removal(0)
    site.read()
    number, member = int(site.house.client.view("ballots", "proposals")[0]), members[3]
    refusal = {"error": "TooManyProposals", "detail": "the member has too many", "advice": "wait"}
    for language, unasked, refused in (
        ("en", "It cannot ask the chain itself", "Refused: the member has too many: wait"),
        (
            "zh-Hant",
            "\u7121\u6cd5\u81ea\u884c\u67e5\u8a62\u93c8\u4e0a\u8cc7\u6599",
            "\u5df2\u9054\u53ef\u8f49\u9001\u7684\u4e0a\u9650",
        ),
    ):
        page = member.open(f"/proposals/{number}?lang={language}").page
        if language == "en":
            member.sign_in()
        page.locator("[data-vote=for]").wait_for()
        page.evaluate(WATCHED)
        page.route("**/relay.json", lambda route: route.fulfill(status=409, json=refusal))
        page.locator("[data-vote=for]").click()
        member.reads(refused)
        assert any(unasked in words for words in page.evaluate("WORDS")), language
        page.unroute("**/relay.json")


def test_forms_propose_what_they_show_and_nothing_that_changes_nothing(members: list[Member]) -> None:
    page = (member := members[3]).open("/members/2").sign_in().page
    page.get_by_text("Propose other roles").click()
    boxes = page.locator("form[data-propose=change_roles] input[type=checkbox]")
    button = page.locator("form[data-propose=change_roles] button")
    button.click()
    member.reads("would change nothing")
    had = [boxes.nth(place).is_checked() for place in range(3)]
    for place in range(3):
        boxes.nth(place).uncheck()
    button.click()
    member.reads("Tick at least one role")
    boxes.nth(had.index(False) if False in had else 0).check()
    member.page.route("**/typed-data.json", _with_other_roles)
    button.click()
    member.reads("is not what this page shows")
    assert "eth_signTypedData_v4" not in [method for method, _ in member.wallet.asked]
    page = member.open("/proposals").page
    page.get_by_text("Propose other rules").click()
    form = page.locator("form[data-propose=change_rules]")
    form.locator("input").nth(0).fill("60.5")
    form.locator("input").nth(1).fill("36")
    form.locator("select").nth(0).select_option("3600")
    page.unroute("**/typed-data.json")
    form.locator("button").click()
    page.wait_for_url("**/proposals/*")
    rules = signed(member)["message"]["changeRules"]
    assert (rules["majority"], rules["voteSeconds"]) == (6_050, 36 * 3_600)


def test_a_newcomer_s_key_is_taken_in_lower_case(members: list[Member]) -> None:
    page = (member := members[0]).open("/members").sign_in().page
    page.get_by_text("Propose to admit a member").click()
    form = page.locator("form[data-propose=admit_member]")
    form.locator("input[name=name]").fill("Nørre <b>")
    form.locator("input[name=key]").fill("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")
    form.locator("button").click()
    page.wait_for_url("**/proposals/*")
    admitted = signed(member)["message"]["admitMember"]
    assert admitted["key"] == "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    assert (admitted["name"], admitted["roles"]) == ("Nørre <b>", "participant")
    assert page.locator("[data-shown] dd").nth(2).text_content() == "Nørre <b>"


def _lie(route: Any, lie: Any) -> None:
    """Answer with what the server sends, but for the typed data."""
    _change(route, lambda document: lie(document["typed_data"]))


def _changed(page: Any, address: str, lie: Any) -> None:
    page.route(address, lambda route: _change(route, lie))


def _change(route: Any, lie: Any) -> None:
    """Answer with what the server sends, but for this."""
    document = route.fetch().json()
    lie(document)
    route.fulfill(json=document)


def _with_other_roles(route: Any) -> None:
    _lie(route, lambda typed: typed["message"]["changeRoles"].update(roles="aggregator, scorer"))


def test_a_stranger_s_wallet_is_refused_as_not_a_member_s(hospital: Any, browser: Any) -> None:
    from ledger.keys import ephemeral

    _, site = hospital
    stranger = Member(browser, site.url, ephemeral(), "Test wallet")
    stranger.open("/")
    stranger.page.get_by_role("button", name="Sign in").click()
    stranger.reads("does not belong to a member")
    stranger.context.close()


def test_without_a_wallet_a_page_shows_commands_and_no_buttons(hospital: Any, browser: Any) -> None:
    _, site = hospital
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(site.url + "/proposals/1")
    assert page.locator("main button:not(.copy):visible").count() == 0
    page.goto(site.url + "/jobs/1/models/1")
    page.get_by_text("Propose as a release").click()
    assert "fedledger release propose 1 NAME VERSION" in page.locator(".propose").inner_text()
    context.close()


def test_of_several_wallets_the_reader_chooses_one(hospital: Any, browser: Any) -> None:
    _, site = hospital
    member = Member(browser, site.url, site.house.signers[0], "Fox", "<b>Bear</b>")
    page = member.open("/").page
    page.get_by_role("button", name="Sign in").click()
    choice = page.get_by_role("group", name="Choose a wallet")
    assert choice.get_by_role("button").all_inner_texts() == ["Fox", "<b>Bear</b>"]
    assert page.evaluate("document.activeElement.innerText") == "Fox"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()
    assert page.locator("#who").inner_text() == "North"
    page.reload()
    page.get_by_role("button", name="Sign out").wait_for()
    assert member.complaints == []
    member.context.close()


def test_where_reading_is_for_members_the_page_that_refuses_lets_them_sign_in(
    hospital: Any, browser: Any, tmp_path: Path
) -> None:
    _, site = hospital
    with relaying(site.house, tmp_path, read="members") as closed:
        closed.read()
        member = Member(browser, closed.url, site.house.signers[0], "Test wallet")
        page = member.open("/proposals").page
        assert page.get_by_role("heading", level=1).inner_text() == "For members: sign in"
        member.complaints.clear()
        member.sign_in()
        assert page.get_by_role("heading", level=1).inner_text() == "Proposals"
        assert member.complaints == []
        member.context.close()
