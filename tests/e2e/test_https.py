"""HTTPS as clients meet it: accepted where trusted, followed when replaced, and nothing that is wrong gets far."""

import asyncio
import concurrent.futures
import contextlib
import datetime as dt
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from asgictl import atomic
from asgictl.certs import authority, files, issue, keys, pairs
from asgictl.certs.files import Pair
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints
from asgictl.certs.pairs import Order
from tests.certs import broken
from tests.conftest import Serve, Served, Write, after_banner, needs

modes = pytest.mark.parametrize("mode", [(), ("--workers", "2"), ("--reload",)], ids=["one", "workers", "reload"])

APP = """
import asyncio, os
open("imported", "w").close()

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body = scope["method"].encode()
    if scope["path"] == "/slow":
        print("slow", flush=True)
        while not os.path.exists("go"):
            await asyncio.sleep(0.01)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """The pair in the test's folder."""
    return Pair(tmp_path / "ssl/cert.pem", tmp_path / "ssl/cert.key")


def now() -> dt.datetime:
    """Return the present time, in whole seconds."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def write_pair(pair: Pair, order: Order = Order(), issuer: Issuer | None = None) -> None:  # noqa: B008  # immutable
    """Write a pair, whatever is there."""
    with atomic.locked(*pair):
        pairs.write(pair, order, issuer, now())


def curl(url: str, *arguments: str) -> tuple[int, str]:
    """Return curl's exit status and the answer's body."""
    command = ["curl", "--silent", "--max-time", "10", *arguments, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def python(url: str, anchor: Path | None, *, strict: bool) -> bool:
    """Tell whether Python's default client accepts a server; `strict` as from 3.13 on."""
    context = ssl.create_default_context(cafile=anchor)
    if strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        return httpx.get(url, verify=context).is_success
    except httpx.ConnectError:
        return False


def node(url: str, anchor: Path | None) -> bool:
    """Tell whether Node accepts a server."""
    code = f"fetch({json.dumps(url)}).then(it => process.exit(it.ok ? 0 : 1), () => process.exit(1))"
    environment = {**os.environ, **({"NODE_EXTRA_CA_CERTS": str(anchor)} if anchor else {})}
    command = [shutil.which("node") or "node", "-e", code]
    return subprocess.run(command, env=environment, check=False, capture_output=True).returncode == 0


@needs("curl", "node")
@pytest.mark.parametrize("by", ["itself", "the authority"])
def test_clients_accept_it(serve: Serve, pair: Pair, tmp_path: Path, by: str) -> None:
    """curl, Python at its strictest and Node accept what is made once they trust it, and refuse it before."""
    anchor = pair.certificate
    if by == "the authority":
        authority.make(tmp_path / "authority", Constraints(), now())
        anchor = tmp_path / "authority/ca.pem"
    served = serve("demo", "--https")
    urls = [f"https://{host}:{served.port}/healthz" for host in ("localhost", "127.0.0.1")]

    for url in urls:
        assert curl(url) == (60, "")
        assert curl(url, "--cacert", str(anchor)) == (0, "ok\n")
        assert [python(url, None, strict=strict) for strict in (False, True)] == [False, False]
        assert [python(url, anchor, strict=strict) for strict in (False, True)] == [True, True]
        assert [node(url, trusted) for trusted in (None, anchor)] == [False, True]
    other_name = ("--cacert", str(anchor), "--resolve", f"other.test:{served.port}:127.0.0.1")
    assert curl(f"https://other.test:{served.port}/", *other_name)[0] == 60
    answer = httpx.get(urls[0], verify=False)
    assert "strict-transport-security" not in answer.headers
    assert served.stop()[0] == 0


