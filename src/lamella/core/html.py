"""Tables as HTML for notebooks, in the colours of the page, so that light and dark both suit."""

from collections.abc import Iterable, Sequence

# Notebooks would typeset text between dollar signs.
BEGIN = '<div class="tex2jax_ignore mathjax_ignore" style="color: inherit">'
PALE = "opacity: 0.75; margin: 2px 0"


def html_table(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[object]],
    notes: Sequence[str] = (),
    left: Sequence[int] = (),
) -> str:
    """Return a table between its title and notes; all text is escaped.

    The first column and those in ``left`` are left-aligned, the others right-aligned.
    """
    from html import escape  # takes longer to import than most of lamella's files

    def line(tag: str, cells: Iterable[object]) -> str:
        aligned = ("left" if i == 0 or i in left else "right" for i in range(len(head)))
        return "".join(
            f'<{tag} style="text-align: {side}; color: inherit">{escape(str(cell))}</{tag}>'
            for side, cell in zip(aligned, cells, strict=True)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return (
        f"{BEGIN}<p><b>{escape(title)}</b></p><table><thead><tr>{line('th', head)}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
        + "".join(f'<p style="{PALE}">{escape(note)}</p>' for note in notes)
        + "</div>"
    )
