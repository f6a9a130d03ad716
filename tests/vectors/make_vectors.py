"""Writes the frozen vectors beside it: `python tests/vectors/make_vectors.py`. A change of any byte is a new format.

Integers are made by a rule, so that files stay small: number i of a stream is (i · 2654435761 mod 2^32) − 2^31.
"""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace as changed
from support.judging import judge_bytes
from support.seeds import scoring_seed

from ledger.events.records import Terms
from ledger.formats import claims as commitment
from ledger.formats import merkle
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.digest import checksum_address
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Admission, InitialModel, Job, JobTask
from ledger.jobs.permitted_use import PermittedUse
from ledger.jobs.plain import PLAIN
from ledger.jobs.preparation import Category, Label, Missing, Number, Preparation
from ledger.jobs.privacy import OPEN, Masked, Privacy
from ledger.jobs.private import Private
from ledger.jobs.rules import (
    CentredClipping,
    GeometricMedian,
    Median,
    MultiKrum,
    Rule,
    TrimmedMean,
    WeightedMean,
)
from ledger.jobs.scores import NoScoring
from ledger.jobs.server import NONE
from ledger.rounds.admission import weigh
from ledger.rounds.rules import combine

FOLDER = Path(__file__).parent
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PARTY = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
TENSORS = (Tensor("layer.bias", (2,)), Tensor("layer.weight", (2, 3), 20))
PREPARATION = Preparation(
    inputs=(
        Number(column="age", low="20", high="90"),
        Number(
            column="chol",
            low="80",
            high="620",
            outside="clip",
            sentinels=("0",),
            missing=Missing(by="flag", value="240.5"),
        ),
        Category(column="cp", vocabulary=("1", "2", "3"), unknown="other"),
        Category(column="thal", vocabulary=("3", "6"), unknown="zeros", missing=Missing(by="constant", value="3")),
    ),
    labels=(Label(column="num", values={"0": "no", "1": "yes", "2": "yes"}),),
)
USE = PermittedUse(
    purpose="predict heart disease",
    data_sets=("UCI heart disease, Cleveland", "UCI heart disease, Hungary"),
    legal_basis="GDPR Article 9(2)(j)",
    licence="CC-BY-4.0",
    expires="2027-12-31",
)
UPDATE = Binding(kind="update", chain=31337, contract=CONTRACT, job=1, round=2, party=PARTY, base=bytes(range(32)))
TRAINED = UPDATE.on(569, bytes(range(32, 64)))
PLATFORM = TRAINED.on(569, bytes(range(32, 64)), bytes(range(64, 96)))
LIMITS = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 21)
CAPPED = msgspec.structs.replace(LIMITS, max_weights={"10": 7, "2": 500})
MASKED = Masked(
    segment=16,
    smallest=3,
    threshold=0,
    set_up_seconds=60,
    set_seconds=8,
    unmask_seconds=8,
    share_seconds=6,
    weights="public",
    on_bad_sum="open",
)
REFUSED: list[tuple[str, Any, str]] = [
    ("aggregation.rule", "median", "aggregation.rule"),
    ("aggregation.rule", {"rule": "trimmed_mean", "trim": 1}, "aggregation.rule"),
    ("admission.min_updates", 4, "admission.min_updates"),
    ("terms.aggregate_seconds", 29, "terms.aggregate_seconds"),
    ("privacy.mode", "hidden", "privacy.mode"),
    ("privacy.mode", "none", "on_bad_sum"),
    ("privacy.segment", 0, "privacy.segment"),
    ("privacy.segment", 257, "privacy.segment"),
    ("privacy.smallest", 2, "privacy.smallest"),
    ("privacy.threshold", 256, "privacy.threshold"),
    ("privacy.unmask_seconds", 0, "privacy.unmask_seconds"),
    ("privacy.share_seconds", None, "share_seconds"),
    ("privacy.weights", "equal", "admission.max_weight"),
    ("privacy.weights", "hidden", "weights"),
    ("privacy.on_bad_sum", "void", "on_bad_sum"),
    ("privacy.groups", 1, "privacy.groups"),
    ("privacy.groups", 0, "canonical"),
    ("privacy.circles", 3, "circles"),
]
"""A field, another value of it or none, and what the refusal names."""
VALUES = [1, -1, 1 << 20, -(1 << 20), 0, 256, 65536, -65537]
LOW, HIGH = -(1 << 31), (1 << 31) - 1

