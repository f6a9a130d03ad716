"""What `fedledger job propose` does once a job is proposed: the others need its files, and have them from this home."""

import time
from typing import TYPE_CHECKING

import click

from ledger.errors import Unavailable, plain
from ledger.formats.cid import RAW, Cid
from ledger.party.gateway import serve_and_announce
from ledger.party.proposed import holding_text
from ledger.party.reach import advice

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.config import HomeSettings
    from ledger.jobs.document import Job
    from ledger.party.connection import Connection
    from ledger.party.gateway import Serving

POLL = 2.0
"""Seconds between two looks at the chain."""


def offer(connection: "Connection", sender: "Sender", settings: "HomeSettings", number: int, document: "Job") -> None:
    """Keep a proposed job's files within the others' reach, until a majority holds them or Ctrl-C ends it.

    Raises as `serve_and_announce`.
    """
    if not settings.store.reachable:
        _by_hand(document)
        return
    serving = serve_and_announce(connection, sender, settings)
    try:
        if not serving.here:
            _tell("another process of this home serves it: keep that going, members fetch the model from it")
            return
        _tell(f"members fetch the model from {serving.url} until a majority holds it; Ctrl-C ends that")
        warning = "" if settings.gateway.public_url else advice(settings, connection.network.chain.id)
        if warning:
            _tell(f"note: {warning}")
        _serve_until_held(connection, serving, number)
    except KeyboardInterrupt:
        held = holding_text(connection.history, connection.history.jobs[number])
        _tell(f"stopped; job {number} stays proposed, and {held}")
        _tell("keep fedledger node run going: members fetch the model from you")
    finally:
        serving.close()


def _serve_until_held(connection: "Connection", serving: "Serving", number: int) -> None:
    """Serve until a majority opened the job, or it is closed. A chain that cannot be read for a while is waited for."""
    told = ""
    while True:
        try:
            history = connection.refresh()
            serving.check()
            state = history.jobs[number]
            said, over = holding_text(history, state), state.open or state.closed
        except Unavailable as error:
            said, over = f"chain: {error.message}", False
        if said != told:
            _tell(said)
            told = said
        if over:
            _tell(f"job {number} is {'open' if state.open else 'closed'}")
            return
        _wait(connection)


def _wait(connection: "Connection") -> None:
    try:
        connection.follower.wait(POLL)
    except Unavailable:
        time.sleep(POLL)


def _by_hand(document: "Job") -> None:
    """Nobody can dial this home, so that its files travel in another way."""
    _tell("nobody can dial this home ([store] reachable = false): send the others two files")
    for cid, name in ((Cid(RAW, document.digest), "job.car"), (document.initial_cid, "model.car")):
        _tell(f"  here fedledger store export {cid} -o {name}, there fedledger store import {name}")


def _tell(text: str) -> None:
    click.echo(plain(text), err=True)
