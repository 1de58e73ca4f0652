"""Fixtures of the scenarios: one private RabbitMQ a session with a virtual host a test, Redis
servers and daemons a test. When a test passes, its daemons are asked to stop, must do so cleanly
and leave balanced books; when it fails, every log is printed."""

import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "integration"))

from harness.broker import Broker  # noqa: E402
from harness.rig import Rig  # noqa: E402

_LOG_LINES = 80
_TEST_SECONDS = 300
_LONG_SECONDS = 1800


def pytest_addoption(parser):
    parser.addoption("--faults", action="store_true", help="the faults in their long form")


def pytest_collection_modifyitems(config, items):
    """Without --faults there are no tests that only the long form has."""
    if not config.getoption("--faults"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def form(request):
    """form(a, b): a in the quick form, b in the long one."""
    long = request.config.getoption("--faults")
    return lambda quick, full: full if long else quick


@pytest.fixture(autouse=True)
def _time_limit(form):
    """No test hangs for ever, also not inside a client library."""
    seconds = form(_TEST_SECONDS, _LONG_SECONDS)

    def expire(*_):
        raise TimeoutError(f"the test took more than {seconds} s")

    signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session")
def session_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="chunneld-test-"))
    folder.chmod(0o755)
    yield folder
    if not os.environ.get("CHUNNELD_TEST_KEEP"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def broker(session_folder):
    broker = Broker(session_folder / "rabbitmq")
    try:
        broker.restart()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def rig(request, session_folder, broker):
    """Everything a scenario needs; see harness/rig.py."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", request.node.name)[:60]
    rig = Rig(pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=session_folder)), broker)
    yield rig
    rig.tear_down()


@pytest.fixture
def alarm(rig):
    """Sets and clears the broker's memory alarm, and clears it at the end in any case."""
    yield rig.broker.set_memory_alarm
    rig.broker.set_memory_alarm(False)


@pytest.hookimpl(hookwrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """What holds after every scenario is checked as a part of it."""
    outcome = yield
    rig = pyfuncitem.funcargs.get("rig")
    if rig is not None and outcome.excinfo is None:
        try:
            rig.check_end()
        except BaseException as error:  # handed to pytest as the test's own failure
            outcome._excinfo = (type(error), error, error.__traceback__)
            outcome._result = None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    rig = getattr(item, "funcargs", {}).get("rig")
    if report.failed and rig is not None:
        for title, text in rig.logs():
            lines = text.splitlines()
            left_out = max(len(lines) - _LOG_LINES, 0)
            shown = "\n".join(lines[left_out:])
            report.sections.append((f"{title} ({left_out} lines before left out)", shown))
