"""The verifier's own primitives against the project's, and against libraries: hashes, signatures, encodings, trees."""

import random
import re
from collections.abc import Iterator

import coincurve
import pytest
from eth_abi.abi import encode as abi_encode
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.worlds.signing import transaction

from ledger.bundle import verify_bundle as verifier
from ledger.chain import rlp
from ledger.chain.build import committed
from ledger.chain.codec import signature
from ledger.chain.evidence import transaction as project
from ledger.chain.evidence.arguments import call_decoder
from ledger.errors import Malformed
from ledger.formats import merkle, unixfs
from ledger.formats.cid import CHUNK, DAG_PB, RAW, Cid
from ledger.formats.digest import checksum_address, keccak, sha256
from ledger.formats.grammar import check_json
from ledger.formats.signatures import recover

KECCAK = {
    b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    b"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
}


@pytest.mark.parametrize("message", KECCAK)
def test_keccak_has_the_known_digests(message: bytes) -> None:
    assert verifier.keccak(message).hex() == KECCAK[message]


def test_keccak_side_by_side_is_keccak_of_each() -> None:
    chance = random.Random(1)
    lengths = [0, 1, 135, 136, 137, 271, 272, 273, 1088, *(chance.randrange(600) for _ in range(1_200))]
    messages = [chance.randbytes(length) for length in lengths]
    assert verifier.keccak_many(messages) == [keccak(message) for message in messages]
    assert verifier.keccak_many([]) == []


@given(st.binary(min_size=20, max_size=20))
def test_an_address_has_its_one_text(address: bytes) -> None:
    assert verifier.checksum_address(address) == checksum_address(address)


def signed(number: int, key: coincurve.PrivateKey) -> verifier.Signature:
    digest = keccak(b"message %d" % number)
    made = key.sign_recoverable(digest, hasher=None)
    r, s, parity = int.from_bytes(made[:32]), int.from_bytes(made[32:64]), made[64]
    point = coincurve.PublicKey(bytes([2 + parity]) + made[:32]).format(compressed=False)
    public = key.public_key.format(compressed=False)
    spot = int.from_bytes(public[1:33]), int.from_bytes(public[33:])
    return verifier.Signature(digest, r, s, parity, int.from_bytes(point[33:]), spot)


KEYS = [coincurve.PrivateKey(keccak(b"key %d" % number)) for number in range(3)]
BATCH = [signed(number, KEYS[number % 3]) for number in range(17)]
BENT = {
    "another digest": lambda one: one._replace(digest=keccak(b"another")),
    "another key": lambda one: one._replace(key=BATCH[1].key if one.key != BATCH[1].key else BATCH[0].key),
    "another r": lambda one: one._replace(r=one.r ^ 1),
    "another s": lambda one: one._replace(s=one.s ^ 2),
    "the other parity": lambda one: one._replace(parity=1 - one.parity),
    "the other point": lambda one: one._replace(y=verifier.P - one.y),
    "the mirrored signature": lambda one: one._replace(y=verifier.P - one.y, parity=1 - one.parity),
    "s in the upper half": lambda one: one._replace(s=verifier.N - one.s, y=verifier.P - one.y, parity=1 - one.parity),
    "a parity that there is not": lambda one: one._replace(parity=one.parity + 2),
    "s of nothing": lambda one: one._replace(s=0),
    "r of nothing": lambda one: one._replace(r=0),
    "y beyond the field": lambda one: one._replace(y=one.y + verifier.P),
}


@pytest.mark.parametrize("count", [0, 1, 2, 17])
def test_right_signatures_hold_in_one_equation(count: int) -> None:
    assert verifier.first_bad(BATCH[:count]) is None


@pytest.mark.parametrize("bend", BENT)
def test_a_bad_signature_is_found_wherever_it_stands(bend: str) -> None:
    for place in range(0, len(BATCH), 4):
        bent = [*BATCH[:place], BENT[bend](BATCH[place]), *BATCH[place + 1 :]]
        assert verifier.first_bad(bent) == place


