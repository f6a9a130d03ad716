"""A party at a glance: its key, data and store, and its node's next step for each job."""

import contextlib
import json
import os
import time
from dataclasses import asdict
from typing import Any

from msgspec import convert, to_builtins

from ledger.cli.job_facts import name_of
from ledger.cli.screen import shown
from ledger.cli.tables import print_table
from ledger.config import Home
from ledger.errors import UsageError
from ledger.formats.text import plural
from ledger.history.phases import present
from ledger.history.state import JobState
from ledger.keys import address_of
from ledger.party.connection import Connection
from ledger.party.posts import is_held
from participant.node.masking.status import job_masks, masks_of
from participant.node.masking.steps import NOTHING
from participant.node.start import LOG, ROLE
from participant.node.steps import NodeSituation, next_step
from participant.node.trainings import words
from participant.node.withholding import withheld
from participant.scoring.steps import ScoringSituation, next_scoring_step
from participant.tasks.data.files import DataFiles
from participant.tasks.machine import Machine
from participant.trainer.messages import Progress
from participant.trainer.trainers import under_way

LONGEST = 30.0
"""Seconds that the other chain nodes have to say whether they show the same."""
JOURNAL_END = 1 << 16
"""Bytes at the journal's end in which the latest update is looked for."""


def status_of(home: Home) -> dict[str, Any]:
    """Everything `fedledger node status` shows; nothing is sent, no training code is loaded."""
    _require_joined(home)
    key, settings, files = address_of(home.keystore), home.settings(), DataFiles(home)
    with Connection.open(home) as connection:
        connection.refresh()
        tip = connection.follower.tip
        findings = connection.witnesses.ask(connection.point(*tip), seconds=LONGEST)
        member = connection.history.member_of(key)
        return {
            "home": str(home.folder),
            "running": is_held(home.folder, ROLE),
            "served": is_held(home.folder, "gateway"),
            "network": connection.network.name,
            "address": key,
            "member": None if member is None else member.index,
            "name": settings.name if member is None else connection.name(member.index),
            "roles": [role.name.lower() for role in member.roles if role.name] if member else [],
            "gateway": member.gateway if member else "",
            "data": _named(settings.data),
            "data_found": bool(files.named()) and all(path.is_file() for path in files.named()),
            "validation": _named(settings.validation),
            "device": settings.device,
            "trained_on": _trained_on(home),
            "node": connection.client.rpc.url,
            "confirmations": connection.network.chain.confirmations,
            "log": to_builtins(findings.own) if findings.own else None,
            "witnesses": [to_builtins(one) for one in findings.answers],
            "files_kept": len(connection.store.pins()) if connection.store else 0,
            "masks": masks_of(connection, key),
            "training": [to_builtins(one) for one in under_way(Machine.of(home).work)],
            "jobs": [_job(home, connection, state, key) for state in connection.history.jobs.values()],
        }


def _require_joined(home: Home) -> None:
    """Raises UsageError for a home that joined no network, with its key: that is what the consortium is to be told."""
    try:
        home.network()
    except UsageError as error:
        if home.network_file.exists() or not home.keystore.exists():
            raise
        raise UsageError(error.message, advice=error.advice, key=address_of(home.keystore), **error.facts) from error


def _named(setting: str | dict[str, str]) -> str:
    """Files of data as people read them."""
    if isinstance(setting, str):
        return setting
    return ", ".join(f"{name}: {file}" for name, file in setting.items())


def _trained_on(home: Home) -> str | None:
    """The device of the latest update that was trained here, as the end of the node's journal says; None for none."""
    try:
        with (home.folder / LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - JOURNAL_END))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            noted = json.loads(line)
            if isinstance(noted, dict) and noted.get("device"):
                return str(noted["device"])
    return None


def _job(home: Home, connection: Connection, state: JobState, key: str) -> dict[str, Any]:
    held = frozenset((state.number, number) for number in state.rounds)
    now = connection.client.time()
    kept = withheld(home, state, connection.history.member_of(key), connection.document, now)
    situation = NodeSituation(now, connection.deep(), held=held, name=connection.name, withheld=kept)
    step = next_step(connection.history, state, key, situation)
    stage = present(current, state.terms, now) if (current := state.current) else None
    score = next_scoring_step(connection.history, state, key, ScoringSituation(now, connection.deep(), 0))
    return {
        "job": state.number,
        "name": name_of(connection, state),
        "open": state.open,
        "finalised": state.finalised,
        "round": current.number if current else 0,
        "rounds": state.terms.rounds,
        "phase": stage.phase.value if stage else None,
        "next": {"step": type(step).__name__.lower(), **asdict(step)},
        "masks": job_masks(connection, state, key, now),
        "scores": {"step": type(score).__name__.lower(), **asdict(score)} if state.terms.scored else None,
    }


