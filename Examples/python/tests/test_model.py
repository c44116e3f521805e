"""Models: loading, what they say, and what loading refuses."""

from __future__ import annotations

import hashlib
import json
import pathlib
import unittest

import numpy as np
from support import PREPROCESS, LibraryTestCase, classifier, clip_model, detector, unary_model

import longtail


class ModelTests(LibraryTestCase):
    def test_path_and_bytes_are_one_model(self) -> None:
        data = classifier()
        path = self.write("é.onnx", data)
        image = np.full((8, 8, 3), 90, np.uint8)
        scores = []
        for source in (path, pathlib.Path(path), data, bytearray(data), memoryview(data), memoryview(data)[::1]):
            with longtail.Model(source, threads=1) as model:
                self.assertEqual(model.digest, hashlib.sha256(data).hexdigest())
                scores.append(model.predict([image])[0].scores)
        for other in scores[1:]:
            np.testing.assert_array_equal(other, scores[0])

    def test_properties(self) -> None:
        model = longtail.Model(classifier(), threads=1)
        self.assertEqual((model.task, model.device, model.threads), ("multilabel", "cpu", 1))
        self.assertTrue(model.takes_images)
        self.assertIsNone(model.images_reason)
        self.assertEqual(model.preprocess, PREPROCESS)
        self.assertEqual(model.group_rule, "db")
        self.assertGreaterEqual(model.largest_batch, 1)
        self.assertEqual(model.clip_frames, 0)
        self.assertEqual(
            [(one.id, one.name, one.train_count, one.group) for one in model.classes],
            [
                (0, "cup", 500, "head"),
                (10, "jug", 120, "head"),
                (20, "té", 60, "middle"),
                (30, "egg", 10, "tail"),
                (40, "owl", 3, "tail"),
            ],
        )
        self.assertEqual(
            [(round(one.threshold, 6), one.has_threshold) for one in model.classes],
            [(0.3, True), (0.4, True), (0.5, False), (0.55, True), (0.9, True)],
        )
        (image,), (logits,) = model.inputs, model.outputs
        self.assertEqual((image.name, image.type, image.shape), ("image", "float", (None, 3, 32, 32)))
        self.assertEqual((logits.name, logits.dtype, logits.shape), ("logits", np.float32, (None, 5)))
        self.assertEqual(json.loads(model.metadata("lt.task")), "multilabel")
        self.assertIsNone(model.metadata("nothing"))
        self.assertIn("multilabel, 5 classes", repr(model))

    def test_models_that_say_little(self) -> None:
        model = longtail.Model(unary_model("Neg", 1, ["N", 2]), threads=1)
        self.assertIsNone(model.task)
        self.assertFalse(model.takes_images)
        self.assertIn("rank", model.images_reason)
        self.assertEqual((model.classes, model.preprocess, model.group_rule), ([], None, None))
        with self.assertRaises(longtail.LongTailError):
            model.predict([np.zeros((4, 4, 3), np.uint8)])

    def test_metadata_over_the_files_own(self) -> None:
        labels = [{"id": number, "name": f"class {number}"} for number in range(5)]
        model = longtail.Model(
            classifier(), threads=1, metadata={"lt.labels": labels, "lt.task": '"multiclass"', "note": "é"}
        )
        self.assertEqual(model.task, "multiclass")
        self.assertEqual(model.classes[4].name, "class 4")
        self.assertEqual(model.metadata("note"), "é")

    def test_detectors_and_clips(self) -> None:
        self.assertEqual(longtail.Model(detector(), threads=1).task, "segmentation")
        model = longtail.Model(clip_model(), threads=1)
        self.assertEqual((model.task, model.clip_frames), ("clip", 4))
        self.assertEqual(model.clip_indices(20).tolist(), [6, 8, 10, 12])
        with self.assertRaises(longtail.UnsupportedError):
            longtail.Model(classifier(), threads=1).clip_indices(20)

    def test_close(self) -> None:
        image = np.zeros((4, 4, 3), np.uint8)
        model = longtail.Model(classifier(), threads=1)
        session = model.session()
        model.predict([image])
        model.close()
        model.close()
        self.assertEqual(model.classes[0].name, "cup")
        self.assertIn("closed", repr(model))
        for call in (lambda: model.predict([image]), model.session, lambda: model.metadata("lt.task")):
            with self.assertRaises(longtail.InvalidHandleError) as caught:
                call()
            self.assertIsInstance(caught.exception, ValueError)
        self.assertEqual(len(session.predict([image])), 1)
        session.close()
        with self.assertRaises(longtail.InvalidHandleError):
            session.predict([image])

    def test_refusals(self) -> None:
        with self.assertRaises(FileNotFoundError) as caught:
            longtail.Model(self.folder / "none.onnx")
        self.assertIsInstance(caught.exception, longtail.LongTailError)
        self.assertEqual(caught.exception.status_name, "LT_IO")
        self.assertEqual(caught.exception.filename, str(self.folder / "none.onnx"))
        self.assertIn("none.onnx", str(caught.exception))
        for source in (self.write("text.onnx", b"this is no model"), b"this is no model", b"", classifier()[:900]):
            with self.assertRaises(longtail.MalformedError) as caught:
                longtail.Model(source)
            self.assertIsInstance(caught.exception, ValueError)
        with self.assertRaises(longtail.LongTailError):
            longtail.Model(self.folder)
        for wrong in (3, None, ["model.onnx"]):
            with self.assertRaises(TypeError):
                longtail.Model(wrong)
        data = classifier()
        for arguments, kind in (
            ({"threads": -1}, ValueError),
            ({"threads": 2**32}, ValueError),
            ({"threads": 5000}, ValueError),
            ({"threads": 1.5}, TypeError),
            ({"max_batch": -1}, ValueError),
            ({"max_batch": 2**64}, ValueError),
            ({"precision": "f16"}, ValueError),
            ({"precision": "int8", "device": "reference"}, longtail.UnsupportedError),
            ({"device": "abacus"}, longtail.LongTailError),
            ({"device": "c\0pu"}, ValueError),
            ({"device": None}, TypeError),
            ({"metadata": {"lt.labels": "["}}, longtail.LongTailError),
            ({"metadata": {3: "x"}}, TypeError),
        ):
            with self.subTest(arguments=arguments), self.assertRaises(kind):
                longtail.Model(data, **arguments)
        with self.assertRaises(ValueError):
            longtail.Model("model\0.onnx")

    def test_max_batch(self) -> None:
        model = longtail.Model(classifier(), threads=1, max_batch=2)
        self.assertEqual(model.run({"image": np.zeros((2, 3, 32, 32), np.float32)})["logits"].shape, (2, 5))
        with self.assertRaises(longtail.LongTailError):
            model.run({"image": np.zeros((3, 3, 32, 32), np.float32)})

    def test_exact(self) -> None:
        image = np.random.default_rng(1).random((2, 3, 32, 32), np.float32)
        outputs = [
            longtail.Model(classifier(), threads=1, exact=exact).run({"image": image})["logits"] for exact in (True, False)
        ]
        np.testing.assert_allclose(outputs[0], outputs[1], rtol=0, atol=1e-4 * np.abs(outputs[0]).max())

    def test_cache(self) -> None:
        data = classifier()
        path = pathlib.Path(self.write("model.onnx", data))
        folder = path.parent / "kept"
        image = np.random.default_rng(1).random((2, 3, 32, 32), np.float32)
        outputs = [
            longtail.Model(source, threads=1, cache=cache).run({"image": image})["logits"]
            for source, cache in ((data, None), (path, folder), (data, str(folder)), (path, folder))
        ]
        for output in outputs[1:]:
            np.testing.assert_array_equal(output, outputs[0])
        self.assertTrue(folder.is_dir())
        with self.assertRaises(longtail.LongTailError):
            longtail.Model(data, cache=path)


if __name__ == "__main__":
    unittest.main()
