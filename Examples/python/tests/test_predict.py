"""Images in, results out: every way to give an image, order, failures, and what results are."""

from __future__ import annotations

import copy
import ctypes
import pathlib
import pickle
import unittest

import numpy as np
from support import IMAGES, LibraryTestCase, classifier, clip_model, detector, pixels, png

import longtail
from longtail import _abi, _images, _library


class Pixels(LibraryTestCase):
    """The arrays that are one picture give the bits of its PNG file."""

    def setUp(self) -> None:
        super().setUp()
        self.model = longtail.Model(classifier(), threads=1)

    def scores(self, image: object, format: str = "rgb") -> np.ndarray:
        (result,) = self.model.predict([image], format=format)
        return result.raw

    def test_files(self) -> None:
        for channels in (0, 3, 4):
            picture = pixels(1, channels=channels)
            data = png(picture)
            expected = self.scores(data)
            path = self.write("é 1.png", data)
            for image in (
                path,
                pathlib.Path(path),
                bytearray(data),
                memoryview(data),
                memoryview(data + b"..")[:-2],
                picture,
            ):
                np.testing.assert_array_equal(self.scores(image), expected)

    def test_orders_of_channels(self) -> None:
        picture = pixels(2)
        expected = self.scores(png(picture))
        opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
        bgra = np.ascontiguousarray(opaque[:, :, [2, 1, 0, 3]])
        for image, format in (
            (picture, "rgb"),
            (np.ascontiguousarray(picture[..., ::-1]), "bgr"),
            (picture[..., ::-1], "bgr"),
            (opaque, "rgb"),
            (bgra, "bgr"),
        ):
            np.testing.assert_array_equal(self.scores(image, format), expected)
        self.assertFalse(np.array_equal(self.scores(picture, "bgr"), expected))
        grey = pixels(2, channels=0)
        for image in (grey, grey[:, :, None], np.dstack([grey] * 3)):
            for format in ("rgb", "bgr"):
                np.testing.assert_array_equal(self.scores(image, format), self.scores(png(grey)))

    def test_views(self) -> None:
        """Each view gives what a packed copy gives; those that the library can express are not copied."""
        large = pixels(3, 64, 96)
        wide = pixels(4, 64, 96, 4)
        grey = pixels(5, 64, 96, 0)
        cases = {
            "crop": (large[10:40, 7:60], True),
            "rows": (large[::2], True),
            "one row": (large[9:10], True),
            "one column": (large[:, 9:10], True),
            "other order": (large[..., ::-1], True),
            "crop of the other order": (large[5:50, 6:70, ::-1], True),
            "grey crop": (grey[3:50, 5:90], True),
            "four channels": (wide[3:50, 5:90], True),
            "columns": (large[:, ::2], False),
            "upside down": (large[::-1], False),
            "mirrored": (large[:, ::-1], False),
            "transposed": (large.transpose(1, 0, 2), False),
            "Fortran": (np.asfortranarray(large), False),
            "channel of colour": (large[:, :, 1], False),
            "three of four channels": (wide[..., :3], False),
            "four reversed": (wide[..., ::-1], False),
            "repeated row": (np.broadcast_to(large[:1], large.shape), False),
            "repeated column": (np.broadcast_to(large[:, :1], large.shape), False),
        }
        for name, (view, is_shared) in cases.items():
            with self.subTest(view=name):
                struct = _abi.lt_image()
                kept = _images._fill_pixels(struct, view, "rgb", name)
                self.assertEqual(np.shares_memory(kept, view), is_shared)
                np.testing.assert_array_equal(self.scores(view), self.scores(np.array(view, order="C")))
                np.testing.assert_array_equal(self.scores(view), self.scores(png(np.ascontiguousarray(view))))

    def test_arrays_of_images(self) -> None:
        batch = np.stack([pixels(seed) for seed in range(3)])
        many = self.model.predict(batch)
        self.assertEqual(len(many), 3)
        for picture, result in zip(batch, many):
            np.testing.assert_array_equal(result.raw, self.scores(picture))
        self.assertEqual(self.model.predict([]), [])
        self.assertEqual(len(self.model.predict(picture for picture in batch)), 3)

    def test_wrong_images(self) -> None:
        picture = pixels(1)
        for wrong in (picture, picture[..., 0], png(picture), "a.png", pathlib.Path("a.png"), memoryview(b"")):
            with self.assertRaisesRegex(TypeError, "expected a list"):
                self.model.predict(wrong)
        for wrong, kind in (
            (picture.astype(np.float32), TypeError),
            (picture.astype(np.int64), TypeError),
            (3, TypeError),
            (None, TypeError),
            ([[1, 2], [3, 4]], TypeError),
            (picture[0, 0], ValueError),
            (np.zeros((4, 4, 2), np.uint8), ValueError),
            (np.zeros((1, 4, 4, 3), np.uint8), ValueError),
        ):
            with self.assertRaisesRegex(kind, "image 1 "):
                self.model.predict([picture, wrong])
        with self.assertRaises(ValueError):
            self.model.predict([picture], format="hsv")
        with self.assertRaises(ValueError):
            self.model.predict([picture], errors="ignore")

    def test_failures(self) -> None:
        picture = pixels(1)
        missing = str(self.folder / "none.jpg")
        batch = [picture, b"junk", missing, self.folder, png(picture)[:60], b"", np.zeros((0, 4, 3), np.uint8), picture]
        results = self.model.predict(batch, errors="return")
        self.assertEqual(len(results), len(batch))
        np.testing.assert_array_equal(results[7].raw, results[0].raw)
        kinds = [
            longtail.MalformedError,
            FileNotFoundError,
            longtail.FileError,
            longtail.LongTailError,
            longtail.LongTailError,
            longtail.InvalidArgumentError,
        ]
        for index, kind in enumerate(kinds, 1):
            self.assertIsInstance(results[index], kind)
            self.assertIsInstance(results[index], longtail.LongTailError)
            self.assertEqual(results[index].index, index)
            self.assertIn(f"image {index}", str(results[index]))
        self.assertIn("none.jpg", str(results[2]))
        self.assertEqual(results[2].filename, missing)
        with self.assertRaises(longtail.MalformedError) as caught:
            self.model.predict([picture, picture, b"junk", b"junk"])
        self.assertEqual(caught.exception.index, 2)
        with self.assertRaises(FileNotFoundError) as caught:
            self.model.predict([b"junk", missing])
        self.assertEqual(caught.exception.index, 1)
        self.assertIsInstance(self.model.predict(["a\0b"], errors="return")[0], OSError)
        again = pickle.loads(pickle.dumps(results))
        self.assertEqual([type(one) for one in again], [type(one) for one in results])
        self.assertEqual((again[2].status_name, str(again[2])), ("LT_IO", str(results[2])))

    @unittest.skipUnless(IMAGES.exists(), "the images of the image tests are not there")
    def test_real_files(self) -> None:
        """Files of every kind that the decoders' tests have: the path and its bytes agree, also in failing."""
        paths = sorted(path for path in IMAGES.iterdir() if path.suffix in (".jpg", ".png", ".webp"))
        self.assertGreater(len(paths), 30)
        of_paths = self.model.predict(paths, errors="return")
        of_bytes = self.model.predict([path.read_bytes() for path in paths], errors="return")
        decided = 0
        for one, other in zip(of_paths, of_bytes):
            self.assertIs(type(one), type(other))
            if isinstance(one, longtail.Classification):
                decided += 1
                np.testing.assert_array_equal(one.scores, other.scores)
        self.assertGreater(decided, 30)


