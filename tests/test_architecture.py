"""The rules of the house: who imports whom, who may start uvicorn, what start-up loads."""

import ast
import functools
import inspect
import subprocess
import sys
from collections import Counter
from itertools import pairwise
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
from asgictl import extras
from asgictl.serving import logs

PACKAGE = Path(asgictl.__file__).parent

# What each part may import of ours, beside its own modules.
ALLOWED: dict[str, set[str]] = {
    "": {"inspector", "records", "testing"},
    "__main__": {"cli", "collector", "process_one", "streams"},
    "errors": {"failure"},
    "failure": {"reading"},
    "asgi": set(),
    "image": {"errors", "reading"},
    "signature": set(),
    "collector": set(),
    "process_one": set(),
    "frameworks": set(),
    "index_names": set(),
    "addresses": set(),
    "rfc9110": set(),
    "spans": set(),
    "streams": set(),
    "option_types": set(),
    "reading": set(),
    "atomic": {"errors"},
    "extras": {"environment", "errors"},
    "environment": {"index_names", "reading"},
    "env_files": {"errors"},
    "missing": {"environment", "pyproject", "reading"},
    "pyproject": {"errors", "reading"},
    "bounds": {"errors", "option_types", "reading"},
    "settings": {"bounds", "env_files", "errors", "option_types", "pyproject", "reading"},
    "console": {"errors", "spans"},
    "demo": {"asgi"},
    "certs": {"atomic", "errors", "option_types", "reading"},
    "discovery": {"environment", "errors", "frameworks", "image", "pyproject", "reading", "signature"},
    "scaffold": {
        *("", "atomic", "discovery", "errors", "frameworks", "image", "index_names", "option_types", "pyproject"),
        *("reading", "signature"),
    },
    "adapt": {"asgi", "collector", "discovery", "errors", "failure", "frameworks", "missing", "reading"},
    "whereabouts": {"failure"},
    "serving": {
        *("adapt", "addresses", "asgi", "certs", "discovery", "env_files", "environment", "errors", "extras"),
        *("failure", "option_types", "rfc9110", "spans", "streams", "whereabouts"),
    },
    "inspector": {
        *("", "adapt", "addresses", "asgi", "demo", "errors", "failure", "option_types", "rfc9110", "spans"),
        *("reading", "whereabouts"),
    },
    "pytest_plugin": {"console", "inspector", "spans"},
    "records": {"inspector"},
    "testing": {"inspector"},
    "cli": {
        *("", "adapt", "addresses", "asgi", "atomic", "bounds", "certs", "console", "discovery", "environment"),
        *(
            "errors",
            "extras",
            "inspector",
            "option_types",
            "pyproject",
            "reading",
            "rfc9110",
            "scaffold",
            "serving",
            "settings",
            "spans",
        ),
    },
}

_KINDS_OF_RULES = (
    *("inspector/rules/http_rules", "inspector/rules/server_rules", "inspector/rules/server_rules/scopes"),
    "inspector/rules/websocket_rules",
)

# What a part, and each of its rooms, may import of the same part.
ROOMS: dict[str, set[str]] = {
    "certs": {"certs/stores"},
    "cli": set(),
    "discovery": {"discovery/declared", "discovery/source"},
    "inspector": {"inspector/against", "inspector/bodies", "inspector/record", "inspector/rules", "inspector/sessions"},
    "inspector/comparison": {"inspector", "inspector/bodies", "inspector/record"},
    "inspector/har": {"inspector", "inspector/bodies", "inspector/record"},
    "scaffold": {"scaffold/django"},
    "serving": {"serving/app", "serving/processes", "serving/reload", "serving/sockets", "serving/tls"},
    "certs/stores": set(),
    "cli/check": {"cli", "cli/serve"},
    "cli/gen_cert": {"cli"},
    "cli/inspect": {"cli", "cli/serve"},
    "cli/scaffold": {"cli"},
    "cli/serve": {"cli"},
    "cli/session": {"cli"},
    "discovery/source": set(),
    "discovery/declared": {"discovery", "discovery/source"},
    "inspector/against": {
        *("inspector", "inspector/record", "inspector/rules", "inspector/rules/server_rules", "inspector/sessions"),
    },
    "inspector/bodies": set(),
    "inspector/record": {"inspector", "inspector/bodies"},
    "inspector/sessions": {"inspector", "inspector/bodies", "inspector/har", "inspector/record"},
    "inspector/show": {"inspector", "inspector/bodies", "inspector/record", "inspector/sessions"},
    "inspector/client": {"inspector", "inspector/record", "inspector/rules"},
    "inspector/probing": {"inspector", "inspector/client", "inspector/record", "inspector/rules"},
    "inspector/reports": {"inspector", "inspector/record", "inspector/rules", "inspector/show"},
    "inspector/rules": {"inspector", "inspector/record", "inspector/rules/examples", *_KINDS_OF_RULES},
    "inspector/rules/examples": {"inspector", "inspector/rules"},
    "inspector/rules/examples/answers": {"inspector/rules"},
    **{kind: {"inspector", "inspector/record", "inspector/rules", *_KINDS_OF_RULES} for kind in _KINDS_OF_RULES},
    "scaffold/write": {"scaffold"},
    "scaffold/detect/python": {"scaffold"},
    "scaffold/django": {"scaffold"},
    "scaffold/uses": {"scaffold"},
    "scaffold/detect": {
        "scaffold",
        *("scaffold/detect/imported", "scaffold/detect/monorepo", "scaffold/detect/notes", "scaffold/detect/python"),
        *("scaffold/django", "scaffold/uses"),
    },
    "scaffold/detect/imported": {"scaffold", "scaffold/django"},
    "scaffold/detect/monorepo": {"scaffold"},
    "scaffold/detect/notes": {
        *("scaffold", "scaffold/detect", "scaffold/detect/monorepo", "scaffold/django", "scaffold/uses"),
    },
    "scaffold/lint": {"scaffold"},
    "scaffold/verify": {"scaffold", "scaffold/lint"},
    "serving/sockets": set(),
    "serving/tls": {"serving", "serving/sockets"},
    "serving/app": {"serving", "serving/processes", "serving/sockets", "serving/tls"},
    "serving/processes": {"serving", "serving/app"},
    "serving/reload": {"serving", "serving/processes"},
}

