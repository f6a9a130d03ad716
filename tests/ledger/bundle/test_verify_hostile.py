"""Bundles of a few megabytes that are made to cost much: the verifier reads each within 256 MB and 10 s."""

import io
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_abi.abi import encode
from support.alone import alone
from support.bundles import ADDRESSES, CHAIN, SECONDS, Staged, calldata
from support.worlds.signing import _SECRETS, sign_digest, transaction

from ledger.bundle import verify_bundle
from ledger.bundle.check import check_bundle
from ledger.bundle.entries import Keys, Mined, entry
from ledger.bundle.form import CONTRACTS, BundleEntry, BundleScope, paged
from ledger.bundle.statements import RelayedStatement
from ledger.events.contents import digest_of_vote, proposal_id
from ledger.formats.artifact import Tensor
from ledger.formats.cid import raw
from ledger.formats.claims import Claimed
from ledger.formats.digest import NOTHING, sha256
from ledger.jobs.document import Admission
from ledger.jobs.rules import Median
from ledger.rounds.admission import Verdict
from ledger.store.car import frame, header

BALLOTS = dict(zip(CONTRACTS, ADDRESSES, strict=True))["ballots"]
Said = tuple[str, str, tuple[Any, ...], list[RelayedStatement]]


def gaps(_: Staged) -> Iterator[Said | None]:
    yield from [None] * 262_000


def unlike_lengths(_: Staged) -> Iterator[Said | None]:
    for number in range(60):
        yield "ledger", "openUpdates", (1, 1, bytes(1_000 + 2_000 * number)), []


def proposals(staged: Staged) -> Iterator[Said | None]:
    for number in range(4_000):
        yield "ballots", "proposeRemoval", (number % len(staged.keys),), []


def batches(staged: Staged) -> Iterator[Said | None]:
    """One vote by the same member, again and again under another deadline: signed each time, and counted once."""
    member = staged.keys[0]
    name = proposal_id(member, 1, 2, encode(["uint8"], [1]))
    yield "ballots", "proposeRemoval", (1,), []
    for batch in range(20):
        votes, statements = [], []
        for deadline in range((1 << 40) + 256 * batch, (1 << 40) + 256 * (batch + 1)):
            said = {"proposal": name, "member": member, "deadline": deadline, "choice": "For"}
            digest = digest_of_vote(CHAIN, BALLOTS, 2, said)
            made = sign_digest(member, digest)
            votes.append((member, 1, deadline, made[64], made[:32], made[32:64]))
            r, s = int.from_bytes(made[:32]), int.from_bytes(made[32:64])
            statements.append(RelayedStatement(member, digest, made[64], r, s))
        yield "ballots", "voteBatch", (name, 2, votes), statements


def jobs_of_one_document(staged: Staged) -> Iterator[Said | None]:
    terms, model = (
        tuple(getattr(one, name) for name in one.__struct_fields__)
        for one in (staged.job.terms, staged.job.model_terms)
    )
    digest = sha256(document_of(staged))
    for _ in range(1_500):
        yield "ledger", "proposeJob", (digest, terms, model), []


def document_of(staged: Staged) -> bytes:
    """A document of close to 1 MiB: as many tensors as fit."""
    tensors = [{"name": f"t{number:06d}", "shape": [1]} for number in range(28_000)]
    said = json.loads(staged.job.encode()) | {"tensors": tensors}
    return json.dumps(said, separators=(",", ":"), sort_keys=True).encode()


def written(staged: Staged, calls: Iterator[Said | None], path: Path) -> Path:
    keys, made = Keys(), list[BundleEntry]()
    sender = staged.keys[0]
    for number, said in enumerate(calls):
        block, time = 20 + number, 2_000_000 + number
        if said is None:
            made.append(BundleEntry(block, time, hash=number.to_bytes(32)))
            continue
        contract, function, arguments, statements = said
        to, data = staged.draft.addresses[contract], calldata(contract, function, *arguments)
        mined = Mined(block, time, transaction(_SECRETS[sender], to, data, CHAIN, number))
        made.append(entry(mined, keys, statements))
    pages, until = list(paged(made)), (1 << 40, NOTHING)
    manifest = staged.draft._replace(scope=BundleScope("evidence"), until=until, keys=keys.points)
    blocks = [manifest._replace(pages=tuple(raw(one).digest for one in pages)).encode(), *pages, document_of(staged)]
    each = [frame(raw(one), len(one)) + one for one in blocks]
    path.write_bytes(header(raw(blocks[0])) + b"".join(each))
    return path


CODES = {gaps: "GAP", unlike_lengths: "REFUSED", proposals: "BYTES", batches: "BYTES", jobs_of_one_document: "TERMS"}


@pytest.mark.parametrize("calls", CODES, ids=lambda calls: calls.__name__)
def test_a_bundle_that_is_made_to_cost_costs_little(calls: Any, tmp_path: Path) -> None:
    staged = Staged(4, opened=False)
    path = written(staged, calls(staged), tmp_path / "it.car")
    run: subprocess.CompletedProcess[bytes] = alone(path, "--json")
    assert (run.returncode in (1, 3, 4), run.stderr) == (True, b"")
    assert CODES[calls] in {one["code"] for one in json.loads(run.stdout)["findings"]}
    assert run.stdout == check_bundle(path).encode()


