"""Another party's profile is checked whole before anything of it is used."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.shared import numbers, profile, values

from ledger.errors import Malformed
from ledger.profiles.files import named_after, read_profile
from ledger.profiles.shared import MAX_SIZE, encode, parse

GOOD = profile("Clinic A", [numbers("age", 20, 80, apart="0"), values("sex", {"F": 40, "M": 60})])
Edit = Callable[[dict[str, Any]], object]


def written(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def test_what_is_written_is_read_again() -> None:
    assert parse(encode(GOOD)) == GOOD
    assert written(json.loads(encode(GOOD))) == encode(GOOD)


def test_the_specification_s_example_is_one() -> None:
    page = (Path(__file__).parents[3] / "docs" / "spec" / "shared-profile.md").read_text()
    found = parse(written(json.loads(page.split("```json\n")[1].split("```")[0])))
    assert [column.name for column in found.columns] == ["age", "stage", "ill"]


AGE, SEX = 0, 1
LIES: dict[str, Edit] = {
    "another format": lambda said: said.update(format="fedledger/profile/1"),
    "a field that there is not": lambda said: said.update(mean=3),
    "a name with a control sign": lambda said: said.update(name="Clinic\u202eA"),
    "a floor of one": lambda said: said.update(floor=1),
    "rows that are no multiple": lambda said: said.update(rows=103),
    "fewer rows than the floor": lambda said: said.update(rows=0),
    "rows beyond any table": lambda said: said.update(rows=10**18),
    "noise of nothing": lambda said: said.update(noise="0"),
    "noise that is a word": lambda said: said.update(noise="much"),
    "no columns": lambda said: said.update(columns=[]),
    "a label that is no column": lambda said: said.update(label="dead"),
    "a column twice": lambda said: said["columns"].append(said["columns"][SEX]),
    "a column without a name": lambda said: said["columns"][AGE].update(name=""),
    "a kind that there is not": lambda said: said["columns"][AGE].update(kind="picture"),
    "a count that is exact": lambda said: said["columns"][AGE]["bins"][0].update(count=47),
    "a count below the floor": lambda said: said["columns"][SEX]["values"][0].update(count=0),
    "a negative count": lambda said: said["columns"][SEX]["values"][0].update(count=-10),
    "missing below nothing": lambda said: said["columns"][SEX].update(missing=-10),
    "a value twice": lambda said: said["columns"][SEX]["values"].append({"count": 10, "value": "F"}),
    "a value with a newline": lambda said: said["columns"][SEX]["values"][0].update(value="F\n[admission]"),
    "bins of a category": lambda said: said["columns"][SEX].update(bins=said["columns"][AGE]["bins"]),
    "values and bins": lambda said: said["columns"][AGE].update(values=[{"count": 10, "value": "3"}]),
    "bins with a gap": lambda said: said["columns"][AGE]["bins"][1].update(low="60"),
    "bins that go down": lambda said: said["columns"][AGE]["bins"].reverse(),
    "an end with an exponent": lambda said: said["columns"][AGE]["bins"][0].update(low="1e1"),
    "an end that is no number": lambda said: said["columns"][AGE]["bins"][0].update(low="nan"),
    "an end of a hundred digits": lambda said: said["columns"][AGE]["bins"][0].update(low="-" + "9" * 100),
    "an empty unit": lambda said: said["columns"][AGE].update(unit=""),
    "a unit that is a page": lambda said: said["columns"][AGE].update(unit="x" * 201),
    "a date with values": lambda said: said["columns"][SEX].update(kind="date"),
    "a float": lambda said: said.update(rows=100.0),
    "too many values": lambda said: said["columns"][SEX].update(
        values=[{"count": 10, "value": f"w{number}"} for number in range(51)]
    ),
    "too many columns": lambda said: said.update(
        columns=[{"kind": "text", "missing": 0, "name": f"c{number}"} for number in range(4097)], label=""
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_what_no_honest_party_writes_is_refused(name: str) -> None:
    said = json.loads(encode(GOOD))
    LIES[name](said)
    with pytest.raises(Malformed):
        parse(written(said))


def test_other_bytes_of_the_same_document_are_refused() -> None:
    data = encode(GOOD)
    for other in (data + b"\n", data.replace(b'":', b'": '), b"\xef\xbb\xbf" + data, b"[" * 10_000, b"", b"null"):
        with pytest.raises(Malformed):
            parse(other)
    with pytest.raises(Malformed, match="too large"):
        parse(b" " * (MAX_SIZE + 1))


@given(st.integers(0, len(encode(GOOD)) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read_as_what_it_says(at: int, byte: int) -> None:
    data = bytearray(encode(GOOD))
    data[at] = byte
    try:
        found = parse(bytes(data))
    except Malformed:
        return
    assert encode(found) == bytes(data)


def test_a_file_is_read_as_another_s(tmp_path: Any) -> None:
    path = tmp_path / "north.shared.json"
    path.write_bytes(encode(profile("", [numbers("age", 20, 80)])))
    assert named_after(path, read_profile(path)).name == "north"
    link = tmp_path / "link.json"
    link.symlink_to(path)
    with pytest.raises(Malformed, match="link"):
        read_profile(link)
    path.write_bytes(b"{}")
    with pytest.raises(Malformed) as refused:
        read_profile(path)
    assert refused.value.facts["file"] == str(path)
    assert "data share" in refused.value.advice
