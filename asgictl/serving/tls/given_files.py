"""What HTTPS is made of, tried before anything starts: OpenSSL, the options, and the files that the user has named."""

import ssl
import time
from datetime import UTC, datetime
from pathlib import Path

from asgictl.certs import handshake, pem
from asgictl.certs.files import Pair
from asgictl.errors import ConfigError, FileProblemError
from asgictl.serving.request import TlsVersion

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def check_openssl(minimum: TlsVersion) -> None:
    """Raise `FileProblemError` where OpenSSL's configuration leaves no version of TLS from `minimum` on."""
    newest = pem.context().maximum_version
    if newest is not ssl.TLSVersion.MAXIMUM_SUPPORTED and newest < VERSIONS[minimum]:
        problem = f"OpenSSL allows nothing newer than {newest.name.replace('_', '.')}, and TLS {minimum} is the least"
        raise FileProblemError(problem, hint=f"raise MaxProtocol in its configuration: {pem.configuration()}")


def check_client_ca(file: Path) -> None:
    """Raise `FileProblemError` unless a file holds an authority whose clients OpenSSL would let in now."""
    pem.check_authorities(file)
    context = pem.context()
    context.load_verify_locations(file)
    found = context.get_ca_certs()
    if not found and not pem.is_self_signed(file):  # a client's own one stands for that client
        problem = f"`{file}` holds no certificate of an authority, so that no client would be let in"
        raise FileProblemError(problem, hint="pass the certificate of who signs those of the clients")
    ends = [ssl.cert_time_to_seconds(str(it["notAfter"])) for it in found]
    if ends and max(ends) <= time.time():
        problem = f"the authority in `{file}` expired on {datetime.fromtimestamp(max(ends), UTC):%Y-%m-%d}"
        raise FileProblemError(f"{problem}, so that no client would be let in", hint="pass one that is valid")


def check_ciphers(ciphers: str, minimum: TlsVersion) -> None:
    """Raise `ConfigError` unless OpenSSL knows one of `ciphers`, and they matter."""
    if minimum == "1.3" and "@" not in ciphers:  # which stands before a security level, which is for all versions
        hint = "drop one of them: the ciphers of TLS 1.3 are always on"
        raise _no_ciphers("`-X ssl_ciphers` does nothing with `--tls-min 1.3`: it is for TLS 1.2", hint)
    try:
        pem.context().set_ciphers(ciphers)
    except ssl.SSLError as error:
        hint = "`openssl ciphers` lists what there is; those of TLS 1.3 are always on"
        raise _no_ciphers(f"`-X ssl_ciphers={ciphers}` names no cipher that OpenSSL has", hint) from error


def check_strength(pair: Pair, password: str | None, ciphers: str, minimum: TlsVersion) -> None:
    """Raise `ConfigError` for `ciphers` with which no client can connect to `pair`, or none by TLS 1.2.

    A security level in them is one reason, and a key of another type.
    """
    for newest, who in (("1.3", "no client"), ("1.2", "no client of TLS 1.2")):
        if newest < minimum:
            continue
        without, refused = (handshake.refused(*pair, password, given, VERSIONS[newest]) for given in (None, ciphers))
        if refused and not without:
            hint = "take another cipher or security level, or drop it"
            raise _no_ciphers(f"{who} can connect with `-X ssl_ciphers={ciphers}`: {pem.reason(refused)}", hint)


def _no_ciphers(problem: str, hint: str) -> ConfigError:
    return ConfigError(problem, hint=hint, option="uvicorn.ssl_ciphers")
