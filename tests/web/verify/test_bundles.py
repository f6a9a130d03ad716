"""Bundles in the page: the verdict's bytes are those of the project's own reader, whatever is in them."""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.bundles import Staged

from ledger.bundle.check import check_bundle
from ledger.bundle.form import BundleScope
from ledger.events.records import Form
from ledger.formats.artifact import Tensor
from ledger.jobs.document import Admission
from ledger.jobs.rules import Median, TrimmedMean

LIMITS = Admission(min_updates=3, max_weight=1000, max_value=1 << 20, max_norm=1 << 28)


def same(modules: Any, path: Path) -> str:
    """The verdict of both, which is one."""
    verdict = check_bundle(path)
    assert modules("bundle", str(path)) == verdict.encode().decode()
    return verdict.verdict


def collected(staged: Staged, **submitted: Any) -> Staged:
    staged.open_round()
    for member in range(len(staged.keys)):
        staged.submit(member, **submitted.get(f"member{member}", {}))
    staged.open_updates(0, 1, len(staged.keys) - 1)
    return staged


def false_root() -> Staged:
    staged = collected(Staged())
    staged.publish(root=b"\1" * 32)
    staged.attest(1, 2)
    return staged


def false_cid() -> Staged:
    staged = collected(Staged())
    staged.publish(cid=b"\1" * 32)
    staged.attest(1, 2, 3)
    return staged


def carries() -> Staged:
    staged = collected(Staged())
    staged.publish(carried=b"\1" * 32)
    staged.attest(1, 2)
    return staged


def too_heavy() -> Staged:
    staged = collected(Staged(), member2={"weight": 10**6})
    staged.publish()
    staged.attest(1, 2)
    return staged


def other_bytes() -> Staged:
    staged = collected(Staged(), member1={"data": b"something else"}, member3={"root": b"\2" * 32})
    staged.publish()
    staged.attest(1, 2)
    return staged


def admitted_all_the_same() -> Staged:
    staged = collected(Staged(), member1={"data": b"something else"})
    staged.publish(verdicts=bytes(4))
    staged.attest(1, 2)
    return staged


def caught() -> Staged:
    staged = collected(Staged())
    staged.publish(verdicts=b"\0\0\7\0")
    staged.attest(1, 2, form=Form.OTHER)
    staged.publish(1)
    staged.attest(2, 3)
    return staged


def unavailable() -> Staged:
    staged = collected(Staged())
    staged.publish(without=[2])
    staged.attest(1, 2)
    return staged


def trimmed() -> Staged:
    return Staged(5, rule=TrimmedMean(1), limits=LIMITS).honest_round()


def test_a_bundle_is_one_by_its_first_bytes_whatever_its_name(modules: Any, tmp_path: Path) -> None:
    head = collected(Staged(4)).write(tmp_path / "it.car").read_bytes()[:4096].decode("latin-1")
    assert [modules("kind", head, name) for name in ("it.car", "it.csv")] == ["", ""]
    assert [modules("kind", "age,weight\n", name) for name in ("it.car", "it.csv")] == ["", "table"]


def without(kind: str) -> Staged:
    """Two rounds of which the writer could not have one file."""
    staged = two_rounds()
    first = staged.state.rounds[1]
    final = first.final
    assert final is not None
    lost = {
        "update": first.sorted_updates()[1].cid,
        "model": final.cid,
        "initial": staged.job.initial_cid.digest,
        "document": staged.state.digest,
    }[kind]
    del staged.files.blocks[lost]
    return staged


def other_terms() -> Staged:
    """A job whose document says other limits than the ledger."""
    staged = Staged(opened=False)
    document = msgspec.structs.replace(staged.job, admission=msgspec.structs.replace(LIMITS, max_value=7)).encode()
    staged.propose(document)
    return collected_and_final(staged)


def other_document(document: bytes) -> Staged:
    staged = Staged(opened=False)
    staged.propose(document)
    return collected_and_final(staged)


def collected_and_final(staged: Staged) -> Staged:
    collected(staged)
    staged.publish()
    staged.attest(1, 2)
    return staged


def clipping() -> Staged:
    limits = msgspec.structs.replace(LIMITS, on_norm="clip")
    return collected_and_final(Staged(limits=limits))


def two_rounds() -> Staged:
    return Staged().honest_round().honest_round()


def several_blocks() -> Staged:
    return Staged(3, tensors=(Tensor("w", (300_000,)),)).honest_round()


def median() -> Staged:
    return Staged(rule=Median()).honest_round()


STAGES: dict[str, tuple[Callable[[], Staged], str]] = {
    "two_rounds": (two_rounds, "VERIFIED"),
    "median": (median, "VERIFIED"),
    "trimmed": (trimmed, "VERIFIED"),
    "several_blocks": (several_blocks, "VERIFIED"),
    "false_root": (false_root, "REFUTED"),
    "false_cid": (false_cid, "REFUTED"),
    "carries": (carries, "REFUTED"),
    "too_heavy": (too_heavy, "VERIFIED"),
    "other_bytes": (other_bytes, "VERIFIED"),
    "admitted_all_the_same": (admitted_all_the_same, "REFUTED"),
    "caught": (caught, "VERIFIED"),
    "unavailable": (unavailable, "UNKNOWN"),
    "no_update": (partial(without, "update"), "UNKNOWN"),
    "no_model": (partial(without, "model"), "UNKNOWN"),
    "no_initial_model": (partial(without, "initial"), "UNKNOWN"),
    "no_document": (partial(without, "document"), "UNKNOWN"),
    "other_terms": (other_terms, "REFUTED"),
    "no_job": (partial(other_document, b"{}"), "UNKNOWN"),
    "no_json": (partial(other_document, b"[" * 100), "UNKNOWN"),
    "not_plain": (clipping, "UNKNOWN"),
}


@pytest.mark.parametrize("name", STAGES)
def test_both_readers_say_the_same_of_what_happened(modules: Any, tmp_path: Path, name: str) -> None:
    make, verdict = STAGES[name]
    assert same(modules, make().write(tmp_path / "b.car")) == verdict


SCOPES = [
    BundleScope("release", 1, 1, 2, "cardio@1.0"),
    BundleScope("release", 1, 1, 3, "x"),
    BundleScope("rounds", 1, 2),
    BundleScope("rounds", 1, 9),
    BundleScope("rounds", 1, 1, 1),
    BundleScope("evidence"),
    BundleScope("evidence", 1),
    BundleScope("evidence", 2),
    BundleScope("conviction", 1),
]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_both_readers_say_the_same_of_every_scope(modules: Any, tmp_path: Path, scope: BundleScope) -> None:
    same(modules, two_rounds().write(tmp_path / "b.car", scope))


@pytest.fixture(scope="module")
def honest() -> bytes:
    return two_rounds().bundle()


def test_a_bent_file_has_one_finding_and_both_readers_name_it(modules: Any, tmp_path: Path, honest: bytes) -> None:
    source = random.Random(7)
    path = tmp_path / "bent.car"
    for _ in range(150):
        at = source.randrange(len(honest))
        bent = bytearray(honest)
        match source.randrange(3):
            case 0:
                bent[at] ^= 1 << source.randrange(8)
            case 1:
                del bent[at:]
            case _:
                bent[at:at] = source.randbytes(source.randrange(1, 40))
        path.write_bytes(bent)
        assert same(modules, path) == "MALFORMED"
