"""Completion of chunnelctl's words: does it know all of them, and the bridges of a running daemon?"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.ctl import Steered, ctl, ctl_program

FOLDER = pathlib.Path(__file__).parents[2] / "contrib/completions"
BASH = FOLDER / "bash/chunnelctl"
ZSH = FOLDER / "zsh/_chunnelctl"
OUT = {"name": "orders-out", "from": {"channel": "orders"}, "to": {"queue": "work"}}
IN = {"name": "audit-in", "from": {"queue": "back"}, "to": {"channel": "done"}}
SCRIPT = """
. "$0"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_chunnelctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words):
    """What bash offers for the last of the words."""
    path = f"{os.path.dirname(ctl_program())}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", SCRIPT, str(BASH), "chunnelctl", *map(str, words)],
                          capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": path})
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


def words_of_help():
    """The commands, what may follow "spool", and the options, as --help tells them."""
    text = ctl("--help")[1]
    lines = re.findall(r"^  (\w+)(?: (list|export|purge|replay))?\b", text, re.M)
    options = set(re.findall(r"--[a-z-]+", text.split("\n", 1)[1]))
    return ({command for command, _ in lines}, {action for _, action in lines if action}, options)


def test_every_word():
    # Is each word of --help offered, and no other?
    commands, actions, options = words_of_help()
    assert complete("") == commands and len(commands) == 10
    assert complete("spool", "") == actions
    assert complete("--") == options
    text = ZSH.read_text()
    assert set(re.findall(r"^ +'(\w+):", text, re.M)) >= commands
    assert set(re.findall(r"--[a-z-]+", text)) >= options
    assert all(re.search(rf"\b{action}\b", text) for action in actions)


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh")
def test_zsh_reads_its_file():
    # Is it a script that zsh understands?
    done = subprocess.run(["zsh", "-n", str(ZSH)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_bridges(rig):
    # Are the bridges of the daemon offered where one is to be named, though something is wrong?
    steered = Steered(rig, OUT, IN, topology={"queues": [{"name": "work"}]})
    steered.daemon.wait_bridge("orders-out", state="running")
    steered.daemon.wait_stats(lambda stats: stats["bridges"]["audit-in"]["last_error"], "an error")
    for command in ("pause", "resume", "drain", "trace"):
        assert complete("--socket", steered.socket, command, "") == {"orders-out", "audit-in"}
    assert complete("--socket", steered.socket, "pause", "or") == {"orders-out"}
    assert complete("--socket", rig.folder / "none", "pause", "") == set()