WORDS = [bytes([place]) * 32 for place in range(9)]
SALT = WORDS[3][:16]
ROUNDS = [
    (
        commitment.RoundName(31337, CONTRACT, 1, 2),
        WORDS[8],
        commitment.Claimed(WORDS[7], WORDS[1], WORDS[2], 1203, *WORDS[4:7], WORDS[3], bytes([0, 0, 0, 9])),
        [
            commitment.UpdateOpening(PARTY, 569, WORDS[1], WORDS[2], SALT),
            commitment.UpdateOpening(CONTRACT, 1, *WORDS[4:6], WORDS[6][:16]),
        ],
    ),
    (
        commitment.RoundName((1 << 53) - 1, PARTY, (1 << 32) - 1, (1 << 24) - 1),
        WORDS[1],
        commitment.Claimed(WORDS[7], bytes(32), bytes(32), (1 << 40) - 1, *WORDS[4:7], bytes(32), b""),
        [commitment.UpdateOpening(PARTY, (1 << 32) - 1, WORDS[1], WORDS[2], SALT)],
    ),
    (
        commitment.RoundName(7, CONTRACT, 3, 1),
        WORDS[2],
        commitment.Claimed(*WORDS[1:4], 1, *WORDS[4:7], WORDS[7], bytes(range(255))),
        [],
    ),
]


def integers(count: int) -> np.ndarray:
    """The stream that the vectors are about."""
    return ((np.arange(count, dtype=np.uint64) * 2654435761 % (1 << 32)).astype(np.int64) - (1 << 31)).astype("<i4")


