"""The literal example that opens each page of the specification is what the code makes."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.kept import Kept
from support.worlds.world import NAMES, World, altered, artifact

from ledger.audit.report import Check
from ledger.events.proposals import ProposalState, votes_needed
from ledger.events.records import Refusal
from ledger.formats.artifact import Tensor
from ledger.formats.cid import of_file
from ledger.formats.merkle import root_of
from ledger.history.scorings import bitmap
from ledger.history.state import Phase, ScoringPhase
from ledger.jobs.document import Admission
from ledger.jobs.scores import MAX_WEIGHT
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import base_of, model_binding

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "docs" / "spec"
TENSORS = (Tensor("layer.bias", (2,)), Tensor("layer.weight", (2, 3), 20))
BASE = [1 << 24, -(1 << 24), 0, 1000, -1000, 5, 77, 78]
UPDATES = [
    (100, [1, -1, 0, 7, 2, -2, 50, -50]),
    (200, [0, 0, 1, 7, 3, -3, 49, -49]),
    (1001, [1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000]),
    (100, [1, -1, 0, 7, 3, -3, 51, 51]),
]


def vectors(name: str) -> Any:
    return json.loads((ROOT / "tests" / "vectors" / name).read_text(encoding="utf-8"))


def rows(*pairs: tuple[str, object]) -> str:
    width = max(len(name) for name, _ in pairs) + 2
    return "".join(f"{name:<{width}}{value}\n" for name, value in pairs)


def artifact_example() -> str:
    case = vectors("artifact.json")["cases"][1]
    header, size = case["header"], case["header_size"]
    values = vectors_integers(8)
    length = header[:8].encode("latin-1").hex(" ")
    text = header[8:]
    padding = size - 8 - len(text)
    return f"{length}\n{text}\n({padding} spaces)\n{values.tobytes().hex(' ', 4)}\n\n" + rows(
        ("tensor root", case["root"]), ("size", case["size"]), ("CID", case["cid"])
    )


def vectors_integers(count: int) -> np.ndarray:
    numbers = (np.arange(count, dtype=np.uint64) * 2654435761 % (1 << 32)).astype(np.int64)
    return (numbers - (1 << 31)).astype("<i4")


def commitments_example() -> str:
    case = vectors("commitments.json")["rounds"][0]
    (first, _), said = case["openings"], case["aggregate"]
    place = [(name, case[name]) for name in ("chain", "ledger", "job", "round")]
    update = [(name, first[name]) for name in ("party", "weight", "root", "cid", "salt")]
    fields = ("base", "opened", "root", "cid", "as_of", "anchor", "head", "receipts", "carried", "verdicts")
    aggregate = [("document", case["document"])]
    aggregate += [({"as_of": "asOf"}.get(name, name), said[name]) for name in fields]
    return (
        rows(*place)
        + "\n"
        + rows(*update, ("domain", case["domain"]), ("commitment", first["commitment"]))
        + "\n"
        + rows(*aggregate, ("claim", said["claim"]))
        + "\n"
        + rows(("member", said["member"]), ("sums", said["sums"]), ("witness", said["witness"]))
    )


def job_example() -> str:
    case = vectors("job.json")["cases"][0]
    return f"{case['document']}\n\n" + rows(("SHA-256", case["digest"]), ("CID", case["cid"]))


def small_round() -> World:
    """Four updates of eight integers; the third is too heavy."""
    limits = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 21)
    world = World(tensors=TENSORS, limits=limits, initial=BASE).open_job().open_round()
    for member, (weight, values) in enumerate(UPDATES):
        world.submit(member, np.array(values, dtype="<i4"), weight=weight)
    return world


def round_example() -> str:
    world = small_round()
    outcome = world.outcome(keep=(made := Kept()))
    model = np.frombuffer(made.data, "<i4", offset=world.layout.header_size)
    updates = [(f"update {k}, weight {weight}", values) for k, (weight, values) in enumerate(UPDATES)]
    return rows(
        ("base model", world.initial.tolist()),
        *updates,
        ("mean update", (model - world.initial).tolist()),
        ("global model", model.tolist()),
        ("verdicts", outcome.verdicts.hex(" ")),
        ("root", outcome.root.hex()),
        ("CID", of_file(outcome.cid, world.layout.size)),
    )


def audit_example() -> str:
    world = small_round()
    world.outcome(keep=(made := Kept()))
    honest = np.frombuffer(made.data, "<i4", offset=world.layout.header_size)
    base = base_of(world.state, world.job, 1)
    lie = altered(honest, 4)
    cid = world.files.put(artifact(world.layout, model_binding(world.place, 1, 1, base.root), lie))
    world.publish(1, root=root_of(lie), cid=cid.digest)
    world.attest(2)
    report = json.loads(world.audit().to_json())
    report["rests_on"] = report["rests_on"][1:2]
    return json.dumps(report, indent=2) + "\n"


def scores_example() -> str:
    case = vectors("scores.json")["cases"][2]
    said = case["scorers"][2]
    revealed = bitmap(scorer["index"] for scorer in case["scorers"] if scorer["reveals"])
    place = [(name, case[name]) for name in ("chain", "board", "job", "round")]
    numbers = [(name, ", ".join(map(str, made[name]))) for made, name in ((said, "scores"), (case, "medians"))]
    committed = [("scorer", said["key"]), ("salt", said["salt"]), numbers[0]]
    hashes = [("packed", said["packed"]), ("commitment", said["commitment"])]
    settled = [("withheld", bitmap(case["withheld"]).hex()), ("revealed", revealed.hex()), numbers[1]]
    ends = [("packed", case["packed"]), ("root", case["scores_root"])]
    seed = [(name, case[name]) for name in ("block", "claim", "seed")]
    return rows(*place, *committed, *hashes) + "\n" + rows(*seed, *settled, *ends)


def rows_example() -> str:
    case = next(one for one in vectors("rows.json")["cases"] if one["name"] == "equal rows")
    leaves, opening = case["leaves"], case["opening"]
    sides = {
        "trained on": [number for place, number in enumerate(leaves) if place not in case["held_out"]],
        "held out": [leaves[place] for place in case["held_out"]],
    }
    draw = [(name, f"{case['draw'][name]}{' %' if name == 'share' else ''}") for name in ("job", "salt", "share")]
    said = [(name, " ".join(map(str, numbers))) for name, numbers in sides.items()]
    words = {"key": "SHA-256 of key", "trained_root": "root, trained on", "held_out_root": "root, held out"}
    bound = [(word, opening[field]) for field, word in words.items()]
    return (
        rows(*draw, ("leaves", " ".join(map(str, leaves))), *said)
        + "\n"
        + rows(("round", case["round"]), *bound, ("rows", opening["trained"]), ("data", case["root"]))
    )


EXAMPLES = {
    "artifact.md": artifact_example,
    "commitments.md": commitments_example,
    "job.md": job_example,
    "rows.md": rows_example,
    "round.md": round_example,
    "audit.md": audit_example,
}


def page(name: str) -> str:
    return (SPEC / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_that_opens_a_page_is_true(name: str) -> None:
    found = re.search(r"```\w*\n(.*?)```", page(name), re.DOTALL)
    assert found
    assert found[1] == EXAMPLES[name]()


def test_the_bytes_of_scores_are_the_vectors() -> None:
    """The page opens with calls and events, which the contracts' own tests execute."""
    assert re.findall(r"```text\n(.*?)```", page("scores.md"), re.DOTALL)[1] == scores_example()


