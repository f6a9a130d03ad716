"""The network file that the page is given: it says what Python reads in it, or the page takes it for none."""

import base64
import random
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import Staged, lying
from support.web.recomputed import codes
from support.web.server import network as drafted

from ledger.bundle.check import BundleCheck, check_bundle
from ledger.config import Contract, Founding, FoundingMember, Gateway, Network, load_network, text_of
from ledger.errors import FedledgerError
from ledger.events.records import Role
from web.drawing.saved.verifier import saved

WORDS = ("participant", "aggregator", "scorer")


def network_of(staged: Staged, **changes: Any) -> Network:
    """The network file that a staged bundle is of."""
    draft = staged.draft
    contracts = {
        name: Contract(address=address, code_hash="0x" + "00" * 32) for name, address in draft.addresses.items()
    }
    members = tuple(
        FoundingMember(name=f"Hospital {at}", key=one.key, roles=WORDS) for at, one in enumerate(draft.founders)
    )
    founding = Founding(block=draft.founding[0], hash="0x" + draft.founding[1].hex(), members=members)
    known = drafted(title="North 北")
    known = msgspec.structs.replace(
        known, founding=founding, contracts=msgspec.structs.replace(known.contracts, **contracts)
    )
    return msgspec.structs.replace(known, **changes)


def told(network: Network) -> dict[str, Any]:
    """What the page should read in a network file."""
    contracts = [getattr(network.contracts, name).address for name in Staged(3, opened=False).draft.addresses]
    return {
        "name": network.name,
        "chain": str(network.chain.id),
        "contracts": [address[2:].lower() for address in contracts],
        "block": str(network.founding.block),
        "hash": network.founding.hash[2:],
        "founders": [
            {"name": one.name, "key": one.key[2:].lower(), "roles": int(Role.named(one.roles))}
            for one in network.founding.members
        ],
    }


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), min_size=1, max_size=30)


@settings(max_examples=60)
@given(NAMES, st.integers(1, 2**62), st.lists(st.tuples(NAMES, NAMES), max_size=3))
def test_what_is_written_is_read(modules: Any, name: str, chain: int, gateways: list[tuple[str, str]]) -> None:
    staged = Staged(3, opened=False)
    network = network_of(staged, name=name, gateways=tuple(Gateway(name=a, url=b) for a, b in gateways))
    network = msgspec.structs.replace(network, chain=msgspec.structs.replace(network.chain, id=chain))
    assert modules("network", text_of(network)) == told(network)


def test_other_ways_to_write_it_are_read_as_well(modules: Any) -> None:
    network = network_of(Staged(3, opened=False))
    text = text_of(network)
    for before, after in (
        ("\n", "\r\n"),
        (" = ", "=\t"),
        ('"participant",\n', "'participant' # the first\n, "),
        ("[chain]", "# a comment\n\n  [ chain ]   # here"),
        ("[[founding.members]]", "[[ founding . members ]]"),
        ('name = "Hospital 1"', 'name = "Hospital \\u0031"'),
    ):
        assert before in text
        assert modules("network", text.replace(before, after)) == told(network), after


def test_what_python_refuses_the_page_takes_for_no_network_file(modules: Any, tmp_path: Path) -> None:
    """Bent at random: what the page takes says the same to Python."""
    source, path, taken = random.Random(3), tmp_path / "network.toml", 0
    good = text_of(network_of(Staged(3, opened=False)))
    for _ in range(400):
        at = source.randrange(len(good))
        cut = source.choice((0, 1, 1, source.randrange(60)))
        text = (
            good[:at] + source.choice(("", "[", "]", '"', "\n", "=", "0", "x", "#", ",", ".", "{}")) + good[at + cut :]
        )
        found = modules("network", text)
        if found is None:
            continue
        taken += 1
        tomllib.loads(text)
        path.write_text(text, encoding="utf-8")
        try:
            expected = told(load_network(path))
        except FedledgerError:  # of a field that no bundle has
            continue
        assert found == expected, text
    assert taken > 50


@pytest.mark.parametrize(
    "bend",
    [
        lambda text: "",
        lambda text: "\x00" * 100,
        lambda text: text.replace("network/1", "network/2"),
        lambda text: text.replace('"aggregator"', '"owner"', 1),
        lambda text: text.replace("block = 10", "block = 1.0"),
        lambda text: text.replace("block = 10", "block = 010"),
        lambda text: text.replace("block = 10", "block = -1"),
        lambda text: text.replace("[contracts.court]", "[contracts.courts]"),
        lambda text: text + "[chain]\nid = 2\n",
        lambda text: text.replace("[founding]", "[founding]\nblock = 10"),
        lambda text: text.replace("id = 31337", "id = 31337\nid = 31338"),
        lambda text: text.replace("[chain]", "[[chain]]"),
        lambda text: "a = " + "[" * 10_000,
    ],
)
def test_a_file_that_is_none_is_said_to_be_none(modules: Any, bend: Any) -> None:
    good = text_of(network_of(Staged(3, opened=False)))
    assert bend(good) != good
    assert modules("network", bend(good)) is None
    key = Staged(3, opened=False).keys[0]
    assert modules("network", good.replace(key, key.lower())) is None, "a digit that was mistyped would not be seen"


