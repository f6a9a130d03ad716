"""What a trainer says that it made is checked before any of it is stored."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.consortia.synthetic import Trial

from ledger.errors import Malformed
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256
from ledger.formats.unixfs import cid_of
from ledger.store.embedded import Embedded
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

    def put(pieces: Iterable[Any], pin: str, *, expected: Cid) -> None:
        assert cid_of(pieces)[0] == expected
        stored.append(pin)

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


def test_a_file_that_changes_after_it_was_checked_is_not_kept(document: bytes, tmp_path: Path) -> None:
    class Changing(Errand):
        def file(self, number: int) -> Iterator[bytes]:
            reads.append(number)
            yield document if len(reads) < 3 else b"{}"

    reads: list[int] = []
    changing, right = Changing(document), StoredFile(creation.job_pin(sha256(document)), str(cid_of([document])[0]))
    with closing(Embedded(tmp_path / "store", create=True)) as store:
        with pytest.raises(Malformed, match="not the file that was named"):
            creation._stored(changing, Created((right,), ()), store.put)  # type: ignore[arg-type]
        assert store.pins() == {}
        assert store.pack_paths() == []
