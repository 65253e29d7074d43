"""Server over real sockets: files, drawings, and requests that it refuses."""

import base64
import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import lamella as lm
from lamella.cli.draw.server import DrawServer
from lamella.core.errors import UsageError

pytest.importorskip("PIL", reason="drawings are kept as PNG")
JSON = "application/json"
BAR = np.pad(np.full((20, 3), 255, np.uint8), ((4, 4), (12, 13)))


class Answer(NamedTuple):
    """An answer of the server."""

    status: int
    text: str
    headers: dict[str, str]


def ask(
    server: DrawServer,
    method: str,
    path: str,
    body: str | bytes | None = None,
    **headers: str,
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, names)
    response = connection.getresponse()
    answer = Answer(response.status, response.read().decode(), dict(response.getheaders()))
    connection.close()
    return answer


def post(server: DrawServer, path: str, table: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = ask(server, "POST", path, json.dumps(table), Content_Type=JSON)
    return answer.status, json.loads(answer.text)


def pixels(image: np.ndarray) -> str:
    return base64.b64encode(image.tobytes()).decode()


def raw(server: DrawServer, request: bytes) -> bytes:
    """Return the answer to a request as it is, of which http.client would not send each."""
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=60) as peer:
        peer.sendall(request)
        peer.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: peer.recv(65536), b""))


def test_the_page_and_all_that_it_names_are_served(server: DrawServer) -> None:
    page = ask(server, "GET", "/")
    assert page.status == 200
    assert "<canvas" in page.text
    for name, kind in {
        "page.css": "css",
        "board.js": "javascript",
        "model.js": "javascript",
    }.items():
        assert f'"{name}"' in page.text
        answer = ask(server, "GET", f"/{name}?1")
        assert (answer.status, answer.headers["Content-Type"]) == (
            200,
            f"text/{kind}; charset=utf-8",
        )
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_kept_drawings_are_a_digit_folder(
    server: DrawServer, tmp_path: Path, digits: tuple[lm.datasets.Samples, lm.datasets.Samples]
) -> None:
    _, test = digits
    sevens = test.x[test.y == 7][:10]
    parts = [post(server, "/keep", {"label": "7", "pixels": pixels(x)})[1]["part"] for x in sevens]
    assert parts == (["train"] * 4 + ["test"]) * 2
    state = json.loads(ask(server, "GET", "/state").text)
    assert (state["train"], state["test"]) == (8, 2)
    for part, count in (("train", 8), ("test", 2)):
        own = lm.datasets.digit_folder(tmp_path / "mine" / part)
        assert own.y.tolist() == [7] * count
        kept = sorted(x.tobytes() for x, where in zip(sevens, parts, strict=True) if where == part)
        assert sorted(x.tobytes() for x in own.x) == kept


def test_a_drawing_has_one_label_and_can_be_taken_back(
    server: DrawServer, tmp_path: Path, digits: tuple[lm.datasets.Samples, lm.datasets.Samples]
) -> None:
    image = {"pixels": pixels(digits[1].x[0])}
    for label in "117":
        assert post(server, "/keep", {**image, "label": label})[0] == 200
    files = [*(tmp_path / "mine").rglob("*.png")]
    assert [file.parent.name for file in files] == ["7"]
    assert post(server, "/remove", image)[1]["train"] == 0
    assert [*(tmp_path / "mine").rglob("*.png")] == []


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "127.0.0.1:1"},
    {"Host": ""},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
])  # fmt: skip
def test_other_hosts_and_origins_are_refused(
    server: DrawServer, tmp_path: Path, headers: dict[str, str]
) -> None:
    for path in ("/", "/model.js", "/state"):
        assert ask(server, "GET", path, **headers).status == 403
    body = json.dumps({"label": "7", "pixels": pixels(BAR)})
    answer = ask(server, "POST", "/keep", body, Content_Type=JSON, **headers)
    assert answer.status == 403
    assert not (tmp_path / "mine").exists()


