"""The scores of a job as people read them: by round and cumulated, with what was withheld, void or not scored. Pure."""

from collections.abc import Callable, Mapping

import msgspec

from ledger.formats.text import plural
from ledger.history.state import JobState, Round, Scoring
from ledger.jobs.document import Job
from ledger.jobs.scores import GroupShapley, Measured, NoScoring, Scored, committed_set
from ledger.rounds.admission import Verdict
from ledger.rounds.inputs import Fetch
from ledger.rounds.weights import ScoreTally, tallied
from ledger.scores.contributions import coalition_table
from ledger.scores.game import Game
from ledger.scores.genuine import Void, judge_genuine
from ledger.scores.methods import shapley, to_scores

Name = Callable[[int], str]


class PartyScore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One update and its score, in parts per million; none where there is none, and then why.

    `void` says why an update brings nothing of its party's own, where the updates themselves were read.
    `forfeited`: its party withheld what it had committed to as a scorer, so a positive score counts as zero.
    """

    index: int
    party: str
    key: str
    weight: int
    score: int | None = None
    why: str = ""
    void: str = ""
    forfeited: bool = False


class ScorerPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a scorer did: `state` is committed, revealed or withheld. `scores` are by index of the admitted updates."""

    index: int
    scorer: str
    key: str
    state: str
    scores: tuple[int, ...] = ()


