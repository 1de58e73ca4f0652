"""A headless Chromium, driven by a script for node with playwright-core; ./runtests installs them."""

import os
import pathlib
import shutil
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[1] / "browser" / "page.js"
_CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
_PLACES = (os.environ.get("NODE_PATH", ""), _CACHE / "chunneld-tests/browser/node_modules",
           "/usr/local/lib/node_modules", "/usr/lib/node_modules")


def _chromium():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
                None)


def _modules():
    """Where node finds playwright-core, or None."""
    return next((place for place in _PLACES
                 if place and (pathlib.Path(place) / "playwright-core").is_dir()), None)


class Browser:
    """`scenario` of browser/page.js on the page at `url`; its words come line by line."""

    def __init__(self, folder, url, scenario):
        missing = [name for name, there in (("node", shutil.which("node")), ("chromium", _chromium()),
                                            ("playwright-core", _modules())) if not there]
        if missing:
            pytest.skip(f"there is no {', no '.join(missing)}; ./runtests installs them where it can")
        self._said = []
        self._process = subprocess.Popen(
            ["node", str(SCRIPT), _chromium(), url, scenario, str(folder)], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "NODE_PATH": str(_modules())})

    def wait_word(self, word):
        """Waits for a line that is `word`."""
        for line in self._process.stdout:
            self._said.append(line)
            if line.strip() == word:
                return
        self._process.wait()
        raise AssertionError("".join(self._said))

    def next_word(self):
        """The next line."""
        line = self._process.stdout.readline()
        self._said.append(line)
        if not line:
            self._process.wait()
            raise AssertionError("".join(self._said))
        return line.strip()

    def finish(self):
        """Waits for its end, which must be a good one; what it said."""
        out, _ = self._process.communicate(timeout=120)
        self._said.append(out)
        assert self._process.returncode == 0, "".join(self._said)
        return "".join(self._said)

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
