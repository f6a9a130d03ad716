"""A job has one encoding; every field has bounds; what a reader does not understand it refuses."""

import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worlds.world import World

from ledger.errors import Malformed
from ledger.events.records import ModelTerms
from ledger.formats.cid import CHUNK
from ledger.formats.digest import encode, sha256
from ledger.formats.grammar import MAX_INTEGER
from ledger.jobs import document as jobs
from ledger.jobs.compression import Compression
from ledger.jobs.document import Job, parse
from ledger.jobs.hierarchy import Hierarchy
from ledger.jobs.privacy import Masked, SealedTo
from ledger.jobs.private import Private
from ledger.jobs.rules import CentredClipping, GeometricMedian, Median, MultiKrum, TrimmedMean, WeightedMean
from ledger.jobs.schedule import Buffered
from ledger.jobs.scores import MAX_WEIGHT, Cosine
from ledger.jobs.server import Momentum

JOB = World().job
DOCUMENT: dict[str, Any] = json.loads(JOB.encode())


def canonical(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def changed(path: str, value: Any) -> bytes:
    document = json.loads(JOB.encode())
    *parents, last = path.split(".")
    table = document
    for name in parents:
        table = table[int(name) if name.isdigit() else name]
    if value is KeyError:
        del table[last]
    else:
        table[int(last) if last.isdigit() else last] = value
    return canonical(document)


def test_the_document_is_its_own_address() -> None:
    data = JOB.encode()
    assert parse(data) == JOB
    assert JOB.digest == sha256(data) == JOB.cid.digest
    assert data == canonical(DOCUMENT)


@pytest.mark.parametrize("rule", [Median(), TrimmedMean(trim=1)])
def test_each_rule_travels(rule: Any) -> None:
    document = {"rule": "median"} if isinstance(rule, Median) else {"rule": "trimmed_mean", "trim": 1}
    data = canonical(json.loads(changed("aggregation", document)) | {})
    data = data.replace(b'"min_updates":2', b'"min_updates":3')
    assert parse(data).aggregation == rule
    assert parse(data).encode() == data


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "a space": lambda data: data.replace(b":", b": ", 1),
    "a newline after": lambda data: data + b"\n",
    "indented": lambda data: json.dumps(json.loads(data), indent=1).encode(),
    "another order": lambda data: json.dumps(dict(reversed(json.loads(data).items())), separators=(",", ":")).encode(),
    "a name twice": lambda data: data.replace(b'"name":"test",', b'"name":"test","name":"test",'),
    "an escape": lambda data: data.replace(b'"name":"test"', b'"name":"t\\u0065st"'),
    "-0": lambda data: data.replace(b'"epochs":1', b'"epochs":-0'),
    "a BOM": lambda data: b"\xef\xbb\xbf" + data,
    "default left out": lambda data: data.replace(b'"fraction_bits":24,', b""),
}


@pytest.mark.parametrize("change", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_any_other_encoding_is_refused(change: Callable[[bytes], bytes]) -> None:
    data = change(JOB.encode())
    assert data != JOB.encode()
    with pytest.raises(Malformed, match=r"canonical|not a valid document"):
        parse(data)


@pytest.mark.parametrize("data", [b'{"fedledger":"job/1"}', JOB.encode().replace(b"job/2", b"job/1")])
def test_a_job_of_another_format_is_named_as_such(data: bytes) -> None:
    with pytest.raises(Malformed, match="another format") as caught:
        parse(data)
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == ("job/2", "job/1")


def test_a_name_of_any_length_is_quoted_in_part() -> None:
    data = JOB.encode().replace(b'"aggregation"', b'"' + b"ae" * 50_000 + b'":1,"aggregation"')
    with pytest.raises(Malformed, match="not a valid document") as caught:
        parse(data)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"a":' * 50_000, b"\x80\x04K\x01.", b"1" * 5000],
    ids=["empty", "null", "list", "table", "not UTF-8", "deep list", "deep table", "pickle", "number"],
)
def test_what_is_no_job_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="not a valid document"):
        parse(data)


def test_a_document_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed, match="too large"):
        parse(b" " * (CHUNK + 1))


