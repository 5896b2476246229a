"""`asgictl gen-cert`, as users see it."""

import datetime as dt
import os
import re
import shlex
import shutil
import ssl
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from typer.testing import CliRunner

from asgictl import atomic
from asgictl.certs import authority, issue, pairs, served, stores, trust
from asgictl.certs.files import Pair
from asgictl.certs.issue import Issuer
from asgictl.certs.names import Constraints
from asgictl.certs.pairs import Order
from asgictl.certs.stores import Found, Machine
from asgictl.cli import app
from tests import answers
from tests.conftest import ASGICTL, needs, start

USUAL = "localhost, test, internal, local, 127.0.0.0/8, ::1/128"
LOCAL = "localhost, *.dev.localhost, 127.0.0.1, ::1"

pytestmark = pytest.mark.usefixtures("pair")


def run(*arguments: str, stdin: str | None = None) -> Any:
    """Run `asgictl gen-cert` in this process."""
    command = ["gen-cert", *arguments]
    return CliRunner().invoke(app, command, prog_name="asgictl", input=stdin, catch_exceptions=False)


def lines(result: Any) -> tuple[int, list[str], list[str]]:
    """Return the exit status, and the lines of both streams."""
    return result.exit_code, result.stdout.splitlines(), result.stderr.splitlines()


def until(days: int) -> str:
    """Return the day on which a certificate that is made now ends, as it is printed."""
    return f"{dt.datetime.now(dt.UTC) - issue.BACK_DATING + dt.timedelta(days=days):%Y-%m-%d} ({days} days)"


def leaf(file: str) -> x509.Certificate:
    """Return the first certificate in a file."""
    return x509.load_pem_x509_certificate(Path(file).read_bytes())


def test_the_usual(pair: Pair) -> None:
    """Without an option there is a self-signed pair for this machine, and what to do next."""
    result = run()

    assert lines(result) == (
        0,
        ["ssl/cert.pem", "ssl/cert.key"],
        [
            f"note: for {LOCAL}, self-signed, until {until(199)}",
            "hint: browsers warn about it; `asgictl gen-cert --trust` ends that",
        ],
    )
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*pair)
    assert Path("ssl/.gitignore").exists()


def test_what_is_there_stays(pair: Pair) -> None:
    """An existing pair, or half of one, is not replaced but with --force."""
    run()
    before = [file.read_bytes() for file in pair]

    assert lines(run()) == (
        4,
        [],
        ["error: `ssl/cert.pem` already exists", "hint: pass --force to replace it"],
    )
    pair.certificate.unlink()
    assert lines(run())[2][0] == "error: `ssl/cert.key` already exists"
    assert pair.key.read_bytes() == before[1]
    assert run("--force").exit_code == 0
    assert pair.key.read_bytes() != before[1]
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*pair)


def test_json() -> None:
    """`--json` prints one object, of what was made or why not."""
    made = answers.result(run("shop.test", "--days", "30", "--json").stdout)
    failed = run("--json")

    assert made["files"] == ["ssl/cert.pem", "ssl/cert.key"]
    assert (made["names"], made["self_signed"], made["kept"]) == (["shop.test"], True, False)
    assert made["not_after"] == leaf("ssl/cert.pem").not_valid_after_utc.isoformat()
    assert failed.exit_code == 4
    assert answers.error(failed.stdout) == {
        "message": "`ssl/cert.pem` already exists",
        "hint": "pass --force to replace it",
        "exit_status": 4,
    }


def test_where_and_what() -> None:
    """Names, days, key type, places and a group can be chosen."""
    arguments = ["--cert-file", "a/b.crt", "--key-file", "c/d.pem", "--days", "825", "--key-type", "RSA2048"]
    result = run("10.0.0.5", "shop.test", *arguments, "--group", str(os.getgid()))

    assert lines(result)[:2] == (0, ["a/b.crt", "c/d.pem"])
    made = leaf("a/b.crt")
    assert made.not_valid_after_utc - made.not_valid_before_utc == dt.timedelta(days=825)
    assert made.public_key().key_size == 2048  # type: ignore[union-attr]
    assert stat.S_IMODE(Path("c/d.pem").stat().st_mode) == 0o640
    assert "d.pem*" in Path("c/.gitignore").read_text()


REFUSED = [
    (["*.localhost"], "`*.localhost` is accepted by no client", "name one level more: `*.dev.localhost`"),
    (
        ["--days", "826"],
        "826 days are too many: Apple's systems refuse more than 825",
        "drop --days: a new certificate is one command away",
    ),
    (
        ["--key-type", "ed25519"],
        "no browser accepts Ed25519 certificates",
        "choose from ec256, ec384, rsa2048, rsa3072, rsa4096",
    ),
    (
        ["--key-type", "dsa"],
        "there is no key type `dsa`",
        "choose from ec256, ec384, rsa2048, rsa3072, rsa4096",
    ),
    (["--store", "moon", "--trust"], "there is no store `moon`", "choose from system, nss, windows, java"),
    (["--dry-run"], "`--dry-run` needs --trust or --untrust", "add --trust or --untrust, or drop it"),
    (["--ca-permit", "x.test"], "`--ca-permit` needs --trust", "add --trust, or drop it"),
    (
        ["--p12", "x.p12"],
        "`--p12` needs --password-stdin: many programs refuse such a file without a password",
        "add --password-stdin, or drop it",
    ),
    (
        ["--check", "--untrust"],
        "`--check` (command line) and `--untrust` (command line) exclude each other",
        "drop one of them",
    ),
    (
        ["--client", "a", "--csr", "b"],
        "`--client` (command line) and `--csr` (command line) exclude each other",
        "drop one of them",
    ),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), REFUSED, ids=[" ".join(case[0]) for case in REFUSED])
