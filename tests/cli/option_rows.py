"""What each option of each command changes: the rows of tests/cli/test_options.py."""

import datetime as dt
from typing import Any, NamedTuple

from asgictl.inspector.record.secret_names import NAMES
from asgictl.serving.plan import PROXIES

ABSENT = "absent"


class Row(NamedTuple):
    """All that an option changes, its value as text, or that it is a flag, and what it needs beside it.

    `off` is a flag that is given as `--no-...`. `toml` is the value in a file where the text, quoted or in a list, is
    not. `alone` takes the place of what all rows of the command have beside them.
    """

    changes: dict[str, Any]
    value: str | None = None
    off: bool = False
    toml: str | None = None
    beside: tuple[str, ...] = ()
    alone: tuple[str, ...] | None = None


FILES = {
    "log.json": b"{}",
    ".env": b"ASGICTL_SERVE_PORT=4321\nASGICTL_INSPECT_PORT=4321\nASGICTL_CHECK_TIME_LIMIT=7\n",
    "answer.json": b"{}",
}
PYPROJECT = "".join(f"[tool.asgictl.{command}.profiles.live]\nport = 4321\n" for command in ("serve", "inspect"))
PYPROJECT += "[tool.asgictl.check.profiles.live]\ntime-limit = 7\n"
BESIDE = {
    "check": ("demo",),
    "inspect": ("--respond-header", "X-Zero: 0"),
    "serve": ("demo",),
    "session show": ("s.jsonl",),
    "session diff": ("s.jsonl", "7", "7"),
    "session export": ("s.jsonl",),
    "session replay": ("s.jsonl",),
}


def console(of: str) -> dict[str, Any]:
    """Return what a call is given as a console when nothing is said of it."""
    flags = {"stack": "hidden", **dict.fromkeys(("json_result", "as_json", "colors", "log_colors"), False)}
    return {f"{of}.console.{name}": value for name, value in {"kind": "Console", **flags}.items()}


_CHANGE: dict[str, Any] = {"method": None, "target": None, "headers": [], "body": None}
_SENT = {"status": 0, "stderr": "", **{f"script.change.{name}": value for name, value in _CHANGE.items()}}
_SHOWN = {
    **console("show"),
    **{f"show.wanted.{name}": [] for name in ("types", "methods", "paths", "statuses")},
    "show.wanted.pattern": None,
    "show.name": "full",
    "view_of.name": "full",
    "view_of.whole": False,
}
_TLS = {
    "launch.plan.instructions.tls_min": "1.2",
    "launch.plan.uvicorn.ssl_keyfile_password": None,
    **{f"launch.plan.tls.{name}": None for name in ("ssl_keyfile", "client_ca", "redirect_http", "ciphers", "environ")},
    "launch.plan.tls.ssl_keyfile_password": None,
    "launch.plan.tls.client_cert": "required",
    "launch.plan.tls.writes": True,
    "launch.plan.tls.tls_min": "1.2",
}

