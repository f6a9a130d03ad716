"""A release's model card: README.md, which begins with the YAML that Hugging Face tools read.

The same bytes for everyone: it says what ledger, job and evaluation report say, and nothing of the day it is made.
Names of members are those of the network file.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from ledger.events.proposals import Proposal
from ledger.events.records import Choice
from ledger.formats.text import listed, plural, quoted
from ledger.history.decisions import Decisions
from ledger.history.names import proposal_for
from ledger.history.state import Aggregate, Attestation, Round, Update
from ledger.jobs.members import ClientNoise
from ledger.jobs.noise import ExampleNoise
from ledger.releases import peft
from ledger.releases.agreed import licence, permitted, prepared, withdrawn
from ledger.releases.file import ModelFile
from ledger.releases.markdown import fenced, plain, table
from ledger.releases.personal import KINDS
from ledger.releases.report import ROWS, Evaluation, Metrics
from ledger.releases.use import use
from ledger.rounds.admission import Verdict
from ledger.rounds.trace import ModelTrace, trace

FILE = "README.md"
SHOWN_ROUNDS = 50
TASKS = {"tabular": "tabular-classification", "image": "image-classification", peft.TASK: "text-classification"}
"""What the Hugging Face Hub calls the tasks that come with fedledger."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a card is made of; `name` returns a member's name by index, `earlier` has the name's earlier versions."""

    file: ModelFile
    report: Evaluation | None
    proposal: Proposal | None
    earlier: Sequence[str]
    name: Callable[[int], str]
    network: str

    @classmethod
    def of(
        cls, file: ModelFile, report: Evaluation | None, decisions: Decisions, network: str, name: Callable[[int], str]
    ) -> Self:
        """The card of a release, by what the ledger says now; nothing that the card takes from it can still change."""
        release = file.release
        versions = [one.version for one in decisions.releases.values() if one.name == release.name]
        earlier = versions[: versions.index(release.version)]
        return cls(file, report, proposal_for(decisions, release), earlier, name, network)

    def text(self) -> str:
        """The card."""
        lines = ["---", *_front(self), "---", "", *_head(self)]
        for title, section in _SECTIONS.items():
            said = list(section(self))
            lines += ["", f"## {title}", "", *said] if said else []
        return "\n".join(lines) + "\n"

    @property
    def rounds(self) -> list[Round]:
        """The finalised rounds that lead to the release's and itself, ascending."""
        state = self.file.state
        return [state.rounds[number] for number in reversed(state.lineage(self.file.release.round))]

    def attesters(self, final: Aggregate) -> list[Attestation]:
        """Who stood by an aggregate, besides its aggregator, when the release was put on record: later words of members
        change no card.
        """
        return [one for one in final.attestations if one.agrees and one.block <= self.file.release.block]

    @property
    def model(self) -> ModelTrace:
        """The released model, by names."""
        return trace(self.file.state, self.file.job, self.file.release.round, self.name, 1).models[0]


def _front(card: Card) -> Iterator[str]:
    """What others chose is a JSON string, which YAML reads as the same string."""
    report, task = card.report, card.file.job.task.name
    yield f"license: {quoted(report.license if report and report.license else 'unknown')}"
    yield "library_name: fedledger"
    yield f"tags: [fedledger, federated-learning, safetensors, {quoted(task)}]"
    if report is None or all(party.rows == "trained_on" for party in report.parties):
        return
    yield "model-index:"
    yield f"- name: {quoted(card.file.release.name)}"
    yield "  results:"
    for party in report.parties:
        if party.rows == "trained_on":
            continue
        yield f"  - task: {{type: {TASKS.get(task, 'other')}}}"
        yield f"    dataset: {{type: private, name: {quoted(f'{party.party}, {ROWS[party.rows]}')}}}"
        yield "    metrics:"
        for name, value in sorted(party.metrics.items()):
            yield f"    - {{type: {quoted(name)}, value: {value}}}"


