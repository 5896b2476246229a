"""What the command line says of the secrets that are left out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asgictl import cli
from asgictl.inspector.record import Opened
from asgictl.inspector.record.secret_names import GROUPS, NAMES, SHAPES
from asgictl.inspector.sessions import session_file
from tests.inspector.recordings import SCOPE


def run(*words: str) -> tuple[int, str, str]:
    """Run a command; return its status, and what it says."""
    result = CliRunner().invoke(cli.app, words, prog_name="asgictl", catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_the_names_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--print-config lists the names that are always left out, in groups, beside those that are given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.asgictl.inspect]\nredact = ["x-mine"]\nredact-body = ["pin"]\n')
    status, text, _ = run("inspect", "demo", "--print-config")
    _, data, _ = run("inspect", "demo", "--print-config", "--json")
    settings = json.loads(data)["result"]
    before, _, listed = text.partition("\nredact, always:\n")

    assert status == 0
    assert [line.split()[:2] for line in before.splitlines() if "redact" in line] == [
        ["redact", "x-mine"],
        ["redact-body", "pin"],
        ["no-redact", "false"],
    ]
    assert listed.splitlines()[:2] == [
        "  HTTP: authorization, proxy-authorization, authentication-info, proxy-authentication-info, cookie,",
        "    set-cookie, dpop, signature",
    ]
    assert set(NAMES) <= set(listed.replace(",", " ").split())
    assert settings["redact"]["value"] == ["x-mine"]
    assert settings["redact"]["built_in"] == {
        **{group: list(names) for group, names in GROUPS.items()},
        "by their shape": list(SHAPES),
    }


def test_no_names_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is always left out with --no-redact."""
    monkeypatch.chdir(tmp_path)

    assert "always" not in run("inspect", "demo", "--no-redact", "--print-config")[1]
    assert run("inspect", "demo", "--no-redact", "--redact-body", "pin")[::2] == (
        2,
        "error: `--redact-body` (command line) and `--no-redact` (command line) exclude each other\n"
        "hint: drop one of them\n",
    )


def test_what_is_missing_in_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out of a path is not sent, and named."""
    monkeypatch.chdir(tmp_path)
    file = session_file.SessionFile(tmp_path / "s.jsonl", about={}, limit=10**6, note=print)
    target = {
        "path": "/a;jsessionid=***",
        "raw_path": b"/a;jsessionid=***",
        "query_string": b"next=%2F%3Ftoken%3D***&x=1",
    }
    file(Opened(1, 0.0, {**SCOPE, "method": "GET", "headers": [(b"host", b"h")], **target}))
    file.close()
    status, line, stderr = run("session", "export", "s.jsonl", "--curl", "1")

    assert status == 0
    assert line.split()[-1] == "'http://127.0.0.1:8000/a?x=1'"
    assert stderr == "note: without `;jsessionid`, `?next`, which the session does not hold\n"
