"""Ask Firefox for pages, and print what it shows, or why it does not: `firefox.py PROFILE URL ...`.

Spoken is Marionette's protocol: https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

import json
import re
import socket
import subprocess
import sys
from typing import Any


class Marionette:
    """A session with a Firefox that runs."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._stream = self._socket.makefile("rb")
        self._receive()
        self("WebDriver:NewSession")

    def __call__(self, command: str, **arguments: object) -> Any:
        """Return what a command gives; its error is raised."""
        message = json.dumps([0, 1, command, arguments]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        if error:
            raise RuntimeError(f"{error['error']}: {error['message']}")
        return result

    def _receive(self) -> Any:
        size = b""
        while (digit := self._stream.read(1)) != b":":
            size += digit
        return json.loads(self._stream.read(int(size)))


def main(profile: str, urls: list[str]) -> None:
    """Print a line for each URL."""
    command = ["firefox-esr", "--headless", "--no-remote", "--marionette", *(["-P", profile] if profile else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as firefox:
        assert firefox.stdout is not None
        port = next(found[1] for line in firefox.stdout if (found := re.search(r"Listening on port (\d+)", line)))
        session = Marionette(int(port))
        for url in urls:
            try:
                session("WebDriver:Navigate", url=url)
                script = "return document.documentElement.textContent"
                shown = session("WebDriver:ExecuteScript", script=script, args=[])["value"]
            except RuntimeError as error:
                shown = str(error)
            sys.stdout.write(" ".join(shown.split()) + "\n")
        session("Marionette:Quit", flags=["eAttemptQuit"])


main(sys.argv[1], sys.argv[2:])
