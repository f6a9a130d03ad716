"""The network file and a home's settings: read strictly, written whole."""

from pathlib import Path

import msgspec
import pytest

from ledger.config import (
    Chain,
    Contract,
    Contracts,
    Founding,
    FoundingMember,
    HolderSettings,
    Home,
    HomeSettings,
    Network,
    load,
    load_network,
    save,
    sealed_by,
)
from ledger.errors import Malformed, Unavailable, UsageError
from ledger.history.foundation import foundation_of

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
CONTRACT = Contract(address=ADDRESS, code_hash="0x" + "ab" * 32)
NETWORK = Network(
    fedledger="network/1",
    name="hospitals",
    chain=Chain(id=31337, rpc="http://127.0.0.1:8545"),
    founding=Founding(
        block=3, hash="0x" + "cd" * 32, members=(FoundingMember(name="north", key=ADDRESS, roles=("participant",)),)
    ),
    contracts=Contracts(
        consortium=CONTRACT,
        ledger=CONTRACT,
        scores=CONTRACT,
        releases=CONTRACT,
        ballots=CONTRACT,
        masks=CONTRACT,
        budgets=CONTRACT,
        court=CONTRACT,
    ),
)


def written(folder: Path, text: str) -> Path:
    path = folder / "network.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def text(tmp_path: Path) -> str:
    save(tmp_path / "made.toml", NETWORK)
    return (tmp_path / "made.toml").read_text(encoding="utf-8")


def test_a_network_file_travels(tmp_path: Path) -> None:
    path = tmp_path / "new" / "network.toml"
    save(path, NETWORK)
    assert load_network(path) == NETWORK
    assert [file.name for file in path.parent.iterdir()] == ["network.toml"]


def test_a_network_file_says_who_seals_the_chain(tmp_path: Path) -> None:
    chain = msgspec.structs.replace(NETWORK.chain, seals="qbft")
    founding = msgspec.structs.replace(NETWORK.founding, validators=(ADDRESS,))
    network = msgspec.structs.replace(NETWORK, chain=chain, founding=founding)
    save(tmp_path / "network.toml", network)
    assert load_network(tmp_path / "network.toml") == network
    assert sealed_by(network) == f"blocks sealed by qbft, at the founding by {ADDRESS}"
    assert sealed_by(NETWORK) == ""


def test_what_no_reader_asks_for_is_not_in_a_network_file(text: str, tmp_path: Path) -> None:
    assert "poa" not in text
    with pytest.raises(Malformed, match="poa"):
        load_network(written(tmp_path, text.replace("[chain]\n", "[chain]\npoa = true\n")))


def test_founders_have_names_before_anything_is_read() -> None:
    foundation = foundation_of(NETWORK)
    assert (foundation.name(0), foundation.name(1)) == ("north", "member 1")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("network/1", "network/2", "not valid"),
        ("id = 31337", "id = " + "9" * 5000, "not valid"),
        ("id = 31337", "id = " + "[" * 50_000, "not valid"),
        ('name = "hospitals"', 'name = "a\\u001b[31m"', "not allowed"),
        ('name = "hospitals"', 'name = ""', "must be 1 to 200"),
        ('name = "north"', f'name = "{"n" * 201}"', "must be 1 to 200"),
        ('name = "north"', f'name = "{"n" * 65}"', "longer than 64 bytes"),
        ('name = "north"', f'name = "{"臺" * 22}"', "longer than 64 bytes"),
        ('name = "north"', 'name = "\u202enorth"', "not allowed"),
        ('name = "north"', 'name = ""', "must be 1 to 200"),
        ('name = "hospitals"', 'name = "hospitals"\ncolour = "red"', "not valid"),
        ("id = 31337", 'id = "31337"', "not valid"),
        ("id = 31337", "id = 31337.0", "not valid"),
        ("id = 31337", "id = = 1", "not valid"),
        ('"zero"', '"free"', "not valid"),
        (ADDRESS, ADDRESS[:-1], "not an address"),
        (ADDRESS, ADDRESS + "\\n", "not an address"),
        (ADDRESS, ADDRESS.lower(), "EIP-55"),
        ("allow = []", 'allow = ["10.0.0.0/33"]', "CIDR"),
        ("allow = []", 'allow = ["10.0.0.1/8"]', "CIDR"),
        ("allow = []", 'allow = ["intranet"]', "CIDR"),
        (ADDRESS, ADDRESS.replace("FbDB", "fbDB"), "EIP-55"),
        ("0xabab", "0xABab", "not 0x and 64"),
        ("0xabab", "0xab", "not 0x and 64"),
        ("0xcdcd", "0xCDcd", "founding block's hash is not 0x and 64"),
        ('"participant"', '"owner"', "not valid"),
        ("block = 3", "block = -1", "not valid"),
        ('seals = "none"', 'seals = "ethash"', "not valid"),
        ('seals = "none"', 'seals = "clique"', "belong together"),
        ("validators = []", f'validators = ["{ADDRESS}"]', "belong together"),
        ("validators = []", f'validators = ["{ADDRESS}", "{ADDRESS}"]', "named twice"),
        ("validators = []", f'validators = ["{ADDRESS.lower()}"]', "EIP-55"),
        ("validators = []", "validators = [7]", "not valid"),
        ("confirmations = 0", "confirmations = -1", "not valid"),
        ("confirmations = 0", "confirmations = 129", "not valid"),
        ("confirmations = 0", "confirmations = true", "not valid"),
        ("confirmations = 0", 'confirmations = "2"', "not valid"),
        *(
            ('explorer = ""', f'explorer = "{address}"', "explorer")
            for address in (
                "https://scan.example/tx/",
                "https://scan.example/tx/{}/{}",
                "https://{}.example/tx/",
                "https://me:pass@scan.example/tx/{}",
                "javascript:alert(1)//{}",
                "ftp://scan.example/{}",
                "https://scan.example/tx/{} x",
                "https://scan.example/tx/{0}",
                "https://scan.example/" + "x" * 512 + "{}",
            )
        ),
    ],
)
def test_a_network_file_that_is_wrong_is_refused(tmp_path: Path, text: str, old: str, new: str, why: str) -> None:
    assert old in text
    with pytest.raises(Malformed, match=why):
        load_network(written(tmp_path, text.replace(old, new)))


