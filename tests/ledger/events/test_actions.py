"""Actions: one declaration makes each one's JSON, encoding, kind and words. A new action is tested without an edit."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.worlds.world import World
from web3 import Web3

from ledger.chain.build import committed
from ledger.chain.codec import decoder
from ledger.cli.decisions.describe import describe
from ledger.errors import Malformed
from ledger.events import actions as a
from ledger.events.ballots import Rules
from ledger.events.encoding import name_text, name_word
from ledger.formats.digest import NOTHING

ROOT = Path(__file__).resolve().parents[3]
ROWS = re.findall(
    r"^\| [a-z ]+ \| (\d+) \| `(\w+)` \| `(\w+)` \|",
    (ROOT / "docs" / "spec" / "ballot.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
ADDRESS, DIGEST = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0a" * 32
VALUES: dict[Any, Any] = {
    a.Address: ADDRESS,
    a.Digest: DIGEST,
    a.Reason: DIGEST,
    a.Name: "1.0-rc.1",
    a.MemberName: "Nørre",
    Rules: Rules(6_666, vote_seconds=10, delay_seconds=0, execute_seconds=5),
}


def example(action: type[a.Action], bound: str) -> a.Action:
    """An action whose numbers are all the least (`ge`) or the greatest (`le`) that there may be."""
    return action(*[_value(field.type, bound) for field in msgspec.structs.fields(action)])


def _value(kind: Any, bound: str) -> Any:
    if kind in VALUES:
        return VALUES[kind]
    return next(getattr(part, bound) for part in kind.__metadata__ if isinstance(part, msgspec.Meta))


EXAMPLES = [example(action, bound) for action in a.ACTIONS for bound in ("ge", "le")]


@pytest.mark.parametrize("action", EXAMPLES, ids=lambda action: type(action).__name__)
def test_actions_travel(action: a.Action) -> None:
    """As JSON and in the contract's encoding, and back; what differs from either is refused."""
    document = msgspec.json.encode(action)
    assert msgspec.json.decode(document, type=a.Action) == action
    assert msgspec.json.decode(document)["kind"] == a.kind_word(a.kind_of(type(action)))
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(document[:-1] + b',"more":1}', type=a.Action)
    kind, encoded = a.encode_action(action)
    assert a.parse_action(kind, encoded) == action
    for wrong in (encoded + NOTHING, encoded[:-1], encoded[:-32], b""):
        with pytest.raises(Malformed, match="encoding"):
            a.parse_action(kind, wrong)


@pytest.mark.parametrize("action", EXAMPLES, ids=lambda action: type(action).__name__)
def test_the_proposing_call_takes_the_encoding(action: a.Action) -> None:
    _, encoded = a.encode_action(action)
    contract = Web3().eth.contract(abi=committed("ballots").abi)
    entry = next(entry for entry in committed("ballots").abi if entry.get("name") == action.call)
    assert contract.encode_abi(action.call, decoder(entry["inputs"])(encoded))[10:] == encoded.hex()


def test_kinds_are_the_contracts_and_the_specifications() -> None:
    source = (ROOT / "contracts" / "interfaces" / "IBallots.sol").read_text(encoding="utf-8")
    declared = re.search(r"enum Kind \{(.*?)\}", source, re.DOTALL)
    assert declared is not None
    assert re.findall(r"\w+", declared[1]) == ["None", *map(a.kind_name, a.KINDS)]
    made = [(str(a.kind_of(action)), a.kind_name(a.kind_of(action)), action.call) for action in a.ACTIONS]
    assert made == ROWS


def test_every_action_has_words_of_its_own() -> None:
    class Place:
        """What describing needs of a connection."""

        history = World(4).history

        def name(self, index: int) -> str:
            return f"Hospital {index}"

    words = [describe(Place(), example(action, "le")) for action in a.ACTIONS]  # type: ignore[arg-type]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("kind", [-1, 0, len(a.ACTIONS) + 1, 255])
def test_no_other_kind_is_read(kind: int) -> None:
    with pytest.raises(Malformed, match="no such kind"):
        a.parse_action(kind, NOTHING)


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (a.AdmitMember(ADDRESS.lower(), 1, "Delta"), "EIP-55"),
        (a.AdmitMember("0x12", 1, "Delta"), "not an address"),
        (a.RemoveMember(-1), "negative"),
        (a.RemoveMember(1 << 256), "too big"),
        (a.RevokeRelease("a", "1", DIGEST.upper()), "64 hexadecimal"),
        (a.RevokeRelease("a", "1", DIGEST[2:]), "64 hexadecimal"),
        (a.RevokeRelease("a", "1", "x"), "non-hexadecimal"),
        (a.ReleaseModel("Cardio", "1", 1, 1, DIGEST), "not 1 to 32"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_action_that_the_contract_could_not_read_is_not_encoded(action: a.Action, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        a.encode_action(action)


@pytest.mark.parametrize("name", ["", ".a", "-a", "A", "a b", "a/b", "<b>", "é", "a" * 33, "a\0b", "\u202ea"])
def test_names_that_the_contract_refuses(name: str) -> None:
    with pytest.raises(ValueError, match="not 1 to 32"):
        name_word(name)


@pytest.mark.parametrize("word", [bytes(32), b"\xff" * 32, b"a\0b".ljust(32, b"\0"), b"\0a".ljust(32, b"\0")])
def test_words_that_are_not_names(word: bytes) -> None:
    with pytest.raises(ValueError, match=r"empty|decode|not 1 to 32"):
        name_text(word)
