"""`he open` and `he check`: what a custodian says of a sum, and what everyone makes of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.he.arguments import FILE, advised, plan_argument, sources
from ledger.cli.options import home_option, json_option, passphrase_option
from ledger.cli.screen import say
from ledger.config import Home
from ledger.errors import UsageError
from ledger.files.foreign import read_foreign
from ledger.formats.text import plural

if TYPE_CHECKING:
    from ledger.homomorphic.plan import SumPlan
    from ledger.homomorphic.statements import Decryption


@click.command("open")
@plan_argument
@click.argument("secret", type=FILE)
@click.argument("values", type=FILE)
@click.argument("statement", type=FILE)
@click.argument("files", nargs=-1, required=True, type=FILE)
@passphrase_option
@home_option
@json_option
@advised
def open_encrypted(
    plan: "SumPlan",
    secret: Path,
    values: Path,
    statement: Path,
    files: tuple[Path, ...],
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Open the sum of the contributions FILES with the key SECRET.

    The sum goes to VALUES, one integer a line, and is signed as a custodian does: STATEMENT.

    Both custodians do so, of the same files: compare what `fedledger he add` prints first. A home opens one set of
    contributions under a key, ever: what two sets differ by is somebody's values.

    \b
    Example:  fedledger he open plan.json secret.key sum.txt statement.json clinic-*.he
    """
    from ledger.cli.connect import signer_of
    from ledger.cli.he.arguments import require_new, values_text
    from ledger.cli.streams import write_file
    from ledger.homomorphic.contributions import Summing
    from ledger.homomorphic.keys import load_secret
    from ledger.homomorphic.opening import open_sum
    from ledger.homomorphic.statements import Decryption

    require_new(values, statement)
    key = load_secret(secret)
    home.require_key()
    signer = signer_of(home.keystore, passphrase_file, plan.chain)
    if signer.address not in (plan.custodian, plan.second):
        expected, advice = f"{plan.custodian} or {plan.second}", "name the home of a custodian: --home"
        raise UsageError(
            "this home's key is of neither custodian", advice=advice, expected=expected, actual=signer.address
        )
    added, opened = open_sum(key, Summing(plan, sources(files)))
    said = Decryption.of(plan, added, opened)
    _bind(home, plan, said)
    write_file(values, values_text(opened))
    write_file(statement, [said.unsigned + signer.sign_typed_data(*said.to_sign())])
    text = f"the sum of {plural(len(added.contributed), 'contribution')} opened: {values}, {statement}"
    say(as_json, text, values=said.values.hex(), sum=added.sum.hex(), divisor=added.divisor)


@click.command()
@plan_argument
@click.argument("values", type=FILE)
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--statement", "statements", type=FILE, multiple=True, help="A signed statement. Name both custodians'.")
@click.option("--mean", type=FILE, help="Write the mean there: the sum by the sum of weights, half away from zero.")
@json_option
@advised
def check(
    plan: "SumPlan",
    values: Path,
    files: tuple[Path, ...],
    statements: tuple[Path, ...],
    mean: Path | None,
    as_json: bool,
) -> None:
    """Check all of an opened sum that can be checked without its key.

    Signatures, the sum of the contributions FILES, that VALUES are what both custodians signed, and their bounds.

    That the sum decrypts to VALUES is their word: nobody without the key can check it.

    \b
    Exit codes: 0  all of it is right, and both custodians say so
                1  somebody signed what is not so
                3  the statement of a custodian is not at hand

    \b
    Example:  fedledger he check plan.json sum.txt clinic-*.he --statement first.json --statement second.json
    """
    from ledger.cli.he.arguments import read_values, values_text
    from ledger.cli.streams import write_file
    from ledger.homomorphic.contributions import summed
    from ledger.homomorphic.statements import SIZE, judge_sum, read_decryption

    said = [read_decryption(read_foreign(one, "a statement", SIZE), plan) for one in statements]
    added = summed(plan, sources(files))
    found = judge_sum(plan, added, read_values(values, plan), said)
    if mean is not None:
        write_file(mean, values_text(found.divided()))
    text = (
        f"right: {plural(len(added.contributed), 'contribution')}, signed, add up to {added.sum.hex()[:16]}…; what "
        "that decrypts to is the word of both custodians, who agree"
    )
    say(as_json, text, sum=added.sum.hex(), divisor=found.divisor, set=[one.party for one in added.contributed])


def _bind(home: Home, plan: "SumPlan", said: "Decryption") -> None:
    """Write down which sum is opened under a key, before anything is shown. Raises UsageError where another one was."""
    from ledger.store import disk

    folder = home.folder / "sums"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / plan.key
    disk.write_private(file, [said.unsigned], replace=False)
    if file.read_bytes() != said.unsigned:
        raise UsageError(
            "this home opened another sum under this key: what two of them differ by is somebody's values",
            advice="make another key and plan (fedledger he key, he plan), and have all encrypt again",
            key=plan.key,
        )
