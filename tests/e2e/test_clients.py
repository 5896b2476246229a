"""Trust in real clients (`make test-system`), for a user of Debian who has just logged in."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import needs
from tests.e2e.login import USER, Login, login

pytestmark = [
    pytest.mark.system,
    needs("update-ca-certificates", "unshare", "nsenter", "ip", "useradd", "sudo", "certutil"),
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, for a view of its own"),
]

ASK = Path(__file__).parent / "clients"
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "uv"
UV_RUN = f"{UV} run --no-project --no-cache --python {sys.executable}"
CHROMIUM = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
QUIET = "--disable-background-networking --disable-component-update"

APP = f"""
async def app(scope, receive, send):
    if scope["type"] == "http":
        git = scope["path"].endswith("/info/refs")
        body = b"{"1" * 40}\\trefs/heads/ok\\n" if git else b"print('ok')"
        await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}})
        await send({{"type": "http.response.body", "body": body}})
"""


class Client(NamedTuple):
    """A program, what has it ask for `{url}`, with the lines that --trust prints, and what it says when it refuses."""

    program: str
    command: str
    refusal: str


PYTHON = "CERTIFICATE_VERIFY_FAILED"
JAVA = "unable to find valid certification path"
CLIENTS = {
    "curl": Client("curl", "curl --no-progress-meter {url}", "SSL certificate problem"),
    "wget": Client("wget", "wget --no-verbose --output-document=- {url}", "The certificate of .* is not trusted"),
    "git": Client("git", "git ls-remote {url}", "server certificate verification failed"),
    "Python": Client(sys.executable, f"{sys.executable} {ASK}/ask.py {{url}}", PYTHON),
    "Python, strict": Client(sys.executable, f"{sys.executable} {ASK}/ask.py {{url}} --strict", PYTHON),
    "httpx": Client(sys.executable, f"{sys.executable} -c 'import httpx; print(httpx.get(\"{{url}}\").text)'", PYTHON),
    "Node": Client("node", f"node {ASK}/ask.mjs {{url}}", "SELF_SIGNED_CERT|UNABLE_TO_VERIFY"),
    "Go": Client("go", "./ask {url}", "certificate signed by unknown authority"),
    "Java, the system's": Client("javac", "java -cp . Ask {url}", JAVA),
    "Java, the user's": Client("javac", "jdk/bin/java -cp . Ask {url}", JAVA),
    "rustls": Client(UV, f"{UV_RUN} --system-certs {{url}}", "invalid peer certificate: UnknownIssuer"),
    "Chromium": Client("chromium", f"chromium {CHROMIUM} {QUIET} --dump-dom {{url}}", "ERR_CERT_AUTHORITY_INVALID"),
}

# Two projects.
FOLDERS = ("shop", "address")

# Those of the command line besides the one that Firefox makes when it is started for the first time.
PROFILES = {"default": "", "absolute": "work", "nested": "nested"}


class Trial(NamedTuple):
    """What was seen: each client's verdicts on all URLs, before, meanwhile and afterwards; and what else there is."""

    verdicts: dict[str, list[list[str]]]
    commands: list[subprocess.CompletedProcess[str]]
    stores: list[list[str]]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Go the whole way once."""
    with login(tmp_path_factory.mktemp("view")) as user:
        yield go(user)


def go(user: Login) -> Trial:
    """Ask all clients, trust, ask again, have the trust undone, and ask a third time."""
    prepare(user)
    urls = serve(user)
    stores = [listing(user)]
    seen = [ask_all(user, urls, "")]
    commands = [
        user.run("cd shop; asgictl gen-cert --trust"),
        user.run("cd address; asgictl gen-cert --trust 127.0.0.1"),
    ]
    if user.has("javac"):
        commands.append(user.run("cd shop; JAVA_HOME=~/jdk asgictl gen-cert --trust --store java"))
    for folder in FOLDERS:
        user.wait_for(f"{folder}/log", "new connections get the certificate")
    exports = "; ".join(dict.fromkeys(re.findall(r"`(export .*?)`", commands[0].stderr)))
    assert "DNS:" not in user.out("openssl x509 -in address/ssl/cert.pem -noout -ext subjectAltName")
    seen.append(ask_all(user, urls, exports))
    commands.append(user.run("asgictl gen-cert --untrust"))
    seen.append(ask_all(user, urls, exports))
    stores.append(listing(user))
    return Trial({client: [phase[client] for phase in seen] for client in seen[0]}, commands, stores)


def prepare(user: Login) -> None:
    """Have the clients that are written here built, Firefox's profiles made, and the system's store up to date.

    Who has put a certificate beside it may have left that to the next run.
    """
    user.out("update-ca-certificates", user="root")
    if user.has("go"):
        user.out(f"go build -o ask {ASK}/ask.go")
    if user.has("javac"):
        user.out(f"javac -d . {ASK}/Ask.java")
        user.out('cp -rL "$(dirname $(dirname $(realpath $(command -v java))))" jdk; chmod -R u+w jdk')
    if user.has("firefox-esr"):
        ask_firefox(user, "", [])
        root = user.out("find . -name profiles.ini -printf '%h'").removeprefix("./")
        for name, folder in (("work", "elsewhere/work"), ("nested", f"{root}/Profiles/nested")):
            user.out(f"firefox-esr --headless -CreateProfile '{name} /home/{USER}/{folder}'")


def serve(user: Login) -> list[str]:
    """Serve two projects, one with the usual names and one for an address alone; return the URLs."""
    for folder in FOLDERS:
        user.write(f"{folder}/main.py", APP)
    user.out("cd address; asgictl gen-cert 127.0.0.1")
    usual = user.serve("shop", "asgictl serve --https --host localhost --port 0")
    return [usual, usual.replace("localhost", "127.0.0.1"), user.serve("address", "asgictl serve --https --port 0")]


def ask_all(user: Login, urls: list[str], exports: str) -> dict[str, list[str]]:
    """Return the verdicts of all clients that are there."""

    def ask(client: Client) -> list[str]:
        lines = [f"{exports or ':'}; {client.command.format(url=f'{url}/ok.py')}" for url in urls]
        return [verdict(user.run(line), client.refusal) for line in lines]

    with ThreadPoolExecutor(3) as pool:
        firefox = pool.submit(ask_firefoxes, user, urls)
        clients = {name: client for name, client in CLIENTS.items() if user.has(client.program)}
        return {**dict(zip(clients, pool.map(ask, clients.values()), strict=True)), **firefox.result()}


def ask_firefoxes(user: Login, urls: list[str]) -> dict[str, list[str]]:
    """Return the verdicts of Firefox in all its profiles, one after the other: they listen on one port."""
    if not user.has("firefox-esr"):
        return {}
    return {f"Firefox, {kind}": ask_firefox(user, name, urls) for kind, name in PROFILES.items()}


def ask_firefox(user: Login, profile: str, urls: list[str]) -> list[str]:
    """Return Firefox's verdicts."""
    lines = user.out(f"{sys.executable} {ASK}/firefox.py '{profile}' {' '.join(urls)}").splitlines()
    known = {"print('ok')": "accepted", "insecure certificate:": "refused"}
    return [known.get(line, line) for line in lines]


