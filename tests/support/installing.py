"""Tasks of one's own in tests, as an installer leaves them behind."""

from pathlib import Path


def install(folder: Path, name: str, source: str, target: str = "", helper: str = "HELP = 1\n") -> None:
    """A distribution with one task: the module `own_NAME`, its helper, and the entry point, `own_NAME:Own`."""
    (folder / f"own_{name}.py").write_text(source.format(name=name))
    (folder / f"helper_{name}.py").write_text(helper)
    info = folder / f"dist_{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dist-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[fedledger.tasks]\n{name} = {target or f'own_{name}:Own'}\n")
