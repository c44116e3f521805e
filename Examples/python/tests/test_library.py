"""Finding the library, and what is said when it is not there. Each case is a process of its own."""

from __future__ import annotations

import ctypes.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import LIBRARY

import longtail


def python(code: str, path: str | None = None, **environment: str | None) -> subprocess.CompletedProcess:
    """Runs code with the package of this process, or another copy of it."""
    kept = {**os.environ, "PYTHONPATH": path or str(pathlib.Path(longtail.__file__).parent.parent), **environment}
    kept = {name: value for name, value in kept.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code], env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


FAILS = """
import longtail
try:
    longtail.Model("model.onnx")
except longtail.LibraryNotFoundError as error:
    assert isinstance(error, ImportError) and isinstance(error, longtail.LongTailError)
    print(error.status_name, error)
"""


class LibraryTests(unittest.TestCase):
    def test_says_where_it_looked(self) -> None:
        if any(pathlib.Path("/usr/local/lib").glob("liblongtail.so*")) or ctypes.util.find_library("longtail"):
            self.skipTest("the library is installed")
        answer = python(FAILS, LONGTAIL_LIBRARY=None)
        for words in (
            "LT_NOT_FOUND",
            "beside the package",
            "pkg-config",
            "dynamic linker",
            "/usr/local/lib",
            "hint: set LONGTAIL_LIBRARY",
        ):
            self.assertIn(words, answer.stdout)

    def test_the_named_file_is_the_only_one(self) -> None:
        missing = python(FAILS, LONGTAIL_LIBRARY="/nowhere/liblongtail.so")
        self.assertIn("LONGTAIL_LIBRARY=/nowhere/liblongtail.so: /nowhere/liblongtail.so: cannot open", missing.stdout)
        self.assertNotIn("/usr/local/lib", missing.stdout)
        with tempfile.TemporaryDirectory() as folder:
            empty = python(FAILS, LONGTAIL_LIBRARY=folder)
            self.assertIn(f"LONGTAIL_LIBRARY={folder}: nothing there", empty.stdout)

    def test_another_library(self) -> None:
        other = python(FAILS, LONGTAIL_LIBRARY="libm.so.6")
        self.assertIn("LT_NOT_FOUND", other.stdout)
        if shutil.which("cc") is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "other.c").write_text("int lt_other(void) { return 0; }")
            path = f"{folder}/liblongtail.so"
            subprocess.run(["cc", "-shared", "-fPIC", f"{folder}/other.c", "-o", path], check=True)
            self.assertIn("undefined symbol: lt_abi_version", python(FAILS, LONGTAIL_LIBRARY=path).stdout)

    @unittest.skipIf(LIBRARY is None, "liblongtail.so was not built")
    def test_folder_package_and_linker(self) -> None:
        code = "import longtail; print(longtail.library_path())"
        library = pathlib.Path(LIBRARY).resolve()
        with tempfile.TemporaryDirectory() as folder:
            beside = pathlib.Path(folder, "lib", "liblongtail.so.0")
            beside.parent.mkdir()
            beside.symlink_to(library)
            self.assertEqual(python(code, LONGTAIL_LIBRARY=str(beside.parent)).stdout.strip(), str(beside))
            copy = pathlib.Path(folder, "copy")
            shutil.copytree(pathlib.Path(longtail.__file__).parent, copy / "longtail")
            (copy / "longtail" / "liblongtail.so").symlink_to(library)
            self.assertEqual(
                python(code, str(copy), LONGTAIL_LIBRARY=None).stdout.strip(), str(copy / "longtail/liblongtail.so")
            )
            if shutil.which("pkg-config"):
                (beside.parent / "longtail.pc").write_text(
                    f"libdir={beside.parent}\nName: longtail\nDescription: longtail\nVersion: 0\n"
                )
                found = python(code, LONGTAIL_LIBRARY=None, PKG_CONFIG_PATH=str(beside.parent))
                self.assertEqual(found.stdout.strip(), str(beside))

    def test_importing_loads_nothing(self) -> None:
        answer = python("import longtail; print(longtail.__version__)", LONGTAIL_LIBRARY="/nowhere")
        self.assertEqual((answer.returncode, answer.stdout.strip()), (0, longtail.__version__))


if __name__ == "__main__":
    unittest.main()