WRONG: list[tuple[str, Any]] = [
    ("fedledger", "job/1"),
    ("fedledger", "job/3"),
    ("fedledger", KeyError),
    ("unknown", 1),
    ("task.unknown", 1),
    ("terms.unknown", 1),
    ("aggregation.unknown", 1),
    ("admission.unknown", 1),
    ("tensors.0.unknown", 1),
    ("aggregation.rule", "krum"),
    ("aggregation", {"rule": "weighted_mean", "trim": 1}),
    ("scoring.method", "shapley"),
    ("privacy", {}),
    ("privacy", {"mode": {"deep": 1}}),
    ("privacy.mode", None),
    ("privacy", "none"),
    ("schedule", KeyError),
    ("schedule.mode", "continuous"),
    ("schedule.buffer", 2),
    ("schedule", {"mode": "buffered", "max_staleness": 3}),
    ("schedule", {"mode": "buffered", "max_staleness": 3, "staleness": "linear"}),
    ("terms.buffer", 2),
    ("terms.buffer", 0),
    ("initial_model.seed", KeyError),
    ("initial_model.seed", "1"),
    ("admission.max_norm", KeyError),
    ("admission.max_weight", 1.5),
    ("admission.max_weight", 10.0),
    ("admission.max_weight", True),
    ("admission.max_weight", "10"),
    ("task.settings.rate", 0.1),
    ("task.settings.rate", None),
    ("task.settings.rate", {"a": 1}),
    ("task.settings.rate", [1]),
    ("tensors.0.shape", [1.5]),
    ("tensors.0.shape", "10"),
    ("tensors.0.fraction_bits", 24.0),
    ("tensors.0.dtype", "F32"),
    ("tensors.0.dtype", ""),
    ("tensors.0.dtype", "int64"),
    ("tensors.0.dtype", None),
    ("name", 5),
]


@pytest.mark.parametrize(("path", "value"), WRONG)
def test_unknown_fields_versions_and_types_are_refused(path: str, value: Any) -> None:
    with pytest.raises(Malformed):
        parse(changed(path, value))


def test_a_field_nested_without_end_is_refused_whatever_the_recursion_limit() -> None:
    """Nothing is read without a type: a reader that follows any nesting would run out of stack."""
    hostile = JOB.encode().replace(b'{"mode":"none"}', b'{"mode":' + b"[" * 200_000)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(Malformed, match="not a valid document"):
            parse(hostile)
    finally:
        sys.setrecursionlimit(limit)


VALUES = JOB.layout.values
BOUNDS: list[tuple[str, int, int]] = [
    ("initial_model.seed", 0, (1 << 63) - 1),
    ("admission.min_updates", 1, 255),
    ("admission.max_weight", 1, MAX_WEIGHT),
    ("admission.max_value", 1, (1 << 31) - 1),
    ("admission.max_norm", 1, (VALUES << 31) - 1),
    ("terms.rounds", 1, (1 << 24) - 1),
    ("terms.attempts", 1, 255),
    ("terms.update_seconds", 1, 365 * 86400),
    ("terms.open_seconds", 1, 365 * 86400),
    ("terms.aggregate_seconds", 1, 365 * 86400),
    ("terms.attest_seconds", 1, 365 * 86400),
]


def test_members_may_have_caps_of_their_own() -> None:
    caps = {"0": 1, "10": JOB.admission.max_weight, "254": 7}
    job = parse(changed("admission.max_weights", caps))
    assert job.encode() == changed("admission.max_weights", caps)
    assert [job.admission.cap(member) for member in (0, 1, 10, 254)] == [1, 1000, 1000, 7]


