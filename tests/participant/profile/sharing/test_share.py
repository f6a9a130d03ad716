"""`fedledger data share`: what leaves the house, what stays, and what it asks before."""

import json
import stat
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("polars", reason='polars is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner, Result

from ledger.cli.main import fedledger
from ledger.errors import UsageError
from ledger.profiles.shared import SharedProfile, parse
from participant.profile.profile import ProfileRequest
from participant.profile.sharing.sharing import ShareRequest
from participant.profile.sharing.sharing import share as propose

pytestmark = pytest.mark.node


def table(rows: int = 120, *, seed: int = 1, extra: str = "", cell: str = "") -> str:
    """Patients: a number, an age, a ward of which one is rare, and whether ill."""
    random = Random(seed)
    lines = [f"patient_id,age,ward,dose,ill{extra}"]
    for row in range(rows):
        ward = "rare" if row < 3 else random.choice(["north", "south"])
        age = 107 if row == 5 else int(random.gauss(60, 12))
        ill = random.choice(["yes", "no"])
        lines.append(f"P{row:04},{age},{ward},{random.randrange(40) / 8},{ill}{cell}")
    return "\n".join(lines) + "\n"


def share(path: Path, *options: object, asked: str = "") -> tuple[Result, SharedProfile | None]:
    output = path.parent / "a.shared.json"
    words = ["data", "share", str(path), "--output", str(output), "--label", "ill", *map(str, options)]
    said = CliRunner().invoke(fedledger, words, input=asked)
    return said, parse(output.read_bytes()) if output.exists() else None


def put(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "patients.csv"
    path.write_text(text)
    return path


def test_it_shows_what_would_leave_and_asks(tmp_path: Path) -> None:
    path = put(tmp_path, table())
    said, profile = share(path, asked="n\n")
    assert isinstance(said.exception, UsageError)
    assert profile is None
    assert "was made: it says how" in said.output
    assert said.exception.message == "not confirmed: no profile was written", "the columns file was"
    assert said.output.index("this would leave the house") < said.output.index("Write this?")
    silent, profile = share(path)
    assert isinstance(silent.exception, UsageError)
    assert "--yes" in silent.exception.advice
    assert profile is None
    said, profile = share(path, "--name", "Clinic A", asked="y\n")
    assert said.exit_code == 0, said.output
    assert profile is not None
    assert (profile.name, profile.rows, profile.label) == ("Clinic A", 120, "ill")
    assert "Next: fedledger job draft --profiles" in said.output
    assert (tmp_path / "patients.csv.columns.toml").exists()


def test_what_comes_next_names_a_column_where_the_profile_names_none(tmp_path: Path) -> None:
    path = put(tmp_path, table())
    words = ["data", "share", str(path), "--yes", "--output", str(tmp_path / "b.json")]
    said = CliRunner().invoke(fedledger, words)
    assert said.exit_code == 0, said.output
    assert "OTHERS.shared.json --label COLUMN --output draft.toml" in said.output
    assert "--label" not in share(path, "--yes")[0].output


def test_what_one_person_has_is_not_in_it(tmp_path: Path) -> None:
    path = put(tmp_path, table())
    said, profile = share(path, "--yes")
    assert profile is not None
    assert [column.name for column in profile.columns] == ["age", "ward", "dose", "ill"]
    assert "patient_id" in said.output
    assert "stay at home" in said.output
    text = (tmp_path / "a.shared.json").read_text()
    for word in ("patient_id", "P00", "rare", "107"):
        assert word not in text
    age = profile.columns[0]
    assert float(age.bins[-1].high) < 107


def test_the_file_is_that_of_a_table_without_rare_rows(tmp_path: Path) -> None:
    text = table()
    _, first = share(put(tmp_path, text), "--yes")
    most = max("north", "south", key=text.count)
    _, second = share(put(tmp_path, text.replace(",rare,", f",{most},").replace(",107,", ",108,")), "--yes")
    assert first == second
    assert first is not None


def test_a_column_that_tells_of_people_is_shared_by_name_alone(tmp_path: Path) -> None:
    path = put(tmp_path, table(extra=",phone", cell=",0912345678"))
    _, profile = share(path, "--yes")
    assert profile is not None
    assert "phone" not in [column.name for column in profile.columns]
    _, profile = share(path, "--yes", "--share-anyway", "phone", "--leave-out", "dose")
    assert profile is not None
    assert [column.name for column in profile.columns] == ["age", "ward", "ill", "phone"]
    said, _ = share(path, "--yes", "--leave-out", "telephone")
    assert isinstance(said.exception, UsageError)
    assert "telephone" in said.exception.message


def test_a_label_that_stays_at_home_is_refused(tmp_path: Path) -> None:
    said, profile = share(put(tmp_path, table()), "--yes", "--leave-out", "ill")
    assert isinstance(said.exception, UsageError)
    assert profile is None


def test_units_and_descriptions_are_the_owner_s(tmp_path: Path) -> None:
    path = put(tmp_path, table())
    share(path, "--yes")
    columns = tmp_path / "patients.csv.columns.toml"
    written = columns.read_text().replace('name = "dose"', 'name = "dose", unit = "mg"')
    assert 'unit = "mg"' in written
    columns.write_text(written)
    _, profile = share(path, "--yes")
    assert profile is not None
    assert {column.name: column.unit for column in profile.columns}["dose"] == "mg"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (table(5), "fewer rows than the floor"),
        (table() + "P9,old,north,1,yes\n", "faults"),
        (table().replace("ward", "ward  of", 1), "cannot be shared"),
    ],
)
def test_what_cannot_be_shared_is_said(tmp_path: Path, text: str, said: str) -> None:
    found, profile = share(put(tmp_path, text), "--yes")
    assert isinstance(found.exception, UsageError)
    assert said in found.exception.message
    assert profile is None


