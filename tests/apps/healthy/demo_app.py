from asgictl.demo import app
from asgictl.demo import ROUTES

VISITS = [
    *(("GET", path, {}, b"", None) for path, (methods, _) in ROUTES.items() if "GET" in methods and path != "/events"),
    *(("HEAD", path, {}, b"", None) for path, (methods, _) in ROUTES.items() if "HEAD" in methods and path != "/events"),
    *(("POST", path, {}, [b"one", b"two"], None) for path, (methods, _) in ROUTES.items() if "POST" in methods),
    ("DELETE", "/", {}, b"", 405),
    ("GET", "/missing", {}, b"", 404),
]
STREAMS = ["/"]
