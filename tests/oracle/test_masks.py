"""The oracle comes to the vectors of masks by their page alone, and refuses what is refused here."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from support.oracle import Ask

from ledger.masks.blame import Guilty
from ledger.masks.segment import Segment
from ledger.masks.setup import read_setup

WHOLE = json.loads((Path(__file__).resolve().parents[1] / "vectors" / "masks.json").read_text(encoding="utf-8"))
ROUND, MEMBERS = WHOLE["round"], {one["index"]: one for one in WHOLE["members"]}
KEYS = {index: one["mask_point"] for index, one in MEMBERS.items()}
SEGMENT = WHOLE["place"] | WHOLE["segment"] | {"keys": KEYS}
AT = ROUND["number"] - (SEGMENT["number"] - 1) * SEGMENT["rounds"] - 1
PLACE = WHOLE["place"] | {"round": ROUND["number"]}
NOW = {index: one["rounds"][AT] for index, one in MEMBERS.items()}
POINTS = {index: one["point"] for index, one in NOW.items()}
MASKED = {one["member"]: one["masked"] for one in ROUND["updates"]}


def shares(dealer: int, name: str) -> dict[int, str]:
    """Everybody's share of one secret of the round."""
    (place,) = (k for k, one in enumerate(MEMBERS[0]["shares"]) if one["dealer"] == dealer)
    return {holder: one["shares"][place]["rounds"][AT][name] for holder, one in MEMBERS.items()}


def test_streams(ask: Ask) -> None:
    for case in WHOLE["streams"]:
        assert ask("mask_words", seed=case["seed"], start=case["start"], count=3) == case["words"]


def test_points(ask: Ask) -> None:
    assert all(ask("mask_point", point=point) for point in [*KEYS.values(), *POINTS.values()])
    for kind in WHOLE["points"].values():
        assert not any(ask("mask_point", point=point) for point in kind)


def test_pair_seeds_from_either_side(ask: Ask) -> None:
    for case in ROUND["pairs"]:
        for one, other in (case["members"], case["members"][::-1]):
            asked = {"one": one, "key": NOW[one]["key"], "other": other, "point": POINTS[other]}
            assert ask("mask_pair", place=PLACE, **asked) == case["seed"]


def test_masked_updates(ask: Ask) -> None:
    for case in ROUND["updates"]:
        secrets = {name: NOW[case["member"]][name] for name in ("key", "seed")}
        about = {name: case[name] for name in ("member", "weight", "values")}
        assert ask("mask_update", place=PLACE, points=POINTS, **secrets, **about) == case["masked"]
        header = bytes.fromhex(ask("header", binding=case["binding"], tensors=ROUND["tensors"]))
        assert header == case["header"].encode("latin-1").ljust(case["header_size"])
        assert ask("root", data=case["masked"]) == case["root"]


def test_the_sum_without_its_masks(ask: Ask) -> None:
    updates = {index: MASKED[index] for index in ROUND["chosen"]}
    seeds = {index: NOW[index]["seed"] for index in ROUND["chosen"]}
    keys = {ROUND["dropped"]: NOW[ROUND["dropped"]]["key"]}
    assert ask("mask_sums", place=PLACE, points=POINTS, updates=updates, seeds=seeds, keys=keys) == ROUND["sums"]


def test_an_opening(ask: Ask) -> None:
    member = ROUND["opened"]["member"]
    secrets = {name: NOW[member][name] for name in ("key", "seed")}
    found = ask("mask_opened", place=PLACE, member=member, points=POINTS, words=MASKED[member], **secrets)
    assert found == ROUND["opened"]["products"]


@pytest.mark.parametrize(("dealer", "name"), [(ROUND["dropped"], "key"), (ROUND["silent"], "seed")])
def test_any_threshold_of_shares_makes_the_secret(ask: Ask, dealer: int, name: str) -> None:
    held = shares(dealer, name)
    for some in itertools.combinations(held, SEGMENT["threshold"]):
        assert ask("mask_rebuild", shares={holder: held[holder] for holder in some}) == NOW[dealer][name]
    few = dict(list(held.items())[: SEGMENT["threshold"] - 1])
    assert ask("mask_rebuild", shares=few) != NOW[dealer][name]


def test_set_up_files(ask: Ask) -> None:
    for index, one in MEMBERS.items():
        found = ask("mask_setup", segment=SEGMENT, member=index, file=one["setup"])
        assert found["digest"] == one["digest"]
        for at, listed in enumerate(found["rounds"]):
            said = {name: one["rounds"][at][name] for name in ("key", "seed")}
            (place,) = (k for k, other in enumerate(one["shares"]) if other["dealer"] == index)
            held = {holder: other["shares"][place]["rounds"][at] for holder, other in MEMBERS.items()}
            asked = {"member": index, "at": at, "listed": listed, "shares": held}
            assert ask("mask_listed", segment=SEGMENT, **asked, **said) is True


def test_packets(ask: Ask) -> None:
    for dealer, one in MEMBERS.items():
        packets = ask("mask_setup", segment=SEGMENT, member=dealer, file=one["setup"])["packets"]
        for holder, other in MEMBERS.items():
            asked = {"member": dealer, "holder": holder, "packet": packets[str(holder)]}
            found = ask("mask_packet", segment=SEGMENT, key=other["mask_key"], **asked)
            assert found == next(held["rounds"] for held in other["shares"] if held["dealer"] == dealer)
            wrong = ask("mask_packet", segment=SEGMENT, key=NOW[holder]["key"], **asked)
            assert wrong is None


def test_groups(ask: Ask) -> None:
    points = {index: [one["point"] for one in member["rounds"]] for index, member in MEMBERS.items()}
    asked = {"segment": WHOLE["segment"]["number"], "points": points}
    assert ask("mask_group_seed", place=WHOLE["place"], **asked) == WHOLE["groups"]["seed"]
    for case in WHOLE["groups"]["divided"]:
        dealt = {name: case[name] for name in ("members", "most", "smallest")}
        assert ask("mask_groups", seed=WHOLE["groups"]["seed"], **dealt) == case["groups"]


def changed(file: str, at: int, new: bytes) -> str:
    data = bytearray.fromhex(file)
    data[at : at + len(new)] = new
    return data.hex()


def refusals() -> dict[str, Any]:
    file = MEMBERS[3]["setup"]
    first = bytes.fromhex(file)[120:152]
    cases = {f"byte {at}": changed(file, at, bytes([bytes.fromhex(file)[at] ^ 1])) for at in range(0, 120, 7)}
    cases |= {"cut": file[:-2], "longer": file + "00", "empty": "", "of another member": MEMBERS[1]["setup"]}
    cases["a key twice"] = changed(file, 120 + 32 * (2 + 2 * 4), first)
    for name, points in WHOLE["points"].items():
        cases |= {f"{name} {point[:8]}": changed(file, 120, bytes.fromhex(point)) for point in points}
    return cases


@pytest.mark.parametrize("file", refusals().values(), ids=refusals())
def test_both_refuse_the_same_files(ask: Ask, file: str) -> None:
    assert ask("mask_setup", segment=SEGMENT, member=3, file=file) is None
    keys = {index: bytes.fromhex(point) for index, point in KEYS.items()}
    place = {"chain": SEGMENT["chain"], "ledger": SEGMENT["ledger"], "job": SEGMENT["job"]}
    segment = Segment(**place, **WHOLE["segment"], keys=keys)
    with pytest.raises(Guilty, match="member 3"):
        read_setup(bytes.fromhex(file), segment, 3)