@modes
def test_the_banner(serve: Serve, pair: Pair, mode: tuple[str, ...]) -> None:
    """What was made is said once, and the banner says how long it is good and who trusts it."""
    served = serve("demo", "--https", *mode)
    assert served.url.startswith("https://127.0.0.1:")
    status, lines = served.stop()

    assert status == 0
    assert lines[0].startswith(
        "note: made `ssl/cert.pem` and `ssl/cert.key` for localhost, *.dev.localhost, 127.0.0.1, "
    )
    assert after_banner(lines[1:]) == []
    row = next(line.split(maxsplit=1)[1] for line in lines if line.startswith("  TLS"))
    assert row == "199 days left, trusted neither by the system nor by browsers: `asgictl gen-cert --trust`"
    before = pair.certificate.read_bytes()

    served = serve("demo", "--https", *mode, env={"SSL_CERT_FILE": str(pair.certificate)})
    assert served.url
    status, lines = served.stop()

    assert (status, after_banner(lines)) == (0, [])
    row = next(line.split(maxsplit=1)[1] for line in lines if line.startswith("  TLS"))
    assert row == "199 days left, trusted by the system, not by browsers"
    assert pair.certificate.read_bytes() == before


def test_programs_and_logs_are_told(serve: Serve, pair: Pair) -> None:
    """One line in production and one object for programs tell of the certificate too."""
    write_pair(pair)
    served = serve("demo", "--https", "--prod")
    assert ", certificate: 199 days left, ready in " in served.wait_for("asgictl serves .*")[0]
    assert served.stop()[0] == 0
    served = serve("demo", "--https", "--log-format", "json", env={"SSL_CERT_FILE": str(pair.certificate)})
    event = json.loads(served.wait_for(r"\{.*asgictl serves .*")[0])
    assert served.stop()[0] == 0

    assert event["url"].startswith("https://127.0.0.1:")
    (leaf, *_) = x509.load_pem_x509_certificates(pair.certificate.read_bytes())
    assert event["certificate"] == {
        "names": ["localhost", "*.dev.localhost", "127.0.0.1", "::1"],
        "not_after": leaf.not_valid_after_utc.isoformat(),
        "trusted_by_system": True,
        "trusted_by_browsers": False,
    }


