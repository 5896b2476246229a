"""Nothing is said of healthy apps: each with what its framework has for streams, files, WebSockets, sessions."""

import json
import subprocess
import sys

import pytest

from tests.conftest import APPS

FRAMEWORKS = ("blacksheep", "demo", "django", "falcon", "fastapi", "litestar", "quart", "socketio", "starlette")


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_healthy_apps(name: str) -> None:
    """No error and no warning, of the app or of what it is called with, and each answer is the one it should be."""
    # In a process of its own: a framework is configured once, and has its own mind about warnings and logs.
    command = [sys.executable, "-W", "ignore", "visit.py", name]
    done = subprocess.run(command, cwd=APPS / "healthy", capture_output=True, text=True, check=True, timeout=100)

    assert json.loads(done.stdout.splitlines()[-1]) == {"found": [], "surprises": [], "records": True}
