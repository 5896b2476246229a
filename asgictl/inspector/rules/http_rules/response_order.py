"""What follows what in an answer, and in what an application receives.

https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event
"""

from asgictl.inspector.rules import links
from asgictl.inspector.rules.rule import Rule

UNREAD = Rule(
    "A-137",
    "info",
    "app",
    "An application reads the whole body of a request; the rest of it has to be thrown away.",
    links.REQUEST,
    "receive until `more_body` is False, or refuse the request by its headers",
)
ASKS_AGAIN = Rule(
    "A-138",
    "info",
    "app",
    "After `http.disconnect` there is nothing more to receive.",
    links.DISCONNECT,
    "end the loop that receives at `http.disconnect`",
)
ONE_START = Rule(
    "A-153",
    "error",
    "app",
    "An answer has exactly one `http.response.start`.",
    links.RESPONSE_START,
    "send the start once, and each part of the body as `http.response.body`",
)
START_FIRST = Rule(
    "A-154",
    "error",
    "app",
    "An answer begins with `http.response.start`; its content and trailers come after it.",
    links.RESPONSE_START,
    "send the start before the body",
)
NO_START = Rule(
    "A-155",
    "error",
    "app",
    "An application answers each request, unless its client has gone.",
    links.RESPONSE_START,
    "send an answer on each way through the application, or raise",
)
NO_CONTENT_MESSAGE = Rule(
    "A-156",
    "error",
    "app",
    "After `http.response.start` comes at least one message with content, which may be empty.",
    links.RESPONSE_START,
    "send `{'type': 'http.response.body'}` where there is no content",
)
AFTER_BODY = Rule(
    "A-159",
    "error",
    "app",
    "After the last part of the body, with `more_body` False or left out, no other part follows.",
    links.RESPONSE_BODY,
    "send `more_body=True` with each part but the last one",
)
AFTER_END = Rule(
    "A-160",
    "error",
    "app",
    "After the answer is complete, nothing else is sent: it is ignored.",
    links.RESPONSE_BODY,
    "send it before the last part of the body",
)
UNFINISHED = Rule(
    "A-161",
    "error",
    "app",
    "An application ends its answer before it returns.",
    links.RESPONSE_BODY,
    "send a last part without `more_body`; it may be empty",
)
PERSISTS = Rule(
    "A-172",
    "warning",
    "app",
    "An application that has received `http.disconnect` stops sending: nobody gets it.",
    links.DISCONNECT,
    "end the answer, and its task, when `http.disconnect` is received",
)
