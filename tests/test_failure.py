"""What is known of an exception that came out of the user's code."""

import functools
import json
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asgictl import adapt, failure
from asgictl.failure import Failure
from asgictl.inspector.client.refusing import GoneError

HERE = Path(__file__).relative_to(Path.cwd())


def raised(call: Callable[[], Any]) -> BaseException:
    """Return what a call raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # any
        call()
    return caught.value


def users() -> None:
    """Fail, as a user's code does."""
    raise KeyError("path")


def through_a_library() -> None:
    """Fail in a library that the user's code calls."""
    json.loads("{")


def chained() -> None:
    """Fail because of another failure."""
    try:
        through_a_library()
    except ValueError as error:
        raise RuntimeError("no luck") from error


def grouped() -> None:
    """Fail in three ways at once, two of them deeper."""
    inner = BaseExceptionGroup("inner", [raised(users), raised(chained)])
    raise BaseExceptionGroup("outer", [inner, raised(through_a_library)])


SAID: dict[str, tuple[Callable[[], None], str, str, int]] = {
    "the user's": (users, "KeyError: 'path'", "users", 0),
    "a library's": (through_a_library, "json.decoder.JSONDecodeError: Expecting property name", "through_a_library", 0),
    "because of another": (chained, "RuntimeError: no luck", "chained", 0),
    "a group": (grouped, "KeyError: 'path', and 2 more", "users", 2),
}


def line_of(function: Callable[[], None]) -> int:
    """Return the number of the last line of a function."""
    import inspect

    lines, first = inspect.getsourcelines(function)
    return first + len(lines) - 1


@pytest.mark.parametrize("case", SAID)
def test_what_is_said(case: str) -> None:
    """An exception is told by its class, what it says, and the innermost line of the user's; a group by its first."""
    call, said, _, more = SAID[case]

    found = failure.of(raised(call))

    inner = {"users": users, "through_a_library": through_a_library, "chained": chained}[SAID[case][2]]
    assert str(found).startswith(said)
    assert (found.place, found.more) == (f"{HERE}:{line_of(inner)}", more)


def test_the_whole_traceback_and_the_users() -> None:
    """The traceback is what Python prints; the stack has the user's frames alone, those of causes too."""
    found = failure.of(raised(chained))

    assert "decoder.py" in found.traceback
    assert found.traceback.splitlines()[-1] == found.stack.splitlines()[-1] == "RuntimeError: no luck"
    assert re.findall(r"in (\w+)$", found.stack, re.MULTILINE) == ["chained", "through_a_library", "raised", "chained"]


def test_the_stack_of_a_group() -> None:
    """Each exception of a group is in the stack, with the user's frames alone."""
    stack = failure.of(raised(grouped)).stack

    assert "decoder.py" not in stack
    assert re.findall(r"\| (\w*Error|json.decoder.JSONDecodeError): ", stack) == [
        "KeyError",
        "json.decoder.JSONDecodeError",
        "RuntimeError",
        "json.decoder.JSONDecodeError",
    ]


def leaving(*, told: bool) -> BaseException:
    """Return what an app raises that has handled that its client has gone, from that, or by a mistake."""

    def app() -> None:
        try:
            raise GoneError("the client has gone")
        except OSError as error:
            if told:
                raise ValueError("no upload") from error
            raise KeyError("mistaken")  # noqa: B904  # the mistake

    return raised(app)


def test_what_says_that_the_client_has_gone() -> None:
    """An exception raised from one that says so is of the client's leaving; one that has come meanwhile is a bug."""
    told, mistaken = leaving(told=True), leaving(told=False)
    told_again = RuntimeError("no answer")
    told_again.__cause__ = told
    loop = RuntimeError("round")
    loop.__cause__ = loop

    known = {GoneError(): True, told: True, told_again: True, mistaken: False, loop: False}
    assert {error: failure.of(error).is_due_to_leaving for error in known} == known
    assert [failure.of(BaseExceptionGroup("", [told, *more])).is_due_to_leaving for more in ([], [mistaken])] == [
        True,
        False,
    ]


def test_a_cause_in_a_library() -> None:
    """Of a cause that has come and gone in a library what it says is left, as the user's frames are elsewhere."""
    cause = raised(functools.partial(json.loads, "{"))
    assert cause.__traceback__ is not None
    cause.__traceback__ = cause.__traceback__.tb_next

    def chain() -> None:
        raise RuntimeError("no luck") from cause

    stack = failure.of(raised(chain)).stack

    assert stack.splitlines()[:4] == [
        f"json.decoder.JSONDecodeError: {cause}",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
    ]
    assert re.findall(r"in (\w+)$", stack, re.MULTILINE) == ["raised", "chain"]


