"""What every sample app is asked, with the status that it answers."""

FILE = "/static/page.txt"
ORIGIN = {"origin": "https://shop.example"}

COMMON = [
    ("GET", "/", {}, b"", 200),
    ("HEAD", "/", {}, b"", 200),
    ("GET", "/?a=1&b=%20", {"accept": "*/*", "cookie": "a=1; b=2"}, b"", 200),
    ("POST", "/echo", {"content-type": "application/octet-stream"}, b"body", 200),
    ("POST", "/echo", {"content-type": "application/octet-stream"}, [b"one", b"two", b"three"], 200),
    ("GET", "/stream", {}, b"", 200),
    ("GET", "/background", {}, b"", 200),
    ("GET", "/nothing", {}, b"", 204),
    ("GET", "/large", {"accept-encoding": "gzip"}, b"", 200),
    ("HEAD", "/large", {"accept-encoding": "gzip"}, b"", 200),
    ("GET", "/large", {}, b"", 200),
    ("GET", "/missing", {}, b"", 404),
    ("GET", "/caf%C3%A9", {}, b"", 404),
    ("DELETE", "/", {}, b"", 405),
    ("POST", "/", {}, b"never read", 405),
    ("GET", "/away", {}, b"", 307),
    ("GET", FILE, {}, b"", 200),
    ("HEAD", FILE, {}, b"", 200),
    ("GET", FILE, {"if-none-match": "<etag>", "if-modified-since": "<last-modified>"}, b"", 304),
]
RANGES = [
    ("GET", FILE, {"range": "bytes=0-9"}, b"", 206),
    ("GET", FILE, {"range": "bytes=-10"}, b"", 206),
    ("GET", FILE, {"range": "bytes=100000-"}, b"", 416),
]
SESSION = [("GET", "/session", {}, b"", 200), ("GET", "/session", {"cookie": "<set-cookie>"}, b"", 200)]
PREFLIGHT = [
    ("OPTIONS", "/", {**ORIGIN, "access-control-request-method": "GET"}, b"", 200),
    ("GET", "/", ORIGIN, b"", 200),
]
SOCKETS = ["/ws"]
STREAMS = ["/stream", FILE]


def answers(visits, **statuses):
    """Return the visits with other statuses, by method and path."""
    return [(*visit[:4], statuses.get(f"{visit[0]} {visit[1]}", visit[4])) for visit in visits]
