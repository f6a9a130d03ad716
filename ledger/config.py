"""The two files a party has: the network file, the same for all, and its own home folder's settings.

The network file pins what is trusted before anything is signed: chain id, founding block, founding members, contract
addresses, code hashes.
"""

import contextlib
import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
import tomli_w

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.files.kinds import another
from ledger.formats.digest import parse_address
from ledger.formats.grammar import check_explorer, check_text
from ledger.formats.member_name import check_member_name
from ledger.formats.replication import Replication
from ledger.formats.strict import Strict
from ledger.formats.text import command

T = TypeVar("T")
LOCAL_CHAIN = 31337
MAX_CONFIRMATIONS = 128
"""A claim names a block among the latest 256, and has to reach the chain in time."""
_FILES = ("token", "login", "certificate", "key")
RoleWord = Literal["participant", "aggregator", "scorer"]
SealKind = Literal["none", "clique", "qbft", "ibft2"]
OwnFloors = dict[Literal["min_cell", "min_rows"], Annotated[int, msgspec.Meta(ge=0, le=1 << 20)]]


class Chain(Strict, frozen=True):
    """An EVM chain: its id, and where to reach it.

    `gas_price` is "zero" on a chain that asks no fees, else "market". `seals` says by which rule an audit
    checks who sealed its blocks. `confirmations` is how many blocks must follow on a block before anything is shown or
    signed because of it.
    `explorer` is where pages link transactions to, with {} for the hash; empty for nowhere.
    """

    id: int
    rpc: str
    gas_price: Literal["zero", "market"] = "zero"
    seals: SealKind = "none"
    confirmations: Annotated[int, msgspec.Meta(ge=0, le=MAX_CONFIRMATIONS)] = 0
    explorer: str = ""


class Contract(Strict, frozen=True):
    """An address and the Keccak-256 of the code that must stand there, both in hexadecimal with 0x."""

    address: str
    code_hash: str


class Contracts(Strict, frozen=True):
    """The eight contracts of a network."""

    consortium: Contract
    ledger: Contract
    scores: Contract
    releases: Contract
    ballots: Contract
    masks: Contract
    budgets: Contract
    court: Contract


class FoundingMember(Strict, frozen=True):
    """A member from the beginning: its name, first key (EIP-55) and roles, as the ledger has them."""

    name: str
    key: str
    roles: tuple[RoleWord, ...]


class Founding(Strict, frozen=True):
    """Where the ledger begins: number and hash (hexadecimal with 0x) of the block with the first contract.

    Members are numbered from 0. `validators` (EIP-55) are the chain's then; `signature` the founder's, if it invited.
    """

    block: Annotated[int, msgspec.Meta(ge=0)]
    hash: str
    members: tuple[FoundingMember, ...]
    validators: tuple[str, ...] = ()
    signature: Annotated[str, msgspec.Meta(pattern="^0x[0-9a-f]{130}$")] | msgspec.UnsetType = msgspec.UNSET


class Gateway(Strict, frozen=True):
    """One more place that content may be read from, besides those that members announced."""

    name: str
    url: str


class HolderSettings(Strict, frozen=True):
    """Networks, in CIDR notation, in which other parties' holders may be dialled besides public addresses."""

    allow: tuple[str, ...] = ()


class Network(Strict, frozen=True):
    """The network file."""

    fedledger: Literal["network/1"]
    name: str
    chain: Chain
    founding: Founding
    contracts: Contracts
    gateways: tuple[Gateway, ...] = ()
    holders: HolderSettings = HolderSettings()
    replication: Replication = Replication()


class StoreSettings(Strict, frozen=True):
    """Where this party keeps content: its own folder, or a Kubo daemon's RPC address (a multiaddr).

    One that others cannot dial is not `reachable`: it announces no gateway, and pushes what it owes to those that do.
    """

    kind: Literal["embedded", "kubo"] = "embedded"
    api: str = "/ip4/127.0.0.1/tcp/5001"
    reachable: bool = True


class GatewaySettings(Strict, frozen=True):
    """Where this party's read-only gateway listens, and under what address others reach it (default: the same)."""

    host: str = "127.0.0.1"
    port: int = 0
    public_url: str = ""


class ServerSettings(Strict, frozen=True):
    """How this party shows itself to a server, by its URL: files with a bearer token, or with user:password, and the
    files of a client's certificate and its key.
    """

    url: str
    token: str = ""
    login: str = ""
    certificate: str = ""
    key: str = ""


class HttpSettings(Strict, frozen=True):
    """How this party's own requests go out: by `proxy` (an http URL; "none" for none; empty: as the environment says)
    but to hosts in `no_proxy`; `ca`, a file or folder, has certificates that are trusted besides the system's.
    """

    proxy: str = ""
    no_proxy: tuple[str, ...] = ()
    ca: str = ""
    servers: tuple[ServerSettings, ...] = ()


