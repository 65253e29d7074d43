"""Machine code in the user's cache: reused by the next process, never for another source."""

import os
import signal
import stat
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamella.backend import numba as compiled
from lamella.backend.numba.code_cache import (
    compile_function,
    compile_now,
    digest_of_source,
    load_module,
    with_code_cache,
)
from tests.backend.numba.trainings import trained
from tests.subprocesses import ROOT, run_python

pytest.importorskip("numba", reason="compiled loops need numba: pip install 'lamella[fast]'")

import numba
from numba.core.compiler_lock import global_compiler_lock

from lamella.backend.numba.code_files import code_folder
from lamella.backend.numba.parallel_for import compile_task
from lamella.core.errors import UsageError

# A generated rule and a loop of a file, compiled or read from the cache; and the hits of the cache.
FEW_FUNCTIONS = """
import numpy as np
from lamella.backend.elementwise import trace
from lamella.backend.numba.code_cache import compile_function
from lamella.backend.numba.elementwise import compile_map, load_module, to_python
from lamella.backend.numba.loops import mean_of_vector
program = trace(lambda x: x * x + 1, 1, 0)
out, mean = np.zeros((1, 3)), np.zeros(1)
compile_map(program)(out, [np.array([[1.0, 2, 3]])], ())
compile_function(mean_of_vector)(out[0], mean)
loop = load_module(to_python(program, [None], out.dtype, axes=[2])).loop
hits = [sum(each.stats.cache_hits.values()) for each in (loop, compile_function(mean_of_vector))]
print(out.tolist(), mean.tolist(), hits)
"""
RESULT = "[[2.0, 5.0, 10.0]] [5.666666666666667] {}\n"


def run_few(environment: dict[str, str], before: str = "") -> str:
    """Run them in a process, and assert that it warns of nothing."""
    done = run_python("-c", before + FEW_FUNCTIONS, environment=environment)
    assert done.stderr == ""
    return done.stdout


def divide(a: Any, b: Any, out: Any) -> None:
    for i in range(len(out)):
        out[i] = a[i] / b[i]


def hits_of_new_functions() -> list[int]:
    """Compile two functions as a new process would; return the hits of the cache for each."""
    module = load_module("def increase(a, b, out):\n    out[0] = a[0] + b[0]\n")
    hits = []
    for function, expected in ((divide, 3.0), (module.increase, 8.0)):
        dispatcher = with_code_cache(numba.njit(nogil=True)(function))
        out = np.zeros(1)
        dispatcher(np.full(1, 6.0), np.full(1, 2.0), out)
        assert out[0] == expected
        hits.append(sum(dispatcher.stats.cache_hits.values()))
    return hits


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for this test."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lamella"


def files_in(folder: Path) -> dict[Path, int]:
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


@pytest.mark.slow
def test_machine_code_is_cached_for_the_next_process_and_mended(tmp_path: Path) -> None:
    first = trained("SGD(0.1)", tmp_path, plain=False)
    cached = files_in(tmp_path)
    assert cached
    assert {path.parent for path in cached} == {tmp_path / "lamella"}
    assert {path.suffix for path in cached} == {".nbc"}
    if compiled.has_products():  # a replay runs generated tasks, which are cached too
        assert any(path.name.startswith("task-") for path in cached)
    np.testing.assert_array_equal(trained("SGD(0.1)", tmp_path, plain=False), first)
    assert files_in(tmp_path) == cached
    for number, path in enumerate(cached):
        content = path.read_bytes()
        path.write_bytes([content[:-1], content[40:], b"", os.urandom(99)][number % 4])
    np.testing.assert_array_equal(trained("SGD(0.1)", tmp_path, plain=False), first)
    assert sorted(files_in(tmp_path)) == sorted(cached)


@pytest.mark.slow
def test_functions_are_read_from_the_cache(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    assert run_few(environment) == RESULT.format([0, 0])
    assert run_few(environment) == RESULT.format([1, 1])


def test_folder_is_that_of_numba_or_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for value in ("", None):
        if value is None:
            monkeypatch.delenv("XDG_CACHE_HOME")
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert code_folder() == tmp_path / "home/.cache/lamella"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert code_folder() == tmp_path / "cache/lamella"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "numba"))
    assert code_folder() == tmp_path / "numba/lamella"


