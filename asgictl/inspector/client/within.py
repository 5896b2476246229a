"""`async with` and `with` around a generator, as of `contextlib`, but without a frame in a failing test's traceback."""

import asyncio
import functools
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Generic, ParamSpec, TypeVar

from asgictl import failure

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")

# What to do where a test has another loop than asyncio's.
ASYNCIO = 'apps are run with asyncio, and this test is not: have a fixture `anyio_backend` return "asyncio"'

_HERE = Path(__file__).parent

_ENDS = (StopIteration, StopAsyncIteration)


class Within(Generic[T]):
    """What an asynchronous generator yields, for an `async with`; the generator swallows no exception."""

    def __init__(self, steps: AsyncGenerator[T, None]) -> None:
        self._steps = steps

    async def __aenter__(self) -> T:
        __tracebackhide__ = True
        return await anext(self._steps)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        if error is None:
            await anext(self._steps, None)
            return
        try:
            await self._steps.athrow(error)
        except BaseException as raised:
            # An exception that ends iterators comes out of a generator as the cause of another one (PEP 479).
            if raised is not error and not (isinstance(error, _ENDS) and raised.__cause__ is error):
                raise
            error.__traceback__ = stack


def within(function: Callable[P, AsyncGenerator[T, None]]) -> Callable[P, Within[T]]:
    """Have a function, or a method, that yields once return what it yields for an `async with`."""

    @functools.wraps(function)
    def entered(*args: P.args, **kwargs: P.kwargs) -> Within[T]:
        __tracebackhide__ = True
        return Within(function(*args, **kwargs))

    return entered


class Blocking(Generic[T, U]):
    """The same for a `with` in code without `async`: what `runner` runs, and `of` makes of what it yields."""

    def __init__(self, context: Within[T], runner: asyncio.Runner, of: Callable[[T, asyncio.Runner], U]) -> None:
        self._context = context
        self._runner = runner
        self._of = of

    def __enter__(self) -> U:
        __tracebackhide__ = True
        return self._of(run(self._runner, self._context.__aenter__), self._runner)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        run(self._runner, self._context.__aexit__, kind, error, stack)


def run(runner: asyncio.Runner, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what is awaited of `function`, or raise it here: not out of asyncio's own frames.

    Raises `RuntimeError` in code with `async`, whose own loop would stand still meanwhile.
    """
    __tracebackhide__ = True
    if asyncio._get_running_loop() is not None:  # noqa: SLF001  # documented, and raises nothing
        raise RuntimeError("in a test with `async`, use `async with asgi_inspect(app) as client:`")
    if _is_under_trio():
        raise RuntimeError(ASYNCIO)
    outcome = runner.run(_outcome(function, *args, **kwargs))
    if isinstance(outcome, _Raised):
        try:
            raise outcome.error
        finally:
            del outcome  # which is kept alive by its traceback, which is kept alive by it
    return outcome


def users_stack(error: BaseException) -> TracebackType | None:
    """Take the frames of libraries, and ours, out of what a call has raised; return the stack if it is of a call."""
    if not any(Path(frame.f_code.co_filename).parent == _HERE for frame, _ in walk_tb(error.__traceback__)):
        return None
    failure.keep_users_frames(error)
    return error.__traceback__


def _is_under_trio() -> bool:
    trio = sys.modules.get("trio")
    try:
        return trio is not None and trio.lowlevel.current_task() is not None
    except RuntimeError:
        return False


class _Raised:
    def __init__(self, error: Exception) -> None:
        self.error = error


async def _outcome(function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T | _Raised:
    __tracebackhide__ = True
    try:
        return await function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  # whatever the app raises
        return _Raised(error)
