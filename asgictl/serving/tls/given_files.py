"""What HTTPS is made of, tried before anything starts: OpenSSL, the options, and the files that the user has named."""

import ssl
from pathlib import Path

from asgictl.certs import handshake, pem
from asgictl.certs.files import Pair
from asgictl.errors import ConfigError, FileProblemError
from asgictl.serving.request import TlsVersion

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def check_pair(certfile: str, keyfile: str | None, password: str | None) -> None:
    """Raise `FileProblemError` unless OpenSSL takes a certificate with its key, which may be in the same file."""
    pem.check_pair(Path(certfile), Path(keyfile) if keyfile else None, password)


def check_openssl(minimum: TlsVersion) -> None:
    """Raise `FileProblemError` where OpenSSL's configuration leaves no version of TLS from `minimum` on."""
    newest = pem.context().maximum_version
    if newest is not ssl.TLSVersion.MAXIMUM_SUPPORTED and newest < VERSIONS[minimum]:
        problem = f"OpenSSL allows nothing newer than {newest.name.replace('_', '.')}, and TLS {minimum} is the least"
        raise FileProblemError(problem, hint=f"raise MaxProtocol in its configuration: {pem.configuration()}")


def check_ciphers(ciphers: str) -> None:
    """Raise `ConfigError` unless OpenSSL knows one of `ciphers`."""
    try:
        pem.context().set_ciphers(ciphers)
    except ssl.SSLError as error:
        hint = "`openssl ciphers` lists what there is; those of TLS 1.3 are always on"
        raise _no_ciphers(f"`-X ssl_ciphers={ciphers}` names no cipher that OpenSSL has", hint) from error


def check_strength(pair: Pair, password: str | None, ciphers: str) -> None:
    """Raise `ConfigError` for `ciphers`, a security level in them say, with which no client can connect to `pair`."""
    without, refused = (handshake.refused(*pair, password, given) for given in (None, ciphers))
    if refused and not without:
        hint = "take another cipher or security level, or drop it"
        raise _no_ciphers(f"no client can connect with `-X ssl_ciphers={ciphers}`: {pem.reason(refused)}", hint)


def _no_ciphers(problem: str, hint: str) -> ConfigError:
    return ConfigError(problem, hint=hint, option="uvicorn.ssl_ciphers")
