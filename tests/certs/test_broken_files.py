"""What OpenSSL, `serve` and `gen-cert --check` say of the same files: one table, without a contradiction."""

import os
import ssl
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from asgictl.certs import pem
from asgictl.cli import app
from asgictl.errors import AsgictlError, ConfigError, FileProblemError
from asgictl.serving import tls
from asgictl.serving.tls import TlsRequest
from tests import answers
from tests.certs import broken

posix = pytest.mark.skipif(sys.platform == "win32", reason="has no pipes in folders, and links for few")

CERTIFICATE, KEY = Path("c.pem"), Path("k.pem")
APART = "in `{}` a `-----BEGIN` or `-----END` is not at the beginning of a line of its own"
GLUED = "two blocks of `{}` are glued together: the first has to end with a line break, in line {}"
CUT = "`{}` is cut off: the `-----BEGIN {}-----` in line {} has no end"
DAMAGED = "`{}` is damaged: the block that begins in line {} is not a {}"
FIRST = "`k.pem` is the key of the {} certificate in `c.pem`: the first is that of an authority ({})"
BROKEN = "its chain is broken: the issuer of the 1st certificate, Between, is "

# What OpenSSL takes, and what there is to say of it.
TAKEN: dict[str, list[str]] = {
    "good": [],
    "with the root": [],
    "text before": [],
    "CRLF": [],
    "a BOM": [],
    "lines of any length": [],
    "TRUSTED CERTIFICATE": [],
    "parameters before the key": [],
    "both in both": [],
    "no intermediate": ["its issuer, Between, is neither in the file nor trusted by the system"],
    "the root alone behind it": [f"{BROKEN}not in the file"],
    "leaf, root, intermediate": [f"{BROKEN}the 3rd in the file and not the next"],
    "secp256k1": ["clients do not take its key, EC secp256k1"],
    "P-521": ["browsers do not take its key, EC secp521r1"],
    "Ed25519": ["browsers do not take its key, Ed25519"],
    "DSA": ["clients do not take its key, DSA"],
    "a version of its own": ["strict clients cannot read it"],
}

# What it takes, and no client does, itself included.
UNREADABLE = {"a name that is not text": ["the certificate in `c.pem` is damaged"]}

# What it refuses; what only `--check` says besides comes after.
REFUSED: dict[str, list[str]] = {
    "reversed": [FIRST.format("2nd", "Between")],
    "reversed, two types": [FIRST.format("2nd", "Between")],
    "root first": [FIRST.format("3rd", "Root")],
    "another key": ["`k.pem` is the key of the 2nd certificate in `c.pem`: it has to be the first"],
    "a key of another type": [
        "`k.pem` is not the key of `c.pem`: it is EC secp256r1, and the certificate is for RSA 2048"
    ],
    "a key that signs nothing": [
        "`k.pem` is not the key of `c.pem`: it is X25519, and the certificate is for EC secp256r1"
    ],
    "the authority's certificate": [
        "`k.pem` is not the key of `c.pem`, whose first certificate is that of an authority (Between)",
        "strict clients refuse it: it is for no name: it has no subjectAltName",
    ],
    "glued": [GLUED.format("c.pem", 12)],
    "glued, key first": [GLUED.format("c.pem", 5)],
    "a glued key": [GLUED.format("k.pem", 5)],
    "UTF-16": ["`c.pem` is in UTF-16, not in ASCII"],
    "a key in UTF-16": ["`k.pem` is in UTF-16, not in ASCII"],
    "DER": ["`c.pem` is in DER form, not in PEM form"],
    "a key in DER": ["`k.pem` is in DER form, not in PEM form"],
    "PKCS #12": ["`c.pem` is in PKCS #12 form, not in PEM form"],
    "PKCS #12 for a key": ["`k.pem` is in PKCS #12 form, not in PEM form"],
    "PKCS #7": ["`c.pem` holds a PKCS #7 bundle, not a certificate"],
    "a request": ["`c.pem` holds a certificate signing request, not a certificate"],
    "a revocation list": ["`c.pem` holds a revocation list, not a certificate"],
    "a public key": ["`k.pem` holds a public key, not a private key"],
    "a key of SSH": ["`k.pem` holds a key in OpenSSH's form, not a private key"],
    "swapped": ["`c.pem` holds a private key, not a certificate"],
    "encrypted": ["`k.pem` is encrypted"],
    "empty": ["`c.pem` is empty"],
    "an empty key": ["`k.pem` is empty"],
    "cut off": [CUT.format("c.pem", "CERTIFICATE", 1)],
    "the chain cut off": [CUT.format("c.pem", "CERTIFICATE", 13)],
    "the key cut off": [CUT.format("k.pem", "PRIVATE KEY", 1)],
    "damaged": [DAMAGED.format("c.pem", 1, "certificate")],
    "the chain damaged": [DAMAGED.format("c.pem", 13, "certificate")],
    "the key damaged": [DAMAGED.format("k.pem", 1, "private key")],
    "indented": [APART.format("c.pem")],
    "in one line": [APART.format("c.pem")],
    "written as \\n": [APART.format("k.pem")],
    "quoted": [APART.format("k.pem")],
    "garbage": ["`c.pem` holds no certificate in PEM form"],
    "RSA 1024": [
        "the key of `c.pem` is too small for OpenSSL's security level here",
        "browsers do not take its key, RSA 1024",
    ],
}


