"""From a request to what uvicorn is called with."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from asgictl.adapt import Adaptation
from asgictl.discovery import AppRef
from asgictl.errors import AsgictlError, ConfigError, StartError
from asgictl.serving import arguments, plan
from asgictl.serving.app.access_log import AccessLog
from asgictl.serving.instructions import Instructions
from asgictl.serving.request import ServeRequest
from asgictl.serving.sockets.listen import Bind
from tests.cli.test_options import COMMANDS
from tests.conftest import Write


def made(folder: Path, colors: plan.Colors = plan.PLAIN, **request: Any) -> plan.ServePlan:
    """Plan for the bundled app unless told otherwise."""
    return plan.plan(ServeRequest(**{"app": "demo", **request}), folder, {}, colors=colors)


def test_plain(tmp_path: Path) -> None:
    """Without options the plan is predictable: one process, this machine, port 8000, that port or an error."""
    planned = made(tmp_path)

    assert planned.bind == Bind(host="127.0.0.1", port=8000, next_port=False, uds=None, fd=None)
    assert (planned.workers, planned.watch) == (1, None)
    assert planned.scheme == "http"
    assert planned.instructions == Instructions(
        ref=AppRef(module="asgictl.demo", attribute="app", found="the bundled app", factory=False),
        how=Adaptation(),
        needed=("uvloop", "uvicorn.protocols.http.auto"),
        later=("uvicorn.protocols.websockets.auto",),
        access_log=AccessLog(),
        proxies="127.0.0.1,::1,::ffff:127.0.0.1",
    )


def test_uvicorn_gets_its_arguments(tmp_path: Path) -> None:
    """What has an option, what is given with -X and what asgictl adds ends up in one call."""
    planned = made(
        tmp_path,
        ws="none",
        http="h11",
        root_path="/api",
        header=("X-One: 1", "x-two:two words  "),
        uvicorn={"h11_max_incomplete_event_size": "100", "ws_per_message_deflate": False},
        graceful_timeout=3,
        colors=plan.Colors(stderr=True),
    )

    arguments = dict(planned.uvicorn)
    assert arguments.pop("log_config")["version"] == 1
    assert arguments == {
        "backlog": 2048,
        "date_header": True,
        "http": "h11",
        "server_header": True,
        "timeout_keep_alive": 5,
        "ws_max_size": 16 * 1024 * 1024,
        "ws_ping_interval": 20,
        "ws_ping_timeout": 20,
        "ws": "none",
        "root_path": "/api",
        "h11_max_incomplete_event_size": 100,
        "ws_per_message_deflate": False,
        "headers": [("X-One", "1"), ("x-two", "two words")],
        "timeout_graceful_shutdown": 3,
        "use_colors": True,
        "proxy_headers": False,
    }


def test_uvicorn_knows_what_it_is_handed() -> None:
    """Each option that is handed on, and each argument that is kept back, is one of uvicorn's."""
    import inspect

    import uvicorn

    assert set(arguments.PASSED) | set(arguments.OWNED) <= set(inspect.signature(uvicorn.run).parameters)


def test_what_to_pass_instead() -> None:
    """The hint for each argument that is kept back names options that there are, or says what to do."""
    flags = {flag for param in COMMANDS["serve"].params for flag in (*param.opts, *param.secondary_opts)}

    for name, hint in arguments.OWNED.items():
        assert hint.split()[0] in {"pass", "set", "name", "run"}, name
        assert set(re.findall(r"--[\w-]+", hint)) <= flags, name
        assert ("--" in hint) is hint.startswith("pass"), name


REFUSED = {
    "nosuch=1": ("uvicorn {} has no argument `nosuch`", "see `uvicorn.run` for what there is"),
    "h11_max_incomplete_event_sise=1": (
        "uvicorn {} has no argument `h11_max_incomplete_event_sise`",
        "did you mean `-X h11_max_incomplete_event_size=1`?",
    ),
    "port=1": ("`-X port` is decided by asgictl itself", "pass --port"),
    "ws_max_size=1": ("`-X ws_max_size` is decided by asgictl itself", "pass --ws-max-size"),
    "reload_dirs=x": ("`-X reload_dirs` is decided by asgictl itself", "pass --reload-dir"),
    "limit_max_requests=5": ("`-X limit_max_requests` is decided by asgictl itself", "pass --max-requests"),
    "reset_contextvars=maybe": ("`-X reset_contextvars=maybe` is not a boolean", "write true or false"),
    "h11_max_incomplete_event_size=100": (
        "`-X h11_max_incomplete_event_size` means nothing to httptools",
        "pass --max-header-size, or --http h11",
    ),
    "ws_max_queue=many": ("`-X ws_max_queue=many` is not a number", None),
}


def test_a_table_is_no_value(tmp_path: Path) -> None:
    """What a file gives for one of uvicorn's arguments is one value."""
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, uvicorn={"ws_max_queue": [1]})

    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        "`-X ws_max_queue` is neither text nor a number nor a boolean",
        "write it as one value",
        "uvicorn.ws_max_queue",
    )


@pytest.mark.parametrize("item", REFUSED)
def test_extra_arguments_are_checked(tmp_path: Path, item: str) -> None:
    """`-X` takes what the installed uvicorn has and asgictl does not own, in the right type."""
    import uvicorn

    message, hint = REFUSED[item]

    with pytest.raises(ConfigError) as caught:
        made(tmp_path, uvicorn=dict([item.split("=")]))

    assert (caught.value.message, caught.value.hint) == (message.format(uvicorn.__version__), hint)


