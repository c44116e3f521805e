"""Threads, stopping, the log, memory, and other libraries in the same process."""

from __future__ import annotations

import gc
import importlib.util
import logging
import os
import subprocess
import sys
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from support import PACKAGE, LibraryTestCase, classifier, pixels, png, slow_model

import longtail


class Background(threading.Thread):
    """Runs a function and keeps what it gives or raises."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self._function = function
        self.result: object = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._function()
        except Exception as error:
            self.result = error


class Threads(LibraryTestCase):
    def test_one_model_in_many_threads(self) -> None:
        model = longtail.Model(classifier(), threads=1)
        images = [pixels(seed) for seed in range(24)]
        expected = [model.predict([image])[0].scores for image in images]
        with ThreadPoolExecutor(4) as pool:
            for _ in range(5):
                made = list(pool.map(lambda image: model.predict([image])[0].scores, images))
                for one, other in zip(made, expected):
                    np.testing.assert_array_equal(one, other)
            self.assertLessEqual(len(model._defaults), 5)
        gc.collect()
        # Sessions go with their threads; the one of this thread stays.
        self.assertEqual(len(model._defaults), 1)

    def test_a_session_is_for_one_thread_at_a_time(self) -> None:
        model = longtail.Model(slow_model(), threads=1)
        session, stop = model.session(), longtail.Cancellation()
        image = pixels(1)

        def work() -> object:
            while True:
                try:
                    return session.predict([image], cancel=stop)
                except longtail.BusyError:
                    pass

        other = Background(work)
        # Other Python threads run while the library works: else the call could not be refused, nor cancelled.
        while True:
            try:
                session.predict([image], timeout=0.01)
            except longtail.TimedOutError:
                continue
            except longtail.BusyError as error:
                self.assertIsInstance(error, RuntimeError)
                break
        stop.cancel()
        other.join()
        self.assertIsInstance(other.result, longtail.CancelledError)
        self.assertEqual(other.result.status_name, "LT_CANCELLED")

    def test_stopping(self) -> None:
        slow, quick = longtail.Model(slow_model(), threads=1), longtail.Model(classifier(), threads=1)
        image = pixels(1)
        with self.assertRaises(TimeoutError) as caught:
            slow.predict([image], timeout=0.05)
        self.assertIsInstance(caught.exception, longtail.TimedOutError)
        with self.assertRaises(longtail.TimedOutError):
            slow.run({"image": np.zeros((1, 3, 512, 512), np.float32)}, timeout=0.05)
        stop = longtail.Cancellation()
        stop.cancel()
        for call in (
            lambda: slow.predict([image], cancel=stop),
            lambda: quick.predict([image], cancel=stop, timeout=9),
            lambda: quick.run({"image": np.zeros((1, 3, 32, 32), np.float32)}, cancel=stop),
        ):
            with self.assertRaises(longtail.CancelledError):
                call()
        stop.reset()
        expected = quick.predict([image])[0].scores
        for timeout in (600, float("inf"), 1e300, None):
            made = quick.predict([image], timeout=timeout, cancel=stop)[0].scores
            np.testing.assert_array_equal(made, expected)
        for wrong in (0, -1, float("nan")):
            with self.assertRaises(ValueError):
                quick.predict([image], timeout=wrong)
        with self.assertRaises(TypeError):
            quick.predict([image], cancel=threading.Event())

    def test_closing_under_way(self) -> None:
        model = longtail.Model(slow_model(), threads=1)
        stop, began = longtail.Cancellation(), threading.Event()

        def work() -> object:
            session = model._default()
            began.set()
            return session.predict([pixels(1)], cancel=stop)

        other = Background(work)
        began.wait()
        model.close()
        stop.cancel()
        other.join()
        self.assertIsInstance(other.result, (longtail.CancelledError, longtail.InvalidHandleError))

    def test_memory(self) -> None:
        """A thousand predictions leave nothing behind; nor do models, sessions, tensors and failures."""
        if not os.path.exists("/proc/self/statm"):
            self.skipTest("there is no /proc/self/statm")
        picture = pixels(1)
        data, file = classifier(), png(picture)
        model = longtail.Model(data, threads=1)

        def resident() -> int:
            gc.collect()
            with open("/proc/self/statm") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        def work(count: int) -> None:
            for _ in range(count):
                model.predict([picture, file, b"junk"], errors="return")
                model.run({"image": np.zeros((1, 3, 32, 32), np.float32)})
            for _ in range(count // 20):
                with longtail.Model(data, threads=1) as other:
                    other.session().predict([picture])
                longtail.Cancellation()

        work(200)
        before = resident()
        work(1000)
        grown = resident() - before
        # Three results of a prediction kept alive would be 4 MB, a model of each 20th round more.
        self.assertLess(grown, 3 << 20, f"{grown} bytes more after 1,000 rounds")


class Log(LibraryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(longtail.set_log, None)

    def test_logging(self) -> None:
        logger = logging.getLogger("longtail.tests")
        longtail.set_log(logger)
        with self.assertLogs(logger, logging.DEBUG) as logs:
            model = longtail.Model(classifier(), threads=1)
            model.predict([b"junk"], errors="return")
        self.assertEqual([record.levelno for record in logs.records], [logging.INFO, logging.WARNING])
        self.assertIn("loaded", logs.output[0])
        self.assertIn("expected a JPEG, PNG or WebP image", logs.output[1])

    def test_levels_and_silence(self) -> None:
        heard: list[tuple[int, str]] = []
        model = longtail.Model(classifier(), threads=1)

        def fail() -> None:
            model.predict([b"junk"], errors="return")

        longtail.set_log(lambda level, text: heard.append((level, text)), logging.WARNING)
        longtail.Model(classifier(), threads=1)
        gc.collect()
        fail()
        self.assertEqual([level for level, _ in heard], [logging.WARNING])
        longtail.set_log(lambda level, text: heard.append((level, text)), logging.CRITICAL)
        fail()
        longtail.set_log(None)
        fail()
        self.assertEqual(len(heard), 1)

    def test_the_end_of_the_process(self) -> None:
        """Callbacks, sessions of other threads and open models do not disturb an interpreter that ends."""
        code = """
