"""The values of a command's options, each with its source: command line, variables, file, bundle or default."""

import contextlib
import enum
import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asgictl import bounds, env_files, errors, option_types, pyproject, reading
from asgictl.errors import AsgictlError, ConfigError
from asgictl.option_types import Trait

# What may stand under `[tool.asgictl]`.
_KEYS = ("app", "check", "gen-cert", "inspect", "scaffold", "serve")

# Variables that platforms set for every web app, with the option that each stands for.
_PLATFORM = {"PORT": "port", "WEB_CONCURRENCY": "workers"}

# What Kubernetes and Docker set for a service called `asgictl-serve`, or `asgictl-serve-web`, behind the prefix.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
# https://docs.docker.com/engine/network/links/#environment-variables
_SERVICE_LINK = re.compile(
    r"(\w+_)?(SERVICE_HOST=.+|SERVICE_PORT(_\w+)?=\d+|NAME=/.+"
    r"|PORT(_\d+_(TCP|UDP|SCTP))?=(tcp|udp|sctp)://.+|PORT_\d+_(TCP|UDP|SCTP)_\w+=.+)"
)

# The option that collects arguments for uvicorn, `key=value` each, and is a table in a file.
UVICORN = "uvicorn"


class Rank(enum.IntEnum):
    """The kinds of sources; the higher one wins."""

    DEFAULT = 0
    BUNDLE = 1
    FILE = 2
    PROFILE = 3
    PLATFORM = 4
    VARIABLE = 5
    COMMAND_LINE = 6


class Option(NamedTuple):
    """An option of a command: the field that holds it, its name for users, its annotation and its default."""

    name: str
    key: str
    hint: Any
    default: Any

    @property
    def settable(self) -> bool:
        """Whether a variable or a file may set it."""
        return Trait.ACTION not in option_types.kind(self.hint).marks


class Setting(NamedTuple):
    """A value and where it comes from, in words."""

    value: Any
    source: str
    rank: Rank


class Rules(NamedTuple):
    """What a command says of its options.

    `bundles` holds the values that a flag stands for. Of each pair in `exclusive` only one can be in use; a value in
    `harmless` does not count. An option in `needs` does nothing unless the other one is in use.
    """

    bundles: Mapping[str, Mapping[str, Any]] = {}
    exclusive: Sequence[tuple[str, str]] = ()
    harmless: Mapping[str, Any] = {}
    needs: Mapping[str, str] = {}


Settings = dict[str, Setting]


class _Files(NamedTuple):
    """The variables that `--env-file`s have set, each with its file, and the project's folder if it names them."""

    of: Mapping[str, str] = {}
    project: Path | None = None

    def place(self, name: str) -> str:
        return f"`{name}` in `{self.of[name]}`" if name in self.of else f"`{name}`"


def resolve(  # noqa: PLR0913  # all the sources
    command: str,
    options: Sequence[Option],
    given: Mapping[str, Any],
    *,
    rules: Rules,
    environ: MutableMapping[str, str],
    folder: Path,
    note: Callable[[str], object],
) -> Settings:
    """Return a setting for each of `options` of `command`; `given` is what the command line says, checked.

    Variables of `--env-file` are added to `environ`, unless they are there. Raises `ConfigError` for what cannot
    be understood, with its file and key or its variable, and `FileProblemError` for a file that cannot be read.
    `note` hears of a value that gives way to another.
    """
    around = pyproject.find(folder, note)
    by_key = {option.key: option for option in options if option.settable}
    tables = _tables(around, command, {option.key: option for option in options}) if around else {}
    line = {name: Setting(value, "command line", Rank.COMMAND_LINE) for name, value in given.items()}
    early = _first(line, _variables(command, by_key, environ, _Files()), tables.get(None, {}))
    files = _load(early.get("env_file"), environ, around)
    variables = _variables(command, by_key, environ, files)
    profile = _first(line, variables).get("profile")
    layers = [line, variables, _of_platform(by_key, environ, files), _profile(profile, tables, command, around)]
    layers.append(tables.get(None, {}))
    found = _first(*layers)
    if UVICORN in found:
        found[UVICORN] = _merged(layers)
    for option in options:
        if Trait.REASONED in option_types.kind(option.hint).marks and option.name in found:
            values = (layer[option.name].value for layer in layers if option.name in layer)
            added = tuple(dict.fromkeys(item for value in values for item in value))
            found[option.name] = found[option.name]._replace(value=added)
    keys = {option.name: option.key for option in options}
    _settle(found, keys, rules, [pair for pair in rules.exclusive if set(pair) <= rules.bundles.keys()], note)
    for flag, bundle in rules.bundles.items():
        if flag in found and found[flag].value:
            for name, value in bundle.items():
                found.setdefault(name, Setting(value, f"--{flag}", Rank.BUNDLE))
    _settle(found, keys, rules, rules.exclusive, note)
    settled = {option.name: found.get(option.name) or _default(option) for option in options}
    _refuse_idle(settled, keys, rules)
    return settled


