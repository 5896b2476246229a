"""What each wish of a request makes of the plan, beside the arguments that uvicorn gets as they are."""

import os
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from asgictl import environment
from asgictl.certs import served
from asgictl.errors import ConfigError, StartError
from asgictl.serving import arguments, equivalent, plan, protocols
from asgictl.serving.app.access_log import AccessLog
from asgictl.serving.plan import Colors, ServePlan, Watch
from asgictl.serving.request import ServeRequest
from asgictl.serving.sockets.listen import Bind
from asgictl.serving.tls import TlsRequest
from tests.conftest import Write


def made(
    folder: Path, environ: dict[str, str] | None = None, /, colors: Colors = plan.PLAIN, **request: Any
) -> ServePlan:
    """Plan for the bundled app unless told otherwise."""
    return plan.plan(ServeRequest(**{"app": "demo", **request}), folder, environ or {}, colors=colors)


NO_HOST = "pass --host with a name or an address alone"
HOSTS: dict[str, tuple[str, str]] = {
    "127.0.0.1:80": ("`--host 127.0.0.1:80` holds a port", "pass --host 127.0.0.1 --port 80"),
    "shop.test:8000": ("`--host shop.test:8000` holds a port", "pass --host shop.test --port 8000"),
    ":80": ("`--host :80` holds a port", "pass --port 80"),
    "[::1]:80": ("`--host [::1]:80` holds a port", "pass --host ::1 --port 80"),
    "http://shop.test:80/": ("`--host http://shop.test:80/` holds a port", "pass --host shop.test --port 80"),
    "http://shop.test": ("`--host http://shop.test` is not a host", NO_HOST),
    "shop.test/": ("`--host shop.test/` is not a host", NO_HOST),
    "": ("`--host` is empty", "pass --host 0.0.0.0 to listen on every address"),
}


@pytest.mark.parametrize("host", HOSTS)
def test_wrong_hosts(tmp_path: Path, host: str) -> None:
    """A host with more in it than a host says what to pass instead."""
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, host=host)

    assert (caught.value.message, caught.value.hint, caught.value.option) == (*HOSTS[host], "host")


@pytest.mark.parametrize("host", ["localhost", "::", "::1", "0.0.0.0", "shop.test", "2001:db8::8000"])
def test_hosts(tmp_path: Path, host: str) -> None:
    """A name or an address of either protocol is taken as it is."""
    assert made(tmp_path, host=host).bind == Bind(host=host)


NO_PREFIX = "pass a path alone, like /api, of ASCII letters, digits and punctuation without `%`, `?` and `#`"
ROOT_PATHS: dict[str, str | None] = {
    "api": "pass --root-path /api",
    "api/v1/": "pass --root-path /api/v1",
    **dict.fromkeys(
        ("//", "/a//b", "/a//", "//a", "https://shop.test/api", "/a?b", "/a#b", "/a b", " /a", "/a\n", "?"), NO_PREFIX
    ),
    **dict.fromkeys(("/caf\xe9", "/a%20b", "/a/../b", "/.", "/a/.", "..", "/a\\b", '/"', "/{x}"), NO_PREFIX),
}


@pytest.mark.parametrize("path", ROOT_PATHS)
def test_wrong_root_paths(tmp_path: Path, path: str) -> None:
    """What is not the beginning of a path, as uvicorn puts it before every path, says what to pass instead."""
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, root_path=path)

    message = f"`--root-path {path}` is not the beginning of a path"
    assert (caught.value.message, caught.value.hint, caught.value.option) == (message, ROOT_PATHS[path], "root-path")


GOOD_ROOT_PATHS = {
    "": "",
    "/": "",
    "/api": "/api",
    "/api/": "/api",
    "/user/j@x/proxy/8000/": "/user/j@x/proxy/8000",
    "/~a/.b/c..d": "/~a/.b/c..d",
}


@pytest.mark.parametrize("path", GOOD_ROOT_PATHS)
def test_root_paths(tmp_path: Path, path: str) -> None:
    """A prefix gets no slash at its end, for paths bring their own."""
    assert made(tmp_path, root_path=path).uvicorn["root_path"] == GOOD_ROOT_PATHS[path]