def test_names_are_for_a_table_without_header(tmp_path: Path) -> None:
    headless = table().split("\n", 1)[1]
    path = put(tmp_path, headless)
    said, profile = share(path, "--yes", "--names", "number,age,ward,dose,ill")
    assert said.exit_code == 0, said.output
    assert profile is not None
    again, _ = share(path, "--yes", "--names", "number,age,ward,dose,ill")
    assert again.exit_code == 0, "the columns file has these names by now"
    for names, words in (("number,years,ward,dose,ill", "a columns file"), ("a,b", "5 names")):
        if words == "5 names":
            (tmp_path / "patients.csv.columns.toml").unlink()
        refused, _ = share(path, "--yes", "--names", names)
        assert isinstance(refused.exception, UsageError)
        assert words in str(refused.exception)
    refused, _ = share(put(tmp_path, table()), "--yes", "--names", "number,years,ward,dose,ill")
    assert isinstance(refused.exception, UsageError)
    assert "a header" in refused.exception.message


def test_another_s_profile_is_shown_and_a_broken_one_refused(tmp_path: Path) -> None:
    share(put(tmp_path, table()), "--yes", "--name", "Clinic A")
    path = tmp_path / "a.shared.json"
    said = CliRunner().invoke(fedledger, ["data", "share", "--check", str(path)])
    assert said.exit_code == 0, said.output
    assert "Clinic A" in said.output
    document = json.loads(CliRunner().invoke(fedledger, ["data", "share", "--check", str(path), "--json"]).stdout)
    assert document["floor"] == 10
    path.write_bytes(path.read_bytes().replace(b'"floor":10', b'"floor":7'))
    refused = CliRunner().invoke(fedledger, ["data", "share", "--check", str(path)])
    assert isinstance(refused.exception, UsageError)
    assert refused.exception.exit_code == 2
    both = CliRunner().invoke(fedledger, ["data", "share", str(path), "--check", str(path)])
    assert both.exit_code == 2


def test_noise_is_the_same_again_and_its_secret_is_kept(tmp_path: Path) -> None:
    path = put(tmp_path, table(400))
    _, plain = share(path, "--yes", "--floor", 2)
    said, first = share(path, "--yes", "--floor", 2, "--noise", "0.5")
    assert said.exit_code == 0, said.output
    assert "epsilon 0.5 of each count" in said.output
    _, again = share(path, "--yes", "--floor", 2, "--noise", "0.5")
    assert first is not None
    assert plain is not None
    assert first == again
    assert first.noise == "0.5"
    assert first.columns != plain.columns
    secret = tmp_path / "patients.csv.shared-noise.json"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert json.loads(secret.read_bytes())["secret"] not in said.output
    fewer, _ = share(path, "--yes", "--floor", 2, "--noise", "0.5", "--leave-out", "dose")
    assert fewer.exit_code == 0
    left = parse((tmp_path / "a.shared.json").read_bytes())
    assert left.columns == tuple(column for column in first.columns if column.name != "dose"), "no second draw"
    other, _ = share(path, "--yes", "--floor", 2, "--noise", "1")
    assert "with all that was shared of this file 1.5" in other.output


def test_another_table_has_other_noise_from_the_same_secret(tmp_path: Path) -> None:
    text = table(400)
    _, first = share(put(tmp_path, text), "--yes", "--floor", 2, "--noise", "0.1")
    secret = (tmp_path / "patients.csv.shared-noise.json").read_bytes()
    _, second = share(put(tmp_path, text + "\n"), "--yes", "--floor", 2, "--noise", "0.1")
    assert first != second
    kept = json.loads((tmp_path / "patients.csv.shared-noise.json").read_bytes())
    assert kept["secret"] == json.loads(secret)["secret"]
    assert len(kept["shared"]) == 2


