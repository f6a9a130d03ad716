"""A lie, act by act: every page's answer, its words and its colour, and the exit code of the command, in one table."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console
from support.web.acts import EXITS, SHORT, Said, reads, red
from support.web.server import AT, get, network, served, view_of
from support.worlds.decisions import Chamber
from support.worlds.lies import begun, publish_altered
from support.worlds.world import World

from ledger.audit import Question
from ledger.audit.question import asked_release
from ledger.cli.answers import print_answers
from web.reading.latest import Audited
from web.reading.snapshot import ended_rounds, freeze

FIRST, SECOND, RELEASE = "/jobs/1/models/1", "/jobs/1/models/2", "/releases/cardio/1.0"
ROUND = "/jobs/1/rounds/2"


@dataclass
class Play:
    """A world, its council, and the last audit of it."""

    world: World
    council: Chamber
    audited: Audited

    def audit(self) -> "Play":
        report = self.world.audit()
        report = replace(report, history=replace(report.history, block=self.world.block))
        self.audited = Audited(AT, 0.5, ended_rounds(self.world.history.jobs), report)
        return self


def before() -> Play:
    """A first round is final, a second one has its updates, and all was audited."""
    world = begun()
    world.open_pending()
    return Play(world, Chamber(world, AT + 3_600), Audited(0, 0, {}, None)).audit()


def stands(*, audited: bool = True) -> Play:
    """East publishes a model that differs in one value, and members attest."""
    play = before()
    publish_altered(play.world, 310)
    return play.audit() if audited else play


def refuted(*, audited: bool = True) -> Play:
    """Two members compute another model."""
    play = stands()
    play.world.attest(2)
    play.world.attest(3)
    return play.audit() if audited else play


def second(*, audited: bool = True) -> Play:
    """North publishes the right model, and members agree."""
    play = refuted()
    play.world.publish(0)
    play.world.attest(2)
    play.world.attest(3)
    return play.audit() if audited else play


def released(*, audited: bool = True) -> Play:
    play = second()
    play.council.release(play.council.model(number=2))
    return play.audit() if audited else play


def revoked() -> Play:
    play = released()
    play.council.revoke("cardio", "1.0")
    return play.audit()


def taken() -> Play:
    """Instead of refuting it, members agree to the lie without computing; no audit since."""
    play = stands()
    for member in (2, 3):
        play.world.attest(member, play.world.aggregate.claim)
    return play


UNSEEN = "published, not audited since"
CAUGHT = {page: Said("yes", "caught") for page in ("/", "/audit", "/jobs/1")}
ACTS: dict[str, tuple[Callable[[], Play], dict[str, Said]]] = {
    "before the lie": (
        before,
        {page: Said("yes") for page in ("/", "/audit", "/jobs/1", FIRST, "/jobs/1/rounds/1")}
        | {ROUND: Said("nothing")},
    ),
    UNSEEN: (
        lambda: stands(audited=False),
        {page: Said("yes") for page in ("/", "/audit", "/jobs/1")} | {ROUND: Said("newer")},
    ),
    "while it stands": (
        stands,
        {page: Said("no", "pending") for page in ("/", "/audit", "/jobs/1", ROUND)}
        | {FIRST: Said("yes"), "/jobs/1/rounds/1": Said("yes")},
    ),
    "refuted, not audited since": (
        lambda: refuted(audited=False),
        CAUGHT | {ROUND: Said("nothing", "caught"), FIRST: Said("yes")},
    ),
    "refuted": (refuted, CAUGHT | {ROUND: Said("nothing", "caught"), FIRST: Said("yes")}),
    "after the second aggregate, not audited since": (
        lambda: second(audited=False),
        CAUGHT | {ROUND: Said("newer", "caught"), SECOND: Said("newer", "caught"), FIRST: Said("yes")},
    ),
    "after the second aggregate": (second, CAUGHT | {page: Said("yes", "caught") for page in (ROUND, SECOND)}),
    "released, not audited since": (
        lambda: released(audited=False),
        CAUGHT
        | {RELEASE: Said("newer", "caught"), "/proposals/1": Said("newer", "caught"), SECOND: Said("yes", "caught")},
    ),
    "released": (
        released,
        CAUGHT | {page: Said("yes", "caught") for page in (RELEASE, "/proposals/1", SECOND, ROUND)},
    ),
    "revoked": (
        revoked,
        CAUGHT | {page: Said("yes", "caught") for page in (RELEASE, "/proposals/1", "/proposals/2", SECOND)},
    ),
    "the lie became the model, not audited since": (
        taken,
        {page: Said("no", "standing") for page in ("/", "/audit", "/jobs/1", ROUND, SECOND)} | {FIRST: Said("yes")},
    ),
}


@pytest.fixture(scope="module", params=ACTS, ids=str)
def act(request: pytest.FixtureRequest) -> Iterator[tuple[str, Play, str, dict[str, Said]]]:
    make, pages = ACTS[request.param]
    play = make()
    world = play.world
    view = view_of(world, known=network())
    view.latest.post(snapshot=freeze(world.history, len(world.events)), audited=play.audited)
    with served(view) as url:
        yield request.param, play, url, pages


def answers(url: str, path: str) -> Any:
    """What a page's document says."""
    return get(url + ("/consortium" if path == "/" else path) + ".json").json()["answers"]


def test_documents_and_command_answer_the_same(act: Any) -> None:
    _, play, url, pages = act
    for path, said in pages.items():
        found = answers(url, path)
        right = None if said.right == "newer" else "yes" if said.right == "nothing" else said.right
        assert (found["right"], found["answer"]) == (right, said.lies), path
        assert found["stands"] == (said.right != "nothing") or said.right == "newer", path
        assert found["exit"] == EXITS[said.right], path
        if said.right == "newer" or found["coverage"]["attempts"]:
            assert said.right != "no", "what was not audited is not false"
            continue
        question = asked(play.world, found["asked"])
        report = play.world.audit(question=question)
        assert report.exit == found["exit"], path
        out = io.StringIO()
        print_answers(Console(file=out, width=200), report, question.words)
        assert f"Is it right?    {SHORT[said.right] or 'yes'}" in out.getvalue(), path


def test_the_liar_has_the_lie_on_its_page_and_nobody_else(act: Any) -> None:
    name, _, url, pages = act
    told = {index: get(f"{url}/members/{index}.json").json()["told"] for index in range(4)}
    lied = {index for index, one in told.items() if one["lies_told"]}
    assert lied == (set() if name in ("before the lie", UNSEEN) else {1})
    assert told[1]["answer"] == pages["/"].lies


def asked(world: World, found: dict[str, Any]) -> Question:
    """The question that a page's document names."""
    ((what, which),) = found.items()
    if what == "release":
        return Question.of_release(asked_release(world.history, which))
    if what in ("round", "model"):
        job, number = map(int, which.split("/"))
        return Question.of_round(job, number) if what == "round" else Question.of_model(job, number)
    return Question.of_job(which) if what == "job" else Question()


@pytest.mark.browser
def test_the_pages_say_it_in_words_and_colours(act: Any, page: Any) -> None:
    name, _, url, pages = act
    for path, said in pages.items():
        text = reads(page, url, path, said, "aggregate 1/2, attempt 1")
        assert ("1 aggregate is being attested and is not audited yet" in text) == (name == UNSEEN), path
        if said.right != "no" and path in (RELEASE, FIRST, SECOND, "/"):
            assert red(page, url + path) == [], path
    page.goto("about:blank")
