"""A clerk at the desk, in a real Chromium: reads what waits, proposes and approves a job, hands in signed files."""

import copy
import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eth_utils.abi import function_abi_to_4byte_selector
from support.web.browsing import Member
from support.web.desk import OWN, busy, signed_in
from support.web.relay import House, Site, relaying
from support.web.server import HOSTILE, get, network, served, until
from support.worlds.world import World

from ledger.chain.build import committed
from ledger.events.actions import ChangeRoles
from web.drawing.assets import STATIC

pytestmark = pytest.mark.browser
AXE = (Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
RUN = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
  const rules = { "label-content-name-mismatch": { enabled: true }, region: { enabled: true } };
  const { violations } = await axe.run(document, { runOnly: { type: "tag", values: tags }, rules });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => [id, ...node.target]));
}"""
JSON = "application/json"
REFUSED = "Failed to load resource"
"""What the console says of a response that refuses: some are asked for here."""


@pytest.fixture(scope="module")
def site(found_house: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with found_house(tmp_path_factory.mktemp("house") / "homes") as house, ExitStack() as stack:
        made = stack.enter_context(relaying(house, tmp_path_factory.mktemp("server")))
        until(lambda: made.latest.state.snapshot is not None)
        yield made


def node_of(house: House) -> Callable[..., Any]:
    return house.client.rpc.call


@pytest.fixture
def members(site: Site, browser: Any) -> Iterator[list[Member]]:
    made = [Member(browser, site.url, signer, "Test wallet") for signer in site.house.signers]
    for member in made:
        member.wallet.node = node_of(site.house)
    yield made
    complaints = [one for member in made for one in member.complaints if REFUSED not in one]
    for member in made:
        member.page.goto("about:blank")
        member.context.close()
    assert complaints == []


def file_of(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": JSON, "buffer": content}


def badge(member: Member) -> str:
    return str(member.page.locator("#waiting .badge").inner_text())


def test_the_script_knows_the_contract_s_functions_by_their_selectors() -> None:
    said = {name: (STATIC / name).read_text() for name in ("desk.js", "signing.js")}
    for function, file in (("proposeJob", "desk.js"), ("approveJob", "desk.js"), ("jobOf", "signing.js")):
        abi: Any = next(entry for entry in committed("ledger").abi if entry.get("name") == function)
        assert f'"{function_abi_to_4byte_selector(abi).hex()}"' in said[file], function


def test_a_job_is_read_proposed_and_approved_by_members_own_wallets(site: Site, members: list[Member]) -> None:
    first, second, third, _ = members
    job = msgspec.structs.replace(World().job, name="retinopathy")
    page = first.open("/desk").page
    assert "fedledger web sign-in" in page.locator("main").inner_text()
    first.open("/jobs").sign_in()
    page.get_by_text("Propose a job", exact=True).click()
    page.get_by_label("Job document").set_input_files(file_of("job.json", job.encode().replace(b'"job/2"', b'"job/9"')))
    page.get_by_role("button", name="Read it to me").click()
    until(lambda: "another format" in page.locator("[data-checked]").inner_text())
    page.get_by_label("Job document").set_input_files(file_of("job.json", job.encode()))
    page.get_by_role("button", name="Read it to me").click()
    until(lambda: page.locator("#checked").count() == 1)
    assert job.digest.hex() in page.locator("#checked").inner_text()
    page.get_by_label("I have read what it says").check()
    page.get_by_role("button", name="Propose with my wallet").click()
    page.wait_for_url("**/jobs/1")
    proposed = site.latest.state.snapshot.jobs[1]
    assert (proposed.digest, proposed.proposer) == (job.digest, site.house.signers[0].address)
    sent = [params for method, params in first.wallet.asked if method == "eth_sendTransaction"]
    assert len(sent) == 1 and sent[0][0]["chainId"] == "0x7a69", "a wallet on another chain sends nothing"

    site.latest.post(documents={job.digest: job})  # as read from its proposer
    second.open("/").sign_in()
    until(lambda: badge(second) == "1")
    second.page.locator("nav a[href='/desk']").click()
    assert "fedledger job approve 1" in second.page.locator("main").inner_text()
    approve(second.open("/jobs/1"))
    approve(third.open("/jobs/1").sign_in())
    first.open("/jobs/1")
    until(
        lambda: page.get_by_text("You have approved this job").is_visible() or site.latest.state.snapshot.jobs[1].open
    )
    until(lambda: site.latest.state.snapshot.jobs[1].open)
    second.open("/")
    until(lambda: not second.page.locator("#waiting").is_visible())


def approve(member: Member, words: str = "on the ledger") -> None:
    """Approve the job whose page is open."""
    until(lambda: member.page.locator("[data-approve-job]").is_visible())
    member.page.get_by_label("I have read what it says").check()
    member.page.get_by_role("button", name="Approve with my wallet").click()
    member.reads(words)


def test_nothing_is_sent_of_another_file_or_another_job(site: Site, members: list[Member]) -> None:
    first = members[0]
    job = msgspec.structs.replace(World().job, name="cardiology")
    page = first.open("/jobs").sign_in().page
    page.get_by_text("Propose a job", exact=True).click()
    page.get_by_label("Job document").set_input_files(file_of("job.json", job.encode()))
    page.get_by_role("button", name="Read it to me").click()
    until(lambda: page.locator("#checked").count() == 1)
    page.evaluate("document.getElementById('checked').dataset.call = '0xa9e4ab22' + '11'.repeat(600)")
    page.get_by_label("I have read what it says").check()
    page.get_by_role("button", name="Propose with my wallet").click()
    first.reads("not of your file")
    assert "eth_sendTransaction" not in [method for method, _ in first.wallet.asked]


def test_no_job_is_approved_that_took_the_place_of_the_one_that_was_read(browser: Any) -> None:
    """As after a reorganisation: the form follows the ledger, and what stands around it is of the other job."""
    view = busy()
    with served(view) as url:
        member = Member(browser, url, OWN, "Test wallet").open("/jobs/2").sign_in()
        member.page.locator("[data-approve-job]").wait_for()
        snapshot, world = view.latest.state.snapshot, World()
        assert snapshot is not None
        other = msgspec.structs.replace(world.job, name="another")
        state = copy.copy(snapshot.jobs[2])
        state.digest, state.terms, state.model = other.digest, other.terms, other.model_terms
        documents = {**view.latest.state.documents, other.digest: other}
        jobs = {**snapshot.jobs, 2: state}
        view.latest.post(snapshot=dataclasses.replace(snapshot, jobs=jobs), documents=documents)
        member.page.locator(f"[data-approve-job][data-digest='{other.digest.hex()}']").wait_for()
        approve(member, "The job has changed")
        assert "eth_sendTransaction" not in [method for method, _ in member.wallet.asked]
        member.page.goto("about:blank")
        member.context.close()


def test_a_job_whose_document_was_not_read_is_not_approved_in_the_page() -> None:
    view = busy()
    view.latest.post(documents={})
    with served(view) as url:
        page = get(url + "/jobs/2").text
    assert "fedledger job approve 2" in page and "data-approve-job=" not in page


def test_a_signed_file_is_handed_in_and_nonsense_is_refused_in_words(site: Site, members: list[Member]) -> None:
    house = site.house
    nonce = house.next_nonce(0)
    body = house.proposal(0, nonce, ChangeRoles(3, 1))
    place = {"fedledger": "signed/1", "chain": house.network.chain.id, "contract": house.ballots}
    content = json.dumps({**body, **place}).encode()
    clerk = members[3]
    page = clerk.open("/desk").sign_in().page
    page.wait_for_selector("#hand-in")
    page.get_by_text("Hand in a signed file").click()
    field, button = page.get_by_label("Signed file"), page.get_by_role("button", name="Hand it in")
    for bad, words in ((b"{", "not a file of JSON"), (b"[]", "body is not"), (b" " * 20_000, "too large")):
        field.set_input_files(file_of("vote.json", bad))
        button.click()
        clerk.reads(words)
    field.set_input_files(file_of("vote.json", content))
    button.click()
    clerk.reads("on the ledger")
    assert page.locator("[data-result] a").get_attribute("href").startswith("/proposals/")
    until(lambda: badge(clerk) == "1")


def test_the_search_is_sent_where_the_wallet_s_script_is_loaded(site: Site, members: list[Member]) -> None:
    page = members[0].open("/").page
    page.get_by_role("searchbox").fill("nothing of that name")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/search?q=*")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("language", ["en-GB", "zh-TW"])
def test_the_desk_and_its_forms_are_accessible_and_fit(browser: Any, language: str, width: int) -> None:
    for names in (network(), network((*HOSTILE, *("a clinic of the region",) * 2), title=HOSTILE[0])):
        with served(busy(names=names, job_name="x" * 60)) as url:
            context = signed_in(browser, url, OWN, locale=language, viewport={"width": width, "height": 900})
            page = context.new_page()
            for path in ("/desk", "/jobs", "/jobs/2", "/proposals?state=Voting", "/jobs/1/models/1"):
                page.goto(url + path)
                page.locator("[data-member]").wait_for()
                page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
                page.evaluate(AXE)
                assert page.evaluate(RUN) == [], path
                assert page.title() != "taken" and page.locator("img").count() == 0
            page.goto("about:blank")
            context.close()


def test_without_scripts_the_desk_can_be_read(browser: Any) -> None:
    with served(busy()) as url:
        context = signed_in(browser, url, OWN, java_script_enabled=False, locale="en-GB")
        page = context.new_page()
        page.goto(url + "/")
        page.get_by_role("link", name="My desk").click()
        assert "7 things wait for you" in page.locator("main").inner_text()
        assert page.locator("main form:visible").count() == 0
        context.close()