class HomeNetwork(Network, frozen=True):
    """The network as a home reaches it: at its own node, with what it allows and how its requests go out."""

    http: HttpSettings = HttpSettings()


class TrainSettings(Strict, frozen=True):
    """How training is started: `launcher` is a command before Python's `-m`, such as torchrun and its options."""

    launcher: tuple[str, ...] = ()


class HomeSettings(Strict, frozen=True):
    """A home folder's settings, home/node.toml. `data` is the private data: it never leaves this machine. Nor does
    `validation`, the data that a scorer evaluates others' updates on. Each is one file, or a table of files by a job's
    number, a task's name, or `default`; relative paths begin at the home. `device` is where models are trained and
    evaluated: cpu, cuda, cuda:N, mps, or auto, the best there is. `platform` is a file in which trusted hardware speaks
    for this machine; it is public with each update. `statistics` are an analysis' least floors.

    `rpc` are this party's own chain nodes. The first is asked instead of the one in the network file; before anything
    is shown or signed the others are compared with it: it trusts nobody else's, and no single one of its own.
    """

    name: str = ""
    data: str | dict[str, str] = ""
    validation: str | dict[str, str] = ""
    device: str = "auto"
    platform: str = ""
    rpc: tuple[str, ...] = ()
    train: TrainSettings = TrainSettings()
    store: StoreSettings = StoreSettings()
    gateway: GatewaySettings = GatewaySettings()
    holders: HolderSettings = HolderSettings()
    http: HttpSettings = HttpSettings()
    statistics: OwnFloors = msgspec.field(default_factory=dict)

    @property
    def node(self) -> str:
        """The chain node to ask; empty for that of the network file."""
        return self.rpc[0] if self.rpc else ""


class Home:
    """A party's folder. To start again only keystore, data, scratch, withdrawals and, in masked jobs, masks are needed:
    the chain is the journal.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network_file = folder / "network.toml"
        self.settings_file = folder / "node.toml"
        self.keystore = folder / "keystore.json"
        self.store = folder / "store"
        self.index = folder / "index.sqlite"
        self.outbox = folder / "outbox"
        self.haves = folder / "haves"
        self.arrivals = folder / "arrivals"
        self.scratch = folder / "scratch"
        self.founding = folder / "founding.json"
        self.answer = folder / "address.json"
        self.withdrawals = folder / "withdrawals"
        self.export_key = folder / "export-key.json"
        self.export_statement = folder / "export-key.signed.json"

    @classmethod
    def at(cls, folder: Path | None) -> "Home":
        """The folder given, else FEDLEDGER_HOME, else ~/.fedledger."""
        chosen = folder or Path(os.environ.get("FEDLEDGER_HOME") or Path.home() / ".fedledger")
        return cls(chosen.expanduser())

    def require_key(self) -> None:
        """Raises UsageError, with the command that makes one, where the home has no key: then it is not a home yet."""
        if not self.keystore.exists():
            problem = "this home has no key; who was invited makes it by fedledger join INVITE.json"
            raise UsageError(problem, advice=self.command("node", "init"), home=str(self.folder))

    def command(self, *words: object) -> str:
        """A command for this home, to type into a shell: it names the home where it is not the default."""
        named = () if self.folder == Home.at(None).folder else ("--home", self.folder)
        return command(*words, *named)

    def network(self) -> Network:
        """The network file, at this home's own node where it has one, with the networks that this home allows besides.

        Raises UsageError where there is none.
        """
        if not self.network_file.exists():
            self.require_key()
            raise self.not_joined()
        network, settings = load_network(self.network_file), self.settings()
        allowed = HolderSettings(allow=(*network.holders.allow, *settings.holders.allow))
        return at_node(self.reached(msgspec.structs.replace(network, holders=allowed)), settings.node)

    def not_joined(self) -> UsageError:
        """Why there is no network file, and the command that comes next."""
        words: tuple[str, ...]
        problem, words = "this home has joined no network; any member has its file", ("node", "join", "NETWORK.toml")
        if self.founding.exists():
            problem, words = "this home's consortium is not founded yet", ("consortium", "show")
        elif self.answer.exists():
            problem, words = "this home has answered an invite, and joined no network yet", ("join", "NETWORK.toml")
        return UsageError(problem, advice=self.command(*words), home=str(self.folder))

    def reached(self, network: Network) -> Network:
        """A network, reached as this home's requests go out."""
        return HomeNetwork(**msgspec.structs.asdict(network), http=self.http())

    def http(self) -> HttpSettings:
        """How this home's requests go out; files that it names are relative to the home."""
        http, named = self.settings().http, msgspec.structs.replace
        servers = (named(one, **{field: self._file(getattr(one, field)) for field in _FILES}) for one in http.servers)
        return named(http, ca=self._file(http.ca), servers=tuple(servers))

    def _file(self, name: str) -> str:
        return str(self.folder / Path(name).expanduser()) if name else ""

    def settings(self) -> HomeSettings:
        """The home's settings, or the defaults where it has no file. Raises Malformed or Unavailable."""
        if not self.settings_file.exists():
            return HomeSettings()
        settings = load(self.settings_file, HomeSettings)
        check_networks(settings.holders.allow, self.settings_file)
        return settings


