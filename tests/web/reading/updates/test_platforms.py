"""Platform documents of updates: listed as this server's audit found them, and by nothing else."""

from hashlib import sha256

import pytest
from support.web.server import AT, get, network, served, view_of
from support.worlds.world import World

from ledger.audit.report import Report
from web.reading.latest import Audited
from web.view import View

HTML = {"Accept": "text/html"}
HERE = network()
DOCUMENTS = (b"header.body.signature", b"\xd2\x84" + bytes(40), b"a vendor's report", None)


def final() -> World:
    """A round whose updates name documents, of which the third cannot be had."""
    world = World().open_job().open_round()
    for member, document in enumerate(DOCUMENTS):
        binding = world.binding(member)
        if document is not None:
            binding = binding.on(binding.rows, binding.data, sha256(document).digest())
            if member != 2:
                world.files.put(document)
        world.submit(member, binding=binding)
    world.publish(0)
    for member in (1, 2):
        world.attest(member)
    return world


def page_of(view: View, language: str = "en") -> tuple[list[dict[str, object]], str]:
    with served(view) as url:
        page = get(url + "/jobs/1/rounds/1", headers={**HTML, "Accept-Language": language}).text
        return get(url + "/jobs/1/rounds/1.json").json()["platforms"], page


@pytest.fixture
def audited() -> tuple[View, Report]:
    world = final()
    view, report = view_of(world, known=HERE), world.audit()
    view.latest.post(audited=Audited(AT, 0.1, {1: 1}, report))
    return view, report


def test_they_are_listed_as_the_audit_found_them(audited: tuple[View, Report]) -> None:
    view, report = audited
    assert report.right.answer == "yes"
    lines, page = page_of(view)
    assert [one["sort"] for one in lines] == ["jwt", "cose", "absent"]
    assert [one["document"] for one in lines] == [sha256(one).hexdigest() for one in DOCUMENTS if one]
    assert "Platform documents" in page
    assert "could not be had" in page
    assert "It changes no verdict" in page


def test_they_are_told_in_both_languages(audited: tuple[View, Report]) -> None:
    assert "平台文件" in page_of(audited[0], "zh-TW")[1]


def test_before_an_audit_and_without_documents_there_is_nothing() -> None:
    view = view_of(final(), known=HERE)
    view.latest.post(audited=None)
    lines, page = page_of(view)
    assert (lines, "Platform documents" in page) == ([], False)
    world = World().open_job().honest_round()
    view = view_of(world, known=HERE)
    view.latest.post(audited=Audited(AT, 0.1, {1: 1}, world.audit()))
    assert page_of(view)[0] == []
