"""`pytest --asgi-check`: every app that passes through a test client is checked, without a change in the tests."""

import contextlib
import copy
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from asgictl.asgi import ASGIApp, Receive, Scope, Send
from asgictl.inspector.record import RAISED, SEVERITIES, Finding, Opened, Record
from asgictl.inspector.recorder import Inspector
from asgictl.inspector.rules import catalogue, tally

# The classes, and functions, that take an app as their first argument, by their modules.
CLIENTS = {
    "httpx": ("ASGITransport",),
    "httpx2": ("ASGITransport",),
    "starlette.testclient": ("TestClient",),
    "litestar.testing.client.base": ("BaseTestClient",),
    "async_asgi_testclient.testing": ("TestClient",),
    "falcon.testing.client": ("ASGIConductor", "_simulate_request_asgi"),
}


class SuiteFinding(NamedTuple):
    """What was found in a run: the rule, the most serious of it with the first test that showed that, and how often."""

    rule: str
    severity: str
    text: str
    place: str | None
    request: str
    test: str
    times: int


class Suite:
    """Checks the apps of a run's test clients from `begin` to `end`, and has what was found, by rules."""

    def __init__(self, ignore: Iterable[str] = ()) -> None:
        """Leave out the rules whose numbers are like a pattern in `ignore`."""
        self.test = ""
        self._ignore = tuple(ignore)
        self.apps = 0
        self._living: dict[int, weakref.ref[Any]] = {}
        self.found: dict[str, SuiteFinding] = {}
        self._finder = _Finder(self._patch)
        self._undo: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Have the clients take the apps with an inspector around them, whenever they are imported."""
        sys.meta_path.insert(0, self._finder)
        for name in CLIENTS:
            if name in sys.modules:
                self._patch(sys.modules[name])

    def end(self) -> None:
        """Leave the clients as they were."""
        sys.meta_path.remove(self._finder)
        for undo in self._undo:
            undo()

    def merge(self, found: Sequence[Sequence[Any]], apps: int) -> None:
        """Take in what was found in another process."""
        self.apps += apps
        for one in found:
            self._add(SuiteFinding(*one))

    def lines(self) -> Iterator[str]:
        """Yield what was found, the most serious first, each with the first test that showed it."""
        for one in sorted(self.found.values(), key=lambda one: (SEVERITIES.index(one.severity), one.rule)):
            rule = catalogue.rules()[one.rule]
            yield f"{one.rule} {one.severity}{f', {one.times} times' if one.times > 1 else ''}: {one.text}"
            yield f"  {one.request}{f', {one.place}' if one.place else ''}"
            yield f"  first in {one.test or 'the collection of the tests'}"
            yield f"  {rule.sentence} {rule.link}"
            yield f"  To do: {rule.change}"

    def summary(self) -> str:
        """Return how many apps were checked, and how many rules are broken."""
        counts = ", ".join(
            tally.number_of(sum(one.severity == kind for one in self.found.values()), kind) for kind in _TOLD
        )
        return f"{tally.number_of(self.apps, 'app')} checked: {counts}"

    @property
    def has_errors(self) -> bool:
        """Whether a rule of the specification itself is broken."""
        return any(one.severity == "error" for one in self.found.values())

    def checked(self, app: ASGIApp) -> Any:
        """Return an app that is `app` in all, but for the rules that are checked when it is called."""
        if not _is_asgi(app) or type(app) is _Checked:
            return app
        self._count(app)
        requests: dict[int, str] = {}

        def sink(record: Record) -> None:
            if isinstance(record, Opened):
                scope = record.scope
                requests[record.id] = " ".join(str(scope[key]) for key in ("type", "method", "path") if key in scope)
                if len(requests) > _REMEMBERED:
                    del requests[next(iter(requests))]

        def on_finding(finding: Finding) -> None:
            if finding.rule != RAISED:
                request = requests.get(finding.id, "")
                told = finding.severity, finding.text, finding.place, request, self.test
                self._add(SuiteFinding(finding.rule, *told, times=1))

        return _Checked(
            app, Inspector(app, sink=sink, redact=(), check="app", ignore=self._ignore, on_finding=on_finding)
        )

    def _count(self, app: Any) -> None:
        """Count an app, once for all of its clients, as long as it lives."""
        one = app.__self__ if inspect.ismethod(app) else app
        number = id(one)
        if number in self._living:
            return
        self.apps += 1
        with contextlib.suppress(TypeError):  # not every object can be referred to weakly
            self._living[number] = weakref.ref(one, lambda _: self._living.pop(number, None))

    def _add(self, one: SuiteFinding) -> None:
        before = self.found.get(one.rule)
        if before is None:
            self.found[one.rule] = one
            return
        worst = min(before, one, key=lambda each: tally.rank(each.severity, each.place))
        self.found[one.rule] = worst._replace(times=before.times + one.times)

    def _patch(self, module: types.ModuleType) -> None:
        for name in CLIENTS[module.__name__]:
            client = getattr(module, name, None)
            if isinstance(client, type):
                self._wrap(client, "__init__", place=1)
            elif client is not None:
                self._wrap(module, name, place=0)

    def _wrap(self, owner: Any, name: str, *, place: int) -> None:
        """Have a function of `owner` take an app that is checked, as the argument in that `place`."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if len(args) > place:
                args = (*args[:place], self.checked(args[place]), *args[place + 1 :])
            elif "app" in kwargs:
                kwargs["app"] = self.checked(kwargs["app"])
            return original(*args, **kwargs)

        setattr(owner, name, wrapped)
        self._undo.append(lambda: setattr(owner, name, original))