def _head(card: Card) -> Iterator[str]:
    release, job = card.file.release, card.file.job
    yield f"# {release.name} {release.version}"
    yield ""
    yield f"A model of {plain(card.network)}, trained together on data that stayed with its owners and released by"
    yield f"vote. Job {release.job}: {plain(job.name)}."


def _data(card: Card) -> Iterator[str]:
    updates = _admitted(card.rounds[-1])
    samples = sum(update.weight for update in updates)
    yield f"{samples:,} samples at {plural(len(updates), 'party', 'parties')} went into the last round. No data left a"
    yield "party, so nobody else can say what they are; how many samples it has is each party's word."
    if share := card.file.job.hold_out:
        yield ""
        yield f"Before the first round each party drew {share} % of its rows by a salt of its own, and holds them out:"
        yield "nothing is trained on them. Each update is bound to the rows that it was trained on, by a salted root"
        yield "that its party can open."
    if noise := card.file.job.dp:
        yield ""
        yield from _noise(noise, max(_takings(card).values(), default=0))
    yield from withdrawn(card.file.state, card.file.release.block, card.name)


def _noise(noise: ExampleNoise | ClientNoise, rounds: int) -> Iterator[str]:
    """What is hidden, by the job, and what is a party's word."""
    spent, budget = noise.epsilon(rounds * noise.cost), noise.epsilon(noise.budget)
    yield from _of_rows(noise) if isinstance(noise, ExampleNoise) else _of_members(noise)
    yield f"{rounds} at most, which costs ε = {spent} at δ = {noise.delta}; all jobs of the scope"
    yield f"{plain(quoted(noise.scope))} together may cost ε = {budget}."
    yield ""
    yield from _words_of_rows() if isinstance(noise, ExampleNoise) else _words_of_members()


def _of_rows(noise: ExampleNoise) -> Iterator[str]:
    yield f"Single rows are hidden by noise in training (DP-SGD: clip {noise.clip}, noise {noise.noise}, sampling"
    yield f"{noise.sampling}, {plural(noise.steps, 'step')} a round). Of these rounds a party took part in"


def _words_of_rows() -> Iterator[str]:
    yield "The costs follow from the job. That a party clipped, drew and added noise as it says is its word, and so is"
    yield "that a person has one row. How many rows a party has, and figures that it measured, are not hidden."


def _of_members(noise: ClientNoise) -> Iterator[str]:
    yield f"Whole parties are hidden by noise under masks: each clips its update to norm {noise.clip}, in grains of"
    yield f"{noise.grain}, and the least sum has Skellam noise of variance {noise.variance} in each value, which is"
    yield f"{noise.noise} clips. Of these rounds a party took part in"


def _words_of_members() -> Iterator[str]:
    yield "The costs follow from the job. That a party clipped its update, and added the noise that follows from its"
    yield "keys, is its word; a party that opened an update showed both, and is not hidden in that round. Parties that"
    yield "work together know their own noise: less of it is left to hide the others."


def _takings(card: Card) -> Counter[int]:
    """In how many rounds up to the release's each party committed to an update, by index."""
    known, last = card.file.state.rounds, card.file.release.round
    return Counter(index for number in known if number <= last for index in known[number].commitments)


def _parties(card: Card) -> Iterator[str]:
    rows: dict[int, tuple[str, int, int]] = {}
    for round_ in card.rounds:
        for update in _admitted(round_):
            rounds = rows[update.index][1] if update.index in rows else 0
            rows[update.index] = (update.party, rounds + 1, update.weight)
    yield from table(
        ("party", "key", "rounds", "samples"),
        (
            (plain(card.name(index)), f"`{key}`", str(rounds), f"{weight:,}")
            for index, (key, rounds, weight) in sorted(rows.items())
        ),
    )


