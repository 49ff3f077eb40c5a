"""Each command of each document does what a reader expects of it: on a copy of this tree, in the documents' order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from deploy.local.servers import NotReady
from tests.docs.documents import DOCUMENTS, Command, commands
from tests.docs.shell import Copy, fresh_copy
from tests.docs.values import Values
from tests.waiting import until

# What is not run here, and why. Of a target of make it is seen that make knows what to do.
NOT_HERE = {
    r"(SCREENSHOTS=\S+ )?make (test|lint|bench|load-test|screenshots)\b": "it runs this test in itself, or for minutes",
    r"make dev\b": "it is make up, with a restart of everything",
    r"make (up|down)-docker\b|docker ": "there is no Docker here; tests/unit/deploy reads what it would",
    r"kubectl ": "there is no cluster here; tests/unit/deploy renders and checks what it would apply",
    r"mongo(dump|restore) ": "no package that we fetch has MongoDB's tools; see tests/system/test_restore.py",
}
# What goes on until somebody ends it.
FOLLOWS = re.compile(r"(\S+=\S+ )?(make logs|python -m deploy\.local logs|manage\.py (consume|relay|live))\b")
# What is asked again until all is well: heartbeats age for 15 seconds, and messages are on their way.
LOOKS = re.compile(r"manage\.py (doctor|audit)\b")
# What is run each time that a block has it; the rest would say the same again.
EACH_TIME = {"make up", "make down"}
WITH_ANSWERS = {"manage.py erase_customer": " --yes --no-wait"}  # nobody answers, and a minute is long
END = Command("the end", 0, "make down")


@dataclass(frozen=True)
class Outcome:
    """What became of a command: `problem` is empty where all is well."""

    command: Command
    problem: str


@pytest.fixture(scope="module")
def copy() -> Iterator[Copy]:
    with fresh_copy() as copy:
        yield copy


@pytest.fixture(scope="module")
def outcomes(copy: Copy) -> list[Outcome]:
    """All documents' commands, run one after the other."""
    values = Values(copy)
    return [Outcome(command, _problem(copy, values, command.bare)) for command in _once([*EVERY, END])]


def _once(every: list[Command]) -> Iterator[Command]:
    """Each command once. What a table and a block have is run where it is in the block, between what belongs to it."""
    known = {command.bare for command in every if command.fenced}
    done = set[str]()
    for command in every:
        wanted = command.fenced or command.bare not in known
        if wanted and (command.bare not in done or command.bare in EACH_TIME):
            done.add(command.bare)
            yield command


def _problem(copy: Copy, values: Values, text: str) -> str:
    if not is_run(text):
        return _dry(copy, text)
    text = copy.with_its_ports(values.in_place(text))
    text += "".join(answers for begins, answers in WITH_ANSWERS.items() if text.startswith(begins))
    done = copy.follow(text) if FOLLOWS.match(text) else copy.run(text)
    if LOOKS.match(text) and done.status:
        try:
            until(text, lambda: not (copy.run(text).status))
        except NotReady:
            done = copy.run(text)
        else:
            return ""
    expected = {0, 130, -2} if FOLLOWS.match(text) else {0}
    wrong = done.status not in expected or "Traceback" in done.said or "/problems/" in done.said
    return f"{text}\nends with {done.status}:\n{done.said[-3000:]}" if wrong else ""


def _dry(copy: Copy, text: str) -> str:
    if "make " not in text:
        return ""
    done = copy.run(text.replace("make ", "make -n ", 1))
    return done.said if done.status else ""


def is_run(text: str) -> bool:
    return not any(re.match(pattern, text) for pattern in NOT_HERE)


EVERY = [command for page in DOCUMENTS for command in commands(page)]


@pytest.mark.parametrize("document", sorted({command.document for command in [*EVERY, END]}))
def test_the_commands_of_a_document_work(outcomes: list[Outcome], document: str) -> None:
    wrong = [each for each in outcomes if each.problem and each.command.document == document]
    assert not wrong, "\n\n".join(f"{each.command}\n{each.problem}" for each in wrong)


def test_nothing_is_left_out_that_no_document_names() -> None:
    assert [pattern for pattern in NOT_HERE if not any(re.match(pattern, each.text) for each in EVERY)] == []