def typed(options: Sequence[Option], given: Mapping[str, Any]) -> Settings:
    """Return a setting for each of `options`, for a command that only its command line can set."""
    return {
        option.name: Setting(given[option.name], "command line", Rank.COMMAND_LINE)
        if option.name in given
        else _default(option)
        for option in options
    }


def _default(option: Option) -> Setting:
    return Setting(option.default, "default", Rank.DEFAULT)


def _first(*layers: Settings) -> Settings:
    """Return the settings of all layers; the first that has one counts."""
    return {name: setting for layer in reversed(layers) for name, setting in layer.items()}


def _merged(layers: Iterable[Settings]) -> Setting:
    """Return uvicorn's arguments from all layers, as a mapping from names to settings."""
    arguments: Settings = {}
    top: Setting | None = None
    for setting in (layer[UVICORN] for layer in layers if UVICORN in layer):
        top = top or setting
        with _from(setting):
            pairs = list(setting.value.items() if isinstance(setting.value, dict) else map(_pair, setting.value))
        for key, value in reversed(pairs):
            source = setting.source.replace(f"{UVICORN} in [", f"{key} in [").replace("] of", f".{UVICORN}] of")
            arguments.setdefault(key.strip().replace("-", "_"), Setting(value, source, setting.rank))
    assert top is not None  # noqa: S101  # the caller has seen one
    return top._replace(value=arguments)


@contextlib.contextmanager
def _from(setting: Setting | None) -> Iterator[None]:
    """Have an error out of the block name where the setting comes from, unless the user has just typed it."""
    try:
        yield
    except AsgictlError as error:
        if setting is not None and setting.rank is not Rank.COMMAND_LINE:
            error.message += f" ({setting.source})"
        raise


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"`-X {text}` has no value", hint=f"write it as `-X {key}=value`")
    return key, value


def _settle(
    found: Settings,
    keys: Mapping[str, str],
    rules: Rules,
    pairs: Iterable[tuple[str, str]],
    note: Callable[[str], object],
) -> None:
    """Of each pair in use drop the one of the lower rank; raise `ConfigError` when they rank alike."""

    def in_use(name: str) -> bool:
        return (
            name in found
            and found[name].value not in (None, rules.harmless.get(name))
            and found[name].value is not False
        )

    def strength(name: str) -> float:
        """A bundle is as strong as the flag that stands for it, but for what is said explicitly beside it."""
        setting = found[name]
        return found[setting.source.removeprefix("--")].rank - 0.5 if setting.rank is Rank.BUNDLE else setting.rank

    for pair in pairs:
        if not all(in_use(name) for name in pair):
            continue
        low, high = sorted(pair, key=strength)
        if strength(low) == strength(high):
            one, other = (f"`--{keys[name]}` ({found[name].source})" for name in pair)
            raise ConfigError(f"{one} and {other} exclude each other", hint="drop one of them")
        note(f"`--{keys[low]}` ({found[low].source}) gives way to `--{keys[high]}` ({found[high].source})")
        del found[low]


