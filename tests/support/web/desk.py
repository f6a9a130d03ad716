"""A member for which everything waits that can, in a ledger in memory; and a browser in which it is signed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from msgspec.structs import replace
from support.web.relay import sign_text
from support.web.server import _CONTEXT, AT, view_of
from support.worlds.decisions import Chamber
from support.worlds.scorers import COSINE, ScoredWorld
from support.worlds.signing import member_signer

from ledger.events import records
from ledger.events.actions import ChangeRoles, CloseJob, RevokeRelease
from ledger.jobs.document import Job
from web.view import View

ME, OWN = 1, member_signer(1)
"""The member that looks at its desk; it trains nothing in the second round, and owes a third one its update."""


def busy_world() -> tuple[ScoredWorld, Chamber]:
    """Rounds, a scoring under way, a release, proposals in Voting and one to carry out, and a job to approve."""
    world = ScoredWorld(COSINE, members=4)
    world.open_job()
    world.honest_round().honest_round(updates=(0, 2, 3))
    world.open_scoring()
    chamber = Chamber(world, AT + 3_600)
    chamber.release(chamber.model())
    chamber.propose(ChangeRoles(2, 1)).vote(0)
    chamber.propose(CloseJob(1))
    chamber.propose(RevokeRelease("cardio", "1.0", b"labels were wrong".ljust(32, b"\0").hex()), proposer=2)
    chamber.deadline = 1
    chamber.propose(ChangeRoles(3, 3)).vote(0, 2, 3)
    world.open_round()
    world.submit(0)
    second = second_job(world)
    said = {"digest": second.digest, "proposer": world.keys[2], "terms": second.terms, "model": second.model_terms}
    world.emit(records.JobProposed, job=2, **said)
    world.emit(records.JobApproved, job=2, member=world.keys[2], approvals=1)
    return world, chamber


def second_job(world: ScoredWorld, name: str = "retinopathy") -> Job:
    """Another job of the same shape."""
    return replace(world.job, name=name, hold_out=30)


def busy(*, names: Any = None, job_name: str = "retinopathy", **settings: Any) -> View:
    """Its pages, at a moment when the round's deadlines are ahead."""
    world, _ = busy_world()
    second = second_job(world, job_name)
    now = world.round.deadline - 300
    options = {"hosts": ("127.0.0.1",)} | settings
    view = view_of(world, known=names, now=now, **options)
    view.latest.post(documents={world.job.digest: world.job, second.digest: second})
    return view


@contextmanager
def reader(url: str, signer: Any) -> Iterator[httpx.Client]:
    """A client of a member's, signed in."""
    with httpx.Client(base_url=url, verify=_CONTEXT, timeout=60) as client:
        message = client.get("/sign-in.json", params={"address": signer.address}).json()["message"]
        signed = {"message": message, "signature": sign_text(signer, message)}
        assert client.post("/sign-in.json", json=signed).status_code == 200
        yield client


def signed_in(browser: Any, url: str, signer: Any, **options: Any) -> Any:
    """A browser's context of a member's, signed in, without a wallet."""
    context = browser.new_context(**options)
    with reader(url, signer) as client:
        cookies = [{"name": one.name, "value": one.value, "url": url} for one in client.cookies.jar]
        expires = client.get("/session.json").json()["expires"]
    context.add_cookies(cookies)
    context.add_init_script(f"if (location.host) localStorage.setItem('fedledger.session', '{expires}')")
    return context
