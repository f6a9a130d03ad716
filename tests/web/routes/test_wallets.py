"""Wallets of all kinds before a page: several, none, a stranger's, one that declines or is elsewhere."""

from pathlib import Path
from typing import Any

import pytest
from support.web.browsing import Member
from support.web.relay import relaying

pytestmark = pytest.mark.browser


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