def test_of_two_that_mend_each_other_the_first_is_found() -> None:
    swapped = [BATCH[0]._replace(digest=BATCH[3].digest), *BATCH[1:3], BATCH[3]._replace(digest=BATCH[0].digest)]
    assert verifier.first_bad(swapped) == 0
    assert verifier.first_bad([*BATCH[4:7], *swapped]) == 3
    more = BATCH[0]._replace(s=BATCH[0].s - 1), BATCH[3]._replace(s=BATCH[3].s + 1)
    assert verifier.first_bad([BATCH[1], more[0], BATCH[2], more[1]]) == 1


def test_sums_of_points_meet_every_special_case() -> None:
    g, n = verifier.G, verifier.N
    twice = coincurve.PrivateKey.from_int(2).public_key.format(compressed=False)
    x, y, z = verifier.combine([(1, g), (1, g)])
    inverse = pow(z, -1, verifier.P)
    assert (x * inverse % verifier.P).to_bytes(32, "big") == twice[1:33]
    assert (y * inverse % verifier.P).to_bytes(32, "big") == twice[33:]
    assert verifier.combine([(n, g)])[2] == 0
    assert verifier.combine([(5, g), (n - 5, g)])[2] == 0
    assert verifier.combine([(0, g)])[2] == 0


def form_of(item: rlp.Item) -> object:
    """The form of an item, for the verifier reads by forms."""
    return [form_of(one) for one in item] if isinstance(item, list) else "b"


ITEMS = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=20)


@given(ITEMS)
def test_rlp_is_that_of_the_project(item: rlp.Item) -> None:
    data = rlp.encode(item)
    assert verifier.rlp_encode(item) == data
    assert verifier.rlp(form_of(item), data)[0] == item


def agree(mine: object, theirs: object, *arguments: object) -> None:
    """Both return the same, or both refuse."""
    try:
        expected = theirs(*arguments)  # type: ignore[operator]
    except (ValueError, Malformed):
        with pytest.raises(verifier.Fault):
            mine(*arguments)  # type: ignore[operator]
    else:
        assert mine(*arguments) == expected  # type: ignore[operator]


def depth(item: rlp.Item) -> int:
    return 1 + max(map(depth, item), default=0) if isinstance(item, list) else 0


def read_rlp(data: bytes, form: object) -> object:
    return verifier.rlp(form, data)[0]


def project_rlp(data: bytes, form: object) -> rlp.Item:
    item = rlp.decode(data)
    if form_of(item) != form:
        raise Malformed("it is of another form")
    return item


