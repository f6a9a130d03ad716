"""Which kind of file of ours some bytes begin, by the first of them; and the command that takes such a one.

The one rule for "this is another kind of file": a command that was handed a wrong one names the right command. Nothing
is checked here and nothing believed: a head says what a file is meant to be.
"""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

HEAD = 4096
"""Bytes that are looked at."""
_FILE = "FILE"


class FileKind(NamedTuple):
    """What a file is, and the command that takes it, with FILE in its place."""

    what: str
    command: str

    def advice(self, path: Path) -> str:
        """What to do with the file at that path, instead."""
        return f"this is {self.what}: {self.command.replace(_FILE, shlex.quote(str(path)))}"


BUNDLE = FileKind("a bundle", "fedledger bundle check FILE")
CONVICTION = FileKind("a conviction file", "fedledger evidence check FILE")
EVIDENCE = FileKind("evidence of an audit", "fedledger evidence check FILE")
REPORT = FileKind("an audit's report", "fedledger evidence check FILE")
CHILD_PROOF = FileKind("a child's proof of its update", "fedledger edge check FILE --round NUMBER")
JOB = FileKind("a job's document", "fedledger job propose FILE")
_TAGS = {
    "evidence": EVIDENCE,
    "report": REPORT,
    "job": JOB,
    "evaluation": FileKind("what parties measured of a model", "fedledger release propose --report FILE"),
    "edge-receipt": FileKind("an edge's receipt", "fedledger audit --edge-receipt FILE"),
    "child-proof": CHILD_PROOF,
    "verdict": FileKind("a reader's verdict on a bundle", "check the bundle itself: fedledger bundle check BUNDLE"),
}
_HEADS = (
    (re.compile(rb"[\xc0-\xff].{0,8}?\x8cconviction/1", re.DOTALL), CONVICTION),
    (re.compile(rb".{1,9}?\xa2\x65roots.*?\x67version\x01", re.DOTALL), BUNDLE),
    (
        re.compile(rb"\s*<(!doctype\s+)?html\b", re.IGNORECASE),
        FileKind("a page", "save the report in it as JSON, and take that: fedledger evidence check report.json"),
    ),
    (
        re.compile(rb'.{4}\x00{4}\{"', re.DOTALL),
        FileKind("a model's file", "fedledger release verify FOLDER, of the folder with it"),
    ),
    (
        re.compile(rb'\s*\{.*?"(payloadType|dsseEnvelope|bomFormat|prov:label)"', re.DOTALL),
        FileKind("one of a release's exports", "fedledger release provenance check FOLDER, of the folder with it"),
    ),
)
_TAG = re.compile(rb'\s*\{.*?"fedledger"\s*:\s*"([a-z-]{1,30})/\d{1,3}"', re.DOTALL)


def kind_of(head: bytes) -> FileKind | None:
    """The kind of a file whose first bytes these are; None for any other."""
    head = head[:HEAD]
    tagged = _TAG.match(head)
    if tagged and tagged[1].decode() in _TAGS:
        return _TAGS[tagged[1].decode()]
    return next((kind for pattern, kind in _HEADS if pattern.match(head)), None)


def kind_at(path: Path) -> FileKind | None:
    """The same of a file; None where it cannot be read, or is no regular file."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return kind_of(file.read(HEAD))
    except OSError:
        return None


def another(path: Path, *taken: FileKind) -> str:
    """What to do with a file that is none of the kinds `taken`; empty where it is one, or none that is known."""
    found = kind_at(path)
    return found.advice(path) if found is not None and found not in taken else ""
