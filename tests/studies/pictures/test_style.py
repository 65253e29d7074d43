"""Style of pictures: arms can be distinguished, on light and dark backgrounds."""

from pathlib import Path

import pytest

from lamella.studies.pictures.style import PALETTE, Look, arm_label, arm_styles
from lamella.studies.results import Results
from lamella.training.diagnostics.theme import THEMES, get_theme
from tests.colors import contrast
from tests.studies.pictures.reading import texts
from tests.studies.synthetic import trained
from tests.subprocesses import missing_extra, run_python

NAMES = [f"arm {number}" for number in range(40)]


@pytest.mark.parametrize("name", THEMES)
def test_every_arm_is_visible_on_the_background(name: str) -> None:
    theme = get_theme(name)
    assert all(contrast(s.color, theme.background) > 2 for s in arm_styles(NAMES, theme).values())


def test_first_arms_differ_in_colour_and_marker() -> None:
    styles = list(arm_styles(NAMES[: len(PALETTE)], get_theme("light")).values())
    assert len({style.color for style in styles}) == len(PALETTE) == 7
    assert len({style.marker for style in styles}) == 7


def test_no_two_arms_look_alike() -> None:
    styles = arm_styles(NAMES, get_theme("dark"))
    assert len({(style.color, style.marker) for style in styles.values()}) == 40


def test_arms_of_one_colour_differ_in_their_lines() -> None:
    styles = arm_styles(NAMES[:28], get_theme("light"))
    assert len({(style.color, str(style.line)) for style in styles.values()}) == 28


def test_an_arm_keeps_its_colour_in_both_themes() -> None:
    light, dark = (arm_styles(NAMES[:7], get_theme(name)) for name in THEMES)
    differ = [arm for arm in light if light[arm].color != dark[arm].color]
    assert differ == ["arm 4"]  # its colour is the text colour
    assert [light[arm].marker for arm in light] == [dark[arm].marker for arm in dark]


def test_title_and_subtitle_stand_above_the_axes(two: Results) -> None:
    figure, axes = Look.of(two, "light", "A title").figure(5, 3, subtitle="What is drawn")
    figure.draw_without_rendering()
    (below,) = (text for text in figure.texts if text.get_text() == "What is drawn")
    top = axes[0, 0].get_window_extent().y1
    assert figure.get_suptitle() == "A title"
    assert figure._suptitle.get_window_extent().y0 >= below.get_window_extent().y1
    assert below.get_window_extent().y0 >= top


@pytest.mark.slow
def test_drawing_leaves_pyplot_and_settings_alone(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom lamella.studies import pictures\n"
        "from tests.studies.synthetic import trained\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import matplotlib\n"
        "def settings():\n"
        "    names = set(matplotlib.rcParams) - {'backend'}\n"  # reading it would choose one
        "    return {name: matplotlib.rcParams[name] for name in names}\n"
        "before = settings()\n"
        "pictures.save_all(trained({'a': 0.9, 'b': 0.95}, 2), Path(sys.argv[1]), ['svg'])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert before == settings()"
    )
    run_python("-c", code, tmp_path)


def test_missing_matplotlib_is_named_with_its_extra() -> None:
    code = (
        "from tests.studies.synthetic import trained\n"
        "trained({'a': 0.9, 'b': 0.95}, 2).plot('loss')"
    )
    assert "pip install 'lamella[plot]'" in missing_extra("matplotlib", code)


def test_a_long_name_loses_its_middle_and_keeps_the_picture_whole() -> None:
    name = "a name that " + "goes on and " * 9 + "$ends$"
    results = trained({"first": 0.9, name: 0.95, "third": 0.97})
    short = r"a name that goes …es on and \$ends\$"
    assert arm_label(name) == short
    assert (arm_label("short"), arm_label("x" * 34)) == ("short", "x" * 34)
    for picture in ("loss", "val_accuracy", "test_accuracy", "differences", "report_scores"):
        figure = results.plot(picture)
        figure.draw_without_rendering()
        assert all(axes.get_position().width > 0.3 for axes in figure.axes if len(figure.axes) == 1)
        assert any(short in text for text in texts(figure)), picture
