"""What a certificate says, learnt from a TLS handshake in memory: that spares `asgictl serve` cryptography's import."""

import datetime as dt
import hashlib
import ipaddress
import math
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# The organization in the certificates that asgictl makes.
ORGANIZATION = "asgictl"

# A certificate with fewer days left is renewed, or warned about.
SOON = 14


class Certificate(NamedTuple):
    """What a server certificate says; `issuer` is the common name of who has signed it, `fingerprint` its SHA-256."""

    names: tuple[str, ...]
    issuer: str
    organization: str
    self_signed: bool
    not_before: dt.datetime
    not_after: dt.datetime
    fingerprint: str

    @property
    def is_ours(self) -> bool:
        """Whether asgictl has made it."""
        return self.organization == ORGANIZATION

    def lasts(self, now: dt.datetime) -> bool:
        """Tell whether it is valid now, and for a while."""
        return self.not_before <= now and self.days_left(now) >= SOON

    def days_left(self, now: dt.datetime) -> int:
        """Return for how many days it is still valid, the last one included."""
        return math.ceil((self.not_after - now) / dt.timedelta(days=1))


def look(certfile: Path, keyfile: Path, password: str | None = None) -> Certificate | None:
    """Return what a certificate says if it is valid now and `keyfile` is its key, else None."""
    try:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the leaf is its own trust anchor
        client.load_verify_locations(certfile)
        session = _handshake(_server(certfile, keyfile, password), client, None)
    except (OSError, ValueError):  # an ssl.SSLError is an OSError
        return None
    fields, der = session.getpeercert(), session.getpeercert(binary_form=True)
    if not fields or der is None:
        return None
    issuer, subject = _name(fields.get("issuer")), _name(fields.get("subject"))
    return Certificate(
        names=tuple(_hosts(fields.get("subjectAltName"))),
        issuer=issuer.get("commonName", ""),
        organization=issuer.get("organizationName", ""),
        self_signed=issuer == subject,
        not_before=_time(fields["notBefore"]),
        not_after=_time(fields["notAfter"]),
        fingerprint=hashlib.sha256(der).hexdigest(),
    )


def is_trusted(certfile: Path, keyfile: Path, password: str | None, name: str, anchor: Path | None = None) -> bool:
    """Tell whether this machine's own store, or the authority `anchor`, vouches for a certificate and `name`."""
    try:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if anchor is None:
            client.load_default_certs()
        else:
            client.load_verify_locations(anchor)
        _handshake(_server(certfile, keyfile, password), client, name.replace("*", "any", 1))
    except (OSError, ValueError):
        return False
    return True


def _server(certfile: Path, keyfile: Path, password: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile, keyfile, lambda: password or "")
    return context


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None) -> ssl.SSLObject:
    """Return the client's side of a handshake; raise `ssl.SSLError` when it fails."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (ours, theirs, ours):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ours


def _name(parts: Any) -> dict[str, str]:
    return {key: value for part in parts for key, value in part}


def _hosts(alternative_names: Any) -> Iterator[str]:
    for kind, value in alternative_names or ():
        if kind == "DNS":
            yield value
        elif kind == "IP Address":
            yield str(ipaddress.ip_address(value.strip()))


def _time(text: object) -> dt.datetime:
    return dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(str(text)), dt.UTC)
