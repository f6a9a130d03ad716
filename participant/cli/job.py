"""`fedledger job create`: from a draft to a job's document."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import to_builtins

from ledger.cli.options import home_option, json_option, wide_option
from ledger.cli.screen import print_json, shown
from ledger.cli.streams import human
from ledger.cli.tables import brief, print_facts, print_line, print_table, wide
from ledger.config import Home
from ledger.formats.text import plural

if TYPE_CHECKING:
    from ledger.jobs.document import Job
    from participant.jobs.proposals import Electorate

FEW = 12
"""Tensors of a model up to which each has a line without --wide."""


@click.command()
@click.argument("draft", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the document.  [default: DRAFT's name with .json]",
)
@click.option("--masked", is_flag=True, help='Mask updates, as mode = "masked" in [privacy] of DRAFT does.')
@click.option(
    "--closed-set", is_flag=True, help="Keep the committed evaluation set out of the store: `node set` opens it later."
)
@home_option
@wide_option
@json_option
def create(draft: Path, output: Path | None, masked: bool, closed_set: bool, home: Home, as_json: bool) -> None:
    """Make a job from DRAFT: its initial model, and the document to approve.

    DRAFT is a TOML file (docs/tasks.md).

    Both are put into the home's store, with the evaluation set where the job commits to one; the document is also
    written to a file for `fedledger job propose`.

    \b
    Example:  fedledger job create draft.toml --output job.json
    """
    from ledger.party.sharing.hop import short_time
    from ledger.store.home import open_store
    from participant.jobs.draft import read
    from participant.jobs.proposals import warning_of
    from participant.tasks.machine import Machine
    from participant.trainer.creation import create as run
    from participant.trainer.messages import Create
    from participant.trainer.trainers import Trainers

    home.require_key()
    written = read(draft, masked=masked)
    short = short_time(written.terms.aggregate_seconds)
    electorate = _electorate(home)
    wanted = Create(draft=str(draft.absolute()), electorate=electorate, open_set=not closed_set, masked=masked)
    with Trainers(Machine.of(home)) as trainers, closing(open_store(home)) as store:
        trainers.prepare()
        made, at_home = run(trainers, wanted, written.task.name, store.put)
    target = output or draft.with_suffix(".json")
    _write(target, made.encode())
    masking = made.masked.masking if made.masked else None
    needing = warning_of(made.admission.min_updates, electorate, masking, made.terms.buffer)
    found = (needing, short, _shortage(made), start_warning(home, made) if written.start else "")
    notes = [note for note in found if note]
    facts = _facts(made, target, at_home) | {"warnings": notes}
    print_json(facts) if as_json else _show(made, facts, home.command("job", "propose", target))


def _electorate(home: Home) -> "Electorate | None":
    """Who is to approve and take part: the ledger's members, or the founders where the chain cannot be read now."""
    from ledger.errors import Unavailable
    from ledger.party.connection import Connection
    from participant.jobs.proposals import Electorate

    if not home.network_file.exists():
        return None
    try:
        with Connection.open(home) as connection:
            return Electorate.present(connection.refresh())
    except Unavailable as error:
        click.echo(f"note: members are counted as founded: {error.message}", err=True)
        return Electorate.founded(home.network())


def start_warning(home: Home, made: "Job") -> str:
    """What to know of the model that the draft starts from, where the court convicted it, or one that it stands on."""
    from ledger.errors import Unavailable
    from ledger.history.convicted import false_start
    from ledger.party.connection import Connection

    if not home.network_file.exists():
        return ""
    try:
        with Connection.open(home) as connection:
            found = false_start(connection.refresh().jobs.values(), bytes.fromhex(made.initial_model.root))
    except Unavailable as error:
        return f"whether the court convicted the model that it begins from could not be asked: {error.message}"
    return found.text if found else ""


def _write(path: Path, content: bytes) -> None:
    from ledger.errors import Unavailable

    try:
        path.write_bytes(content)
    except OSError as error:
        raise Unavailable(f"cannot write the document: {error.strerror}", file=str(path)) from error


def _facts(made: "Job", target: Path, at_home: tuple[str, ...]) -> dict[str, Any]:
    from ledger.jobs.scores import committed_set
    from ledger.scores.tables import describe_method

    evidence = committed_set(made.scoring)
    return {
        "document": str(target),
        "digest": made.digest.hex(),
        "cid": str(made.cid),
        "initial_model": made.initial_model.cid,
        "initial_root": made.initial_model.root,
        "task": {"name": made.task.name, "version": made.task.version, "code": made.task.code},
        "values": made.layout.values,
        "rule": _rule(made),
        "server": to_builtins(made.server),
        "rounds": _rounds(made),
        "hold_out": made.hold_out,
        "privacy": to_builtins(made.privacy),
        "dp": _noise(made),
        "compression": to_builtins(made.compression),
        "update_bytes": made.update_size,
        "scores": describe_method(made),
        "evaluation_set": evidence.cid if evidence else None,
        "tensors": [
            {
                "name": tensor.name,
                "shape": list(tensor.shape),
                "fraction_bits": tensor.fraction_bits,
                "largest_change": made.admission.max_value / 2**tensor.fraction_bits,
            }
            for tensor in made.tensors
        ],
        "at_home": list(at_home),
        "private": to_builtins(made.private),
        **({"hierarchy": to_builtins(made.hierarchy)} if made.hierarchy else {}),
        **({"analysis": to_builtins(made.analysis)} if made.analysis else {}),
    }


