"""Lies, each in a world of its own: what `tests/ledger/audit` must refute by name."""

from typing import Any

import msgspec
import numpy as np
from support.kept import Kept
from support.worlds.masked_job import MASKED, THREE
from support.worlds.noise import noise_of
from support.worlds.world import LIMITS, TERMS, World, altered, artifact

from ledger.events.budgets import Spending
from ledger.events.masks import Masking
from ledger.events.rounds import Form
from ledger.formats.artifact import Tensor
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256
from ledger.formats.merkle import root_of
from ledger.jobs.noise import ExampleNoise
from ledger.jobs.privacy import OPEN, Privacy
from ledger.rounds.facts import base_of, initial_binding, model_binding
from ledger.rounds.outcome import NOTHING, recompute
from ledger.rounds.receipts import certified, parse

BIG = (Tensor("layer.bias", (10,)), Tensor("layer.weight", (600, 1000)))


def begun(updates: int = 4, **options: Any) -> World:
    """A second round with updates of all members, opened by east, the first one honest and final."""
    world = World(**options).open_job().honest_round().open_round(1)
    for member in range(updates):
        world.submit(member)
    return world


def model_file(world: World, values: np.ndarray) -> tuple[bytes, Cid]:
    """A model stored for the current round, and its root."""
    base = base_of(world.state, world.job, world.round.number)
    binding = model_binding(world.place, 1, world.round.number, base.root)
    return root_of(values), world.files.put(artifact(world.layout, binding, values))


def honest_values(world: World) -> np.ndarray:
    world.outcome(keep=(made := Kept()))
    world.files.put(made.data)
    return np.frombuffer(made.data, "<i4", offset=world.layout.header_size)


def publish_altered(world: World, at: int) -> None:
    root, cid = model_file(world, altered(honest_values(world), at))
    world.publish(1, root=root, cid=cid.digest)


def oppose(world: World, member: int, receipts: bytes) -> None:
    """A member attests what recomputes under a receipts file of its own."""
    outcome = recompute(world.facts, world.files.fetch, certified(parse(receipts), world.facts.roll))
    claim = outcome.claim(world.standpoint(receipts, world.aggregate.as_of))
    world.say(member, Form.OTHER, claim, sha256(receipts))


def wrong_value() -> World:
    world = begun()
    publish_altered(world, 10 + 300)
    return world


def wrong_value_in_a_large_model() -> World:
    world = begun(tensors=BIG)
    publish_altered(world, 10 + 555_555)
    return world


def wrong_value_members_agree() -> World:
    world = wrong_value()
    world.attest(2, world.aggregate.claim)
    return world


def wrong_value_with_an_excuse() -> World:
    """The model is false, and an update has no certificate: a member that agrees still signed the false model."""
    world = begun()
    honest = honest_values(world)
    root, cid = model_file(world, altered(honest, 0))
    world.publish(1, without=[3], root=root, cid=cid.digest)
    world.attest(2, world.aggregate.claim)
    return world


def model_not_stored() -> World:
    world = begun()
    root, cid = model_file(world, altered(honest_values(world), 0))
    del world.files.files[cid]
    world.publish(1, root=root, cid=cid.digest)
    return world


def another_file() -> World:
    world = begun()
    honest_values(world)
    world.publish(1, cid=world.files.put(b"no model").digest)
    return world


def root_of_another_file() -> World:
    world = begun()
    _, cid = model_file(world, honest_values(world))
    world.publish(1, root=bytes([7]) * 32, cid=cid.digest)
    return world


def a_file_that_is_not_a_model() -> World:
    world = begun()
    world.publish(1, root=bytes([7]) * 32, cid=world.files.put(b"\x1b[2J" * 900).digest)
    return world


def a_model_of_another_round() -> World:
    world = begun()
    first = world.state.rounds[1].aggregates[0]
    world.publish(1, root=first.root, cid=first.cid)
    return world


def wrong_verdict() -> World:
    world = begun()
    world.publish(1, verdicts=bytes([0, 0, 7, 0]))
    return world


def unknown_verdict() -> World:
    world = begun()
    world.publish(1, verdicts=bytes([0, 0, 200, 0]))
    return world


def bad_update_admitted() -> World:
    world = begun(3)
    world.submit(3, weight=LIMITS.max_weight + 1)
    world.publish(1, verdicts=bytes(4))
    return world


def no_model_though_one_can_be_made() -> World:
    world = begun()
    world.publish(1, root=NOTHING, cid=NOTHING)
    return world


def a_model_though_none_can_be_made() -> World:
    world = begun(1)
    root, cid = model_file(world, world.initial)
    world.publish(1, root=root, cid=cid.digest)
    return world


def attests_against_the_truth() -> World:
    """South opposes a right aggregate, whose history north has signed, too."""
    world = begun()
    world.publish(1)
    world.attest(2, bytes([3]) * 32)
    world.attest(0)
    return world


