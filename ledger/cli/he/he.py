"""`fedledger he`: keys and plans of encrypted sums, and what members bring."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger.cli.he.arguments import FILE, advised, plan_argument, sources
from ledger.cli.he.opening import check, open_encrypted
from ledger.cli.options import home_option, json_option, network_option, passphrase_option
from ledger.cli.screen import print_json, say
from ledger.config import Home, load_network
from ledger.errors import Malformed
from ledger.formats.digest import read_address
from ledger.formats.text import plural

if TYPE_CHECKING:
    from ledger.homomorphic.plan import SumPlan


@click.group()
def he() -> None:
    """Encrypted sums: everyone adds up ciphertexts, and two custodians of a key open the sum
    (docs/spec/encrypted-sums.md).

    \b
    In order:  he key, he plan; each member: he encrypt;
               both custodians: he add, he open; anyone: he add, he check

    A holder of the key can read what each member brought. So can a member that reads a contribution before it brings
    its own: hand yours to the custodians alone. Masked jobs have no such key and are nearly always better.
    """


@he.command()
@click.argument("secret", type=FILE)
@click.argument("public", type=FILE)
@json_option
@advised
def key(secret: Path, public: Path, as_json: bool) -> None:
    """Make a key for one sum: SECRET for its custodians, PUBLIC for the members.

    SECRET has mode 0600.

    \b
    Example:  fedledger he key secret.key public.key
    """
    from ledger.cli.he.arguments import require_new
    from ledger.cli.streams import write_file
    from ledger.formats.digest import sha256
    from ledger.homomorphic.bfv import Scheme
    from ledger.homomorphic.keys import SumKey, create_secret, encode_public

    require_new(secret, public)
    residues, known = Scheme().make_key()
    data = encode_public(known)
    create_secret(secret, SumKey(residues, sha256(data)))
    write_file(public, [data])
    say(as_json, f"key {sha256(data).hex()}", key=sha256(data).hex(), secret=str(secret), public=str(public))


@he.command(
    epilog="Example: fedledger he plan plan.json --name cases --key public.key --custodian 0xA… --second 0xB…"
    " --member 0xC… --member 0xD… --values 12 --max-value 5000"
)
@click.argument("output", type=FILE)
@click.option("--name", required=True, help="What is added up, for people.")
@click.option("--key", "public", type=FILE, required=True, help="The public key's file.")
@click.option("--custodian", required=True, help="Address of the custodian who publishes the opened sum.")
@click.option("--second", required=True, help="Address of the second custodian, who attests it.")
@click.option("--member", "members", multiple=True, required=True, help="Address of one that brings values. Repeat it.")
@click.option("--values", type=click.IntRange(min=1), required=True, help="How many integers each member brings.")
@click.option("--max-value", type=click.IntRange(min=1), required=True, help="Largest magnitude of one of them.")
@click.option("--max-weight", type=click.IntRange(min=1), default=1, show_default=True, help="1: all weigh the same.")
@click.option("--smallest", type=click.IntRange(min=1), help="Least members of a sum.  [default: all]")
@network_option
@home_option
@json_option
@advised
def plan(
    output: Path,
    name: str,
    public: Path,
    custodian: str,
    second: str,
    members: tuple[str, ...],
    values: int,
    max_value: int,
    max_weight: int,
    smallest: int | None,
    network_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Write to OUTPUT what members and custodians of a sum agree on."""
    from ledger.cli.he.arguments import require_new
    from ledger.cli.streams import write_file
    from ledger.files.foreign import read_foreign
    from ledger.formats.digest import sha256
    from ledger.homomorphic.keys import PUBLIC_SIZE, read_public
    from ledger.homomorphic.plan import FORMAT, SumPlan, check_plan

    require_new(output)
    network = home.network() if network_file is None else load_network(network_file)
    data = read_foreign(public, "the public key", PUBLIC_SIZE)
    read_public(data, sha256(data))
    made = SumPlan(
        fedledger=FORMAT,
        name=name,
        chain=network.chain.id,
        ledger=network.contracts.ledger.address,
        members=tuple(sorted((read_address(one, "--member") for one in members), key=str.lower)),
        custodian=read_address(custodian, "--custodian"),
        second=read_address(second, "--second"),
        key=sha256(data).hex(),
        values=values,
        smallest=len(members) if smallest is None else smallest,
        max_weight=max_weight,
        max_value=max_value,
    )
    try:
        check_plan(made)
    except Malformed as error:
        error.advice = error.advice or "give other options: fedledger he plan --help"
        raise
    write_file(output, [made.encode()])
    say(as_json, f"plan {made.digest.hex()}", plan=made.digest.hex(), file=str(output))


@he.command()
@plan_argument
@click.argument("public", type=FILE)
@click.argument("values", type=FILE)
@click.argument("output", type=FILE)
@click.option("--weight", type=click.IntRange(min=1), default=1, show_default=True, help="Public; times each value.")
@passphrase_option
@home_option
@json_option
@advised
def encrypt(
    plan: "SumPlan",
    public: Path,
    values: Path,
    output: Path,
    weight: int,
    passphrase_file: Path | None,
    home: Home,
    as_json: bool,
) -> None:
    """Encrypt VALUES with the key PUBLIC, and sign them as a contribution.

    VALUES is a file of one integer a line; OUTPUT is what is made.

    Hand it to the two custodians alone until they have all: a member that reads it before it brings its own can
    make the opened sum show your values.

    \b
    Example:  fedledger he encrypt plan.json public.key counts.txt clinic-a.he --weight 120
    """
    from ledger.cli.connect import signer_of
    from ledger.cli.he.arguments import read_values, require_new
    from ledger.cli.streams import write_file
    from ledger.files.foreign import read_foreign
    from ledger.homomorphic.keys import PUBLIC_SIZE, read_public
    from ledger.homomorphic.opening import contribution

    require_new(output)
    residues = read_public(read_foreign(public, "the public key", PUBLIC_SIZE), bytes.fromhex(plan.key))
    integers = read_values(values, plan)
    home.require_key()
    signer = signer_of(home.keystore, passphrase_file, plan.chain)
    sign = lambda typed: signer.sign_typed_data(*typed)  # noqa: E731
    size = write_file(output, contribution(plan, signer.address, weight, integers, residues, sign))
    say(as_json, f"{plural(plan.values, 'value')} in {plural(size, 'byte')}", size=size, party=signer.address)


@he.command()
@plan_argument
@click.argument("files", nargs=-1, required=True, type=FILE)
@json_option
@advised
def add(plan: "SumPlan", files: tuple[Path, ...], as_json: bool) -> None:
    """Add up the contributions FILES, as everyone does.

    It prints who brought them, and the digest of their sum, and needs no key.

    \b
    Example:  fedledger he add plan.json clinic-*.he
    """
    from ledger.homomorphic.contributions import summed

    made = summed(plan, sources(files))
    if as_json:
        parties = [{"party": one.party, "weight": one.weight} for one in made.contributed]
        print_json({"plan": plan.digest.hex(), "sum": made.sum.hex(), "contributions": parties})
        return
    for one in made.contributed:
        click.echo(f"{one.party}, weight {one.weight}: {one.ciphertexts.hex()}")
    click.echo(f"sum {made.sum.hex()}")


he.add_command(open_encrypted)
he.add_command(check)
