"""Python and the oracle come to the same verdict byte, and accept the same names, texts and documents."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.judging import judge_bytes
from support.oracle import Ask, verdict_of

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.digest import encode
from ledger.formats.grammar import check_json, check_name, check_text
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.formats.rows import Draw
from ledger.jobs.document import Admission
from ledger.jobs.rules import WeightedMean
from ledger.rounds.admission import Verdict, weigh
from ledger.rounds.rules import combine

FUZZ = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PARTY = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
OTHER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LIMITS = Admission(min_updates=1, max_weight=100, max_value=1 << 20, max_norm=1 << 17)
SIGNS = "".join(sign for sign in map(chr, range(0x21, 0x7F)) if sign not in '"\\')
WORDS = [
    b"NaN",
    b"Infinity",
    b"1E400",
    b'"\\ud800"',
    b"-0",
    b"1.0",
    b"true",
    b"\xff",
    b"[[[[[[[[[",
    b'{"a":',
    b"\n",
    b'"',
]

NAMES = st.text(SIGNS, min_size=1, max_size=6).filter(lambda name: name != "__metadata__") | st.just("__proto__")
SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
LAYOUTS = st.dictionaries(NAMES, SHAPES, min_size=1, max_size=3).map(
    lambda table: Layout(tuple(Tensor(name, table[name]) for name in sorted(table)))
)
LARGE = st.sampled_from([1 << 20, -(1 << 20), 1 << 18])
VALUES = st.integers(-3, 3) | LARGE | st.sampled_from([(1 << 20) + 1, -(1 << 31), (1 << 31) - 1])
BINDINGS = st.builds(
    Binding,
    kind=st.just("update"),
    chain=st.sampled_from([1, 31337, (1 << 53) - 1]),
    contract=st.just(OTHER),
    job=st.integers(1, (1 << 32) - 1),
    round=st.integers(1, 3),
    party=st.sampled_from([PARTY, OTHER]),
    base=st.sampled_from([bytes(32), bytes(range(32))]),
)

LOUD = st.sampled_from([LIMITS.max_norm + 1, -LIMITS.max_value])
"""Values within the bound, each beyond the norm."""
ROWS = st.sampled_from([1, 10, (1 << 32) - 1])
ROOTS = st.binary(min_size=32, max_size=32)


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Any]:
    """An update, mostly right but for one change of its file, its registration or its header."""
    layout, binding = draw(LAYOUTS), draw(BINDINGS)
    length = layout.values
    each = draw(st.sampled_from([VALUES, VALUES, VALUES, LOUD]))
    values = np.array(draw(st.lists(each, min_size=length, max_size=length)), dtype="<i4")
    bound = draw(st.just(binding) | st.just(binding) | BINDINGS).on(draw(ROWS), draw(ROOTS))
    head, body = layout.header(bound), values.tobytes()
    file = draw(mutations(head + body, len(head)))
    return {
        "layout": layout,
        "binding": binding,
        "file": file,
        "root": draw(st.just(root_of(values)) | st.just(root_of(values)) | st.binary(min_size=32, max_size=32)),
        "weight": draw(st.sampled_from([1, 100, 50, 50, 50, 0, 101, -1, 1 << 32])),
    }


@st.composite
def mutations(draw: st.DrawFn, file: bytes, head: int) -> bytes:
    """The file: as it is, or with one change."""
    at, flip, word = draw(st.integers(0, len(file) - 1)), draw(st.integers(1, 255)), draw(st.sampled_from(WORDS))
    text = file[8:head].replace(b'{"__metadata__":{', b'{"__metadata__":{"Z":' + word + b",", 1).rstrip(b" ")
    changes = [
        file[:at] + bytes([file[at] ^ flip]) + file[at + 1 :],
        file[:at],
        file + draw(st.binary(min_size=1, max_size=9)),
        file[:at] + word + file[at + len(word) :],
        file.replace(b":", b": ", 1).replace(b"  ", b" ", 1),
        file[:8] + text.ljust(head - 8) + file[head:],
    ]
    return draw(st.sampled_from([*[file] * len(changes), *changes]))


def pieces(data: bytes) -> Iterator[bytes]:
    yield from (data[at : at + 700] for at in range(0, len(data), 700))


def ours(update: dict[str, Any]) -> Verdict:
    decision = weigh(update["weight"], LIMITS.max_weight)
    if decision.verdict is not Verdict.ADMITTED:
        return decision.verdict
    file, layout, binding = update["file"], update["layout"], update["binding"]
    return judge_bytes(pieces(file), layout, binding, update["root"], LIMITS).verdict


SEEN: Counter[Verdict] = Counter()


@FUZZ
@given(update=updates())
def test_verdict_bytes_are_the_same(ask: Ask, update: dict[str, Any]) -> None:
    verdict = ours(update)
    SEEN[verdict] += 1
    layout, file, root = update["layout"], update["file"], update["root"]
    theirs = verdict_of(ask, layout.tensors, update["binding"], LIMITS, file, root=root, weight=update["weight"])
    assert theirs == verdict, verdict.name


def test_the_updates_earned_every_verdict() -> None:
    if not SEEN:
        pytest.skip("no update was judged before")
    of_other_jobs = {Verdict.CAST, Verdict.SET, Verdict.BUDGET, Verdict.EDGE, Verdict.STALE}
    assert set(SEEN) == set(Verdict) - {Verdict.UNAVAILABLE} - of_other_jobs


@FUZZ
@given(data=st.data())
def test_means_are_the_same(ask: Ask, data: st.DataObject) -> None:
    count, length = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    weights = data.draw(st.lists(st.integers(1, (1 << 24) - 1), min_size=count, max_size=count))
    column = st.lists(VALUES, min_size=length, max_size=length)
    given_ = data.draw(st.lists(column, min_size=count, max_size=count))
    rows = np.array(given_, dtype="<i4")
    assert combine(WeightedMean(), weights, lambda k: rows[k]).tolist() == ask(
        "weighted_mean", weights=weights, updates=given_
    )


def accepts(check: Any, *given_: Any) -> bool:
    try:
        check(*given_, "it")
    except Malformed:
        return False
    return True


TEXTS = st.text(st.characters(exclude_categories=()), max_size=6) | st.text(SIGNS + " ", max_size=6)


@FUZZ
@given(text=TEXTS | TEXTS.map(lambda text: (text * 200)[:201]))
def test_the_same_names_and_texts_are_accepted(ask: Ask, text: str) -> None:
    assert ask("name", text=text) is accepts(check_name, text)
    assert ask("text", text=text) is accepts(check_text, text)


LEAVES = st.none() | st.booleans() | st.integers(-(1 << 64), 1 << 64) | st.text(max_size=4)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@FUZZ
@given(
    value=DOCUMENTS, at=st.integers(0, 99), junk=st.sampled_from([b"", *WORDS, b",", b"\\", b"0"]), keep=st.booleans()
)
def test_the_same_documents_are_accepted(ask: Ask, value: Any, at: int, junk: bytes, keep: bool) -> None:
    data = encode(value)
    at %= len(data)
    changed = data if keep else data[:at] + junk + data[at + len(junk) :]
    assert ask("document", data=changed.hex()) is accepts(check_json, changed)


DIGESTS = st.binary(min_size=32, max_size=32)


@FUZZ
@given(
    draw=st.builds(Draw, job=DIGESTS, salt=DIGESTS, share=st.integers(0, 90)),
    leaves=st.lists(DIGESTS | st.just(bytes(32)), min_size=1, max_size=12),
    number=st.integers(1, (1 << 24) - 1),
)
def test_rows_are_drawn_and_bound_in_the_same_way(ask: Ask, draw: Draw, leaves: list[bytes], number: int) -> None:
    said = {"job": draw.job.hex(), "salt": draw.salt.hex(), "share": draw.share}
    tree = draw.tree(number, leaves)
    found = ask("rows_root", **said, round=number, leaves=[leaf.hex() for leaf in leaves])
    assert found == {"rows": len(tree.trained), "root": tree.root.hex()}