def test_refused(arguments: list[str], message: str, hint: str) -> None:
    """What cannot be is refused with the reason, and nothing is written."""
    assert lines(run(*arguments)) == (2, [], [f"error: {message}", f"hint: {hint}"])
    assert list(Path().iterdir()) == []


MISUSED = [
    (["shop.test", "--check"], "`--check` takes no names", "drop them"),
    (["shop.test", "--untrust"], "`--untrust` takes no names", "drop them"),
    (["--client", ""], "`--client` is empty", "name the client, like `--client alice`"),
    (["--csr", ""], "`--csr` is empty", "name the file with the request"),
    (
        ["--cert-file", "a.pem", "--key-file", "./a.pem"],
        "`a.pem` would be written twice",
        "choose another file for each",
    ),
    (
        ["--p12", "ssl/cert.key", "--password-stdin"],
        "`ssl/cert.key` would be written twice",
        "choose another file for each",
    ),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), MISUSED, ids=[" ".join(case[0]) for case in MISUSED])
def test_misused(arguments: list[str], message: str, hint: str) -> None:
    """What would be ignored, or would destroy another file, is refused."""
    assert lines(run(*arguments, stdin="secret\n")) == (2, [], [f"error: {message}", f"hint: {hint}"])
    assert not Path("ssl").exists()


def test_a_store_that_a_variable_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a store that is not there and was not typed, the place is told."""
    monkeypatch.setenv("ASGICTL_GEN_CERT_STORE", "system\nmoon")

    assert lines(run("--trust")) == (
        2,
        [],
        ["error: there is no store `moon` (ASGICTL_GEN_CERT_STORE)", "hint: choose from system, nss, windows, java"],
    )


def test_usage_errors_as_json() -> None:
    """With --json a usage error is one object too."""
    result = run("--json", "--days", "x")

    assert lines(result)[::2] == (2, [])
    assert answers.error(result.stdout) == {
        "message": "Invalid value for '--days': 'x' is not a valid integer.",
        "hint": None,
        "exit_status": 2,
    }


def test_passwords() -> None:
    """A password from stdin encrypts the key and the PKCS #12 file; an empty one is an error."""
    assert lines(run("--password-stdin", stdin="\n"))[0] == 2

    result = run("--password-stdin", "--p12", "ssl/cert.p12", stdin="sécret\n")

    assert lines(result)[:2] == (0, ["ssl/cert.pem", "ssl/cert.key", "ssl/cert.p12"])
    assert Path("ssl/cert.key").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY")
    assert stat.S_IMODE(Path("ssl/cert.p12").stat().st_mode) == 0o600
    key, certificate, _ = pkcs12.load_key_and_certificates(Path("ssl/cert.p12").read_bytes(), "sécret".encode())
    assert certificate == leaf("ssl/cert.pem")
    assert key is not None
    checked = run("--check", "--password-stdin", stdin="sécret\n")
    assert (checked.exit_code, run("--check").exit_code) == (0, 1)


def test_a_password_that_is_no_text() -> None:
    """A password of other bytes than UTF-8 is refused, before anything is written."""
    command = ["gen-cert", "--p12", "x.p12", "--password-stdin"]
    result = CliRunner().invoke(app, command, prog_name="asgictl", input=b"s\xe9cret\n", catch_exceptions=False)

    assert lines(result) == (
        2,
        [],
        [
            "error: the password on stdin is not UTF-8",
            "hint: encode it so, or use ASCII: programs would not agree on other bytes",
        ],
    )
    assert not Path("ssl").exists()


def test_a_client(tmp_path: Path) -> None:
    """A client gets a certificate of the authority, which is made for it, and the server's option is named."""
    result = run("--client", "Alice Smith", "--out", "clients")

    assert lines(result) == (
        0,
        ["clients/Alice-Smith.pem", "clients/Alice-Smith.key"],
        [
            f"note: made your authority in `{tmp_path}/authority`, which can vouch for {USUAL} and nothing else",
            f"note: for client Alice Smith, by your authority, until {until(199)}",
            f"hint: have it asked for: `asgictl serve --https --client-ca {tmp_path}/authority/ca.pem`",
        ],
    )
    assert run("--client", "Alice Smith", "--out", "clients").exit_code == 4


def request(*names: str) -> None:
    """Write a request with its key, as `openssl req` does."""
    extension = ["-addext", f"subjectAltName={','.join(names)}"] if names else []
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command = ["openssl", "req", "-new", *curve, "-keyout", "k.key", "-out", "shop.csr", "-subj", "/CN=x", *extension]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("place", ["my files", "o'brien", "a$b"])
def test_commands_in_places_with_blanks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """What is printed to be run can be run, whatever the folders are called."""
    folder = tmp_path / place
    monkeypatch.setenv("ASGICTL_CA_DIR", str(folder))
    (hint,) = [line for line in lines(run("--client", "alice"))[2] if line.startswith("hint: ")]
    assert shlex.split(hint.split("`")[1])[-1] == str(folder / "ca.pem")
    for file, mode in ((folder / "ca.key", 0o644), (folder, 0o777)):
        before = file.stat().st_mode
        file.chmod(mode)
        (_, hint) = lines(run("--client", "bob"))[2]
        assert shlex.split(hint.split("`")[1])[-1] == str(file)
        file.chmod(before)


