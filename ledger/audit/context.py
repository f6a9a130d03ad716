"""What the checks of an audit share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from ledger.audit.found import Found
from ledger.audit.keys import said_of_keys
from ledger.audit.report import Check, Lie, LieState, Open
from ledger.errors import Unavailable
from ledger.events.court import Convicted
from ledger.events.evidence import Said, SignedStatement, Unproven, Witness, nobody
from ledger.formats.text import listed
from ledger.history.fold import History
from ledger.history.state import Aggregate, JobState
from ledger.rounds.admission import Progress
from ledger.rounds.facts import Place, RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.convictions import MaskedJob

CHAIN_NODE = "the chain node"
"""Whose fault it is where a chain node does not tell the truth, or not all of it."""


class ShownBlock(NamedTuple):
    """A block as the audited node shows it: its hash, its time in seconds since 1970, and the hash of its parent.

    `proved` is whether the hash covers these; else they are on the node's word, and nobody is blamed by them.
    """

    hash: bytes
    time: int
    proved: bool
    parent: bytes = b""


Retry = Callable[[JobState, Convicted], None]
"""Judges a conviction again from what was shown to the court: `ledger.court.recorded` says what it raises."""


def unshown(_: JobState, said: Convicted) -> None:
    """The retrial of an audit that is shown no transactions."""
    raise Unproven("no transaction was shown", tx=said.tx.hex())


RetryFromBytes = Callable[[RoundFacts, Aggregate, Convicted, Fetch, int], None]
"""Judges a conviction again from the round's bytes, by so many threads: `ledger.court.recorded` says what it raises."""


def unread(_: RoundFacts, __: Aggregate, ___: Convicted, ____: Fetch, _____: int) -> None:
    """The retrial of an audit that reads no bytes for it."""
    raise Unavailable("no bytes were read for it")


Blocks = Callable[[int], ShownBlock | None]
"""Shows the block of a number; None where the node has none."""


@dataclass
class Context:
    """One audit's history, way to bytes, and what it found.

    `name` turns a member's index into its name; `progress` is called with the number of bytes read. `witness` shows the
    signed statement behind an event: without one nobody is named. `blocks` shows the chain's blocks. `signed_to` is the
    last block up to which members signed the history; -1 before that was checked, and where there is none. `judges` are
    those of the masked jobs that were looked at, by number. `opener` puts in the keys that the auditor has of sealed
    updates; `retry` judges convictions again, and where it cannot, `retry_from_bytes` does. With `children` sums are
    held against the updates that they are of, where no verdict needs that.
    """

    history: History
    place: Place
    fetch: Fetch
    name: Callable[[int], str]
    threads: int = 1
    progress: Progress = field(default=lambda _: None)
    witness: Witness = nobody
    blocks: Blocks = field(default=lambda _: None)
    signed_to: int = -1
    found: Found = field(default_factory=Found)
    opener: Callable[[RoundFacts], RoundFacts] = field(default=lambda facts: facts)
    judges: dict[int, MaskedJob] = field(default_factory=dict)
    children: bool = False
    retry: Retry = unshown
    retry_from_bytes: RetryFromBytes = unread
    _shown: dict[bytes, SignedStatement | Unproven] = field(default_factory=dict)

    def names(self, indices: Iterable[int]) -> str:
        """Members by name, in words."""
        return listed(self.name(index) for index in sorted(indices)) or "nobody"

    def describe(self, key: str) -> str:
        """A party by its member's name and the key that signed."""
        member = self.history.member_of(key)
        return f"{listed([self.name(member.index)])} ({key})" if member else key

    def convict(
        self, said: Said, what: str, state: LieState, check: Check, basis: Iterable[Said], /, **detail: Any
    ) -> bool:
        """Add a lie under the name of its signer, with the evidence; whether that could be done.

        `what` says what was said; `detail` are fields of `Detail`, of which `touches` goes where the lie was caught.
        `basis` is what others said that the recomputation rests on: their evidence goes into the report, too. Where one
        of these statements cannot be shown, or a change of keys after the last signed head, by which the log says whose
        the key is, the chain node's log is not to be believed, and nobody is named.
        """
        shown = self._show_all([said, *basis], check, detail)
        if shown is None:
            return False
        evidence, *rests_on = shown
        self.found.rest_on(rests_on)
        if state == "caught":
            detail = detail | {"touches": ()}
        member = self.history.member_of(said.signer)
        who = self.name(member.index) if member else said.signer
        signed: dict[str, Any] = {"key": said.signer, "tx": said.tx.hex(), "evidence": evidence}
        self.found.lies.append(Lie(check=check, who=who, said=what, state=state, **signed, **detail))
        return True

    def blame(self, basis: Iterable[Said], check: Check, what: str, why: str, /, **detail: Any) -> None:
        """Leave something open: the fault of those who said `basis`, or the chain node's where one cannot be shown."""
        said = list(basis)
        if self._show_all(said, check, detail) is not None:
            fault = ", ".join(dict.fromkeys(self.describe(one.signer) for one in said))
            self.leave_open(check, what, why, fault=fault, **detail)

    def leave_open(self, check: Check, what: str, why: str, **detail: Any) -> None:
        """Add something that could not be looked at, or is owed."""
        self.found.open.append(Open(check=check, what=what, why=why, **detail))

    def show(self, said: Said) -> SignedStatement:
        """The evidence, asked for once, with what it is the hash of. Raises Unproven."""
        key = msgspec.json.encode(said)
        if key not in self._shown:
            try:
                shown = self.witness(said)
                self._shown[key] = msgspec.structs.replace(shown, opening=said.opening, claim=said.claim)
            except Unproven as error:
                self._shown[key] = error
        known = self._shown[key]
        if isinstance(known, Unproven):
            raise known
        return known

    def _show_all(self, said: list[Said], check: Check, detail: dict[str, Any]) -> list[SignedStatement] | None:
        """The evidence of each, where members are shown to have signed whose keys these are; else None, and doubt."""
        changes = said_of_keys(self.history, self.history.reached, self.signed_to)
        shown = []
        for one in (*said, *changes):
            try:
                shown.append(self.show(one))
            except Unproven as error:
                self._doubt(one, check, error, detail)
                return None
        return shown[: len(said)]

    def _doubt(self, said: Said, check: Check, error: Unproven, detail: dict[str, Any]) -> None:
        """What is left of a lie whose signer cannot be shown: the chain node's fault, and doubt about the history."""
        where = {name: detail[name] for name in ("job", "round", "attempt") if name in detail}
        why = (
            "the chain node shows an event whose transaction it cannot show, or that says something else: "
            f"{error.message}; read the log from another endpoint"
        )
        tx = str(error.facts.get("tx", said.tx.hex())).removeprefix("0x")
        self.leave_open(check, f"who signed {said.statement}", why, fault=CHAIN_NODE, tx=tx, **where)
        self.found.doubted.add(where.get("job"))
