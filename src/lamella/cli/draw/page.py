"""Files of the page, and the page as a single file."""

from importlib import resources

from lamella.interchange.description import describe
from lamella.interchange.javascript_source import javascript_source
from lamella.models.sequential import Sequential

TYPES = {
    "page.html": "text/html",
    "page.css": "text/css",
    **dict.fromkeys(("prepare.js", "board.js", "page.js"), "text/javascript"),
}
POLICY = "default-src 'none'; img-src data:; script-src 'unsafe-inline'; style-src 'unsafe-inline'"


def page_file(name: str) -> str:
    """Return the text of a file in `TYPES`."""
    return (resources.files("lamella.cli.draw") / name).read_text("utf-8")


def network_script(model: Sequential) -> str:
    """Return the script that defines ``network``, see `lamella.export`."""
    return javascript_source(describe(model), "network")


def exported_page(model: Sequential) -> str:
    """Return the page with scripts, styles and network in it, without the parts for a server."""
    html = page_file("page.html").replace(" data-served", "", 1)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    html = html.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{policy}')
    style = f"<style>\n{page_file('page.css')}</style>"
    html = html.replace('<link rel="stylesheet" href="page.css">', style)
    scripts = {name: page_file(name) for name in TYPES if name.endswith(".js")}
    for name, text in {"model.js": network_script(model), **scripts}.items():
        text = text.replace("</", "<\\/")  # which would end the script
        html = html.replace(f'<script src="{name}"></script>', f"<script>\n{text}</script>")
    return html