def test_a_good_certificate_costs_no_import(serve: Serve, pair: Pair) -> None:
    """With a certificate that is good, `cryptography` is not imported, here or in anything that is served."""
    write_pair(pair)

    served = serve("demo", "--https", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert served.url
    _, lines = served.stop()

    imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "asgictl.certs.served" in imported
    assert [name for name in imported if name.startswith("cryptography")] == []


def test_a_good_foreign_certificate_costs_none_either(serve: Serve, pair: Pair) -> None:
    """Nor is it for somebody else's pair, with what has signed it behind it."""
    root = broken.make("Root", broken.curve(), authority=True)
    leaf = broken.make("leaf", broken.curve(), root)
    with atomic.locked(*pair):
        files.write(pair, leaf.pem + root.pem, leaf.private)

    own = ("--ssl-certfile", "ssl/cert.pem", "--ssl-keyfile", "ssl/cert.key")
    for arguments in (("--https",), own):
        served = serve("demo", "--host", "localhost", *arguments, env={"PYTHONPROFILEIMPORTTIME": "1"})
        assert served.url
        _, lines = served.stop()

        imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
        assert "asgictl.certs.beyond_doubt" in imported
        assert [name for name in imported if name.startswith("cryptography")] == []


def replaced(content: bytes) -> Callable[[Pair], object]:
    """Return what replaces a certificate by `content`."""
    return lambda pair: pair.certificate.write_bytes(content)


FAULTS: dict[str, tuple[Callable[[Pair], object], tuple[str, ...], str]] = {
    "half a pair": (lambda pair: pair.key.unlink(), ("--https",), "`ssl/cert.pem` is there, and `ssl/cert.key` is not"),
    "empty": (replaced(b""), ("--https",), "`ssl/cert.pem` is empty"),
    "garbage": (replaced(b"\xff\x00"), ("--https",), "`ssl/cert.pem` holds no certificate in PEM form"),
    "mismatch": (
        lambda pair: pair.key.write_bytes(keys.pem(keys.generate("ec256"))),
        ("--https",),
        "`ssl/cert.key` is not the key of `ssl/cert.pem`",
    ),
    "encrypted": (
        lambda pair: write_pair(pair, Order(password=b"secret")),
        ("--https",),
        "`ssl/cert.key` is encrypted",
    ),
    "a wrong password": (
        lambda pair: write_pair(pair, Order(password=b"secret")),
        ("--https", "--ssl-keyfile-password", "wrong"),
        "the password does not open `ssl/cert.key`",
    ),
    "encrypted, by name": (
        lambda pair: write_pair(pair, Order(password=b"secret")),
        ("--ssl-certfile", "ssl/cert.pem", "--ssl-keyfile", "ssl/cert.key"),
        "`ssl/cert.key` is encrypted",
    ),
    "expired, by name": (
        lambda pair: pairs.write(pair, Order(), None, now() - dt.timedelta(days=300)),
        ("--ssl-certfile", "ssl/cert.pem", "--ssl-keyfile", "ssl/cert.key"),
        f"`ssl/cert.pem` expired on {now() - issue.BACK_DATING - dt.timedelta(days=101):%Y-%m-%d}",
    ),
    "no such client CA": (lambda _: None, ("--https", "--client-ca", "nosuch"), "`nosuch` does not exist"),
}


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("case", FAULTS)
def test_faults(serve: Serve, write: Write, pair: Pair, case: str, workers: str) -> None:
    """What is wrong with the files is one line and a hint, before the app is imported, and never a prompt."""
    spoil, arguments, message = FAULTS[case]
    folder = write({"main.py": APP})
    write_pair(pair)
    spoil(pair)

    status, lines = serve(*arguments, "--workers", workers).end()

    assert (status, lines[0], len(lines)) == (4, f"error: {message}", 2)
    assert lines[1].startswith("hint: ")
    assert not (folder / "imported").exists()


CIPHERS = (
    "error: `-X ssl_ciphers=NONSENSE` names no cipher that OpenSSL has",
    "hint: `openssl ciphers` lists what there is; those of TLS 1.3 are always on",
)
STRENGTH = (
    "error: no client can connect with `-X ssl_ciphers=DEFAULT:@SECLEVEL=5`: no suitable signature algorithm",
    "hint: take another cipher or security level, or drop it",
)


@pytest.mark.parametrize(
    "mode",
    [("serve",), ("serve", "--workers", "2"), ("serve", "--reload"), ("serve", "--check"), ("inspect",)],
    ids=" ".join,
)
def test_what_openssl_refuses(serve: Serve, write: Write, pair: Pair, mode: tuple[str, ...]) -> None:
    """Ciphers that OpenSSL does not have, or that fit no client, are named before the app is imported."""
    folder = write({"main.py": APP})
    write_pair(pair)

    for option, lines in (("NONSENSE", CIPHERS), ("DEFAULT:@SECLEVEL=5", STRENGTH)):
        served = serve("main", "--https", "-X", f"ssl_ciphers={option}", *mode[1:], command=mode[0])
        assert served.end() == (2, [*lines])
    assert not (folder / "imported").exists()


CONFIGURATIONS = {
    "no provider of ciphers": (
        "openssl_conf = a\n[a]\nproviders = b\n[b]\nbase = c\n[c]\nactivate = 1\n",
        "error: OpenSSL cannot speak TLS: library has no ciphers",
        "hint: correct its configuration: `openssl.cnf` (OPENSSL_CONF)",
    ),
    "old versions alone": (
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = TLSv1.1\n",
        "error: OpenSSL allows nothing newer than TLSv1.1, and TLS 1.2 is the least",
        "hint: raise MaxProtocol in its configuration: `openssl.cnf` (OPENSSL_CONF)",
    ),
}


@pytest.mark.parametrize("mode", [(), ("--workers", "2")], ids=["one", "workers"])
@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_configuration_of_openssl(serve: Serve, write: Write, pair: Pair, case: str, mode: tuple[str, ...]) -> None:
    """A configuration of OpenSSL's that leaves no TLS is named, and the certificate is not made again for it."""
    text, *lines = CONFIGURATIONS[case]
    write({"openssl.cnf": text})
    write_pair(pair)
    before = shown_by(pair)

    # The tests' server of processes has read another configuration: with a variable of Python's it is not used.
    served = serve("demo", "--https", *mode, env={"OPENSSL_CONF": "openssl.cnf", "PYTHONHASHSEED": "0"})

    assert served.end() == (4, lines)
    assert shown_by(pair) == before


SPOILT = """
import os, signal
with open("ssl/cert.pem", "r+") as file:
    file.truncate(300)

async def app(scope, receive, send):
    raise NotImplementedError(scope["type"])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_stop_while_it_waits_for_files(
    serve: Serve, write: Write, pair: Pair, loop: str, number: signal.Signals
) -> None:
    """A pair that is spoilt while the app is imported is waited for, and a stop is heard meanwhile."""
    write({"main.py": SPOILT})
    write_pair(pair)
    served = serve("--https", "--loop", loop)
    served.wait_for("note: `ssl/cert.pem` is cut off: .*; waiting for a good one")

    served.send(number)

    status, lines = served.end()
    assert (status, lines[1:]) == (3, [f"error: stopped by {number.name} before the app was ready"])


def test_a_foreign_certificate(serve: Serve, pair: Pair) -> None:
    """Of a certificate that asgictl has not made nothing is said about browsers, which it did not ask."""
    made = broken.make("mkcert development certificate", broken.curve())
    with atomic.locked(*pair):
        files.write(pair, made.pem, made.private)

    for store, end in ((os.devnull, "not trusted by the system"), (str(pair.certificate), "trusted by the system")):
        served = serve("demo", "--https", "--host", "localhost", env={"SSL_CERT_FILE": store})
        assert served.url
        status, lines = served.stop()
        assert (status, after_banner(lines)) == (0, [])
        assert next(line.split(maxsplit=1)[1] for line in lines if line.startswith("  TLS")) == f"90 days left, {end}"


WRONG = [
    (("-X", "ssl_ciphers=DEFAULT"), "`-X ssl_ciphers` needs HTTPS", "pass --https, or --ssl-certfile"),
    (("--redirect-http", "0"), "`--redirect-http` needs HTTPS", "pass --https, or --ssl-certfile"),
    (("--tls-min", "1.3"), "`--tls-min` needs HTTPS", "pass --https, or --ssl-certfile"),
    (("--https", "--ssl-keyfile", "k"), "`--ssl-keyfile` needs its certificate", "pass --ssl-certfile"),
    (
        ("--https", "--client-cert", "optional"),
        "`--client-cert` needs somebody who vouches for clients",
        "pass --client-ca",
    ),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), WRONG)
def test_options_that_need_others(
    serve: Serve, tmp_path: Path, arguments: tuple[str, ...], message: str, hint: str
) -> None:
    """An option that would mean nothing says what it needs."""
    assert serve("demo", *arguments).end() == (2, [f"error: {message}", f"hint: {hint}"])
    assert not (tmp_path / "ssl").exists()


def test_looking_writes_nothing(serve: Serve, tmp_path: Path) -> None:
    """`--dry-run` shows the command for uvicorn, and makes no certificate."""
    served = serve("demo", "--https", "--client-ca", "/dev/null", "--dry-run")
    assert served.end()[0] == 4
    served = serve("demo", "--https", "--dry-run")
    status, lines = served.end()

    assert status == 0
    assert "--ssl-keyfile ssl/cert.key --ssl-certfile ssl/cert.pem" in served.access[0]
    assert lines == ["note: uvicorn has nothing for --https"]
    assert not (tmp_path / "ssl").exists()


class Handshakes:
    """Clients that connect over and over, one request each, and one that keeps its connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.seen: Counter[str] = Counter()
        self.kept = 0
        self.failures: list[str] = []
        self.stop = False
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    async def run(self) -> None:
        """Connect until `stop`."""
        await asyncio.gather(self._keep(), *(self._client() for _ in range(2)))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context)
        return reader, writer, fingerprint(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))

    async def _client(self) -> None:
        while not self.stop:
            try:
                reader, writer, shown = await self._connect()
                writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                answer = await reader.read()
                await closed(writer)
                assert answer.startswith(b"HTTP/1.1 200")
                self.seen[shown] += 1
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))
            await asyncio.sleep(0.05)

    async def _keep(self) -> None:
        reader, writer, _ = await self._connect()
        while not self.stop:
            writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            await reader.readuntil(b"GET")
            self.kept += 1
            await asyncio.sleep(0.02)
        await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever the other side does."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def fingerprint(der: bytes) -> str:
    """Return what names a certificate."""
    return hashlib.sha256(der).hexdigest()


