"""HTTPS: how it is wanted, and what is shown, looked at before anything starts.

What that takes is imported only when it is wanted: every command that serves imports this module.
"""

import os
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from asgictl import errors, extras
from asgictl.errors import ConfigError
from asgictl.serving import arguments
from asgictl.serving.request import ServeRequest, TlsVersion

if TYPE_CHECKING:
    from asgictl.certs.files import Pair
    from asgictl.certs.handshake import Certificate


class TlsRequest(NamedTuple):
    """How HTTPS is wanted: without an `ssl_certfile`, with the pair that asgictl keeps.

    `redirect_http` is a port for plain HTTP, which leads to HTTPS; `ciphers` are for TLS 1.2.
    `environ` are the variables that say what of the machine's to use, unless it is all that there are.
    Unless it `writes`, the pair that asgictl keeps stays as it is, or away.
    """

    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_keyfile_password: str | None = None
    client_ca: str | None = None
    client_cert: Literal["required", "optional"] = "required"
    tls_min: TlsVersion = "1.2"
    redirect_http: int | None = None
    ciphers: str | None = None
    environ: Mapping[str, str] | None = None
    writes: bool = True

    @property
    def pair(self) -> "Pair":
        """The files; a certificate's file may hold its key too."""
        from asgictl.certs import served
        from asgictl.certs.files import Pair

        if self.ssl_certfile is None:
            return served.DEFAULT
        return Pair(Path(self.ssl_certfile), Path(self.ssl_keyfile or self.ssl_certfile))

    def arguments(self) -> dict[str, Any]:
        """Return what `uvicorn.run` takes."""
        arguments: dict[str, Any] = {
            "ssl_certfile": str(self.pair.certificate),
            "ssl_keyfile": str(self.pair.key),
            "ssl_keyfile_password": self.ssl_keyfile_password,
        }
        if self.client_ca:
            required = ssl.CERT_REQUIRED if self.client_cert == "required" else ssl.CERT_OPTIONAL
            arguments |= {"ssl_ca_certs": self.client_ca, "ssl_cert_reqs": int(required)}
        return arguments


def wanted(request: ServeRequest) -> TlsRequest | None:
    """Return how HTTPS is wanted, or None; raise `ConfigError` for options that need it."""
    wanted = request.https or request.ssl_certfile is not None
    for name in ("ssl_keyfile", "ssl_keyfile_password", "client_ca", "tls_min", "redirect_http"):
        if getattr(request, name) is not None and not wanted:
            key = name.replace("_", "-")
            raise ConfigError(f"`--{key}` needs HTTPS", hint="pass --https, or --ssl-certfile", option=key)
    if request.ssl_keyfile is not None and request.ssl_certfile is None:
        problem = "`--ssl-keyfile` needs its certificate"
        raise ConfigError(problem, hint="pass --ssl-certfile", option="ssl-keyfile")
    if request.client_cert is not None and request.client_ca is None:
        problem = "`--client-cert` needs somebody who vouches for clients"
        raise ConfigError(problem, hint="pass --client-ca", option="client-cert")
    ciphers = request.uvicorn.get("ssl_ciphers")
    if ciphers is not None and not wanted:
        hint = "pass --https, or --ssl-certfile"
        raise ConfigError("`-X ssl_ciphers` needs HTTPS", hint=hint, option="uvicorn.ssl_ciphers")
    if not wanted:
        return None
    named = "https" if request.https else "ssl-certfile"
    extras.need(f"--{named}", extras.HTTPS, named)
    arguments.check_uvicorn(named, "ssl_context_factory", "https")
    return TlsRequest(
        ssl_certfile=request.ssl_certfile,
        ssl_keyfile=request.ssl_keyfile,
        ssl_keyfile_password=request.ssl_keyfile_password,
        client_ca=request.client_ca,
        client_cert=request.client_cert or "required",
        tls_min=request.tls_min or "1.2",
        redirect_http=request.redirect_http,
        ciphers=str(ciphers) if ciphers else None,
        writes=not request.check,
    )


class Secured(NamedTuple):
    """What the server shows, who trusts it, None for whom asgictl cannot know that of, and the authority's folder."""

    certificate: "Certificate"
    system: bool | None
    browsers: bool | None
    authority: Path


def check(request: TlsRequest) -> None:
    """Raise `ConfigError` or `FileProblemError` unless OpenSSL takes what the user has named, options and files."""
    from asgictl.certs import pem
    from asgictl.serving.tls import given_files

    with errors.about("tls-min"):
        given_files.check_openssl(request.tls_min)
    if request.ciphers:
        given_files.check_ciphers(request.ciphers, request.tls_min)
    if request.ssl_certfile is not None:
        with errors.about("ssl-certfile"):
            key = Path(request.ssl_keyfile) if request.ssl_keyfile else None
            pem.check_pair(Path(request.ssl_certfile), key, request.ssl_keyfile_password)
    if request.client_ca is not None:
        with errors.about("client-ca"):
            given_files.check_client_ca(Path(request.client_ca))


def secure(request: TlsRequest, host: str, note: Callable[[str], object]) -> Secured:
    """Return what the server is going to show as `host`; the pair that asgictl keeps is made and renewed.

    `note` hears of that. Raises `FileProblemError` for files that cannot be served with.
    """
    from asgictl import env_files
    from asgictl.certs import pem, served, trust
    from asgictl.serving.tls import given_files

    with env_files.without(request.environ):
        folder = trust.folder(os.environ)
        place = served.Circumstances(host, request.ssl_keyfile_password, folder, datetime.now(UTC), request.writes)
        show = served.kept if request.ssl_certfile is None else served.given
        seen = show(request.pair, place, note)
        if not request.pair.there:
            return Secured(seen, system=None, browsers=None, authority=folder)
        if request.ssl_certfile is None:  # which `check` has not seen; it may just have been made
            pem.check_pair(*request.pair, request.ssl_keyfile_password)
        if request.ciphers:
            given_files.check_strength(request.pair, request.ssl_keyfile_password, request.ciphers, request.tls_min)
        return Secured(seen, *served.trusted_by(request.pair, place, seen), folder)
