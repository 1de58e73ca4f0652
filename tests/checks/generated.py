#!/usr/bin/env python3
"""Are the documents as the tables in the code make them, and do the example files fit the JSON
Schema?"""

import json
import subprocess

import checklib

DOCUMENTS = {
    "conf/chunneld.schema.json": ("tools/confdoc", "schema"),
    "man/chunneld.json.5": ("tools/confdoc", "man"),
    "doc/reference.md": ("tools/confdoc", "reference"),
    "doc/states.md": ("tools/statedoc",),
    "doc/metrics.md": ("tools/metricsdoc",),
}
EXAMPLES = ("conf/chunneld.json", "conf/rules.d/*.json", "doc/tutorial/*/*.json")


def first_difference(old, new):
    """The first line, from 1, in which two texts differ."""
    lines = zip(old.splitlines() + [None], new.splitlines() + [None])
    return next((number for number, (one, two) in enumerate(lines, 1) if one != two), 1)


def check_examples(findings):
    try:
        import jsonschema
    except ImportError:
        print("the examples are not checked: no jsonschema (Debian: apt-get install python3-jsonschema)")
        return
    schema = json.loads(checklib.read("conf/chunneld.schema.json"))
    validator = jsonschema.Draft7Validator(schema)
    validator.check_schema(schema)
    for path in checklib.files(*EXAMPLES):
        for error in validator.iter_errors(json.loads(checklib.read(path))):
            place = "/".join(map(str, error.absolute_path))
            findings.add(path, 0, f"/{place}: {error.message}")


def main():
    findings = checklib.Findings()
    for path, (tool, *words) in DOCUMENTS.items():
        program = checklib.builddir / tool
        if not program.is_file():
            checklib.skip(f"{tool} is not built; run by make check, which builds it")
        made = subprocess.run([program, *words], capture_output=True, text=True, check=True).stdout
        kept = checklib.read(path) if checklib.files(path) else ""
        if made != kept:
            findings.add(path, first_difference(kept, made), "stale: run make documents")
    check_examples(findings)
    findings.exit()


main()
