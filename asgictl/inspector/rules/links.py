"""Where the rules stand: sections of the ASGI specification, and of the RFCs of HTTP and WebSocket."""

_ASGI = "https://asgi.readthedocs.io/en/latest/"
_RFC = "https://www.rfc-editor.org/rfc/"

APPLICATIONS = f"{_ASGI}specs/main.html#applications"
EVENTS = f"{_ASGI}specs/main.html#events"
EXTENSIONS = f"{_ASGI}specs/main.html#extensions"
ERROR_HANDLING = f"{_ASGI}specs/main.html#error-handling"
MIDDLEWARE = f"{_ASGI}specs/main.html#middleware"
OVERVIEW = f"{_ASGI}specs/main.html#overview"
PROTOCOLS = f"{_ASGI}specs/main.html#protocol-specifications"
STRINGS = f"{_ASGI}specs/main.html#strings-and-unicode"

HTTP_SCOPE = f"{_ASGI}specs/www.html#http-connection-scope"
REQUEST = f"{_ASGI}specs/www.html#request-receive-event"
RESPONSE_START = f"{_ASGI}specs/www.html#response-start-send-event"
RESPONSE_BODY = f"{_ASGI}specs/www.html#response-body-send-event"
DISCONNECT = f"{_ASGI}specs/www.html#disconnect-receive-event"
DISCONNECTED_SEND = f"{_ASGI}specs/www.html#disconnected-client-send-exception"
WEBSOCKET_SCOPE = f"{_ASGI}specs/www.html#websocket-connection-scope"
WEBSOCKET_CONNECT = f"{_ASGI}specs/www.html#connect-receive-event"
WEBSOCKET_ACCEPT = f"{_ASGI}specs/www.html#accept-send-event"
WEBSOCKET_RECEIVE = f"{_ASGI}specs/www.html#receive-receive-event"
WEBSOCKET_SEND = f"{_ASGI}specs/www.html#send-send-event"
WEBSOCKET_DISCONNECT = f"{_ASGI}specs/www.html#disconnect-receive-event-ws"
WEBSOCKET_CLOSE = f"{_ASGI}specs/www.html#close-send-event"
WSGI = f"{_ASGI}specs/www.html#wsgi-compatibility"

LIFESPAN = f"{_ASGI}specs/lifespan.html#lifespan-protocol"
LIFESPAN_SCOPE = f"{_ASGI}specs/lifespan.html#scope"
LIFESPAN_STATE = f"{_ASGI}specs/lifespan.html#lifespan-state"

PUSH = f"{_ASGI}extensions.html#http-2-server-push"
ZERO_COPY = f"{_ASGI}extensions.html#zero-copy-send"
PATH_SEND = f"{_ASGI}extensions.html#path-send"
EARLY_HINTS = f"{_ASGI}extensions.html#early-hints"
TRAILERS = f"{_ASGI}extensions.html#http-trailers"
DEBUG = f"{_ASGI}extensions.html#debug"
DENIAL = f"{_ASGI}extensions.html#websocket-denial-response"
TLS = f"{_ASGI}specs/tls.html"

HTTP = f"{_ASGI}specs/www.html#http"
CORS = "https://fetch.spec.whatwg.org/#cors-protocol-and-credentials"


def rfc(number: int, section: str) -> str:
    """Return the address of a section of an RFC."""
    return f"{_RFC}rfc{number}#section-{section}"
