"""Debian packages that Python packages need beside their wheels."""

import re
from collections.abc import Mapping, Sequence

from asgictl.scaffold.project import Dependencies, SystemPackages

_COMPILER = "build-essential"
_GEODJANGO = "django.contrib.gis"

# name of the distribution: what building it needs, what running it needs (on Debian 12 and 13)
_NEEDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # https://docs.djangoproject.com/en/stable/ref/contrib/gis/install/geolibs/
    _GEODJANGO: ((), ("binutils", "gdal-bin", "libproj-dev")),
    "gdal": ((_COMPILER, "libgdal-dev"), ("gdal-bin", "libgdal-dev")),
    "mysqlclient": ((_COMPILER, "default-libmysqlclient-dev", "pkg-config"), ("libmariadb3",)),
    "opencv-python": ((), ("libgl1", "libglib2.0-0")),
    "pdf2image": ((), ("poppler-utils",)),
    "psycopg": ((), ("libpq5",)),
    "psycopg-c": ((_COMPILER, "libpq-dev"), ("libpq5",)),
    "psycopg2": ((_COMPILER, "libpq-dev"), ("libpq5",)),
    "pycairo": ((_COMPILER, "libcairo2-dev", "pkg-config"), ("libcairo2",)),
    "pydub": ((), ("ffmpeg",)),
    "pygraphviz": ((_COMPILER, "libgraphviz-dev", "pkg-config"), ("graphviz", "libgraphviz-dev")),
    "pyodbc": ((), ("unixodbc",)),
    "pytesseract": ((), ("tesseract-ocr",)),
    "python-magic": ((), ("libmagic1",)),
    "uwsgi": ((_COMPILER,), ()),
    "weasyprint": ((), ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")),
    "xmlsec": ((_COMPILER, "libxmlsec1-dev", "pkg-config"), ("libxmlsec1-openssl",)),
}
# They compile, or are compiled against.
_BUILDING = re.compile(r".+-dev|build-essential|cargo|cmake|clang|gcc|g\+\+|gfortran|make|pkg-config|rustc|swig")
# A wheel that brings what the plain package looks for in the system.
_SPARED = {"psycopg": "psycopg-binary"}


def needed(deps: Dependencies, more: Sequence[str], *, geo: bool = False) -> tuple[SystemPackages, str | None]:
    """Return the packages that the dependencies need, with `more`, and who needs them, if anything does.

    Of `more` compilers and what ends in -dev are for the build alone. `geo`
    tells that Django's settings name GeoDjango.
    """
    there = {*deps.pinned, *deps.extras, *([_GEODJANGO] if geo else [])}
    names = [name for name in sorted(there) if name in _NEEDS and _SPARED.get(name) not in there]
    build = {package for name in names for package in _NEEDS[name][0]} | ({"git"} if deps.git else set())
    build |= {"openssh-client"} if deps.ssh else set()
    build |= {package for package in more if _BUILDING.fullmatch(package)}
    runtime = sorted({package for name in names for package in _NEEDS[name][1]})
    who = [*names, *(["a dependency from git"] if deps.git else []), *(["--apt"] if more else [])]
    runtime += [package for package in more if package not in {*runtime, *build}]
    return SystemPackages(
        tuple(sorted(build)), tuple(dict.fromkeys(runtime))
    ), f"needed by {', '.join(who)}" if who else None