def test_nothing_of_the_users() -> None:
    """Where no frame is the user's, those of libraries are left."""
    error = raised(functools.partial(json.loads, "{"))
    assert error.__traceback__ is not None

    found = failure.of(error, error.__traceback__.tb_next)

    assert found.stack == found.traceback
    assert "decoder.py" in found.stack


def test_the_tracebacks_themselves() -> None:
    """An exception is left with the user's frames alone, and so are its causes, and those in a group."""
    error = raised(grouped)

    failure.keep_users_frames(error)

    text = "".join(traceback.format_exception(error))
    assert "decoder.py" not in text
    assert {"grouped", "users", "chained", "through_a_library"} <= set(re.findall(r"in (\w+)$", text, re.MULTILINE))
    other = raised(functools.partial(json.loads, "{"))
    other.__traceback__ = before = other.__traceback__ and other.__traceback__.tb_next
    failure.keep_users_frames(other)
    assert other.__traceback__ is before


def test_a_module_that_cannot_be_parsed(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A syntax error is told with the place in the file, and without the frames that have read it."""
    folder = write({"torn.py": "x = 1\ny = (\n"})
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)

    found = failure.of(raised(lambda: __import__("torn")))

    assert (str(found), found.place) == ("SyntaxError: '(' was never closed", "torn.py:2")


def test_an_exception_that_cannot_be_said() -> None:
    """An exception whose text fails is told by its class."""

    class TornError(Exception):
        def __str__(self) -> str:
            raise ValueError("no")

    assert str(failure.of(TornError())) == f"{__name__}.{TornError.__qualname__}"


def test_what_is_equal() -> None:
    """A failure is a value."""
    assert Failure("A", "b", "c") == Failure("A", "b", "c", "", None, 0)


def test_the_users_own_place_is_named() -> None:
    """Of a stack, the innermost line that belongs to no library is named."""
    here = str(Path(__file__))
    library = functools.__file__

    assert failure.users_place([(here, 1), (library, 2)]) == f"{Path(here).relative_to(Path.cwd())}:1"
    assert failure.users_place([(library, 2)]) is None
    for foreign in ("/x/site-packages/a.py", "/x/dist-packages/a.py", adapt.__file__, "<string>", "/x/a.so"):
        assert failure.users_place([(here, 1), (foreign, 2)]) == f"{Path(here).relative_to(Path.cwd())}:1"
    assert failure.users_place([(here, 1), ("/x/site-packages.py", 2)]) == "/x/site-packages.py:2"
    assert failure.users_place([]) is None


def deep_causes(depth: int) -> BaseException:
    """Return an exception with very many causes."""
    error: BaseException = ValueError("first")
    for number in range(depth):
        following = ValueError(str(number))
        following.__cause__ = error
        error = following
    return error


def deep_groups(depth: int) -> BaseException:
    """Return a group in a group, and so on."""
    error: BaseException = ValueError("inside")
    for _ in range(depth):
        error = BaseExceptionGroup("g", [error])
    return error


def odd_syntax_error() -> BaseException:
    """Return a syntax error whose file is not a name."""
    return SyntaxError("bad", (123, "x", None, None))  # type: ignore[arg-type]


ODD: dict[str, tuple[Callable[[], BaseException], str]] = {
    "thousands of causes": (lambda: deep_causes(3000), "ValueError: 2999"),
    "groups, very deep": (lambda: deep_groups(3000), "ValueError: inside"),
    "a wide group": (lambda: BaseExceptionGroup("g", list(map(ValueError, range(500)))), "ValueError: 0, and 499 more"),
    "a file that is no name": (odd_syntax_error, "SyntaxError: bad"),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_exceptions(case: str) -> None:
    """Whatever an app raises can be told."""
    make, said = ODD[case]

    found = failure.of(make())

    assert str(found).startswith(said)
    assert found.traceback
    assert found.stack


def test_the_place_of_a_group() -> None:
    """Where the first exception of a group has no frame of the user's, the place is the group's own."""

    def group() -> None:
        raise ExceptionGroup("g", [OSError("refused")])

    assert failure.of(raised(group)).place == f"{HERE}:{line_of(group)}"


def test_what_is_a_library() -> None:
    """Code without an absolute path is generated, or a module of Cython's, and not the user's."""
    for file in ("uvloop/loop.pyx", "<string>", "<frozen importlib._bootstrap>", adapt.__file__, json.__file__):
        assert failure.is_library(file)
    assert not failure.is_library(__file__)


def test_syntax_in_a_string(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A syntax error in code that a file runs from a string is placed in the file."""
    folder = write({"runs.py": "exec('y = (')\n"})
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)

    assert failure.of(raised(lambda: __import__("runs"))).place == "runs.py:1"
