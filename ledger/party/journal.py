"""What a role did: one JSON line an action in a file of its home, and a line to read on the terminal.

A record for people. Nothing is decided by it: the chain is the journal that counts.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ledger.errors import FedledgerError, plain
from ledger.formats.text import json_text
from ledger.rounds.outcome import Outcome

INDENT = " " * 12


def judgements(outcome: Outcome) -> dict[str, dict[str, str]]:
    """Each update's verdict in a round's outcome, and its reason where it has one, by member index."""
    judged = [(str(one.update.index), one.decision) for one in outcome.judged]
    return {
        "verdicts": {index: decision.verdict.name for index, decision in judged},
        "reasons": {index: decision.message for index, decision in judged if decision.message},
    }


def told(error: FedledgerError) -> dict[str, object]:
    """An error for the file: its kind, its facts, and the way out."""
    facts = {name: str(value) for name, value in error.facts.items()}
    return {"error": error.kind, "advice": error.advice, "facts": facts}


def details(error: FedledgerError) -> str:
    """The same for the terminal, a line each."""
    known = [f"{name.replace('_', ' ')}: {value}" for name, value in error.facts.items()]
    lines = [*known, *([f"try: {error.advice}"] if error.advice else [])]
    return "".join(f"\n{INDENT}{part}" for line in lines for part in plain(line).splitlines())


class Journal:
    """Writes both; with `as_json` the terminal gets the JSON lines. A file that cannot be written stops nothing."""

    def __init__(self, path: Path, say: Callable[[str], None], *, as_json: bool = False) -> None:
        self._path, self._say, self._as_json = path, say, as_json
        self._broken = False

    def note(self, action: str, text: str, why: FedledgerError | None = None, /, **facts: object) -> None:
        """One action: its name, what to read on the terminal, and the facts for the file. Those of an error that is
        `why` are for both.
        """
        now = datetime.now(UTC)
        stamp = now.isoformat(timespec="milliseconds")
        known = {"time": stamp, "action": action, "text": text, **(told(why) if why else {}), **facts}
        line = json_text(known, default=str)
        shown = text + (details(why) if why else "")
        self._say(line if self._as_json else f"{now.astimezone():%H:%M:%S}  {shown}")
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            self._broken = False
        except OSError as error:
            if not self._broken:
                self._say(f"cannot write {self._path}: {error.strerror}; going on without")
            self._broken = True
