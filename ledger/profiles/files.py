"""Shared profiles as files that another party wrote."""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.files.foreign import read_foreign
from ledger.formats.text import command
from ledger.profiles.shared import MAX_SIZE, SharedProfile, check, parse


def read_profile(path: Path) -> SharedProfile:
    """A profile from a file. Raises UsageError where there is none, or another file in its place, Malformed for what it
    holds, Unavailable.
    """
    try:
        data = read_foreign(path, "the shared profile", MAX_SIZE)
        if not data.startswith(b"{"):
            raise _other_file(path, data)
        return parse(data)
    except FileNotFoundError as error:
        raise UsageError("no such shared profile", advice="fedledger data share makes one", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the shared profile: {error.strerror}", file=str(path)) from error
    except Malformed as error:
        advice = error.advice or "have its author write it again: fedledger data share"
        raise Malformed(error.message, advice=advice, **({"file": str(path)} | dict(error.facts))) from error


def _other_file(path: Path, data: bytes) -> UsageError:
    """A table, most often, or a draft, in a profile's place."""
    if path.suffix.lower() == ".toml":
        advice = command("job", "create", path)
        return UsageError("this is a draft, and drafts are made of shared profiles", advice=advice, file=str(path))
    shared = path.with_suffix(".shared.json").name
    return UsageError(
        "this is no shared profile; a draft is made of profiles, not of tables",
        advice=f"if it is a table, share what may be known of it, and name that: "
        f"{command('data', 'share', path, '--output', shared)}",
        file=str(path),
        begins_with=repr(data[:20]),
    )


def named_after(path: Path, profile: SharedProfile) -> SharedProfile:
    """The profile under its file's name, where its author said none."""
    name = path.name.removesuffix(".json").removesuffix(".shared") or path.name
    named = replace(profile, name=" ".join(name.split()))
    try:
        check(named)
    except FedledgerError:
        return profile
    return profile if profile.name else named


def require_profiles(named: Sequence[Path], more: Sequence[Path]) -> list[Path]:
    """The files of the option and those after it. Raises UsageError where the option was left out."""
    if named:
        return [*named, *more]
    for path in more:
        read_profile(path)
    raise UsageError(
        "a draft is made of the parties' shared profiles, and none are named",
        advice="--profiles A.shared.json B.shared.json, of which each party makes its own: fedledger data share",
    )
