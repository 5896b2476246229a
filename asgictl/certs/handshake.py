"""What a certificate says, learnt from a TLS handshake in memory: that spares `asgictl serve` cryptography's import."""

import contextlib
import datetime as dt
import hashlib
import ipaddress
import math
import ssl
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asgictl import reading

# The organization in the certificates that asgictl makes.
ORGANIZATION = "asgictl"

# A certificate with less time left is renewed, or warned about.
SOON = dt.timedelta(days=14)

# Apple's systems refuse server certificates that are valid for longer, those of the user's own authorities too:
# https://support.apple.com/en-us/103769
LONGEST = dt.timedelta(days=825)

# How often the two sides of a handshake take turns, at the most: TLS 1.2 has two round trips (RFC 5246 section 7.3).
_MOST_TURNS = 6

# How many hours a day has.
_DAY = 24


class Certificate(NamedTuple):
    """What a server certificate says; `issuer` is the name of who has signed it, `fingerprint` its SHA-256."""

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
        """Tell whether it is valid now, and for a while: two weeks, or half of a short life."""
        soon = min(SOON, (self.not_after - self.not_before) / 2)
        return self.not_before <= now and self.not_after - now >= soon

    def fault(self, now: dt.datetime) -> str | None:
        """Return why it is not valid now, if it is not."""
        if self.not_before > now:
            return f"is not valid before {self.not_before:%Y-%m-%d %H:%M} UTC"
        return f"expired on {self.not_after:%Y-%m-%d}" if self.not_after <= now else None

    def left(self, now: dt.datetime) -> str:
        """Return for how long it is still valid, in words."""
        hours = (self.not_after - now) // dt.timedelta(hours=1)
        if hours < 1:
            return "less than an hour" if self.not_after > now else "no time"
        number, unit = (hours, "hour") if hours < _DAY else (self.days_left(now), "day")
        return f"{number} {unit}{'' if number == 1 else 's'}"

    def days_left(self, now: dt.datetime) -> int:
        """Return for how many days it is still valid, the last one included."""
        return math.ceil((self.not_after - now) / dt.timedelta(days=1))


def look(certfile: Path, keyfile: Path, password: str | None = None) -> Certificate | None:
    """Return what a certificate says if it is valid now and `keyfile` is its key, else None."""
    try:
        for file in (certfile, keyfile):  # OpenSSL would wait for who writes to a pipe, and read on and on
            reading.content(file)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the leaf is its own trust anchor
        client.load_verify_locations(certfile)
        session = _handshake(_server(certfile, keyfile, password), client, None)
        return _certificate(session.getpeercert(), session.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError, LookupError):  # an ssl.SSLError is an OSError
        return None


def _certificate(fields: Any, der: bytes) -> Certificate:
    """Return what the certificate of a handshake says, from the form that `SSLObject.getpeercert` has for it."""
    issuer, subject = _name(fields.get("issuer")), _name(fields.get("subject"))
    return Certificate(
        names=tuple(_hosts(fields.get("subjectAltName"))),
        issuer=issuer.get("commonName") or issuer.get("organizationName", ""),
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
            client.load_verify_locations(cadata=reading.content(anchor).decode("ascii"))
        _handshake(_server(certfile, keyfile, password), client, name.replace("*", "any", 1))
    except (OSError, ValueError):
        return False
    return True


def is_accepted(
    certfile: Path, keyfile: Path, password: str | None, hosts: Sequence[str], issuer: str | None = None
) -> bool:
    """Tell whether a strict client accepts a certificate for all `hosts`, as its `issuer` (PEM) or the system does."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        client.set_ciphers("DEFAULT:@SECLEVEL=2")  # no RSA key of less than 2048 bits, no SHA-1
        if issuer is None:
            client.load_default_certs()
        else:
            client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            client.load_verify_locations(cadata=issuer)
        for host in hosts:
            _handshake(_server(certfile, keyfile, password), client, host.replace("*", "any", 1))
    except (OSError, ValueError):
        return False
    return True


def trusted_by_system(certfile: Path, keyfile: Path, password: str | None, name: str) -> bool | None:
    """Tell whether the system's store vouches for a certificate and `name`; None where Python cannot look into it."""
    # OpenSSL reads files, and Python on Windows the system's store; nobody reads the keychains of macOS.
    return is_trusted(certfile, keyfile, password, name) or (None if sys.platform == "darwin" else False)


def refused(
    certfile: Path, keyfile: Path, password: str | None, ciphers: str | None, newest: ssl.TLSVersion
) -> ssl.SSLError | None:
    """Return why a client of the `newest` version, which trusts everybody, cannot connect to a server with `ciphers`.

    None if it can.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.set_ciphers("ALL:!aNULL:@SECLEVEL=0")  # without those that no certificate is shown with
    client.maximum_version = newest
    try:
        _handshake(_server(certfile, keyfile, password, ciphers), client, None)
    except ssl.SSLError as error:
        return error
    return None


def _server(certfile: Path, keyfile: Path, password: str | None, ciphers: str | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certfile, keyfile, lambda: password or "")
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None) -> ssl.SSLObject:
    """Return the client's side of a handshake; raise `ssl.SSLError` when it fails."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    sides = [ours, theirs]
    for _ in range(_MOST_TURNS):
        for side in list(sides):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
                sides.remove(side)
        if not sides:
            return ours
    raise ssl.SSLError("the handshake does not end")


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
