"""Whether an image can be the base of the Dockerfile, as far as its name tells: Debian's tools, and a `python`."""

import re
from collections.abc import Mapping

from asgictl.errors import ConfigError

_RPM = "it has no apt-get, which the Dockerfile installs system packages with"
_BARE = "it has no Python"
_SHELL = "it has no shell, which the Dockerfile's RUN lines need"
_MUSL = "it is Alpine, which has no apt-get and no useradd, and whose musl runs no manylinux wheels"
_WINDOWS = "it is for Windows"
# By a word of the name or the tag.
_WORDS: Mapping[str, str] = {
    "alpine": _MUSL,
    "pypy": "its Python is PyPy, which is not called `python` there",
    **dict.fromkeys(("scratch", "busybox", "distroless", "chainguard", "wolfi", "chiselled"), _SHELL),
    **dict.fromkeys(("windowsservercore", "nanoserver", "windows", "servercore"), _WINDOWS),
    **dict.fromkeys(("fedora", "centos", "rhel", "ubi", "rocky", "rockylinux", "almalinux", "oraclelinux"), _RPM),
    **dict.fromkeys(("amazonlinux", "lambda", "opensuse", "suse", "sles", "archlinux", "azurelinux", "photon"), _RPM),
    **dict.fromkeys(("mariner", "manylinux", "musllinux", "gentoo", "nixos"), _RPM),
}
_OFFICIAL = re.compile(r"(?:docker\.io/)?(?:library/)?(debian|ubuntu|buildpack-deps)(?::.*)?")


def check(base: str) -> None:
    """Raise `ConfigError` for an image that no Dockerfile of ours can be built on."""
    name = base.partition("@")[0]
    *path, last = name.split("/")
    folders = (re.sub(r"\d+$", "", folder) for folder in path if "." not in folder and ":" not in folder)
    words = (*re.findall(r"[a-z]+", last.lower()), *folders)
    reason = next((_WORDS[word] for word in words if word in _WORDS), None)
    if reason is None and _OFFICIAL.fullmatch(name):
        reason = _BARE
    if reason is not None:
        version = re.search(r"3\.\d+", last)
        like = f"python:{version[0] if version else '3.13'}-slim"
        hint = f"take a Debian variant: --base {like}-trixie, or {like}-bookworm"
        raise ConfigError(f"`--base {base}` does not do: {reason}", hint=hint, option="base")