# A room of a command is called like the part, or the module, that does its work; and these name a step that each has.
SHARED_NAMES = {"check", "options", "plan", "request", "scaffold", "show", "trust", "verify"}

# What common ignore templates leave out: GitHub's for Python, Node, Java, Rust, macOS and Visual Studio.
IGNORED = {
    *("bin", "build", "buck-out", "cache", "coverage", "debug", "develop-eggs", "dist", "downloads", "eggs", "env"),
    *("htmlcov", "instance", "lib", "lib64", "logs", "node_modules", "obj", "out", "packages", "parts", "pids"),
    *("release", "sdist", "share", "site", "target", "temp", "tmp", "var", "vendor", "venv", "wheels", "x64", "x86"),
}

# How large a folder, a file and a function may be, and what is larger, and why.
MODULES, LINES, FUNCTION = 12, 300, 50
LARGER = {
    "": "what all parts stand on",
    "certs": "a module for each thing that is to know of a certificate",
    "discovery/declared/__init__.py": "one short reader for each kind of file",
    "discovery/source/offers.py": "a pattern for each way to write an app",
    "settings.py": "every source of a value",
    "scaffold/detect/__init__.py detect": "one line for each answer",
    "scaffold/plan.py _values": "one line for each value of the templates",
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
            assert not node.level, f"{file} imports relatively"
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


def folder_of(file: Path) -> str:
    """Return the folder of a file."""
    return file.parent.relative_to(PACKAGE).as_posix().removeprefix(".")


def room(name: str) -> str:
    """Return the room that a module's name belongs to: its folder, or nothing."""
    parts = name.split(".")[1:]
    depth = 0
    while depth < len(parts) and PACKAGE.joinpath(*parts[: depth + 1], "__init__.py").exists():
        depth += 1
    return "/".join(parts[:depth])


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_one_way(file: Path) -> None:
    """No part imports what is not below it, and no room of one anything but what its line says."""
    names = [name for name in imported(file) if name.split(".")[0] == "asgictl"]
    here = folder_of(file)

    assert {part(name) for name in names} - {own_part(file)} <= ALLOWED[own_part(file)]
    rooms = {room(name) for name in names if part(name) == own_part(file)} - {here}
    assert rooms <= ROOMS.get(here, set())


def test_each_room_has_its_line() -> None:
    """A new folder has to say what it may import."""
    assert set(map(folder_of, FILES)) - {""} == ROOMS.keys()


def test_one_name_for_one_module() -> None:
    """No two modules have one name."""
    paths = [(file.parent if file.name == "__init__.py" else file).relative_to(PACKAGE) for file in FILES]
    names = Counter(path.stem for path in paths)

    assert {name for name, count in names.items() if count > 1} == SHARED_NAMES


def test_one_name_for_one_class() -> None:
    """No two public classes have one name."""
    names = Counter(node.name for file in FILES for node in nodes(file) if isinstance(node, ast.ClassDef))

    assert [name for name, count in names.items() if count > 1 and not name.startswith("_")] == []


def test_no_folder_is_left_out() -> None:
    """No folder is called like one that ignore templates exclude: it would be lost in a clone, or in a wheel."""
    folders = {name.lower() for file in FILES for name in file.relative_to(PACKAGE).parts[:-1]}

    assert not folders & IGNORED


def test_nothing_is_too_large() -> None:
    """Folders, files and functions are of a size to read at once, but for those that have a reason."""
    found = {folder for folder, count in Counter(map(folder_of, FILES)).items() if count - 1 > MODULES}
    for file in FILES:
        name = file.relative_to(PACKAGE).as_posix()
        if len(file.read_text().splitlines()) > LINES:
            found.add(name)
        for node in nodes(file):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno >= FUNCTION:
                    found.add(f"{name} {node.name}")

    assert found == LARGER.keys()


def test_options_are_fields() -> None:
    """Nobody asks a dictionary for the value of an option, but who reads the command line."""
    asked = {
        file.relative_to(PACKAGE).as_posix()
        for file in FILES
        for node in nodes(file)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).rpartition(".")[2] == "params"
    }

    assert asked <= {"cli/command.py"}