class Said(NamedTuple):
    """What somebody says of a pair: the exit status, and the faults."""

    status: int
    faults: list[str]


def by_openssl() -> bool:
    """Tell whether OpenSSL takes the pair."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(CERTIFICATE, KEY, lambda: "")
    except ssl.SSLError:
        return False
    return True


def by_serve() -> Said:
    """Return what `serve` says before it starts, without what its notes begin with."""
    request = TlsRequest(str(CERTIFICATE), str(KEY))
    notes: list[str] = []
    try:
        tls.check(request)
        tls.secure(request, "localhost", notes.append)
    except AsgictlError as error:
        return Said(error.exit_status, [error.message] if error.hint else [])
    return Said(0, [note.removeprefix("`c.pem`: ") for note in notes])


def by_check() -> Said:
    """Return what `gen-cert --check` says."""
    command = ["gen-cert", "--check", "--json", "--cert-file", str(CERTIFICATE), "--key-file", str(KEY)]
    result = CliRunner().invoke(app, command, prog_name="asgictl", catch_exceptions=False)
    answer = answers.answer(result.stdout)
    return Said(result.exit_code, answer["result"]["faults"] if "result" in answer else [answer["error"]["message"]])


@pytest.fixture(scope="module")
def cases() -> dict[str, tuple[bytes, bytes]]:
    """The files."""
    return broken.cases()


def test_the_table_is_whole(cases: dict[str, tuple[bytes, bytes]]) -> None:
    """Each kind of file has its line."""
    assert sorted(cases) == sorted({**TAKEN, **UNREADABLE, **REFUSED})


@pytest.mark.parametrize("case", [*TAKEN, *UNREADABLE, *REFUSED])
def test_one_verdict(
    case: str, cases: dict[str, tuple[bytes, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What OpenSSL refuses both refuse, in the same words, and what one calls wrong the other mentions."""
    monkeypatch.chdir(tmp_path)
    for file, content in zip((CERTIFICATE, KEY), cases[case], strict=True):
        file.write_bytes(content)
        file.chmod(0o600)

    faults = {**TAKEN, **UNREADABLE, **REFUSED}[case]
    assert by_openssl() is (case not in REFUSED)
    assert by_serve() == (Said(0, faults) if case in TAKEN else Said(4, faults[:1]))
    found = by_check()
    of_certificate = ("`c.pem`", "in `c.pem`", "two blocks of `c.pem`")
    unreadable = case in UNREADABLE or (case in REFUSED and faults[0].startswith(of_certificate))
    assert found == Said(4 if unreadable else 1 if faults else 0, faults)


