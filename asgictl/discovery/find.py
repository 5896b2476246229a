"""Find the app: by its name, by what the project says of it, or by looking around."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from asgictl import pyproject, reading
from asgictl.discovery.naming import Namer, NoSuchAppError
from asgictl.discovery.places import CLAIMING, VARIABLES, is_aside
from asgictl.discovery.ref import AppRef
from asgictl.discovery.source import modules
from asgictl.discovery.source.offers import Candidate, Reader, starts_of
from asgictl.errors import AppLoadError, AsgictlError, ConfigError, StartError

if TYPE_CHECKING:
    from asgictl.discovery.declared import Claim

Tell = Callable[[str], None]

DEMO = "demo"
TYPED = "as named"

BUNDLED = "asgictl.demo"


def find(app: str | None, folder: Path, environ: Mapping[str, str], tell: Tell) -> AppRef:
    """Return the app called `app`, or without a name the one that belongs to `folder`.

    `tell` receives every step of the way as a sentence. Nothing of the user's is imported, and nothing is remembered
    of an earlier search. Raises `StartError` when there is none, `ConfigError` when two rank alike. Where there is no
    Python project at all, the bundled app stands in, with `looked` set.
    """
    modules.forget()
    try:
        return _find(app, folder, environ, tell)
    except (OSError, RuntimeError, ValueError, MemoryError) as error:  # links, names and sources that lead nowhere
        problem = f"cannot look for the app in `{folder}`: {error}"
        raise StartError(problem, hint="name it as `module:app`, or see that its folder can be read") from error


def _find(app: str | None, folder: Path, environ: Mapping[str, str], tell: Tell) -> AppRef:
    if app is not None:
        return _named(app, folder, TYPED, tell)
    if value := environ.get("ASGICTL_APP"):
        return _named(value, folder, "named by the variable ASGICTL_APP", tell)
    tell("no app named on the command line or by ASGICTL_APP")
    config = pyproject.find(folder)
    if config and (ref := _configured(config, tell)):
        return ref
    tell(f"no app named in {config.file if config else pyproject.FILE}")
    return around(folder, environ, tell, config=config)


def of_folder(folder: Path, tell: Tell, name: str) -> AppRef:
    """Return the app that belongs to `folder`, which was named as `name`; raise as `find` does."""
    config = pyproject.find(folder)
    if config is not None and config.root != folder:
        config = None
    if config and (ref := _configured(config, tell)):
        return ref
    return around(folder, {}, tell, config=config, named=name)


def _configured(config: pyproject.PyProject, tell: Tell) -> AppRef | None:
    for keys in (("tool", "asgictl", "app"), ("tool", "fastapi", "entrypoint")):
        if value := config.text(*keys):
            return _named(value, config.root, f"named by `{'.'.join(keys)}` in {pyproject.FILE}", tell)
    return None


def around(
    folder: Path,
    environ: Mapping[str, str],
    tell: Tell,
    *,
    config: pyproject.PyProject | None = None,
    named: str | None = None,
) -> AppRef:
    """Return the app that belongs to `folder`, which the user may have `named`; raise as `find` does."""
    from asgictl.discovery import search
    from asgictl.discovery.declared import django_project

    reader = Reader(modules.follow(folder))
    notes: list[str] = []
    ref = _declared(folder, environ, config, tell, reader, notes)
    # The settings of `manage.py` belong to what `startproject` has written.
    is_djangos = ref is not None and str(ref).endswith((".asgi:application", ".wsgi:application"))
    if ref is None or is_djangos:
        ref = django_project.find(folder, environ, tell) or ref
    if ref is not None:
        return ref._replace(notes=tuple(notes))
    survey = search.Survey(folder, config, tell, reader)
    try:
        ref = survey.best()
    except ConfigError:
        django_project.below(folder, None, tell)  # which names the projects where those rank alike
        raise
    if ref is None or (ref.file and ref.file.parent != folder):
        ref = django_project.below(folder, ref, tell) or ref
    ref = ref or django_project.above(folder, tell)
    if ref is None and (named is not None or notes or config is not None or not survey.is_empty()):
        problem = survey.nothing(f"the folder `{named}` holds no app" if named else f"no app was found in `{folder}`")
        problem.message = "; ".join((problem.message, *notes))
        raise problem
    ref = ref or bundled(tuple(survey.looked))
    return ref._replace(notes=(*notes, *ref.notes))


def entry(ref: AppRef, folder: Path) -> Candidate | None:
    """Return what the source of `ref` says of it, or None."""
    if ref.file is None:
        return None
    try:
        found = Reader(modules.follow(folder)).offer(ref.file)
    except AppLoadError:
        return None
    return next((entry for entry in found.candidates if entry.name == ref.attribute), None)


def bundled(looked: tuple[str, ...] = ()) -> AppRef:
    """Return the app that comes with asgictl, after a look at the places `looked`."""
    return AppRef(module=BUNDLED, attribute="app", found="the bundled app", factory=False, looked=looked)


def _named(app: str, folder: Path, found: str, tell: Tell) -> AppRef:
    tell(f"`{app}` is {found}")
    if app == DEMO and modules.of_name(DEMO, folder) is None:
        return bundled()
    try:
        return Namer(folder, tell, Reader(modules.follow(folder))).app(app, found)
    except AsgictlError as error:
        if found != TYPED:
            error.message += f" ({found})"
        raise


def _declared(  # noqa: PLR0913, PLR0917  # what `around` knows
    folder: Path,
    environ: Mapping[str, str],
    config: pyproject.PyProject | None,
    tell: Tell,
    reader: Reader,
    notes: list[str],
) -> AppRef | None:
    """Return the app that the project's own files name, where it is there."""
    if not (
        config or any(map(environ.get, VARIABLES)) or CLAIMING.intersection(file.name for file in folder.iterdir())
    ):
        return None
    from asgictl.discovery import declared

    for claims in declared.claims(folder, environ, config, notes.append):
        found: dict[tuple[Path | None, str], AppRef] = {}
        for claim in claims:
            ref = _of_claim(claim, folder, tell, reader)
            if isinstance(ref, AppRef):
                found.setdefault((ref.file, str(ref)), ref)
            elif ref is not None:
                notes.append(f"`{claim.named.app}`, {how(claim)}, is passed over: {ref.message}")
            elif claim.explicit:
                notes.append(f"`{claim.named.app}`, {how(claim)}, cannot be served from here: it is passed over")
            else:
                tell(f"`{claim.named.app}`, {how(claim)}, cannot be served from here")
        if len(found) > 1:
            tell(f"several apps are named in {claims[0].where}: {', '.join(map(str, found.values()))}")
        elif found:
            (ref,) = found.values()
            tell(f"`{ref}` is {ref.found}")
            return ref
    return None