def shown_by(pair: Pair) -> str:
    """Return what names the certificate in the files."""
    (leaf, *_) = x509.load_pem_x509_certificates(pair.certificate.read_bytes())
    return leaf.fingerprint(hashes.SHA256()).hex()


def while_connecting(served: Served, act: Callable[[Handshakes], None]) -> Handshakes:
    """Run `act` while clients connect."""

    async def run() -> Handshakes:
        clients = Handshakes(served.port)
        task = asyncio.create_task(clients.run())
        try:
            await asyncio.to_thread(act, clients)
        finally:
            clients.stop = True
            await task
        return clients

    return asyncio.run(run())


def wait_until(condition: Callable[[], bool], within: float = 30) -> None:
    """Wait for a condition that another thread brings about."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_replaced_certificate(serve: Serve, write: Write, pair: Pair, loop: str, workers: str) -> None:
    """EC, RSA and EC again: each is shown soon, no handshake fails, and a connection that is open stays."""
    write({"main.py": APP})
    write_pair(pair)
    served = serve("--https", "--loop", loop, "--workers", workers)

    def replace(clients: Handshakes) -> None:
        wait_until(lambda: clients.seen[shown_by(pair)] > 0)
        for kind in ("rsa2048", "ec384", "ec256"):
            write_pair(pair, Order(key_type=kind))
            wait_until(lambda: clients.seen[shown_by(pair)] > 10)

    clients = while_connecting(served, replace)

    assert (clients.failures, len(clients.seen)) == ([], 4)
    assert clients.kept > 20
    status, lines = served.stop()
    assert status == 0
    for line in after_banner(lines):
        assert line.startswith("note: new connections get the certificate that `ssl/cert.pem` has since ")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bad_replacement(serve: Serve, write: Write, pair: Pair, workers: str) -> None:
    """Mismatched, truncated, encrypted or gone: the old certificate is shown, until there is a good one."""
    write({"main.py": APP})
    write_pair(pair)
    served = serve("--https", "--workers", workers)
    old = shown_by(pair)

    def replace(clients: Handshakes) -> None:
        wait_until(lambda: clients.seen[old] > 0)
        good = [file.read_bytes() for file in pair]
        pair.key.write_bytes(keys.pem(keys.generate("ec256")))
        served.wait_for("note: `ssl/cert.key` is not the key of `ssl/cert.pem`; the server goes on with what it has")
        pair.key.write_bytes(good[1])
        pair.certificate.write_bytes(good[0][:400])
        served.wait_for("note: `ssl/cert.pem` is cut off: .*; the server goes on")
        write_pair(pair, Order(password=b"secret"))
        served.wait_for("note: `ssl/cert.key` is encrypted; the server goes on with what it has")
        pair.certificate.unlink()
        served.wait_for("note: `ssl/cert.pem` does not exist; the server goes on with what it has")
        assert set(clients.seen) == {old}
        write_pair(pair, Order(key_type="rsa2048"))
        wait_until(lambda: clients.seen[shown_by(pair)] > 0)

    clients = while_connecting(served, replace)

    assert (clients.failures, len(clients.seen)) == ([], 2)
    assert served.stop()[0] == 0


def test_a_reload_waits_for_a_good_certificate(serve: Serve, write: Write, pair: Pair) -> None:
    """A restart that meets a broken pair waits until there is a good one, and serves then."""
    folder = write({"main.py": APP})
    write_pair(pair)
    served = serve("--https", "--reload")
    assert httpx.get(served.url, verify=False).text == "GET"
    good = pair.certificate.read_bytes()
    pair.certificate.write_bytes(good[:300])
    (folder / "main.py").write_text(APP.replace('scope["method"].encode()', 'b"new"'))
    served.wait_for("note: `ssl/cert.pem` is cut off: .*; waiting for a good one")

    pair.certificate.write_bytes(good)

    assert httpx.get(served.url, verify=False, timeout=30).text == "new"
    pair.certificate.write_bytes(good[:300])
    (folder / "main.py").write_text(APP)
    served.wait_for("; waiting for a good one", nth=2)
    assert served.stop()[0] == 0


@modes
def test_redirect(serve: Serve, write: Write, mode: tuple[str, ...]) -> None:
    """Plain HTTP leads to the same place: method, path and query stay; a foreign host leads nowhere."""
    folder = write({"main.py": APP})
    served = serve("--https", "--redirect-http", "0", *mode)
    port = served.port
    plain = served.wait_for(r"HTTP +(http://127\.0\.0\.1:\d+) leads here")[1]

    answer = httpx.post(f"{plain}/a%20b//c?x=1&y=%2F", content=b"body")

    assert answer.status_code == 307
    assert answer.headers["location"] == f"https://127.0.0.1:{port}/a%20b//c?x=1&y=%2F"
    assert answer.headers["cache-control"] == "no-store"
    assert httpx.put(plain, content=b"body", follow_redirects=True, verify=False).text == "PUT"
    hosts = {
        "localhost": 307,
        f"a.dev.localhost:{port}": 307,
        "[::1]:80": 307,
        "evil.test": 421,
        "localhost.evil.test": 421,
        "evil.test:443": 421,
        "user@localhost": 421,
        "evil@a.dev.localhost": 421,
        "1/.dev.localhost": 421,
        "[127.0.0.1]": 421,
        "": 421,
    }
    for host, status in hosts.items():
        answer = httpx.get(plain, headers={"host": host})
        assert (host, answer.status_code, "location" in answer.headers) == (host, status, status == 307)
    assert httpx.get(plain, headers={"host": "[::1]:80"}).headers["location"] == f"https://[::1]:{port}/"
    whole = b"GET http://localhost:99/x?y HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(plain.rpartition(":")[2]))) as sock:
        sock.sendall(whole)
        assert f"location: https://localhost:{port}/x?y\r\n" in sock.makefile(newline="").read()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        slow = pool.submit(httpx.get, f"{served.url}/slow", verify=False, timeout=30)
        try:
            served.wait_for("^slow$")
            served.ctrl_c()
            wait_until(lambda: is_refused(plain))
            assert not slow.done()
        finally:
            (folder / "go").touch()
        assert slow.result().text == "GET"
    status, lines = served.end()
    assert (status, after_banner(lines[1:])) == (0, [])
    for url in (served.url, plain):
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, verify=False)


def is_refused(url: str) -> bool:
    """Tell whether nobody listens at a URL."""
    try:
        httpx.get(url)
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        pass
    return False


def test_the_redirect_knows_a_replaced_certificate(serve: Serve, pair: Pair) -> None:
    """What is not in the certificate any more is not led anywhere, and what is new in it is."""
    write_pair(pair)
    served = serve("demo", "--https", "--redirect-http", "0")
    plain = served.wait_for(r"HTTP +(http://127\.0\.0\.1:\d+) leads here")[1]

    def statuses() -> list[int]:
        return [httpx.get(plain, headers={"host": host}).status_code for host in ("localhost", "shop.test")]

    assert statuses() == [307, 421]
    write_pair(pair, Order(hosts=("shop.test",)))
    assert statuses() == [421, 307]
    assert served.stop()[0] == 0


def test_a_busy_redirect_port(serve: Serve, write: Write) -> None:
    """A port that is in use is named before the app is imported, with status 3."""
    folder = write({"main.py": APP})
    other = serve("demo")
    assert other.url

    status, lines = serve("--https", "--redirect-http", str(other.port)).end()

    assert (status, lines[-1]) == (3, "hint: pass another --redirect-http")
    assert lines[-2].startswith(f"error: port {other.port} on 127.0.0.1 is in use by pid ")
    assert lines[-2].endswith(", for --redirect-http")
    assert not (folder / "imported").exists()


@needs("curl")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_client_certificates(serve: Serve, write: Write, tmp_path: Path, pair: Pair, workers: str) -> None:
    """Only a client with a certificate of the authority gets in; when it is optional, one without does too."""
    write({"main.py": APP})
    issuer = authority.make(tmp_path / "authority", Constraints(), now())
    stranger = authority.make(tmp_path / "stranger", Constraints(), now())
    for name, by in (("right", issuer), ("wrong", stranger)):
        key = keys.generate("ec256")
        bundle = issue.client("alice", key, dt.timedelta(days=9), now(), by)
        with atomic.locked(pair.key):
            files.write(Pair(tmp_path / f"{name}.pem", tmp_path / f"{name}.key"), bundle.pem(), keys.pem(key))
    arguments = ("--https", "--client-ca", "authority/ca.pem", "--workers", workers)

    def verdicts(url: str) -> list[bool]:
        anchor = ("--cacert", str(pair.certificate))
        cards = [
            (),
            *(
                ("--cert", str(tmp_path / f"{it}.pem"), "--key", str(tmp_path / f"{it}.key"))
                for it in ("wrong", "right")
            ),
        ]
        return [curl(url, *anchor, *card) == (0, "GET") for card in cards]

    served = serve(*arguments)
    assert verdicts(served.url) == [False, False, True]
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        answer_with(context_with(tmp_path, None), served.port, None)
    context = context_with(tmp_path, "right")
    session = answer_with(context, served.port, None)
    (tmp_path / "authority/ca.pem").write_bytes((tmp_path / "stranger/ca.pem").read_bytes())

    def is_refused() -> bool:
        try:
            answer_with(context, served.port, session)
        except ssl.SSLError as error:
            return error.reason == "TLSV1_ALERT_UNKNOWN_CA"
        return False

    wait_until(lambda: all(is_refused() for _ in range(10)))  # by each worker
    assert served.stop()[0] == 0
    issuer_pem = issuer.certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "authority/ca.pem").write_bytes(issuer_pem)
    served = serve(*arguments, "--client-cert", "optional")
    assert verdicts(served.url) == [True, False, True]
    assert served.stop()[0] == 0


def context_with(folder: Path, card: str | None) -> ssl.SSLContext:
    """Return a client with a certificate, or without."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if card:
        context.load_cert_chain(folder / f"{card}.pem", folder / f"{card}.key")
    return context