DAMAGES = {
    "truncated": lambda content, other: content[:-7],
    "short": lambda content, other: content[:5],
    "empty": lambda content, other: b"",
    "one bit": lambda content, other: content[:999] + bytes([content[999] ^ 1]) + content[1000:],
    "garbage": lambda content, other: bytes(range(256)) * 9,
    "of another function": lambda content, other: other,
    "of another program": lambda content, other: b"\x80\x04K\x07.",
    "a folder": None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_compiled_again_and_replaced(damage: str, cache: Path) -> None:
    assert hits_of_new_functions() == [0, 0]
    assert hits_of_new_functions() == [1, 1]
    contents = {path: path.read_bytes() for path in sorted(files_in(cache))}
    for path, other in zip(contents, reversed(contents.values()), strict=True):
        change = DAMAGES[damage]
        if change is None:
            path.unlink()
            path.mkdir()
        else:
            path.write_bytes(change(contents[path], other))
    assert hits_of_new_functions() == [0, 0]
    if damage != "a folder":
        assert sorted(files_in(cache)) == list(contents)
        assert hits_of_new_functions() == [1, 1]


def test_files_of_a_cache_are_not_executed(cache: Path) -> None:
    """Neither a pickle under the name of a function, nor a module under that of a rule."""
    hits_of_new_functions()
    mark = cache / "executed"
    command = f"import pathlib; pathlib.Path({str(mark)!r}).touch()"
    evil = b"cbuiltins\nexec\n(V" + command.encode() + b"\ntR."
    for path in files_in(cache):
        path.write_bytes(path.read_bytes()[:32] + evil)
    assert hits_of_new_functions() == [0, 0]
    with pytest.raises(ZeroDivisionError) as caught:
        load_module("1 / 0  # of this test\n")
    name = caught.traceback[-1].frame.code.raw.co_filename.strip("<>")
    for folder in (cache, cache.parent):
        (folder / f"{name}.py").write_text(command)
    with pytest.raises(ZeroDivisionError):
        load_module("1 / 0  # of this test\n")
    assert not mark.exists()


def test_a_file_in_place_of_the_folder_costs_nothing_but_time(cache: Path) -> None:
    cache.parent.touch()
    for _ in range(2):
        assert hits_of_new_functions() == [0, 0]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_costs_nothing_but_time(cache: Path) -> None:
    cache.mkdir(parents=True)
    cache.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert hits_of_new_functions() == [0, 0]
    finally:
        cache.chmod(stat.S_IRWXU)
    assert files_in(cache) == {}


FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (99, 99))\n"
NO_HOME = "import os; del os.environ['HOME']; os.setresuid(54321, -1, -1)\n"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "setresuid"), reason="no limits and users here")
@pytest.mark.parametrize("case", ["a full disk", "no home and an unknown user"])
def test_a_process_that_cannot_use_the_cache_leaves_nothing(case: str, tmp_path: Path) -> None:
    if case == "a full disk":
        folder, before = str(tmp_path / "cache"), FULL_DISK
    elif os.geteuid() == 0:
        folder, before = "", NO_HOME
    else:
        pytest.skip("only root can become an unknown user")
    (tmp_path / "tmp").mkdir()
    environment = {"XDG_CACHE_HOME": folder, "TMPDIR": str(tmp_path / "tmp")}
    environment |= {"NUMBA_CACHE_DIR": "", "PYTHONDONTWRITEBYTECODE": "1"}
    assert run_few(environment, before) == RESULT.format([0, 0])
    assert files_in(tmp_path) == {}


@pytest.mark.slow
def test_cold_processes_at_once_have_the_same_bits_and_leave_whole_files(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as several:
        found = list(several.map(lambda _: trained("SGD(0.1)", tmp_path, plain=False), range(4)))
    cached = files_in(tmp_path)
    assert {path.suffix for path in cached} == {".nbc"}
    found.append(trained("SGD(0.1)", tmp_path, plain=False))
    for each in found[1:]:
        np.testing.assert_array_equal(each, found[0])
    assert files_in(tmp_path) == cached


# Threads train models for the first time, while functions of the user's are compiled and cached.
THREADS = """
import sys, threading
sys.path.insert(0, {folder!r})
import numba
import numpy as np
import lamella as lm
before = {{name: getattr(numba.config, name) for name in dir(numba.config) if name.isupper()}}
from own import functions
seen = set()

def train(seed):
    rng = np.random.default_rng(seed)
    model = lm.Sequential([lm.Dense(8 + seed), lm.Tanh(), lm.Dense(3)], seed=seed, backend="numpy")
    model.compile(lm.SoftmaxCrossEntropy(), [lm.SGD, lm.Adam, lm.Momentum][seed % 3](1e-2))
    x, y = rng.standard_normal((40, 5)).astype("f4"), rng.integers(0, 3, 40)
    model.fit(x, y, epochs=2, batch_size=8, verbose=False, check=False)

threads = [threading.Thread(target=train, args=(seed,)) for seed in range(6)]
for thread in threads:
    thread.start()
for function in functions:
    assert function(np.ones(3)) == 3
    seen.add(numba.config.CACHE_DIR)
for thread in threads:
    thread.join()
after = {{name: getattr(numba.config, name) for name in dir(numba.config) if name.isupper()}}
assert after == before, set(after.items()) ^ set(before.items())
print(seen, {{function.stats.cache_path for function in functions}})
"""
OWN = (
    "import numba\n\nfunctions = []\nfor _ in range(30):\n"
    "    @numba.njit(cache=True)\n    def total(x):\n        return x.sum()\n"
    "    functions.append(total)\n"
)


@pytest.mark.slow
def test_first_trainings_in_threads_leave_numba_and_other_folders_alone(tmp_path: Path) -> None:
    own, here = tmp_path / "own", tmp_path / "here"
    own.mkdir()
    here.mkdir()
    (own / "own.py").write_text(OWN)
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "NUMBA_CACHE_DIR": ""}
    source = str(ROOT / "src")
    environment["PYTHONPATH"] = os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])
    done = run_python("-c", THREADS.format(folder=str(own)), folder=here, environment=environment)
    assert done.stdout == f"{ {''} } { {str(own / '__pycache__')} }\n"
    assert list(here.iterdir()) == []
    assert {path.parent for path in files_in(tmp_path / "cache")} == {tmp_path / "cache/lamella"}


