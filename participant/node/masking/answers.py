"""What a member shows of its secrets and shares in a round: written down before it is sent, once, for one set ever."""

from typing import Literal

import msgspec

from ledger.errors import UsageError
from ledger.formats.claims import RoundName
from ledger.formats.strict import Strict
from ledger.party.masking.vault import Vault, damaged, round_file

SET = 32
_MOST = 1 << 16
Kind = Literal["unmask", "shares", "open"]
KINDS: tuple[Kind, ...] = ("unmask", "shares", "open")


class KeptAnswer(Strict, frozen=True):
    """What a call shows, in hexadecimal: `secret` is the self seed of `unmask`, the round key of `open`, and empty in
    `shares`; `shares` are as the call takes them.
    """

    secret: str = ""
    shares: str = ""

    def __repr__(self) -> str:
        return "KeptAnswer(hidden)"


class AnswerJournal:
    """The answers of a home. Which set a round was answered for stays: a chain may go back any number of blocks. What
    was answered goes with the round's secrets: it may never have been sent.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def answered_for(self, round_: RoundName) -> int | None:
        """The set, as a bitmap, that this home answered for; None for none. Raises as `Vault.read`."""
        name = round_file(round_) + ".set"
        data = self._vault.read(name, SET)
        if data is None:
            return None
        if len(data) != SET:
            raise damaged(self._vault.folder / name)
        return int.from_bytes(data, "big")

    def find(self, round_: RoundName, kind: Kind) -> KeptAnswer | None:
        """What was answered; None for nothing. Raises as `Vault.read`."""
        name = f"{round_file(round_)}.{kind}"
        data = self._vault.read(name, _MOST)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=KeptAnswer)
        except msgspec.DecodeError as error:
            raise damaged(self._vault.folder / name) from error

    def forget(self, round_: RoundName) -> None:
        """Delete what was answered in a round that is over; for another set nothing is, still. Raises Unavailable."""
        for kind in KINDS:
            self._vault.delete(f"{round_file(round_)}.{kind}")

    def keep(self, round_: RoundName, kind: Kind, set_: int, answer: KeptAnswer) -> KeptAnswer:
        """Write an answer down for a set; what to send: another one where it was written down before.

        Raises UsageError where another set of the round was answered for, Unavailable where the disk does not take it,
        and as `Vault.read`.
        """
        self._vault.write(round_file(round_) + ".set", set_.to_bytes(SET, "big"))
        standing = self.answered_for(round_)
        if standing != set_:
            raise UsageError(
                "another set of this round was answered for before; two sets are two sums, and show an update",
                advice="the chain was reorganised: this member shows nothing more of the round",
                round=round_.round,
                expected=f"{standing or 0:#x}",
                actual=f"{set_:#x}",
            )
        self._vault.write(f"{round_file(round_)}.{kind}", msgspec.json.encode(answer))
        kept = self.find(round_, kind)
        if kept is None:
            raise damaged(self._vault.folder / f"{round_file(round_)}.{kind}")
        return kept
