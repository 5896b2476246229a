"""What the options for uvicorn come to in the server that runs."""

import httpx
import pytest

from tests.conftest import Serve, Write

# It tells the values of the server's configuration; the level is what has come of it.
APP = """
import gc, json, logging, uvicorn
async def app(scope, receive, send):
    config = next(it for it in gc.get_objects() if isinstance(it, uvicorn.Config))
    values = {name: getattr(config, name) for name in NAMES}
    values["log_level"] = logging.getLevelName(logging.getLogger("uvicorn.error").level).lower()
    body = json.dumps(values).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""
GIVEN = {
    "backlog": 17,
    "date_header": False,
    "http": "h11",
    "limit_concurrency": 90,
    "log_level": "debug",
    "root_path": "/api",
    "server_header": False,
    "timeout_keep_alive": 6,
    "ws": "wsproto",
    "ws_max_size": 1000,
    "ws_ping_interval": 21.5,
    "ws_ping_timeout": 22.5,
    "ws_max_queue": 3,
    "headers": [["X-One", "1"]],
    "timeout_graceful_shutdown": 7,
    "access_log": True,
    "proxy_headers": False,
}


@pytest.mark.parametrize("mode", [[], ["--workers", "2"]], ids=["one process", "2 workers"])
def test_uvicorn_is_configured(serve: Serve, write: Write, mode: list[str]) -> None:
    """Each option that is uvicorn's is in the configuration of the server that answers, in every mode."""
    write({"main.py": f"NAMES = {list(GIVEN)}\n{APP}"})
    words = [
        *("--backlog", "17", "--no-date-header", "--http", "h11", "--limit-concurrency", "90", "--log-level", "debug"),
        *("--root-path", "/api", "--no-server-header", "--timeout-keep-alive", "6", "--ws", "wsproto"),
        *("--ws-max-size", "1000", "--ws-ping-interval", "21.5", "--ws-ping-timeout", "22.5", "-X", "ws_max_queue=3"),
        *("--header", "X-One: 1", "--graceful-timeout", "7"),
    ]

    served = serve(*words, *mode)
    answer = httpx.get(served.url)

    assert answer.json() == GIVEN
    assert dict(answer.headers) == {"x-one": "1", "transfer-encoding": "chunked"}
    assert served.stop()[0] == 0