def test_a_network_file_of_five_contracts_is_refused(tmp_path: Path, text: str) -> None:
    five = text[: text.index("[contracts.masks]")] + text[text.index("[holders]") :]
    with pytest.raises(Malformed, match="missing required field `masks`"):
        load_network(written(tmp_path, five))


def test_the_right_spelling_of_an_address_is_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(Malformed) as caught:
        load_network(written(tmp_path, text.replace(ADDRESS, ADDRESS.lower())))
    assert caught.value.facts["expected"] == ADDRESS


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load(tmp_path / "none.toml", HomeSettings)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(Malformed, match="not valid") as refused:
        load(tmp_path / "binary.toml", HomeSettings)
    assert refused.value.exit_code == 2, "3 would be a verdict's: MALFORMED, of the bundle that is held against it"
    with pytest.raises(Unavailable, match="cannot read"):
        load(tmp_path, HomeSettings)


def test_another_file_than_a_network_file_is_named_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "job.json").write_text('{"fedledger": "job/2"}')
    for name, way in (("empty", "any member has the network file"), ("job.json", "this is a job's document")):
        with pytest.raises(Malformed, match="this is not a network file") as refused:
            load_network(tmp_path / name)
        assert way in refused.value.advice


def test_a_home_without_settings_has_the_plain_ones(tmp_path: Path) -> None:
    assert Home(tmp_path).settings() == HomeSettings()
    with pytest.raises(UsageError, match="has no key"):
        Home(tmp_path).network()


def test_a_home_says_the_one_command_that_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there decides which; it names a home that is not the default, quoted for a shell."""
    home = Home(tmp_path / "a home")
    with pytest.raises(UsageError) as empty:
        home.network()
    assert empty.value.advice == f"fedledger node init --home '{home.folder}'"
    home.folder.mkdir()
    home.keystore.touch()
    monkeypatch.setenv("FEDLEDGER_HOME", str(home.folder))
    with pytest.raises(UsageError, match="joined no network") as keyed:
        home.network()
    assert keyed.value.advice == "fedledger node join NETWORK.toml"


def test_where_a_home_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDLEDGER_HOME", str(tmp_path / "env"))
    assert Home.at(None).folder == tmp_path / "env"
    assert Home.at(tmp_path).folder == tmp_path
    monkeypatch.delenv("FEDLEDGER_HOME")
    assert Home.at(None).folder == Path.home() / ".fedledger"


def test_a_home_allows_networks_besides_those_of_the_network_file(tmp_path: Path) -> None:
    home = Home(tmp_path)
    save(home.network_file, msgspec.structs.replace(NETWORK, holders=HolderSettings(allow=("10.0.0.0/8",))))
    assert home.network().holders.allow == ("10.0.0.0/8",)
    home.settings_file.write_text('[holders]\nallow = ["192.168.7.0/24"]\n')
    assert home.network().holders.allow == ("10.0.0.0/8", "192.168.7.0/24")
    home.settings_file.write_text('[holders]\nallow = ["my network"]\n')
    with pytest.raises(Malformed, match="CIDR"):
        home.network()
