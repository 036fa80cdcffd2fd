"""The identity of the code that runs, and Numba's cache directory that is named after it.

`code_id()` is the SHA-256 of everything that can change a result: the installed Python sources, the compiled
extension, the dictionary and other data files, the versions of the numerical libraries, and the processor's
feature set. Bits are compared between equal ids only.

Numba's own cache looks at the file that holds a compiled function and not at the functions that it calls in
other files, so that an edited callee would go on flying the old physics. Its directory is therefore named by
the part of the identity that compiled code can depend on: the sources of `sim` and `ground`, the layout of
frames, the libraries and the processor.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

PACKAGES = ("flight", "ground", "safehold", "scenarios", "sim")
# Numba compiles functions of these packages only; of what they import, only the frames' layout enters the
# code.
COMPILED_PACKAGES = ("ground", "sim")
LAYOUT_FILES = ("dictionary.py", "dictionary.toml")
LIBRARIES = ("llvmlite", "numba", "numpy", "skyfield")
# What results depend on besides: the ephemeris, the orbit of a TLE, the optional atmosphere.
DATA_LIBRARIES = ("pymsis", "sgp4", "skyfield-data")
EXTENSION = "_safehold_native"
LEFT_OUT = (".pyc", ".pyo", ".so", "~", ".swp", ".tmp")
CACHES_KEPT = 8


def package_folder(name: str) -> Path | None:
    """The folder of one of our packages, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def extension_file() -> Path | None:
    """The compiled extension's file, found without loading it."""
    spec = importlib.util.find_spec(EXTENSION)
    return Path(spec.origin) if spec is not None and spec.origin else None


def hash_folder(folder: Path) -> bytes:
    """SHA-256 over the names and contents of a folder's sources and data files, in sorted order."""
    total = hashlib.sha256()
    for path in sorted(_source_files(folder)):
        content = hashlib.sha256(path.read_bytes()).digest()
        total.update(path.relative_to(folder).as_posix().encode() + b"\0" + content)
    return total.digest()


def _source_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        found.extend(
            Path(root, name) for name in names if not name.startswith(".") and not name.endswith(LEFT_OUT)
        )
    return found


def processor_features() -> str:
    """Architecture and instruction-set flags: the compiler, NumPy and libm choose their code by them."""
    flags: set[str] = set()
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() in ("flags", "Features"):
                    flags.update(value.split())
                    break
    except OSError:
        flags.add(platform.processor())
    return f"{platform.machine()} {sys.byteorder} {' '.join(sorted(flags))}"


def library_versions() -> dict[str, str]:
    """Versions of Python, of libm and of the libraries whose code or data a result depends on."""
    versions = {"python": platform.python_version(), "libc": " ".join(platform.libc_ver())}
    for name in (*LIBRARIES, *DATA_LIBRARIES):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "missing"
    return versions


@cache
def _parts() -> dict[str, bytes]:
    """The hash of each ingredient, by name."""
    parts: dict[str, bytes] = {}
    for name in PACKAGES:
        folder = package_folder(name)
        parts[name] = hash_folder(folder) if folder is not None else b"missing"
    flight = package_folder("flight")
    layout = [(flight / name).read_bytes() for name in LAYOUT_FILES] if flight is not None else []
    parts["layout"] = hashlib.sha256(b"\0".join(layout)).digest()
    extension = extension_file()
    parts[EXTENSION] = hashlib.sha256(extension.read_bytes()).digest() if extension else b"missing"
    for library, version in library_versions().items():
        parts[library] = version.encode()
    parts["processor"] = processor_features().encode()
    return parts


def _combine(names: tuple[str, ...]) -> str:
    total = hashlib.sha256()
    parts = _parts()
    for name in names:
        total.update(name.encode() + b"\0" + len(parts[name]).to_bytes(4, "little") + parts[name])
    return total.hexdigest()


@cache
def code_id() -> str:
    """64 hexadecimal digits that name the code, libraries and processor of this process."""
    return _combine(tuple(sorted(_parts())))


@cache
def compiled_code_id() -> str:
    """The same for what Numba compiles, which names its cache directory."""
    return _combine((*COMPILED_PACKAGES, "layout", "python", *LIBRARIES, "processor"))


@cache
def prepare_numba_cache() -> str:
    """Point Numba at a cache directory of this code's own; returns its path. Call before Numba is imported.

    A directory that the user set in NUMBA_CACHE_DIR is respected as the parent. If none can be written, a
    temporary directory serves this process and a notice says so once.
    """
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given and Path(given).name == compiled_code_id()[:16]:
        return given
    parent = Path(given) if given else _user_cache() / "safehold" / "numba"
    folder = parent / compiled_code_id()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        os.utime(folder)
    except OSError as error:
        folder = Path(tempfile.mkdtemp(prefix="safehold-numba-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        print(
            f"safehold: {parent} cannot be written ({error.strerror}); compiling into {folder} for this once",
            file=sys.stderr,
        )
    else:
        _drop_old_caches(parent, folder)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    numba_config = sys.modules.get("numba.core.config")
    if numba_config is not None:
        numba_config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return str(folder)


def import_numba_lightly() -> None:
    """Import Numba without all of scipy.linalg, which it would import only to see whether BLAS is there.

    Saves a command a third of a second at its start. What is lost is BLAS inside `np.convolve` in compiled
    functions, and ours use none; others may, so only the command line does this, not `import safehold`.
    """
    blas = "scipy.linalg.cython_blas"
    if blas in sys.modules or "numba.np.arraymath" in sys.modules:
        return
    prepare_numba_cache()
    sys.modules[blas] = None  # type: ignore[assignment]  # the import system's own way to say "not there"
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules[blas]


def _user_cache() -> Path:
    configured = os.environ.get("XDG_CACHE_HOME")
    if configured:
        return Path(configured)
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        return Path("/nonexistent")


def _drop_old_caches(parent: Path, current: Path) -> None:
    """Remove all but the newest few directories that earlier versions of the code left behind."""

    def age(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except OSError:
            return 0.0

    ours = [
        path for path in parent.iterdir() if len(path.name) == 16 and _is_hex(path.name) and path != current
    ]
    for path in sorted(ours, key=age, reverse=True)[CACHES_KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
