"""What keeps a recorded request from being sent again as it was: some of it was not kept, or never came."""

from asgictl.errors import AsgictlError
from asgictl.inspector.exchange import Exchange


def check(exchange: Exchange, otherwise: str) -> None:
    """Raise `AsgictlError` unless all of the request is kept; its hint says what helps, or `otherwise`."""
    if exchange.is_request_whole:
        return
    number = exchange.id
    again = "record it again, {}" if exchange.type == "websocket" else f"record it again, {{}}, or {otherwise}"
    if exchange.earlier:
        problem = f"#{number} began in an older file, `{exchange.earlier.file}`"
        hint = "name that file, too, if it is still there"
    elif exchange.gap is not None:
        problem = f"some messages of #{number} are not kept"
        hint = again.format("with a larger --save-limit")
    elif any(event.redacted for event in exchange.received):
        problem = f"what the client of #{number} sent is kept without the secrets in it"
        hint = again.format("without --redact-body")
    elif any(event.cut for event in exchange.received):
        problem = f"not all of what the client of #{number} sent is kept"
        hint = again.format("with a larger --body-limit")
    else:
        has_left = any(event.type == "http.disconnect" for event in exchange.received)
        problem = (
            f"the client of #{number} left before the end of its request"
            if has_left
            else f"the app did not read the whole request of #{number}"
        )
        hint = otherwise
    raise AsgictlError(problem, hint=hint)
