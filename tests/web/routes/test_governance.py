"""Members govern through the page alone: wallets in a real browser, a real chain, a server that relays."""

from typing import Any

import msgspec
import pytest
from support.web.browsing import Member
from support.web.governing import lie_in_typed_data, signed
from support.web.server import get, until

from ledger.releases.report import Evaluation, PartyFigures, RoundFigures

pytestmark = pytest.mark.browser


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
    other = msgspec.structs.replace(report, round=2)
    field = page.get_by_label("Or its file")
    field.set_input_files({"name": "other.json", "mimeType": "application/json", "buffer": other.encode()})
    member.reads("not a report on this model")
    field.set_input_files({"name": "report.json", "mimeType": "application/json", "buffer": report.encode()})
    until(lambda: page.locator("select[name=report]").input_value() == report.digest.hex())
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
    until(lambda: first.page.get_by_text("You have voted").is_visible())
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


def _with_other_roles(route: Any) -> None:
    lie_in_typed_data(route, lambda typed: typed["message"]["changeRoles"].update(roles="aggregator, scorer"))
