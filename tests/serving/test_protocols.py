"""What of uvicorn is imported before the app, and what may wait."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from uvicorn.config import HTTP_PROTOCOLS, LOOP_FACTORIES, WS_PROTOCOLS

from asgictl.serving import protocols
from tests.conftest import Write


@pytest.mark.parametrize("http", HTTP_PROTOCOLS)
def test_each_http_protocol_is_uvicorns(http: str) -> None:
    """What is imported for each choice of `--http` is what uvicorn takes for it."""
    assert protocols.needed("none", http, "none") == (HTTP_PROTOCOLS[http].partition(":")[0],)
    assert protocols.http_class(http).__module__.startswith("uvicorn.protocols.http.")


@pytest.mark.parametrize("ws", WS_PROTOCOLS)
def test_each_websocket_protocol_is_uvicorns(ws: str) -> None:
    """What is imported for each choice of `--ws` is what uvicorn takes for it."""
    module = (WS_PROTOCOLS[ws] or "").partition(":")[0]
    assert protocols.needed("none", "mine:Protocol", ws) == ((module,) if module else ())


@pytest.mark.parametrize("loop", LOOP_FACTORIES)
def test_each_loop_is_uvicorns(loop: str) -> None:
    """The library of each choice of `--loop` is imported, where it is installed."""
    library = {"auto": "uvloop"}.get(loop, loop) if loop not in {"none", "asyncio"} else None
    installed = library is not None and importlib.util.find_spec(library) is not None
    assert protocols.needed(loop, "mine:Protocol", "none") == ((library,) if installed else ())


def test_what_users_name_is_theirs() -> None:
    """What is named as `module:attribute` may be in the project, and is not imported before."""
    assert protocols.needed("mine:loop", "mine:Http", "mine:Ws") == ()


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The modules that are imported, in order; nothing is."""
    names: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(importlib, "import_module", names.append)
        yield names


NAMES: dict[str, bool] = {
    "main.py": False,
    "shop/": False,
    "email.py": True,
    "email/": True,
    "secrets.cpython-311-x86_64-linux-gnu.so": True,
    "websockets.py": True,
    "a2wsgi/": True,
    "cryptography.py": True,
}


@pytest.mark.parametrize("name", NAMES)
def test_what_may_wait(write: Write, imported: list[str], name: str) -> None:
    """What can wait does, unless something in a folder of the app's has the name of what it could import."""
    folder = write({f"{name}__init__.py" if name.endswith("/") else name: ""})

    protocols.import_before([str(folder / "nosuch"), str(folder)], needed=["one"], later=["two"])

    first = ["uvicorn.middleware.proxy_headers", "one"]
    assert imported == [*first, *(["two", "html", "a2wsgi", "random"] if NAMES[name] else [])]


def test_what_may_wait_with_https(write: Write, imported: list[str]) -> None:
    """With HTTPS what a replaced certificate may need is not taken from the app's folder either."""
    folder = write({"email.py": ""})

    protocols.import_before([str(folder)], needed=[], later=[], secure=True)

    assert imported[1:] == ["html", "a2wsgi", "random", "_strptime", "asgictl.certs.verdict"]


def test_an_archive_is_no_folder(tmp_path: Path, imported: list[str]) -> None:
    """An entry of `sys.path` that cannot be listed holds nothing up."""
    (tmp_path / "app.zip").write_bytes(b"PK")

    protocols.import_before([str(tmp_path / "app.zip")], needed=[], later=["two"])

    assert imported == ["uvicorn.middleware.proxy_headers"]