def answer_with(context: ssl.SSLContext, port: int, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
    """Ask, taking a session up again; return the session for the next time."""
    plain = socket.create_connection(("127.0.0.1", port))
    with plain, context.wrap_socket(plain, session=session) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
        return sock.session


@needs("curl")
def test_the_oldest_version(serve: Serve) -> None:
    """TLS 1.2 is spoken, unless 1.3 is the least; nothing older is."""
    for least, expected in (("1.2", [False, True, True]), ("1.3", [False, False, True])):
        served = serve("demo", "--https", "--tls-min", least)
        versions = ("1.1", "1.2", "1.3")
        url = f"{served.url}/healthz"
        found = [curl(url, "--insecure", "--tlsv1.0", "--tls-max", version)[1] == "ok\n" for version in versions]
        assert found == expected
        assert served.stop()[0] == 0


def test_http2(serve: Serve) -> None:
    """With --http2 clients agree on HTTP/2 in the handshake, also after the certificate was replaced."""
    served = serve("demo", "--https", "--http2")
    with httpx.Client(http2=True, verify=False) as client:
        assert client.get(f"{served.url}/healthz").http_version == "HTTP/2"
    assert served.stop()[0] == 0


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_plain_http_on_the_port(serve: Serve, loop: str) -> None:
    """Who speaks plain HTTP to the port is told so, and others are served as before."""
    served = serve("demo", "--https", "--loop", loop)
    plain = served.url.replace("https://", "http://")

    for method in ("GET", "POST", "HEAD", "DELETE", "OPTIONS"):
        answer = httpx.request(method, plain)
        assert answer.status_code == 400
    assert httpx.get(plain).text == "This port speaks HTTPS: write https:// in front of the address.\n"
    assert httpx.get(f"{served.url}/healthz", verify=False).text == "ok\n"
    status, lines = served.stop()
    assert (status, after_banner(lines[1:])) == (0, [])
