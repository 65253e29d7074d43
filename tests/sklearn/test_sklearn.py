"""lamella.sklearn without scikit-learn names the extra."""

from tests.subprocesses import run_python


def test_missing_scikit_learn_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import lamella as lm\n"
        "try:\n    lm.sklearn\nexcept lm.errors.MissingExtraError as error:\n    print(error)\n"
    )
    assert "pip install 'lamella[sklearn]'" in run_python("-c", code).stdout
