"""The exported page and its preparation of drawings, in node."""

import base64
import json
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamella as lm
from lamella.cli.draw.page import TYPES, exported_page, page_file
from tests.subprocesses import TIME_LIMIT

NODE = shutil.which("node")
SIZE, PEN = 280, 24
SHAPES: dict[str, list[list[tuple[float, float]]]] = {
    "seven": [[(70, 70), (200, 70), (130, 230)]],
    "large seven": [[(14, 14), (264, 14), (100, 264)]],
    "zero": [[(140 + 70 * np.sin(t), 130 - 95 * np.cos(t)) for t in np.linspace(0, 6.3, 40)]],
    "four": [[(90, 50), (70, 160), (200, 160)], [(160, 60), (160, 250)]],
    "small three": [[(120, 100), (160, 110), (135, 130), (165, 150), (120, 165)]],
    "six": [[(180, 40), (100, 140), (95, 200), (140, 235), (185, 200), (150, 160), (100, 190)]],
    "one": [[(110, 80), (150, 40), (140, 240)]],
}


def drawn(strokes: list[list[tuple[float, float]]]) -> np.ndarray:
    """Return strokes as the page draws them, uint8 (280, 280), with smooth edges."""
    from PIL import Image, ImageDraw

    fine = Image.new("L", (4 * SIZE, 4 * SIZE))
    pen, width = ImageDraw.Draw(fine), 4 * PEN
    for stroke in strokes:
        points = [(4 * x, 4 * y) for x, y in stroke]
        pen.line(points, fill=255, width=width)
        for x, y in points:
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)
    return np.asarray(fine.resize((SIZE, SIZE), Image.Resampling.BOX))


def run_node(folder: Path, script: str, given: Any) -> Any:
    """Return the result of the script's function ``main``."""
    if NODE is None:
        pytest.skip("node runs the JavaScript of the page, and is not installed")
    (folder / "main.js").write_text(
        f"{script}\nconst given = JSON.parse(require('fs').readFileSync(0));\n"
        "console.log(JSON.stringify(main(given)));",
        "utf-8",
    )
    command, text = [NODE, folder / "main.js"], json.dumps(given)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIME_LIMIT)
    assert done.returncode == 0, done.stderr[:2000]
    return json.loads(done.stdout)


def prepared(folder: Path, images: list[np.ndarray]) -> list[Any]:
    """Return the results of prepare.js."""
    main = f"""{page_file("prepare.js")}
    const main = (all) => all.map(([text, width, height]) => {{
      const image = prepare(Uint8Array.from(Buffer.from(text, "base64")), width, height);
      return image && [...image];
    }});"""
    texts = [[base64.b64encode(x.tobytes()).decode(), x.shape[1], x.shape[0]] for x in images]
    found: list[Any] = run_node(folder, main, texts)
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_drawings_are_prepared_as_read_digit_prepares_them(name: str, tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="read_digit reads pictures with Pillow")
    image = drawn(SHAPES[name])
    found = np.reshape(prepared(tmp_path, [image])[0], (28, 28)).astype(int)
    for picture in (image, 255 - image):
        assert abs(lm.datasets.read_digit(picture).astype(int) - found).mean() < 1


def test_a_blank_drawing_is_no_image(tmp_path: Path) -> None:
    blank, faint = np.zeros((280, 280), np.uint8), np.full((280, 280), 60, np.uint8)
    assert prepared(tmp_path, [blank, faint]) == [None, None]


def test_the_exported_page_answers_as_the_model(
    network: lm.Sequential,
    digits: tuple[lm.datasets.Samples, lm.datasets.Samples],
    tmp_path: Path,
) -> None:
    x = digits[1].x[:200]
    (script,) = re.findall(r"<script>\n(/\*.*?)</script>", exported_page(network), re.DOTALL)
    code = f"{script}\nconst network = module.exports;"
    main = "const main = (rows) => rows.map((row) => [...network.predict(Uint8Array.from(row))]);"
    found = np.array(run_node(tmp_path, f"{code}\n{main}", x.reshape(200, -1).tolist()))
    assert abs(found - network.predict_proba(x)).max() < 1e-5


def test_the_exported_page_needs_no_other_file(network: lm.Sequential) -> None:
    page = exported_page(network)
    assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"(?!data:)", page) == []
    assert "data-served" not in page.split("<style>")[0]
    assert page.count("<script>") == page.count("</script>") == 4
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page


def test_all_files_of_the_page_are_listed() -> None:
    files = {file.name for file in resources.files("lamella.cli.draw").iterdir()}
    assert {name for name in files if Path(name).suffix in (".html", ".css", ".js")} == set(TYPES)
