"""The app's own logging, or that of a log config, says what becomes of uvicorn's loggers, in every mode."""

import json
import signal

import httpx
import pytest

from tests.conftest import Serve, Write
from tests.e2e import bare

MODES: dict[str, list[str]] = {"one process": [], "reload": ["--reload"], "workers": ["--workers", "2"]}

# What an app does before it is one, as it is found in the guides of logging libraries; and what comes of it for a
# request that is answered and one that fails: lines of asgictl's access log, and lines of the app's own.
HANDLER = """
import json, logging, logging.config
class Mine(logging.Handler):
    def emit(self, record):
        print("MINE", record.name, record.getMessage().strip().partition("\\n")[0], flush=True)
    def close(self):
        print("CLOSED", flush=True)
        super().close()
"""
MIDDLE = """
    if scope["path"] == "/boom":
        raise ValueError("boom")
    logging.getLogger("shop").info("sold")
"""
APP = "import logging\n" + bare.BEGINNING + MIDDLE + bare.answering('b"hi"')
LOGURU = """
for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
    logging.getLogger(name).handlers, logging.getLogger(name).propagate = [Mine()], False
"""
ROOT = """
logging.basicConfig(level=logging.INFO, handlers=[Mine()])
"""
STRUCTLOG = """
logging.basicConfig(level=logging.INFO, handlers=[Mine()])
for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
    logging.getLogger(name).handlers.clear()
    logging.getLogger(name).propagate = True
"""
DICT = """
logging.config.dictConfig({
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"mine": {"()": Mine}},
    "loggers": {"uvicorn.access": {"handlers": ["mine"], "level": "INFO", "propagate": False}},
})
"""
DISABLES = """
logging.config.dictConfig({"version": 1, "handlers": {"mine": {"()": Mine}}, "root": {"handlers": ["mine"]}})
"""
FILTER = """
class NoHealth(logging.Filter):
    def filter(self, record):
        return record.args[2] != "/health?x=1"
logging.getLogger("uvicorn.access").addFilter(NoHealth())
"""
MESSAGE = """
logging.getLogger("uvicorn.access").addFilter(lambda record: "GET /health" not in record.getMessage())
"""
LEVEL = """
logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
"""
PARENT_LEVEL = """
logging.getLogger("uvicorn").setLevel(logging.WARNING)
"""
DISABLED = """
logging.getLogger("uvicorn.access").disabled = True
"""
LEVEL_SET = "note: the level of `uvicorn.access` is WARNING, so there is no access log"
GOES_ON = (
    "note: the app's logging has disabled `uvicorn.access`: asgictl's access log goes on; "
    "--no-access-log ends it, --quiet-path leaves paths out"
)
MUTE = "has disabled `uvicorn.error`: errors of requests are not printed; `disable_existing_loggers: False` keeps it"
BOOM = "Exception in ASGI application"
INI = """
[loggers]
keys=root,access
[handlers]
keys=file
[formatters]
keys=access
[logger_root]
handlers=
[logger_access]
qualname=uvicorn.access
handlers=file
level=INFO
propagate=0
[handler_file]
class=FileHandler
args=("access.log", "a")
formatter=access
[formatter_access]
class=uvicorn.logging.AccessFormatter
format=%(request_line)s
"""
JSON = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"access": {"()": "uvicorn.logging.AccessFormatter", "fmt": "%(request_line)s"}},
    "handlers": {"file": {"class": "logging.FileHandler", "filename": "access.log", "formatter": "access"}},
    "loggers": {"uvicorn.access": {"handlers": ["file"], "level": "INFO", "propagate": False}},
}
CONFIGS = {"log.ini": INI, "log.json": json.dumps(JSON)}
ACCESS = ["/health?x=1 200", "/ 200", "/boom 500"]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> list[str]:
    """The options of each mode."""
    return MODES[request.param]


def short(line: str) -> str:
    """Return the target and the status in a line of an access log."""
    _, request, rest = line.split('"')
    return f"{request.split()[1]} {rest.split()[0]}"