OTHERS: dict[str, Any] = {
    "chain": lambda one: msgspec.structs.replace(one, chain=msgspec.structs.replace(one.chain, id=7)),
    "founders": lambda one: msgspec.structs.replace(
        one, founding=msgspec.structs.replace(one.founding, members=one.founding.members[::-1])
    ),
    "founding": lambda one: msgspec.structs.replace(one, founding=msgspec.structs.replace(one.founding, block=11)),
    "contracts": lambda one: msgspec.structs.replace(
        one,
        contracts=msgspec.structs.replace(
            one.contracts, court=one.contracts.court.__class__(address="0x" + "11" * 20, code_hash="0x" + "00" * 32)
        ),
    ),
}


@pytest.mark.parametrize("other", ["", *OTHERS])
def test_both_readers_say_the_same_of_a_network(modules: Any, tmp_path: Path, other: str) -> None:
    staged = Staged().honest_round()
    bundle, path = staged.write(tmp_path / "b.car"), tmp_path / "network.toml"
    network = network_of(staged)
    path.write_text(text_of(OTHERS[other](network) if other else network), encoding="utf-8")
    verdict = check_bundle(bundle, BundleCheck(load_network(path)))
    assert verdict.verdict == ("MALFORMED" if other else "VERIFIED")
    assert modules("bundle", str(bundle), str(path)).encode() == verdict.encode()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Any:
    path = tmp_path / "verify.html"
    path.write_bytes(saved())
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(path.as_uri())
    yield page
    context.close()


def choose(page: Any, name: str, *paths: Path) -> None:
    page.locator(f"#bundle input[name={name}]").set_input_files(paths)
    page.locator(f"#bundle input[name={name}]:enabled").wait_for()


@pytest.mark.browser
def test_the_page_says_whose_a_bundle_is(opened: Any, tmp_path: Path) -> None:
    staged = lying()
    bundle = staged.write(tmp_path / "b.car")
    compared, identity = opened.locator("#compared"), opened.locator("#identity")

    choose(opened, "bundle", bundle)
    compared.get_by_text("No network file was given").wait_for()
    assert all(key in identity.inner_text() for key in staged.keys)
    assert "Hospital" not in opened.locator("main").inner_text()

    def give(name: str, text: str) -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")
        choose(opened, "network", tmp_path / name)

    give("its.toml", text_of(network_of(staged)))
    compared.get_by_text("Of the network “North 北”: chain, contracts, founding block and founders are").wait_for()
    assert codes(opened) == ["AGGREGATE ROOT"]
    assert f"Hospital 1 {staged.keys[1]}" in opened.locator("#findings").inner_text()

    give("another.toml", text_of(OTHERS["founders"](network_of(staged))))
    compared.get_by_text("Not of the network “North 北”: other founders.").wait_for()
    assert codes(opened) == ["BUNDLE NETWORK"]
    opened.get_by_role("button", name="繁體中文").click()
    assert compared.inner_text() == "不屬於網路「North 北」：創始成員不同。"

    give("none.toml", "not a network file")
    opened.get_by_text("這不是網路檔案").wait_for()
    assert opened.locator("#outcome").is_hidden(), "nothing was compared, so nothing is said"


DROP = """([bundle, network]) => {
  const held = new DataTransfer(), bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  held.items.add(new File([bytes(network)], "network.toml"));
  held.items.add(new File([bytes(bundle)], "evidence.car"));
  dispatchEvent(new DragEvent("drop", { dataTransfer: held, cancelable: true }));
}"""


@pytest.mark.browser
def test_both_files_are_dropped_together(opened: Any) -> None:
    staged = Staged().honest_round()
    files = staged.bundle(), text_of(network_of(staged)).encode()
    opened.evaluate(DROP, [base64.b64encode(one).decode() for one in files])
    opened.locator("#compared.yes").wait_for()
    assert opened.locator("#verdict .mark").inner_text() == "VERIFIED"
    names = "(inputs) => inputs.map((one) => one.files[0].name)"
    assert opened.locator("#bundle input").evaluate_all(names) == ["evidence.car", "network.toml"]