def test_module_is_loaded_once() -> None:
    source = "numbers = []\n"
    module = load_module(source)
    assert load_module(source) is module
    assert sys.modules[module.__name__] is module


def test_each_source_has_its_own_module() -> None:
    found = [load_module(f"number = {i}\n") for i in range(5)]
    assert [module.number for module in found] == [0, 1, 2, 3, 4]


def test_module_with_an_error_is_not_marked_as_loaded() -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError) as caught:
            load_module("1 / 0  # of this test\n")
        assert "1 / 0  # of this test" in "".join(traceback.format_exception(caught.value))


def test_one_source_can_be_loaded_by_several_threads() -> None:
    for number in range(20):
        source = f"def loop():\n    return {number}\n"
        with ThreadPoolExecutor(8) as several:
            found = list(several.map(load_module, [source] * 8))
        assert {id(module) for module in found} == {id(found[0])}
        assert found[0].loop() == number


def test_digest_follows_the_source_of_the_function(tmp_path: Path) -> None:
    file, digests = tmp_path / "file.py", []
    for text in ("def loop(): return 1", "def loop(): return 2", "def loop(): return 1"):
        file.write_text(text)
        space = {"__name__": "file"}
        exec(compile(text, str(file), "exec"), space)
        digests.append(digest_of_source(space["loop"]))
    assert digests[0] == digests[2] != digests[1]
    generated = [load_module(f"def loop():\n    return {i}\n").loop for i in (1, 2)]
    assert digest_of_source(generated[0]) != digest_of_source(generated[1])
    file.unlink()
    with pytest.raises(OSError, match=r"file\.py"):
        digest_of_source(space["loop"])


def test_function_is_compiled_once_and_divides_as_numpy_does() -> None:
    assert compile_function(divide) is compile_function(divide)
    a, out = np.array([1.0, -1.0, 0.0]), np.empty(3)
    compile_function(divide)(a, np.zeros(3), out)
    np.testing.assert_array_equal(out, [np.inf, -np.inf, np.nan])
    assert compile_function(divide).py_func is divide


def test_numba_that_is_compiling_is_not_called_by_a_signal_handler() -> None:
    """It ended the process: LLVM does not expect it."""

    def double(x: Any, out: Any) -> None:
        out[0] = 2 * x[0]

    def handler_code() -> None:
        for work in (compile_function(double), lambda *_: compile_task(handler_task)):
            with pytest.raises(UsageError, match="use the handler's models once"):
                work(np.array([21.0]), out)
        compile_function(divide)(np.ones(1), np.ones(1), np.ones(1))  # is compiled

    out = np.zeros(1)
    compile_function(divide)(np.ones(1), np.ones(1), np.ones(1))
    with global_compiler_lock:  # as in the middle of a compilation
        handler_code()
    compile_function(double)(np.array([21.0]), out)
    assert out[0] == 42


def handler_task(words: Any, number: int, memory: int) -> None:
    words[0] = number


def test_ctrl_c_waits_for_the_end_of_a_compilation() -> None:
    before, done = signal.getsignal(signal.SIGINT), []

    def compiling() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("compiled")

    with pytest.raises(KeyboardInterrupt):
        compile_now(compiling)
    assert done == ["compiled"]
    assert signal.getsignal(signal.SIGINT) is before


def test_function_that_was_typed_in_is_compiled() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def double(x, out):\n    out[0] = 2 * x[0]\n", space)
    out = np.zeros(1)
    compile_function(space["double"])(np.array([21.0]), out)
    assert out[0] == 42


@pytest.mark.slow
@pytest.mark.parametrize("closed_over", [2, 3])
def test_functions_that_close_over_other_numbers_have_files_of_their_own(
    closed_over: int, tmp_path: Path
) -> None:
    """Of one file, one line and one name."""
    script = (
        "import sys\nimport numpy as np\n"
        "from lamella.backend.numba.code_cache import compile_function\n"
        "def make(factor):\n    def loop(out):\n        out[0] = factor\n    return loop\n"
        "for factor in (2, CLOSED, 2):\n"
        "    out = np.zeros(1)\n    compile_function(make(factor))(out)\n    print(out[0])\n"
    ).replace("CLOSED", str(closed_over))
    (tmp_path / "script.py").write_text(script)
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    for _ in range(2):
        done = run_python(tmp_path / "script.py", environment=environment)
        assert done.stdout == f"2.0\n{closed_over}.0\n2.0\n"
    assert len(list((tmp_path / "lamella").glob("loop-*.nbc"))) == len({2, closed_over})
