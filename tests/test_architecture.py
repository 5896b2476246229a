"""The rules of the house: who imports whom, who may start uvicorn, what start-up loads."""

import ast
import functools
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import uvicorn.config
import uvicorn.lifespan.on
import uvicorn.protocols.http.httptools_impl
import uvicorn.protocols.websockets.websockets_sansio_impl
import uvicorn.server
import uvicorn.supervisors.basereload
import uvicorn.supervisors.multiprocess
import websockets.protocol
import websockets.server

import asgictl
from asgictl.serving import logs

PACKAGE = Path(asgictl.__file__).parent

# What each part may import of ours, beside its own modules.
ALLOWED = {
    "": {"inspector"},
    "__main__": {"cli"},
    "errors": set(),
    "asgi": set(),
    "frameworks": set(),
    "atomic": {"errors"},
    "reading": set(),
    "environment": {"reading"},
    "missing": {"environment", "project", "reading"},
    "certs": {"atomic", "errors"},
    "options": {"values"},
    "project": {"errors", "reading"},
    "values": set(),
    "settings": {"project", "values", "errors"},
    "console": {"errors"},
    "demo": {"asgi"},
    "target": {"project", "frameworks", "errors", "reading"},
    "scaffold": {"", "atomic", "errors", "frameworks", "project", "reading", "target"},
    "adapt": {"target", "project", "frameworks", "errors", "asgi", "missing", "reading"},
    "serving": {"target", "adapt", "certs", "environment", "errors", "asgi"},
    "inspector": {"adapt", "asgi", "demo", "errors"},
    "pytest_plugin": {"inspector"},
    "cli": {
        "reading",
        *(
            "",
            "adapt",
            "asgi",
            "atomic",
            "certs",
            "console",
            "environment",
            "errors",
            "inspector",
            "options",
            "project",
            "scaffold",
        ),
        *("serving", "settings", "target", "values"),
    },
}
FILES = sorted(PACKAGE.rglob("*.py"))


@functools.cache
def nodes(file: Path) -> list[ast.AST]:
    """Return what a file consists of."""
    return list(ast.walk(ast.parse(file.read_text())))


@functools.cache
def imported(file: Path) -> list[str]:
    """Return the full names of what a file imports, anywhere in it."""
    names = []
    for node in nodes(file):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def part(name: str) -> str:
    """Return the part of the package that a module's name belongs to."""
    first = name.partition(".")[2].partition(".")[0]
    return first if (PACKAGE / f"{first}.py").exists() or (PACKAGE / first).is_dir() else ""


def own_part(file: Path) -> str:
    """Return the part of the package that a file belongs to."""
    top = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if top == "__init__" else top


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_one_way(file: Path) -> None:
    """No part imports what is not below it."""
    ours = {part(name) for name in imported(file) if name.split(".")[0] == "asgictl"} - {own_part(file)}

    assert ours <= ALLOWED[own_part(file)]


@pytest.mark.parametrize(
    ("package", "parts"),
    [("typer", {"cli", "options"}), ("rich", {"console"}), ("cryptography", {"certs"}), ("uvicorn", {"serving"})],
)
def test_packages_have_their_place(package: str, parts: set[str]) -> None:
    """Typer, rich, cryptography and uvicorn are used only where they belong."""
    users = {own_part(file) for file in FILES if any(name.split(".")[0] == package for name in imported(file))}

    assert users <= parts


def test_uvicorn_is_called_in_one_place() -> None:
    """There is one call of `uvicorn.run`, and nothing of uvicorn is subclassed or assigned to."""
    calls = []
    for file in FILES:
        for node in nodes(file):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="uvicorn"), attr="run")):
                    calls.append(file.relative_to(PACKAGE).as_posix())
                case ast.ClassDef(bases=bases):
                    assert not any("uvicorn" in ast.unparse(base) for base in bases)
                case ast.Assign(targets=targets):
                    assert not any(ast.unparse(target).startswith("uvicorn.") for target in targets)

    assert calls == ["serving/launch.py"]


def test_only_public_names_of_uvicorn() -> None:
    """What is imported of uvicorn is the package itself, or what its documentation names."""
    names = {name for file in FILES for name in imported(file) if name.split(".")[0] == "uvicorn"}

    assert names == {
        "uvicorn",
        "uvicorn.middleware.proxy_headers.ProxyHeadersMiddleware",
        "uvicorn.protocols.websockets.auto.AutoWebSocketsProtocol",
    }


def loaded_after(statement: str) -> set[str]:
    """Return the modules that a new interpreter has loaded after `statement`."""
    command = [sys.executable, "-c", f"{statement}\nimport sys; print(*sys.modules)"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_the_command_line_loads_fast() -> None:
    """The command line itself loads nothing that takes long."""
    heavy = {"asyncio", "cryptography", "pydantic", "rich", "ssl", "uvicorn"}

    assert not heavy & loaded_after("import asgictl.cli")


def test_reading_options_loads_no_pydantic() -> None:
    """Typer would load pydantic to convert a value; ours does not (see cli/command.py)."""
    run = "from asgictl.cli import app\ntry:\n    app(['serve', 'nosuch', '-p', '0'])\nexcept SystemExit: pass"

    assert not {"pydantic", "rich", "uvicorn"} & loaded_after(run)


def test_a_certificate_that_is_good_is_looked_at_without_cryptography() -> None:
    """What `serve --https` needs for a certificate that is there loads no `cryptography`."""
    assert "cryptography" not in loaded_after("import asgictl.serving.tls, asgictl.certs.current")


def test_children_do_not_load_the_command_line() -> None:
    """A process that uvicorn spawns imports the console script's module again, and nothing of Typer."""
    assert not {"typer", "asgictl.cli"} & loaded_after("import asgictl.__main__")


@pytest.mark.parametrize("line", [*logs.LIFECYCLE, *logs.WEBSOCKETS, *logs.CUT])
def test_the_lines_that_are_left_out_are_uvicorns(line: str) -> None:
    """Each line that is not shown is one that the installed uvicorn says."""
    modules = (
        uvicorn.server,
        uvicorn.config,
        uvicorn.supervisors.basereload,
        uvicorn.supervisors.multiprocess,
        uvicorn.lifespan.on,
        uvicorn.protocols.http.httptools_impl,
        uvicorn.protocols.websockets.websockets_sansio_impl,
        websockets.protocol,
        websockets.server,
    )

    assert any(line in inspect.getsource(module) for module in modules)