import logging, sys, threading
sys.path[:0] = sys.argv[1:]
import longtail, support
logging.basicConfig(stream=sys.stdout, level=logging.INFO)
longtail.set_log()
model = longtail.Model(support.classifier(), threads=2)
session = model.session()
threads = [threading.Thread(target=model.predict, args=([support.pixels(1), b"junk"],), kwargs={"errors": "return"})
           for _ in range(3)]
for thread in threads:
    thread.start()
stop = longtail.Cancellation()
results = session.predict([support.pixels(1)], cancel=stop)
print("done")
"""
        answer = subprocess.run(
            [sys.executable, "-c", code, str(PACKAGE / "tests"), str(PACKAGE / "src")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.assertEqual(answer.returncode, 0, answer.stdout)
        self.assertIn("done", answer.stdout)
        self.assertNotIn("Traceback", answer.stdout)


class Neighbours(LibraryTestCase):
    def test_other_libraries_in_the_process(self) -> None:
        """Libraries that bring threads, kernels and protocol buffers of their own, loaded before or after."""
        present = [name for name in ("onnxruntime", "cv2", "torch", "onnx") if importlib.util.find_spec(name)]
        if not present:
            self.skipTest("onnxruntime, cv2, torch and onnx are not installed")
        picture = pixels(1)
        expected = longtail.Model(classifier(), threads=2).predict([picture])[0].scores.tolist()
        code = """
import importlib, sys
sys.path[:0] = sys.argv[3:]
names = sys.argv[2].split(",")
if sys.argv[1] == "before":
    modules = [importlib.import_module(name) for name in names]
import longtail, support
model = longtail.Model(support.classifier(), threads=2)
if sys.argv[1] == "after":
    modules = [importlib.import_module(name) for name in names]
for name, module in zip(names, modules):
    if name == "torch":
        module.randn(64, 64) @ module.randn(64, 64)
print(model.predict([support.pixels(1)])[0].scores.tolist())
"""
        for order in ("before", "after"):
            with self.subTest(order=order):
                answer = subprocess.run(
                    [
                        sys.executable,
                        "-c",
                        code,
                        order,
                        ",".join(present),
                        str(PACKAGE / "tests"),
                        str(PACKAGE / "src"),
                    ],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                self.assertEqual(answer.returncode, 0, answer.stderr)
                self.assertEqual(answer.stdout.strip(), str(expected))


if __name__ == "__main__":
    unittest.main()
