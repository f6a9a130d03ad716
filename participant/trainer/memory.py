"""What memory this machine has left, as far as the system says it."""

from pathlib import Path

PLENTY = 0.25
"""The part of all memory that is to be free before something may stay in it without work."""
_INFO = Path("/proc/meminfo")
_ACCELERATORS = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
"""Devices whose memory a process may hold that is at rest, and that the system does not tell of."""
_MEMBER, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
UNLIMITED = "max"


def plenty(info: Path = _INFO) -> bool:
    """Whether there is memory to spare here: False where nobody knows, as beside an accelerator, and where a container
    or service has little left of what it may have, whatever its machine has.
    """
    if any(device.exists() for device in _ACCELERATORS):
        return False
    try:
        fields = dict(line.split(":", 1) for line in info.read_text().splitlines())
        total, free = (int(fields[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
        return free >= PLENTY * total and all(map(_has_plenty, _limited()))
    except (OSError, ValueError, KeyError, IndexError):
        return False


def _limited() -> list[Path]:
    """The control groups (Linux, cgroups(7), version 2) that this process is in and that have a limit of memory."""
    if not _MEMBER.exists():
        return []
    own = next((line[3:] for line in _MEMBER.read_text().splitlines() if line.startswith("0::")), "/")
    group = _GROUPS / own.lstrip("/")
    around = [one for one in (group, *group.parents) if one == _GROUPS or _GROUPS in one.parents]
    return [one for one in around if (one / "memory.max").exists() and _said(one / "memory.max") != UNLIMITED]


def _has_plenty(group: Path) -> bool:
    """Whether a group with a limit has memory left; files that were read and can be forgotten are none that is used."""
    limit, used = int(_said(group / "memory.max")), int(_said(group / "memory.current"))
    parts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return limit - (used - int(parts["inactive_file"])) >= PLENTY * limit


def _said(file: Path) -> str:
    return file.read_text().strip()
