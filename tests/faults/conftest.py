"""What every fault's scenario has: an account of what was injected and what was counted. The name of
a test is its row in doc/delivery.md, its docstring the letter and the question."""

import re

import pytest

from harness.account import Account

_ROW = re.compile(r"test_([a-z]\d+)_")
_DOC = re.compile(r"([NDWS])\. (.*)", re.DOTALL)


@pytest.fixture(autouse=True)
def account(request):
    row = _ROW.match(request.node.name).group(1).upper()
    result, question = _DOC.fullmatch(request.node.function.__doc__.strip()).groups()
    case = request.node.callspec.id if hasattr(request.node, "callspec") else ""
    account = Account(row, result, " ".join(question.split()) + (f" [{case}]" if case else ""))
    if "rig" in request.fixturenames:
        request.getfixturevalue("rig").account = account
    yield account
    account.finish()
