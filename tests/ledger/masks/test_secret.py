"""A secret is shown by `reveal` alone."""

import copy
import json
import logging
import pickle
import traceback

import msgspec
import pytest
from support.masked import Members

from ledger.errors import Malformed, shown
from ledger.masks.secret import Secret

DATA = bytes(range(1, 33))
SECRET = Secret(DATA)


def test_no_text_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("x").warning("%s %r", SECRET, [SECRET])
    try:
        raise Malformed("a message", secret=SECRET)
    except Malformed as error:
        told = [str(error), traceback.format_exc()]
    for text in [str(SECRET), repr(SECRET), f"{SECRET}", f"{SECRET!r:>40}", shown(SECRET), caplog.text, *told]:
        assert "hidden" in text
        assert DATA.hex() not in text
        assert repr(DATA)[2:-1] not in text


def test_what_holds_secrets_does_not_show_them_either() -> None:
    members = Members(range(3))
    one = members.at(0)
    for thing in (one, members.cast().signed_seeds(0, one.key), members.setups[0]):
        assert one.key.reveal().hex() not in repr(thing)
        assert repr(one.key.reveal()) not in repr(thing)


def test_it_is_not_copied_into_files() -> None:
    for dump in (pickle.dumps, copy.deepcopy, json.dumps, msgspec.json.encode):
        with pytest.raises(TypeError):
            dump(SECRET)


def test_equal_secrets_are_equal() -> None:
    assert Secret(DATA) == SECRET
    assert len({SECRET, Secret(DATA), Secret(bytes(32))}) == 2
    assert SECRET != DATA


@pytest.mark.parametrize("size", [0, 31, 33])
def test_it_has_32_bytes(size: int) -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        Secret(bytes(size))