TYPED = {
    "ws_max_queue=10": 10,
    "h11_max_incomplete_event_size=none": None,
    "reset_contextvars=yes": True,
    "ssl_ciphers=HIGH": "HIGH",
}


@pytest.mark.parametrize("item", TYPED)
def test_extra_arguments_are_typed(tmp_path: Path, item: str) -> None:
    """`-X` turns text into what uvicorn's parameter wants."""
    name, _, text = item.partition("=")

    assert made(tmp_path, https=True, uvicorn={name: text}).uvicorn[name] == TYPED[item]


WRONG: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "a header without a colon": ({"header": ("X-One",)}, "`X-One` is not a header", "write it as `Name: value`"),
    "a header that splits": (
        {"header": ("X: 1\r\nSet-Cookie: x",)},
        "`X: 1\r\nSet-Cookie: x` is not a header",
        "write it as `Name: value`",
    ),
    "a protocol with a typo": (
        {"http": "httptool"},
        "`--http httptool` is not known",
        "did you mean `--http httptools`?",
    ),
    "a protocol of a module that is not there": (
        {"ws": "nosuch:Protocol"},
        "there is no module `nosuch` for `--ws nosuch:Protocol`",
        "see that it is installed",
    ),
    "a loop that is none": (
        {"loop": "x"},
        "`--loop x` is not known",
        "pass auto, asyncio, none, uvloop, zuvloop or module:attribute",
    ),
    "no host": ({"host": ""}, "`--host` is empty", "pass --host 0.0.0.0 to listen on every address"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_values(tmp_path: Path, case: str) -> None:
    """Values that uvicorn would stumble over late are refused early."""
    request, message, hint = WRONG[case]

    with pytest.raises(ConfigError) as caught:
        made(tmp_path, **request)

    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A protocol whose package is not installed is refused with the way to get it."""
    monkeypatch.setattr(arguments, "find_spec", lambda _: None)

    with pytest.raises(ConfigError) as caught:
        made(tmp_path, http="zttp")

    assert caught.value.message == "`--http zttp` needs the package `zttp`"
    assert caught.value.hint == f"install it where asgictl runs: `{sys.executable} -m pip install zttp`"


@pytest.mark.parametrize("http", ["auto", "h11", "httptools", "zttp"])
def test_limits_of_heads(tmp_path: Path, http: str) -> None:
    """The limits are the runtime's to hold, with every protocol; h11, which has one of its own, is told the size."""
    planned = made(tmp_path, http=http, header_timeout=3.0, max_header_size=100)

    given = planned.instructions
    assert (given.http, given.header_timeout, given.max_header_size, given.limits_heads) == (http, 3.0, 100, True)
    assert planned.uvicorn.get("h11_max_incomplete_event_size") == (100 if http == "h11" else None)


UNLIMITED: dict[str, tuple[dict[str, Any], str]] = {
    "http2": ({"http2": True}, "--http2"),
    "their own": ({"http": "shop:Protocol"}, "--http shop:Protocol"),
}


@pytest.mark.parametrize("case", UNLIMITED)
def test_heads_without_limits(write: Write, case: str) -> None:
    """A protocol in which heads cannot be limited is served as it is, and a note says so, unless no limit is wanted."""
    fields, named = UNLIMITED[case]
    folder = write({"main.py": "", "shop.py": ""})
    request = ServeRequest(app="main:app", header_timeout=3.0, max_header_size=100)._replace(**fields)

    assert not plan.plan(request, folder, {}).instructions.limits_heads
    assert arguments.unlimited(request) == (
        f"--header-timeout and --max-header-size do nothing with `{named}`: have a proxy in front limit the heads of "
        "requests, and pass 0 for both"
    )
    assert arguments.unlimited(request._replace(header_timeout=0, max_header_size=0)) is None
    assert arguments.unlimited(request._replace(http="auto", http2=False)) is None


def test_production_wants_an_app(write: Write) -> None:
    """`--prod` with nothing to serve is an error, and never the bundled app."""
    folder = write({"app/x.txt": ""})

    with pytest.raises(StartError) as caught:
        made(folder, app=None, prod=True)

    assert (caught.value.message, caught.value.hint) == (
        f"there is no app in `{folder}`",
        "name it: `asgictl serve module:app` (looked in this folder, app/)",
    )


def test_instructions_survive_the_way_to_a_worker(tmp_path: Path) -> None:
    """What a worker reads from the environment is what the parent wrote."""
    instructions = Instructions(
        ref=AppRef(module="m", attribute="a", found="x", path=("p",), settings="s", file=tmp_path),
        how=Adaptation(interface="wsgi", wsgi_threads=3),
        startup_timeout=1.5,
        access_log=AccessLog("json", lock="/tmp/lock"),
    )

    read, more = Instructions.loads(instructions.dumps(address="\0address"))

    assert more == {"address": "\0address"}
    assert list(read.ref.path) == ["p"]
    read = read._replace(ref=read.ref._replace(path=("p",), also=(), looked=(), notes=()), needed=(), later=())
    assert read._replace(access_log=read.access_log and read.access_log._replace(quiet_path=())) == instructions


def test_every_error_has_its_status() -> None:
    """Each kind of error has the exit status that the README promises."""
    from asgictl import errors

    family: list[type[AsgictlError]] = [AsgictlError, *AsgictlError.__subclasses__()]
    kinds = {kind.__name__: kind.exit_status for kind in family}

    assert kinds == {
        "AsgictlError": 1,
        "ConfigError": 2,
        "StartError": 3,
        "FileProblemError": 4,
        "InterruptedByUserError": 130,
    }
    assert (errors.STOPPED, errors.FORCED) == (0, 130)
