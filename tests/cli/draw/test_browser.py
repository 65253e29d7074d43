"""The page in Chromium: drawing, answers, keeping, fine-tuning, and the exported file."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.cli.draw.page import exported_page
from lamella.cli.draw.server import DrawServer

pytestmark = pytest.mark.slow
SEVEN = [(70, 70), (200, 70), (130, 230)]
CROSS = [(60, 60), (220, 220), (140, 140), (220, 60), (60, 220)]  # is no digit
ZERO = [(140 + 70 * np.sin(t), 140 - 95 * np.cos(t)) for t in np.linspace(0, 6.28, 30)]
Open = Callable[[str], Any]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Open an address; at the end, no page may have reported an error."""
    context, errors = browser.new_context(viewport={"width": 900, "height": 900}), []

    def open_address(address: str) -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda entry: errors.append(entry.text) if entry.type == "error" else 0)
        page.goto(address)
        return page

    yield open_address
    context.close()
    assert errors == []


def draw(page: Any, points: list[tuple[float, float]]) -> None:
    page.bring_to_front()
    box = page.locator("#board").bounding_box()
    places = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["width"] / 280)
              for x, y in points]  # fmt: skip
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
    settle(page)


def settle(page: Any) -> None:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def seen(page: Any) -> np.ndarray:
    """Return the 28 x 28 pixels on the page."""
    context = "document.getElementById('seen').getContext('2d')"
    grey = page.evaluate(f"() => [...{context}.getImageData(0, 0, 28, 28).data]")
    return np.reshape(grey, (28, 28, 4))[..., 0].astype(np.uint8)


def shown(page: Any) -> tuple[str, list[str]]:
    """Return the guess and the probabilities as they are written."""
    return page.inner_text("#guess"), page.locator("#bars em").all_inner_texts()


def test_answers_follow_the_drawing(
    server: DrawServer, network: lm.Sequential, open_page: Open
) -> None:
    page = open_page(server.address)
    assert shown(page) == ("–", [""] * 10)
    draw(page, SEVEN)
    first = shown(page)
    p = network.predict_proba(seen(page)[None])[0]
    assert first[0] == str(p.argmax())
    assert page.locator("#bars em").nth(int(p.argmax())).inner_text().strip("<>%") != ""
    for text, value in zip(first[1], p, strict=True):
        written = float(text.strip("<>%")) / 100
        assert abs(written - value) < 6e-4 or text in ("<0.1%", ">99.9%")
    draw(page, [(90, 150), (190, 150)])
    crossed = seen(page)
    page.click("#undo")
    settle(page)
    assert shown(page) == first
    assert not np.array_equal(seen(page), crossed)
    page.click("#clear")
    settle(page)
    assert shown(page) == ("–", [""] * 10)
    page.keyboard.press("Control+z")
    settle(page)
    assert shown(page) == first


def test_the_first_layer_is_that_of_the_model(
    server: DrawServer, network: lm.Sequential, open_page: Open
) -> None:
    page = open_page(server.address)
    draw(page, ZERO)
    pixels = seen(page)
    layers = page.evaluate(
        "(x) => Object.entries(network.layers(Uint8Array.from(x))).map(([k, v]) => [k, [...v]])",
        pixels.ravel().tolist(),
    )
    assert [name for name, _ in layers] == ["1 Dense", "2 ReLU", "3 Dense", "probabilities"]
    network.forward(pixels[None] / np.float32(255), training=False)
    dense = network.layers[1]
    expected = np.maximum(pixels.reshape(1, -1) / 255 @ dense.W.value + dense.b.value, 0)[0]
    np.testing.assert_allclose(layers[1][1], expected, rtol=1e-4, atol=1e-5)
    active = (expected > 0.1 * expected.max()).sum()
    assert page.inner_text("#units") == f"{active} of 32 units are active."


