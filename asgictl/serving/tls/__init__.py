"""HTTPS: how it is wanted, and what is shown, looked at before anything starts.

What that takes is imported only when it is wanted: every command that serves imports this module.
"""

import os
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from asgictl.certs.files import Pair
    from asgictl.certs.handshake import Certificate

Version = Literal["1.2", "1.3"]


class TlsRequest(NamedTuple):
    """How HTTPS is wanted: without a `certfile`, with the pair that asgictl keeps. `redirect` is a port for HTTP."""

    certfile: str | None = None
    keyfile: str | None = None
    password: str | None = None
    client_ca: str | None = None
    client_required: bool = True
    minimum: Version = "1.2"
    redirect: int | None = None

    @property
    def pair(self) -> "Pair":
        """The files; a certificate's file may hold its key too."""
        from asgictl.certs import served
        from asgictl.certs.files import Pair

        if self.certfile is None:
            return served.DEFAULT
        return Pair(Path(self.certfile), Path(self.keyfile or self.certfile))

    def arguments(self) -> dict[str, Any]:
        """Return what `uvicorn.run` takes."""
        arguments: dict[str, Any] = {
            "ssl_certfile": str(self.pair.certificate),
            "ssl_keyfile": str(self.pair.key),
            "ssl_keyfile_password": self.password,
        }
        if self.client_ca:
            required = ssl.CERT_REQUIRED if self.client_required else ssl.CERT_OPTIONAL
            arguments |= {"ssl_ca_certs": self.client_ca, "ssl_cert_reqs": int(required)}
        return arguments


class Secured(NamedTuple):
    """What the server shows, and who trusts it."""

    certificate: "Certificate"
    system: bool
    browsers: bool


def check(request: TlsRequest) -> None:
    """Raise `FileProblemError` unless OpenSSL takes the files that the user has named."""
    from asgictl.serving.tls import given_files

    if request.certfile is not None:
        given_files.check_pair(request.certfile, request.keyfile, request.password)
    if request.client_ca is not None:
        given_files.check_authorities(request.client_ca)


def secure(request: TlsRequest, host: str, note: Callable[[str], object]) -> Secured:
    """Return what the server is going to show as `host`; the pair that asgictl keeps is made and renewed.

    `note` hears of that. Raises `FileProblemError` for files that cannot be served with.
    """
    from asgictl.certs import served, trust

    place = served.Circumstances(host, request.password, trust.folder(os.environ), datetime.now(UTC))
    show = served.kept if request.certfile is None else served.given
    seen = show(request.pair, place, note)
    return Secured(seen, *served.trusted_by(request.pair, place, seen))
