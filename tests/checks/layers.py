#!/usr/bin/env python3
"""Do includes point down only, and is each third-party library seen from its one folder only?

    ctl -> conf, core, base
    main, app, ops -> redis | amqp (siblings) -> net, spool, conf, core -> base
"""

import re

import checklib

# What a folder may include beside itself.
LOWER = {
    "base": set(),
    "core": {"base"},
    "conf": {"core", "base"},
    "net": {"base"},
    "spool": {"conf", "core", "base"},
    "redis": {"net", "spool", "conf", "core", "base"},
    "amqp": {"net", "spool", "conf", "core", "base"},
    "ctl": {"conf", "core", "base"},
    "ops": {"redis", "amqp", "net", "spool", "conf", "core", "base"},
    "app": {"ops", "redis", "amqp", "net", "spool", "conf", "core", "base"},
}
LOWER["main"] = {"app"} | LOWER["app"]

# Header of a library: where it may be included, as a pattern of FOLDER/FILE.
THIRD_PARTY = [
    (r"event2/http", r"ops/http\w*\.[ch]"),
    (r"(event2/|event\.h|evhttp|evdns)", r"(net/.*|ops/http\w*\.[ch])"),
    (r"openssl/", r"net/.*"),
    (r"hiredis/", r"redis/.*"),
    (r"(amqp(_\w+)?\.h|rabbitmq-c/)", r"amqp/(codec\w*|framing)\.[ch]"),
    (r"(cjson/|cJSON)", r"base/json\w*\.[ch]"),
    (r"sqlite3", r"spool/.*"),
    (r"systemd/", r"app/.*"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def folder_of(path):
    return path.parts[1] if len(path.parts) > 2 else "main"


def is_project_header(name):
    return (checklib.srcdir / "include" / name).is_file()


def check_own(findings, path, number, name):
    folder, target = folder_of(path), name.split("/")[0]
    if not is_project_header(name):
        findings.add(path, number, f'"{name}" is not a header under include/')
    elif target != folder and target not in LOWER.get(folder, set()):
        findings.add(path, number, f"{folder} may not include {target}: arrows point down only")


def check_third_party(findings, path, number, name):
    where = "/".join(path.parts[1:])
    for library, allowed in THIRD_PARTY:
        if re.match(library, name):
            if not re.fullmatch(allowed, where):
                findings.add(path, number, f"<{name}> belongs to {allowed} only")
            return


def check_file(findings, path):
    first = None
    for number, line in enumerate(checklib.read(path).splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, name = match.groups()
        if name == "config.h":
            continue
        first = first or (number, name)
        if quote == '"':
            check_own(findings, path, number, name)
        else:
            check_third_party(findings, path, number, name)
    if path.suffix == ".c" and path.parts[0] == "src":
        own = str(path.relative_to("src").with_suffix(".h"))
        if is_project_header(own) and (first is None or first[1] != own):
            findings.add(path, first[0] if first else 1, f'the first include must be "{own}"')


def main():
    findings = checklib.Findings()
    for path in checklib.sources():
        if folder_of(path) not in LOWER:
            findings.add(path, 1, f"the folder {folder_of(path)} has no place in the layers")
        check_file(findings, path)
    findings.exit()


main()