@pytest.mark.parametrize(
    ("recipe", "access", "own", "told"),
    [
        pytest.param("", ACCESS, [], [BOOM], id="none"),
        pytest.param(ROOT, ACCESS, ["shop sold", "shop sold"], [BOOM], id="basicConfig"),
        pytest.param(LOGURU, [], [*ACCESS, BOOM], [], id="loguru"),
        pytest.param(STRUCTLOG, [], ["shop sold", ACCESS[0], "shop sold", *ACCESS[1:], BOOM], [], id="structlog"),
        pytest.param(DICT, [], ACCESS, [BOOM], id="dictConfig"),
        pytest.param(DISABLES, ACCESS, [], ["note: the app's logging " + MUTE], id="dictConfig that disables"),
        pytest.param(FILTER, ACCESS[1:], [], [BOOM], id="filter by arguments"),
        pytest.param(MESSAGE, ACCESS[1:], [], [BOOM], id="filter by message"),
        pytest.param(LEVEL, [], [], [BOOM, LEVEL_SET], id="level"),
        pytest.param(PARENT_LEVEL, ACCESS, [], [BOOM], id="level of the logger above"),
        pytest.param(DISABLED, ACCESS, [], [BOOM, GOES_ON], id="disabled"),
    ],
)
def test_what_the_app_says_of_logging(  # a table's columns
    serve: Serve, write: Write, mode: list[str], recipe: str, access: list[str], own: list[str], told: list[str]
) -> None:
    """Handlers, levels and filters that the app gives to uvicorn's loggers stay, and each request has one line."""
    served = serve("main:app", *mode, folder=write({"main.py": HANDLER + recipe + APP}))
    for path in ("/health?x=1", "/", "/boom"):
        httpx.get(f"{served.url}{path}")  # a connection for each: uvicorn looks at its loggers then
    closed_early = "CLOSED" in served.access
    served.send(signal.SIGTERM)
    status, lines = served.end()

    mine = [line.removeprefix("MINE ") for line in served.access if line.startswith("MINE ")]
    theirs = [line for line in served.access if line and not line.startswith(("MINE ", "CLOSED"))]
    assert sorted(map(short, theirs)) == sorted(access)
    assert sorted(
        short(line) if line.startswith("uvicorn.access") else line.removeprefix("uvicorn.error ")
        for line in mine
        if line.startswith(("uvicorn.access", "shop")) or BOOM in line
    ) == sorted(own)
    assert sorted(line for line in lines if BOOM in line or line.startswith("note: ")) == sorted(
        f"ERROR:    {it}" if it is BOOM else it for it in told
    )
    assert (status, closed_early) == (0, False)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_log_config(serve: Serve, write: Write, mode: list[str], name: str) -> None:
    """A log config from a project that used uvicorn gets the lines of `uvicorn.access`, in its form and file."""
    folder = write({"main.py": APP, name: CONFIGS[name]})
    served = serve("main:app", *mode, "--log-config", name, "--quiet-path", "/health", folder=folder)
    served.wait_for("Ready")
    for path in ("/", "/boom"):
        httpx.get(f"{served.url}{path}")
    served.send(signal.SIGTERM)
    status, lines = served.end()

    assert sorted((folder / "access.log").read_text().splitlines()) == ["GET / HTTP/1.1", "GET /boom HTTP/1.1"]
    assert [line for line in served.access if line] == []
    assert [line for line in lines if line.startswith("note: ")] == [
        "note: the access log goes to the handlers of `uvicorn.access`, for which --quiet-path says nothing"
    ]
    assert status == 0


@pytest.mark.parametrize("more", [[], ["--no-access-log"]], ids=["", "no access log"])
def test_a_log_config_that_disables(serve: Serve, write: Write, mode: list[str], more: list[str]) -> None:
    """A log config that, unawares, disables the server's loggers is told of."""
    folder = write({"main.py": APP, "log.json": json.dumps({"version": 1, "root": {"level": "INFO"}})})
    served = serve("main:app", *mode, "--log-config", "log.json", *more, folder=folder)

    served.wait_for(f"note: --log-config {MUTE}")


def test_no_access_log(serve: Serve, write: Write, mode: list[str]) -> None:
    """Without an access log there is none, whatever handlers `uvicorn.access` has."""
    served = serve("main:app", *mode, "--no-access-log", folder=write({"main.py": HANDLER + LOGURU + APP}))
    served.wait_for("Application startup complete")
    httpx.get(f"{served.url}/")
    served.send(signal.SIGTERM)
    served.end()

    assert not [line for line in served.access if "uvicorn.access" in line or "GET" in line]


@pytest.mark.parametrize("level", ["warning", "critical"])
def test_log_level(serve: Serve, write: Write, mode: list[str], level: str) -> None:
    """The level of the server's log is not that of the access log."""
    served = serve("main:app", *mode, "--log-level", level, folder=write({"main.py": "import logging\n" + APP}))
    httpx.get(f"{served.url}/")

    served.wait_for('"GET / HTTP/1.1" 200 OK')
