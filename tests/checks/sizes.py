#!/usr/bin/env python3
"""Is every file, function and nesting small enough to be read at one go?"""

import re

import checklib

MAX_FILE = 400  # lines
MAX_FUNCTION = 60  # lines, from the first one of its head to its closing brace
MAX_NESTING = 3  # blocks inside a function's own

BLOCK_HEAD = re.compile(r"(\)|\belse|\bdo|:)\s*$")


def function_head(lines, brace):
    """The index of the first line of the head whose body opens at line `brace`."""
    head = brace
    while head > 0 and lines[head - 1].strip() and not lines[head - 1].startswith(("}", "#")):
        if lines[head - 1].rstrip().endswith((";", "*/")):
            break
        head -= 1
    return head


def deepest(lines, first, last):
    """The deepest block between two lines, and where it opens."""
    depth, worst, stack = 0, (0, first), []
    for index in range(first, last):
        line = lines[index]
        for match in re.finditer(r"[{}]", line):
            if match.group(0) == "{":
                is_block = bool(BLOCK_HEAD.search(line[:match.start()]))
                stack.append(is_block)
                depth += is_block
                worst = max(worst, (depth, index), key=lambda found: found[0])
            elif stack:
                depth -= stack.pop()
    return worst


def check_functions(findings, path, text):
    lines = checklib.without_comments_and_strings(text).splitlines()
    start = None
    for index, line in enumerate(lines):
        if line.rstrip() == "{":
            start = index
        elif line.rstrip() == "}" and start is not None:
            head = function_head(lines, start)
            length = index - head + 1
            if length > MAX_FUNCTION:
                findings.add(path, head + 1, f"a function of {length} lines, over {MAX_FUNCTION}")
            depth, where = deepest(lines, start + 1, index)
            if depth > MAX_NESTING:
                findings.add(path, where + 1, f"nested {depth} deep, over {MAX_NESTING}")
            start = None


def main():
    findings = checklib.Findings()
    for path in checklib.sources():
        text = checklib.read(path)
        count = len(text.splitlines())
        if count > MAX_FILE:
            findings.add(path, MAX_FILE + 1, f"{count} lines, over {MAX_FILE}")
        check_functions(findings, path, text)
    findings.exit()


main()
