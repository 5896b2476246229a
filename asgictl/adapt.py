"""From an `AppRef` to one ASGI 3 application, whatever the user has."""

import ast
import functools
import importlib
import inspect
import os
import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple

from asgictl import collector, failure, frameworks, reading
from asgictl.asgi import Asgi2, ASGIApp, Interface
from asgictl.discovery import SETTINGS, AppRef
from asgictl.discovery.source.offers import FACTORY_NAMES
from asgictl.errors import AppLoadError
from asgictl.reading import shown

_ASGI3_ARGUMENTS = 3
_WSGI_ARGUMENTS = 2


class Adaptation(NamedTuple):
    """How to turn what the user has into an ASGI 3 application."""

    interface: Interface = "auto"
    factory: bool = False
    static: bool = True
    wsgi_threads: int = 10


class Adapted(NamedTuple):
    """An ASGI 3 application and what it is, in words: the framework, or the interface.

    `docs` is the path of its API's documentation, where it has one, and `source` the user's own object.
    """

    app: ASGIApp
    kind: str
    docs: str | None = None
    source: Any = None


def load(ref: AppRef) -> Any:
    """Import `ref` and return the object it names; raise `AppLoadError` when that fails."""
    collector.as_usual()
    for entry in reversed(ref.path):
        if entry not in sys.path:
            sys.path.insert(0, entry)
    if ref.settings:
        os.environ.setdefault(SETTINGS, ref.settings)
    try:
        value: Any = importlib.import_module(ref.module)
    except (Exception, SystemExit, KeyboardInterrupt, BaseExceptionGroup) as error:  # user code: anything can come
        raise failed(f"cannot load `{ref}`", error, own=(ref.module, ref.settings or "")) from error
    taken = getattr(value, "__file__", None)
    if ref.file and taken and Path(taken).exists() and not ref.file.samefile(taken):
        problem = f"`{shown(ref.file)}` cannot be imported: the name `{ref.module}` belongs to `{taken}`"
        raise AppLoadError(problem, hint="rename it, or put it into a package")
    for name in ref.attribute.split("."):
        try:
            value = getattr(value, name)
        except AttributeError as error:
            raise _missing(ref, value, name) from error
    return value


def adapt(ref: AppRef, how: Adaptation) -> Adapted:
    """Import `ref` and return it as an ASGI 3 application; raise `AppLoadError` when it cannot be one."""
    value = load(ref)
    if how.factory or ref.factory or _is_factory(value):
        value = _call(ref, value)
    source = value
    framework = frameworks.identify(value)
    interface = how.interface
    if interface != "auto" and framework and framework.interface != interface:
        problem = f"`{ref}` is an app of {framework.name}, whose interface is {framework.interface}, not {interface}"
        raise AppLoadError(problem, hint="drop --interface")
    if interface == "auto":
        interface = framework.interface if framework else _interface(ref, value)
    kind = framework.name if framework else {"asgi3": "ASGI", "asgi2": "ASGI 2", "wsgi": "WSGI"}[interface]
    if how.static and (ref.settings or (framework and framework.name.startswith("Django"))):
        value = _with_django_static(value, interface)
    docs = frameworks.documentation(value)
    if interface == "wsgi":
        return Adapted(_from_wsgi(value, how.wsgi_threads), kind, docs, source)
    if interface == "asgi2":
        return Adapted(Asgi2(value), kind, docs, source)
    return Adapted(value, kind, docs, source)


def startup_failed(message: str) -> AppLoadError:
    """Return the error that tells of a startup of which the app has said that it failed, and why."""
    reason = failure.last_line(message)
    whole = None if message.strip() in ("", reason) else failure.Failure("", reason, message)
    return AppLoadError(f"the app's startup failed: {reason}", failure=whole)


def failed(what: str, error: BaseException, *, own: Iterable[str] = ()) -> AppLoadError:
    """Return the error that tells of `error`, which came out of the user's code, with its file and line.

    `own` names modules of the user's, which no package index has.
    """
    from asgictl import missing

    found, leaf = failure.of(error), failure.first(error)
    message, name = " ".join(found.message.split()), type(leaf).__name__
    if isinstance(leaf, SystemExit):
        said = f"the app called `sys.exit({'' if leaf.code is None else repr(leaf.code)})`"
    else:
        said = f"{name}: {message}" if message else name
    place = _in_settings(leaf, own) or found.place
    where = f" ({place})" if place else ""
    more = f", and {found.more} more" if found.more else ""
    return AppLoadError(
        f"{what}: {said}{where}{more}", hint=missing.hint(leaf, own) or _about_loop(leaf), failure=found
    )


def _about_loop(error: BaseException) -> str | None:
    """Return where to start what needs an event loop, if `error` is that none runs."""
    if isinstance(error, RuntimeError) and str(error) == "no running event loop":  # asyncio's own words
        return "no event loop runs while the app is imported: start it in the lifespan's startup"
    return None


