"""A page has a wallet sign what it shows, and nothing else: whatever a server, or who sits between, answers."""

from typing import Any

import pytest
from support.web.browsing import Member
from support.web.governing import changed, lie_in_typed_data, signed
from support.web.server import until

pytestmark = pytest.mark.browser


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
    member.page.route("**/ballot.json*", lambda route: lie_in_typed_data(route, next(lies)))
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
        changed(page, "**/typed-data.json", lie)
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
    page.route(
        "**/ballot.json*",
        lambda route: lie_in_typed_data(route, lambda typed: typed["message"].update(deadline=longer)),
    )
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
