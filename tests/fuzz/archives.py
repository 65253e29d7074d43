"""Archives of studies: the compressed file, the tar, its tables and its arrays."""

import io
import json
import lzma
import tarfile
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from lamella.studies import ArchivedRun, read_archive, write_archive
from lamella.studies.running.archive.container import unpack
from tests.fuzz import studies
from tests.fuzz.mutate import Rng, bytes_mutated, pick, to_text, tree_mutated


@cache
def samples() -> list[bytes]:
    """Return a good file: a small study of which one run is done."""
    with tempfile.TemporaryDirectory() as place:
        for name, content in studies.results().items():
            path = Path(place) / "study" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return [write_archive(place, Path(place) / "a.tar.xz").read_bytes()]


@cache
def files() -> dict[str, bytes]:
    """Return the files in the good one."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.tar.xz"
        path.write_bytes(samples()[0])
        return unpack(path)


def make(rng: Rng) -> bytes:
    """Return a mutated archive; all but the first kind have right checksums."""
    kind, inside = rng.random(), dict(files())
    if kind < 0.1:
        return bytes_mutated(rng, samples()[0], samples()[0])
    if kind < 0.15:
        return lzma.compress(bytes(int(2 ** rng.uniform(0, 29))), preset=0)
    if kind < 0.35:
        content = tar(inside, pick(rng, (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT)))
        return lzma.compress(bytes_mutated(rng, content, content), preset=0)
    if kind < 0.8:
        name, table = "archive.json", json.loads(inside["archive.json"])
        for _ in range(int(rng.integers(1, 4))):
            table = tree_mutated(rng, table)
        inside[name] = to_text(rng, table).encode("utf-8", "surrogatepass")
    else:
        name = pick(rng, list(inside))
        shape = pick(rng, ("(10000000000,)", "(-1,)", "(90,)", "(330,)", "()", "(9" * 20 + ",)"))
        if rng.random() < 0.5:
            inside[name] = studies.npy(pick(rng, ("<u2", "|u1", "<u4", "|O", "<f8")), shape)
        else:
            inside[name] = bytes_mutated(rng, inside[name], pick(rng, list(inside.values())))
    return lzma.compress(tar(inside), preset=0)


def tar(inside: dict[str, bytes], kind: int = tarfile.USTAR_FORMAT) -> bytes:
    """Return a tar of files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as file:
        for name, content in inside.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def read(path: Path) -> None:
    """Read the archive and make its tables and curves."""
    for results in read_archive(path):
        assert isinstance(results.table(), object)
        for run in results.runs:
            assert isinstance(run, ArchivedRun)
            assert np.isfinite(run.steps.means(4)).all()