@pytest.mark.parametrize("noise", ["0", "-1", "much", "1e3", "0.0000001", "1000"])
def test_noise_that_is_none_is_refused(tmp_path: Path, noise: str) -> None:
    found, profile = share(put(tmp_path, table()), "--yes", "--noise", noise)
    assert isinstance(found.exception, UsageError)
    assert profile is None


def test_a_damaged_secret_is_not_replaced(tmp_path: Path) -> None:
    path = put(tmp_path, table())
    secret = tmp_path / "patients.csv.shared-noise.json"
    secret.write_text("{}")
    found, profile = share(path, "--yes", "--noise", "1")
    assert isinstance(found.exception, UsageError)
    assert profile is None
    assert secret.read_text() == "{}"


def test_a_query_has_no_noise(tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "t.db") as base:
        base.execute("create table t (age integer, ill text)")
        base.executemany(
            "insert into t values (?, ?)", [(20 + row % 30, "yes" if row % 2 else "no") for row in range(90)]
        )
    base.close()
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path / 't.db'}")
    (tmp_path / "url").chmod(0o600)
    query = tmp_path / "t.sql"
    query.write_text("select age, ill from t")
    found, _ = share(query, "--yes", "--url-file", "url", "--noise", "1")
    assert isinstance(found.exception, UsageError), found.output
    assert "stands still" in found.exception.message
    said, profile = share(query, "--yes", "--url-file", "url")
    assert said.exit_code == 0, said.output
    assert profile is not None


def test_one_number_far_out_changes_nothing(tmp_path: Path) -> None:
    """Of a table with more than a thousand different numbers, too, which are counted in bins of their range."""
    random = Random(5)
    lines = ["age,ill", *(f"{random.gauss(60, 10):.4f},{random.choice(['yes', 'no'])}" for _ in range(3000))]
    plain = "\n".join(lines) + "\n"
    _, first = share(put(tmp_path, plain), "--yes")
    highest = max(lines[1:], key=lambda line: float(line.split(",")[0]))
    number, ill = highest.split(",")
    _, second = share(put(tmp_path, plain.replace(f"{number},{ill}\n", f"987654321012.5,{ill}\n")), "--yes")
    assert first is not None
    assert second is not None
    ends = [(one.low, one.high) for one in first.columns[0].bins]
    assert ends == [(one.low, one.high) for one in second.columns[0].bins]
    assert len(ends) > 10
    assert [one.count for one in first.columns[0].bins] == [one.count for one in second.columns[0].bins]


def numbers(tmp_path: Path, drawn: list[float]) -> SharedProfile:
    text = "\n".join(
        ["dose,ill", *(f"{number:g},{'yes' if place % 2 else 'no'}" for place, number in enumerate(drawn))]
    )
    _, profile = share(put(tmp_path, text + "\n"), "--yes")
    assert profile is not None
    return profile


@pytest.mark.parametrize("far", [30_000, 240_000, 450_000, -240_000])
def test_how_far_out_one_number_is_moves_no_bin(tmp_path: Path, far: int) -> None:
    """Where fine bins begin depends on the range: on one that a single person made, rows would change their bins."""
    random = Random(1)
    drawn = [*(random.randrange(15_001) for _ in range(5000)), *[1000] * 300, *[7000] * 200]
    end = max(drawn) if far > 0 else min(drawn)
    assert numbers(tmp_path, [*drawn, far]) == numbers(tmp_path, [*drawn, end])


def test_that_few_numbers_have_fractions_is_not_told(tmp_path: Path) -> None:
    drawn = [*(number for number in range(8) for _ in range(60)), *range(100, 109), *range(-109, -100)]
    assert numbers(tmp_path, [*drawn, 4.5]) == numbers(tmp_path, [*drawn, 4])
    many = numbers(tmp_path, [*drawn, *(number + 0.5 for number in range(8) for _ in range(60))])
    assert many.columns[0].bins[0].high == "0.5"


def test_two_that_share_at_once_do_not_have_two_secrets(tmp_path: Path) -> None:
    """Else the first one's noise is not drawn again, and asking once more averages it out."""
    request = ShareRequest(ProfileRequest(put(tmp_path, table())), noise="1", leave_out=("patient_id",))
    first, second = propose(request), propose(request)
    assert first.noise is not None
    assert second.noise is not None
    first.noise.keep()
    with pytest.raises(UsageError, match="shared by another process meanwhile"):
        second.noise.keep()
    assert propose(request).profile == first.profile