@settings(max_examples=1_000)
@given(ITEMS, st.data())
def test_bent_rlp_is_refused_by_both_or_by_none(item: rlp.Item, data: st.DataObject) -> None:
    assume(depth(item) <= 4)  # the project's bound; the verifier's forms are its own
    made = bytearray(rlp.encode(item))
    for _ in range(data.draw(st.integers(1, 3))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    agree(read_rlp, project_rlp, bytes(made), form_of(item))


@settings(max_examples=1_000)
@given(st.binary(max_size=40))
def test_foreign_rlp_is_refused_by_both_or_by_none(data: bytes) -> None:
    for form in ("b", [], ["b"], ["b", ["b"]]):
        agree(read_rlp, project_rlp, data, form)


@given(st.binary(max_size=40), st.integers(0, 1 << 64), st.integers(0, 1 << 256))
def test_items_have_their_forms(data: bytes, small: int, large: int) -> None:
    form = [len(data), "n", "N", (1, 3, "n")]
    fits = small < 1 << 63 and large < 1 << 256
    made = rlp.encode([data, rlp.number(small), rlp.number(large), [b""]])
    agree(read_rlp, lambda *_: [data, small, large, [0]] if fits else rlp.decode(b""), made, form)
    for items in ([data], [data, b"\0", b"", [b""]], [data, b"", b"", []], [data, b"", b"", [b""] * 4], [b"", data]):
        agree(read_rlp, lambda *_: rlp.decode(b""), rlp.encode(items), [*form[:1], *form[1:]])


def functions() -> dict[str, tuple[list[dict[str, object]], str]]:
    """The functions that the verifier reads, by name: the committed ABI's inputs, and the verifier's signature."""
    found = {}
    for contract, text, _ in verifier.CALLS:
        abi = {signature(one): one for one in committed(contract).abi if one["type"] == "function"}
        plain_text = re.sub(r"enum\d+", "uint8", text)
        assert plain_text in abi, f"{contract} has no {text}"
        found[text[: text.index("(")]] = abi[plain_text]["inputs"], text
    return found


FUNCTIONS = functions()


def plain(value: object) -> object:
    if isinstance(value, str):
        return bytes.fromhex(value[2:])
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def zero(kind: str) -> object:
    if kind[:5] == "bytes":
        return b"\x07" * int(kind[5:] or 50)
    return {"address": "0x" + "11" * 20, "bool": True}.get(kind, 1 if kind.startswith("enum") else 9)


def arguments(kinds: list[object]) -> list[object]:
    """Some of these types, of tuples that there may be many of two."""
    if kinds[-1:] == ["many"]:
        return [arguments(kinds[:-1]), arguments(kinds[:-1])]
    return [arguments(kind) if isinstance(kind, list) else zero(str(kind)) for kind in kinds]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_calls_are_decoded_as_the_project_does_whatever_bit_is_bent(name: str) -> None:
    inputs, text = FUNCTIONS[name]
    types = verifier.types_of(text)
    head = 32 if verifier.is_far(types) else 0
    shape = re.sub(r"enum\d+", "uint8", text[text.index("(") :].replace("bytes32[2]", "bytes32,bytes32"))
    data = b"call" + abi_encode([shape], [arguments(types)])[head:]
    decoded = call_decoder(inputs)

    def theirs(given: bytes) -> object:
        found: list[object] = list(decoded(given))
        return [*found[:2], *found[2]] if name == "proposeAdmission" else found  # type: ignore[misc]

    def mine(given: bytes) -> object:
        return verifier.arguments(types, given)

    assert mine(data) == plain(theirs(data))
    for place in range(len(data)):
        for bit in (1, 0x20, 0x80):
            bent = bytes([*data[:place], data[place] ^ bit, *data[place + 1 :]])
            agree(mine, lambda given: plain(theirs(given)), bent)
    for cut in (data[:-1], data[:-32], data + bytes(32), data + b"\0", b""):
        agree(mine, lambda given: plain(theirs(given)), cut)


def test_transactions_of_all_kinds_are_read_as_the_project_does() -> None:
    secret = coincurve.PrivateKey(keccak(b"sender"))
    raw = transaction(secret, "0x" + "22" * 20, b"\x01\x02\x03\x04", 31337, 5)
    for one in (raw, *bent_transactions(raw), *of_all_kinds(secret)):
        try:
            theirs = project.signed(one)
            recover(theirs.digest, theirs.r, theirs.s, theirs.parity)
        except ValueError:
            assert not right(one)
        else:
            call = verifier.read_transaction(one)
            assert (call.chain, call.nonce, call.to, call.data) == theirs[:4]
            assert right(one)


def of_all_kinds(secret: coincurve.PrivateKey) -> Iterator[bytes]:
    """Signed transactions of each type, with access lists in their form and in others."""
    body: list[rlp.Item] = [b"\x22" * 20, b"", b"\x01\x02\x03\x04"]
    chain = rlp.number(31337)
    yield sealed(secret, b"", [b"\x05", b"\x01", b"\x09", *body], [chain, b"", b""])
    yield sealed(secret, b"", [b"\x05", b"\x01", b"\x09", *body], [])
    paid: list[rlp.Item] = [body[0], b"\x01", body[2]]
    yield sealed(secret, b"", [b"\x05", b"\x01", b"\x09", *paid], [])
    yield sealed(secret, b"\x02", [chain, b"\x05", b"\x01", b"\x01", b"\x09", *paid, []], [])
    key, address = b"\x02" * 32, b"\x01" * 20
    lists: list[rlp.Item] = [[], [[address, [key]]], [[address, []]], [[address, key]], [[key, []]], [[address]], b""]
    for access in (*lists, [[address, [b"\x03"]]], [address]):
        yield sealed(secret, b"\x01", [chain, b"\x05", b"\x01", b"\x09", *body, access], [])
        yield sealed(secret, b"\x02", [chain, b"\x05", b"\x01", b"\x01", b"\x09", *body, access], [])


def sealed(secret: coincurve.PrivateKey, kind: bytes, fields: list[rlp.Item], more: list[rlp.Item]) -> bytes:
    made = secret.sign_recoverable(keccak(kind + rlp.encode([*fields, *more])), hasher=None)
    parity = made[64] if kind else made[64] + (35 + 2 * 31337 if more else 27)
    numbers = [parity, int.from_bytes(made[:32]), int.from_bytes(made[32:64])]
    return kind + rlp.encode([*fields, *map(rlp.number, numbers)])


def right(raw: bytes) -> bool:
    """Whether the verifier takes it, with the signature of some key."""
    try:
        call = verifier.read_transaction(raw)
    except verifier.Fault:
        return False
    digest = verifier.keccak(call.signed)
    try:
        made = call.r.to_bytes(32, "big") + call.s.to_bytes(32, "big") + bytes([call.parity])
        key = coincurve.PublicKey.from_signature_and_message(made, digest, hasher=None).format(compressed=False)
        point = coincurve.PublicKey(bytes([2 + call.parity]) + made[:32]).format(compressed=False)
    except (ValueError, OverflowError):
        return False
    spot = int.from_bytes(key[1:33]), int.from_bytes(key[33:])
    one = verifier.Signature(digest, call.r, call.s, call.parity, int.from_bytes(point[33:]), spot)
    return verifier.first_bad([one]) is None


def bent_transactions(raw: bytes) -> list[bytes]:
    chance = random.Random(2)
    bent = []
    for _ in range(150):
        made = bytearray(raw)
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
        bent.append(bytes(made))
    return [*bent, raw[:-1], raw + b"\0", b"\x03" + raw[1:], b"\xc0"]


@pytest.mark.parametrize("size", [CHUNK + 1, 5 * CHUNK, 1024 * CHUNK, 1024 * CHUNK + 1, 2049 * CHUNK + 7])
def test_nodes_are_those_of_the_profile(size: int) -> None:
    height = unixfs.height_of(size)
    assert verifier.height_of(size) == height
    count = len(verifier.parts_of(size, height))
    digests = [sha256(b"%d" % number) for number in range(count)]
    children = [Cid(RAW if height == 1 else DAG_PB, digest) for digest in digests]
    assert verifier.make_node(size, height, digests) == unixfs.encode(size, height, children)


@pytest.mark.parametrize("leaves", [1, 2, 1023, 1024, 1025, 2049])
def test_a_file_of_leaves_has_its_cid(leaves: int) -> None:
    tree = unixfs.TreeBuilder()
    digests = [sha256(b"leaf %d" % number) for number in range(leaves)]
    for digest in digests[:-1]:
        tree.add(Cid(RAW, digest), CHUNK)
    tree.add(Cid(RAW, digests[-1]), 5)
    assert verifier.file_digest(digests, tree.size) == tree.finish()[0].digest


@given(st.binary(max_size=9 * 1024))
def test_roots_are_those_of_rfc_6962(data: bytes) -> None:
    assert verifier.merkle_root([data]) == merkle.root_of(data)


DOCUMENTS = st.one_of(
    st.binary(max_size=60),
    st.text('{}[]",:\\0123456789-.eE+ntrufalse N\u00e9\ud7ff\U00010000', max_size=40).map(str.encode),
    st.sampled_from([b'{"a":1,"a":1}', b"-0", b'{"b":1,"a":2}', b"9223372036854775808", b"[" * 9 + b"]" * 9, b"NaN"]),
)


@settings(max_examples=2_000)
@given(DOCUMENTS)
def test_documents_are_refused_by_both_or_by_none(data: bytes) -> None:
    def mine(given: bytes) -> None:
        try:
            verifier.parse_json(given)
        except ValueError as error:
            raise verifier.Fault("form") from error

    agree(mine, lambda given: check_json(given, "it"), data)
