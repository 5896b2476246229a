"""What variables are set to while static files are collected: values that settings take, and that mean nothing."""

from collections.abc import Iterable, Mapping

from asgictl.scaffold.project import Statics

_KEY = "only-for-the-build-of-the-image-this-is-not-a-secret-of-anything"
_DATABASE = "sqlite:///:memory:"
_URL = "http://build.invalid"

# By the type that a reader has: the methods of django-environ and environs, and what `cast` is given.
_OF_TYPE: Mapping[str, str] = {
    **dict.fromkeys(("db", "db_url", "dj_db_url"), _DATABASE),
    **dict.fromkeys(("cache", "cache_url", "dj_cache_url"), "locmemcache://"),
    **dict.fromkeys(("email", "email_url", "dj_email_url"), "consolemail://"),
    **dict.fromkeys(("search_url", "search"), "simple://"),
    **dict.fromkeys(("channels", "channels_url"), "inmemory://"),
    **dict.fromkeys(("url", "URL"), _URL),
    **dict.fromkeys(("dict",), "a=1"),
    **dict.fromkeys(("json",), "{}"),
    **dict.fromkeys(("date", "datetime"), "2000-01-01"),
    **dict.fromkeys(("time",), "00:00"),
    **dict.fromkeys(("uuid", "UUID"), "00000000-0000-4000-8000-000000000000"),
    **dict.fromkeys(("log_level",), "INFO"),
}
_NUMBERS = {"int", "float", "bool", "decimal", "Decimal", "list", "tuple", "set", "timedelta", "port"}


def of(statics: Statics, given: Iterable[str]) -> dict[str, str]:
    """Return the variables with their values; those that are `given` as NAME=VALUE have the last word."""
    stand_ins = {name: _stand_in(name, kind) for name, kind in statics.variables.items()}
    return stand_ins | {name: value for name, _, value in (setting.partition("=") for setting in given)}


def _stand_in(name: str, kind: str) -> str:
    """Return a value of a type; numbers and words take a 1, and keys have the length that Django's checks ask for."""
    if kind in _OF_TYPE:
        return _OF_TYPE[kind]
    if kind in _NUMBERS:
        return "1"
    if name.endswith("DATABASE_URL"):
        return _DATABASE
    if name.endswith("_URL"):
        return _URL
    return _KEY if name.endswith(("SECRET", "SECRET_KEY")) else "1"
