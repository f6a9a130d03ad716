"""The activity and the search over a real chain, and in a browser."""

from typing import Any

from web.reading.activity import KINDS


def test_every_event_of_a_real_chain_has_its_block_and_its_proved_time(site: Any) -> None:
    lines = site.get("/activity.json?limit=500").json()["events"]
    client = site.trial.consortium.client
    assert len(lines) == site.get("/activity.json").json()["total"] > 40
    assert {one["kind"] for one in lines} >= {"attested", "attempt_failed", "voted", "released", "revoked"}
    assert {one["kind"] for one in lines} <= set(KINDS.values())
    for one in lines:
        block = client.block(one["block"])
        assert (one["time"], one["time_proved"]) == (block.time, block.proved)


def test_each_line_leads_to_a_page_that_has_it(site: Any) -> None:
    for one in site.get("/activity.json?limit=500").json()["events"]:
        path, _, place = one["path"].partition("#")
        page = site.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 200, path
        assert not place or f'id="{place}"' in page.text, one["path"]


def test_every_transaction_is_found(site: Any) -> None:
    for tx in {one["tx"] for one in site.get("/activity.json?limit=500").json()["events"]}:
        matches = site.get(f"/search.json?q={tx}").json()["matches"]
        assert "transaction" in [one["what"] for one in matches], tx


def test_a_hash_leads_to_what_it_names_without_scripts(site: Any, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.url}/jobs/1/rounds/1")
    root = page.locator("table td a.id").first
    text = root.inner_text()
    root.click()
    assert "/jobs/1/rounds/1#event-" in page.url
    page.fill("input[name=q]", text)
    page.press("input[name=q]", "Enter")
    assert "/jobs/1/rounds/1#event-" in page.url
    page.fill("input[name=q]", "no such thing")
    page.press("input[name=q]", "Enter")
    assert "no such thing" in page.locator("main").inner_text()
    context.close()


def test_a_hash_is_copied_whole_and_times_say_how_long_ago(site: Any, page: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site.url}/jobs/1/rounds/1")
    first = page.locator("table td code.hash").first
    page.locator("table td button.copy").first.click()
    page.locator("button.copy.done").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == first.text_content()
    assert "ago" in page.locator("main time[title]").first.get_attribute("title")
