"""What long commands say: JSON lines for machines, without anything a customer said or is called."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from regard.cli.logs import JsonLines, talk
from regard.errors import SettingError, SourceError


@pytest.fixture(autouse=True)
def as_before():
    root, own = logging.getLogger(), logging.getLogger("regard")
    held = (root.handlers, root.level, own.level, sys.excepthook)
    yield
    root.handlers, sys.excepthook = held[0], held[3]
    root.setLevel(held[1])
    own.setLevel(held[2])


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def broken(say):
    try:
        try:
            {"email": "x"}["ada@example.com"]
        except KeyError as error:
            raise SourceError("A row cannot be read.", found="ada@example.com") from error
    except SourceError:
        logging.getLogger("regard.web").exception("It broke.")


def test_a_line_says_when_who_and_what():
    stream = io.StringIO()
    talk("serve", to=stream, environment={})("Sealing goes on.")
    (said,) = lines(stream)
    assert (said["level"], said["process"], said["says"]) == ("info", "serve", "Sealing goes on.")
    assert said["at"].endswith("Z")


def test_of_an_exception_it_tells_the_kind_and_the_place_and_no_message():
    stream = io.StringIO()
    broken(talk("serve", to=stream, environment={}))
    (said,) = lines(stream)
    assert said["error"] == "SourceError"
    assert said["where"][-1].endswith("broken")
    assert "ada" not in stream.getvalue()


def test_what_libraries_put_into_their_lines_is_left_out():
    stream = io.StringIO()
    talk("serve", to=stream, environment={})
    logging.getLogger("some.library").warning("no such user %s", "ada@example.com")
    assert lines(stream)[0]["says"] == "no such user %s"


def test_quiet_leaves_out_what_is_no_trouble():
    stream = io.StringIO()
    say = talk("serve", quiet=True, to=stream, environment={})
    say("Following.")
    logging.getLogger("regard.web").warning("An answer broke.")
    assert [one["says"] for one in lines(stream)] == ["An answer broke."]


def test_an_exception_that_nobody_caught_is_told_in_the_same_way():
    stream = io.StringIO()
    talk("follow", to=stream, environment={})
    try:
        raise ValueError("ada@example.com")
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert lines(stream)[0]["error"] == "ValueError"
    assert "ada" not in stream.getvalue()


def test_text_where_it_is_asked_for_and_nothing_else_is_known():
    stream = io.StringIO()
    talk("serve", to=stream, environment={"REGARD_LOG": "text"})("Sealing goes on.")
    assert stream.getvalue() == "Sealing goes on.\n"
    with pytest.raises(SettingError, match="json or text"):
        talk("serve", to=stream, environment={"REGARD_LOG": "xml"})


def test_a_slow_answer_is_told_by_its_route():
    record = logging.makeLogRecord({"name": "regard.web", "msg": "An answer broke.", "route": "/people/{person_id}"})
    assert json.loads(JsonLines("serve").format(record))["route"] == "/people/{person_id}"
