"""The command line: options, exit statuses, and what is said about a configuration."""

import json
import os
import re
import resource

import pytest

from harness.daemon import run

MINIMAL = {
    "connections": {"redis": {"url": "redis://127.0.0.1:1"}, "rabbit": {"url": "amqp://127.0.0.1:1"}},
    "bridges": [
        {"name": "out", "from": {"channel": "orders"}, "to": {"queue": "work"}},
        {"name": "in", "from": {"queue": "work"}, "to": {"channel": "done"}},
    ],
}
PROBLEM = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<pointer>/\S*|): .+$")


def write(folder, config, name="chunneld.json"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(config, bytes):
        path.write_bytes(config)
    else:
        path.write_text(config if isinstance(config, str) else json.dumps(config, indent=2))
    return path


def problems(stderr):
    """The lines of --check, each of which must have the form that editors understand."""
    found = [PROBLEM.match(line) for line in stderr.splitlines()]
    assert found and all(found), stderr
    return found


def changed(**changes):
    return {**json.loads(json.dumps(MINIMAL)), **changes}


def bridge(**changes):
    return changed(bridges=[{**MINIMAL["bridges"][0], **changes}])


def test_version():
    # Does --version name the program and its version, and end with 0?
    status, out, err = run("--version")
    assert (status, err) == (0, "")
    assert re.fullmatch(r"chunneld \d+\.\d+\.\d+\S*\n", out)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(option):
    # Does it name every option, and end with 0?
    status, out, err = run(option)
    assert (status, err) == (0, "")
    for option in ("-c", "--config", "-t", "--check", "--print-config", "--log-level", "--version",
                   "-h", "--help"):
        assert option in out


@pytest.mark.parametrize("arguments", [
    ["--no-such-option"], ["-c"], ["--log-level", "loud"], ["--log-level"], ["too-much"],
])
def test_usage(arguments):
    # Is a command line that means nothing refused with 64 and words?
    status, out, err = run(*arguments)
    assert (status, out) == (64, "")
    assert err


@pytest.mark.parametrize("option", ["--check", "-t"])
def test_check_of_a_good_file(tmp_path, option):
    # Does --check say that all is well, and how many bridges there are?
    path = write(tmp_path, MINIMAL)
    assert run("-c", path, option) == (0, f"{path}: ok, 2 bridges\n", "")


def test_check_warns_and_is_content(tmp_path):
    # Is what is hardly meant told at its place, while the file is good all the same?
    config = changed(bridges=[*MINIMAL["bridges"],
                              {"name": "in2", "from": {"queue": "work"}, "to": {"channel": "more"}}])
    path = write(tmp_path, config)
    status, out, err = run("--check", "-c", path)
    assert (status, out) == (0, f"{path}: ok, 3 bridges\n")
    assert re.fullmatch(rf"{re.escape(str(path))}:\d+:\d+: warning: /bridges/2: "
                        r"bridge \"in\" .+\n", err)
    assert run("--print-config", "-c", path)[2] == ""


def many_bridges(pairs):
    """So many bridges each way, through one exchange, and what they need of the topology."""
    out = [{"name": f"out{i}", "from": {"channel": f"c.{i}"},
            "to": {"exchange": "e", "routing_key": f"k.{i}"}} for i in range(pairs)]
    back = [{"name": f"in{i}", "from": {"queue": f"q{i}"}, "to": {"channel": f"in.{i}"}}
            for i in range(pairs)]
    topology = {"exchanges": [{"name": "e", "type": "topic"}],
                "queues": [{"name": f"q{i}"} for i in range(pairs)],
                "bindings": [{"source": "e", "destination": f"q{i}", "routing_key": f"k.{i}"}
                             for i in range(pairs)]}
    return changed(bridges=out + back, topology=topology)


def test_check_of_a_thousand_bridges_is_quick(tmp_path):
    # Does it cost less than a second of CPU, five times what an optimised build may take?
    path = write(tmp_path, many_bridges(500))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run("--check", "-c", path) == (0, f"{path}: ok, 1000 bridges\n", "")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1


def test_check_shows_a_circle_with_its_places(tmp_path):
    # Are bridges that feed each other through a bound queue refused, each with its file and line?
    config = many_bridges(1)
    config["bridges"][1]["to"]["channel"] = "c.0"
    path = write(tmp_path, config)
    status, out, err = run("--check", "-c", path)
    assert (status, out) == (78, "")
    place = re.escape(str(path))
    assert re.search(rf'"out0" \({place}:\d+\) feeds "in0" \({place}:\d+\) feeds "out0"', err)
    assert len(problems(err)) == 1


def test_check_names_every_problem_at_once(tmp_path):
    # Are all problems of a file told in one run, each with its own place?
    config = changed(bridges=[
        {"name": "a b", "from": {"channel": "x"}, "to": {"queue": "q"}},
        {"name": "out", "from": {"channel": "x"}, "to": {"queue": "q"}, "ack_mode": "sometimes"},
        {"name": "in", "from": {"queue": "q", "prefetch": 0}, "to": {"channel": "x"}},
    ], shutdown_timeout="soon")
    path = write(tmp_path, config)
    status, out, err = run("-c", path, "--check")
    assert (status, out) == (78, "")
    found = problems(err)
    assert {match["pointer"] for match in found} == {
        "/bridges/0/name", "/bridges/1/ack_mode", "/bridges/2/from/prefetch", "/shutdown_timeout"}
    lines = path.read_text().splitlines()
    for match in found:
        assert match["file"] == str(path)
        key = match["pointer"].rsplit("/", 1)[1]
        assert key in lines[int(match["line"]) - 1], match.group(0)


@pytest.mark.parametrize("config, pointer, words", [
    (changed(bridge=[]), "/bridge", "bridges"),
    (bridge(ackmode="no-ack"), "/bridges/0/ackmode", "ack_mode"),
    (bridge(**{"from": {"chanel": "x"}}), "/bridges/0/from", "channel"),
    (bridge(**{"from": {"channel": "x", "prefetch": 5}}), "/bridges/0/from/prefetch", ""),
    (bridge(to={"queue": "{header.kind}"}), "/bridges/0/to/queue", "header"),
    (bridge(to={"queue": "{chanel}"}), "/bridges/0/to/queue", "channel"),
    (bridge(to={"queue": "{channel"}), "/bridges/0/to/queue", ""),
    (bridge(to={"queue": "{channel|loud}"}), "/bridges/0/to/queue", ""),
    (bridge(to={"queue": "{1}"}), "/bridges/0/to/queue", ""),
    (bridge(to={"channel": "x"}), "/bridges/0", ""),
    (bridge(buffer={"messages": "many"}), "/bridges/0/buffer/messages", ""),
    (bridge(buffer={"when_full": "explode"}), "/bridges/0/buffer/when_full", "drop-newest"),
    (bridge(retry={"min": "5"}), "/bridges/0/retry/min", ""),
    (changed(bridges=[MINIMAL["bridges"][0]] * 2), "/bridges/1/name", "out"),
    (changed(connections={"redis": {"url": "http://x"}}), "/connections/redis/url", "redis://"),
    (changed(connections={"redis": {"url": "redis://${NOT_SET_ANYWHERE}"}}),
     "/connections/redis/url", "NOT_SET_ANYWHERE"),
    (changed(log={"level": "loud"}), "/log/level", "debug"),
    (changed(stats={"channel": "x", "interval": "0s"}), "/stats/interval", ""),
    (changed(topology={"exchanges": [{"name": "x", "type": 5}]}), "/topology/exchanges/0/type", ""),
])
def test_check_says_what_and_where(tmp_path, config, pointer, words):
    # Is the mistake found at its own place, with the word that helps?
    status, _, err = run("-c", write(tmp_path, config), "--check")
    assert status == 78
    found = [match for match in problems(err) if match["pointer"].startswith(pointer)]
    assert found, err
    assert any(words in match.group(0) for match in found), err


def test_include(tmp_path):
    # Are included files added in the order of their names, and problems in them told with theirs?
    main = changed(bridges=[], include=["rules.d/*.json"])
    path = write(tmp_path, main)
    for number, name in enumerate(["20-b", "10-a"]):
        write(tmp_path, {"bridges": [dict(MINIMAL["bridges"][number], name=name)]},
              f"rules.d/{name}.json")
    assert run("-c", path, "--check")[:2] == (0, f"{path}: ok, 2 bridges\n")
    status, out, _ = run("-c", path, "--print-config")
    assert status == 0
    assert [found["name"] for found in json.loads(out)["bridges"]] == ["10-a", "20-b"]

    write(tmp_path, {"bridges": [{"name": "c", "from": {"channel": "x"}}]}, "rules.d/30-c.json")
    status, _, err = run("-c", path, "--check")
    assert status == 78
    assert all(match["file"].endswith("rules.d/30-c.json") for match in problems(err))


@pytest.mark.parametrize("arguments", [["--check"], []])
def test_what_is_declared_twice_and_not_alike(tmp_path, arguments):
    # Do --check and the start refuse it, with both files and lines, and take it once it is alike?
    path = write(tmp_path, changed(include=["rules.d/*.json"], topology={
        "queues": [{"name": "work", "arguments": {"x-max-length": 10}}]}))
    other = write(tmp_path, {"topology": {"queues": [
        {"name": "work", "durable": False, "arguments": {"x-max-length": 10}}]}}, "rules.d/a.json")
    status, out, err = run("-c", path, *arguments)
    assert (status, out) == (78, "")
    (match,) = problems(err)
    assert (match["file"], match["pointer"]) == (str(other), "/topology/queues/0")
    assert re.search(rf'"work" is declared at {re.escape(str(path))}:\d+:\d+ too.*"durable"', err)
    other.write_text(other.read_text().replace('"durable": false', '"durable": true'))
    assert run("-c", path, "--check") == (0, f"{path}: ok, 2 bridges\n", "")


def test_environment(tmp_path):
    # Do ${NAME} and ${NAME:-default} under connections come from the environment?
    config = changed(connections={
        "redis": {"url": "redis://${THE_HOST}:${THE_PORT:-6380}"},
        "rabbit": {"url": "${THE_URL:-amqp://localhost}"}})
    status, out, err = run("-c", write(tmp_path, config), "--print-config",
                           env={"THE_HOST": "redis.example"})
    assert (status, err) == (0, "")
    assert "redis.example:6380" in json.loads(out)["connections"]["redis"]["url"]


def test_print_config_fills_in_the_defaults(tmp_path):
    # Does --print-config show what holds where the file says nothing?
    path = write(tmp_path, MINIMAL)
    status, out, err = run("-c", path, "--print-config")
    assert (status, err) == (0, "")
    config = json.loads(out)
    first, second = config["bridges"]
    assert first["enabled"] is True
    assert first["ack_mode"] == "on-confirm"
    assert first["annotate"] is True
    assert first["buffer"]["messages"] == 100000
    assert first["buffer"]["when_full"] == "drop-newest"
    assert second["buffer"]["when_full"] == "pause"
    assert second["from"]["prefetch"] == 256
    assert config["log"] == {"level": "info", "format": "text"}
    assert config["shutdown_timeout"] == "10s"
    again = write(tmp_path, out, "printed.json")
    assert run("-c", again, "--check")[0] == 0, "what was printed is no configuration"


def test_descriptions_are_allowed_everywhere(tmp_path):
    # May any object hold "description" and "$schema"?
    note = {"description": "why", "$schema": "https://example.org/chunneld.json"}
    config = changed(**note)
    config["connections"]["redis"].update(note)
    config["bridges"][0].update(note)
    config["bridges"][0]["from"].update(note)
    config["bridges"][0]["to"].update(note)
    status, _, err = run("-c", write(tmp_path, config), "--check")
    assert (status, err) == (0, "")
