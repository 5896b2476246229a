"""The app of one file, or of one package."""

from pathlib import Path

from asgictl import reading
from asgictl.discovery.places import FILES
from asgictl.discovery.ref import AppRef
from asgictl.discovery.source import modules, python_file
from asgictl.discovery.source.offers import Candidate, Reader
from asgictl.errors import AppLoadError, ConfigError, StartError
from asgictl.reading import shown

GUARD = 'put it below `if __name__ == "__main__":`'


def best_in(file: Path, folder: Path, reader: Reader) -> Candidate:
    """Return the best candidate in `file`, which has one; raise `ConfigError` when two rank alike."""
    entries = reader.offer(file).candidates
    best = [entry for entry in entries if entry.rank == entries[0].rank]
    if len(best) > 1:
        listed = ", ".join(f"`{entry.name}` in line {entry.line}" for entry in best)
        module = modules.of_file(file, folder).name
        problem = f"`{shown(file)}` holds {len(best)} apps: {listed}"
        raise ConfigError(problem, hint=f"name one: `asgictl serve {module}:{best[0].name}`")
    return best[0]


def of_package(init: Path, folder: Path, found: str, reader: Reader, app: str) -> AppRef:
    """Return the app of the package whose `__init__.py` is `init`; raise `StartError` where it holds none."""
    for file in (init, *(init.with_name(f"{name}.py") for name in (*FILES, init.parent.name))):
        if reading.is_file(file) and _offers(file, reader):
            return ref_of(modules.of_file(file, folder), best_in(file, folder, reader), found)
    name = modules.of_file(init, folder).name
    raise StartError(f"the package `{app}` holds no app", hint=f"name it: `{name}.module:attribute`")


def _offers(file: Path, reader: Reader) -> bool:
    try:
        return bool(reader.offer(file).candidates)
    except AppLoadError:
        return False


def ref_of(module: modules.Module, entry: Candidate, found: str) -> AppRef:
    """Return the reference to a candidate."""
    return AppRef(
        module=module.name,
        attribute=entry.name,
        found=found,
        path=module.path,
        factory=entry.factory or None,
        file=module.file,
    )


def module_name(file: Path) -> str:
    """Return a name like that of `file` which a module can have."""
    import re

    name = re.sub(r"\W", "_", file.stem)
    return name if name.isidentifier() else f"app_{name}"


def hides(file: Path, folder: Path, reader: Reader) -> str | None:
    """Return, in words, which installed package that it imports `file` takes the name of; None where it does not."""
    name = modules.of_file(file, folder).name.partition(".")[0]
    if name not in python_file.imports(reader.sources.source(file).tree) or not modules.installed(name, folder):
        return None
    return f"`{shown(file)}` hides the installed package `{name}`, which it imports"


def starts_itself(file: Path, reader: Reader) -> str | None:
    """Return, in words, how the module in `file` starts a server as soon as it is imported; None if it does not."""
    start = next((start for start in reader.sources.source(file).starts if start.at_import), None)
    if start is None:
        return None
    return f"`{shown(file)}` starts a server of its own when it is imported: `{start.text}`, line {start.line}"
