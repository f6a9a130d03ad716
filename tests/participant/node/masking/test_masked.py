"""One vector under one pad: an update is masked once in a round, whatever happens to home, chain or data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.masked import Members, layout_of

from ledger.errors import UsageError
from ledger.formats import merkle
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.masks.noise import NoiseLaw
from ledger.masks.reveals import cast_of
from ledger.masks.setup import SetupFile, read_setup
from ledger.masks.sums import opening, unmasked
from participant.node.masking.home import MaskHome
from participant.node.masking.masked import OwnMasks

ME = 3
MEMBERS = Members([0, 1, ME, 6], rounds=2)
SEGMENT, ROUND, BASE = MEMBERS.segment, MEMBERS.segment.name(1), b"\x05" * 32
LAYOUT = layout_of(1000)
VALUES = np.arange(-500, 500, dtype="<i4") * 12345
BINDING = Binding(
    kind="masked",
    chain=SEGMENT.chain,
    contract=SEGMENT.ledger,
    job=1,
    round=2,
    party="0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    base=BASE,
    rows=10,
    data=b"\x06" * 32,
)
COMMITMENT, OTHER = b"\x01" * 28, b"\x02" * 28
Masking = Callable[..., OwnMasks]


@pytest.fixture
def home(tmp_path: Path) -> MaskHome:
    return MaskHome(tmp_path)


@pytest.fixture
def masking(home: MaskHome) -> Masking:
    """The masking of round 2 in this home as after a start, by a cast and on a base model."""
    own = read_setup(home.secrets.deal(SEGMENT, ME), SEGMENT, ME)

    def made(cast: tuple[int, ...] = (0, 1, ME, 6), base: bytes = BASE, law: NoiseLaw | None = None) -> OwnMasks:
        files: dict[int, SetupFile] = {member: MEMBERS.setups[member] for member in cast} | {ME: own}
        return OwnMasks(MaskHome(home.vault.folder.parent), files, ME, ROUND, base, law)

    return made


def test_the_file_is_the_update_under_the_masks_of_the_cast(home: MaskHome, masking: Masking) -> None:
    made = masking().mask(LAYOUT, BINDING, VALUES, 7)
    data = b"".join(bytes(piece) for piece in made.pieces)
    assert made.cid == cid_of([data])[0]
    assert made.root == merkle.root(LAYOUT.masked.leaf_hashes(iter([data]), BINDING))
    (secrets,) = home.secrets.of(SEGMENT, ME, 2)
    own = read_setup(home.secrets.deal(SEGMENT, ME), SEGMENT, ME)
    cast = cast_of({**MEMBERS.setups, ME: own}, 2)
    words = np.frombuffer(data[LAYOUT.masked.header_size :], "<u8").copy()
    assert (unmasked(words, opening(cast, ME, secrets.key, secrets.seed), 0) == 7 * VALUES.astype(np.int64)).all()


def test_a_restart_masks_to_the_same_bytes(masking: Masking) -> None:
    one, other = (masking().mask(LAYOUT, BINDING, VALUES, 7) for _ in range(2))
    assert (one.root, one.cid) == (other.root, other.cid)


def test_the_pad_is_used_by_the_first_update_alone(masking: Masking) -> None:
    assert masking().kept() is None
    assert masking().use_up(COMMITMENT) == COMMITMENT
    assert masking().kept() == COMMITMENT
    assert masking().use_up(OTHER) == COMMITMENT
    assert masking().kept() == COMMITMENT


def test_noise_is_under_the_masks_and_an_opening_takes_it_off(home: MaskHome, masking: Masking) -> None:
    law = NoiseLaw(512, 64, bytes(32))
    files = [masking(law=one).mask(LAYOUT, BINDING, VALUES, 1).pieces for one in (None, law)]
    words = [np.frombuffer(b"".join(map(bytes, one))[-8 * len(VALUES) :], "<u8") for one in files]
    (secrets,) = home.secrets.of(SEGMENT, ME, 2)
    noise = np.zeros(1000, np.uint64)
    law.of(ROUND, ME, secrets.key).apply(noise, 0)
    assert ((words[1] - words[0]) == noise).all()
    assert noise.any()
    own = read_setup(home.secrets.deal(SEGMENT, ME), SEGMENT, ME)
    pads = cast_of({**MEMBERS.setups, ME: own}, 2)
    found = unmasked(words[1].copy(), opening(pads, ME, secrets.key, secrets.seed, law), 0)
    assert (found == VALUES).all()


def test_no_second_update_for_another_beacon(masking: Masking) -> None:
    """On a fork the cast is fixed in another block, and other noise follows from it."""
    law = NoiseLaw(512, 64, bytes(32))
    masking(law=law).use_up(COMMITMENT)
    for other in (NoiseLaw(512, 64, bytes([1]) * 32), None):
        with pytest.raises(UsageError, match="another cast"):
            masking(law=other).kept()
    assert masking(law=law).kept() == COMMITMENT


def test_no_second_update_for_another_base_model(masking: Masking) -> None:
    masking().use_up(COMMITMENT)
    for act in (masking(base=b"\x07" * 32).kept, lambda: masking(base=b"\x07" * 32).use_up(OTHER)):
        with pytest.raises(UsageError, match="another base model") as caught:
            act()
        assert "sits the round out" in caught.value.advice
    assert masking().kept() == COMMITMENT


def test_no_second_update_for_another_cast(masking: Masking) -> None:
    masking().use_up(COMMITMENT)
    for act in (masking((0, 1, ME)).kept, lambda: masking((0, 1, ME)).use_up(OTHER)):
        with pytest.raises(UsageError, match="another cast"):
            act()


def test_secrets_of_another_set_up_file_mask_nothing(home: MaskHome, masking: Masking) -> None:
    """The ledger's set-up file is not what this home dealt: its self seed would be a false one."""
    del masking
    files = dict(MEMBERS.setups)
    with pytest.raises(UsageError, match="does not have the secrets of round 2"):
        OwnMasks(home, files, ME, ROUND, BASE).masks()
