"""The literal example that opens docs/spec/release.md is what the code makes; its tables are the code's."""

import json
import re
from pathlib import Path

from support.worlds.releases import release, report_on
from support.worlds.world import NAMES, World

from ledger.formats.artifact import Tensor
from ledger.formats.digest import sha256
from ledger.releases import report as evaluation
from ledger.releases.card import _SECTIONS, Card
from ledger.releases.comparison import ComparedFigures, Comparison
from ledger.releases.file import ModelFile

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "spec" / "release.md").read_text(encoding="utf-8")
TENSORS = (Tensor("layer.bias", (2,)), Tensor("layer.weight", (2, 3), 20))
BOARD = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
INITIAL = [1 << 24, -(1 << 24), 0, 1000, -1000, 5, 77, 78]


def example() -> str:
    """A model of eight values, released with the report of two parties."""
    world = World(3, tensors=TENSORS, initial=INITIAL).open_job().honest_round()
    report = report_on(world, "north", "south")
    made = release(world, report=report.digest)
    file = ModelFile(world.place, BOARD, made, world.state, world.job)
    data = b"".join(file.pieces(world.files.fetch))
    header = data[8 : len(file.header)]
    proposal = world.history.decisions.proposal(1)
    card = Card(file, report, proposal, (), NAMES.__getitem__, "Three houses").text().encode()
    return "\n".join(
        [
            f"report             {report.encode().decode()}",
            f"its SHA-256        {report.digest.hex()}",
            f"its CID            {report.cid}",
            "",
            f"model.safetensors  {data[:8].hex(' ')}",
            header.rstrip().decode(),
            f"({len(header) - len(header.rstrip())} spaces)",
            data[len(file.header) :].hex(" ", 4),
            "",
            f"its SHA-256        {sha256(data).hex()}",
            f"README.md          {len(card)} bytes, SHA-256 {sha256(card).hex()}",
            "",
        ]
    )


def test_the_example_that_opens_the_page_is_true() -> None:
    found = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert found
    assert found[1] == example()


def test_every_field_of_a_report_has_its_row() -> None:
    (line,) = re.findall(r"^report +(\{.*\})$", PAGE, re.MULTILINE)
    document = evaluation.parse(line.encode())
    names = [*json.loads(document.encode()), "comparisons"]
    names += [f"parties[].{name}" for name in evaluation.PartyFigures.__struct_fields__]
    names += [*Comparison.__struct_fields__, *ComparedFigures.__struct_fields__]
    for name in names:
        assert f"`{name}`" in PAGE, name
    for bound in (evaluation.MAX_PARTIES, evaluation.MAX_METRICS, evaluation.MAX_ROUNDS):
        assert f"{bound:,}" in PAGE


def test_the_cards_sections_are_listed_in_their_order() -> None:
    (told,) = re.findall(r"^sections: (.*)\.$", PAGE, re.MULTILINE)
    assert told.split(", ") == list(_SECTIONS)


if __name__ == "__main__":
    print(example(), end="")