def test_what_is_behind_a_fault_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = Staged(4, opened=False)
    calls: Iterator[Said | None] = (("ledger", "openUpdates", (1, 1, bytes(104)), []) for _ in range(3_000))
    path = written(staged, calls, tmp_path / "it.car")
    read: list[bytes] = []
    monkeypatch.setattr(verify_bundle, "read_transaction", _noting(verify_bundle.read_transaction, read))
    assert [one["code"] for one in verify_bundle.verify(str(path)).in_order()] == ["REFUSED"]
    assert len(read) == 1


def test_names_of_proposals_are_hashed_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = Staged(4, opened=False)
    path = written(staged, itertools.islice(proposals(staged), 1_500), tmp_path / "it.car")
    hashed: list[Any] = []
    monkeypatch.setattr(verify_bundle, "struct_hashes", _noting(verify_bundle.struct_hashes, hashed))
    assert verify_bundle.verify(str(path)).verdict == "UNKNOWN"
    assert sum(len(one) > 1 for one in hashed) == 1_500 // verify_bundle.SIDE_BY_SIDE
    assert sum(len(one) == 1 for one in hashed) == 1, "the contract's domain"


def test_what_was_never_proposed_is_not_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = Staged(4, opened=False)
    action = encode(["uint8"], [1])
    calls: list[Said | None] = [None, *[("ballots", "execute", (staged.keys[1], 7, 2, action), [])] * 3]
    path = written(staged, iter(calls), tmp_path / "it.car")
    hashed: list[Any] = []
    monkeypatch.setattr(verify_bundle, "struct_hashes", _noting(verify_bundle.struct_hashes, hashed))
    assert {one["code"] for one in verify_bundle.verify(str(path)).in_order()} >= {"GAP", "UNREPLAYED"}
    assert sum(len(one) == 1 for one in hashed) == 1, "the contract's domain"


def _noting(function: Callable[[Any], Any], given: list[Any]) -> Callable[[Any], Any]:
    """The same function, whose arguments are noted."""

    def noted(argument: Any) -> Any:
        given.append(argument)
        return function(argument)

    return noted


class Terminal(io.StringIO):
    """A stream that says that somebody looks at it."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_hears_how_far_a_long_reading_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(Staged(4, opened=False), itertools.repeat(None, 3), tmp_path / "it.car")
    for step, heard in ((5, True), (0, False)):
        monkeypatch.setattr(verify_bundle, "monotonic", itertools.count(0, step).__next__)
        monkeypatch.setattr(sys, "stderr", said := Terminal())
        verify_bundle.verify(str(path))
        lines = said.getvalue().splitlines()
        assert lines[:1] == ["  at byte 59"] * heard
        assert lines[-3:] == [f"  at transaction {number}" for number in range(3)] * heard
    assert alone(path, "--json").stderr == b"", "what is no terminal hears nothing"


def opened(values: int, updates: int) -> Staged:
    """A round in which so many members opened updates of zeros alone: all leaves but the first are one."""
    limits = Admission(min_updates=1, max_weight=1000, max_value=1, max_norm=1)
    zeros = np.zeros(values, "<i4")
    staged = Staged(4, rule=Median(), limits=limits, tensors=(Tensor("large", (values,)),), initial=zeros)
    staged.open_round()
    for member in range(updates):
        staged.submit(member, zeros)
    staged.time += SECONDS + 1
    staged.open_updates()
    return staged


def test_a_leaf_that_a_file_names_again_and_again_costs_little(tmp_path: Path) -> None:
    staged = opened(24_000_000, 1)
    staged.publish()
    staged.attest(1, 2)
    path = staged.write(tmp_path / "it.car")
    run: subprocess.CompletedProcess[bytes] = alone(path, "--json")
    assert (run.returncode, run.stderr) == (0, b"")
    assert path.stat().st_size < 5 << 20 < 2 * staged.layout.size


@pytest.mark.parametrize(("sets", "code"), [(1, "MISSING"), (2, "BYTES")])
def test_bytes_are_named_once_for_each_set_that_is_called_unavailable(sets: int, code: str, tmp_path: Path) -> None:
    staged = opened((1 << 22) - (1 << 10), 3)
    for attempt in range(2):
        verdicts = bytes([0, 0, Verdict.UNAVAILABLE if attempt < sets - 1 else 0])
        said = staged.facts.base.root, *[b"\1" * 32] * 2, staged.block, *[b"\1" * 32] * 3, NOTHING, verdicts
        staged.publish_said(Claimed(*said), attempt)
        staged.time += SECONDS + 1
        staged.send(0, "ledger", "advance", 1, 1)
    staged.files.blocks = {one: block for one, block in staged.files.blocks.items() if len(block) < 10_000}
    found = check_bundle(staged.write(tmp_path / "it.car"))
    assert code in {one.code for one in found.findings}
