"""What a trainer says that it made is checked before any of it is stored."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from support.consortia.synthetic import Trial

from ledger.errors import Malformed
from ledger.formats.cid import Cid
from ledger.formats.unixfs import cid_of
from participant.trainer import creation
from participant.trainer.messages import Created, StoredFile


class Errand:
    """Files as a trainer left them."""

    def __init__(self, *files: bytes) -> None:
        self._files = files

    def file(self, number: int) -> Iterator[bytes]:
        yield self._files[number]


@pytest.fixture
def document(found: Callable[..., Any]) -> bytes:
    with Trial(found(members=3), propose=False) as trial:
        return trial.job.encode()


def test_nothing_is_stored_where_one_file_is_not_what_the_job_says(document: bytes) -> None:
    stored: list[str] = []

    def put(pieces: Iterable[Any], pin: str) -> Cid:
        stored.append(pin)
        return cid_of(pieces)[0]

    pin, cid = creation.job_pin(creation.parse(document).digest), str(cid_of([document])[0])
    right, foreign = StoredFile(pin, cid), StoredFile("model/1/1", cid)
    errand: Any = Errand(document, document, document)
    with pytest.raises(Malformed, match="not what the job says"):
        creation._stored(errand, Created((right, foreign, right), ()), put)
    assert stored == []
    errand = Errand(b"{}", document)
    with pytest.raises(Malformed, match="not what the job says"):
        creation._stored(errand, Created((right, right), ()), put)
    assert stored == []
    creation._stored(Errand(document), Created((right,), ()), put)  # type: ignore[arg-type]
    assert stored == [pin]
