"""Decisions in a ledger in memory: proposals of every kind, votes and releases, in the order of the contracts."""

from typing import Any

from support.worlds.world import World

from ledger.events import actions as a
from ledger.events import records as r
from ledger.events.actions import ReleaseModel, RevokeRelease, encode_action
from ledger.events.contents import proposal_id
from ledger.events.encoding import name_word
from ledger.events.proposals import Proposal, release_id
from ledger.events.records import Choice
from ledger.formats.digest import NOTHING
from ledger.releases.report import Evaluation, PartyFigures, RoundFigures

RULES = r.Rules(5_000, vote_seconds=3_600, delay_seconds=600, execute_seconds=86_400)
NEWCOMER = "0x" + "12" * 20


class Chamber:
    """Proposes, votes and carries out, in a world whose ballots have rules; `deadline` is the next proposals'."""

    def __init__(self, world: World, deadline: int) -> None:
        self.world, self.deadline = world, deadline
        world.emit(r.RulesChanged, rules=RULES)

    @property
    def latest(self) -> Proposal:
        decisions = self.world.history.decisions
        made = decisions.proposal(len(decisions.proposals))
        assert made is not None
        return made

    def propose(self, action: Any, proposer: int = 0) -> "Chamber":
        kind, encoded = encode_action(action)
        decisions, who = self.world.history.decisions, self.world.keys[proposer]
        nonce = decisions.next_nonce(who)
        self.world.emit(
            r.Proposed,
            proposal=proposal_id(who, nonce, kind, encoded),
            number=len(decisions.proposals) + 1,
            proposer=who,
            nonce=nonce,
            kind=kind,
            action=encoded,
            epoch=self.world.history.epoch,
            deadline=self.deadline,
        )
        return self

    def vote(self, *members: int, choice: Choice = Choice.FOR) -> "Chamber":
        for member in members:
            self.world.emit(r.Voted, proposal=self.latest.id, member=self.world.keys[member], choice=choice)
        return self

    def execute(self) -> "Chamber":
        self.world.emit(r.Executed, proposal=self.latest.id)
        return self

    def decide(self, action: Any) -> "Chamber":
        return self.propose(action).vote(*range(len(self.world.keys) // 2 + 1)).execute()

    def model(
        self, name: str = "cardio", version: str = "1.0", number: int = 1, report: bytes = NOTHING
    ) -> ReleaseModel:
        final = self.world.state.rounds[number].final
        assert final is not None
        return ReleaseModel(name, version, 1, number, final.root.hex(), report=report.hex())

    def release(self, made: ReleaseModel) -> "Chamber":
        self.decide(made)
        self.world.emit(r.Released, **released(made))
        return self

    def revoke(self, name: str, version: str, reason: bytes = NOTHING) -> "Chamber":
        release = release_id(name, version)
        self.decide(RevokeRelease(name, version, reason.hex()))
        self.world.emit(r.Revoked, release=release, reason=reason)
        return self


def released(made: ReleaseModel) -> dict[str, Any]:
    """The fields of the event with which a release comes on record."""
    names = {"name": name_word(made.name), "version": name_word(made.version)}
    digests = {name: bytes.fromhex(getattr(made, name)) for name in ("root", "scores", "report")}
    return {"release": release_id(made.name, made.version), **names, "job": made.job, "round": made.round, **digests}


def of_every_kind(council: Chamber) -> list[Any]:
    """An action of every kind that there is."""
    return [
        a.AdmitMember(NEWCOMER, 5, "Nørre"),
        a.RemoveMember(2),
        a.ChangeRoles(1, 3),
        a.ChangeRules(r.Rules(6_666, 7_200, 0, 3_600)),
        a.CloseJob(1),
        council.model(version="2.0"),
        a.RevokeRelease("cardio", "1.0", b"data error".ljust(32, b"\x00").hex()),
        a.RollBack("cardio", "1.0"),
        a.NameSuccessor(7, NEWCOMER),
        a.RewindJob(1, 2),
    ]


def evaluation(world: World, number: int, names: tuple[str, ...], chain: int, ledger: str) -> Evaluation:
    """A report of several parties on the model of a round, with figures of every round up to it."""
    final = world.state.rounds[number].final
    assert final is not None

    def figures(n: int) -> dict[str, str]:
        return {"accuracy": f"{1 - 0.3 / (n + 1):.6f}", "loss": f"{0.9 / (n + 1):.6f}"}

    members = sorted(zip(names, world.keys, strict=False))
    return Evaluation(
        fedledger="evaluation/1",
        chain=chain,
        ledger=ledger,
        job=1,
        round=number,
        root=final.root.hex(),
        parties=tuple(
            PartyFigures(
                party=name,
                key=key,
                samples=100 + place,
                rows="own_file",
                metrics=figures(number),
                rounds=tuple(RoundFigures(round=n, metrics=figures(n)) for n in range(number + 1)),
            )
            for place, (name, key) in enumerate(members)
        ),
    )
