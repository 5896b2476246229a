"""URLs of servers that something is sent to."""

from urllib.parse import urlsplit

from asgictl.errors import ConfigError

_EXAMPLE = "pass one like http://127.0.0.1:8000"


def check(option: str, url: str, *, yes: bool, hint: str = _EXAMPLE) -> None:
    """Raise `ConfigError` for what is no URL of a server, and for other machines unless they are allowed."""
    from asgictl.inspector.address import is_loopback

    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        usable = usable and not (parts.query or parts.fragment or "@" in parts.netloc) and url.isascii()
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"`--{option} {url}` is not the URL of a server", hint=hint, option=option)
    if not yes and not is_loopback(url):
        is_named = (parts.hostname or "").rstrip(".").endswith(".localhost")
        what = "is not this machine, as far as the resolver knows" if is_named else "is another machine"
        raise ConfigError(f"`--{option} {url}` {what}", hint="pass --yes to send the requests there", option=option)
