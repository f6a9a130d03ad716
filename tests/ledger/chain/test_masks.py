"""Random walks of masked rounds on a real chain: what the fold makes of the log is what the contract keeps."""

import contextlib
import random
from collections import Counter

import msgspec
import pytest
from support.consortia.statements import MODEL_TERMS, RoundOnChain

from ledger.chain.proofs.storage import proved
from ledger.errors import Rejected
from ledger.events.masks import Masking
from ledger.formats.claims import pack_openings
from ledger.formats.digest import checksum_address
from ledger.history.fold import History
from ledger.history.foundation import foundation_of
from ledger.history.phases import present
from ledger.history.state import Phase
from ledger.history.state.masking import bitmap_of, members_in

STEPS, MEMBERS = 200, 5
TERMS = Masking(2, 3, 0, set_up_seconds=20, set_seconds=25, unmask_seconds=15, share_seconds=10)
JOB = (6, 60, 30, 90, 60, 2, 0, 0, 0, 0)
CAST = ("set_up", "propose_cast", "agree_cast")
SET = ("propose_set", "agree_set", "unmask", "give", "show")
ANY = ("key", "open_segment", "open_round", "commit", "open_updates", "wait", "end", "leave", *CAST, *SET)
SHARE, WORD = b"\x05" * 32, b"\x06" * 32