def table(name: str, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading."""
    part = page(name).split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_checks_have_the_codes_numbers_and_words() -> None:
    assert [row[:3] for row in table("audit.md", "Checks")] == [
        [str(int(check)), check.name, check.title] for check in Check
    ]


def test_the_verdicts_of_admission_have_the_codes_numbers_and_words() -> None:
    assert [row[:3] for row in table("round.md", "Admission")] == [
        [str(int(verdict)), verdict.name, verdict.meaning] for verdict in Verdict
    ]


def test_the_phases_are_the_ledgers() -> None:
    assert [row[0] for row in table("round.md", "Life")] == [phase.value for phase in Phase]


def test_ballots_have_the_codes_numbers_and_words() -> None:
    states = list(ProposalState)[1:]
    assert [row[:2] for row in table("ballot.md", "Life")] == [[s.value, str(n)] for n, s in enumerate(states, 1)]
    refusals = [[refusal.name, str(int(refusal))] for refusal in list(Refusal)[1:]]
    assert [row[:2] for row in table("ballot.md", "Signed votes")] == refusals


def test_the_votes_that_ballots_need_are_those_of_the_rule() -> None:
    sizes = (3, 4, 5, 6, 7, 10, 64, 255)
    for majority, row in zip((5_000, 6_666), table("ballot.md", "Passing"), strict=True):
        assert row == [f"`majority` {majority:,}", *(str(votes_needed(size, majority)) for size in sizes)]


def test_scorings_have_the_codes_numbers_and_words() -> None:
    phases = [[phase.value, str(number)] for number, phase in enumerate(ScoringPhase)][1:]
    assert [row[:2] for row in table("scores.md", "Phases")] == phases


def test_every_field_of_a_job_has_its_row() -> None:
    document = json.loads(World().job.encode())
    paths = []
    for key, value in document.items():
        paths += [f"{key}.{name}" for name in value] if isinstance(value, dict) else [key]
    told = " ".join(row[0] for row in table("job.md", "Fields"))
    for path in paths:
        if not path.startswith("task.settings."):
            assert f"`{path}`" in told, path
    assert str(MAX_WEIGHT) in page("job.md").replace(",", "")


def test_names_in_examples_are_the_worlds() -> None:
    assert NAMES[1] in page("audit.md")
    assert msgspec.json.decode(re.search(r"```json\n(.*?)```", page("audit.md"), re.DOTALL)[1])  # type: ignore[index]


if __name__ == "__main__":
    for name, example in EXAMPLES.items():
        print(f"=== {name}\n{example()}")