def verdict(done: subprocess.CompletedProcess[str], refusal: str) -> str:
    """Return what a client has done, or all that it says if it is neither."""
    told = done.stdout + done.stderr
    if re.search(refusal, told):
        return "refused"
    return "accepted" if done.returncode == 0 and "ok" in done.stdout else f"{done.returncode}: {told}"


def listing(user: Login) -> list[str]:
    """Return all that there is in the system's store: kinds, modes, owners, links and digests.

    Of Java's copy it is the certificates: what Debian's hook writes has another order each time.
    """
    places = "/etc/ssl /etc/ca-certificates* /usr/local/share/ca-certificates"
    inodes = f"find {places} -printf '%M %U %G %p %l\\n'"
    digests = f"find {places} -type f ! -path '*/java/*' -exec sha256sum {{}} +"
    java = "keytool -list -rfc -cacerts -storepass changeit | grep -v 'Creation date'" if user.has("javac") else ":"
    return sorted(user.out(f"{inodes}; {digests}; {java}", user="root").splitlines())


@pytest.mark.parametrize("client", [*CLIENTS, *(f"Firefox, {kind}" for kind in PROFILES)])
def test_a_client(trial: Trial, client: str) -> None:
    """Each client refuses the server, accepts it after `--trust`, by name and by address, and refuses it again."""
    if client not in trial.verdicts:
        pytest.skip(f"{client} is not installed")
    assert trial.verdicts[client] == [["refused"] * 3, ["accepted"] * 3, ["refused"] * 3]


def test_the_commands(trial: Trial) -> None:
    """The user's own PATH is enough to trust, and to undo it."""
    assert [(done.returncode, done.stderr) for done in trial.commands if done.returncode] == []


def test_the_systems_files(trial: Trial) -> None:
    """The system's store is afterwards as it was, byte for byte."""
    before, after = trial.stores
    assert sorted(set(before) ^ set(after)) == []