class RoundScores(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A round's scores. `state` is Settled, Void, Open, or Waiting where its scoring has not begun."""

    round: int
    state: str
    updates: tuple[PartyScore, ...]
    scorers: tuple[ScorerPart, ...] = ()
    quorum: int = 0
    seed: str = ""
    root: str = ""
    commit_deadline: int = 0
    reveal_deadline: int = 0


class Cumulated(msgspec.Struct, frozen=True, kw_only=True):
    """A party's sum of scores, and over how many rounds."""

    index: int
    party: str
    score: int
    rounds: int


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """A job's scores. `cumulated` is in descending order."""

    job: int
    name: str
    digest: str
    method: str
    how: str
    rounds: tuple[RoundScores, ...]
    cumulated: tuple[Cumulated, ...]

    def to_json(self) -> bytes:
        return msgspec.json.encode({"fedledger": "scores/1", **msgspec.to_builtins(self)})


def scores_of(state: JobState, job: Job, name: Name, only: int | None = None, fetch: Fetch | None = None) -> Scores:
    """The scores of a job's finalised rounds, or of one. `name` gives a member's name by index; with `fetch` the
    updates are read, to say which are void and why: it raises as `ledger.scores.genuine.judge_genuine` does."""
    numbers = [number for number, round_ in state.rounds.items() if round_.final is not None and only in (None, number)]
    rounds = tuple(round_scores(state, n, name, _voids(state, job, n, fetch)) for n in numbers)
    return Scores(
        job=state.number,
        name=job.name,
        digest=state.digest.hex(),
        method=job.scoring.method,
        how=describe_method(job),
        rounds=rounds,
        cumulated=ranking(state, name),
    )


def round_scores(state: JobState, number: int, name: Name, voids: Mapping[int, Void] | None = None) -> RoundScores:
    """The scores of one finalised round; `voids` says which of its updates are void, by member index."""
    round_, scoring = state.rounds[number], state.scorings.get(number)
    if scoring is None:
        return RoundScores(round=number, state="Waiting", updates=_updates(state, round_, name, voids or {}))
    return RoundScores(
        round=number,
        state="Open" if scoring.outcome is None else scoring.outcome.value,
        updates=_updates(state, round_, name, voids or {}),
        scorers=tuple(_scorer(scoring, index, name) for index in sorted(scoring.commitments)),
        quorum=scoring.quorum,
        seed=scoring.seed.hex(),
        root=scoring.root.hex() if scoring.medians is not None else "",
        commit_deadline=scoring.commit_deadline,
        reveal_deadline=scoring.reveal_deadline,
    )


def ranking(state: JobState, name: Name) -> tuple[Cumulated, ...]:
    """Every party that was ever scored, best first; equal ones by index."""
    return ranked(tallied(state), name)


def ranked(tallies: Mapping[int, ScoreTally], name: Name) -> tuple[Cumulated, ...]:
    """The same of tallies that were counted before."""
    best = sorted(tallies.items(), key=lambda item: (-item[1].score, item[0]))
    return tuple(Cumulated(index=i, party=name(i), score=t.score, rounds=t.rounds) for i, t in best)


def describe_method(job: Job) -> str:
    """How a job's scores are made, in one line."""
    scoring, terms = job.scoring, job.terms
    if isinstance(scoring, NoScoring):
        return "none are made"
    least = plural(terms.scorers, "scorer")
    times = f"{terms.score_seconds} s to commit, {terms.reveal_seconds} s to reveal, at least {least}"
    weighs = "; past scores weigh the next updates" if scoring.weighting == "past_scores" else ""
    return f"{_method(scoring)}; {times}{weighs}"


def _method(scoring: Scored) -> str:
    title = "Shapley value of each group" if isinstance(scoring, GroupShapley) else scoring.method.replace("_", " ")
    if not isinstance(scoring, Measured):
        return f"{title} to the sum of the others, without data"
    evidence = committed_set(scoring)
    if evidence is not None:
        return f"{title} of the {scoring.utility} on a committed set of {plural(evidence.samples, 'row')}"
    return f"{title} of the {scoring.utility} on the scorers' private sets"


def _voids(state: JobState, job: Job, number: int, fetch: Fetch | None) -> dict[int, Void]:
    if fetch is None or job.masked is not None:
        return {}
    judged = judge_genuine(state, job, state.rounds[number], fetch)
    return {index: void for index, void in judged.items() if void is not Void.NONE}


def _updates(state: JobState, round_: Round, name: Name, voids: Mapping[int, Void]) -> tuple[PartyScore, ...]:
    """Every update of the round: the admitted ones with their scores, the others with why they have none."""
    verdicts, scores = round_.final.verdicts if round_.final else b"", state.scores(round_.number)
    scoring = state.scorings.get(round_.number)
    withheld = scoring.withheld if scoring else frozenset[int]()
    return tuple(
        PartyScore(
            index=update.index,
            party=name(update.index),
            key=update.party,
            weight=update.weight,
            score=scores.get(update.index),
            why="" if verdict == Verdict.ADMITTED else _meaning(verdict),
            void=voids[update.index].meaning if update.index in voids else "",
            forfeited=update.index in withheld and scores.get(update.index, 0) > 0,
        )
        for update, verdict in zip(round_.sorted_updates(), verdicts, strict=False)
    )


def _scorer(scoring: Scoring, index: int, name: Name) -> ScorerPart:
    reveal, commitment = scoring.reveals.get(index), scoring.commitments[index]
    state = "revealed" if reveal else "withheld" if index in scoring.withheld else "committed"
    scores = reveal.scores if reveal else ()
    return ScorerPart(index=index, scorer=name(index), key=commitment.scorer, state=state, scores=scores)


def _meaning(verdict: int) -> str:
    try:
        return Verdict(verdict).meaning
    except ValueError:
        return f"no such verdict: {verdict}"


class Coalition(msgspec.Struct, frozen=True, kw_only=True):
    """Some of a round's updates, by member index, and what the model they make is worth, in parts per million."""

    members: tuple[int, ...]
    worth: int


class CoalitionTable(msgspec.Struct, frozen=True, kw_only=True):
    """What every coalition of a round's genuine updates is worth, smallest first, and the exact Shapley values."""

    job: int
    name: str
    round: int
    utility: str
    parties: dict[int, str]
    coalitions: tuple[Coalition, ...]
    shapley: dict[int, int]

    def to_json(self) -> bytes:
        return msgspec.json.encode({"fedledger": "coalitions/1", **msgspec.to_builtins(self, str_keys=True)})


def coalitions_of(state: JobState, job: Job, number: int, name: Name, fetch: Fetch) -> CoalitionTable:
    """Measure every coalition of a round on the job's committed set. Raises as `contributions.coalition_table`."""
    table = coalition_table(state, job, state.rounds[number], fetch)
    players = sorted(frozenset[int]().union(*table))
    game = Game(len(players), lambda members: table[frozenset(players[k] for k in members)])
    shares = dict(zip(players, to_scores(shapley(game)), strict=True))
    ordered = sorted((len(members), tuple(sorted(members))) for members in table)
    rows = tuple(Coalition(members=members, worth=table[frozenset(members)]) for _, members in ordered)
    return CoalitionTable(
        job=state.number,
        name=job.name,
        round=number,
        utility=job.scoring.utility if isinstance(job.scoring, Measured) else "",
        parties={index: name(index) for index in players},
        coalitions=rows,
        shapley=shares,
    )
