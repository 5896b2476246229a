"""How a trial asks the server in the container."""

import contextlib
import http.client
from collections.abc import Mapping
from typing import NamedTuple

# How much of an answer's text is read, in bytes.
_READ = 100_000
# More than Starlette, Django and Flask keep of a file in memory; in bytes.
LARGE = 5_000_000
_PATIENCE = 10
_BOUNDARY = "asgictl"
_BEFORE = (
    f"--{_BOUNDARY}\r\n"
    'Content-Disposition: form-data; name="file"; filename="asgictl.bin"\r\n'
    "Content-Type: application/octet-stream\r\n\r\n"
).encode()
_AFTER = f"\r\n--{_BOUNDARY}--\r\n".encode()


class ContainerClient(NamedTuple):
    """Asks at an address, with the `headers` that a proxy in front would send."""

    address: tuple[str, int]
    headers: Mapping[str, str]

    def get(self, path: str) -> int | None:
        """Return the status of the answer, None where there is none."""
        return self._ask("GET", path, b"", {})[0]

    def read(self, path: str) -> tuple[int | None, str]:
        """Return the status of the answer, None where there is none, and the beginning of its text."""
        return self._ask("GET", path, b"", {}, wanted=_READ)

    def upload(self, path: str, size: int) -> int | None:
        """Return the status of the answer to a form with a file of so many bytes, None where there is none."""
        body = b"".join((_BEFORE, bytes(size), _AFTER))
        return self._ask("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"})[0]

    def _ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str], wanted: int = 0
    ) -> tuple[int | None, str]:
        connection = http.client.HTTPConnection(*self.address, timeout=_PATIENCE)
        try:
            # A server may answer, and close, before it has read a body that it does not want.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body or None, {**self.headers, **headers})
            with connection.getresponse() as response:
                # An answer may go on for ever.
                return response.status, response.read1(wanted).decode(errors="replace") if wanted else ""
        except (OSError, http.client.HTTPException):
            return None, ""
        finally:
            connection.close()
