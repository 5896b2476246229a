"""What a port for HTTPS says to those who do not speak TLS, or not the right one."""

import contextlib
import datetime as dt
import ssl
from pathlib import Path

import pytest

from asgictl import atomic
from asgictl.certs import pairs
from asgictl.certs.files import Pair
from asgictl.certs.pairs import Order
from asgictl.serving.tls.plain_http import Doorman

ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\n"
    b"content-type: text/plain; charset=utf-8\r\n"
    b"content-length: 64\r\n"
    b"connection: close\r\n"
    b"\r\n"
    b"This port speaks HTTPS: write https:// in front of the address.\n"
)


class Port:
    """The server's end of one connection."""

    def __init__(self, folder: Path) -> None:
        pair = Pair(folder / "cert.pem", folder / "cert.key")
        with atomic.locked(*pair):
            pairs.write(pair, Order(), None, dt.datetime.now(dt.UTC).replace(microsecond=0))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        self.context.sslobject_class = Doorman
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def open(self) -> ssl.SSLObject:
        """Return the connection."""
        return self.context.wrap_bio(self.incoming, self.outgoing, server_side=True)


@pytest.fixture
def port(tmp_path: Path) -> Port:
    """A port for HTTPS."""
    return Port(tmp_path)


def heard(port: Port, server: ssl.SSLObject, data: bytes) -> bytes:
    """Return what a client hears after it has sent something that is no handshake."""
    port.incoming.write(data)
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    return port.outgoing.read()


@pytest.mark.parametrize("method", [b"GET", b"POST", b"OPTIONS", b"x"])
def test_plain_http(port: Port, method: bytes) -> None:
    """Who speaks plain HTTP is told so, whole, and once."""
    server = port.open()

    assert heard(port, server, b"") == b""
    assert heard(port, server, method + b" / HTTP/1.1\r\n") == ANSWER


def client_of(version: ssl.TLSVersion, *, trusting: bool = True) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """Return a client that speaks one version of TLS, and trusts every certificate or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE if trusting else ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return context.wrap_bio(incoming, outgoing), incoming, outgoing


def test_a_handshake(port: Port) -> None:
    """Others are served: what they say after the handshake may begin with a letter."""
    server = port.open()
    client, incoming, outgoing = client_of(ssl.TLSVersion.TLSv1_3)
    for _ in range(3):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            port.incoming.write(outgoing.read())
            incoming.write(port.outgoing.read())
    client.write(b"GET")
    port.incoming.write(outgoing.read())

    assert server.read(3) == b"GET"
    assert isinstance(server, Doorman)


def test_a_handshake_that_fails(port: Port) -> None:
    """Who speaks too old a version of TLS gets the alert that says so."""
    port.context.minimum_version = ssl.TLSVersion.TLSv1_3
    server = port.open()
    client, incoming, outgoing = client_of(ssl.TLSVersion.TLSv1_2)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()

    incoming.write(heard(port, server, outgoing.read()))

    with pytest.raises(ssl.SSLError) as caught:
        client.do_handshake()
    assert caught.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


def test_a_client_that_leaves(port: Port) -> None:
    """A client that ends the handshake itself, for it does not trust the certificate, ends the connection at once."""
    server = port.open()
    client, incoming, outgoing = client_of(ssl.TLSVersion.TLSv1_2, trusting=False)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    incoming.write(heard(port, server, outgoing.read()))
    with pytest.raises(ssl.SSLCertVerificationError):
        client.do_handshake()
    port.incoming.write(outgoing.read())

    with pytest.raises(ssl.SSLError) as caught:
        server.do_handshake()

    assert caught.value.reason == "TLSV1_ALERT_UNKNOWN_CA"
    assert port.outgoing.read() == b""
