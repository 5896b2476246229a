"""Which environment asgictl runs in, which one the project's packages are in, and how to install into the right one."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import NamedTuple

from asgictl import index_names, reading

# A project's lock file, with the command that adds a package to the project and the one that runs a program in it.
_LOCKS = {
    "uv.lock": ("uv add", "uv run"),
    "poetry.lock": ("poetry add", "poetry run"),
    "pdm.lock": ("pdm add", "pdm run"),
    "Pipfile.lock": ("pipenv install", "pipenv run"),
    "Pipfile": ("pipenv install", "pipenv run"),
}
_FOLDERS = (".venv", "venv", "env")

# What installs a program into an environment of its own, also where it is already, with other extras.
_TOOLS = {"uv": "uv tool install", "pipx": "pipx install --force"}


class Other(NamedTuple):
    """An environment that is not the one that asgictl runs in, and how it is known."""

    prefix: Path
    how: str


def distribution(module: str) -> str:
    """Return the name under which package indexes have the top-level module called `module`."""
    return index_names.DISTRIBUTIONS.get(module, (module,))[0]


def installing(
    package: str, folder: Path | None = None, environ: Mapping[str, str] = os.environ, *, told: bool = False
) -> str:
    """Return the hint that says how to install `package` where asgictl will find it.

    `package` may have extras. The project around `folder`, the current one by default, decides by its lock file;
    never is anything to be installed into the environment that a tool has for itself. With `told`, the note at the
    start has said already how to install it into another environment, which is the project's.
    """
    folder = folder or Path.cwd()
    other = next(others(folder, environ), None)
    if other is not None and told:
        return f"asgictl runs in `{sys.prefix}`, not in {other.how}: install and start asgictl there"
    if other is not None:
        return moving(other, folder)
    if tool := _tool(Path(sys.prefix)):
        return f"`{sys.prefix}` is {tool}'s environment for asgictl alone: {_together(folder)}"
    if lock := _lock(folder):
        return f"install it: `{_LOCKS[lock][0]} {_quoted(package)}`"
    return f"install it where asgictl runs: `{pip(Path(sys.prefix))} {_quoted(package)}`"


def adding(extra: str, folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the hint that says how to install `extra` of asgictl where it runs.

    The project around `folder`, the current one by default, decides by its lock file where asgictl runs in its
    environment.
    """
    folder = folder or Path.cwd()
    wanted = _itself(extra)
    if tool := _tool(Path(sys.prefix)):
        return f"install it: `{_TOOLS[tool]} {wanted}`"
    here = Path(sys.prefix).resolve()
    if (lock := _lock(folder)) and any(it.prefix.resolve() == here for it in _environments(folder, environ)):
        return f"install it: `{_add(lock)} {wanted}`"
    return f"install it where asgictl runs: `{pip(Path(sys.prefix))} {wanted}`"


def pip(prefix: Path) -> str:
    """Return the command that installs into the environment at `prefix`, up to the package."""
    python = _quoted(str(_python(prefix)))
    here = prefix == Path(sys.prefix)
    has_pip = find_spec("pip") is not None if here else any(prefix.glob("[Ll]ib*/python*/site-packages/pip"))
    if has_pip:
        return f"{python} -m pip install"
    return f"uv pip install --python {python}" if which("uv") else f"{python} -m ensurepip && {python} -m pip install"


def moving(other: Other, folder: Path) -> str:
    """Return the hint that says how to start asgictl in the `other` environment."""
    return f"asgictl runs in `{sys.prefix}`, not in {other.how}: {_into(other, folder)}"


