"""Raw tensors: element types, layouts of inputs, arrays of the caller's for outputs, and ONNX Runtime's numbers."""

from __future__ import annotations

import unittest

import numpy as np
from support import TYPES, LibraryTestCase, OnnxFile, classifier, module, unary_model

import longtail
from longtail import _types


class Tensors(LibraryTestCase):
    def test_numpys_types(self) -> None:
        generator = np.random.default_rng(1)
        for name, number in TYPES.items():
            with self.subTest(type=name):
                values = generator.integers(0, 2 if name == "bool" else 100, (2, 3)).astype(name)
                model = longtail.Model(unary_model("Identity", number, ["N", 3]), threads=1)
                self.assertEqual(model.inputs[0].dtype, values.dtype)
                made = model.run({"x": values})["y"]
                self.assertEqual(made.dtype, values.dtype)
                np.testing.assert_array_equal(made, values)
                self.assertTrue(made.flags.owndata and made.flags.writeable)
                np.testing.assert_array_equal(
                    model.run({"x": values.astype(values.dtype.newbyteorder(">"))})["y"], values
                )
        self.assertEqual(_types.number_of(np.dtype(np.longlong), ""), TYPES["int64"])

    def test_types_of_ml_dtypes(self) -> None:
        types = module("ml_dtypes")
        for name, number in (
            ("bfloat16", 16),
            ("float8_e4m3fn", 17),
            ("float8_e4m3fnuz", 18),
            ("float8_e5m2", 19),
            ("float8_e5m2fnuz", 20),
            ("float8_e8m0fnu", 24),
        ):
            dtype = getattr(types, name, None)
            if dtype is None:
                continue
            with self.subTest(type=name):
                values = np.array([0.5, 1, 2, 4], np.float32)
                cast = longtail.Model(unary_model("Cast", 1, [4], to=number, opset=25), threads=1)
                made = cast.run({"x": values})["y"]
                self.assertEqual(made.dtype, np.dtype(dtype))
                np.testing.assert_array_equal(made.astype(np.float32), values)
                back = longtail.Model(unary_model("Cast", number, [4], to=1, opset=25), threads=1)
                np.testing.assert_array_equal(back.run({"x": made})["y"], values)

    def test_types_that_numpy_lacks(self) -> None:
        for number, name in ((21, "uint4"), (22, "int4"), (23, "float4e2m1"), (25, "uint2"), (8, "string")):
            with self.subTest(type=name):
                model = longtail.Model(unary_model("Cast", 1, [4], to=number, opset=25), threads=1)
                self.assertEqual(model.outputs[0].type, name)
                with self.assertRaisesRegex(longtail.UnsupportedError, name) as caught:
                    model.run({"x": np.ones(4, np.float32)})
                self.assertIsInstance(caught.exception, NotImplementedError)
        model = longtail.Model(unary_model("Identity", 1, [2]), threads=1)
        for wrong in (
            np.array(["a", "b"]),
            np.array([object(), None]),
            np.array([1, 2], "datetime64[s]"),
            np.zeros(2, [("a", "f4")]),
            np.zeros(2, "V4"),
            np.zeros(2, np.longdouble),
        ):
            with self.assertRaisesRegex(longtail.TypeMismatchError, "input 'x'"):
                model.run({"x": wrong})

    def test_layouts(self) -> None:
        model = OnnxFile()
        model.node("Transpose", [model.input("x", ["A", "B"])], "y", perm=[1, 0])
        model.output("y", ["B", "A"])
        for device in ("cpu", "reference"):
            loaded = longtail.Model(model.data(), threads=1, device=device)
            values = np.arange(48, dtype=np.float32).reshape(6, 8)
            memory = bytearray(48 * 4 + 3)
            unaligned = np.frombuffer(memory, np.float32, 48, offset=3).reshape(6, 8)
            unaligned[:] = values
            for x in (
                values,
                values[::2],
                values[:, ::-1],
                values.T,
                np.asfortranarray(values),
                unaligned,
                values[:0],
                np.broadcast_to(values[:1], (5, 8)),
            ):
                made = loaded.run({"x": x})["y"]
                np.testing.assert_array_equal(made, x.T)
                self.assertFalse(np.shares_memory(made, x))

    def test_outputs_outlive_their_input(self) -> None:
        for device in ("cpu", "reference"):
            model = longtail.Model(unary_model("Identity", 1, ["N"]), threads=1, device=device)
            values = np.arange(4096, dtype=np.float32)
            made = model.run({"x": values})["y"]
            values[:] = -1
            np.testing.assert_array_equal(made, np.arange(4096))

    def test_scalars_and_lists(self) -> None:
        model = OnnxFile()
        model.node("Add", [model.input("x", [], 7), model.input("y", ["N"], 7)], "z")
        model.output("z", ["N"], 7)
        loaded = longtail.Model(model.data(), threads=1)
        for x, y in ((3, [1, 2]), (np.int64(3), (1, 2)), (np.array(3), np.array([1, 2]))):
            made = loaded.run({"x": x, "y": y})["z"]
            self.assertEqual((made.dtype, made.tolist()), (np.int64, [4, 5]))
        scalar = longtail.Model(unary_model("Neg", 7, []), threads=1).run({"x": 5})["y"]
        self.assertEqual((scalar.shape, scalar.item()), ((), -5))

    def test_refusals(self) -> None:
        model = longtail.Model(classifier(), threads=1)
        image = np.zeros((1, 3, 32, 32), np.float32)
        for inputs, kind in (
            ({}, longtail.LongTailError),
            ({"x": image}, longtail.LongTailError),
            ({"image": image, "x": image}, longtail.LongTailError),
            ({"image": image.astype(np.float64)}, TypeError),
            ({"image": image[0]}, ValueError),
            ({"image": image[:, :, :31]}, longtail.ShapeMismatchError),
            ({"im\0age": image}, ValueError),
            ({3: image}, TypeError),
        ):
            with self.assertRaises(kind):
                model.run(inputs)
        self.assertEqual(model.run({"image": image})["logits"].shape, (1, 5))

    def test_arrays_of_the_callers(self) -> None:
        model = longtail.Model(classifier(), threads=1)
        image = np.random.default_rng(2).normal(size=(3, 3, 32, 32)).astype(np.float32)
        expected = model.run({"image": image})["logits"]
        for shape in ((3, 5), (4, 5), (15,), (100,)):
            out = np.full(shape, np.nan, np.float32)
            made = model.run({"image": image}, out={"logits": out})["logits"]
            self.assertTrue(np.shares_memory(made, out))
            np.testing.assert_array_equal(made, expected)
            self.assertTrue(np.isnan(out.reshape(-1)[15:]).all())
        self.assertEqual(model.run({"image": image}, out={}), {})
        out = np.full((2, 5), np.nan, np.float32)
        with self.assertRaisesRegex(longtail.BufferTooSmallError, "60"):
            model.run({"image": image}, out={"logits": out})
        self.assertTrue(np.isnan(out).all())
        frozen = np.zeros((3, 5), np.float32)
        frozen.setflags(write=False)
        for wrong, kind in (
            (np.zeros((3, 5)), TypeError),
            (np.zeros((3, 5), np.int32), TypeError),
            ([0.0] * 15, TypeError),
            (np.zeros((5, 3), np.float32).T, ValueError),
            (frozen, ValueError),
            (np.zeros((3, 5), ">f4"), ValueError),
        ):
            with self.assertRaises(kind):
                model.run({"image": image}, out={"logits": wrong})
        with self.assertRaises(longtail.NotFoundError):
            model.run({"image": image}, out={"scores": np.zeros((3, 5), np.float32)})

    def test_outputs_of_strings_can_be_left_out(self) -> None:
        model = OnnxFile()
        x = model.input("x", [2])
        model.node("Cast", [x], "text", to=8)
        model.output("text", [2], 8)
        model.node("Neg", [x], "y")
        model.output("y", [2])
        loaded = longtail.Model(model.data(), threads=1)
        out = np.zeros(2, np.float32)
        loaded.run({"x": [1, 2]}, out={"y": out})
        self.assertEqual(out.tolist(), [-1, -2])
        with self.assertRaises(longtail.UnsupportedError):
            loaded.run({"x": [1, 2]})

    def test_images_are_what_their_tensors_are(self) -> None:
        """A picture of the input's size needs no resizing: preprocessing by hand gives the same raw outputs."""
        model = longtail.Model(classifier(), threads=1)
        picture = np.random.default_rng(4).integers(0, 256, (32, 32, 3)).astype(np.uint8)
        mean, std = (np.array(model.preprocess[key]) for key in ("mean", "std"))
        tensor = ((picture / 255 - mean) / std).astype(np.float32).transpose(2, 0, 1)[None]
        np.testing.assert_allclose(
            model.predict([picture])[0].raw, model.run({"image": tensor})["logits"][0], rtol=1e-4, atol=1e-5
        )

    def test_onnx_runtime(self) -> None:
        runtime = module("onnxruntime")
        generator = np.random.default_rng(3)
        matrix = OnnxFile()
        product = matrix.node("MatMul", [matrix.input("a", ["M", 7]), matrix.input("b", [7, "N"])])
        matrix.node("Softmax", [product], "p", axis=1)
        matrix.output("p", ["M", "N"])
        for data, feed in (
            (classifier(), {"image": generator.normal(size=(5, 3, 32, 32)).astype(np.float32)}),
            (
                matrix.data(),
                {
                    "a": generator.normal(size=(4, 7)).astype(np.float32),
                    "b": generator.normal(size=(7, 6)).astype(np.float32),
                },
            ),
        ):
            other = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
            expected = dict(zip([one.name for one in other.get_outputs()], other.run(None, feed)))
            made = longtail.Model(data).run(feed)
            self.assertEqual(set(made), set(expected))
            for name, values in expected.items():
                np.testing.assert_allclose(made[name], values, rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    unittest.main()
