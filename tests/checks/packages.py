#!/usr/bin/env python3
"""Do quickstart and runtests install every package that configure asks for?"""

import re

import checklib


def main():
    findings = checklib.Findings()
    packages = re.search(r'BUILD_PACKAGES="([^"]*)"', checklib.read("contrib/setup.sh")).group(1)
    installed = set(packages.replace("\\\n", " ").split())
    for number, line in enumerate(checklib.read("configure.ac").splitlines(), 1):
        asked = re.findall(r"apt-get install ([\w.+-]+)", line)
        asked += re.findall(r"^chunnel_NEED\(.*\[([\w.+-]+)\]\)$", line)
        for package in asked:
            if package not in installed and package != "libcmocka-dev":
                findings.add("configure.ac", number, f"asks for {package}, which is not in "
                             "BUILD_PACKAGES of contrib/setup.sh")
    findings.exit()


main()
