"""A provider's REST API played by one socket of this machine, byte for byte."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass
class Server:
    """One listening socket: keeps every request's bytes, and answers each with the next bytes it was given.

    None as an answer closes the connection unanswered. After a delay the connection is left hanging open.
    """

    answers: list[bytes | None] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        while head := _lines_until_blank(reader.readline):
            length = next((int(line[15:]) for line in head if line.lower().startswith(b"content-length:")), 0)
            self.requests.append(b"".join(head) + b"\r\n" + reader.read(length))
            answer = self.answers.pop(0)
            if answer is None:
                connection.shutdown(socket.SHUT_RDWR)
                return
            connection.sendall(answer)

    def form(self) -> dict[str, str]:
        """The form of the only request."""
        (request,) = self.requests
        return dict(parse_qsl(request.partition(b"\r\n\r\n")[2].decode()))

    def close(self) -> None:
        """Stop listening and drop every connection; a second time does nothing."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()


def _lines_until_blank(readline: Callable[[], bytes]) -> list[bytes]:
    lines = []
    while (line := readline()) not in (b"\r\n", b""):
        lines.append(line)
    return lines


def http(status: int, body: str | bytes | dict[str, object] | list[object] = b"", **headers: str) -> bytes:
    content = (
        body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    )
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