@pytest.mark.parametrize(
    "caps", [{}, {"255": 1}, {"1": 0}, {"1": 1001}, {"01": 1}, {"-1": 1}, {"": 1}, {"x": 1}, {"\u0661": 1}, {"1": "1"}]
)
def test_caps_that_are_none_are_refused(caps: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse(changed("admission.max_weights", caps))


@pytest.mark.parametrize(
    ("rule", "number", "trim"), [(WeightedMean(), 0, 0), (Median(), 1, 0), (TrimmedMean(trim=3), 2, 3)]
)
def test_the_ledger_is_told_what_the_document_says_of_models(rule: Any, number: int, trim: int) -> None:
    job = msgspec.structs.replace(JOB, aggregation=rule)
    assert job.model_terms == ModelTerms(
        initial=bytes.fromhex(JOB.initial_model.root),
        values=VALUES,
        rule=number,
        trim=trim,
        min_updates=2,
        max_weight=1000,
        max_value=1 << 20,
        max_norm=1 << 28,
        by_value=True,
    )


NOT_BY_VALUE: dict[str, dict[str, Any]] = {
    "the shares of multi-Krum": {"aggregation": MultiKrum(f=1)},
    "the shares of the geometric median": {"aggregation": GeometricMedian()},
    "the shares of centred clipping": {"aggregation": CentredClipping(radius=9)},
    "an optimiser's state": {"server": Momentum(rate="1", beta="0.9")},
    "compressed updates": {"compression": Compression(bits=8, error_feedback=False)},
    "masks": {"privacy": Masked(4, 3, 0, 60, 60, 60, 60, "public", "open")},
    "seals": {"privacy": SealedTo(("members",))},
    "edges": {"hierarchy": Hierarchy({"1": "00" * 32}, 2, 9, "sums")},
    "a buffer": {"schedule": Buffered(max_staleness=2, staleness="none")},
    "past scores": {"scoring": Cosine(weighting="past_scores")},
    "updates that are shortened": {"admission": msgspec.structs.replace(JOB.admission, on_norm="clip")},
}


@pytest.mark.parametrize("changes", NOT_BY_VALUE.values(), ids=NOT_BY_VALUE)
def test_what_takes_a_models_value_from_more_than_its_place_keeps_a_job_from_the_court(changes: dict[str, Any]) -> None:
    assert not msgspec.structs.replace(JOB, **changes).model_terms.by_value


BY_VALUE: dict[str, dict[str, Any]] = {
    "scores that weigh nothing": {"scoring": Cosine()},
    "members' own caps": {"admission": msgspec.structs.replace(JOB.admission, max_weights={"1": 7})},
    "tensors at home": {"private": Private.of(["head.*"])},
    "rows held out": {"hold_out": 20},
}


@pytest.mark.parametrize("changes", BY_VALUE.values(), ids=BY_VALUE)
def test_what_leaves_every_value_to_its_place_leaves_a_job_to_the_court(changes: dict[str, Any]) -> None:
    assert msgspec.structs.replace(JOB, **changes).model_terms.by_value


@pytest.mark.parametrize(("path", "low", "high"), BOUNDS)
def test_every_number_has_bounds(path: str, low: int, high: int) -> None:
    for value in (low, high):
        assert parse(changed(path, value)).encode() == changed(path, value)
    for value in {low - 1, high + 1, -1} - {1 << 63}:
        with pytest.raises(Malformed, match=path.replace(".", r"\.")) as caught:
            parse(changed(path, value))
        assert caught.value.facts["minimum"] == low
        assert caught.value.facts["actual"] == value
    for value in (1 << 63, -(1 << 63), 1 << 64, 10**40):
        with pytest.raises(Malformed, match="not an integer within") as caught:
            parse(changed(path, value))
        assert str(value)[:40] in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("tensors.0.fraction_bits", 31, "fraction_bits"),
        ("tensors.0.dtype", "I64", "no fraction bits"),
        ("tensors.0.fraction_bits", -1, "fraction_bits"),
        ("tensors.0.shape", [], "impossible shape"),
        ("tensors.0.shape", [0], "impossible shape"),
        ("tensors.0.shape", [10**9, 10**9, 10**9], "impossible shape|too large"),
        ("tensors.0.name", "zzz", "ascending"),
        ("tensors", [], "at least one"),
        ("initial_model.cid", "bafy", "CID"),
        ("initial_model.cid", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", "CID"),
        ("initial_model.root", "", "initial_model.root"),
        ("initial_model.root", "0" * 63, "initial_model.root"),
        ("initial_model.root", "z" * 64, "initial_model.root"),
        ("initial_model.root", "A" * 64, "initial_model.root"),
        ("initial_model.root", "0 " * 32, "initial_model.root"),
        ("task.code", "z" * 64, "task.code"),
        ("task.code", "\x7f[31m", "task.code"),
        ("task.code", "\x1b[31m", "an escape"),
        ("name", "", "name must be"),
        ("name", "a\x1b[2J", "an escape"),
        ("name", "a\x9b2J", "name has a character"),
        ("name", "a\u202eb", "name has a character"),
        ("name", "a ", "name has a space first or last"),
        ("name", "a  b", "two in a row"),
        ("name", "a" * 201, "name must be"),
        ("task.name", "\n", "an escape"),
        ("task.name", "a b", r"task\.name has a character"),
        ("task.name", "n" * 201, r"task\.name must be"),
        ("task.version", "1\u00b2", r"task\.version has a character"),
        ("task.settings", {"a b": 1}, "the name of a setting has a character"),
        ("task.settings", {"": 1}, "the name of a setting must be"),
        ("task.version", "", "task.version must be"),
    ],
)
def test_a_job_that_could_not_be_run_is_refused(path: str, value: Any, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse(changed(path, value))


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"score_seconds": 1, "reveal_seconds": 1}, r"terms\.scorers"),
        ({"score_seconds": 1, "scorers": 1}, r"terms\.reveal_seconds"),
        ({"reveal_seconds": 1, "scorers": 1}, r"terms\.score_seconds"),
        ({"score_seconds": 1, "reveal_seconds": 1, "scorers": 256}, r"terms\.scorers"),
        ({"score_seconds": 31_536_001, "reveal_seconds": 1, "scorers": 1}, r"terms\.score_seconds"),
        ({"score_seconds": 1, "reveal_seconds": 31_536_001, "scorers": 1}, r"terms\.reveal_seconds"),
        ({"score_seconds": -1}, r"terms\.score_seconds"),
        ({"scorers": 0}, "canonical"),
        ({"score_seconds": 0, "reveal_seconds": 0, "scorers": 0}, "canonical"),
    ],
)
def test_the_terms_of_scores_are_all_given_or_all_left_out(terms: dict[str, int], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse(changed("terms", DOCUMENT["terms"] | terms))


@pytest.mark.parametrize(
    ("minimum", "trim", "good"), [(3, 1, True), (5, 2, True), (2, 1, False), (4, 2, False), (3, 0, False)]
)
def test_trimming_leaves_an_update(minimum: int, trim: int, good: bool) -> None:
    document = json.loads(JOB.encode())
    document["aggregation"] = {"rule": "trimmed_mean", "trim": trim}
    document["admission"]["min_updates"] = minimum
    if good:
        assert parse(canonical(document)).aggregation == TrimmedMean(trim=trim)
        return
    with pytest.raises(Malformed, match=r"aggregation\.trim"):
        parse(canonical(document))


NAMES = st.text("".join(map(chr, range(0x23, 0x5C))), min_size=1, max_size=8)
TEXTS = st.text(st.characters(min_codepoint=0x20, codec="utf-8"), max_size=8)
INTEGERS = st.integers(-MAX_INTEGER, MAX_INTEGER)
SETTINGS = st.dictionaries(NAMES, TEXTS | INTEGERS | st.booleans() | st.lists(TEXTS), max_size=5)


@given(SETTINGS)
def test_settings_without_floats_travel(settings: dict[str, Any]) -> None:
    document = json.loads(JOB.encode())
    document["task"]["settings"] = settings
    data = encode(document)
    job = parse(data)
    assert isinstance(job, Job)
    assert job.task.settings == settings
    assert job.encode() == data


@pytest.mark.parametrize("value", ["a\nb", "\0", ["\x1f"], 1 << 63, -(1 << 63)])
def test_a_setting_that_no_document_can_say_is_refused_before_it_is_written(value: Any) -> None:
    task = msgspec.structs.replace(JOB.task, settings={"rate": value})
    with pytest.raises(Malformed, match="the job's document is not a valid document"):
        jobs.check(msgspec.structs.replace(JOB, task=task))


@given(st.binary(max_size=60), st.integers(0, len(JOB.encode())))
def test_a_document_with_foreign_bytes_is_refused_with_a_name(junk: bytes, at: int) -> None:
    data = JOB.encode()
    mixed = data[:at] + junk + data[at + len(junk) :]
    with contextlib.suppress(Malformed):
        assert parse(mixed).encode() == mixed
