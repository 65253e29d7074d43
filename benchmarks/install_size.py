"""Measure disk space and time of installing lamella: the wheel, and fresh environments.

    python benchmarks/install_size.py                       # lamella, alone and with extras
    python benchmarks/install_size.py torch scikit-learn    # and packages from the index

Each package gets its own environment; pip and setuptools are not counted. Sizes are sums of file
sizes, compiled bytecode included, in MB of 10^6 bytes. Seconds are those of `pip install` alone,
after all downloads.
"""

import argparse
import platform
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("pip", "setuptools", "_distutils_hack", "distutils-precedence.pth", "pkg_resources")
EXTRAS = ("", "[fast]", "[plot,images]", "[fast,plot,images,studies]")


def build_wheel(folder: Path) -> Path:
    """Build lamella's wheel from this checkout."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True)
    return next(folder.glob("lamella-*.whl"))


def install(requirement: str, folder: Path) -> tuple[dict[str, int], float]:
    """Install into a fresh environment; return bytes by name in site-packages, and seconds."""
    venv.create(folder, with_pip=True)
    inside = "Scripts" if sys.platform == "win32" else "bin"
    python = str(folder / inside / "python")
    pip = [python, "-m", "pip", "--quiet"]
    cache = str(folder / "downloaded")
    subprocess.run([*pip, "download", "--dest", cache, requirement], check=True)
    began = time.perf_counter()
    offline = ["--no-index", "--find-links", cache]
    subprocess.run([*pip, "install", *offline, requirement], check=True)
    seconds = time.perf_counter() - began
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True)
    sizes = {
        path.name: size(path)
        for path in Path(answer.stdout.strip()).iterdir()
        if not path.name.startswith(TOOLS)
    }
    return sizes, seconds


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peers", nargs="*", help="further packages to install, each alone")
    peers = parser.parse_args().peers
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel = build_wheel(folder)
        print(f"wheel: {wheel.stat().st_size / 1e6:.1f} MB")
        ours = {f"lamella{extras}": f"{wheel}{extras}" for extras in EXTRAS}
        for name, requirement in (ours | dict(zip(peers, peers, strict=True))).items():
            parts, seconds = install(requirement, folder / f"environment of {name}")
            largest = sorted(parts, key=lambda part: -parts[part])[:5]
            detail = ", ".join(f"{part} {parts[part] / 1e6:.1f}" for part in largest)
            total = sum(parts.values()) / 1e6
            print(f"{name}: {total:.1f} MB ({detail}, ...), installed in {seconds:.1f} s")


if __name__ == "__main__":
    main()
