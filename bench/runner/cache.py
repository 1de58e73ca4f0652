"""The folder outside the tree that keeps what takes long to make: builds and installed peers."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
from typing import Callable, Mapping, Sequence

from .waiting import Failed


def default_folder() -> pathlib.Path:
    given = os.environ.get("CHUNNELD_BENCH_CACHE")
    return pathlib.Path(given) if given else pathlib.Path.home() / ".cache" / "chunneld-bench"


class Cache:
    """Folders that are made anew when what they are made from changes."""

    def __init__(self, root: pathlib.Path) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)

    def folder(self, name: str, inputs: Sequence[pathlib.Path],
               make: Callable[[pathlib.Path], None], also: str = "") -> pathlib.Path:
        """The folder NAME-DIGEST, filled by `make` unless it is there. The digest is that of the
        input files and of `also`. A `make` that raises leaves nothing behind."""
        digest = hashlib.sha256(also.encode())
        for path in inputs:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        folder = self._root / f"{name}-{digest.hexdigest()[:16]}"
        finished = folder / ".finished"
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            finished.touch()
        return folder

    @staticmethod
    def run(command: Sequence[str], cwd: pathlib.Path | None = None,
            env: Mapping[str, str] | None = None, timeout: float = 1200) -> None:
        """Runs a step; raises with the end of its output when it fails."""
        try:
            done = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})},
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=timeout)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(f"{command[0]}: {error}") from None
        if done.returncode != 0:
            raise Failed(f"{' '.join(command[:3])} failed: {done.stdout.strip()[-400:]}")