class Results(LibraryTestCase):
    def test_classification(self) -> None:
        with longtail.Model(classifier(), threads=1) as model:
            (result,) = model.predict([pixels(1)])
        self.assertEqual(
            (result.scores.dtype, result.raw.dtype, result.decisions.dtype), (np.float32, np.float32, bool)
        )
        self.assertEqual((result.scores.shape, result.raw.shape, result.decisions.shape), ((5,), (5,), (5,)))
        # Platt: sigmoid(-(a z + b)).
        a, b = np.float32(-1.5), np.array([0.1, 0, -0.2, 0, 0.3])
        np.testing.assert_allclose(result.scores, 1 / (1 + np.exp(a * result.raw + b)), rtol=1e-5)
        thresholds = np.array([0.3, 0.4, 0.5, 0.55, 0.9], np.float32)
        np.testing.assert_array_equal(result.decisions, result.scores >= thresholds)
        top = result.top(3)
        self.assertEqual([one.index for one in top], np.argsort(-result.scores, kind="stable")[:3].tolist())
        for one in top:
            self.assertEqual((one.id, one.name), (10 * one.index, ["cup", "jug", "té", "egg", "owl"][one.index]))
            self.assertEqual((one.score, one.raw), (result.scores[one.index], result.raw[one.index]))
            self.assertEqual(one.positive, result.decisions[one.index])
        self.assertEqual(len(result.top(99)), 5)
        self.assertEqual(result.top(0), [])
        self.assertEqual([one.name for one in result.positives()], [one.name for one in result.top(5) if one.positive])
        # Results belong to the caller: they change, travel and outlive the model.
        result.scores[:] = 0
        self.assertTrue(result.scores.flags.owndata)
        again = pickle.loads(pickle.dumps(result))
        np.testing.assert_array_equal(again.raw, result.raw)
        self.assertEqual(copy.deepcopy(result).top(1)[0].name, "cup")
        self.assertIn("cup 0.000", repr(result))

    def test_ranks_are_the_librarys(self) -> None:
        model = longtail.Model(classifier(), threads=1)
        session = model.session()
        picture = pixels(6)
        struct = _abi.lt_image.array(1)
        kept = _images._fill_pixels(struct[0], picture, "rgb", "image")
        results = ctypes.c_void_p()
        library = _library.library()
        _library.check(library.lt_session_predict(session._handle.value, struct, 1, None, ctypes.byref(results)))
        label = _abi.lt_label()
        (result,) = session.predict([kept])
        for rank, own in enumerate(result.top(5)):
            _library.check(library.lt_results_get_label(results, 0, rank, ctypes.byref(label)))
            self.assertEqual((own.index, own.id, own.name), (label.index, label.id, label.name.decode()))
            self.assertEqual((own.raw, own.score, own.positive), (label.raw, label.score, bool(label.is_positive)))
        library.lt_results_release(results)

    def test_multiclass(self) -> None:
        model = longtail.Model(classifier("multiclass"), threads=1)
        for result in model.predict([pixels(seed) for seed in range(4)]):
            self.assertAlmostEqual(float(result.scores.sum()), 1, places=5)
            self.assertEqual(np.flatnonzero(result.decisions).tolist(), [int(result.scores.argmax())])

    def test_detections(self) -> None:
        model = longtail.Model(detector(), threads=1)
        result, dark = model.predict([pixels(1, 33, 47), np.zeros((20, 30, 3), np.uint8)])
        count = len(result)
        self.assertEqual(count, 2)  # The third score is below the threshold.
        self.assertEqual(len(dark), 3)
        self.assertEqual((result.boxes.dtype, result.boxes.shape), (np.float32, (count, 4)))
        np.testing.assert_allclose(result.boxes, [[0, 0, 23.5, 16.5], [11.75, 8.25, 47, 33]], rtol=1e-6)
        self.assertTrue((np.diff(result.scores) <= 0).all())
        self.assertEqual(result.labels.tolist(), [0, 1])
        self.assertEqual(result.ids.tolist(), [4, 9])
        self.assertEqual(result.names, ["mug", "é"])
        self.assertEqual(result.decisions.tolist(), [True, True])
        for index, (x1, y1, x2, y2) in enumerate(result.boxes):
            mask = result.masks(index)
            self.assertEqual((mask.dtype, mask.shape), (np.bool_, (33, 47)))
            rows, columns = np.nonzero(mask)
            self.assertTrue(mask.any())
            self.assertGreaterEqual(columns.min() + 1, x1)
            self.assertLessEqual(columns.max(), x2)
            self.assertGreaterEqual(rows.min() + 1, y1)
            self.assertLessEqual(rows.max(), y2)
            self.assertEqual(result.rle(index)["size"], [33, 47])
        again = pickle.loads(pickle.dumps(result))
        np.testing.assert_array_equal(again.masks(0), result.masks(0))
        self.assertIn("mug", repr(result))
        (bare,) = longtail.Model(detector(masks=False), threads=1).predict([pixels(1, 33, 47)])
        np.testing.assert_array_equal(bare.boxes, result.boxes)
        self.assertFalse(bare.has_mask(0))
        with self.assertRaises(longtail.NotFoundError):
            bare.masks(0)

    def test_masks_are_the_librarys(self) -> None:
        session = longtail.Model(detector(), threads=1).session()
        picture = pixels(1, 33, 47)
        (result,) = session.predict([picture])
        struct = _abi.lt_image.array(1)
        kept = _images._fill_pixels(struct[0], picture, "rgb", "image")
        results = ctypes.c_void_p()
        library = _library.library()
        _library.check(library.lt_session_predict(session._handle.value, struct, 1, None, ctypes.byref(results)))
        self.assertIs(kept, kept)
        for index in range(len(result)):
            mask = np.full((33, 50), 7, np.uint8)
            pointer = mask.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
            _library.check(library.lt_results_copy_mask(results, 0, index, pointer, mask.nbytes, 50))
            np.testing.assert_array_equal(mask[:, :47], result.masks(index))
        library.lt_results_release(results)

    def test_clips(self) -> None:
        model = longtail.Model(clip_model(), threads=1)
        frames = [pixels(seed, 12, 16) for seed in range(8)]
        one, other = model.predict(frames)
        np.testing.assert_array_equal(other.scores, model.predict([png(frame) for frame in frames[4:]])[0].scores)
        self.assertEqual(one.scores.shape, (12,))
        with self.assertRaises(longtail.InvalidArgumentError):
            model.predict(frames[:5])
        results = model.predict(
            frames[:4] + [frames[4], str(self.folder / "none.png"), b"junk", frames[7]], errors="return"
        )
        np.testing.assert_array_equal(results[0].scores, one.scores)
        self.assertIsInstance(results[1], FileNotFoundError)
        self.assertEqual(results[1].index, 1)
        self.assertIsInstance(
            model.predict(frames[:2] + [b"junk"] + frames[:1], errors="return")[0], longtail.MalformedError
        )


if __name__ == "__main__":
    unittest.main()