class Walk:
    """A masked job of members with short times; each step is one that somebody tries, whether or not it is allowed."""

    def __init__(self, consortium, seed):
        self.consortium, self.random, self.client = consortium, random.Random(seed), consortium.client
        self.said, self.taken = RoundOnChain(consortium, 1), Counter()
        consortium.send(0, "ledger", "proposeJob", WORD, JOB, MODEL_TERMS)
        consortium.send(0, "masks", "configure", 1, msgspec.structs.astuple(TERMS))
        for index in (1, 2):
            consortium.send(index, "ledger", "approveJob", 1, WORD)
        self.history, self.read = History(foundation_of(consortium.network)), consortium.network.founding.block

    @property
    def masks(self):
        last = self.client.latest().number
        for logs in self.client.read(self.read, last):
            for event in logs.events:
                self.history.apply(event)
        self.read = last + 1
        return self.history.masks[1]

    @property
    def phase(self):
        round_ = self.history.jobs[1].current
        if round_ is None:
            return None
        return present(round_, self.history.jobs[1].terms, self.client.latest().time).phase

    def likely(self):
        """What would bring the job on."""
        masks, phase = self.masks, self.phase
        latest = masks.segments.get(masks.latest)
        if len({one.index for one in self.history.mask_keys}) < MEMBERS - 1:
            return ("key",)
        if latest is not None and latest.cast is None:
            lapsing = (*["agree_cast"] * 6, "wait", "propose_cast", "open_segment")
            return lapsing if latest.proposals else ("set_up", "set_up", "wait", "propose_cast")
        if phase is None or phase.terminal:
            wanted = masks.number_of(self.said.number + 1)
            return ("open_round", "show") if wanted in masks.segments else ("open_segment",)
        if phase is Phase.COLLECTING:
            return ("commit", "commit", "commit", "wait")  # a member that took another key commits no more
        if phase is Phase.OPENING:
            return ("open_updates", "open_updates", "wait")
        return self.likely_in(masks.rounds.get(self.said.number))

    @staticmethod
    def likely_in(masks):
        if masks is None:
            return ("propose_set", "propose_set", "propose_set", "end")
        if masks.set is None:
            return (*["agree_set"] * 6, "wait", "propose_set", "end")
        return ("unmask", "unmask", "unmask", "give", "end", "show")

    def step(self):
        """One more; a call that the contract refuses changes nothing."""
        chosen = self.random.choice(self.likely() if self.random.random() < 0.8 else ANY)
        with contextlib.suppress(Rejected):
            getattr(self, chosen)(self.random.randrange(MEMBERS))
            self.taken[chosen] += 1

    def send(self, member, function, *arguments):
        self.consortium.send(member, "masks", function, 1, *arguments)

    def key(self, member):
        self.consortium.send(member, "masks", "registerKey", self.random.randbytes(32))

    def leave(self, member):
        """A member takes another key: the old one speaks only where it has spoken."""
        if self.taken["leave"] == 0 and self.masks.rounds:
            address = checksum_address(self.random.randbytes(20))
            self.consortium.send(member, "consortium", "rotateKey", address)

    def segment(self):
        return self.masks.latest if self.random.random() < 0.9 else self.random.randrange(4)

    def some(self, members):
        """These members, or all but one."""
        everyone = sorted(members)
        return bitmap_of(everyone if self.random.random() < 0.6 else everyone[self.random.randrange(2) :])

    def open_segment(self, member):
        masks = self.masks
        self.send(member, "openSegment", masks.number_of(max(self.said.number, 1)) + self.random.randrange(2))

    def set_up(self, member):
        latest = self.masks.segments.get(self.masks.latest)
        deadline = latest.deadline if latest and self.random.random() < 0.8 else 1 << 39
        self.send(member, "setUp", self.segment(), deadline, self.random.randbytes(32))

    def propose_cast(self, member):
        latest = self.masks.segments.get(self.masks.latest)
        self.consortium.pass_time(self.random.choice((0, 21)))
        self.send(member, "proposeCast", self.segment(), self.some(latest.roster if latest else range(MEMBERS)))

    def agree_cast(self, member):
        latest = self.masks.segments.get(self.masks.latest)
        cast = latest.proposals[-1].members if latest and latest.proposals else range(3)
        self.send(member, "agreeCast", self.segment(), bitmap_of(cast))

    def open_round(self, member):
        self.said.open(member)

    def commit(self, member):
        opening, current = list(self.said.openings), self.history.jobs[1].current
        missing = [one for one in range(MEMBERS) if current is None or one not in current.commitments]
        member = self.random.choice(missing or [member])
        try:
            self.said.commit(member, weight=1 + member)
        except Rejected:
            self.said.openings = opening
            raise

    def open_updates(self, member):
        chosen = [one for one in self.said.openings if self.random.random() < 0.9]
        self.consortium.send(member, "ledger", "openUpdates", 1, self.said.number, pack_openings(chosen))

    def propose_set(self, member):
        masks, current = self.masks, self.history.jobs[1].current
        opened = masks.cast_of(current.number) & current.updates.keys() if current else range(3)
        opener = current.opener_index if current and self.random.random() < 0.7 else member
        self.send(opener, "proposeSet", self.said.number, self.some(opened), WORD)

    def agree_set(self, member):
        masks = self.masks.rounds.get(self.said.number)
        self.send(member, "agreeSet", self.said.number, bitmap_of(masks.proposals[-1].members if masks else range(3)))

    def shares(self, dealers):
        chosen = [one for one in sorted(dealers) if self.random.random() < 0.8]
        return b"".join(bytes([one]) + SHARE for one in chosen)

    def unmask(self, member):
        masks, number = self.masks, self.said.number
        set_ = masks.rounds[number].set if number in masks.rounds else None
        dropped = masks.cast_of(number) - (set_ or frozenset()) if number else range(3)
        self.send(member, "unmask", number, WORD, self.shares(dropped))

    def give(self, member):
        masks, number = self.masks, self.said.number
        self.consortium.pass_time(self.random.choice((0, 16)))
        answered = masks.rounds[number].answers.keys() if number in masks.rounds else frozenset()
        missing = masks.cast_of(number) - answered if number else frozenset()
        self.send(member, "giveShares", number, self.shares(missing))

    def show(self, member):
        self.send(member, "open", self.said.number, WORD)

    def wait(self, _member):
        self.consortium.pass_time(self.random.choice((3, 10, 26)))

    def end(self, member):
        self.consortium.pass_time(self.random.choice((0, 0, 100)))
        self.consortium.send(member, "ledger", "advance", 1, self.said.number)

    def compare(self):
        """The contract's words, one by one."""
        masks, view = self.masks, self.client.view
        assert self.client.masking(1) == masks.terms == TERMS
        assert view("masks", "keyed") == [bitmap_of(one.index for one in self.history.mask_keys)]
        for number in range(1, 4):
            known = masks.segments.get(number)
            assert self.client.cast(1, number) == bitmap_of((known.cast if known else None) or ())
        (number, epoch, deadline, majority, *rest), roster, cast, agreed = view("masks", "segmentOf", 1)
        latest = masks.segments.get(masks.latest)
        if latest is None:
            assert (number, roster, cast, agreed) == (0, 0, 0, 0)
            return
        assert (number, epoch, majority) == (latest.number, latest.epoch, latest.majority)
        assert members_in(roster) == latest.roster
        assert latest.cast is not None or deadline == latest.quiet_until
        self.compare_agreement(latest.proposals, latest.cast, cast, agreed, rest)

    def compare_set(self):
        masks = self.masks
        (number, epoch, deadline, majority, *rest), set_, agreed, silent = self.client.view("masks", "setOf", 1)
        latest = next(reversed(masks.rounds.values()), None)
        if latest is None:
            assert number == 0
            return
        assert (number, epoch, majority) == (latest.round, latest.epoch, latest.majority)
        assert deadline == (latest.proposals[-1].deadline if latest.set is None else latest.unmask_deadline)
        assert members_in(silent) == latest.silent
        self.compare_agreement(latest.proposals, latest.set, set_, agreed, rest)

    @staticmethod
    def compare_agreement(proposals, fixed, members, agreed, rest):
        proposer = proposals[-1].proposer if proposals else 0
        assert rest == [proposer, len(proposals), fixed is not None]
        assert members_in(members) == (proposals[-1].members if proposals else frozenset())
        if fixed is None:
            assert members_in(agreed) == (proposals[-1].agreeing.keys() if proposals else frozenset())
        else:
            assert (agreed, fixed) == (0, proposals[-1].members)