PASSED = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
BINDS: dict[str, tuple[dict[str, Any], dict[str, str], Bind]] = {
    "a port": ({"port": 80, "next_port": True}, {}, Bind(port=80, next_port=True)),
    "a UNIX socket": ({"uds": "/run/x", "uds_mode": "600"}, PASSED, Bind(uds="/run/x", uds_mode=0o600)),
    "a descriptor": ({"fd": 0}, PASSED, Bind(fd=0)),
    "systemd's": ({}, PASSED, Bind(fd=3)),
    "a backlog": ({"backlog": 5}, {}, Bind(backlog=5)),
}


@pytest.mark.parametrize("case", BINDS)
def test_where_it_listens(tmp_path: Path, case: str) -> None:
    """It listens where it is told to, else on systemd's socket, else on the port."""
    request, environ, bind = BINDS[case]

    planned = made(tmp_path, environ, **request)

    assert planned.bind == bind
    assert planned.instructions.drain == (0.5 if bind.fd is not None else 0)


def test_max_requests_need_workers(tmp_path: Path) -> None:
    """One process that has ended is not started again."""
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, max_requests=5)

    assert (caught.value.message, caught.value.hint, caught.value.option) == (
        "`--max-requests` needs more than one worker",
        "pass --workers 2, or drop it: one process that has ended is not started again",
        "max-requests",
    )
    planned = made(tmp_path, max_requests=5, workers="2")
    assert (planned.instructions.max_requests, planned.workers) == (5, 2)


HTTP2: dict[str, tuple[dict[str, Any], str, str]] = {
    "another protocol": (
        {"http": "h11"},
        "`--http2` does not go with `--http h11`",
        "drop --http: HTTP/2 needs zttp",
    ),
    "no package": (
        {},
        "`--http2` needs the package `zttp`",
        f"install it where asgictl runs: `{sys.executable} -m pip install zttp`",
    ),
}


@pytest.mark.parametrize("case", HTTP2)
def test_http2_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """HTTP/2 needs its protocol and the package of it."""
    given, message, hint = HTTP2[case]
    monkeypatch.setattr(arguments, "find_spec", lambda name: None if name == "zttp" else object())

    with pytest.raises(ConfigError) as caught:
        made(tmp_path, http2=True, **given)

    assert (caught.value.message, caught.value.hint, caught.value.option) == (message, hint, "http2")


@pytest.mark.parametrize(
    ("given", "option", "extra"),
    [
        ({"https": True}, "https", "https"),
        ({"ssl_certfile": "cert.pem"}, "ssl-certfile", "https"),
        ({"http2": True}, "http2", "http2"),
        ({"http": "zttp"}, "http", "http2"),
    ],
)
def test_a_uvicorn_that_is_too_old_for_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], option: str, extra: str
) -> None:
    """HTTPS and HTTP/2 need a newer uvicorn than serving does; the extra of each brings it."""
    monkeypatch.setattr(uvicorn, "run", lambda app: app)
    monkeypatch.setattr(uvicorn, "__version__", "0.41.0")

    with pytest.raises(ConfigError) as caught:
        made(tmp_path, **given)

    expected = f"`--{option}` needs a newer uvicorn than 0.41.0", environment.adding(extra), option
    assert (caught.value.message, caught.value.hint, caught.value.option) == expected


@pytest.mark.parametrize(("given", "http"), [({}, "zttp"), ({"http": "auto"}, "zttp"), ({"http": "zttp"}, "zttp")])
def test_http2(tmp_path: Path, given: dict[str, Any], http: str) -> None:
    """HTTP/2 brings its protocol with it; without it nothing is said of either."""
    pytest.importorskip("zttp")

    planned = made(tmp_path, http2=True, **given).uvicorn
    assert (planned["http2"], planned["http"]) == (True, http)
    assert "http2" not in made(tmp_path, http2=False).uvicorn