def _in_settings(error: BaseException, own: Iterable[str]) -> str | None:
    """Return the place in the project's settings where the module stands that is not there, as in INSTALLED_APPS."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    for module in own if name else ():
        file = getattr(sys.modules.get(module), "__file__", None)
        if file is None:
            continue
        try:
            lines = reading.text(Path(file), errors="replace").splitlines()
        except OSError:
            continue
        for number, line in enumerate(lines, 1):
            if re.search(rf"""["']{re.escape(str(name))}[."']""", line):
                return f"{shown(Path(file))}:{number}"
    return None


def _missing(ref: AppRef, owner: Any, name: str) -> AppLoadError:
    names = {key: value for key, value in getattr(owner, "__dict__", {}).items() if not key.startswith("_")}
    apps = [key for key, value in names.items() if frameworks.identify(value)]
    before = str(ref).removesuffix(f"{name}{ref.attribute.partition(name)[2]}")
    owners = before.rstrip(":.")
    guess = next(iter((*get_close_matches(name, names, n=1), *apps)), None)
    if frameworks.identify(owner):
        hint = f"did you mean `{owners}`?"
    elif guess:
        hint = f"did you mean `{before}{guess}`?"
    else:
        hint = f"it was read from `{getattr(sys.modules[ref.module], '__file__', 'the interpreter')}`"
    by = f" ({ref.found})" if ref.found.startswith("named") else ""
    return AppLoadError(f"`{owners}` has no attribute `{name}`{by}", hint=hint)


def _is_factory(value: Any) -> bool:
    """Tell whether `value` has to be called, without arguments, to get the application."""
    plain = inspect.isroutine(value) or inspect.isclass(value) or isinstance(value, functools.partial)
    if not plain or frameworks.identify(value):
        return False
    if getattr(value, "__name__", "") in FACTORY_NAMES:
        return True
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return False
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return inspect.isclass(value)
    return all(
        parameter.default is not parameter.empty or parameter.kind is parameter.VAR_KEYWORD for parameter in parameters
    )


def _call(ref: AppRef, factory: Any) -> Any:
    if not callable(factory):
        problem = f"`{ref}` is not a factory: {type(factory).__name__} cannot be called"
        raise AppLoadError(
            problem, hint=f"did you mean `{ref.module}:{ref.attribute}`?" if ref.arguments else "drop --factory"
        )
    if frameworks.identify(factory):
        raise AppLoadError(f"`{ref}` is an object, not a factory", hint="drop --factory, or the brackets")
    if inspect.iscoroutinefunction(factory):
        hint = "make it a plain function, and do what has to be awaited in the lifespan"
        raise AppLoadError(f"the factory `{ref}` is async", hint=hint)
    args, words = _literals(ref.arguments)
    try:
        app = factory(*args, **words)
    except (Exception, SystemExit, BaseExceptionGroup) as error:  # user code
        told = failed(f"the factory `{ref}` failed", error, own=(ref.module, ref.settings or ""))
        if not _takes(factory, args, words):
            told.hint = "name it with literals for its arguments, like `module:create_app('dev')`"
        raise told from error
    if app is None:
        raise AppLoadError(f"the factory `{ref}` returned None", hint="have it return the app")
    return app


def _takes(factory: Any, args: list[Any], words: dict[str, Any]) -> bool:
    try:
        inspect.signature(factory).bind(*args, **words)
    except TypeError:
        return False
    except ValueError:  # one in C has no signature
        return True
    return True


def _literals(arguments: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the named arguments that `arguments` are, the text between the brackets of a call."""
    call = ast.parse(f"_({arguments})", mode="eval").body
    assert isinstance(call, ast.Call)  # noqa: S101  # which the finder has seen to
    words = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
    return [ast.literal_eval(value) for value in call.args], words


def _interface(ref: AppRef, value: Any) -> Literal["asgi3", "asgi2", "wsgi"]:
    """Tell the interface of `value` from its signature."""
    if foreign := frameworks.of_foreign_object(value):
        place = {"file": shown(ref.file) if ref.file else ref.module, "module": ref.module, "name": ref.attribute}
        problem = f"`{ref}` ({foreign.name}) is neither ASGI nor WSGI"
        raise AppLoadError(problem, hint=foreign.advice.format(**place))
    if not callable(value):
        hint = "name the application object, not a module or a setting"
        raise AppLoadError(f"`{ref}` is not an application: {type(value).__name__} cannot be called", hint=hint)
    call = value if inspect.isroutine(value) or inspect.isclass(value) else type(value).__call__
    if inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(value):
        return "asgi3"
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return "asgi3"
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return "asgi3"
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = sum(parameter.kind in positional and parameter.default is parameter.empty for parameter in parameters)
    names = [parameter.name for parameter in parameters]
    if required == _ASGI3_ARGUMENTS:
        return "asgi3"
    if required == _WSGI_ARGUMENTS:
        return "wsgi"
    if required == 1 and (inspect.isclass(value) or names[0] == "scope"):
        return "asgi2"
    hint = "pass --interface if it is one, or name a factory that needs no arguments"
    raise AppLoadError(f"`{ref}` takes ({', '.join(names)}), which is neither ASGI nor WSGI", hint=hint)


def _from_wsgi(value: Any, threads: int) -> ASGIApp:
    from a2wsgi import WSGIMiddleware

    def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # a2wsgi names stdout; PEP 3333 wants the place for the server's errors.
        environ["wsgi.errors"] = sys.stderr
        return value(environ, start_response)  # type: ignore[no-any-return]

    return WSGIMiddleware(wsgi, workers=threads)  # type: ignore[arg-type,return-value]


def _with_django_static(value: Any, interface: str) -> Any:
    """Serve the static files of a Django project that runs with DEBUG, as its own `runserver` does."""
    if "django.conf" not in sys.modules:
        return value
    from django.conf import settings

    if not (settings.configured and settings.DEBUG and "django.contrib.staticfiles" in settings.INSTALLED_APPS):
        return value
    from django.contrib.staticfiles import handlers

    return handlers.StaticFilesHandler(value) if interface == "wsgi" else handlers.ASGIStaticFilesHandler(value)
