"""Size of the image that `asgictl scaffold` writes for a FastAPI app, beside images that people write by hand.

They have the same app and the same base: the one of the container tests, which is Debian's Python and larger than the
official slim image, or with `ASGICTL_ENGINE=system` that one. Scaffold's has bytecode of the standard library, about
13 MB, with which it starts faster; the others have none.

    python -m bench.image_size
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.containers import lab

APP = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/')\ndef hello() -> str:\n    return 'hello'\n"
TWO_STAGES = f"""\
FROM {lab.BASE} AS build
RUN {{venv}}
COPY requirements.txt ./
RUN {{pip}} install --no-cache-dir -r requirements.txt
FROM {lab.BASE}
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY main.py /app/
WORKDIR /app
CMD ["uvicorn", "main:app", "--host", "0.0.0.0"]
"""
# https://fastapi.tiangolo.com/deployment/docker/#dockerfile, with the slim image for the full one
DOCS = f"""\
FROM {lab.BASE}
WORKDIR /code
COPY requirements.txt /code/requirements.txt
RUN pip install --no-cache-dir --upgrade -r /code/requirements.txt
COPY main.py /code/app/
CMD ["fastapi", "run", "app/main.py"]
"""
BARE = "python -m venv --without-pip /opt/venv"  # Debian's Python brings no pip for it
COUNT = "import importlib.metadata as m; print(len({it.name for it in m.distributions()}))"
BY_HAND = {
    "two stages": (
        "fastapi\nuvicorn[standard]\n",
        TWO_STAGES.format(venv=f"{BARE} && pip --python /opt/venv install pip", pip="/opt/venv/bin/pip"),
    ),
    "two stages, no pip in the second": (
        "fastapi\nuvicorn[standard]\n",
        TWO_STAGES.format(venv=BARE, pip="pip --python /opt/venv"),
    ),
    "FastAPI's documentation": ("fastapi[standard]\n", DOCS),
}


def main() -> None:
    """Build them, and print their sizes."""
    with lab.running(("fastapi[standard] uvicorn[standard] pip",)), tempfile.TemporaryDirectory() as folder:
        base = _megabytes(lab.BASE)
        print(f"{'the base':34} {base:6.1f} MB")
        own = _made(Path(folder) / "scaffold", "fastapi\n")
        scaffold = (sys.executable, "-m", "asgictl", "scaffold", "--runner", "asgictl", "--python", lab.PYTHON)
        lab.call(*scaffold, "--for", "docker", folder=own)
        size = _built("scaffold", own, base, None)
        for name, (requirements, text) in BY_HAND.items():
            project = _made(Path(folder) / "by-hand", requirements)
            (project / "Dockerfile").write_text(text)
            _built(name, project, base, size)


def _made(folder: Path, requirements: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(APP)
    (folder / "requirements.txt").write_text(requirements)
    return folder


def _built(name: str, folder: Path, base: float, own: float | None) -> float:
    """Build an image and print what is in it; return its size."""
    lab.call("docker", "build", "--quiet", "--tag", "measured", ".", folder=folder)
    size = _megabytes("measured")
    run = ("docker", "run", "--rm", "--network", "none", "measured", "python", "-c", COUNT)
    packages = subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()
    compared = f", scaffold's is {own / size:.2f} times as large" if own else ""
    print(f"{name:34} {size:6.1f} MB, {size - base:5.1f} MB above the base, {packages:>2} packages{compared}")
    return size


def _megabytes(image: str) -> float:
    return int(str(lab.inspected(image, ".Size"))) / 1e6


if __name__ == "__main__":
    main()
