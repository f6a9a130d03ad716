"""Released models as files, and what their pages say of them at a glance."""

from ledger.events.proposals import Release
from ledger.releases.card import Card
from ledger.releases.file import ModelFile
from ledger.releases.report import Evaluation
from ledger.rounds.facts import Place
from web.documents.about import About
from web.reading.counting import admitted
from web.reading.evaluations.evidence import evaluation_of
from web.reading.ledger import Reading


def model_file(now: Reading, release: Release) -> ModelFile:
    """The file of a release. Raises NotYet if ledger or job document have not been read."""
    state = now.job(release.job)
    document = now.require_document(state)
    contracts = now.network.contracts
    place = Place(now.network.chain.id, contracts.ledger.address)
    return ModelFile(place, contracts.releases.address, release, state, document)


def card_key(release: Release) -> bytes:
    """What a card is kept under: another model or report under the same name, after a reorganisation, has another."""
    return release.id + release.root + release.report


def about(now: Reading, file: ModelFile, digest: bytes | None) -> About:
    """A released model at a glance, with the SHA-256 of its file if that is known."""
    release, round_ = file.release, file.state.rounds[file.release.round]
    read, report = _report(now, release)
    updates = [round_.updates[index] for index in admitted(round_)]
    return About(
        size=file.size,
        sha256=digest.hex() if digest else None,
        license=(report.license if report else "") if read else None,
        samples=sum(update.weight for update in updates),
        parties=len(updates),
        hold_out=file.job.hold_out,
        card=Card.of(file, report, now.snapshot.decisions, now.network.name, now.name).text() if read else None,
    )


def _report(now: Reading, release: Release) -> tuple[bool, Evaluation | None]:
    """Whether it is known what report the release names, and that report."""
    found = evaluation_of(now, release.job, release.round, release.root, release.report)
    return found.status in {"none", "read"}, found.report
