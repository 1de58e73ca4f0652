"""chunnelctl, and a daemon that it steers."""

import os
import subprocess

from .daemon import program


def ctl_program():
    return os.path.join(os.path.dirname(program()), "chunnelctl")


def ctl(*arguments, timeout=60, **env):
    """Runs it to its end: (status, stdout, stderr)."""
    done = subprocess.run([ctl_program(), *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=timeout, env={**os.environ, **env})
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


class Steered:
    """A daemon and chunnelctl on its socket."""

    def __init__(self, rig, *bridges, **more):
        self.socket = rig.folder / "c.sock"
        self.daemon = rig.make(*bridges, control={"socket": str(self.socket)}, **more)
        self.daemon.start()

    def __call__(self, *arguments, **env):
        return ctl("--socket", self.socket, *arguments, **env)