def test_both_names_of_the_server_are_accepted(server: DrawServer) -> None:
    port = server.server_address[1]
    for name in ("127.0.0.1", "localhost", "LocalHost"):
        own = {"Host": f"{name}:{port}", "Origin": f"http://{name.lower()}:{port}"}
        assert ask(server, "GET", "/state", **own, Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize("path", [
    "/../server.py", "/server.py", "/%2e%2e/server.py", "/page.css/..", "/etc/passwd",
    "/./page.css", "\\page.css", "/page.css%00", "/keep",
])  # fmt: skip
def test_paths_that_are_no_page_are_refused(server: DrawServer, path: str) -> None:
    answer = raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.0 404 ")
    assert b"BaseHTTPRequestHandler" not in answer


@pytest.mark.parametrize(("head", "status"), [
    ("Content-Length: 4097", 413),
    ("Content-Length: " + "9" * 5000, 413),
    ("Content-Length: -1", 411),
    ("Content-Length: 1e3", 411),
    ("Transfer-Encoding: chunked", 411),
])  # fmt: skip
def test_bodies_of_no_or_too_large_a_length_are_not_read(
    server: DrawServer, head: str, status: int
) -> None:
    request = f"POST /keep HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{head}"
    assert raw(server, f"{request}\r\n\r\n".encode()).startswith(f"HTTP/1.0 {status} ".encode())


@pytest.mark.parametrize(("path", "body", "status"), [
    ("/keep", "", 400),
    ("/keep", "[" * 4000, 400),
    ("/keep", "[1]", 400),
    ("/keep", "\udcff", 400),
    ("/keep", "{}", 400),
    ("/keep", '{"label": "7", "pixels": 5}', 400),
    ("/keep", '{"label": "7", "pixels": "%%%"}', 400),
    ("/keep", '{"label": "7", "pixels": "AAAA"}', 400),
    ("/keep", json.dumps({"label": "7", "pixels": pixels(np.zeros((28, 28), np.uint8))}), 400),
    *(("/keep", json.dumps({"label": label, "pixels": pixels(BAR)}), 400)
      for label in ("10", "", "../7", "٧", 7, None, ["7"], "1234")),
    ("/tune", "{}", 400),
    ("/other", "{}", 404),
])  # fmt: skip
def test_wrong_requests_get_an_error_and_change_nothing(
    server: DrawServer, tmp_path: Path, path: str, body: str, status: int
) -> None:
    answer = ask(server, "POST", path, body.encode("utf-8", "surrogateescape"), Content_Type=JSON)
    assert answer.status == status
    assert json.loads(answer.text)["error"]
    assert not (tmp_path / "mine").exists()


def test_forms_of_other_pages_are_no_json(server: DrawServer) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert ask(server, "POST", "/keep", "{}", Content_Type=kind).status == 415


def test_a_folder_that_cannot_be_written_is_named(server: DrawServer, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("a file")
    status, table = post(server, "/keep", {"label": "7", "pixels": pixels(BAR)})
    assert status == 400
    assert str(tmp_path / "mine") in table["error"]


def test_many_pages_keep_drawings_at_once(server: DrawServer, rng: np.random.Generator) -> None:
    images = np.pad(rng.integers(1, 255, (40, 9, 9), np.uint8), ((0, 0), (9, 10), (9, 10)))
    with ThreadPoolExecutor(8) as pool:
        statuses = pool.map(
            lambda i: post(server, "/keep", {"label": str(i % 2), "pixels": pixels(images[i])})[0],
            range(40),
        )
        assert set(statuses) == {200}
    state = json.loads(ask(server, "GET", "/state").text)
    assert (state["train"], state["test"]) == (32, 8)


def test_a_connection_that_ends_early_prints_nothing(
    server: DrawServer, capfd: pytest.CaptureFixture[str]
) -> None:
    for request in (b"", b"GET", b"POST /keep HTTP/1.1\r\nHost: localhost\r\nContent-Le"):
        raw(server, request)
    assert ask(server, "GET", "/state").status == 200
    assert capfd.readouterr().err == ""


def test_a_port_in_use_is_an_error_that_names_the_option(server: DrawServer) -> None:
    port = server.server_address[1]
    with pytest.raises(UsageError, match=rf"port {port} .* in use.* --port 0"):
        DrawServer(port)
    with pytest.raises(UsageError, match=r"port 70000 .*0-65535"):
        DrawServer(70000)
