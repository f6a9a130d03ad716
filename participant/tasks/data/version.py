"""Files on this machine."""

from pathlib import Path

from participant.tasks.data.sources.columns_file import beside


def file_version(path: Path) -> tuple[int, int]:
    """What changes when a file does, or the columns file beside it: times and sizes; zeros where there is no file."""
    time, size = _version(path)
    if (time, size) == (0, 0):
        return (0, 0)
    columns_time, columns_size = _version(beside(path))
    return (time + columns_time, size + columns_size)


def _version(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