PROXIES: dict[str, tuple[dict[str, Any], dict[str, str], str | None]] = {
    "nothing": ({}, {}, "127.0.0.1,::1,::ffff:127.0.0.1"),
    "the environment": ({}, {"FORWARDED_ALLOW_IPS": "10.0.0.1"}, "10.0.0.1"),
    "the option": ({"forwarded_allow_ips": "*"}, {"FORWARDED_ALLOW_IPS": "10.0.0.1"}, "*"),
    "none": ({"proxy_headers": False, "forwarded_allow_ips": "*"}, {"FORWARDED_ALLOW_IPS": "*"}, None),
    "a UNIX socket": ({"uds": "/run/x"}, {}, "127.0.0.1,::1,::ffff:127.0.0.1,unix:"),
    "further ones": ({"uds": "/run/x", "forwarded_allow_ips": "10.0.0.1"}, {}, "10.0.0.1,unix:"),
    "all": ({"uds": "/run/x"}, {"FORWARDED_ALLOW_IPS": "*"}, "*"),
    "none over a UNIX socket": ({"uds": "/run/x", "proxy_headers": False}, {}, None),
    "no socket": ({"fd": 9999}, {}, "127.0.0.1,::1,::ffff:127.0.0.1"),
}


@pytest.mark.parametrize("case", PROXIES)
def test_proxies(tmp_path: Path, case: str) -> None:
    """The proxies on this machine are believed, or those that are named, or none."""
    request, environ, wanted = PROXIES[case]

    assert made(tmp_path, environ, **request).instructions.proxies == wanted


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6])
def test_proxies_over_a_socket_of_the_parent(tmp_path: Path, family: socket.AddressFamily) -> None:
    """A socket that is open already, systemd's too, is looked at, and left open."""
    addresses = "127.0.0.1,::1,::ffff:127.0.0.1"
    with socket.socket(family) as sock:
        planned = made(tmp_path, fd=sock.fileno())

        assert planned.instructions.proxies == (f"{addresses},unix:" if family is socket.AF_UNIX else addresses)
        os.fstat(sock.fileno())


LOGS: dict[str, tuple[dict[str, Any], AccessLog | None]] = {
    "text": ({}, AccessLog()),
    "in colour": ({"colors": Colors(stdout=True)}, AccessLog(colors=True)),
    "JSON has no colour": ({"colors": Colors(stdout=True), "access_log_format": "json"}, AccessLog("json")),
    "quiet": ({"quiet_path": ("/healthz", "/static/*")}, AccessLog(quiet_path=("/healthz", "/static/*"))),
    "none, whatever its form": ({"access_log": False, "access_log_format": "jsn"}, None),
}


@pytest.mark.parametrize("case", LOGS)
def test_the_access_log(tmp_path: Path, case: str) -> None:
    """The access log has its form, and colours where somebody sees them."""
    request, wanted = LOGS[case]

    assert made(tmp_path, **request).instructions.access_log == wanted


def test_a_wrong_form(tmp_path: Path) -> None:
    """A form of the access log that is none is refused."""
    with pytest.raises(ConfigError, match="`--access-log-format jsn` is not known"):
        made(tmp_path, access_log_format="jsn")


def test_the_servers_log(tmp_path: Path) -> None:
    """The server's log has its form, what uvicorn says of itself when that is wanted, and colours only as text."""
    formatters = [made(tmp_path, log_format=form).uvicorn["log_config"]["formatters"] for form in ("text", "json")]
    assert [it["default"]["()"] for it in formatters] == [
        "uvicorn.logging.DefaultFormatter",
        "asgictl.serving.logs.JSONFormatter",
    ]
    assert [
        made(tmp_path, log_format=form, colors=Colors(stderr=colors)).uvicorn["use_colors"]
        for form, colors in (("text", True), ("text", False), ("json", True))
    ] == [True, False, None]
    handlers = [made(tmp_path, verbose=verbose).uvicorn["log_config"]["handlers"] for verbose in (True, False)]
    assert [it["default"]["filters"] for it in handlers] == [[], ["lifecycle"]]
    assert [
        made(tmp_path, traceback=whole).uvicorn["log_config"]["handlers"]["default"]["whole"] for whole in (True, False)
    ] == [True, False]


@pytest.mark.parametrize("ws", ["none", "websockets-sansio"])
def test_another_websocket_protocol(tmp_path: Path, ws: str) -> None:
    """A protocol for WebSockets that is named is uvicorn's affair."""
    planned = made(tmp_path, ws=ws)

    assert (planned.uvicorn["ws"], planned.instructions.later) == (ws, ())