def test_keep_tune_and_reload(server: DrawServer, open_page: Open, tmp_path: Path) -> None:
    page, other = open_page(server.address), open_page(server.address)
    draw(other, CROSS)
    draw(page, CROSS)
    image, guess = seen(page), shown(page)[0]
    meant = str((int(guess) + 1) % 10)
    page.click(f"#labels button[value='{meant}']")
    page.get_by_text(f"Kept as {meant}.").wait_for()
    settle(page)
    assert shown(page)[0] == "–"
    own = lm.datasets.digit_folder(tmp_path / "mine" / "train")
    np.testing.assert_array_equal(own.x, image[None])
    assert own.y.tolist() == [int(meant)]
    page.click("#tune")
    page.locator("#scores").wait_for()
    rows = page.locator("#scores tbody tr").all_inner_texts()
    assert re.split(r"\t", rows[0]) == ["own, trained on (1)", "0%", "100%"]
    assert re.fullmatch(r"MNIST’s test set \(10,000\)\t\d\d\.\d\d%\t\d\d\.\d\d%", rows[1])
    draw(page, CROSS)
    assert shown(page)[0] == meant
    other.evaluate("() => dispatchEvent(new Event('visibilitychange'))")  # as if shown again
    other.locator("#guess", has_text=meant).wait_for()
    page.reload()
    draw(page, CROSS)
    assert shown(page)[0] == meant
    assert page.inner_text("#kept").startswith("1 to train on, 0 for testing")


def test_a_kept_drawing_can_be_taken_back(
    server: DrawServer, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(server.address)
    draw(page, ZERO)
    page.keyboard.press("0")
    page.get_by_text("Kept as 0.").wait_for()
    page.click("#back")
    page.get_by_text("Taken back.").wait_for()
    assert [*(tmp_path / "mine").rglob("*.png")] == []


def test_keyboard_alone_draws_keeps_and_clears(server: DrawServer, open_page: Open) -> None:
    page = open_page(server.address)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "board"
    page.keyboard.press("Space")
    for key in ["ArrowDown"] * 8 + ["Shift+ArrowRight"] * 3:
        page.keyboard.press(key)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft")  # with the pen up it draws nothing
    settle(page)
    height, width = (np.ptp(np.flatnonzero(seen(page).any(axis=a))) + 1 for a in (1, 0))
    assert (height, width) == (20, 6)  # strokes of 80 by 6 and a pen of 24: 104 by 30
    page.keyboard.press("Escape")
    settle(page)
    assert shown(page)[0] == "–"


def test_touch_draws_with_one_finger(browser: Any, server: DrawServer) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(server.address)
    box = page.locator("#board").bounding_box()
    session = context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + 60

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    touch("touchStart", (x, y))
    touch("touchMove", (x, y + 100))
    touch("touchStart", (x, y + 100), (x - 100, y))  # a second finger draws nothing
    touch("touchMove", (x, y + 200), (x - 100, y + 50))
    touch("touchEnd")
    settle(page)
    rows, columns = (np.ptp(np.flatnonzero(seen(page).any(axis=a))) + 1 for a in (1, 0))
    assert (rows, columns <= 3) == (20, True)
    assert page.evaluate("() => scrollY") == 0
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    context.close()


def test_a_server_that_ended_is_reported(
    server: DrawServer, browser: Any, network: lm.Sequential
) -> None:
    page = browser.new_page()
    page.goto(server.address)
    draw(page, SEVEN)
    page.route("**/keep", lambda route: route.abort())
    page.keyboard.press("7")
    page.get_by_text("The server does not answer").wait_for()
    settle(page)
    assert shown(page)[0] != "–"  # the drawing is still there
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: Any, server: DrawServer, scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme)
    page.goto(server.address)
    draw(page, SEVEN)
    ratios = page.evaluate("""() => {
      const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => {
          v /= 255;
          return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ground = (e) => {
        const colour = getComputedStyle(e).backgroundColor;
        return colour === "rgba(0, 0, 0, 0)" ? ground(e.parentElement) : colour;
      };
      const names = "h1, h2, p, b, em, span, strong, button, summary, figcaption";
      return [...document.querySelectorAll(names)]
        .filter((e) => e.innerText).map((e) => {
          const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
          return [e.innerText, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
        });
    }""")
    assert len(ratios) > 30
    assert [text for text, ratio in ratios if ratio < 4.5] == []  # WCAG 2.2, level AA
    page.close()


def test_the_exported_file_works_alone(
    network: lm.Sequential,
    digits: tuple[lm.datasets.Samples, lm.datasets.Samples],
    open_page: Open,
    tmp_path: Path,
) -> None:
    (tmp_path / "page.html").write_text(exported_page(network), "utf-8")
    page = open_page((tmp_path / "page.html").as_uri())
    draw(page, SEVEN)
    assert shown(page)[0] == str(network.predict_classes(seen(page)[None])[0])
    assert page.locator("#labels").is_hidden()
    x = digits[1].x[:200]
    found = page.evaluate(
        "(rows) => rows.map((row) => [...network.predict(Uint8Array.from(row))])",
        x.reshape(200, -1).tolist(),
    )
    assert abs(np.array(found) - network.predict_proba(x)).max() < 1e-5