def print_status(facts: dict[str, Any]) -> None:
    """The same for the terminal."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    member = "not a member" if facts["member"] is None else f"member {facts['member']}, {', '.join(facts['roles'])}"
    data = facts["data"] or "none named"
    missing = "" if facts["data_found"] or not facts["data"] else " [red](not found)[/]"
    console.print(f"[bold]{escape(facts['name'])}[/] of {escape(facts['network'])}: {member}")
    console.print(f"[dim]key[/]      {facts['address']}")
    console.print(f"[dim]data[/]     {escape(data)}{missing}")
    if facts["validation"]:
        console.print(f"[dim]scores[/]   on {escape(facts['validation'])}")
    trained = f", the latest update on {escape(facts['trained_on'])}" if facts["trained_on"] else ""
    console.print(f"[dim]device[/]   {escape(facts['device'])}{trained}")
    console.print(f"[dim]node[/]     {'runs' if facts['running'] else 'does not run'}")
    console.print(f"[dim]store[/]    {plural(facts['files_kept'], 'file')}, {escape(_served(facts))}")
    console.print(f"[dim]chain[/]    {escape(facts['node'])}, {plural(facts['confirmations'], 'confirmation')}")
    log = facts["log"] or {"same": None}
    proved = {True: "proved by its blocks", False: "[red]FALSE: nothing is signed[/]", None: "on its word"}[log["same"]]
    console.print(f"         its log is {proved}{escape(': ' + log['trouble']) if log.get('trouble') else ''}")
    for one in facts["witnesses"]:
        said = {
            True: "shows the same",
            False: "[red]DIFFERS: nothing is signed[/]",
            None: "[yellow]does not confirm it[/]",
        }
        why = f": {escape(one['trouble'])}" if one.get("trouble") else ""
        console.print(f"         {escape(one['url'])} {said[one['same']]}{why}")
    if facts["masks"]:
        console.print(f"[dim]masks[/]    {escape(_masks(facts['masks']))}")
    for one in facts["training"]:
        progress = convert(one, Progress)
        console.print(f"[dim]trains[/]   job {progress.job}, round {progress.round}: {words(progress, time.time())}")
    if not facts["jobs"]:
        console.print("no job yet")
        return
    print_table(("job", "name", "finalised", "round", "phase", "next step"), map(_row, facts["jobs"]))


def _served(facts: dict[str, Any]) -> str:
    """Where others read the store, as far as this home knows."""
    if not facts["gateway"]:
        return "at no address that others know"
    if facts["served"]:
        return f"served at {facts['gateway']}"
    return f"announced at {facts['gateway']}, where no process of this home serves it now"


def _masks(facts: dict[str, Any]) -> str:
    """How it stands with the member's mask key."""
    if facts["trouble"]:
        return str(facts["trouble"])
    if not facts["key"]:
        return "no key on the ledger yet: the node makes one"
    where = "at home" if facts["at_home"] else "NOT at home: what was sealed to it is lost; the node makes another"
    return f"key {facts['key'][:16]}… on the ledger, its private part {where}"


def _row(job: dict[str, Any]) -> tuple[str, ...]:
    step = _words(job["next"]) + (f"; scores: {_words(job['scores'])}" if job["scores"] else "")
    if job["masks"]:
        part, next_ = f"segment {job['masks']['segment']}: {job['masks']['part']}", job["masks"]["next"]
        step += f"; masks: {part}" if next_ == NOTHING.why else f"; masks: {next_} ({part})"
    finalised = f"{job['finalised']} of {job['rounds']}"
    return str(job["job"]), shown(job["name"]), finalised, str(job["round"] or "-"), job["phase"] or "-", shown(step)


def _words(step: dict[str, Any]) -> str:
    return str(step["why"] if step["step"] == "wait" else step["step"])