PLACES = {
    "typer": {"cli"},
    "rich": {"console"},
    "uvicorn": {"serving"},
    # Only of an extra.
    "cryptography": {"certs"},
    "idna": {"certs"},
    "jinja2": {"scaffold"},
    "packaging": {"scaffold"},
    "platformdirs": {"certs"},
    "tomlkit": {"scaffold"},
    "watchfiles": {"serving"},
    "yaml": {"discovery", "scaffold"},
}


@pytest.mark.parametrize("package", PLACES)
def test_packages_have_their_place(package: str) -> None:
    """The large requirements, and those of an extra, are used only where they belong."""
    users = {own_part(file) for file in FILES if any(name.split(".")[0] == package for name in imported(file))}

    assert users == PLACES[package]


def test_uvicorn_is_called_in_one_place() -> None:
    """There is one call of `uvicorn.run`, and nothing of uvicorn is subclassed, or assigned to."""
    calls: set[tuple[str, str]] = set()
    for file in FILES:
        theirs = names_of(file, "uvicorn")
        for node in nodes(file):
            match node:
                case ast.Call(func=function) if root_of(function) in theirs:
                    calls.add((file.relative_to(PACKAGE).as_posix(), ast.unparse(function)))
                case ast.ClassDef(bases=bases):
                    assert not theirs & {root_of(base) for base in bases}
                case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                    assert root_of(node) not in theirs

    assert calls == {
        ("serving/launch.py", "uvicorn.run"),
        ("serving/app/worker.py", "uvicorn.Config"),
        ("serving/tls/plain_listener.py", "uvicorn.Config"),
        ("serving/tls/plain_listener.py", "uvicorn.Server"),
        ("serving/sockets/proxies.py", "ProxyHeadersMiddleware"),
        ("serving/protocols.py", "AutoWebSocketsProtocol"),
        ("serving/launch.py", "uvicorn.Config"),
    }


def names_of(file: Path, package: str) -> set[str]:
    """Return the names in a file that stand for a package, or for something of it."""
    return {
        alias.asname or alias.name.partition(".")[0]
        for node in nodes(file)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if (node.module or "" if isinstance(node, ast.ImportFrom) else alias.name).split(".")[0] == package
    }


def root_of(node: ast.AST) -> str:
    """Return the name that an expression like `a.b[c]` begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


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
    assert "cryptography" not in loaded_after("import asgictl.serving.tls, asgictl.certs.served")


def test_the_core_loads_no_package_of_an_extra() -> None:
    """All that is neither about certificates nor about scaffold can be imported with the core's requirements alone."""
    beyond = ("certs/", "cli/gen_cert/", "cli/scaffold/", "scaffold/", "serving/tls/")
    paths = [file.relative_to(PACKAGE) for file in FILES if not file.name.startswith("__")]
    names = [".".join(it.with_suffix("").parts) for it in paths if not it.as_posix().startswith(beyond)]
    modules = [f"asgictl.{name}" for name in (*names, "cli.gen_cert", "cli.scaffold", "serving.tls")]

    assert not {*extras.HTTPS.modules, *extras.SCAFFOLD.modules} & loaded_after(f"import {', '.join(modules)}")


def test_children_do_not_load_the_command_line() -> None:
    """A process that uvicorn spawns imports the console script's module again, and nothing of Typer."""
    assert not {"typer", "asgictl.cli"} & loaded_after("import asgictl.__main__")


@pytest.mark.parametrize("line", [*logs.LIFECYCLE, *logs.WEBSOCKETS, *logs.CUT])
def test_the_lines_that_are_left_out_are_uvicorns(line: str) -> None:
    """Each line that is not shown is one that the installed uvicorn says, or websockets, old or new."""
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

    legacy = Path(websockets.protocol.__file__).parent / "legacy" / "server.py"  # its import warns
    sources = [*map(inspect.getsource, modules), *([legacy.read_text()] if legacy.exists() else [])]
    assert any(line in source for source in sources)


@pytest.mark.parametrize("table", ["dependencies", "https", "standard"])
def test_requirements_have_their_reasons(table: str) -> None:
    """Each requirement of the package has a line above it that says why it is not lower."""
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    lines = text.partition(f"\n{table} = [\n")[2].partition("\n]\n")[0].split("\n")

    assert [line for above, line in pairwise(["", *lines]) if "#" not in line and "#" not in above] == []
