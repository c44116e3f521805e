"""The same model on the same images through lt-infer and through this package: the same numbers to the last bit."""

from __future__ import annotations

import json
import os
import subprocess
import unittest

import numpy as np
from support import IMAGES, LibraryTestCase, classifier, clip_model, detector, pixels, png, tool

import longtail


class Infer(LibraryTestCase):
    def lines(self, model: str, images: str) -> list[dict]:
        """What `lt-infer run --jsonl` says of each image."""
        run = subprocess.run(
            [
                tool("lt-infer"),
                "run",
                model,
                images,
                "--out",
                str(self.folder / f"{os.path.basename(model)}.db"),
                "--jsonl",
                "-",
                "--threads",
                "1",
                "--quiet",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.assertIn(run.returncode, (0, 2), run.stderr)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def images(self) -> str:
        """Real photographs where the repository is around, else pictures drawn here; and a file that is none."""
        folder = self.folder / "images"
        self.write("images/bad.png", b"junk")
        for seed in range(5):
            self.write(f"images/{seed}.png", png(pixels(seed, 40 + seed, 64)))
        if IMAGES.exists():
            for path in IMAGES.iterdir():
                if path.suffix in (".jpg", ".png", ".webp"):
                    (folder / path.name).symlink_to(path)
        return str(folder)

    def compare(self, model: str, lines: list[dict]) -> list[object]:
        with longtail.Model(model, threads=1) as loaded:
            results = loaded.predict([line["image"] for line in lines], errors="return")
        for line, result in zip(lines, results):
            with self.subTest(image=line["image"]):
                if "error" in line:
                    self.assertIsInstance(result, longtail.LongTailError)
                elif isinstance(result, longtail.Classification):
                    np.testing.assert_array_equal(result.scores, np.array(line["scores"], np.float32))
                    # lt-infer calls a class without a name by its number.
                    self.assertEqual(
                        [(one.id, one.name or str(one.id)) for one in result.positives()],
                        [(one["id"], one["name"]) for one in line["decisions"]],
                    )
                else:
                    decided = np.flatnonzero(result.decisions)
                    self.assertEqual(len(decided), len(line["decisions"]))
                    for index, one in zip(decided, line["decisions"]):
                        self.assertEqual(
                            (result.ids[index], result.names[index] or str(one["id"])), (one["id"], one["name"])
                        )
                        np.testing.assert_array_equal(result.boxes[index], np.array(one["box"], np.float32))
                        self.assertEqual(result.scores[index], np.float32(one["score"]))
                        if "segmentation" in one:
                            self.assertEqual(result.rle(index), one["segmentation"])
        return results

    def test_classifiers(self) -> None:
        images = self.images()
        for task in ("multilabel", "multiclass"):
            model = self.write(f"{task}.onnx", classifier(task))
            lines = self.lines(model, images)
            self.assertGreater(len(lines), 5)
            results = self.compare(model, lines)
            self.assertTrue(any(isinstance(one, longtail.LongTailError) for one in results))

    def test_detectors(self) -> None:
        images = self.images()
        model = self.write("detector.onnx", detector())
        lines = self.lines(model, images)
        self.assertTrue(any(one.get("segmentation") for line in lines for one in line.get("decisions", [])))
        self.compare(model, lines)

    def test_clips(self) -> None:
        for video in range(2):
            for frame in range(9):
                self.write(f"videos/{video}/{frame}.png", png(pixels(10 * video + frame, 12, 16)))
        model = self.write("clips.onnx", clip_model())
        lines = self.lines(model, str(self.folder / "videos"))
        self.assertEqual(len(lines), 2)
        loaded = longtail.Model(model, threads=1)
        for video, line in enumerate(lines):
            frames = [self.folder / f"videos/{video}/{frame}.png" for frame in loaded.clip_indices(9)]
            (result,) = loaded.predict(frames)
            np.testing.assert_array_equal(result.scores, np.array(line["scores"], np.float32))

    def test_a_model_of_yours(self) -> None:
        """LONGTAIL_TEST_MODEL on the images of LONGTAIL_TEST_IMAGES (a folder)."""
        model, images = os.environ.get("LONGTAIL_TEST_MODEL"), os.environ.get("LONGTAIL_TEST_IMAGES")
        if not model or not images:
            self.skipTest("LONGTAIL_TEST_MODEL and LONGTAIL_TEST_IMAGES name no model and images")
        lines = self.lines(model, images)
        self.assertTrue(lines)
        self.compare(model, lines)


if __name__ == "__main__":
    unittest.main()