def _rounds(card: Card) -> Iterator[str]:
    rounds = card.rounds
    figures = _figures(card.report) if card.report else {}
    names = sorted({name for metrics in figures.values() for name in metrics})
    if len(rounds) > SHOWN_ROUNDS:
        yield f"The last {SHOWN_ROUNDS} of {len(rounds)}:"
        yield ""
    yield from table(
        ("round", "updates admitted", "attested by", *names),
        (
            (
                str(round_.number),
                f"{len(_admitted(round_))} of {len(round_.updates)}",
                f"{1 + len(card.attesters(round_.final)) if round_.final else 0} of {round_.members}",
                *(figures.get(round_.number, {}).get(name, "") for name in names),
            )
            for round_ in rounds[-SHOWN_ROUNDS:]
        ),
    )


def _figures(report: Evaluation) -> Mapping[int, Metrics]:
    """What was measured of the model and of earlier ones, by round."""
    return {each.round: each.metrics for each in report.rounds} | {report.round: report.mean}


def _scores(card: Card) -> Iterator[str]:
    """The medians that the release names; any other scores of the round are not part of it."""
    release = card.file.release
    scoring = card.file.state.scorings.get(release.round)
    if not any(release.scores):
        yield "Released without contribution scores."
        return
    yield f"What each update contributed to the round, as the scorers settled it; root `{release.scores.hex()}`:"
    yield ""
    medians = scoring.medians if scoring and scoring.root == release.scores and scoring.medians else ()
    parties = [plain(card.name(update.index)) for update in _admitted(card.rounds[-1])]
    yield from table(("party", "score"), ((party, str(score)) for party, score in zip(parties, medians, strict=False)))


def _metrics(card: Card) -> Iterator[str]:
    report = card.report
    if report is None:
        yield "Released without an evaluation report."
        return
    yield "What each party measured on rows of its own, and vouches for:"
    yield ""
    names = sorted({name for party in report.parties for name in party.metrics})
    rows = [_measured(plain(one.party), ROWS[one.rows], one.samples, one.metrics, names) for one in report.parties]
    if len(rows) > 1:
        rows.append(_measured("mean over samples", report.rows, report.samples, report.mean, names))
    yield from table(("party", "rows", "samples", *names), rows)
    yield from _personal(report)
    if any(party.rows == "trained_on" for party in report.parties):
        yield ""
        yield "Figures of rows that were trained on are not an evaluation: they say how well the model fits these rows."
    yield from _pooled(report)
    yield from _held_out(report)
    yield ""
    yield f"The report's SHA-256 is `{report.digest.hex()}`."


def _personal(report: Evaluation) -> Iterator[str]:
    """What parties measured of models that are theirs alone, apart from the released one's figures."""
    found = [(party, one) for party in report.parties for one in party.personal]
    if not found:
        return
    yield ""
    yield "Not of this model: figures of personal models, on the same rows. Nobody but their party has these models,"
    yield "and nothing on the ledger says anything of them:"
    yield ""
    names = sorted({name for _, one in found for name in one.metrics})
    cells = ((party.party, one.kind, [one.metrics.get(name, "") for name in names]) for party, one in found)
    yield from table(
        ("party", "personal model", *names), ((plain(party), KINDS[kind], *values) for party, kind, values in cells)
    )


def _pooled(report: Evaluation) -> Iterator[str]:
    """What follows from the counts of all parties together."""
    pooled = report.pooled
    if pooled:
        yield ""
        yield f"All {report.samples:,} rows together ({report.rows}), from the parties' counts; anyone can add them up:"
        yield ""
        yield from table(("figure", "value"), sorted(pooled.items()))


def _held_out(report: Evaluation) -> Iterator[str]:
    """What parties committed to before the rounds that they name."""
    shown = [(party.party, party.held_out) for party in report.parties if party.held_out is not None]
    if not shown:
        return
    yield ""
    yield "What the parties say that their updates bind; anyone can hold it against the headers of the updates:"
    yield ""
    yield from table(
        ("party", "update of round", "rows trained on", "rows held out", "salted root"),
        (
            (
                plain(party),
                str(one.round),
                f"{one.opening.trained:,}",
                f"{one.opening.held_out:,}",
                f"`{one.opening.opening.root.hex()}`",
            )
            for party, one in shown
        ),
    )


