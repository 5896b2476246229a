"""Which distribution brings a module, and which others a distribution brings along."""

import contextlib
import functools
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from asgictl import frameworks, index_names

# Modules that are called like their distribution, and that projects often forget to declare.
_SAME = (
    *("aiofiles", "aiohttp", "alembic", "anyio", "argon2_cffi", "asyncpg", "bcrypt", "boto3", "celery", "cryptography"),
    *("gunicorn", "httpx", "itsdangerous", "jinja2", "markdown", "motor", "numpy", "openai", "orjson", "pandas"),
    *("passlib", "peewee", "pika", "psutil", "psycopg", "pydantic", "pydantic_settings", "pymongo", "pymysql", "redis"),
    *("requests", "scipy", "sentry_sdk", "sqlalchemy", "sqlmodel", "stripe", "structlog", "torch", "uvicorn"),
    *("watchfiles", "websockets", "whitenoise"),
)


def of(module: str) -> tuple[str, ...]:
    """Return the distributions that may bring a module, empty where only an index could tell."""
    if module in index_names.DISTRIBUTIONS:
        return index_names.DISTRIBUTIONS[module]
    return (canonicalize_name(module),) if module in {*_SAME, *_frameworks()} else ()


def is_framework(module: str) -> bool:
    """Tell whether a module is of a web framework."""
    return module in _frameworks()


def with_theirs(names: Iterable[str]) -> set[str]:
    """Return `names` with all that they bring, as far as what is installed here tells."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _brought(name)
    return found


@functools.cache
def _frameworks() -> frozenset[str]:
    return frozenset(framework.module.partition(".")[0] for framework in frameworks.FRAMEWORKS) - {"a2wsgi", "web"}


@functools.cache
def _brought(name: str) -> tuple[str, ...]:
    try:
        listed = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:
        return ()
    found = []
    for line in listed:
        with contextlib.suppress(InvalidRequirement):
            requirement = Requirement(line)
            if "extra" not in str(requirement.marker or ""):
                found.append(canonicalize_name(requirement.name))
    return tuple(found)
