"""A quality monitor on the other side of a connection: it writes down what it is told."""

import os
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trio
from tests.crash.plan import WEBHOOK_LOG_NAME


@asynccontextmanager
async def listening(folder: Path) -> AsyncGenerator[str, None]:
    """Listen on this machine while the context lasts.

    What is posted to `/NAME` is appended to the log of calls in the folder NAME of *folder*, as
    one line, before it is answered.

    Yields:
        The address to post to, without the name.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                return  # who posts was killed while it did
            log = folder / self.path.removeprefix("/") / WEBHOOK_LOG_NAME
            fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(fd, body + b"\n")
            finally:
                os.close(fd)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: whoever posts is killed while it does."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="listener", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(server.shutdown)
        server.server_close()