def test_the_last_day(pair: Pair, now: dt.datetime) -> None:
    """A certificate that ends within hours is told of in hours, and is a finding."""
    for age, left in ((198 * 24 + 22, "1 hour"), (198 * 24 + 22.5, "less than an hour"), (197 * 24 + 22, "2 days")):
        made = now - dt.timedelta(hours=age, minutes=-1)
        pairs.new(pair, Order(hosts=("localhost",)), None, made, force=True)
        status, said, _ = lines(run("--check"))
        assert said[2].endswith(f", {left} left")
        assert (status, f"wrong        it has {left} left" in said) == ((0, False) if "day" in left else (1, True))


@needs("openssl")
def test_what_a_request_asks_for_in_vain() -> None:
    """What asgictl leaves out of a certificate is said."""
    request("DNS:shop.test", "email:bob@shop.test", "URI:https://shop.test/")

    assert lines(run("--csr", "shop.csr"))[2][-1] == (
        "note: the request asks for more, which is left out: CN=x, email:bob@shop.test, URI:https://shop.test/"
    )


@needs("openssl")
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_a_request(form: str) -> None:
    """A request in either form gets a certificate for its key and its names, and nothing else that it asks for."""
    request("DNS:shop.test", "IP:127.0.0.1")
    if form == "DER":
        csr = x509.load_pem_x509_csr(Path("shop.csr").read_bytes())
        Path("shop.csr").write_bytes(csr.public_bytes(serialization.Encoding.DER))

    result = run("--csr", "shop.csr")

    assert lines(result)[:2] == (0, ["ssl/shop.pem"])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain("ssl/shop.pem", "k.key")
    names = leaf("ssl/shop.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(it.value) for it in names] == ["shop.test", "127.0.0.1"]
    assert run("--csr", "shop.csr").exit_code == 4


@needs("openssl")
def test_requests_that_are_refused() -> None:
    """A request without names, for a name outside the constraints, or that is none, is refused."""
    request()
    assert lines(run("--csr", "shop.csr"))[2] == [
        "error: `shop.csr` asks for no names: it has no subjectAltName",
        "hint: name them: `asgictl gen-cert shop.test --csr ...`",
    ]
    assert run("shop.test", "--csr", "shop.csr").exit_code == 0
    request("DNS:example.com")
    assert lines(run("--csr", "shop.csr", "--force"))[2][0] == "error: your authority may not vouch for `example.com`"
    Path("shop.csr").write_text("garbage")
    assert lines(run("--csr", "shop.csr", "--force"))[2][0] == "error: `shop.csr` holds no certificate signing request"
    assert lines(run("--csr", "nosuch")) == (
        4,
        [],
        ["error: there is no file `nosuch`", "hint: make one with `openssl req -new`"],
    )


def check(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Return what `--check` finds."""
    result = run("--check", "--json", *arguments)
    return result.exit_code, answers.result(result.stdout)


def test_check() -> None:
    """`--check` says what there is, in words."""
    run()

    begin = dt.datetime.now(dt.UTC) - issue.BACK_DATING
    end = begin + dt.timedelta(days=199)
    assert lines(run("--check")) == (
        0,
        [
            "certificate  ssl/cert.pem",
            f"names        {LOCAL}",
            f"valid        {begin:%Y-%m-%d} to {end:%Y-%m-%d}, 199 days left",
            "key          ssl/cert.key, EC secp256r1, 0600",
            "signed by    itself",
            "not trusted  by the system's store",
        ],
        [],
    )
    status, data = check("--trust")
    assert (status, data["faults"]) == (1, ["not trusted by the system's store"])


def test_check_finds_faults(pair: Pair, now: dt.datetime) -> None:
    """What is wrong with a certificate or its key is found, each with what it is."""
    assert lines(run("--check")) == (
        4,
        [],
        ["error: `ssl/cert.pem` does not exist", "hint: make it with `asgictl gen-cert`"],
    )
    run()
    pair.key.chmod(0o644)
    assert check()[1]["faults"] == ["others may read `ssl/cert.key`: `chmod 600 ssl/cert.key`"]
    run("--out", "other")
    assert check("--key-file", "other/cert.key")[1]["faults"] == ["`other/cert.key` is not the key of `ssl/cert.pem`"]
    assert check("--key-file", "nosuch")[1]["faults"] == ["`nosuch` does not exist"]
    for made, fault in [(300, "it expired on"), (-2, "it is not valid before")]:
        with atomic.locked(*pair):
            pairs.write(pair, Order(), None, now - dt.timedelta(days=made))
        status, data = check()
        assert (status, len(data["faults"]), data["faults"][0].startswith(fault)) == (1, 1, True)


@needs("openssl")
def test_check_of_foreign_certificates() -> None:
    """A certificate by somebody else is judged as strict clients would."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k.pem", "-out", "c.pem"]
    command = ["openssl", "req", "-x509", *curve, "-subj", "/CN=localhost"]
    subprocess.run(command, check=True, capture_output=True)
    Path("k.pem").chmod(0o600)

    status, data = check("--cert-file", "c.pem", "--key-file", "k.pem")

    assert (status, data["names"], data["faults"]) == (
        1,
        [],
        ["strict clients refuse it: it is for no name: it has no subjectAltName"],
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user with Firefox, and with nothing else that trusts anybody."""
    if shutil.which("certutil") is None:
        pytest.skip("needs certutil")
    folder = tmp_path / "home"
    profile = folder / ".mozilla/firefox/a1.default"
    profile.mkdir(parents=True)
    subprocess.run(["certutil", "-d", f"sql:{profile}", "-N", "--empty-password"], check=True)
    monkeypatch.delenv("SUDO_USER", raising=False)
    return folder


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder with programs: those that a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


FOREIGN = {
    "self-signed": ["-subj", "/CN=x"],
    "an authority": ["-subj", "/CN=x", "-addext", "keyUsage=critical,keyCertSign"],
    "one that is called so": ["-subj", "/O=asgictl/CN=asgictl local CA (me) 0123abcd"],
    "a text": None,
}


@needs("certutil", "openssl")
@pytest.mark.usefixtures("without_chromium")
@pytest.mark.parametrize("kind", FOREIGN)
def test_an_authority_that_is_not_asgictls(home: Path, tmp_path: Path, kind: str, pair: Pair) -> None:
    """It signs nothing, is not installed, and stays where it is, with its key; a server does without."""
    folder = tmp_path / "authority"
    folder.mkdir(mode=0o700)
    words = FOREIGN[kind]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    if words is None:
        (folder / "ca.pem").write_text("my notes\n")
        (folder / "ca.key").write_text("my notes\n")
        (folder / "ca.key").chmod(0o600)
    else:
        command = ["openssl", "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", *words]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
    before = {file: file.read_bytes() for file in folder.iterdir()}
    problem = f"`{folder}/ca.pem` is not an authority that asgictl has made"
    refused = [f"error: {problem}", "hint: move it and its key elsewhere, or set ASGICTL_CA_DIR to another folder"]

    for action in ([], ["--trust"], ["--trust", "--dry-run"], ["--client", "bob"], ["--phone"]):
        assert lines(nss(*action)) == (4, [], refused)
    if kind != "one that is called so":
        assert lines(nss("--untrust")) == lines(nss("--untrust", "--dry-run")) == (4, [], refused)
    notes: list[str] = []
    now = dt.datetime.now(dt.UTC)
    served.kept(pair, served.Circumstances("localhost", None, folder, now), notes.append)

    assert notes[0] == f"{problem}; your authority is left alone"
    assert {file: file.read_bytes() for file in before} == before
    assert "C,," not in listed(home)


def listed(home: Path) -> str:
    """Return what Firefox trusts."""
    command = ["certutil", "-d", f"sql:{home}/.mozilla/firefox/a1.default", "-L"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def nss(*arguments: str) -> Any:
    """Run `gen-cert` for browsers only, of which Chromium is left alone."""
    return run("--store", "nss", *arguments)


@pytest.mark.usefixtures("without_chromium")
def test_trust_and_untrust(home: Path, tmp_path: Path) -> None:
    """`--trust` shows what it runs and `--untrust` undoes it, the authority included."""
    folder = tmp_path / "authority"
    certutil = f"certutil -d sql:{home}/.mozilla/firefox/a1.default"
    assert lines(nss("--trust", "--dry-run")) == (
        0,
        [f"{certutil} -A -t C,, -n asgictl-XXXXXXXX -i {folder}/ca.pem"],
        ["note: `XXXXXXXX` will be the first digits of its fingerprint: your authority is not made yet"],
    )
    assert not folder.exists()

    result = nss("--trust")

    name = f"asgictl-{leaf(f'{folder}/ca.pem').fingerprint(hashes.SHA256()).hex()[:8]}"
    assert lines(result) == (
        0,
        ["ssl/cert.pem", "ssl/cert.key"],
        [
            f"note: made your authority in `{folder}`, which can vouch for localhost, test, internal, local, "
            "127.0.0.0/8, ::1/128 and nothing else",
            f"note: running {certutil} -A -t C,, -n {name} -i {folder}/ca.pem",
            f"note: for {LOCAL}, by your authority, until {until(199)}",
            "note: trusted by Firefox (~/.mozilla/firefox/a1.default)",
            f"note: Node: `export NODE_EXTRA_CA_CERTS={folder}/ca.pem`",
            "note: restart the browser if it is open",
        ],
    )
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600
    assert name in listed(home)
    assert check("--trust", "--store", "nss")[1]["trusted"]["Firefox (~/.mozilla/firefox/a1.default)"] is True
    undo = nss("--untrust", "--dry-run")
    assert lines(undo) == (0, [f"{certutil} -D -n {name}"], [])

    result = run("--untrust")

    assert lines(result) == (
        0,
        ["removed from Firefox (~/.mozilla/firefox/a1.default)"],
        [f"note: running {undo.stdout.strip()}", "note: your authority and its key are gone"],
    )
    assert name not in listed(home)
    assert not folder.exists()
    assert lines(run("--untrust")) == (0, ["nothing was trusted"], ["note: there was no authority"])


def test_programs_with_a_store_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Node, requests and httpx need to heed the authority is printed, and what Java does not heed of it."""
    (tmp_path / "usr/local/share/ca-certificates").mkdir(parents=True)
    keys = tmp_path / "jdk/lib/security/cacerts"
    keys.parent.mkdir(parents=True)
    keys.touch()
    debian = Machine("linux", tmp_path, {"JAVA_HOME": f"{tmp_path}/jdk"}, lambda name: f"/usr/bin/{name}", tmp_path)
    monkeypatch.setattr("asgictl.certs.stores.this_machine", lambda: debian)
    monkeypatch.setattr(trust, "install", lambda _, places, *_rest: [trust.Outcome(place) for place in places])

    result = run("--trust", "--store", "system", "--store", "java")

    bundle = tmp_path / "etc/ssl/certs/ca-certificates.crt"
    assert (result.exit_code, lines(result)[2][2:]) == (
        0,
        [
            f"note: trusted by the system's store (Debian), Java ({keys})",
            f"note: Node: `export NODE_EXTRA_CA_CERTS={tmp_path}/authority/ca.pem`",
            f"note: requests and httpx: `export REQUESTS_CA_BUNDLE={bundle} SSL_CERT_FILE={bundle}`",
            "note: Java ignores the limits of an authority: whoever has its key can pose as any site there",
            "note: restart the browser if it is open",
        ],
    )


@pytest.fixture
def without_chromium(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Chromium on this machine."""
    usual = stores.this_machine
    here = usual()
    find = {name: here.find(name) for name in ("certutil", "java")}.get
    monkeypatch.setattr(stores, "this_machine", lambda: usual()._replace(find=find))


@pytest.mark.usefixtures("home", "without_chromium")
def test_untrust_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority stays as long as it is trusted anywhere, and what has no record is found."""
    monkeypatch.setattr("asgictl.certs.stores.java.find", lambda _: Found())
    assert nss("--trust").exit_code == 0

    result = run("--untrust", "--store", "java")

    place = "Firefox (~/.mozilla/firefox/a1.default)"
    assert lines(result) == (0, ["nothing was trusted"], [f"note: your authority stays, for it is trusted by {place}"])
    (tmp_path / "authority/trust.json").unlink()
    assert lines(run("--untrust"))[1] == [f"removed from {place}"]


@pytest.mark.usefixtures("home", "without_chromium")
def test_trust_takes_over_what_is_there(pair: Pair) -> None:
    """`--trust` replaces a self-signed pair of ours with its names and its group; a second one changes nothing."""
    run("shop.test", "--group", str(os.getgid()))

    result = nss("--trust")

    assert result.exit_code == 0
    assert f"for shop.test, by your authority, until {until(199)}" in result.stderr
    assert stat.S_IMODE(pair.key.stat().st_mode) == 0o640
    before = pair.key.read_bytes()
    assert answers.result(nss("--trust", "--json").stdout)["kept"] is True
    assert pair.key.read_bytes() == before
    assert answers.result(nss("--trust", "--json", "api.test").stdout)["names"] == ["shop.test", "api.test"]


@pytest.mark.usefixtures("home", "without_chromium")
def test_trust_leaves_foreign_certificates(monkeypatch: pytest.MonkeyPatch, pair: Pair) -> None:
    """A pair that asgictl has not made stays, and nothing is trusted for it."""
    with monkeypatch.context() as patched:
        patched.setattr("asgictl.certs.issue.ORGANIZATION", "Somebody")
        run()
    before = pair.certificate.read_bytes()

    assert lines(nss("--trust")) == lines(nss("--trust", "--dry-run"))
    assert lines(nss("--trust"))[2] == [
        "error: `ssl/cert.pem` was not made by asgictl",
        "hint: pass --force to replace it, or --out to write elsewhere",
    ]
    assert pair.certificate.read_bytes() == before
    assert nss("--trust", "--force").exit_code == 0


@pytest.mark.usefixtures("home", "without_chromium")
def test_names_outside_the_constraints(tmp_path: Path) -> None:
    """A name outside is refused before there is an authority, and allowed by one that is made wider."""
    refused = nss("--trust", "example.com")
    assert (refused.exit_code, (tmp_path / "authority").exists()) == (2, False)
    assert lines(refused)[2][0] == "error: a new authority would not vouch for `example.com`"

    assert nss("--trust", "--ca-permit", "example.com", "www.example.com").exit_code == 0

    refused = nss("--trust", "--ca-permit", "example.org")
    assert refused.exit_code == 2
    assert lines(refused)[2][0].startswith("error: your authority exists already, and is for localhost, ")


@pytest.mark.usefixtures("home", "without_chromium")
@pytest.mark.parametrize("names", [("example.com", "10.0.0.5"), ("*.shop.example",), ("shop.test",)])
@pytest.mark.parametrize("first", [(), ("--trust",)], ids=["no authority", "an authority"])
def test_what_ends_the_warnings(tmp_path: Path, first: Sequence[str], names: Sequence[str]) -> None:
    """What is offered for a self-signed certificate has it trusted; what would not is refused before it begins."""
    if first:
        assert nss(*first, "--out", "other").exit_code == 0
    there = sorted(tmp_path.rglob("*"))
    made = run("--out", "my certs", *names)
    (hint,) = [line for line in lines(made)[2] if line.startswith("hint:")] or [""]
    if names == ("shop.test",) and not first:
        assert hint == "hint: browsers warn about it; `asgictl gen-cert --trust --out 'my certs'` ends that"
    elif names != ("shop.test",):
        bare = nss("--trust", "--out", "my certs")
        assert (bare.exit_code, bare.stdout) == (2, "")
        assert lines(bare) == lines(nss("--trust", "--out", "my certs", "--dry-run"))
        if not first:
            written = tmp_path / "my certs"
            assert sorted(tmp_path.rglob("*")) == sorted([*there, written, *written.rglob("*")])

    for command in re.findall("`asgictl gen-cert (.*?)`", hint):
        assert nss(*shlex.split(command)).exit_code == 0

    assert lines(run("--check", "--out", "my certs"))[1][4].endswith(", your authority")


@pytest.mark.usefixtures("home", "without_chromium")
def test_an_authority_that_is_wider(tmp_path: Path, now: dt.datetime) -> None:
    """Whatever is done with an authority that may vouch for more than usual, it is said, and how to be rid of it."""
    authority.make(tmp_path / "authority", Constraints().widened(["com"]), now)
    begin = f"your authority in `{tmp_path}/authority` can vouch for com, too"
    end = "and so can whoever has its key; `asgictl gen-cert --untrust` removes it"
    usual, used = f"note: {begin}, {end}", f"note: {begin}, as here for www.bank.com, {end}"

    told = [
        [line for line in lines(result)[2] if begin in line]
        for result in (
            run("www.bank.com"),
            run("--client", "alice"),
            nss("--trust"),
            run("localhost", "--force"),
            run("10.0.0.1", "--force"),
        )
    ]

    assert told == [[used], [usual], [used], [usual], []]
    assert check("--cert-file", "ssl/alice.pem", "--key-file", "ssl/alice.key")[1]["wider"] == f"{begin}, {end}"
    assert f"wider        {begin}, {end}" in lines(run("--check"))[1]
    assert nss("--untrust").exit_code == 0
    assert check()[1]["wider"] is None


@pytest.mark.usefixtures("home", "without_chromium", "issuer")
def test_one_that_gnutls_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate for addresses as they were made once is a fault to `--check`, and made anew by `--trust`."""
    subject = issue._subject
    with monkeypatch.context() as older:
        older.setattr(issue, "_subject", lambda name=None: subject(name or "asgictl 1234abcd"))
        run("127.0.0.1", "::1")
        run("localhost", "127.0.0.1", "--out", "named")
        run("--client", "127.0.0.1")
    fault = "GnuTLS (wget, git) refuses it, for it has a common name: run `asgictl gen-cert --trust` again"
    assert (check()[0], check()[1]["faults"]) == (1, [fault])
    assert check("--out", "named")[1]["faults"] == []
    assert fault not in check("--cert-file", "ssl/127.0.0.1.pem", "--key-file", "ssl/127.0.0.1.key")[1]["faults"]

    assert nss("--trust").exit_code == 0

    assert (check()[1]["faults"], check()[1]["names"]) == ([], ["127.0.0.1", "::1"])
    made = Path("ssl/cert.pem").read_bytes()
    assert nss("--trust").exit_code == 0
    assert Path("ssl/cert.pem").read_bytes() == made


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
@pytest.mark.usefixtures("home", "without_chromium")
def test_users_and_folders_of_any_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user, a host or a folder whose name is not UTF-8 has an authority as everybody has, and loses it as well."""
    folder = tmp_path / os.fsdecode(b"j\xfcrgen")
    monkeypatch.setenv("ASGICTL_CA_DIR", str(folder))
    monkeypatch.setenv("LOGNAME", os.fsdecode(b"j\xfcrgen"))
    monkeypatch.setattr("socket.gethostname", lambda: "h" * 70)

    assert nss("--trust").exit_code == 0

    assert check()[1]["issuer"].startswith("asgictl local CA (j?rgen@hhhhhhh")
    assert nss("--untrust").exit_code == 0
    assert not folder.exists()


def test_names_that_few_refuse() -> None:
    """A name with a `_` is made, as most clients take it, and it is said which one does not."""
    result = run("my_app.test", "*.my_app.test")

    assert lines(result)[:2] == (0, ["ssl/cert.pem", "ssl/cert.key"])
    assert lines(result)[2][1] == "note: Java takes no name with a `_`, nor Python one with a `*`"
    assert issue.hosts_of(leaf("ssl/cert.pem").extensions) == ("my_app.test", "*.my_app.test")
    assert check()[0] == 0
    assert nss("--trust", "localhost", "127.0.0.1").exit_code == 0
    hosts = issue.hosts_of(leaf("ssl/cert.pem").extensions)
    assert (set(hosts), check()[0]) == ({"my_app.test", "*.my_app.test", "localhost", "127.0.0.1"}, 0)
    assert nss("--untrust").exit_code == 0


@needs("git")
def test_keys_in_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are kept out of git, the authority's too; one that is in it is a fault, with what to do."""
    monkeypatch.setenv("ASGICTL_CA_DIR", f"{tmp_path}/dev ca")

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout

    git("init", "--quiet")
    for arguments in (["--client", "alice"], []):
        run(*arguments)
    git("add", "--all")
    assert not any("ca.key" in line or "cert.key" in line for line in git("ls-files").splitlines())
    assert (check()[1]["faults"], check()[1]["unseen"]) == ([], [])

    git("add", "--force", "ssl/cert.key", "dev ca/ca.key")

    status, found = check()
    assert (status, found["faults"]) == (
        1,
        [
            "git has `ssl/cert.key`, and so has everybody with the repository: "
            "`git rm --cached ssl/cert.key`, then gen-cert --force",
            f"git has `{tmp_path}/dev ca/ca.key`, and so has everybody with the repository: "
            f"`git rm --cached '{tmp_path}/dev ca/ca.key'`, then gen-cert --untrust, and then --trust",
        ],
    )
    assert f"note: {found['faults'][1]}" in lines(run("--force"))[2]
    monkeypatch.setenv("PATH", "/nowhere")
    assert check()[1]["unseen"] == [
        "whether git has `ssl/cert.key`: git is not installed",
        f"whether git has `{tmp_path}/dev ca/ca.key`: git is not installed",
    ]
    assert "not seen     whether git has `ssl/cert.key`: git is not installed" in lines(run("--check"))[1]


@needs("git")
def test_rules_of_ones_own(tmp_path: Path) -> None:
    """Where the authority's folder in a repository has rules that let its key in, that is said."""
    subprocess.run(["git", "init", "--quiet"], check=True)
    (tmp_path / "authority").mkdir(mode=0o700)
    (tmp_path / "authority/.gitignore").write_text("*.tmp\n")

    assert lines(run("--client", "alice"))[2][2] == (
        f"note: version control may take `{tmp_path}/authority/ca.key`; "
        f"add `ca.key` to `{tmp_path}/authority/.gitignore`"
    )


LINKED = {
    "a folder": ("ssl", "../elsewhere", "`ssl`"),
    "one above it": ("a", "..", "`a/ssl`"),
}


@pytest.mark.parametrize("case", LINKED)
def test_a_folder_that_leads_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Nothing is written through a link out of the current folder, also for --out; the place itself may be named."""
    link, target, named = LINKED[case]
    here = tmp_path / "clone"
    here.mkdir()
    monkeypatch.chdir(here)
    Path(link).symlink_to(target)
    place = tmp_path / ("ssl" if case == "one above it" else "elsewhere")

    assert lines(run("--force", "--out", named.strip("`"))) == (
        4,
        [],
        [
            f"error: {named} leads out of the current folder, to `{place}`, through a symbolic link",
            f"hint: remove the link; if you want it, pass `{place}` with gen-cert's --out, "
            "or with serve's --ssl-certfile",
        ],
    )
    assert not place.exists()
    assert run("--out", str(place)).exit_code == 0
    Path("inside").mkdir()
    Path("in").symlink_to("inside")
    assert run("--out", "in").exit_code == 0


@pytest.mark.usefixtures("home")
def test_trust_that_is_partly_there(path: Path) -> None:
    """Without `certutil`, or a system store, what is missing is named with how to get it, and the status is 4."""
    (path / "chromium").touch(mode=0o755)

    result = run("--trust")

    assert (result.exit_code, result.stdout) == (4, "ssl/cert.pem\nssl/cert.key\n")
    assert lines(result)[2][2:] == [
        "error: no system store",
        "hint: install the package `ca-certificates`, and run this again",
        "error: `certutil` is not there for browsers",
        "hint: install `libnss3-tools` (Debian), `nss-tools` (Fedora), or `nss` (Arch), and run this again",
    ]


@pytest.mark.usefixtures("without_chromium")
def test_untrust_without_the_tool(home: Path, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store cannot be looked at, the authority stays until it can."""
    with monkeypatch.context() as patched:
        patched.setenv("PATH", os.defpath)
        assert nss("--trust").exit_code == 0
    assert path.exists()

    planned = run("--untrust", "--dry-run")
    assert (planned.exit_code, " -D -n asgictl-" in planned.stdout) == (0, True)
    result = run("--untrust")

    assert (result.exit_code, result.stdout) == (4, "nothing was trusted\n")
    assert lines(result)[2][0].endswith("`certutil` ended with 127: certutil is not installed")
    assert (tmp_path / "authority/ca.key").exists()
    monkeypatch.setenv("PATH", os.defpath)
    assert run("--untrust").exit_code == 0
    assert "asgictl" not in listed(home)


@pytest.mark.usefixtures("without_chromium")
def test_trust_with_a_p12(home: Path) -> None:
    """A pair that is kept is exported too, but not over another file."""
    assert home
    assert nss("--trust", "--key-type", "rsa2048").exit_code == 0
    before = Path("ssl/cert.key").read_bytes()

    assert nss("--trust").exit_code == 0
    assert leaf("ssl/cert.pem").public_key().key_size == 2048  # type: ignore[union-attr]
    Path("mine.p12").write_text("precious")
    arguments = ["--store", "nss", "--trust", "--password-stdin", "--p12"]
    assert run(*arguments, "mine.p12", stdin="secret\n").exit_code == 4
    assert Path("mine.p12").read_text() == "precious"
    assert run(*arguments, "other.p12", stdin="secret\n").exit_code == 0
    _, certificate, _ = pkcs12.load_key_and_certificates(Path("other.p12").read_bytes(), b"secret")
    assert (certificate, Path("ssl/cert.key").read_bytes()) == (leaf("ssl/cert.pem"), before)


@pytest.mark.usefixtures("without_chromium")
def test_a_store_that_fails(home: Path, tmp_path: Path) -> None:
    """A database that cannot be written is named, with the commands that are left to do."""
    database = home / ".mozilla/firefox/a1.default/cert9.db"
    database.write_bytes(b"garbage")

    result = nss("--trust")

    assert result.exit_code == 4
    error, hint = lines(result)[2][-2:]
    assert error.startswith("error: Firefox (~/.mozilla/firefox/a1.default): `certutil` ended with 255")
    assert hint.startswith("hint: see to that, or run `certutil -d sql:")
    assert trust.recorded(tmp_path / "authority") == []


def test_an_unsafe_authority(tmp_path: Path, issuer: Issuer) -> None:
    """An authority whose key others can read is not used, nor one that is not whole."""
    assert issuer
    key = tmp_path / "authority/ca.key"
    key.chmod(0o644)
    assert lines(run())[2] == [
        f"error: others may read the key of your authority, `{key}` (0644)",
        f"hint: `chmod 600 {key}`, or if somebody else has been here: run "
        "`asgictl gen-cert --untrust`, and then --trust again",
    ]
    key.unlink()
    assert lines(run())[2] == [
        f"error: `{tmp_path}/authority` holds `ca.pem` alone, which is half of an authority",
        "hint: run `asgictl gen-cert --untrust`, and then --trust again",
    ]
    assert run("--untrust").exit_code == 0
    assert run().exit_code == 0


def test_sudo_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With sudo, or what is like it, the authority would be root's, so it is refused, and the way round is named."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for variable, value in (("SUDO_USER", "alice"), ("DOAS_USER", "alice"), ("PKEXEC_UID", "1000")):
        monkeypatch.setenv(variable, value)

        assert lines(run("--trust"))[::2] == (
            2,
            [
                "error: with sudo the authority would be root's, and your browsers would not trust it",
                "hint: run it without sudo, for what needs root asks for that itself; "
                "for the system's store of a container or a CI machine pass --as-root",
            ],
        )
        assert (run("--trust", "--dry-run").exit_code, run("--untrust", "--dry-run").exit_code) == (4, 0)
        monkeypatch.setenv(variable, "0" if variable == "PKEXEC_UID" else "root")  # root itself has called sudo
        assert run("--client", variable).exit_code == 0
        monkeypatch.delenv(variable)


def test_as_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--as-root` goes for the system's store alone, and says whose the authority is; others than root have no use."""
    (tmp_path / "root/usr/local/share/ca-certificates").mkdir(parents=True)
    usual = stores.this_machine
    monkeypatch.setattr(stores, "this_machine", lambda: usual()._replace(find=lambda name: f"/usr/bin/{name}"))
    monkeypatch.setattr(trust, "install", lambda _, places, *_rest: [trust.Outcome(place) for place in places])
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    status, _, said = lines(run("--trust", "--as-root"))

    assert (status, said[0]) == (
        0,
        f"note: the authority is root's, in `{tmp_path}/authority`: only root has certificates of it, "
        "and nobody's browsers are told",
    )
    assert "note: trusted by the system's store (Debian)" in said
    assert lines(run("--as-root")) == (
        2,
        [],
        [
            "error: `--as-root` needs --trust, --untrust, --client, --csr or --phone",
            "hint: add --trust, --untrust, --client, --csr or --phone, or drop it",
        ],
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert lines(run("--trust", "--as-root")) == (
        2,
        [],
        ["error: `--as-root` is for root", "hint: drop it: what needs root asks for that itself"],
    )


def test_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and the rest may stand in pyproject.toml, or in variables."""
    Path("pyproject.toml").write_text('[tool.asgictl.gen-cert]\nnames = ["shop.test"]\nout = "certs"\ndays = 30\n')
    monkeypatch.setenv("ASGICTL_GEN_CERT_KEY_TYPE", "ec384")

    result = run()

    assert lines(result)[1:] == (
        ["certs/cert.pem", "certs/cert.key"],
        [
            f"note: for shop.test, self-signed, until {until(30)}",
            "hint: browsers warn about it; `asgictl gen-cert --trust` ends that",
        ],
    )
    assert leaf("certs/cert.pem").public_key().key_size == 384  # type: ignore[union-attr]
    monkeypatch.setenv("ASGICTL_GEN_CERT_KEY_TYPE", "ed25519")
    assert lines(run("--force"))[2][0] == "error: no browser accepts Ed25519 certificates (ASGICTL_GEN_CERT_KEY_TYPE)"


def test_two_at_once(pair: Pair) -> None:
    """Of two runs at once one wins whole, and the other says that it has come too late."""
    processes = [start("gen-cert", name) for name in ("a.test", "b.test", "c.test", "d.test")]
    for process in processes:
        process.communicate(timeout=30)

    assert sorted(process.wait() for process in processes) == [0, 4, 4, 4]
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*pair)


ROOT = r"""
set -eu
for place in /etc/ssl /usr/local/share/ca-certificates /etc/ca-certificates /var/lib/dpkg \
  /var/lib/ca-certificates-java; do
  test -d $place || continue
  copy=$(mktemp -d); cp -a $place/. $copy; mount --bind $copy $place
done
listing() {
  cd /etc/ssl; find . ! -path './certs/java*' -exec ls -ldn --time-style=+ {} +; cd "$OLDPWD"
  ls /usr/local/share/ca-certificates
}
verdict() { openssl verify ssl/cert.pem >/dev/null 2>&1 && echo yes || echo no; }
java() {
  keytool -list -cacerts -storepass changeit 2>/dev/null | grep -c "$name" || true
}
update-ca-certificates --fresh >/dev/null 2>&1
listing >before
"$1" gen-cert --trust --store system >/dev/null 2>trusted
name=$(openssl x509 -in "$ASGICTL_CA_DIR/ca.pem" -noout -fingerprint -sha256)
name=asgictl-$(echo "${name#*=}" | tr -d : | tr A-F a-f | cut -c1-8)
verdict
java
"$1" gen-cert --untrust >/dev/null 2>&1
verdict
java
listing >after
diff before after && echo same
"""


@pytest.mark.system
@needs("update-ca-certificates", "openssl", "unshare")
@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, for a private /etc/ssl")
def test_the_systems_store_for_real(tmp_path: Path) -> None:
    """With root, in a private view of the file system: the whole machine trusts it, then not, and nothing is left."""
    script = ["unshare", "--mount", "sh", "-c", ROOT, "sh", str(ASGICTL)]

    done = subprocess.run(script, capture_output=True, text=True, check=False)

    java = "1" if Path("/etc/ca-certificates/update.d/jks-keystore").exists() else "0"
    assert (done.stdout.split(), done.returncode) == (["yes", java, "no", "0", "same"], 0), done.stderr
    assert "trusted by the system's store (Debian)" in (tmp_path / "trusted").read_text()