def agrees_with_a_copied_witness() -> World:
    """South hands in what east showed, as its own."""
    world = begun()
    world.publish(1)
    world.attest(0)
    world.attest(2, world.aggregate.claim, world.aggregate.attestations[0].detail)
    return world


def agrees_without_computing() -> World:
    """South agrees, and has no witness."""
    world = begun()
    world.publish(1)
    world.attest(2, world.aggregate.claim, bytes([1]) * 32)
    return world


def uses_bytes_without_a_certificate() -> World:
    """East uses west's update, for which only east has signed."""
    world = begun()
    outcome = world.outcome()
    world.publish(1, outcome, without=[3])
    return world


def leaves_out_what_has_a_certificate() -> World:
    world = begun()
    world.publish(1, world.outcome([3]), verdicts=bytes([0, 0, 0, 9]))
    return world


def receipts_that_are_none() -> World:
    """The file that east names is not one of receipts: nothing has a certificate, and there can be no model."""
    world = begun()
    world.publish(1, receipts=world.files.put(b"no receipts").digest)
    return world


def head_of_another_history() -> World:
    """East names another head than that of the ledger's events; later ones are signed."""
    world = begun()
    world.publish(1, head=bytes([4]) * 32)
    for member in (2, 3):
        world.attest(member)
    world.publish(2)
    for member in (0, 3):
        world.attest(member)
    return world


def job_terms_differ() -> World:
    world = World()
    world.open_job(terms=msgspec.structs.replace(TERMS, attempts=9))
    return world.honest_round()


def job_model_differs() -> World:
    """The document says something else of the job's models than its proposer told the contract."""
    world = World()
    told = msgspec.structs.replace(world.job.model_terms, max_weight=7)
    world.approve(world.job.digest, world.job.terms, told)
    return world.honest_round()


def _masked(told: Masking | None, privacy: Privacy = MASKED) -> World:
    """A job whose proposer told the contract this of its masks."""
    world = World(privacy=privacy, limits=THREE)
    world.approve(world.job.digest, world.job.terms, world.job.model_terms, told)
    return world


def masks_differ() -> World:
    """The document says something else of the masks than its proposer told the contract."""
    return _masked(msgspec.structs.replace(MASKED.masking, smallest=200))


def masks_untold() -> World:
    """A majority opened a masked job that the contract knows no masks of."""
    return _masked(None)


def masks_not_asked_for() -> World:
    """The proposer told the contract of masks that its document does not ask for."""
    return _masked(MASKED.masking, OPEN)


def _noisy(told: Spending | None, noise: ExampleNoise | None) -> World:
    """A job whose proposer told the contract this of what its rounds cost."""
    world = World(dp=noise)
    world.approve(world.job.digest, world.job.terms, world.job.model_terms, None, told)
    return world


def costs_differ() -> World:
    """The document has a smaller budget than its proposer told the contract."""
    return _noisy(noise_of(9).spending, noise_of(3))


def costs_untold() -> World:
    """A majority opened a job with noise of whose costs the contract knows nothing."""
    return _noisy(None, noise_of(3))


def costs_not_asked_for() -> World:
    """The proposer told the contract of costs, and the document has no noise."""
    return _noisy(noise_of(3).spending, None)


def not_a_job() -> World:
    world = World()
    digest = world.files.put(b'{"fedledger": "job/2"}').digest
    return world.open_job(digest=digest).honest_round()


def no_document_at_all() -> World:
    world = World()
    return world.open_job(digest=world.files.put(b"\x80\x04.").digest).honest_round()


def job_root_is_not_hexadecimal() -> World:
    world = World()
    data = world.job.encode().replace(world.job.initial_model.root.encode(), b"z" * 64)
    return world.open_job(digest=world.files.put(data).digest).honest_round()


def job_with_a_field_that_clears_the_screen() -> World:
    world = World()
    data = world.job.encode().replace(b'"version":"1"', '"version":"1","\x9b2J":1'.encode())
    return world.open_job(digest=world.files.put(data).digest).honest_round()


def initial(world: World, data: bytes, root: bytes | None = None) -> World:
    said = {"cid": str(world.files.put(data)), "root": (root or root_of(world.initial)).hex()}
    model = msgspec.structs.replace(world.job.initial_model, **said)
    world.job = msgspec.structs.replace(world.job, initial_model=model)
    world.files.put(world.job.encode())
    return world.open_job().open_round()


def initial_model_altered() -> World:
    world = World()
    return initial(world, artifact(world.layout, initial_binding(), altered(world.initial, 5)))


def initial_model_of_a_ledger() -> World:
    world = World()
    return initial(world, artifact(world.layout, model_binding(world.place, 1, 1, bytes(32)), world.initial))


def initial_model_truncated() -> World:
    world = World()
    return initial(world, artifact(world.layout, initial_binding(), world.initial)[:-2])
