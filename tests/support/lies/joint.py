"""What a liar must change together so that it fits: whole histories after one change, with all that follows from it.

`followed` makes claims, bases, final roots, scores and heads. What nobody can make is signatures.
"""

from random import Random

from support.lies.base import honest
from support.lies.classes import Tell
from support.lies.joint_others import (
    admission_with_later_acts,
    decision_with_effect,
    founders_key,
    gateway_moved,
    job_with_document,
    recovery_with_approvals,
    release_with_root,
    reveal_hidden,
    reveal_with_commitment,
    revocation_hidden,
    rotation_with_later_acts,
    rules_with_effect,
    seed_of_a_scoring,
    terms_of_the_job,
    vote_hidden,
    vote_turned,
)
from support.lies.joint_rounds import (
    Change,
    anchor_of_an_aggregate,
    attempt_hidden,
    attempt_invented,
    attestation_hidden,
    attestation_invented,
    block_of_an_aggregate,
    cid_of_an_aggregate,
    head_of_an_aggregate,
    length_of_verdicts,
    model_refuted,
    opener_moved,
    receipts_and_verdicts,
    root_of_an_aggregate,
    update_hidden,
    update_under_another_name,
    verdicts_of_an_aggregate,
    weight_of_an_update,
)
from support.lies.served import serve
from support.lies.structure import followed
from support.lies.told import Told


def _joint(change: Change) -> dict[str, Tell]:
    """A change of the whole history, in the log alone and in all that follows from it, heads too."""
    name = change.__name__.strip("_").replace("_", " ")

    def in_the_log(random: Random) -> Told:
        truth = serve(honest())
        return Told(truth, truth.with_events(change(random, truth.events)))

    def throughout(random: Random) -> Told:
        truth = serve(honest())
        return Told(truth, followed(truth, list(change(random, truth.events)), heads=False))

    def with_heads(random: Random) -> Told:
        truth = serve(honest())
        return Told(truth, followed(truth, list(change(random, truth.events))))

    told = {name: in_the_log, f"{name}, words forged": throughout}
    return told if change is head_of_an_aggregate else told | {f"{name}, heads forged": with_heads}


JOINT: tuple[Change, ...] = (
    weight_of_an_update,
    update_hidden,
    update_under_another_name,
    cid_of_an_aggregate,
    root_of_an_aggregate,
    verdicts_of_an_aggregate,
    receipts_and_verdicts,
    length_of_verdicts,
    anchor_of_an_aggregate,
    head_of_an_aggregate,
    block_of_an_aggregate,
    attempt_invented,
    attempt_hidden,
    attestation_invented,
    attestation_hidden,
    opener_moved,
    model_refuted,
    rotation_with_later_acts,
    recovery_with_approvals,
    admission_with_later_acts,
    founders_key,
    job_with_document,
    terms_of_the_job,
    decision_with_effect,
    rules_with_effect,
    vote_hidden,
    vote_turned,
    release_with_root,
    revocation_hidden,
    reveal_with_commitment,
    seed_of_a_scoring,
    reveal_hidden,
    gateway_moved,
)


CHANGES: dict[str, Tell] = {name: tell for change in JOINT for name, tell in _joint(change).items()}
