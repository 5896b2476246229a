"""The lifespan protocol between the user's app, as `--lifespan` wants it, and uvicorn, where it is always on.

https://asgi.readthedocs.io/en/latest/specs/lifespan.html
"""

import asyncio
from typing import Protocol

from asgictl import adapt, failure
from asgictl.asgi import ASGIApp, Message, Receive, Scope, Send
from asgictl.errors import AppLoadError
from asgictl.serving.processes import forks
from asgictl.serving.request import LifespanMode

# How long an app may go on after it has said that its startup failed, in seconds.
_FAILED_LIMIT = 1.0


class LifespanWatcher(Protocol):
    """Who is told how the lifespan goes."""

    def startup_failed(self, error: AppLoadError) -> bool:
        """The app has not started; return whether to go on all the same."""

    def startup_complete(self) -> None:
        """The app has started, or has nothing to start."""

    def shutdown_began(self) -> None:
        """Uvicorn has stopped waiting for connections."""

    def note(self, text: str) -> None:
        """Something that users should know has happened."""

    @property
    def stop_begun(self) -> bool:
        """Whether the process was asked to stop."""


class NotLifespanError(ValueError):
    """An app without lifespan support has answered the lifespan scope as if it were a request."""


class Lifespan:
    """One run of the lifespan protocol."""

    def __init__(self, app: ASGIApp, mode: LifespanMode, watcher: LifespanWatcher) -> None:
        self._app = app
        self._mode = mode
        self._watcher = watcher
        self._receive: Receive
        self._send: Send
        self._startup_received = False
        self._started = False
        self._too_late = False
        self._shutdown_received = False
        self._shutdown_answered = False
        self._failure: str | None = None
        self._late_failure: str | None = None
        self._limit: asyncio.TimerHandle | None = None

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app's lifespan from the startup to the shutdown, or stand in for one that has none."""
        self._receive, self._send = receive, send
        error = None if self._mode == "off" else await self._run_app(scope)
        if self._limit is not None:
            self._limit.cancel()
        if self._shutdown_answered:
            self._report_end(error)
            return
        if self._cancelled_by_loop(error):
            raise asyncio.CancelledError  # whatever the app has made of it
        if self._started:
            self._report_end(error)
        elif self._goes_on(self._problem(error)):
            await self._complete()
        else:
            await send({"type": "lifespan.startup.failed", "message": ""})
            return
        while not self._shutdown_received:
            await self._receive_for_app()
        await self._answer_shutdown()

    async def _run_app(self, scope: Scope) -> BaseException | None:
        """Call the app with the lifespan scope; return what it raised."""
        try:
            with forks.kept_out():
                await self._app(scope, self._receive_for_app, self._send_for_app)
        except asyncio.CancelledError:
            if self._shutdown_answered:  # the loop does not wait for the app's last words
                return None
            if self._cancelled_by_loop():
                raise
        except BaseException as error:  # noqa: BLE001  # user code
            return error
        return None

    def _cancelled_by_loop(self, error: BaseException | None = None) -> bool:
        """Tell whether the loop is being closed; forget a cancellation of what is over anyway.

        That is one of a startup, or the one with which a task group has woken its own task (Python 3.11).
        """
        task = asyncio.current_task()
        if task is None:
            return False
        over = not self._started and (self._watcher.stop_begun or self._failure is not None)
        if over or _is_of_task_group(error):
            while task.cancelling():
                task.uncancel()
        return task.cancelling() > 0

    def _problem(self, error: BaseException | None) -> AppLoadError | None:
        """Return why the startup counts as failed, or None when the app just has no lifespan."""
        if self._failure is not None and error is None:
            return adapt.startup_failed(self._failure)
        if error is not None and (self._failure is not None or self._mode == "on" or _is_an_end(error)):
            return adapt.failed("the app's startup failed", error)
        if self._mode == "on" and not self._watcher.stop_begun:
            hint = "drop `--lifespan on` to serve an app without lifespan"
            return AppLoadError("the app's startup failed: it never said that it is complete", hint=hint)
        if error is not None and self._startup_received and not isinstance(error, NotLifespanError):
            # The specification has the server go on, which can hide a startup that broke half-way.
            problem = adapt.failed("the app is served without its lifespan, which ended early", error)
            self._watcher.note(f"{problem.message}; `--lifespan on` makes that an error, `--lifespan off` says nothing")
        return None

    def _goes_on(self, problem: AppLoadError | None) -> bool:
        """Tell whether to serve after the startup, which had `problem`."""
        if self._watcher.stop_begun:
            return False
        return problem is None or self._watcher.startup_failed(problem)

    def _report_end(self, error: BaseException | None) -> None:
        """Say what went wrong after the startup: what the app has raised, or else what it has said."""
        what = "the app's shutdown failed" if self._shutdown_received else "the app's lifespan ended early"
        if error is not None and (self._late_failure is not None or not self._shutdown_answered):
            self._watcher.note(adapt.failed(what, error).message)
        elif self._late_failure is not None:
            self._watcher.note(f"{what}: {failure.last_line(self._late_failure)}")

    async def _complete(self) -> None:
        self._started = True
        self._too_late = self._watcher.stop_begun  # uvicorn would listen, where a successor may listen by now
        if not self._too_late:
            await self._send({"type": "lifespan.startup.complete"})
        self._watcher.startup_complete()

    async def _receive_for_app(self) -> Message:
        message: Message = {"type": "lifespan.shutdown"} if self._too_late else await self._receive()
        if message["type"] == "lifespan.startup":
            self._startup_received = True
        elif message["type"] == "lifespan.shutdown":
            self._shutdown_received = True
            self._watcher.shutdown_began()
        return message

    async def _send_for_app(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete" and not self._started:
            await self._complete()
        elif kind == "lifespan.startup.failed" and not self._started:
            self._failure = str(message.get("message") or "")
            task = asyncio.current_task()
            if task is not None:
                self._limit = asyncio.get_running_loop().call_later(_FAILED_LIMIT, task.cancel)
        elif kind == "lifespan.shutdown.complete" and self._shutdown_received:
            await self._answer_shutdown()
        elif kind == "lifespan.shutdown.failed" and self._started:
            # Starlette sends it also when its lifespan ends while the app is served.
            self._late_failure = str(message.get("message") or "")
            if self._shutdown_received:
                await self._answer_shutdown()
        else:
            problem = f"`{kind}` does not belong in the lifespan protocol here"
            raise NotLifespanError(problem)

    async def _answer_shutdown(self) -> None:
        self._shutdown_answered = True
        await self._send({"type": "lifespan.startup.failed" if self._too_late else "lifespan.shutdown.complete"})


def _is_an_end(error: BaseException) -> bool:
    """Tell whether an error is meant to end a program, which an app that just has no lifespan does not do."""
    return not isinstance(error, (Exception, BaseExceptionGroup))


def _is_of_task_group(error: BaseException | None) -> bool:
    """Tell whether an error is a group, and not what an app has made of a cancellation."""
    return isinstance(error, BaseExceptionGroup) and not isinstance(error.__context__, asyncio.CancelledError)
