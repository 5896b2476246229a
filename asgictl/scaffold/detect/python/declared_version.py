"""The version of Python that a project declares: for its tools, for its packaging, or for the platform it runs on."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from asgictl import reading
from asgictl.errors import ConfigError
from asgictl.scaffold.detect.python import evidence
from asgictl.scaffold.detect.python.evidence import Evidence, ProjectFiles

_MISE = ("mise.toml", ".mise.toml", "mise/config.toml", ".mise/config.toml", ".config/mise.toml")
_CONDA = ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml")


def python_version(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield the first version in `.python-version`, which pyenv and uv take where there are several."""
    for place, said in _nearest(project.root, ".python-version"):
        yield from _spelled(said, place)
        return


def tool_versions(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield the first version of Python in asdf's file, or mise's."""
    for place, said in _nearest(project.root, ".tool-versions"):
        words = said.split()
        if words[0] == "python" and len(words) > 1:
            yield from _spelled(words[1], place)
            return


def mise(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield the first version of Python among mise's tools."""
    for name in _MISE:
        tools = _toml(project.root / name, name).get("tools", {})
        said = tools.get("python", tools.get("core:python")) if isinstance(tools, dict) else None
        said = said[0] if isinstance(said, list) and said else said
        said = said.get("version") if isinstance(said, dict) else said
        if said:
            yield from _spelled(
                str(said), evidence.located(project.root / name, r"(tools\.)?\W*(core:)?python\b", name)
            )


def pipfile(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what the Pipfile requires."""
    requires = _toml(project.root / "Pipfile", "Pipfile").get("requires", {})
    requires = requires if isinstance(requires, dict) else {}
    for key in ("python_full_version", "python_version"):
        said = str(requires.get(key) or "")
        if said and said != "*":
            yield from _spelled(said, evidence.located(project.root / "Pipfile", f"{key}\\b"))
            return


def runtime(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what platforms like Heroku are told."""
    for number, line in evidence.lines(project.root / "runtime.txt"):
        yield from _spelled(line, f"runtime.txt:{number}")
        return


def app_engine(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what App Engine is told: python312."""
    for number, line in evidence.lines(project.root / "app.yaml"):
        if match := re.fullmatch(r"runtime:\s*[\"']?(python3\d+)[\"']?", line):
            yield from _spelled(match[1], f"app.yaml:{number}")


def conda(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what conda's environment has; one equals sign there means all patches."""
    for name in _CONDA:
        try:
            data = yaml.safe_load(reading.text(project.root / name, errors="replace"))
        except (OSError, yaml.YAMLError):
            continue
        listed = data.get("dependencies") if isinstance(data, dict) else None
        for line in listed if isinstance(listed, list) else ():
            match = re.fullmatch(r"(?:[\w-]+::)?python\s*([^\w\s].*|\d\S*)", str(line).partition("[")[0].strip())
            if match:
                place = evidence.located(project.root / name, r"-\s*[\"']?([\w-]+::)?python\b")
                said = re.sub(r"^=(?!=)\s*|(?<=[\d*])=\w+$", "", match[1])
                yield evidence.of_poetry(said.replace(" ", ""), place)


def requires_python(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what packaging says: `requires-python`, or what older tools have for it."""
    if project.pyproject is not None:
        file = project.pyproject.file
        for table, key in (("project",), "requires-python"), (("tool", "flit", "metadata"), "requires-python"):
            if isinstance(said := project.pyproject.table(*table).get(key), str):
                yield evidence.specified(said, evidence.located(file, key))
    for name in ("setup.cfg", "setup.py"):
        for number, line in evidence.lines(project.root / name):
            if match := re.match(r"python_requires\s*=\s*[\"']?([^\"']+)", line):
                yield evidence.specified(match[1], f"{name}:{number}")


def poetry(project: ProjectFiles) -> Iterator[Evidence]:
    """Yield what Poetry's dependencies say of Python."""
    if project.pyproject is None:
        return
    said = project.pyproject.table("tool", "poetry", "dependencies").get("python")
    said = said.get("version") if isinstance(said, dict) else said
    if isinstance(said, str):
        yield evidence.of_poetry(said, evidence.located(project.pyproject.file, r"python\b"))


def _spelled(said: str, place: str) -> Iterator[Evidence]:
    if found := evidence.spelled(said, place):
        yield found


def _nearest(root: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield places and lines of a file in `root`, or the next above in its repository."""
    folders = reading.upwards(root) if (reading.top(root) / ".git").exists() else [root]
    for depth, folder in enumerate(folders):
        if (folder / name).is_file() and reading.stranger(folder / name) is None:
            yield from ((f"{'../' * depth}{name}:{number}", line) for number, line in evidence.lines(folder / name))
            return


def _toml(file: Path, name: str) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(reading.text(file))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"cannot read `{name}`: {error}", hint="put the TOML syntax right") from error