SERVE = {
    "host": Row({"launch.plan.bind.host": "0.0.0.0"}, "0.0.0.0"),
    "port": Row({"launch.plan.bind.port": 1234}, "1234"),
    "next-port": Row({"launch.plan.bind.next_port": True}),
    "uds": Row({"launch.plan.bind.uds": "x.sock", "launch.plan.instructions.proxies": f"{PROXIES},unix:"}, "x.sock"),
    "uds-mode": Row({"launch.plan.bind.uds_mode": 0o600}, "600", toml="'600'", beside=("--uds", "x.sock")),
    "fd": Row({"launch.plan.bind.fd": 7, "launch.plan.instructions.drain": 0.5}, "7"),
    "open": Row({"launch.reporter.style.browser": True}),
    "qr": Row({"launch.reporter.style.qr": True}),
    "factory": Row({"launch.plan.instructions.how.factory": True}),
    "interface": Row({"launch.plan.instructions.how.interface": "asgi2"}, "asgi2"),
    "lifespan": Row({"launch.plan.instructions.lifespan": "on"}, "on"),
    "wsgi-threads": Row({"launch.plan.instructions.how.wsgi_threads": 3}, "3"),
    "static": Row({"launch.plan.instructions.how.static": False}, off=True),
    "dev": Row(
        {
            "launch.plan.bind.next_port": True,
            "launch.plan.instructions.graceful_timeout": 1.0,
            "launch.plan.instructions.reload": True,
            "launch.plan.uvicorn.timeout_graceful_shutdown": 1.0,
            "launch.plan.watch.folders": ["{folder}"],
            "launch.plan.watch.include": [],
            "launch.plan.watch.exclude": [],
            "launch.plan.watch.env_files": [],
            "launch.reporter.console.stack": "users",
        }
    ),
    "prod": Row(
        {
            "launch.reporter.style.terse": True,
            "launch.plan.instructions.header_timeout": 30.0,
            "launch.plan.instructions.max_header_size": 65536,
        }
    ),
    "workers": Row({"launch.plan.workers": 2}, "2"),
    "max-requests": Row({"launch.plan.instructions.max_requests": 5}, "5", beside=("--workers", "2")),
    "uvicorn": Row({"launch.plan.uvicorn.ws_max_queue": 3}, "ws_max_queue=3"),
    "reload": Row(
        {
            "launch.plan.instructions.reload": True,
            "launch.plan.watch.folders": ["{folder}"],
            "launch.plan.watch.include": [],
            "launch.plan.watch.exclude": [],
            "launch.plan.watch.env_files": [],
            "launch.reporter.console.stack": "users",
        }
    ),
    "reload-dir": Row({"launch.plan.watch.folders": ["{folder}/other"]}, "other", beside=("--reload",)),
    "reload-include": Row({"launch.plan.watch.include": ["*.html"]}, "*.html", beside=("--reload",)),
    "reload-exclude": Row({"launch.plan.watch.exclude": ["docs/"]}, "docs/", beside=("--reload",)),
    "show-errors": Row({"launch.plan.instructions.show_errors": "always"}, "always", beside=("--reload",)),
    "profile": Row({"launch.plan.bind.port": 4321}, "live"),
    "env-file": Row({"launch.plan.bind.port": 4321}, ".env"),
    "print-config": Row({"launch": ABSENT, "stdout": "app                   asgictl.demo:app  command line"}),
    "json": Row({"stdout": '{"schema": "asgictl/1", "command": "serve", "result": {"app"'}, beside=("--print-config",)),
    "dry-run": Row({"launch": ABSENT, "stdout": "uvicorn asgictl.demo:app --timeout-graceful-shutdown 8"}),
    "check": Row(
        {
            "launch.reporter.kind": "CheckReport",
            "launch.reporter.style": ABSENT,
            "launch.reporter.introduced": ABSENT,
            "launch.wrap": "django",
        }
    ),
    "https": Row(
        {
            **_TLS,
            "launch.plan.uvicorn.ssl_certfile": "ssl/cert.pem",
            "launch.plan.uvicorn.ssl_keyfile": "ssl/cert.key",
            "launch.plan.tls.ssl_certfile": None,
        }
    ),
    "redirect-http": Row({"launch.plan.tls.redirect_http": 8080}, "8080", beside=("--https",)),
    "ssl-certfile": Row(
        {
            **_TLS,
            "launch.plan.uvicorn.ssl_certfile": "both.pem",
            "launch.plan.uvicorn.ssl_keyfile": "both.pem",
            "launch.plan.tls.ssl_certfile": "both.pem",
        },
        "both.pem",
    ),
    "ssl-keyfile": Row(
        {"launch.plan.uvicorn.ssl_keyfile": "cert.key", "launch.plan.tls.ssl_keyfile": "cert.key"},
        "cert.key",
        beside=("--ssl-certfile", "both.pem"),
    ),
    "ssl-keyfile-password": Row(
        {"launch.plan.uvicorn.ssl_keyfile_password": "secret", "launch.plan.tls.ssl_keyfile_password": "secret"},
        "secret",
        beside=("--https",),
    ),
    "client-ca": Row(
        {
            "launch.plan.uvicorn.ssl_ca_certs": "ca.pem",
            "launch.plan.uvicorn.ssl_cert_reqs": 2,
            "launch.plan.tls.client_ca": "ca.pem",
        },
        "ca.pem",
        beside=("--https",),
    ),
    "client-cert": Row(
        {"launch.plan.uvicorn.ssl_cert_reqs": 1, "launch.plan.tls.client_cert": "optional"},
        "optional",
        beside=("--https", "--client-ca", "ca.pem"),
    ),
    "tls-min": Row(
        {"launch.plan.instructions.tls_min": "1.3", "launch.plan.tls.tls_min": "1.3"}, "1.3", beside=("--https",)
    ),
    "proxy-headers": Row({"launch.plan.instructions.proxies": None}, off=True),
    "forwarded-allow-ips": Row({"launch.plan.instructions.proxies": "10.0.0.1"}, "10.0.0.1"),
    "root-path": Row({"launch.plan.uvicorn.root_path": "/api"}, "/api"),
    "graceful-timeout": Row(
        {"launch.plan.instructions.graceful_timeout": 3.0, "launch.plan.uvicorn.timeout_graceful_shutdown": 3.0}, "3"
    ),
    "startup-timeout": Row({"launch.plan.instructions.startup_timeout": 4.0}, "4"),
    "header-timeout": Row({"launch.plan.instructions.header_timeout": 5.0}, "5"),
    "max-header-size": Row({"launch.plan.instructions.max_header_size": 9000}, "9000"),
    "timeout-keep-alive": Row({"launch.plan.uvicorn.timeout_keep_alive": 6}, "6"),
    "limit-concurrency": Row({"launch.plan.uvicorn.limit_concurrency": 7}, "7"),
    "backlog": Row({"launch.plan.bind.backlog": 9, "launch.plan.uvicorn.backlog": 9}, "9"),
    "loop": Row(
        {
            "launch.plan.instructions.loop": "asyncio",
            "launch.plan.instructions.needed": ["uvicorn.protocols.http.auto"],
        },
        "asyncio",
    ),
    "http": Row(
        {
            "launch.plan.uvicorn.http": "h11",
            "launch.plan.instructions.http": "h11",
            "launch.plan.instructions.needed": ["uvloop", "uvicorn.protocols.http.h11_impl"],
        },
        "h11",
    ),
    "http2": Row(
        {
            "launch.plan.instructions.needed": ["uvloop", "uvicorn.protocols.http.zttp_impl"],
            "launch.plan.uvicorn.http": "zttp",
            "launch.plan.uvicorn.http2": True,
        }
    ),
    "ws": Row({"launch.plan.instructions.later": [], "launch.plan.uvicorn.ws": "none"}, "none"),
    "ws-max-size": Row({"launch.plan.uvicorn.ws_max_size": 11}, "11"),
    "ws-ping-interval": Row({"launch.plan.uvicorn.ws_ping_interval": 12.0}, "12"),
    "ws-ping-timeout": Row({"launch.plan.uvicorn.ws_ping_timeout": 13.0}, "13"),
    "header": Row({"launch.plan.uvicorn.headers": [("X-One", "1")]}, "X-One: 1"),
    "server-header": Row({"launch.plan.uvicorn.server_header": False}, off=True),
    "date-header": Row({"launch.plan.uvicorn.date_header": False}, off=True),
    "log-level": Row({"launch.plan.uvicorn.log_level": "debug"}, "debug"),
    "log-format": Row(
        {
            "launch.plan.uvicorn.log_config.formatters.default.()": "asgictl.serving.logs.JSONFormatter",
            "launch.plan.uvicorn.log_config.formatters.default.fmt": ABSENT,
            "launch.plan.uvicorn.use_colors": None,
            "launch.reporter.console.as_json": True,
        },
        "json",
    ),
    "log-config": Row({"launch.plan.uvicorn.log_config": "log.json"}, "log.json"),
    "access-log": Row({"launch.plan.instructions.access_log": None}, off=True),
    "access-log-format": Row({"launch.plan.instructions.access_log.format": "json"}, "json"),
    "quiet-path": Row({"launch.plan.instructions.access_log.quiet_path": ["/health"]}, "/health"),
    "verbose": Row({"launch.plan.uvicorn.log_config.handlers.default.filters": [], "stderr": "`demo` is as named"}),
    "traceback": Row(
        {
            "launch.reporter.console.stack": "whole",
            "launch.plan.uvicorn.log_config.handlers.default.whole": True,
        }
    ),
}
INSPECT = {
    "print-config": Row(
        {
            "Live": ABSENT,
            "view_of": ABSENT,
            "launch": ABSENT,
            "Echo": ABSENT,
            "Inspector": ABSENT,
            "stdout": "app                   asgictl.inspector.echo:app  an app tha",
        }
    ),
    "json": Row({"stdout": '{"schema": "asgictl/1", "command": "inspect", "result": {"ap'}, beside=("--print-config",)),
    "verbose": Row(
        {
            "launch.plan.uvicorn.log_config.handlers.default.filters": [],
            "stderr": "`asgictl.inspector.echo:app` is as named",
        }
    ),
    "traceback": SERVE["traceback"]._replace(changes={**SERVE["traceback"].changes, "view_of.whole": True}),
    "view": Row({"view_of.name": "full"}, "full"),
    "type": Row({"Live.wanted.types": ["websocket"]}, "websocket"),
    "method": Row({"Live.wanted.methods": ["PUT"]}, "PUT"),
    "path": Row({"Live.wanted.paths": ["/api/*"]}, "/api/*"),
    "status": Row({"Live.wanted.statuses": [(500, 599)]}, "5xx"),
    "grep": Row({"Live.wanted.pattern": "a+b"}, "a+b"),
    "redact": Row(
        {"Inspector.redact": [*NAMES, "X-Mine"]},
        "X-Mine",
    ),
    "redact-body": Row({"Inspector.redact_body": ["password"]}, "password"),
    "no-redact": Row({"Inspector.redact": [], "stderr": "note: secrets are shown and saved as they are (--no-redact)"}),
    "body-limit": Row({"Inspector.body_limit": 100}, "100"),
    "save": Row(
        {
            "SessionFile.file": "s.jsonl",
            "SessionFile.about.asgictl": "0.1.0",
            "SessionFile.about.app": "asgictl.inspector.echo:app",
            "SessionFile.about.redacted": sorted(NAMES),
            "SessionFile.about.redacted_body": [],
            "SessionFile.limit": 100000000,
            "SessionFile.note": "Console.note",
            "stderr": f"note: `s.jsonl` leaves out the values of {len(NAMES)} headers and parameters "
            "(--print-config lists them); bodies are saved unchanged (--redact-body NAME)",
        },
        "s.jsonl",
    ),
    "save-limit": Row({"SessionFile.limit": 3000000}, "3", beside=("--save", "s.jsonl")),
    "respond": Row({"Echo.answer.status": 503}, "503"),
    "respond-header": Row({"Echo.answer.headers": [(b"X-Two", b"2")]}, "X-Two: 2", alone=("--delay", "0")),
    "respond-text": Row({"Echo.answer.body": b"hello"}, "hello"),
    "respond-file": Row({"Echo.answer.body": b"{}", "Echo.answer.media_type": "application/json"}, "answer.json"),
    "delay": Row({"Echo.answer.delay": 1.5}, "1.5", toml="1.5"),
    "drop": Row({"Echo.answer.drop": True, "Inspector.check": "off"}),
    "check": Row({"Inspector.check": "all"}, "all"),
    "ignore": Row({"Inspector.ignore": ["A-141", "A-15?"]}, "A-141,A-15?"),
    "info": Row({"Inspector.info": True}),
    "fail-on": Row({"reaches.threshold": "warning"}, "warning"),
}
GEN_CERT = {
    "out": Row({"server.pair.certificate": "other/cert.pem", "server.pair.key": "other/cert.key"}, "other"),
    "cert-file": Row({"server.pair.certificate": "a.pem"}, "a.pem"),
    "key-file": Row({"server.pair.key": "a.key"}, "a.key"),
    "p12": Row({"server.order.p12": "a.p12"}, "a.p12", beside=("--password-stdin",)),
    "group": Row({"server.order.group": 7}, "7"),
    "password-stdin": Row({"server.order.password": b"secret"}),
    "force": Row({"server.force": True}),
    "days": Row({"server.order.lifetime": dt.timedelta(days=30)}, "30"),
    "key-type": Row({"server.order.key_type": "rsa2048"}, "rsa2048"),
    "client": Row(
        {
            "server": ABSENT,
            "client.name": "Alice",
            "client.pair.certificate": "ssl/Alice.pem",
            "client.pair.key": "ssl/Alice.key",
            "client.order.hosts": [],
            "client.order.key_type": "ec256",
            "client.order.lifetime": dt.timedelta(days=199),
            "client.order.password": None,
            "client.order.group": None,
            "client.order.p12": None,
            "client.force": False,
        },
        "Alice",
    ),
    "csr": Row(
        {
            "server": ABSENT,
            "sign.request": "shop.csr",
            "sign.target": "ssl/shop.pem",
            "sign.order.hosts": [],
            "sign.order.key_type": "ec256",
            "sign.order.lifetime": dt.timedelta(days=199),
            "sign.order.password": None,
            "sign.order.group": None,
            "sign.order.p12": None,
            "sign.force": False,
        },
        "shop.csr",
    ),
    "check": Row(
        {
            "server": ABSENT,
            "check.pair.certificate": "ssl/cert.pem",
            "check.pair.key": "ssl/cert.key",
            "check.password": None,
            "check.must_be_trusted": False,
        }
    ),
    "trust": Row(
        {
            "server": ABSENT,
            "trust.pair.certificate": "ssl/cert.pem",
            "trust.pair.key": "ssl/cert.key",
            "trust.order.hosts": [],
            "trust.order.key_type": "ec256",
            "trust.order.lifetime": dt.timedelta(days=199),
            "trust.order.password": None,
            "trust.order.group": None,
            "trust.order.p12": None,
            "trust.store": [],
            "trust.ca_permit": [],
            "trust.force": False,
        }
    ),
    "untrust": Row({"server": ABSENT, "untrust.stores": [], "untrust.dry_run": False}),
    "store": Row({"trust.store": ["nss"]}, "nss", beside=("--trust",)),
    "ca-permit": Row({"trust.ca_permit": ["corp.test"]}, "corp.test", beside=("--trust",)),
    "dry-run": Row({"trust": ABSENT, "show.store": [], "show.ca_permit": [], "show.force": False}, beside=("--trust",)),
    "as-root": Row({"trust.store": ["system"]}, beside=("--trust",)),
    "phone": Row(
        {
            "server": ABSENT,
            "phone.pair.certificate": "ssl/cert.pem",
            "phone.pair.key": "ssl/cert.key",
            "phone.host": None,
            "phone.where": [],
        }
    ),
    "host": Row({"phone.host": "10.0.0.5"}, "10.0.0.5", beside=("--phone",)),
    "json": Row({"server.console.json_result": True}),
}
CHECK = {
    "path": Row({"probed.order.targets": [{"method": "POST", "path": "/x"}]}, "POST:/x"),
    "header": Row({"probed.order.headers": [(b"x-one", b"1")]}, "X-One: 1"),
    "body": Row({"probed.order.body": b"text"}, "text"),
    "unsafe": Row({"probed.order.unsafe": True}),
    "time-limit": Row({"probed.order.limit": 3.0}, "3"),
    "session": Row(
        {
            "status": 0,
            "stdout": "warning A-011  An application returns None: its answer is wh",
            "stderr": "",
            "faults.ignore": [],
            "faults.blames": frozenset({"app"}),
        },
        "s.jsonl",
        alone=("--fail-on", "error"),
    ),
    "against": Row(
        {"status": 0, "stdout": "Put the app that looks at a server behind it, in one process", "stderr": ""},
        "help",
        alone=("--fail-on", "error"),
    ),
    "yes": Row({}, alone=("--against", "help")),
    "blame": Row({"probed.order.check": "all", "faults.blames": frozenset({"server"})}, "server"),
    "ignore": Row({"faults.ignore": ["A-011"]}, "A-011", toml="{ 'A-011' = 'because' }"),
    "info": Row({"probed.order.info": True}),
    "fail-on": Row({"status": 1}, "warning"),
    "format": Row({"stdout": '{"schema": "asgictl/1", "command": "check", "result": {"subj'}, "json"),
    "output": Row({"stdout": "", "stderr": "note: the report is in `report.txt`"}, "report.txt"),
    "rules": Row(
        {"status": 0, "stdout": "A-011  An application returns None: its answer is what it se", "stderr": ""},
        alone=("A-011",),
    ),
    "factory": Row({"adapt.how.factory": True}),
    "interface": Row({"adapt.how.interface": "asgi2"}, "asgi2"),
    "profile": Row({"probed.order.limit": 7.0}, "live"),
    "env-file": Row({"probed.order.limit": 7.0}, ".env"),
    "traceback": Row({}),
}
SESSION_SHOW = {
    "view": Row({"show.name": "json", "view_of.name": "json"}, "json"),
    "traceback": Row({"view_of.whole": True, "show.console.stack": "whole"}),
    "type": Row({"show.wanted.types": ["websocket"]}, "websocket"),
    "method": Row({"show.wanted.methods": ["PUT"]}, "PUT"),
    "path": Row({"show.wanted.paths": ["/api/*"]}, "/api/*"),
    "status": Row({"show.wanted.statuses": [(500, 599)]}, "5xx"),
    "grep": Row({"show.wanted.pattern": "a+b"}, "a+b"),
}
SESSION_DIFF = {
    "json": Row({"print_differences.console.json_result": True}),
}
SESSION_EXPORT = {
    "har": Row({"status": 0, "stdout": "{}", "stderr": ""}),
    "curl": Row({"status": 0, "stdout": "a command", "stderr": ""}, "7"),
    "httpie": Row({"status": 0, "stdout": "another command", "stderr": ""}, "7"),
}
SESSION_REPLAY = {
    "app": Row(
        {
            **_SENT,
            "adapt.ref.module": "asgictl.demo",
            "adapt.ref.attribute": "app",
            "adapt.ref.found": "the bundled app",
            "adapt.ref.path": [],
            "adapt.ref.also": [],
            "adapt.ref.factory": False,
            "adapt.ref.settings": None,
            "adapt.ref.file": None,
            "adapt.ref.looked": [],
            "adapt.ref.arguments": "",
            "adapt.ref.notes": [],
            "adapt.how.interface": "auto",
            "adapt.how.factory": False,
            "adapt.how.static": True,
            "adapt.how.wsgi_threads": 10,
            "Driver.app": "the app",
            "Driver.timeout": 10,
            "Driver.first_id": 8,
            "Driver.redact": [*NAMES],
            "Driver.redact_body": [],
            "into_app.driver": 0,
            **_SHOWN,
        },
        "demo",
    ),
    "to": Row(
        {
            **_SENT,
            "to_server.to": "http://127.0.0.1:1",
            "to_server.timeout": 10,
            **_SHOWN,
        },
        "http://127.0.0.1:1",
    ),
    "yes": Row(
        {
            **_SENT,
            "to_server.to": "http://10.0.0.1:1",
            "to_server.timeout": 10,
            **_SHOWN,
        },
        beside=("--to", "http://10.0.0.1:1"),
    ),
    "timeout": Row({"Driver.timeout": 3.0}, "3", beside=("--app", "demo")),
    "method": Row({"script.change.method": "PUT"}, "PUT", beside=("--app", "demo")),
    "path": Row({"script.change.target": "/x"}, "/x", beside=("--app", "demo")),
    "header": Row({"script.change.headers": [("X-One", "1")]}, "X-One: 1", beside=("--app", "demo")),
    "body": Row({"script.change.body": b"text"}, "text", beside=("--app", "demo")),
    "diff": Row(
        {
            "show": ABSENT,
            "Driver.redact": [],
            **console("print_differences"),
        },
        beside=("--app", "demo"),
    ),
    "json": Row(
        {"print_differences": ABSENT, "stdout": '{"schema": "asgictl/1", "command": "session replay", "result'},
        beside=("--app", "demo", "--diff"),
    ),
    "view": Row({"show.name": "json", "view_of.name": "json"}, "json", beside=("--app", "demo")),
    "factory": Row({"adapt.how.factory": True}, beside=("--app", "demo")),
    "interface": Row({"adapt.how.interface": "wsgi"}, "wsgi", beside=("--app", "demo")),
    "traceback": Row({"show.console.stack": "whole", "view_of.whole": True}, beside=("--app", "demo")),
}
_IN_K8S = ("--for", "docker,k8s")
SCAFFOLD = {
    "for": Row({"detect.request.targets": "docker,k8s"}, "docker,k8s"),
    "mode": Row({"detect.request.mode": "bind"}, "bind"),
    "force": Row({"_write.flags.force": True}),
    "save": Row({"_write.flags.save": True}),
    "deps": Row({"detect.request.deps": "pip"}, "pip"),
    "requirements": Row({"detect.request.requirements": "requirements.txt"}, "requirements.txt"),
    "name": Row({"detect.request.name": "shop"}, "shop"),
    "factory": Row({"detect.request.factory": True}),
    "settings": Row({"detect.request.settings": "conf.production"}, "conf.production"),
    "build-env": Row({"detect.request.build_env": ["A=1"]}, "A=1"),
    "health-path": Row({"detect.request.health_path": "/up"}, "/up"),
    "python": Row({"detect.request.python": "3.12"}, "3.12"),
    "base": Row({"detect.request.base": "python:3.12-slim"}, "python:3.12-slim"),
    "registry-prefix": Row({"detect.request.registry_prefix": "registry.example/"}, "registry.example/"),
    "image": Row({"detect.request.image": "registry.example/shop"}, "registry.example/shop", beside=_IN_K8S),
    "apt": Row({"detect.request.apt": ["libpq5"]}, "libpq5"),
    "extra": Row({"detect.request.extra": ["web"]}, "web"),
    "group": Row({"detect.request.group": ["web"]}, "web"),
    "workdir": Row({"detect.request.workdir": "/srv"}, "/srv"),
    "volume": Row({"detect.request.volume": ["data:/data"]}, "data:/data"),
    "uid": Row({"detect.request.uid": 1234}, "1234"),
    "runner": Row({"detect.request.runner": "uvicorn"}, "uvicorn"),
    "port": Row({"detect.request.port": 9000}, "9000"),
    "port-env": Row({"detect.request.port_env": "PORT"}, "PORT"),
    "workers": Row({"detect.request.workers": 3}, "3"),
    "graceful": Row({"detect.request.graceful": 9}, "9"),
    "startup-time": Row({"detect.request.startup_time": 90}, "90"),
    "memory": Row({"detect.request.memory": "1G"}, "1G"),
    "restart": Row({"detect.request.restart": "always"}, "always"),
    "tty": Row({"detect.request.tty": True}),
    "https": Row({"detect.request.https": True}),
    "domain": Row({"detect.request.domain": "shop.example"}, "shop.example"),
    "replicas": Row({"detect.request.replicas": 3}, "3", beside=_IN_K8S),
    "ingress-class": Row({"detect.request.ingress_class": "nginx"}, "nginx", beside=_IN_K8S),
    "gateway": Row({"detect.request.gateway": "infra/public"}, "infra/public", beside=_IN_K8S),
    "proxy-namespace": Row({"detect.request.proxy_namespace": "ingress-nginx"}, "ingress-nginx", beside=_IN_K8S),
    "pull-secret": Row({"detect.request.pull_secret": "registry"}, "registry", beside=_IN_K8S),
    "index-url": Row({"detect.request.index_url": "https://mirror.example/simple"}, "https://mirror.example/simple"),
    "index-secret": Row({"detect.request.index_secret": "netrc"}, "netrc"),
    "dry-run": Row({"_write.flags.dry_run": True}),
    "diff": Row({"_write.flags.diff": True}),
    "stdout": Row({"_write": ABSENT, "_print_one.name": "Dockerfile"}, "Dockerfile"),
    "check": Row(
        {
            "plan": ABSENT,
            "_write": ABSENT,
            **console("check"),
            "check.named": False,
        }
    ),
    "verify": Row(
        {
            "plan": ABSENT,
            "_write": ABSENT,
            **console("verify"),
        }
    ),
    "json": Row({"_write.flags.json": True, "_write.run.console.json_result": True}),
}
# What `inspect` leaves out of `serve`'s.
LEFT_OUT = (
    *("dev", "prod", "workers", "max-requests", "reload", "reload-dir", "reload-include", "reload-exclude"),
    *("show-errors", "access-log", "access-log-format", "quiet-path", "dry-run", "check"),
)
TABLES = {
    "serve": SERVE,
    "check": CHECK,
    "inspect": {**{key: row for key, row in SERVE.items() if key not in LEFT_OUT}, **INSPECT},
    "gen-cert": GEN_CERT,
    "scaffold": SCAFFOLD,
    "session show": SESSION_SHOW,
    "session diff": SESSION_DIFF,
    "session export": SESSION_EXPORT,
    "session replay": SESSION_REPLAY,
}