def _lineage(card: Card) -> Iterator[str]:
    job, model, rounds = card.file.job, card.model, card.rounds
    backbone = [("backbone", f"SHA-256 `{peft.backbone_of(job.task.settings)}`")] if peft.lora_of(job) else []
    refuted = plural(sum(round_.attempt - 1 for round_ in rounds), "refuted attempt")
    yield from table(
        ("what", "which"),
        (
            ("model", f"round {model.round}, CID `{model.cid}`, tensor root `{model.root}`"),
            ("aggregator", f"{plain(model.aggregator)}, attempt {model.attempt}"),
            (
                "built on",
                f"{plural(len(rounds) - 1, 'finalised round')}; {refuted} on the way",
            ),
            ("initial model", f"CID `{job.initial_model.cid}`, tensor root `{job.initial_model.root}`"),
            *backbone,
            ("job's document", f"SHA-256 `{card.file.state.digest.hex()}`"),
            ("task's code", f"SHA-256 `{job.task.code}`"),
            ("earlier versions", ", ".join(card.earlier) or "none"),
        ),
    )


def _verdict(card: Card) -> Iterator[str]:
    release, model, vote = card.file.release, card.model, card.proposal
    yield f"{plain(quoted(model.aggregator))} made the model of the updates. The same bytes were recomputed and"
    final = card.rounds[-1].final
    attested = [card.name(one.index) for one in card.attesters(final)] if final else []
    yield f"attested by {plain(listed(attested)) or 'nobody else'}."
    if vote is not None:
        said = {choice: vote.count(choice) for choice in Choice}
        yield f"Proposal {vote.number}: {said[Choice.FOR]} for, {said[Choice.AGAINST]} against, {said[Choice.ABSTAIN]}"
        yield f"abstaining, of {plural(vote.members, 'member')}."
    yield ""
    yield "What an audit answers needs nobody's word. Anyone with the network file can make the audit again:"
    yield ""
    where = f"--job {release.job} --round {release.round}"
    yield from fenced("sh", f"fedledger audit --network network.toml {where}")


def _verify(card: Card) -> Iterator[str]:
    file = card.file
    made = ", ".join(f"`{name}`" for name in (file.file_name, *file.beside))
    them = "them" if file.beside else "both"
    yield f"{made} and this card follow from the ledger and the content it names. This makes {them} again and compares;"
    yield "it also says whether the members have revoked the release since:"
    yield ""
    yield from fenced("sh", "fedledger release verify . --network network.toml")
    yield ""
    yield from table(
        ("what", "which"),
        (
            ("chain", str(file.place.chain)),
            ("RoundLedger", f"`{file.place.contract}`"),
            ("ReleaseBoard", f"`{file.board}`"),
            ("release", f"`{file.release.id.hex()}`"),
        ),
    )


_SECTIONS: dict[str, Callable[[Card], Iterator[str]]] = {
    "Use": lambda card: use(card.file),
    "Permitted use": lambda card: permitted(card.file.job.permitted_use),
    "Data": _data,
    "Preparation": lambda card: prepared(card.file.job.preparation),
    "Parties": _parties,
    "Rounds": _rounds,
    "Scores": _scores,
    "Metrics": _metrics,
    "Lineage": _lineage,
    "Verdict": _verdict,
    "Verify": _verify,
    "Licence": lambda card: licence(card.report.license if card.report else "", card.file.job.permitted_use),
}


def _admitted(round_: Round) -> list[Update]:
    verdicts = round_.final.verdicts if round_.final else b""
    pairs = zip(round_.sorted_updates(), verdicts, strict=False)
    return [update for update, verdict in pairs if verdict == Verdict.ADMITTED]


def _measured(party: str, rows: str, samples: int, metrics: Metrics, names: Sequence[str]) -> tuple[str, ...]:
    return (party, rows, f"{samples:,}", *(metrics.get(name, "") for name in names))
