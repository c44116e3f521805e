"""The package as pip installs it, without the network."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import unittest

from support import LIBRARY, PACKAGE, LibraryTestCase, classifier

import longtail


class Package(LibraryTestCase):
    def test_pip_install(self) -> None:
        for name in ("pip", "setuptools"):
            if importlib.util.find_spec(name) is None:
                self.skipTest(f"the Python package {name} is not installed")
        version = int(importlib.metadata.version("setuptools").split(".")[0])
        if version < 61:
            self.skipTest("setuptools is older than 61")
        if version < 71 and importlib.util.find_spec("wheel") is None:
            self.skipTest("the Python package wheel is not installed")
        source, target = self.folder / "source", self.folder / "target"
        shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
        installed = subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--no-index",
                "--no-build-isolation",
                "--disable-pip-version-check",
                "--target",
                str(target),
                str(source),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.assertEqual(installed.returncode, 0, installed.stdout)
        files = sorted(path.name for path in (target / "longtail").iterdir() if path.is_file())
        expected = sorted(path.name for path in (PACKAGE / "src/longtail").iterdir() if path.is_file())
        self.assertEqual(files, expected)
        self.assertIn("py.typed", files)
        code = (
            "import importlib.metadata, longtail, sys; model = longtail.Model(sys.argv[1]);"
            "print(longtail.__file__, importlib.metadata.version('longtail'), len(model.classes))"
        )
        answer = subprocess.run(
            [sys.executable, "-c", code, self.write("model.onnx", classifier())],
            cwd=str(self.folder),
            env={**os.environ, "PYTHONPATH": str(target), "LONGTAIL_LIBRARY": os.path.abspath(LIBRARY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.assertEqual(answer.stdout.split(), [str(target / "longtail/__init__.py"), longtail.__version__, "5"])


if __name__ == "__main__":
    unittest.main()
