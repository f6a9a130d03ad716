"""What `fedledger job propose` does besides: the home's own data are read before, and once a job is proposed the others
have its files from this home.
"""

import time
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import click

from ledger.errors import Unavailable, UsageError, plain
from ledger.formats.cid import RAW, Cid
from ledger.history.fold import HistoryError
from ledger.party.gateway import serve_and_announce
from ledger.party.proposed import holding_text
from ledger.party.reach import advice

if TYPE_CHECKING:
    from ledger.config import Home, HomeSettings
    from ledger.history.fold import History, HistoryError
    from ledger.history.state import JobState
    from ledger.jobs.document import Job
    from ledger.keys import Signer
    from ledger.party.connection import Connection
from ledger.party.gateway import Serving

POLL = 2.0
"""Seconds between two looks at the chain."""
PROPOSAL_CHECKS = "fedledger.proposal_checks"
"""The group of entry points with what a role checks before its member proposes a job, which has no number yet: its
document; each raises where it may not.
"""
TAKEN_BACK = "the chain took the proposal back"


def check_own_data(home: "Home", proposed: "Job") -> None:
    """What roles check before their member proposes a job. Raises UsageError where its data cannot be trained on."""
    for point in entry_points(group=PROPOSAL_CHECKS):
        try:
            point.load()(home, proposed, lambda text: click.echo(text, err=True))
        except UsageError as error:
            advice = f"{error.advice + '; or ' if error.advice else ''}propose it all the same: --unchecked"
            raise UsageError(error.message, advice=advice, **error.facts) from error


def offer(connection: "Connection", signer: "Signer", settings: "HomeSettings", number: int, document: "Job") -> None:
    """Keep a proposed job's files within the others' reach, until a majority holds them or Ctrl-C ends it.

    This home's gateway is served as a node serves it: what others push meanwhile is signed for.
    Raises as `serve_and_announce`.
    """
    if not settings.store.reachable:
        _by_hand(document)
        return
    serving = serve_and_announce(connection, connection.sender(signer), settings, signer)
    try:
        if not serving.here:
            _tell("another process of this home serves it: keep that going, members fetch the model from it")
            return
        _tell(f"members fetch the model from {serving.url} until a majority holds it; Ctrl-C ends that")
        warning = "" if settings.gateway.public_url else advice(settings, connection.network.chain.id)
        if warning:
            _tell(f"note: {warning}")
        _serve_until_held(connection, serving, number, document.digest)
    except KeyboardInterrupt:
        state = _proposed(connection.history, number, document.digest)
        held = f"job {number} stays proposed, and {holding_text(connection.history, state)}" if state else TAKEN_BACK
        _tell(f"stopped; {held}")
        _tell("keep fedledger node run going: members fetch the model from you")
    finally:
        serving.close()


def _serve_until_held(connection: "Connection", serving: "Serving", number: int, digest: bytes) -> None:
    """Serve until a majority opened the job, or it is closed. A chain that cannot be read for a while is waited for,
    and so is one that took the proposal back.
    """
    told = ""
    while True:
        try:
            history = connection.refresh()
            serving.check()
            state = _proposed(history, number, digest)
            said = holding_text(history, state) if state else TAKEN_BACK
        except (HistoryError, Unavailable) as error:
            state, said = None, f"chain: {error.message}"
        if said != told:
            _tell(said)
            told = said
        if state and (state.open or state.closed):
            _tell(f"job {number} is {'open' if state.open else 'closed'}")
            return
        _wait(connection)


def _proposed(history: "History", number: int, digest: bytes) -> "JobState | None":
    """The job as the chain has it now; None where it took the proposal back, or put another job in its place."""
    state = history.jobs.get(number)
    return state if state is not None and state.digest == digest else None


def _wait(connection: "Connection") -> None:
    try:
        connection.follower.wait(POLL)
    except (HistoryError, Unavailable):
        time.sleep(POLL)


def _by_hand(document: "Job") -> None:
    """Nobody can dial this home, so that its files travel in another way."""
    _tell("nobody can dial this home ([store] reachable = false): send the others two files")
    for cid, name in ((Cid(RAW, document.digest), "job.car"), (document.initial_cid, "model.car")):
        _tell(f"  here fedledger store export {cid} -o {name}, there fedledger store import {name}")


def _tell(text: str) -> None:
    click.echo(plain(text), err=True)
