"""`fedledger refute`: a value of a model that does not follow is found, proved, and brought before the court."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ledger.cli.options import job_option, json_option, payer_options
from ledger.cli.screen import print_json
from ledger.config import Home
from ledger.errors import Unavailable
from ledger.formats.text import command

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from ledger.party.connection import Connection
    from ledger.party.refuting.attempts import Attempt
    from ledger.party.refuting.finding import Refutation

NOTHING_FOUND = 1
THREADS = 2


@click.command(short_help="Overturn a wrong global model alone, by arithmetic.")
@click.option("--round", "number", type=click.IntRange(min=1), required=True, help="Round whose model is wrong.")
@job_option
@click.option("--attempt", type=click.IntRange(min=1), help="Which attempt of the round.  [default: the latest]")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Conviction file to write.  [default: conviction-JOB-ROUND.rlp, here]",
)
@click.option("--dry-run", is_flag=True, help="Find it and write the file; send nothing. Needs no key.")
@payer_options
@json_option
def refute(
    number: int,
    job: int | None,
    attempt: int | None,
    output: Path | None,
    dry_run: bool,
    network_file: Path | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Compute the model of a round again, find a value that does not follow, and have the court convict who published
    it. The members' votes do not count there, and any key may call it.

    While the model is attested its attempt fails at once. Once it was final it stays on record, marked, and the job
    waits for its members: rewind it or close it. The conviction file has the proof and what the culprits signed:
    `fedledger evidence check` reads it anywhere, without a node. The court judges jobs whose models follow value by
    value from open updates: weighted mean, median or trimmed mean.

    \b
    Exit codes: 0  convicted, now or before; with --dry-run: the file is written
                1  nothing to refute: the model follows, or there rightly is none
                2  the court cannot judge the job, or that no model was published; or the attempt failed already
                3  bytes or signatures cannot be had, or the node cannot be asked
                4  the contract refused

    \b
    Example:  fedledger refute --round 4
    """
    from ledger.cli.connect import look, pay
    from ledger.party.refuting.attempts import attempt_at, require_standing

    with look(network_file, home) as connection:
        connection.refresh()
        chosen = attempt_at(connection, job, number, attempt)
        if dry_run:
            done = _Case(connection, chosen).look_into(output)
        else:
            require_standing(chosen)  # before anybody is asked for a passphrase
    if not dry_run:
        with pay(network_file, home, keystore, passphrase_file) as (connection, sender):
            connection.refresh()  # what the key had on its way has taken effect
            require_standing(chosen := attempt_at(connection, job, number, attempt))
            done = _Case(connection, chosen).look_into(output, sender)
    if as_json:
        print_json(done.facts)
    else:
        click.echo("\n".join(done.lines))
    click.get_current_context().exit(done.code)


class _Done(NamedTuple):
    code: int
    lines: list[str]
    facts: dict[str, Any]


class _Case:
    """What stands in a round, looked into; in words and as a document."""

    def __init__(self, connection: "Connection", attempt: "Attempt") -> None:
        self._connection, self._attempt = connection, attempt
        round_, aggregate = attempt.facts.round, attempt.aggregate
        self._where = f"round {round_.number} of job {round_.job}, attempt {aggregate.attempt}"
        self._facts = {"job": round_.job, "round": round_.number, "attempt": aggregate.attempt}

    def look_into(self, output: Path | None, sender: "Sender | None" = None) -> _Done:
        """Search, write the file, and bring it before the court, where there is a sender."""
        from ledger.party.refuting.bringing import bring
        from ledger.party.refuting.finding import find

        if self._attempt.convicted is not None:
            return self._convicted("convicted already", self._attempt, [], {})
        found = find(self._connection, self._attempt, THREADS)
        if found is None:
            told = f"nothing to refute: {self._attempt.nothing_found}"
            return _Done(NOTHING_FOUND, [f"{self._where}: {told}"], self._facts | {"outcome": "nothing to refute"})
        if found.lacking is not None and sender is None:
            raise found.lacking
        lines, facts = self._written(found, output)
        if sender is None:
            standing = self._attempt.stands
            lines.append("nothing was sent" + ("; without --dry-run the court convicts it" if standing else ""))
            return _Done(0, lines, self._facts | {"outcome": "written"} | facts)
        now = bring(self._connection, sender, self._attempt, found)
        ours = now.convicted is None or now.convicted.caller == sender.address
        return self._convicted("convicted" if ours else "convicted already", now, lines, facts)

    def _written(self, found: "Refutation", output: Path | None) -> tuple[list[str], dict[str, Any]]:
        """Write the conviction file, where there is one; what it proves, or what is false."""
        from ledger.cli.court.conviction import described
        from ledger.cli.streams import write_file
        from ledger.court.sentences import false_in

        if found.proved is None:
            false = false_in(found.judgement, self._attempt.facts.name)
            return [false, f"no conviction file: {found.lacking}"], {"file": None}
        path = output or Path("conviction-{job}-{round}.rlp".format(**self._facts))
        write_file(path, [found.file])
        lines, facts = described(found.proved, self._connection)
        told = f"the conviction file is {path}: {command('evidence', 'check', path)}"
        return [*lines, told], facts | {"file": str(path), "size": len(found.file)}

    def _convicted(self, outcome: str, attempt: "Attempt", lines: list[str], facts: dict[str, Any]) -> _Done:
        from ledger.party.refuting.bringing import what_comes_next

        said = attempt.convicted
        if said is None:
            raise Unavailable("the court took the refutation, and the ledger does not show it yet", advice="ask again")
        comes = what_comes_next(self._connection.history.jobs[self._facts["job"]], attempt)
        tx = "0x" + said.tx.hex()
        told = {"ground": said.ground.name.lower(), "value": said.value, "expected": str(said.expected)}
        told |= {"actual": str(said.actual), "claim": said.claim.hex(), "caller": said.caller, "tx": tx, "next": comes}
        text = f"{self._where}: {outcome}, in transaction {tx} of {said.caller}"
        return _Done(0, [*lines, text, comes], self._facts | {"outcome": outcome} | told | facts)