def _refuse_idle(settled: Settings, keys: Mapping[str, str], rules: Rules) -> None:
    """Raise `ConfigError` for an option on the command line that does nothing without another one.

    In a file, or a variable, it may be meant for other runs.
    """
    for name, other in rules.needs.items():
        value = settled[other].value
        if settled[name].rank is not Rank.COMMAND_LINE:
            continue
        if value is None or value is False:
            problem = f"`--{keys[name]}` does nothing without `--{keys[other]}`"
            raise ConfigError(problem, hint=f"pass --{keys[other]} too, or drop it", option=keys[name])
        if value == rules.harmless.get(other):
            problem = f"`--{keys[name]}` does nothing with `--{keys[other]} {value}`"
            raise ConfigError(problem, hint="drop one of them", option=keys[name])


def _variables(command: str, by_key: Mapping[str, Option], environ: Mapping[str, str], files: _Files) -> Settings:
    """Return what the variables of `command` set, some from `files`; an empty one sets nothing."""
    prefix = _variable(command, "")
    known = {_variable(command, key): option for key, option in by_key.items()}
    found: Settings = {}
    for name in sorted(name for name, value in environ.items() if name.startswith(prefix) and value):
        if name not in files.of and _is_service_link(name, prefix, known, environ):
            continue
        place = files.place(name)
        if name not in known:
            raise ConfigError(f"there is no variable {place}", hint=_suggestion(name, known, f"{prefix}PORT"))
        value = _read(place, known[name], environ[name])
        if name in files.of and files.project is not None:
            said = bounds.Said(files.project, f"the variable {place}", known[name].key, name)
            said.check(value, known[name].hint)
        found[known[name].name] = Setting(value, place.replace("`", ""), Rank.VARIABLE)
    return found


def _is_service_link(name: str, prefix: str, known: Container[str], environ: Mapping[str, str]) -> bool:
    """Tell whether a variable is of a service that is called like a command, and not of the user's making."""
    if _SERVICE_LINK.fullmatch(f"{name.removeprefix(prefix)}={environ[name]}"):
        return True
    service, of_its_own, _ = name.partition("ENV_")  # Docker hands on all variables of the container that is linked
    return bool(of_its_own) and name not in known and environ.get(f"{service}NAME", "").startswith("/")


def _of_platform(by_key: Mapping[str, Option], environ: Mapping[str, str], files: _Files) -> Settings:
    found: Settings = {}
    for name, key in _PLATFORM.items():
        if key in by_key and environ.get(name):
            place = files.place(name)
            value = _read(place, by_key[key], environ[name])
            found[by_key[key].name] = Setting(value, place.replace("`", ""), Rank.PLATFORM)
    return found


def _read(place: str, option: Option, text: str) -> Any:
    try:
        return option_types.from_text(text, option.hint)
    except ValueError as error:
        problem = f"the variable {place}: {str(error).rstrip('.')}"
        raise ConfigError(problem, hint=f"it stands for `--{option.key}`, see `--help`") from error


def _tables(around: pyproject.PyProject, command: str, by_key: Mapping[str, Option]) -> dict[str | None, Settings]:
    """Return what the file sets: for None the command's own table, and by name its profiles."""
    for key in around.table("tool", "asgictl"):
        if key not in _KEYS:
            problem = f"there is no `{key}` under `[tool.asgictl]` in `{around.file}`"
            raise ConfigError(problem, hint=_suggestion(key, _KEYS, "serve"))
    path = ("tool", "asgictl", command)
    own = {key: value for key, value in around.table(*path).items() if key != "profiles"}
    tables: dict[str | None, Settings] = {None: _table(around, path, own, by_key, Rank.FILE)}
    for name in around.table(*path, "profiles"):
        place = (*path, "profiles", name)
        tables[name] = _table(around, place, around.table(*place), by_key, Rank.PROFILE)
    return tables


