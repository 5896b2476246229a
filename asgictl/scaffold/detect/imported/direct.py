"""What a requirement says beside its name: its extras, and the URL that it is fetched from."""

import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from asgictl.errors import ConfigError

_CREDENTIALS = re.compile(r"https?://[^/\s@\"']+@")


def extras(requirement: Requirement) -> set[str]:
    """Return the extras of a requirement, each like `psycopg-c` for `psycopg[c]`."""
    return {canonicalize_name(f"{requirement.name}-{extra}") for extra in requirement.extras}


def refuse_credentials(text: str, place: str) -> None:
    """Raise `ConfigError` for a requirement with credentials in its URL; the options of indexes are told elsewhere."""
    if not text.startswith("-") and _CREDENTIALS.search(text):
        problem = f"a URL in {place} holds credentials, which would stay in the image"
        hint = (
            "take them out of the URL, and pass --index-secret netrc with a file `machine HOST login ... password ...`"
        )
        raise ConfigError(problem, hint=hint, option="index-secret")