@pytest.mark.parametrize("seed", range(4))
def test_the_fold_is_as_the_contract_call_by_call(found, seed):
    walk = Walk(found(MEMBERS), seed)
    for _ in range(STEPS):
        walk.step()
        walk.compare()
        walk.compare_set()
    assert walk.taken.total() > STEPS // 5
    masks = walk.masks
    assert any(one.cast for one in masks.segments.values())
    assert any(one.answers for one in masks.rounds.values()), walk.taken


def test_every_call_is_made_and_every_refusal_is_in_words(consortium):
    """A round of four members, of whom the last one brings nothing and the third is silent; then it is opened."""
    send, client = consortium.send, consortium.client
    digest, said = b"\x11" * 32, RoundOnChain(consortium, 1)
    send(0, "ledger", "proposeJob", digest, (3, 600, 600, 2_000, 600, 2, 0, 0, 0, 0), MODEL_TERMS)
    assert client.masking(1) is None
    with pytest.raises(Rejected, match="only its proposer makes a job masked"):
        send(1, "masks", "configure", 1, msgspec.structs.astuple(TERMS))
    send(0, "masks", "configure", 1, msgspec.structs.astuple(TERMS))
    assert client.masking(1) == TERMS
    for index in (1, 2):
        send(index, "ledger", "approveJob", 1, digest)
    for index in range(4):
        send(index, "masks", "registerKey", bytes([index + 1]) * 32)
    send(0, "masks", "openSegment", 1, 1)
    for index in range(4):
        send(index, "masks", "setUp", 1, 1, client.view("masks", "segmentOf", 1)[0][2], digest)
    consortium.pass_time(21)
    send(1, "masks", "proposeCast", 1, 1, 15)
    for index in (2, 3):
        send(index, "masks", "agreeCast", 1, 1, 15)
    block = client.latest()
    read = lambda keeper: [keeper.cast(1, 1), keeper.cast(1, 2), keeper.cast(2, 1)]  # noqa: E731
    assert proved(client, block.number, block.hash, read) == read(client) == [15, 0, 0]
    said.open().commit(0, 1, 2).show()
    consortium.pass_time(601)
    send(0, "masks", "proposeSet", 1, 1, 7, WORD)
    for index in (2, 3):
        send(index, "masks", "agreeSet", 1, 1, 7)
    with pytest.raises(Rejected, match="this member is not in the round's set"):
        send(3, "masks", "unmask", 1, 1, WORD, b"")
    for index in (0, 1):
        send(index, "masks", "unmask", 1, 1, WORD, b"\x03" + SHARE)
    consortium.pass_time(16)
    send(3, "masks", "giveShares", 1, 1, b"\x02" + SHARE)
    with pytest.raises(Rejected, match="this member gave its shares of the round already"):
        send(3, "masks", "giveShares", 1, 1, b"\x02" + SHARE)
    consortium.pass_time(4_000)
    send(0, "ledger", "advance", 1, 1)
    send(1, "masks", "open", 1, 1, WORD)
    first, last = consortium.network.founding.block, client.latest().number
    history = History(
        foundation_of(consortium.network), (event for logs in client.read(first, last) for event in logs.events)
    )
    found = history.masks[1].rounds[1]
    assert (found.set, found.answers.keys(), found.silent) == ({0, 1, 2}, {0, 1}, {2})
    assert (found.answers[0].shares, found.given[3].shares) == ({3: SHARE}, {2: SHARE})
    assert found.shown[1].key == WORD