def test_no_websocket_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library for WebSockets uvicorn looks for another."""
    assert made(tmp_path).uvicorn["ws"] is protocols.websockets
    monkeypatch.setattr(protocols, "find_spec", lambda _: None)
    planned = made(tmp_path)

    assert (planned.uvicorn["ws"], planned.instructions.later) == ("auto", ())


def test_what_the_worker_gets(tmp_path: Path) -> None:
    """What concerns the app goes to the process that runs it."""
    planned = made(
        tmp_path,
        interface="asgi3",
        factory=True,
        static=False,
        wsgi_threads=3,
        lifespan="off",
        graceful_timeout=2.5,
        startup_timeout=7.0,
        show_errors="never",
        loop="asyncio",
    )

    instructions = planned.instructions
    assert instructions.how == ("asgi3", True, False, 3)
    assert instructions[2:6] == ("off", 2.5, 7.0, "asyncio")
    assert (instructions.show_errors, instructions.reload, "loop" in planned.uvicorn) == ("never", False, False)
    assert planned.uvicorn["timeout_graceful_shutdown"] == 2.5


def test_what_is_watched(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """With reload the folder is watched, and where else the app comes from; or what is named, with its patterns."""
    folder = write({"main.py": "async def app(scope, receive, send): ...\n", "lib/x.py": ""})
    monkeypatch.chdir(folder)
    assert made(folder, app="main:app").watch is None
    planned = made(folder, app="main:app", reload=True)
    assert (planned.watch, planned.instructions.reload) == (Watch((folder,)), True)
    named: dict[str, Any] = {"reload_dir": ("lib",), "reload_include": ("*.html",), "reload_exclude": ("test_*",)}
    assert made(folder, reload=True, **named).watch == Watch((folder / "lib",), ("*.html",), ("test_*",))


def test_an_app_that_a_change_may_bring(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """With reload an app that is not found is looked for again, unless it was named, or is only to be checked."""
    folder = write({"main.py": "app = (\n"})
    monkeypatch.chdir(folder)
    ends: list[dict[str, Any]] = [{}, {"reload": True, "check": True}, {"reload": True, "app": "nosuch:app"}]
    for more in ends:
        with pytest.raises(StartError):
            made(folder, **{"app": None, **more})
    planned = made(folder, app=None, reload=True)

    assert (planned.instructions.ref, planned.watch) == (plan.NOT_FOUND, Watch((folder,)))
    assert planned.search is not None
    with pytest.raises(StartError, match="was never closed"):
        planned.search()
    write({"main.py": "async def app(scope, receive, send): ...\n"})
    assert str(planned.search()) == "main:app"
    assert made(folder, app=None, reload=True).search is None


def test_the_bundled_app_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With reload an app is looked for as long as the bundled one stands in."""
    monkeypatch.chdir(tmp_path)
    planned = made(tmp_path, app=None, reload=True)

    assert str(planned.instructions.ref) == "asgictl.demo:app"
    assert planned.search is not None
    assert made(tmp_path, app=None).search is None
    assert made(tmp_path, app="demo", reload=True).search is None


