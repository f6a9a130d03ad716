"""What is found in a bundle, and the verdict that follows: a closed list, and one form of bytes (docs/spec/bundle.md,
"Verdict")."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from ledger.formats.digest import encode

VerdictWord = Literal["VERIFIED", "REFUTED", "UNKNOWN", "MALFORMED"]
EXITS: dict[VerdictWord, int] = {"VERIFIED": 0, "REFUTED": 1, "MALFORMED": 3, "UNKNOWN": 4}
COUNTED = ("ADMISSION", "AGGREGATE", "CONVICTION", "JOB", "REPLAY", "SIGNATURES")
_LIES = ("VALUE", "LIMIT", "WEIGHT", "TOO_FEW")
CODES: dict[tuple[str, str], VerdictWord] = {
    **{
        ("BUNDLE", code): "MALFORMED"
        for code in (
            "CAR",
            "BLOCK",
            "REPEATED",
            "MANIFEST",
            "NETWORK",
            "KEY",
            "PAGE",
            "TRANSACTION",
            "CALL",
            "ORDER",
            "SIGNATURE",
            "REFUSED",
        )
    },
    ("SCOPE", "EMPTY"): "UNKNOWN",
    ("SCOPE", "BYTES"): "UNKNOWN",
    ("SCOPE", "MORE"): "VERIFIED",
    ("REPLAY", "GAP"): "UNKNOWN",
    ("REPLAY", "UNREPLAYED"): "UNKNOWN",
    ("REPLAY", "UNCOUNTED"): "UNKNOWN",
    ("JOB", "MISSING"): "UNKNOWN",
    ("JOB", "DOCUMENT"): "UNKNOWN",
    ("JOB", "TERMS"): "REFUTED",
    ("JOB", "UNSUPPORTED"): "UNKNOWN",
    ("ADMISSION", "MISSING"): "UNKNOWN",
    ("ADMISSION", "UNAVAILABLE"): "UNKNOWN",
    ("ADMISSION", "VERDICT"): "REFUTED",
    ("AGGREGATE", "BASE"): "UNKNOWN",
    ("AGGREGATE", "BYTES"): "UNKNOWN",
    ("AGGREGATE", "ROOT"): "REFUTED",
    ("AGGREGATE", "CID"): "REFUTED",
    ("AGGREGATE", "CARRIED"): "REFUTED",
    ("CONVICTION", "FALSE"): "UNKNOWN",
    **{("CONVICTION", code): "REFUTED" for code in _LIES},
    **{("CAUGHT", code): "VERIFIED" for code in ("VERDICT", "ROOT", "CID", "CARRIED", *_LIES)},
}
"""Every check and code, in the order in which findings are sorted, and what one makes of the verdict."""
LISTED = 1_024
"""Findings of a check and code that are listed: the first ones. Others are counted."""
_PLACES = {name: place for place, name in enumerate(CODES)}


class FindingPlace(NamedTuple):
    """Of what a finding is: job, round, attempt; 0 where it is of none."""

    job: int = 0
    round: int = 0
    attempt: int = 0


NOWHERE = FindingPlace()


class BundleFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, missing or unknown. `who` are EIP-55 addresses."""

    check: str
    code: str
    job: int = 0
    round: int = 0
    attempt: int = 0
    value: int = 0
    who: tuple[str, ...] = ()
    expected: str = ""
    actual: str = ""


class BundleVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a bundle: `bundle` is the SHA-256 of its manifest, `scope` a text, `checked` how much was done.

    `chain`, `ledger` and `founding` are what its reader compares with a network file. All are empty where unreadable.
    """

    fedledger: Literal["verdict/1"] = "verdict/1"
    bundle: str
    chain: str
    ledger: str
    founding: str
    scope: str
    verdict: VerdictWord
    checked: dict[str, int]
    findings: tuple[BundleFinding, ...]

    def encode(self) -> bytes:
        """The line that every reader prints."""
        return encode(self) + b"\n"

    @property
    def exit(self) -> int:
        """The exit code of a command that came to it."""
        return EXITS[self.verdict]


def found(
    check: str,
    code: str,
    place: FindingPlace = NOWHERE,
    value: int = 0,
    who: Iterable[str] = (),
    expected: object = "",
    actual: object = "",
) -> BundleFinding:
    """A finding; digests go in as bytes."""
    signers = tuple(sorted(set(who), key=str.lower))
    where = {"job": place.job, "round": place.round, "attempt": place.attempt, "value": value}
    return BundleFinding(check=check, code=code, who=signers, expected=_text(expected), actual=_text(actual), **where)


class BundleFindings:
    """What was found. Those of one check and code are told in their order: so many are kept, and the others counted."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[BundleFinding, None]] = {}
        self._more: dict[tuple[str, str], int] = {}

    def add(self, finding: BundleFinding) -> None:
        """Take one more. The same one again is none."""
        name = finding.check, finding.code
        kept = self._kept.setdefault(name, {})
        if len(kept) < LISTED:
            kept[finding] = None
        elif finding not in kept:
            self._more[name] = self._more.get(name, 0) + 1

    def in_order(self) -> tuple[BundleFinding, ...]:
        """Those that are listed, in their one order."""
        listed = [one for kept in self._kept.values() for one in kept]
        listed += [found("SCOPE", "MORE", value=count, actual=" ".join(name)) for name, count in self._more.items()]
        return tuple(sorted(listed, key=_rank))


def verdict_of(findings: Iterable[BundleFinding]) -> VerdictWord:
    """What findings make of the verdict: the first that one of them makes it."""
    made = {CODES[one.check, one.code] for one in findings}
    order: tuple[VerdictWord, ...] = ("MALFORMED", "REFUTED", "UNKNOWN")
    return next((word for word in order if word in made), "VERIFIED")


def _rank(one: BundleFinding) -> tuple[object, ...]:
    place = (one.job, one.round, one.attempt, _PLACES[one.check, one.code])
    return (*place, one.value, one.expected, one.actual, tuple(key.lower() for key in one.who))


def _text(said: object) -> str:
    return said.hex() if isinstance(said, bytes) else str(said)