_TOLD = ("error", "warning")
_REMEMBERED = 100


def _is_asgi(app: Any) -> bool:
    """Tell whether an app is called with three arguments: WSGI has two, and ASGI 2 one."""
    try:
        inspect.signature(app).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True


def _itself(app: Any) -> Any:
    return app


class _Checked:
    """An app with an inspector around it; whatever else is asked of it, the app answers itself."""

    __slots__ = ("_asgi_app", "_asgi_inspector")

    def __init__(self, app: Any, inspector: Inspector[Any]) -> None:
        object.__setattr__(self, "_asgi_app", app)
        object.__setattr__(self, "_asgi_inspector", inspector)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        __tracebackhide__ = True
        return await self._asgi_inspector(scope, receive, send)

    @property  # type: ignore[misc]  # so that `isinstance` says what it says of the app
    def __class__(self) -> Any:
        return type(self._asgi_app)

    def __copy__(self) -> Any:
        return copy.copy(self._asgi_app)

    def __reduce_ex__(self, _: Any) -> Any:
        return _itself, (self._asgi_app,)  # a copy is one of the app: a client has it checked

    def __getattr__(self, name: str) -> Any:
        if name in _Checked.__slots__:  # of one that is being made
            raise AttributeError(name)
        return getattr(self._asgi_app, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._asgi_app, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._asgi_app, name)

    def __eq__(self, other: object) -> bool:
        return self is other or bool(self._asgi_app == other)

    def __hash__(self) -> int:
        return hash(self._asgi_app)

    def __repr__(self) -> str:
        return repr(self._asgi_app)


class _Finder(importlib.abc.MetaPathFinder):
    """Has `imported` called with each module of a client when that is imported."""

    def __init__(self, imported: Callable[[types.ModuleType], None]) -> None:
        self._imported = imported
        self._looking = False

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002  # the interface
        target: types.ModuleType | None = None,  # noqa: ARG002  # the same
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec that the others find, whose loader calls."""
        if name not in CLIENTS or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking = False
        loader: Any = spec and spec.loader
        if loader is None:
            return None
        run = loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            run(module)
            self._imported(module)

        loader.exec_module = exec_module
        return spec
