"""`asgictl --version`: asgictl, and what it runs on."""

import typer

from asgictl.console import Console

# What serves; what else the core has; certificates, files for containers; and what further extras bring.
_PARTS = (
    *("uvloop", "httptools", "h11", "zttp", "websockets", "wsproto", "watchfiles", "a2wsgi"),
    *("pathspec", "python-dotenv", "rich", "typer"),
    *("cryptography", "idna", "platformdirs"),
    *("dockerfile-parse", "jinja2", "packaging", "pyyaml", "tomlkit"),
    *("brotli", "segno", "zstandard"),
)


def show(value: bool) -> None:  # noqa: FBT001  # the form that Typer calls
    """Print the versions and exit, if the flag was given."""
    if not value:
        return
    import platform
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from asgictl import __version__

    lines = [
        f"asgictl {__version__}",
        f"uvicorn {installed('uvicorn')}",
        f"Python {platform.python_version()} ({platform.python_implementation()})",
        f"{platform.system()} {platform.release()} {platform.machine()}",
    ]
    for name in _PARTS:
        try:
            lines.append(f"{name} {installed(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} is not installed")
    Console().result("\n".join(lines))
    raise typer.Exit