def merkle_vectors() -> dict[str, Any]:
    """Roots of streams, and proofs of leaves at their ends and in the middle."""
    cases = []
    for count in (0, 1, 255, 256, 257, 512, 513, 1280, 2000, 5000):
        hashes = merkle.leaf_hashes(integers(count).tobytes())
        places = sorted({0, len(hashes) // 2, len(hashes) - 1}) if hashes else []
        proofs = [{"index": i, "path": [node.hex() for node in merkle.proof(hashes, i)]} for i in places]
        cases.append({"values": count, "leaves": len(hashes), "root": merkle.root(hashes).hex(), "proofs": proofs})
    return {"rule": "value i is (i * 2654435761 mod 2^32) - 2^31", "cases": cases}


def artifact_vectors() -> dict[str, Any]:
    """Headers, roots and CIDs of an initial model, an update, a model, and a file of more than one block."""
    model = Binding(kind="model", chain=31337, contract=CONTRACT, job=1, round=2, base=bytes(range(32)))
    large = (Tensor("weight", (300, 1000)),)
    cases = [_artifact(name, TENSORS, b) for name, b in _named(Binding(kind="initial"), TRAINED, model)]
    more = _artifact("large", large, Binding(kind="initial")), _artifact("update on a platform", TENSORS, PLATFORM)
    return {"cases": [*cases, *more]}


def _named(*bindings: Binding) -> list[tuple[str, Binding]]:
    return [(binding.kind, binding) for binding in bindings]


def _fields(binding: Binding) -> dict[str, Any]:
    """A binding in a vector: digests in hexadecimal, and no platform where there is none. No sum is among them."""
    digests = {"base": binding.base.hex(), "data": binding.data.hex(), "platform": binding.platform.hex()}
    fields = msgspec.to_builtins(binding) | digests
    absent = {"platform", "children", "children_root", "count"}
    return {name: value for name, value in fields.items() if name not in absent or value}


def _artifact(name: str, tensors: tuple[Tensor, ...], binding: Binding) -> dict[str, Any]:
    layout = Layout(tensors)
    values = integers(layout.values)
    data = layout.header(binding) + values.tobytes()
    fields = _fields(binding)
    return {
        "name": name,
        "tensors": msgspec.to_builtins(tensors),
        "binding": fields,
        "header_size": layout.header_size,
        "header": layout.header(binding).decode("latin-1").rstrip(" "),
        "root": merkle.root_of(values).hex(),
        "size": len(data),
        "cid": str(cid_of([data])[0]),
    }


def job_vectors() -> dict[str, Any]:
    """One document for each rule, masked ones, one with private tensors, one with preparation and permitted use, each
    with its digest and its CID; and masked ones that are refused, each by what it changes.
    """
    rules: tuple[Rule, ...] = (WeightedMean(), Median(), TrimmedMean(trim=1))
    jobs = [_job(rule, limits) for rule, limits in zip(rules, (LIMITS, LIMITS, CAPPED), strict=True)]
    by_shares: tuple[Rule, ...] = (MultiKrum(f=2), GeometricMedian(), CentredClipping(radius=1 << 24))
    jobs += [_job(rule, min_updates=7, on_norm="clip") for rule in by_shares]
    equal = changed(MASKED, weights="equal", smallest=7, threshold=5)
    jobs += [_job(privacy=MASKED), _job(privacy=equal, min_updates=7, max_weight=1)]
    jobs += [_job(Median(), privacy=changed(MASKED, groups=5), min_updates=9)]
    jobs.append(changed(_job(), private=Private.of(["head.*", "scale"])))
    jobs.append(changed(_job(), preparation=PREPARATION, permitted_use=USE))
    return {
        "cases": [_job_case(job) for job in jobs],
        "refused": [
            {"why": why, "document": _edited(_job(privacy=MASKED), field, value)} for field, value, why in REFUSED
        ],
    }


def _job(rule: Rule | None = None, limits: Admission = LIMITS, privacy: Privacy = OPEN, **changes: Any) -> Job:
    layout = Layout(TENSORS)
    initial = layout.header(Binding(kind="initial")) + integers(8).tobytes()
    return Job(
        fedledger="job/2",
        name="breast cancer",
        task=JobTask(
            name="tabular", version="1", code="ab" * 32, settings={"model": "mlp", "epochs": 3, "rate": "0.05"}
        ),
        tensors=TENSORS,
        initial_model=InitialModel(cid=str(cid_of([initial])[0]), root=merkle.root_of(integers(8)).hex(), seed=1),
        aggregation=rule or WeightedMean(),
        admission=changed(limits, **{"min_updates": 3, **changes}),
        terms=Terms(rounds=10, update_seconds=60, open_seconds=6, aggregate_seconds=30, attest_seconds=30, attempts=3),
        scoring=NoScoring(),
        hold_out=20,
        privacy=privacy,
        **PLAIN,
        server=NONE,
    )


def _job_case(job: Job) -> dict[str, Any]:
    model = msgspec.structs.asdict(job.model_terms) | {"initial": job.initial_root.hex()}
    said = {"document": job.encode().decode(), "digest": job.digest.hex(), "cid": str(job.cid), "model": model}
    return said | ({"masking": msgspec.structs.asdict(job.masked.masking)} if job.masked else {})


def _edited(job: Job, field: str, value: Any) -> str:
    """A job's text with another value, or none, of a field in one of its tables."""
    document = json.loads(job.encode())
    table, name = field.split(".")
    document[table].pop(name, None)
    if value is not None:
        document[table] |= value if isinstance(value, dict) else {name: value}
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def admission_vectors() -> dict[str, Any]:
    """An update for each verdict: its file, registered root and weight, and the byte on the ledger."""
    layout = Layout(TENSORS)

    def file(values: list[int], binding: Binding = TRAINED, **changes: Any) -> bytes:
        binding = msgspec.structs.replace(binding, **changes)
        return layout.header(binding) + np.array(values, dtype="<i4").tobytes()

    swapped = Layout((TENSORS[0], Tensor("layer.weight", (3, 2), 20)))
    other = swapped.header(TRAINED) + np.array(VALUES, dtype="<i4").tobytes()

    def with_metadata(entry: bytes) -> bytes:
        """The right file, with an entry more in its header's metadata and as many spaces less."""
        head, body = layout.header(TRAINED), file(VALUES)[layout.header_size :]
        text = head[8:].rstrip(b" ").replace(b'"__metadata__":{', b'"__metadata__":{' + entry + b",", 1)
        return head[:8] + text.ljust(len(head) - 8) + body

    def with_text(old: bytes, new: bytes) -> bytes:
        """The right file, with a part of its header's text in other words, and as many spaces as fit."""
        head, body = layout.header(TRAINED), file(VALUES)[layout.header_size :]
        text = head[8:].rstrip(b" ").replace(old, new, 1)
        return head[:8] + text.ljust(len(head) - 8) + body

    root = TRAINED.data.hex().encode()
    cases = {
        "admitted": (VALUES, file(VALUES), 10),
        "trained on other rows": (VALUES, file(VALUES, data=bytes(32)), 10),
        "trained on one row": (VALUES, file(VALUES, rows=1), 10),
        "trained on as many rows as can be": (VALUES, file(VALUES, rows=(1 << 32) - 1), 10),
        "trained on more rows than can be": (VALUES, with_text(b'"569"', b'"4294967296"'), 10),
        "trained on no rows": (VALUES, with_text(b'"569"', b'"0"'), 10),
        "a number of rows that begins with 0": (VALUES, with_text(b'"569"', b'"0569"'), 10),
        "a number of rows with a sign": (VALUES, with_text(b'"569"', b'"+569"'), 10),
        "a number of rows that is not a string": (VALUES, with_text(b'"569"', b"569"), 10),
        "rows without their number": (VALUES, with_text(b',"rows":"569"', b""), 10),
        "rows without their root": (VALUES, with_text(b'"data":"' + root + b'",', b""), 10),
        "a root of rows in capital letters": (VALUES, with_text(root, root.upper()), 10),
        "a root of rows that is too short": (VALUES, with_text(root, root[:-1]), 10),
        "a root of rows that is too long": (VALUES, with_text(root, root + b"0"), 10),
        "two roots of rows": (VALUES, with_text(b'"format"', b'"data":"' + root + b'","format"'), 10),
        "truncated": (VALUES, file(VALUES)[:-1], 10),
        "too long": (VALUES, file(VALUES) + b"\0", 10),
        "another chain": (VALUES, file(VALUES, chain=1), 10),
        "another party": (VALUES, file(VALUES, party=CONTRACT), 10),
        "another round": (VALUES, file(VALUES, round=1), 10),
        "another base": (VALUES, file(VALUES, base=bytes(32)), 10),
        "another shape": (VALUES, other, 10),
        "spaces within": (VALUES, file(VALUES).replace(b'":"', b'": "', 1).replace(b"  ", b" ", 1), 10),
        "padded with a newline": (VALUES, file(VALUES).replace(b"  ", b" \n", 1), 10),
        "NaN in the metadata": (VALUES, with_metadata(b'"Z":NaN'), 10),
        "NaN in the metadata of another round": (VALUES, with_metadata(b'"round":"1","Z":NaN'), 10),
        "a lone surrogate": (VALUES, with_metadata(b'"Z":"\\ud800"'), 10),
        "an integer of 400 digits": (VALUES, with_metadata(b'"Z":' + b"1" * 400), 10),
        "a length of all ones": (VALUES, b"\xff" * 8 + file(VALUES)[8:], 10),
        "another header and another root": (VALUES[::-1], file(VALUES, round=1), 10),
        "too long and another root": (VALUES[::-1], file(VALUES) + b"\0" * 4, 10),
        "no weight and another header": (VALUES, file(VALUES, round=1), 0),
        "another root": (VALUES[::-1], file(VALUES), 10),
        "too heavy": (VALUES, file(VALUES), 1001),
        "as heavy as can be": (VALUES, file(VALUES), 1000),
        "too heavy for its member": (VALUES, file(VALUES), 501, 2),
        "as heavy as its member's can be": (VALUES, file(VALUES), 500, 2),
        "too heavy for the member with the smallest cap": (VALUES, file(VALUES), 8, 10),
        "out of range": ([(1 << 20) + 1] + [0] * 7, file([(1 << 20) + 1] + [0] * 7), 10),
        "lowest value": ([LOW] + [0] * 7, file([LOW] + [0] * 7), 10),
        "norm at the bound": ([1 << 20] * 4 + [0] * 4, file([1 << 20] * 4 + [0] * 4), 10),
        "on a platform": (VALUES, file(VALUES, PLATFORM), 10),
        "a platform in capital letters": (VALUES, with_metadata(b'"platform":"' + b"AB" * 32 + b'"'), 10),
        "a platform that is empty": (VALUES, with_text(b',"round"', b',"platform":"","round"'), 10),
        "a platform at another place": (VALUES, with_metadata(b'"platform":"' + b"ab" * 32 + b'"'), 10),
        "two platforms": (VALUES, with_text(b',"round"', (b',"platform":"' + b"ab" * 32 + b'"') * 2 + b',"round"'), 10),
        "norm above the bound": ([1 << 20] * 4 + [1] + [0] * 3, file([1 << 20] * 4 + [1] + [0] * 3), 10),
    }
    made = []
    for name, (registered, data, weight, *index) in cases.items():
        member = index[0] if index else 0
        root = merkle.root_of(np.array(registered, dtype="<i4"))
        decision = weigh(weight, CAPPED.cap(member))
        if decision.verdict == 0:
            decision = judge_bytes(iter([data]), layout, UPDATE, root, CAPPED)
        text = data[: layout.header_size].decode("latin-1").rstrip(" ")
        made.append(
            {
                "name": name,
                "header": text,
                "values": data[layout.header_size :].hex(),
                "member": member,
                "weight": weight,
                "root": root.hex(),
                "verdict": int(decision.verdict),
            }
        )
    return {
        "tensors": msgspec.to_builtins(TENSORS),
        "binding": _fields(UPDATE),
        "limits": msgspec.to_builtins(CAPPED),
        "cases": made,
    }


def aggregation_vectors() -> dict[str, Any]:
    """Updates, weights, and what each rule makes of them: ties, signs and extremes."""
    edges = [[0, 1, -1, 1, -1, HIGH, LOW, LOW], [0, 0, 0, 2, -2, HIGH, LOW, HIGH], [1, 1, -1, 4, -4, HIGH, LOW, -1]]
    sets = [
        ([1], [[LOW, -1, 0, 1, HIGH]]),
        ([1, 1], [[1, -1, 2, -2, 3, -3, HIGH, LOW], [0, 0, 1, -1, 0, 0, HIGH - 1, LOW + 1]]),
        ([1, 2, 3], edges),
        ([(1 << 24) - 1] * 3, edges),
        ([7, 1, 30, 2, 11], [integers(10)[k : k + 6].tolist() for k in range(5)]),
    ]
    cases = []
    for weights, updates in sets:
        columns = np.array(updates, dtype="<i4")
        rules: dict[str, Rule] = {"weighted_mean": WeightedMean(), "median": Median()}
        if len(weights) > 2:
            rules["trimmed_mean, trim 1"] = TrimmedMean(trim=1)
        made = {name: combine(rule, weights, lambda k, c=columns: c[k]).tolist() for name, rule in rules.items()}
        cases.append({"weights": weights, "updates": updates, "results": made})
    return {"cases": cases}


def commitment_vectors() -> dict[str, Any]:
    """Commitments of rounds, their openings, and claims of aggregates with a witness."""
    return {"rounds": [_round(*case) for case in ROUNDS]}


def _round(
    name: commitment.RoundName,
    document: bytes,
    said: commitment.Claimed,
    openings: list[commitment.UpdateOpening],
) -> dict[str, Any]:
    """A round's commitments, their openings as they are packed, and the claim of its aggregate."""
    parties = [_told(one) | {"commitment": commitment.commitment(name, one).hex()} for one in openings]
    batches = _batches(name, openings)
    opened = commitment.opened_digest(document, batches)
    claim = commitment.claim_of(name, opened, said)
    witness = commitment.witness(PARTY, claim, WORDS[5])
    shown = {"claim": claim.hex(), "member": PARTY, "sums": WORDS[5].hex(), "witness": witness.hex()}
    aggregate = _told(said) | {"opened": opened.hex()} | shown
    packed = commitment.pack_openings(openings).hex()
    domain = commitment.update_domain(name).hex()
    calls = [[_told(one) for one in batch] for batch in batches]
    told = _told(name) | {"document": document.hex(), "domain": domain, "openings": parties, "packed": packed}
    return told | {"calls": calls, "aggregate": aggregate}


def _batches(
    name: commitment.RoundName, openings: list[commitment.UpdateOpening]
) -> list[list[commitment.OpenedEntry]]:
    """As if two calls opened them, the last member first: nothing where there are none."""
    entries = [
        commitment.OpenedEntry(254 - k, one.weight, one.root, commitment.commitment(name, one))
        for k, one in enumerate(openings)
    ]
    return [part for part in (entries[:1], entries[1:]) if part]


def _told(fields: Any) -> dict[str, Any]:
    """A named tuple as the file has it: bytes in hexadecimal."""
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in fields._asdict().items()}


def scores_vectors() -> dict[str, Any]:
    """Whole scorings: one score, ties and extremes over more than one word, withheld reveals, both kinds of median.

    The last has three chunks, and reveals that are not in the order of the members.
    """
    largest = commitment.LARGEST_SCORE
    signs = [0, 1, -1, largest, -largest, 7, 7, -8, 1000]
    cases = [
        (31337, 1, 1, bytes(1), {0: [5], 1: [-7], 2: [6]}, ()),
        (7, 2, 3, bytes(9) + b"\x09", {0: signs, 1: signs[::-1], 2: signs, 4: [v // 2 for v in signs]}, ()),
        ((1 << 53) - 1, 1, 2, bytes([0, 6, 0, 0]), {k: [k, -k, largest - k] for k in (0, 1, 3, 4, 6)}, (1, 4)),
        (
            31337,
            1,
            1,
            bytes(70),
            {k: [(7919 * k + 104_729 * j) % 2_001 - 1_000 for j in range(70)] for k in (3, 0, 2)},
            (),
        ),
    ]
    return {"cases": [_scoring(number, *case) for number, case in enumerate(cases)]}


def _scoring(
    number: int,
    chain: int,
    job: int,
    round_: int,
    verdicts: bytes,
    vectors: dict[int, list[int]],
    withheld: tuple[int, ...],
) -> dict[str, Any]:
    """A scoring of a consortium whose member k has the key 0x00…0k0k; the claim is that of any aggregate."""
    block, root, cid = (bytes([16 * number + k]) * 32 for k in (1, 2, 3))
    said = commitment.Claimed(*WORDS[1:2], root, cid, number, *WORDS[4:7], bytes(32), verdicts)
    claim = commitment.claim_of(commitment.RoundName(chain, CONTRACT, job, round_), WORDS[0], said)
    board = checksum_address(bytes([0xB0 + number]) * 20)
    seed = scoring_seed(block, chain, board, job, round_, claim)
    scorers = []
    for index, scores in vectors.items():
        key, salt = checksum_address(bytes(18) + bytes([index + 1]) * 2), bytes([0x50 + index]) * 32
        said_hash = commitment.scores_hash(key, scores)
        hashed = commitment.scores_commitment(chain, board, job, round_, key, salt, scores)
        sent = {"index": index, "key": key, "salt": salt.hex(), "scores": scores}
        packed = {"packed": commitment.pack_scores(scores).hex(), "hash": said_hash.hex(), "commitment": hashed.hex()}
        scorers.append(sent | packed | {"reveals": index not in withheld})
    shown = {said["index"]: (said["key"], said["scores"]) for said in scorers if said["reveals"]}
    medians = [
        commitment.lower_median(column) for column in zip(*(scores for _, scores in shown.values()), strict=True)
    ]
    settled = commitment.scores_root(job, round_, seed, withheld, shown, medians)
    place = {"chain": chain, "board": board, "job": job, "round": round_, "block": block.hex()}
    aggregate = {"ledger": CONTRACT, "aggregate": _told(said) | {"opened": WORDS[0].hex()}, "claim": claim.hex()}
    ends = {
        "withheld": list(withheld),
        "medians": medians,
        "packed": commitment.pack_scores(medians).hex(),
        "scores_root": settled.hex(),
    }
    return place | aggregate | {"seed": seed.hex(), "scorers": scorers} | ends


FILES = {
    "merkle.json": merkle_vectors,
    "artifact.json": artifact_vectors,
    "job.json": job_vectors,
    "admission.json": admission_vectors,
    "aggregation.json": aggregation_vectors,
    "commitments.json": commitment_vectors,
    "scores.json": scores_vectors,
}


def text(name: str) -> str:
    """What the file must hold."""
    return json.dumps(FILES[name](), indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    for name in FILES:
        (FOLDER / name).write_text(text(name), encoding="utf-8")
    sys.stdout.write(f"wrote {len(FILES)} files to {FOLDER}\n")