def test_an_app_from_elsewhere_is_watched(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that lies outside of the folder is watched where it is, unless the folders to watch are named."""
    app = "async def app(scope, receive, send): ...\n"
    files = {"here/x.py": "", "src/shop/web.py": app, "src/shop/__init__.py": app, "lib/alone.py": app}
    folder = write(files)
    here = folder / "here"
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder / "src"), str(folder / "lib")])

    for name, place in (("shop.web:app", "src"), ("shop:app", "src"), ("alone:app", "lib")):
        planned = made(here, app=name, reload=True)
        assert (planned.watch, planned.instructions.ref.notes) == (Watch((here, folder / place)), ())
    named = made(here, app="shop.web:app", reload=True, reload_dir=(".",))
    assert (named.watch, named.instructions.ref.notes) == (Watch((here,)), ())


def test_an_installed_app_is_not_watched(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was installed is not watched; a line says so, and which option does it."""
    app = "async def app(scope, receive, send): ...\n"
    folder = write({"here/x.py": "", "my site-packages/site-packages/shop/web.py": app, "site-packages/alone.py": app})
    here = folder / "here"
    monkeypatch.chdir(here)
    site = folder / "my site-packages/site-packages"
    (site / "shop/__init__.py").touch()
    monkeypatch.setattr(sys, "path", [*sys.path, str(site), str(folder / "site-packages")])

    shop, alone = (made(here, app=name, reload=True) for name in ("shop.web:app", "alone:app"))

    assert (shop.watch, shop.instructions.ref.notes) == (
        Watch((here,)),
        (f"`shop` is installed in `{site}`, which is not watched; --reload-dir '{site}/shop' watches it",),
    )
    lib = folder / "site-packages"
    assert alone.instructions.ref.notes == (
        f"`alone` is installed in `{lib}`, which is not watched; --reload-dir {lib} watches it",
    )
    assert made(here, app="json.tool:main", reload=True).watch == Watch((here,))


CERTIFICATES: dict[str, tuple[TlsRequest, dict[str, Any]]] = {
    "asgictl's own": (
        TlsRequest(),
        {
            "ssl_certfile": str(served.DEFAULT.certificate),
            "ssl_keyfile": str(served.DEFAULT.key),
            "ssl_keyfile_password": None,
        },
    ),
    "a pair": (
        TlsRequest("a.pem", "a.key", "secret"),
        {"ssl_certfile": "a.pem", "ssl_keyfile": "a.key", "ssl_keyfile_password": "secret"},
    ),
    "one file": (
        TlsRequest("a.pem"),
        {"ssl_certfile": "a.pem", "ssl_keyfile": "a.pem", "ssl_keyfile_password": None},
    ),
    "clients that must": (
        TlsRequest("a.pem", client_ca="ca.pem"),
        {
            "ssl_certfile": "a.pem",
            "ssl_keyfile": "a.pem",
            "ssl_keyfile_password": None,
            "ssl_ca_certs": "ca.pem",
            "ssl_cert_reqs": int(ssl.CERT_REQUIRED),
        },
    ),
    "clients that may": (
        TlsRequest("a.pem", client_ca="ca.pem", client_cert="optional"),
        {
            "ssl_certfile": "a.pem",
            "ssl_keyfile": "a.pem",
            "ssl_keyfile_password": None,
            "ssl_ca_certs": "ca.pem",
            "ssl_cert_reqs": int(ssl.CERT_OPTIONAL),
        },
    ),
}


@pytest.mark.parametrize("case", CERTIFICATES)
def test_certificates(case: str) -> None:
    """Uvicorn gets the files, and whether clients must show a certificate."""
    request, wanted = CERTIFICATES[case]

    assert request.arguments() == wanted


def test_https(tmp_path: Path) -> None:
    """HTTPS has its scheme, its oldest version and its files in the plan."""
    planned = made(tmp_path, https=True, tls_min="1.3")

    assert (planned.scheme, planned.instructions.tls_min) == ("https", "1.3")
    assert planned.uvicorn["ssl_certfile"] == str(served.DEFAULT.certificate)
    assert (made(tmp_path).scheme, made(tmp_path).instructions.tls_min) == ("http", None)


# What is asked for, and the command line of uvicorn's that does the same.
COMMANDS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "uvicorn main:app --timeout-graceful-shutdown 8"),
    "an address": (
        {"host": "::1", "port": 80},
        "uvicorn main:app --host ::1 --port 80 --timeout-graceful-shutdown 8",
    ),
    "a UNIX socket": (
        {"uds": "/run/x"},
        "uvicorn main:app --uds /run/x --forwarded-allow-ips '*' --timeout-graceful-shutdown 8",
    ),
    "a UNIX socket without proxies": (
        {"uds": "/run/x", "proxy_headers": False},
        "uvicorn main:app --uds /run/x --no-proxy-headers --timeout-graceful-shutdown 8",
    ),
    "a descriptor": ({"fd": 3}, "uvicorn main:app --fd 3 --timeout-graceful-shutdown 8"),
    "workers": (
        {"workers": "3", "max_requests": 9},
        "uvicorn main:app --workers 3 --timeout-graceful-shutdown 8 --limit-max-requests 9",
    ),
    "no log, no proxies": (
        {"access_log": False, "proxy_headers": False},
        "uvicorn main:app --no-access-log --no-proxy-headers --timeout-graceful-shutdown 8",
    ),
    "proxies": (
        {"forwarded_allow_ips": "*"},
        "uvicorn main:app --forwarded-allow-ips '*' --timeout-graceful-shutdown 8",
    ),
    "headers": (
        {"header": ["X-One: 1", "X-Two: a b"]},
        "uvicorn main:app --timeout-graceful-shutdown 8 --header X-One:1 --header 'X-Two:a b'",
    ),
    "a limit that is no whole number": (
        {"graceful_timeout": 2.25},
        "uvicorn main:app --timeout-graceful-shutdown 3",
    ),
    "lifespan and interface": (
        {"lifespan": "off", "interface": "asgi3", "factory": True},
        "uvicorn main:app --lifespan off --interface asgi3 --timeout-graceful-shutdown 8 --factory",
    ),
    "a loop and a path": (
        {"loop": "asyncio", "root_path": "/api", "server_header": False},
        ("uvicorn main:app --loop asyncio --root-path /api --no-server-header --timeout-graceful-shutdown 8"),
    ),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_the_command_line_of_uvicorn(write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Whoever wants to go without asgictl gets the command line of uvicorn that does the same."""
    folder = write({"main.py": "async def app(scope, receive, send): ...\n"})
    monkeypatch.chdir(folder)
    request, wanted = COMMANDS[case]

    assert sorted(equivalent.command(made(folder, app="main:app", **request)).split()) == sorted(wanted.split())


def test_the_command_line_for_development(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reload comes with its folders and patterns, and a key's password is not shown."""
    folder = write({"main.py": "async def app(scope, receive, send): ...\n", "lib/x.py": ""})
    monkeypatch.chdir(folder)
    monkeypatch.setattr("asgictl.serving.tls.check", lambda _: None)
    patterns: dict[str, Any] = {"reload_include": ("*.html",), "reload_exclude": ("test_*",), "reload_dir": ("lib",)}
    request = {
        **patterns,
        "app": "main:app",
        "reload": True,
        "ssl_certfile": "a.pem",
        "ssl_keyfile": "a.key",
        "ssl_keyfile_password": "secret",
    }

    words = equivalent.command(made(folder, **request))

    assert words == (
        f"uvicorn main:app --reload --reload-dir {folder}/lib --reload-include '*.html' --reload-exclude 'test_*'"
        " --timeout-graceful-shutdown 8 --ssl-keyfile a.key --ssl-certfile a.pem --ssl-keyfile-password '***'"
    )


def test_the_arguments_of_a_factory_are_lost(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uvicorn calls a factory without arguments, which is said."""
    folder = write({"main.py": "def create_app(name): ...\n"})
    monkeypatch.chdir(folder)

    assert equivalent.missing(made(folder, app="main:create_app('dev')")) == ["the factory's arguments"]


def test_a_factory_that_the_source_does_not_show(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is named with a call is a factory for uvicorn too, whatever the source says of it."""
    folder = write({"main.py": "import sys\nbuild = sys.modules['shop'].build\n"})
    monkeypatch.chdir(folder)

    words = equivalent.command(made(folder, app="main:build()"))

    assert words == "uvicorn main:build --timeout-graceful-shutdown 8 --factory"


MISSING: dict[str, dict[str, Any]] = {
    "--https": {"https": True},
    "--redirect-http": {"ssl_certfile": "cert.pem", "redirect_http": 80},
    "--tls-min": {"ssl_certfile": "cert.pem", "tls_min": "1.3"},
    "--uds-mode": {"uds": "/run/x"},
    "--next-port": {"next_port": True},
    "--access-log-format": {"access_log_format": "json"},
    "--quiet-path": {"quiet_path": ("/x",)},
    "--startup-timeout": {"startup_timeout": 3.0},
    "--show-errors": {"reload": True},
}


@pytest.mark.parametrize("option", MISSING)
def test_what_uvicorn_has_nothing_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """What is lost on the way to uvicorn is named, and nothing else is."""
    monkeypatch.setattr("asgictl.serving.tls.check", lambda _: None)

    assert equivalent.missing(made(tmp_path, **MISSING[option])) == [option]
    assert equivalent.missing(made(tmp_path, access_log=False)) == []
