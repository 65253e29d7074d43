"""Server of the page, for browsers of this machine only."""

import json
import os
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lamella.cli.draw.page import TYPES, page_file
from lamella.cli.draw.studio import Studio
from lamella.core.errors import LamellaError, UsageError
from lamella.core.version import __version__

ADDRESS = "127.0.0.1"
JSON = "application/json"
MOST_BYTES = 4096  # of a request's body; a drawing takes 1,100
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class DrawServer(ThreadingHTTPServer):
    """Server on a port of 127.0.0.1; set ``studio`` before it serves."""

    studio: Studio
    allow_reuse_address = os.name != "nt"  # on Windows it would share the port of another server

    def __init__(self, port: int) -> None:
        try:
            super().__init__((ADDRESS, port), Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"cannot serve on port {port} of {ADDRESS}: {error}. Choose "
                "another one with --port, or --port 0 for one that is free"
            ) from error
        self.address = f"http://{ADDRESS}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print errors, except those of connections that ended early."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Refused(Exception):
    """Status and reason of a request that is answered with an error."""


class Handler(BaseHTTPRequestHandler):
    """One request: a file of the page, the network, or a table as JSON.

    Requests must name this machine as their host and come from the page itself, so that no page of
    another site can read, keep or train anything (DNS rebinding, cross-site requests).
    """

    server: DrawServer
    server_version, sys_version = f"lamella/{__version__}", ""
    timeout = 10  # seconds without a byte

    def do_GET(self) -> None:
        """Answer with a file, the network or the state."""
        self._serve(self._get)

    def do_POST(self) -> None:
        """Keep or remove a drawing, or fine-tune."""
        self._serve(self._post)

    def _serve(self, answer: Callable[[], tuple[str, str]]) -> None:
        status, kind = 200, JSON
        try:
            self._expect_own_page()
            text, kind = answer()
        except _Refused as refused:
            status, reason = refused.args
            text = json.dumps({"error": reason})
        except (LamellaError, OSError, MemoryError) as error:
            status, text = 400, json.dumps({"error": str(error)})
        content = text.encode()
        self.send_response(status)
        facts = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(content))}
        for name, value in (HEADERS | facts).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _expect_own_page(self) -> None:
        host = self.headers.get("Host", "").lower()
        if host.removesuffix(f":{self.server.server_address[1]}") not in (ADDRESS, "localhost"):
            raise _Refused(403, f"this is no name of the server: write {self.server.address}")
        origin = self.headers.get("Origin", f"http://{host}").lower()
        site = self.headers.get("Sec-Fetch-Site", "none")
        if origin != f"http://{host}" or site not in ("same-origin", "none"):
            raise _Refused(403, "requests of other sites are refused")

    def _get(self) -> tuple[str, str]:
        path = self.path.partition("?")[0]
        name = "page.html" if path == "/" else path.removeprefix("/")
        if path == "/state":
            return json.dumps(self.server.studio.state()), JSON
        if path == "/model.js":
            return self.server.studio.script, "text/javascript"
        if name not in TYPES:
            raise _Refused(404, "there is no such page")
        return page_file(name), TYPES[name]

    def _post(self) -> tuple[str, str]:
        post = self.server.studio.posts.get(self.path)
        if post is None:
            raise _Refused(404, "there is no such request")
        return json.dumps(post(self._table())), JSON

    def _table(self) -> dict[str, Any]:
        """Return the body, a JSON object of limited size."""
        if self.headers.get_content_type() != JSON:
            raise _Refused(415, f"the body must be {JSON}")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise _Refused(411, "the request needs a Content-Length")
        if int(length[:9]) > MOST_BYTES:
            raise _Refused(413, f"the body is longer than {MOST_BYTES} bytes")
        try:
            table = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            table = None
        if not isinstance(table, dict):
            raise _Refused(400, "the body is no JSON object")
        return table

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the page shows its errors itself."""
