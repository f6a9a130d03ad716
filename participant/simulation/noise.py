"""The noise of simulated members: as much as a job's members add, from the salts that follow from a simulation's seed.

It is known to everyone who knows that seed: it shows what noise costs in accuracy, and hides nothing.
"""

import numpy as np

from ledger.formats.digest import encode, sha256
from ledger.jobs.document import Job
from ledger.masks.noise import MemberNoise
from ledger.masks.secret import Secret
from ledger.rounds.masking.noise import law_of
from ledger.rounds.rules.arithmetic import Sums
from participant.integers.fixed_point import Stream
from participant.privacy.clipping import clipped


def within_clip(job: Job, update: Stream) -> Stream:
    """The update as its member would clip it; as it is where no noise hides members."""
    return update if job.member_noise is None else clipped(update, job.member_noise, job.admission)


def add_noise(job: Job, number: int, salt: bytes, sums: Sums) -> None:
    """Add the noise of a client in round `number`, by its salt, to the sums of updates, in place; nothing where members
    add none.
    """
    law = law_of(job, bytes(32))
    if law is not None:
        seed = Secret(sha256(encode(["simulated noise", salt.hex(), number])))
        MemberNoise(law.rate, law.grain, seed).apply(sums.view(np.uint64), 0)
