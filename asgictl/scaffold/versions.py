"""The versions of what images are built with, for each Python that can install them; one place to raise them."""

from collections.abc import Mapping

from asgictl.errors import ConfigError

CADDY = "2-alpine"
# From which Python on, 3.7 being 7: the newest version whose `requires-python` lets that one in.
_SINCE: Mapping[str, Mapping[int, str]] = {
    "uv": {8: "0.13.9"},
    "poetry": {7: "1.5.1", 8: "1.8.5", 9: "2.2.1", 10: "2.5.1"},
    "poetry-plugin-export": {7: "1.4.0", 8: "1.8.0", 9: "1.9.0", 10: "1.10.1"},
    "pdm": {7: "2.10.4", 8: "2.20.1", 9: "2.26.9", 10: "2.29.3"},
    "pipenv": {7: "2023.10.3", 8: "2024.4.1", 9: "2025.0.4", 10: "2026.10.3"},
    "uvicorn": {7: "0.22.0", 8: "0.33.0", 9: "0.39.0", 10: "0.54.0"},
    "a2wsgi": {7: "1.7.0", 8: "1.10.10"},
    "websockets": {7: "11.0.3", 8: "13.1", 9: "15.0.1", 10: "16.1.1", 11: "17.4"},
}
NAMES = tuple(_SINCE)


def pinned(name: str, python: str) -> str:
    """Return the newest known version of `name` that `python` can install; raise `ConfigError` for one too old."""
    minor = int(python.split(".")[1])
    since = [it for it in _SINCE[name] if it <= minor]
    if not since:
        problem = f"Python {python} is too old for every {name} that images are built with"
        raise ConfigError(problem, hint=f"pass --python 3.{min(_SINCE[name])}, or a newer one", option="python")
    return _SINCE[name][max(since)]