def _rule(made: "Job") -> str:
    from ledger.jobs.rules import describe_rule

    limits = made.admission
    cut = "; updates longer than admission.max_norm are cut to it" if limits.clips else ""
    return f"{describe_rule(made.aggregation)}; at least {limits.min_updates} updates{cut}"


def _shortage(made: "Job") -> str:
    """What it means that the budget ends before the job; empty where it does not."""
    if made.dp is None or made.dp.rounds >= made.terms.rounds:
        return ""
    lasts = f"the privacy budget lasts for {made.dp.rounds} of {plural(made.terms.rounds, 'round')}"
    return f"{lasts}: raise dp.epsilon or dp.noise, or take fewer rounds"


def _noise(made: "Job") -> dict[str, Any] | None:
    """What the noise costs, in the ledger's integers and as ε at the job's δ."""
    said = made.dp
    if said is None:
        return None
    shown_as = {"epsilon": str(said.epsilon(said.budget)), "epsilon_of_a_round": str(said.epsilon(said.cost))}
    fields = {name: getattr(said, name) for name in said.__struct_fields__}
    return {"level": said.level, **fields, "noise": said.noise, "rounds": said.rounds, **shown_as}


def _rounds(made: "Job") -> str:
    terms = made.terms
    times = (
        f"{terms.update_seconds} s to train, {terms.open_seconds} s to open, {terms.aggregate_seconds} s to aggregate"
    )
    return f"{terms.rounds}: {times}, {terms.attest_seconds} s to attest, {plural(terms.attempts, 'attempt')}"


def _show(made: "Job", facts: Mapping[str, Any], following: str) -> None:
    from ledger.jobs.hierarchy import describe as describe_edges
    from ledger.jobs.privacy import describe
    from ledger.jobs.schedule import describe_schedule
    from ledger.jobs.server import describe as describe_server

    if wide() or len(made.tensors) <= FEW:
        print_table(("tensor", "shape", "fraction bits", "largest change of a value"), _tensors(facts))
        click.echo()
    print_facts(
        {
            "job": made.name,
            "document": facts["document"],
            "digest": facts["digest"],
            "CID": facts["cid"],
            "initial model": facts["initial_model"],
            "task": f"{made.task.name} {made.task.version}, code {brief(made.task.code)}",
            "tensors": _summary(made, facts),
            "rule": facts["rule"],
            "server": describe_server(made.server),
            "rounds": facts["rounds"],
            "schedule": describe_schedule(made.schedule, made.terms.buffer),
            **({"private": _private(made)} if made.private.tensors else {}),
            "held out": f"{made.hold_out} % of each party's rows" if made.hold_out else "nothing",
            "scores": facts["scores"],
            "privacy": describe(made.privacy),
            **_compression(made),
            **_masks(made),
            **({"noise hides": made.dp.words} if made.dp else {}),
            **({"edges": describe_edges(made.hierarchy)} if made.hierarchy else {}),
            **_analysis(made),
        }
    )
    for note in facts["warnings"]:
        print_line(f"[yellow]note[/] {shown(note)}")
    click.echo(f"Next: {following}")


def _analysis(made: "Job") -> dict[str, str]:
    """What is asked of everyone's tables; nothing of a job that trains."""
    from ledger.jobs.analysis import describe

    return {"analysis": describe(made.analysis)} if made.analysis is not None else {}


def _private(made: "Job") -> str:
    """What each party keeps, and what that leaves to the ledger."""
    from ledger.jobs.private import describe

    return f"{describe(made.private)}; the model on the ledger is the rest, of less use to who has none"


def _compression(made: "Job") -> dict[str, str]:
    """What becomes of an update's bytes; nothing of a job that does not compress."""
    if made.compression is None:
        return {}
    sizes = f"{human(made.update_layout.size)} an update instead of {human(made.layout.size)}"
    return {"compressed": f"{made.compression.words}; {sizes}"}


def _masks(made: "Job") -> dict[str, str]:
    """What masks hide and what they cost, before anybody votes on them; nothing of an open job."""
    if made.masked is None:
        return {}
    from ledger.jobs.privacy import describe_hidden, describe_masks

    sizes = f"{human(made.update_size)} an update instead of {human(made.layout.size)}"
    return {
        "masks": describe_masks(made.masked),
        "masks hide": describe_hidden(made.masked),
        "masks cost": f"{sizes}, two transactions more of each member in a round; no scores, and nobody sees "
        "copies, or poison within the bounds of the sum",
    }


def _tensors(facts: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for tensor in facts["tensors"]:
        shape = " × ".join(map(str, tensor["shape"]))
        yield shown(tensor["name"]), shape, str(tensor["fraction_bits"]), f"{tensor['largest_change']:g}"
    for name in facts["at_home"]:
        yield shown(name), "stays at home", "", ""


def _summary(made: "Job", facts: Mapping[str, Any]) -> str:
    home = f", {plural(len(facts['at_home']), 'more tensor')} at home" if facts["at_home"] else ""
    listed = "" if wide() or len(made.tensors) <= FEW else "; --wide lists them"
    return f"{len(made.tensors):,} with {plural(made.layout.values, 'value')}{home}{listed}"