def _table(
    around: pyproject.PyProject,
    path: tuple[str, ...],
    table: Mapping[str, Any],
    by_key: Mapping[str, Option],
    rank: Rank,
) -> Settings:
    place = f"[{'.'.join(path)}]"
    found: Settings = {}
    for key, value in table.items():
        is_typed = key in by_key and not by_key[key].settable
        if key not in by_key or is_typed or key == "profile" or (key == "env-file" and rank is Rank.PROFILE):
            problem = f"there is no `{key}` under `{place}` in `{around.file}`"
            hints = {
                "app": "write `app` under `[tool.asgictl]`",
                "profile": f"pass --profile, or set {_variable(path[2], 'profile')}",
                "env-file": "write it outside of the profiles, or pass --env-file",
            }
            if is_typed:
                hints.setdefault(key, f"drop it: `{key}` is for the command line alone")
            others = [name for name, it in by_key.items() if name != "profile" and it.settable and not _is_machines(it)]
            raise ConfigError(problem, hint=hints.get(key) or _suggestion(key, others, others[0]))
        source = f"{key} in {place} of {reading.shown(around.file)}"
        read = _of_file(around, place, by_key[key], value)
        named = f"`{key}` under `{place}` in `{around.file}`"
        bounds.Said(around.root, named, key, _variable(path[2], key)).check(read, by_key[key].hint)
        found[by_key[key].name] = Setting(read, source, rank)
    return found


def _is_machines(option: Option) -> bool:
    return Trait.MACHINE in option_types.kind(option.hint).marks


def _variable(command: str, key: str) -> str:
    return f"ASGICTL_{command}_{key}".upper().replace("-", "_")


def _of_file(around: pyproject.PyProject, place: str, option: Option, value: Any) -> Any:
    if option.key == UVICORN and isinstance(value, dict):
        return value
    try:
        checked = option_types.from_toml(value, option.hint)
    except ValueError as error:
        problem = f"`{option.key}` under `{place}` in `{around.file}`: {str(error).rstrip('.')}"
        raise ConfigError(problem, hint=f"it stands for `--{option.key}`, see `--help`") from error
    if Trait.PATH not in option_types.kind(option.hint).marks:
        return checked
    return tuple(_at(around, item) for item in checked) if isinstance(checked, tuple) else _at(around, checked)


def _at(around: pyproject.PyProject, path: str) -> str:
    """Return a path of the file as one from the current folder."""
    return reading.shown(Path(os.path.normpath(around.root / path)))


def _profile(
    profile: Setting | None, tables: Mapping[str | None, Settings], command: str, around: pyproject.PyProject | None
) -> Settings:
    if profile is None or profile.value is None:
        return {}
    names = sorted(name for name in tables if name is not None)
    if profile.value not in names:
        where = f" in `{around.file}`" if around else f": there is no {pyproject.FILE}"
        hint = _suggestion(profile.value, names, names[0]) if names else None
        hint = hint or f"write it as `[tool.asgictl.{command}.profiles.{profile.value}]`"
        raise ConfigError(f"there is no profile `{profile.value}`{where}", hint=hint)
    return tables[profile.value]


def _suggestion(name: str, known: Iterable[str], example: str) -> str:
    close = errors.closest(name, known)
    return f"did you mean `{close}`?" if close else f"see `--help` for what there is, like `{example}`"


def _load(files: Setting | None, environ: MutableMapping[str, str], around: pyproject.PyProject | None) -> _Files:
    """Add the variables of the `--env-file`s, of which a later one counts more; return from which file each is."""
    project = around.root if around and files and files.rank is Rank.FILE else None
    found: dict[str, tuple[str, str]] = {}
    for file in files.value if files else ():
        with _from(files):
            values = env_files.read(Path(file))
            if project is not None:
                bounds.check_variables(map(_as_system, values), file)
            found |= {_as_system(name): (value, file) for name, value in values.items()}
    added = {name: pair for name, pair in found.items() if not environ.get(name)}
    environ.update({name: value for name, (value, _) in added.items()})
    return _Files({name: file for name, (_, file) in added.items()}, project)


def _as_system(name: str) -> str:
    """Return the name of a variable as the environment has it: on Windows in capitals."""
    return name.upper() if os.name == "nt" else name


def rows(settings: Settings, options: Sequence[Option]) -> Iterator[tuple[str, Any, str]]:
    """Yield the key, the value and the source of each setting, secrets left out."""
    for option in options:
        setting = settings[option.name]
        if option.key == UVICORN:
            for key, argument in (setting.value or {}).items():
                yield f"{UVICORN}.{key}", "***" if "password" in key else argument.value, argument.source
        elif option.settable:
            secret = Trait.SECRET in option_types.kind(option.hint).marks and setting.value is not None
            unset = setting.value == ()
            yield option.key, "***" if secret else None if unset else setting.value, setting.source