def note(folder: Path, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return what to say at the start when the project's packages are elsewhere; None where they are not."""
    other = next(others(folder, environ), None)
    return moving(other, folder) if other else None


def _into(other: Other, folder: Path) -> str:
    if (lock := _lock(folder)) and not other.how.endswith("that is active"):
        return f"install and start it there: `{_add(lock)} {_itself()}`, then `{_LOCKS[lock][1]} asgictl serve`"
    script = other.prefix / ("Scripts" if sys.platform == "win32" else "bin") / "asgictl"
    return f"install and start it there: `{pip(other.prefix)} {_itself()}`, then `{_quoted(str(script))} serve`"


def _add(lock: str) -> str:
    options = {"uv.lock": "--dev", "poetry.lock": "--group dev", "pdm.lock": "-dG dev"}
    return " ".join(filter(None, (_LOCKS[lock][0], options.get(lock, "--dev"))))


def _together(folder: Path) -> str:
    """Return how to have asgictl beside the packages of a project that has no environment yet."""
    if lock := _lock(folder):
        return f"add it to the project: `{_add(lock)} {_itself()}`, then `{_LOCKS[lock][1]} asgictl serve`"
    return (
        f"make one for the project: `python3 -m venv .venv && .venv/bin/python -m pip install {_itself()}`, "
        "then `.venv/bin/asgictl serve`"
    )


def _itself(extra: str = "standard") -> str:
    """Return what installs this asgictl with an extra: its name, or where it was installed from.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    import json
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    named = f"asgictl[{extra}]"
    try:
        text = metadata.distribution("asgictl").read_text("direct_url.json")
        found = json.loads(text or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return _quoted(named)
    url = str(found.get("url", ""))
    if url.startswith("file:"):
        return _quoted(f"{unquote(urlsplit(url).path)}[{extra}]")
    if "vcs_info" in found:
        return _quoted(f"{named} @ {found['vcs_info'].get('vcs', 'git')}+{url}")
    return _quoted(named)


def others(folder: Path, environ: Mapping[str, str] = os.environ) -> Iterator[Other]:
    """Yield the environments that may be the project's, the likeliest first; none when asgictl runs in one of them."""
    found = list(_environments(folder, environ))
    here = Path(sys.prefix).resolve()
    if all(other.prefix.resolve() != here for other in found):
        yield from found


def _environments(folder: Path, environ: Mapping[str, str]) -> Iterator[Other]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = environ.get(variable)
        if prefix and reading.is_dir(Path(prefix) / "bin") | reading.is_dir(Path(prefix) / "Scripts"):
            is_base = variable == "CONDA_PREFIX" and environ.get("CONDA_DEFAULT_ENV") == "base"
            if not is_base or Path(prefix).resolve() == Path(sys.prefix).resolve():
                yield Other(Path(prefix), f"`{prefix}`, the environment that is active")
    # Without a repository, or a home, nothing above is known to belong to the project.
    known = reading.top(folder) != Path(folder.anchor)
    places = reading.upwards(folder) if known else [folder]
    for place in places:
        for name in _FOLDERS:
            if _is_environment(place / name):
                how = f"the project's `{name}`" if place == folder else f"the project's `{place / name}`"
                yield Other(place / name, how)
    for place in places:
        yield from _of_managers(place, environ)


def _of_managers(folder: Path, environ: Mapping[str, str]) -> Iterator[Other]:
    """Yield the environments that Poetry, PDM and Pipenv keep elsewhere for the project in `folder`."""
    pointer = folder / ".pdm-python"
    home = reading.home()
    if reading.is_file(pointer) and not reading.stranger(pointer):
        prefix = Path(_line(pointer)).parent.parent
        if _is_environment(prefix):
            yield Other(prefix, f"PDM's `{prefix}`")
    if home and reading.is_file(folder / "poetry.lock"):
        digest = _digest(os.path.normcase(os.path.realpath(folder)))
        for prefix in sorted(_poetrys(home, environ).glob(f"*-{digest}-py*")):
            yield Other(prefix, f"Poetry's `{prefix}`")
    if home and reading.is_file(folder / "Pipfile"):
        place = Path(environ.get("WORKON_HOME") or home / ".local/share/virtualenvs")
        digest = _digest(str((folder / "Pipfile").resolve()))
        name = re.sub(r'[ $`!*@"]', "_", folder.name)[:42]
        for prefix in sorted(place.glob(f"{name}-{digest}*")):
            yield Other(prefix, f"Pipenv's `{prefix}`")


def _is_environment(prefix: Path) -> bool:
    """Tell whether there is a virtual environment (PEP 405), and not one that somebody else has put there."""
    mark = prefix / "pyvenv.cfg"
    return reading.is_file(mark) and not reading.stranger(mark)


def _line(file: Path) -> str:
    try:
        return reading.content(file, limit=10_000).decode(errors="replace").strip()
    except OSError:
        return ""


def _digest(text: str) -> str:
    """Return what Poetry and Pipenv put into the names of the environments that they keep."""
    import base64
    import hashlib

    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()[:8]


def _poetrys(home: Path, environ: Mapping[str, str]) -> Path:
    if place := environ.get("POETRY_VIRTUALENVS_PATH"):
        return Path(place)
    if place := environ.get("POETRY_CACHE_DIR"):
        return Path(place) / "virtualenvs"
    if sys.platform == "darwin":
        return home / "Library/Caches/pypoetry/virtualenvs"
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "pypoetry/virtualenvs"


def _tool(prefix: Path) -> str | None:
    """Return the program that has made the environment at `prefix` for one tool alone, or None."""
    if reading.is_file(prefix / "uv-receipt.toml"):
        return "uv"
    return "pipx" if reading.is_file(prefix / "pipx_metadata.json") else None


def _lock(folder: Path) -> str | None:
    """Return the lock file of the project around `folder`."""
    for place in reading.upwards(folder):
        for name in _LOCKS:
            if reading.is_file(place / name) and not reading.stranger(place / name):
                return name
    return None


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _python(prefix: Path) -> Path:
    if prefix == Path(sys.prefix):
        return Path(sys.executable)
    return prefix / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