@pytest.fixture
def good(cases: dict[str, tuple[bytes, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a good pair, which is the current one."""
    monkeypatch.chdir(tmp_path)
    for file, content in zip((CERTIFICATE, KEY), cases["good"], strict=True):
        file.write_bytes(content)
    return tmp_path


def refused(certificate: Path = CERTIFICATE, key: Path | None = KEY) -> tuple[str, str | None]:
    """Return why a pair is refused, and what to do."""
    with pytest.raises(FileProblemError) as caught:
        pem.check_pair(certificate, key, None)
    return caught.value.message, caught.value.hint


@posix
def test_links_that_lead_nowhere(good: Path) -> None:
    """A link whose target is not there, or below one, is told with the target, by both commands."""
    (good / "live").mkdir()
    Path("live/full.pem").symlink_to("../archive/full1.pem")
    Path("current").symlink_to("releases/7")
    mount = "see that this is there too; in a container, mount the folder above both"
    file = f"`live/full.pem` is a link to `{good}/archive/full1.pem`, which does not exist"

    assert refused(Path("live/full.pem")) == (file, mount)
    assert refused(key=Path("current/k.pem")) == (
        f"`current` is a link to `{good}/releases/7`, which does not exist",
        mount,
    )
    command = ["gen-cert", "--check", "--cert-file", "live/full.pem", "--key-file", "k.pem"]
    result = CliRunner().invoke(app, command, prog_name="asgictl", catch_exceptions=False)
    assert (result.exit_code, result.stderr.splitlines()) == (4, [f"error: {file}", f"hint: {mount}"])


@posix
@pytest.mark.usefixtures("good")
def test_what_is_not_a_file() -> None:
    """A folder, a device and a pipe, which nobody has to write to for that, are told as what they are."""
    os.mkfifo("pipe")
    read, write = os.pipe()
    once = "pass a file: the server reads it in each process, and when it is replaced"
    try:
        for name in ("pipe", f"/dev/fd/{read}"):
            assert refused(key=Path(name)) == (f"`{name}` is a pipe, which can be read only once", once)
    finally:
        os.close(read)
        os.close(write)
    assert refused(Path())[0] == "`.` is a folder"
    assert refused(Path("/dev/null"))[0] == "`/dev/null` is a device, not a file"


@pytest.mark.usefixtures("good")
def test_one_file_for_both() -> None:
    """A certificate without a key beside it says which option has one."""
    assert refused(key=None) == ("`c.pem` holds no private key", "pass --ssl-keyfile")
    CERTIFICATE.write_bytes(CERTIFICATE.read_bytes() + KEY.read_bytes()[:100])
    assert refused(key=None)[0].startswith("`c.pem` is cut off: the `-----BEGIN PRIVATE KEY-----` in line ")


def test_an_encrypted_key(good: Path, cases: dict[str, tuple[bytes, bytes]]) -> None:
    """Another key is told as that when the password opens it; a password that OpenSSL does not take is told too."""
    KEY.write_bytes(cases["encrypted"][1])
    CERTIFICATE.write_bytes(cases["P-521"][0])
    with pytest.raises(FileProblemError) as caught:
        pem.check_pair(CERTIFICATE, KEY, "secret")
    assert caught.value.message == (
        "`k.pem` is not the key of `c.pem`: it is EC secp256r1, and the certificate is for EC secp521r1"
    )
    with pytest.raises(ConfigError) as wrong:
        pem.check_pair(CERTIFICATE, KEY, "x" * 2000)
    assert (wrong.value.message, wrong.value.option) == (
        "OpenSSL does not take the password: password cannot be longer than 1024 bytes",
        "ssl-keyfile-password",
    )
    assert good


@pytest.mark.parametrize(
    "name", ["DER", "UTF-16", "PKCS #12", "a request", "a revocation list", "empty", "in one line"]
)
def test_authorities_of_clients(name: str, good: Path, cases: dict[str, tuple[bytes, bytes]]) -> None:
    """What is wrong with the file of --client-ca is told as with a certificate's."""
    pem.check_authorities(CERTIFICATE)
    CERTIFICATE.write_bytes(cases[name][0])

    with pytest.raises(FileProblemError) as caught:
        pem.check_authorities(CERTIFICATE)

    assert (caught.value.message, bool(good)) == (REFUSED[name][0], True)