def cache_folder() -> Path:
    """Where this user's caches are (XDG Base Directory specification); nothing in it is needed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fedledger"


def load(path: Path, kind: type[T]) -> T:
    """Read a TOML file. Raises Unavailable where it cannot be read, Malformed where it breaks its format."""
    try:
        read = path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError("no such file", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the file: {error}", file=str(path)) from error
    try:
        return msgspec.convert(tomllib.loads(read.decode()), kind)
    except (ValueError, RecursionError) as error:  # no text, no TOML, another form, an integer of 5,000 digits, nesting
        raise Malformed(f"the file is not valid: {error}", file=str(path)) from error


def load_network(path: Path) -> Network:
    """Read and check a network file. Raises as `load`; Malformed says what else the file is, where that is known."""
    try:
        network = load(path, Network)
    except Malformed as error:
        advice = another(path) or "any member has the network file: ask one whom you know"
        raise Malformed(f"this is not a network file; {error.message}", advice=advice, file=str(path)) from error
    check_network(network, path)
    return network


def check_network(network: Network, path: Path) -> None:
    """Refuse a network that breaks the form of network files; `path` is where it was found. Raises Malformed."""
    for name in (network.name, *(g.name for g in network.gateways)):
        check_name(name, path)
    check_networks(network.holders.allow, path)
    for contract in msgspec.structs.astuple(network.contracts):
        parse_address(contract.address, "a contract's address")
        _check_hash(contract.code_hash, "a code hash", path)
    _check_hash(network.founding.hash, "the founding block's hash", path)
    for member in network.founding.members:
        check_member_name(member.name, f"a name in {path}")
        parse_address(member.key, "a founding member's key")
    _check_validators(network, path)
    check_explorer(network.chain.explorer, str(path))


def _check_validators(network: Network, path: Path) -> None:
    """Seals are pinned with the validators that make them, or not at all."""
    validators = network.founding.validators
    for validator in validators:
        parse_address(validator, "a validator's address")
    if len(set(validators)) != len(validators):
        raise Malformed("a validator is named twice", file=str(path))
    if (network.chain.seals == "none") != (not validators):
        raise Malformed(
            "chain.seals and founding.validators belong together: both, or neither",
            file=str(path),
            seals=network.chain.seals,
            validators=len(validators),
        )


def sealed_by(network: Network) -> str:
    """How the chain's blocks are sealed and by whom, in words; empty where the file does not pin it."""
    validators = network.founding.validators
    return f"blocks sealed by {network.chain.seals}, at the founding by {', '.join(validators)}" if validators else ""


def _check_hash(digits: str, what: str, path: Path) -> None:
    if not re.fullmatch(r"0x[0-9a-f]{64}", digits):
        raise Malformed(f"{what} is not 0x and 64 digits", file=str(path), actual=digits)


def check_name(name: str, path: Path) -> None:
    """Refuse a name that screens could not show as it is. Raises Malformed."""
    check_text(name, f"a name in {path}")


def check_networks(networks: tuple[str, ...], path: Path) -> None:
    """Refuse what is not a network in CIDR notation. Raises Malformed."""
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            problem = "an allowed network is not in CIDR notation, such as 10.0.0.0/8"
            raise Malformed(problem, file=str(path), actual=ascii(network[:80])) from error


def at_node(network: Network, rpc: str | None) -> Network:
    """The network as another chain node serves it; the same where `rpc` is empty."""
    if not rpc:
        return network
    return msgspec.structs.replace(network, chain=msgspec.structs.replace(network.chain, rpc=rpc))


def save(path: Path, value: msgspec.Struct) -> None:
    """Write a TOML file, whole or not at all. Raises Unavailable."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text_of(value), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise Unavailable(f"cannot write the file: {error.strerror}", file=str(path)) from error


def text_of(value: msgspec.Struct) -> str:
    """The TOML of a file of ours."""
    return tomli_w.dumps(msgspec.to_builtins(value))
