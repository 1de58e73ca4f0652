#!/usr/bin/env python3
"""Do the other checks find what they are for? Each gets a small tree with one fault, and must name
it; and the same tree without the fault, and must be content."""

import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

import checklib

HERE = pathlib.Path(__file__).resolve().parent
GOOD = {
    "src/core/a.c": '/* For a. */\n#include "core/a.h"\n\n#include "base/b.h"\n\n'
                    "int core_a(void)\n{\n    return 1;\n}\n",
    "include/core/a.h": "/* Of a. */\nint core_a(void);\n",
    "include/base/b.h": "/* Of b. */\n",
    "include/net/n.h": "/* Of n. */\n",
    ".clang-format": "BasedOnStyle: LLVM\nIndentWidth: 4\nBreakBeforeBraces: Linux\n"
                     "AllowShortFunctionsOnASingleLine: None\n",
    "configure.ac": "chunnel_NEED([A], [a >= 1], [liba-dev])\n",
    "doc/metrics.md": '| `chunnel_a` | gauge | 1 | `bridge`, `way="in"`, `way="out"` | A. |\n',
    "contrib/prometheus/alerts.yml": 'expr: chunnel_a{way="in",instance="b"} > 0\n',
    "contrib/grafana/chunneld.json": '{"panels": [{"gridPos": {"x": 0, "y": 0}, '
                                     '"targets": [{"expr": "chunnel_a"}]}]}\n',
    "contrib/setup.sh": 'BUILD_PACKAGES="gcc \\\nliba-dev"\n',
}
HEAD = '/* For a. */\n#include "core/a.h"\n'
DEEP = (HEAD + "\nvoid a(int x)\n{\n"
        + "".join("    " * depth + "if (x) {\n" for depth in range(1, 5))
        + "".join("    " * depth + "}\n" for depth in range(4, 0, -1)) + "}\n")

# check, file that is other than in GOOD, its content, what the check must say
FAULTS = [
    ("layers", "src/core/a.c", HEAD + '#include "net/n.h"\n', "src/core/a.c:3: core may not"),
    ("layers", "src/core/a.c", '/* For a. */\n#include "base/b.h"\n', "the first include must be"),
    ("layers", "src/core/a.c", HEAD + "#include <event2/event.h>\n", "src/core/a.c:3: <event2/"),
    ("layers", "src/core/a.c", HEAD + '#include "a.h"\n', "is not a header under include/"),
    ("layers", "src/other/a.c", "/* For a. */\n", "has no place in the layers"),
    ("sizes", "src/core/a.c", HEAD + "\n" * 400, "src/core/a.c:401: 402 lines"),
    ("sizes", "src/core/a.c", HEAD + "\nint\na(void)\n{\n" + "    a();\n" * 57 + "}\n",
     "src/core/a.c:4: a function of 61 lines"),
    ("sizes", "src/core/a.c", DEEP, "src/core/a.c:9: nested 4 deep"),
    ("purpose", "src/core/a.c", '#include "core/a.h"\n', "src/core/a.c:1: does not open"),
    ("purpose", "src/core/a.c", HEAD + "/* TO" + "DO: more */\n", "src/core/a.c:3: unfinished"),
    ("format", "src/core/a.c", HEAD + "int  a;\n", "src/core/a.c:3: not as clang-format"),
    ("distribution", "src/core/new.c", "/* New. */\n", "src/core/new.c: not in the release"),
    ("named_tests", "doc/a.md", "`test_gone`\n", "doc/a.md:1: there is no test test_gone"),
    ("named_tests", "tests/faults/test_a.py", "def test_r1_x():\n", "has no row R1"),
    ("packages", "configure.ac", "chunnel_NEED([B], [b >= 1], [libb-dev])\n", "asks for libb-dev"),
    ("dashboards", "contrib/prometheus/alerts.yml", 'expr: chunnel_b > 0\n',
     "alerts.yml:1: there is no metric chunnel_b"),
    ("dashboards", "contrib/prometheus/alerts.yml", 'expr: chunnel_a{who="x"} > 0\n',
     "chunnel_a has no label who"),
    ("dashboards", "contrib/prometheus/alerts.yml", 'expr: chunnel_a{way="up"} > 0\n',
     "chunnel_a has way only as in, out"),
    ("dashboards", "contrib/grafana/chunneld.json", '{"panels": []}\n', "shows nothing of chunnel_a"),
    ("symbols", "src/core/bad.c", "int system(const char *); int a(void) { return system(0); }\n",
     "calls system: starts a process"),
    ("symbols", "src/core/bad.c", "long time(long *); long a(void) { return time(0); }\n",
     "calls time: core knows no clock"),
    ("symbols", "src/core/bad.c", "int cJSON_Parse(void); int a(void) { return cJSON_Parse(); }\n",
     "calls cJSON_Parse, which belongs to"),
    ("symbols", "src/amqp/bad.c", "int amqp_mine(void) { return 0; }\n",
     "exports amqp_mine: must begin with rmq_"),
]


def build(root):
    """Compiles the folders of src/ into _build/libFOLDER.a, as far as they are there."""
    (root / "_build").mkdir()
    for folder in ("core", "amqp"):
        objects = []
        for source in sorted((root / "src" / folder).glob("*.c")):
            objects.append(source.with_suffix(".o"))
            subprocess.run([*shlex.split(os.environ.get("CC") or "cc"), "-c", "-fno-builtin", "-I", "include",
                            "-o", objects[-1], source], cwd=root, check=True)
        subprocess.run(["ar", "cr", f"_build/lib{folder}.a", *objects], cwd=root, check=True)
        for made in objects:
            made.unlink()


def verdict(check, fault):
    """Runs a check over GOOD with `fault` (path, content) in it: its status and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, content in {**GOOD, **dict(fault)}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content)
        if check == "symbols":
            build(root)
        env = dict(os.environ, top_srcdir=str(root), top_builddir=str(root / "_build"),
                   DISTRIBUTED_FILES=" ".join(GOOD), PYTHONDONTWRITEBYTECODE="1")
        done = subprocess.run([sys.executable, HERE / f"{check}.py"], env=env, cwd=root,
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def main():
    findings = checklib.Findings()
    for check in sorted({fault[0] for fault in FAULTS}):
        status, text = verdict(check, [])
        if status not in (0, checklib.SKIP):
            findings.add(f"{check}.py", 0, f"finds a fault where none is: {text}")
    for check, path, content, words in FAULTS:
        status, text = verdict(check, [(path, content)])
        if status != checklib.SKIP and (status != 1 or words not in text):
            findings.add(f"{check}.py", 0, f"does not say {words!r}, but: {text or 'nothing'}")
    findings.exit()


main()