def _of_claim(claim: "Claim", folder: Path, tell: Tell, reader: Reader) -> AppRef | AsgictlError | None:
    """Return the app that is meant, why it cannot be served where it is there, or None."""
    problem: AsgictlError | None = None
    named = claim.named
    places = [
        place
        for base in claim.bases
        for place in (_inside(base, named.folder) if named.folder else modules.roots(base))
    ]
    for place in dict.fromkeys(places):
        try:
            ref = _started(named.app, place, reader) if named.script else None
            if ref is None and named.script and ":" in named.app:  # a function, not an app
                continue
            ref = ref or Namer(place, _silent, reader).app(named.app, "")
        except (AsgictlError, OSError, RecursionError, ValueError) as error:
            tell(f"`{named.app}` from {claim.where} in `{place}`: {error}")
            if isinstance(error, AsgictlError) and not isinstance(error, NoSuchAppError):
                problem = problem or error
            continue
        if ref.file is None or not ref.file.resolve().is_relative_to(folder.resolve()):
            continue
        if not claim.explicit and is_aside(ref.file, folder):
            tell(f"`{ref}`, {how(claim)}, is not the project's own")
            continue
        try:
            if not reader.sources.binds(ref.file, ref.attribute.partition(".")[0]):
                continue
        except AppLoadError as error:
            problem = problem or error
            continue
        return ref._replace(found=how(claim), factory=True if named.factory else ref.factory)
    return problem


def how(claim: "Claim") -> str:
    """Return, in words, how an app was named."""
    return f"named {'by' if claim.where.startswith('the variable') else 'in'} {claim.where}"


def _inside(base: Path, folder: str) -> list[Path]:
    """Return where a folder that a command changes to may be: below `base`, or the end of its path in an image."""
    parts = [part for part in folder.split("/") if part not in ("", ".", "..")]
    found = [base.joinpath(*parts[start:]) for start in range(len(parts) or 1)]
    return [place for place in found if reading.is_dir(place)]


def _started(app: str, folder: Path, reader: Reader) -> AppRef | None:
    """Return the app that a script, a module that is run, or a function of `[project.scripts]` starts itself."""
    location, _, function = app.partition(":")
    file = folder / location if location.endswith(".py") else modules.in_folder(location, folder)
    if file is not None and file.name == "__init__.py" and not function:
        file = file.with_name("__main__.py")
    if file is None or not reading.is_file(file):
        return None
    source = reader.sources.source(file)
    for start in starts_of(source, function) if function else source.starts:
        if start.names is not None:
            return Namer(folder, _silent, reader).app(start.names, "")
        if start.app is not None:
            names, value = reader.sources.home(reader.sources.source(file), start.app)
            name = names.name_of(value) if names is not None and value is not None else None
            if names is not None and name is not None:
                return Namer(folder, _silent, reader).app(f"{modules.of_file(names.file, folder).name}:{name}", "")
    return None


def _silent(_text: str) -> None:
    """Leave the steps of a claim untold: it is told whether it holds."""