def test_a_late_set_up_is_refused_and_one_for_no_opening_says_nothing(consortium):
    send, client = consortium.send, consortium.client
    send(0, "ledger", "proposeJob", WORD, JOB, MODEL_TERMS)
    send(0, "masks", "configure", 1, msgspec.structs.astuple(TERMS))
    for index in range(3):
        send(index, "masks", "registerKey", bytes([index + 1]) * 32)
    send(0, "masks", "setUp", 1, 1, 1 << 39, WORD)
    send(0, "masks", "openSegment", 1, 1)
    deadline = client.view("masks", "segmentOf", 1)[0][2]
    send(0, "masks", "setUp", 7, 1, deadline, WORD)
    send(1, "masks", "setUp", 1, 1, deadline + 1, WORD)
    send(2, "masks", "setUp", 1, 1, deadline, WORD)
    consortium.pass_time(TERMS.set_up_seconds + 1)
    with pytest.raises(Rejected, match="the deadline has passed") as caught:
        send(0, "masks", "setUp", 1, 1, deadline, WORD)
    assert caught.value.facts["error"] == "MaskBoard_DeadlinePassed"
    logs = client.read(consortium.network.founding.block, client.latest().number)
    history = History(foundation_of(consortium.network), (event for found in logs for event in found.events))
    assert history.masks[1].segments[1].setups.keys() == {2}


def test_a_set_that_is_fixed_after_its_round_ended_holds_no_reader_up(consortium):
    """The next set may come once members had their time to open the round, counted from its end: not from when its set
    was fixed, which the last of a majority may put off."""
    send, client, set_ = consortium.send, consortium.client, 15
    said = RoundOnChain(consortium, 1)

    def until(time):
        client.rpc.call("evm_setNextBlockTimestamp", time)

    send(0, "ledger", "proposeJob", WORD, (3, 600, 600, 100, 600, 2, 0, 0, 0, 0), MODEL_TERMS)
    send(0, "masks", "configure", 1, msgspec.structs.astuple(TERMS))
    for index in (1, 2):
        send(index, "ledger", "approveJob", 1, WORD)
    for index in range(4):
        send(index, "masks", "registerKey", bytes([index + 1]) * 32)
    send(0, "masks", "openSegment", 1, 1)
    for index in range(4):
        send(index, "masks", "setUp", 1, 1, client.view("masks", "segmentOf", 1)[0][2], WORD)
    send(1, "masks", "proposeCast", 1, 1, set_)
    for index in (2, 3):
        send(index, "masks", "agreeCast", 1, 1, set_)
    said.open().commit(0, 1, 2, 3).show()
    over = client.round(1).deadline
    until(over - 2)
    send(0, "masks", "proposeSet", 1, 1, set_, WORD)
    until(over + 1)
    send(0, "ledger", "advance", 1, 1)
    said.open(1).commit(0, 1, 2, 3).show()
    until(over + TERMS.set_seconds - 3)
    for index in (2, 3):
        send(index, "masks", "agreeSet", 1, 1, set_)
    assert client.latest().time > over + TERMS.unmask_seconds + 1
    send(1, "masks", "proposeSet", 1, 2, set_, WORD)
    logs = client.read(consortium.network.founding.block, client.latest().number)
    history = History(foundation_of(consortium.network), (event for found in logs for event in found.events))
    assert history.masks[1].rounds.keys() == {1, 2}
