"""Trust in a real browser (`make test-browser`): refused before, accepted meanwhile, refused after, no trace left."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ASGICTL, Serve

pytestmark = pytest.mark.browser


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new home, in which no browser has ever run."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "ASGICTL_CA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    return folder


def chromium(url: str, folder: Path) -> str:
    """Return what headless Chromium shows, or the code of its error."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "install Chromium for these tests"
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    quiet = ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}"]
    command = [program, *words, *quiet, "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    _, failed, code = done.stderr.partition("net_error ")
    return code.split()[0] if failed else done.stdout


def gen_cert(*arguments: str, folder: Path) -> None:
    """Run `asgictl gen-cert`."""
    subprocess.run([ASGICTL, "gen-cert", "--store", "nss", *arguments], cwd=folder, check=True, capture_output=True)


def tree(folder: Path) -> set[str]:
    """Return all files below a folder but a browser's own."""
    found = {os.path.relpath(file, folder) for file in folder.rglob("*") if file.is_file()}
    return {file for file in found if not file.startswith((".cache", ".config/chromium", ".config/google-chrome"))}


@pytest.mark.parametrize("ran_before", [False, True], ids=["before Chromium's first start", "after it"])
def test_chromium(serve: Serve, tmp_path: Path, home: Path, ran_before: bool) -> None:
    """Chromium warns, then loads the page without an error, and after `--untrust` warns again."""
    served = serve("demo", "--https", env={"HOME": str(home)})
    urls = [f"https://{host}:{served.port}/healthz" for host in ("localhost", "127.0.0.1", "x.dev.localhost")]
    if ran_before:
        assert [chromium(url, tmp_path / "profile") for url in urls] == ["-202"] * 3
    before = tree(home)

    gen_cert("--trust", folder=tmp_path)
    served.wait_for("new connections get the certificate")

    assert ["ok" in chromium(url, tmp_path / "profile") for url in urls] == [True] * 3
    gen_cert("--untrust", folder=tmp_path)
    left = tree(home)
    assert [chromium(url, tmp_path / "profile") for url in urls] == ["-202"] * 3
    assert {file for file in left - before if not file.startswith(".local/share/pki/nssdb/")} == set()
    assert served.stop()[0] == 0
