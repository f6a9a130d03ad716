"""A record for people: one JSON line an action, and a file that cannot be written stops nothing."""

import json
from pathlib import Path

from support.worlds.world import LIMITS, World

from ledger.party.journal import Journal, judgements


def test_an_action_is_a_line_in_the_file_and_a_line_to_read(tmp_path: Path) -> None:
    said: list[str] = []
    Journal(tmp_path / "role.jsonl", said.append).note("opened", "round 1 opened", round=1)
    (line,) = (tmp_path / "role.jsonl").read_text().splitlines()
    written = json.loads(line)
    assert (written["action"], written["text"], written["round"]) == ("opened", "round 1 opened", 1)
    assert said[0].endswith("  round 1 opened")


def test_as_json_the_terminal_gets_what_the_file_gets(tmp_path: Path) -> None:
    said: list[str] = []
    Journal(tmp_path / "role.jsonl", said.append, as_json=True).note("opened", "round 1 opened")
    assert said == (tmp_path / "role.jsonl").read_text().splitlines()


def test_a_file_that_cannot_be_written_is_reported_once_and_stops_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "away" / "role.jsonl"
    journal = Journal(path, said.append)
    journal.note("one", "one")
    journal.note("two", "two")
    assert [line.split("  ")[-1] for line in said if "cannot write" not in line] == ["one", "two"]
    assert sum("cannot write" in line for line in said) == 1
    path.parent.mkdir()
    journal.note("three", "three")
    assert json.loads(path.read_text())["action"] == "three"


def test_the_judgements_of_an_outcome_have_every_verdict_and_the_reasons_there_are() -> None:
    world = World().open_job().open_round()
    world.submit(0)
    world.submit(2, weight=LIMITS.max_weight + 1)
    noted = judgements(world.outcome())
    assert noted["verdicts"] == {"0": "ADMITTED", "2": "WEIGHT"}
    assert list(noted["reasons"]) == ["2"]
