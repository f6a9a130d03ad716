"""Files on this machine."""

from pathlib import Path


def file_version(path: Path) -> tuple[int, int]:
    """What changes when a file does: time and size; zeros where there is none."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
