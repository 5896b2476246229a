"""What the command line says of the secrets that are left out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asgictl import cli
from asgictl.inspector.record import Opened, Redacted
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


def test_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out of headers, a path and a query is not sent, and named, with what tells it from others."""
    monkeypatch.chdir(tmp_path)
    file = session_file.SessionFile(tmp_path / "s.jsonl", about={}, limit=10**6, note=print)
    headers = [(b"host", b"h"), (b"authorization", Redacted(40, "1a7c90e20f3b5")), (b"x-api-key", Redacted(3))]
    query = b"next=%2F%3Ftoken%3D***33.1a7c90e29f2c4&x=1"
    target = {"path": "/a;jsessionid=***", "raw_path": b"/a;jsessionid=***", "query_string": query}
    file(Opened(1, 0.0, {**SCOPE, "method": "GET", "headers": headers, **target}))
    file.close()
    status, line, stderr = run("session", "export", "s.jsonl", "--curl", "1")
    missing = "`authorization` (40 B 0f3b5), `x-api-key`, `;jsessionid`, `?next` (33 B 9f2c4)"

    assert status == 0
    assert line.split()[-1] == "'http://127.0.0.1:8000/a?x=1'"
    assert stderr == f"note: without {missing}, which the session does not hold\n"
    _, _, stderr = run("session", "replay", "s.jsonl", "1", "--app", "demo")
    assert stderr == (
        f"note: #1 is sent without {missing}, which the session does not hold\n"
        "hint: pass -H for headers, pass --path for parameters\n"
    )
