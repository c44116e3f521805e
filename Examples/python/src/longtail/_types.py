"""Element types of tensors: ONNX's numbers, their names, and NumPy's types."""

from __future__ import annotations

import numpy as np

from . import _errors

#: ONNX's TensorProto.DataType → the name that ONNX's type strings use, and NumPy's type of the same bytes: a type of
#: NumPy's own, the name of one of the package ml_dtypes, or None where elements are not whole bytes or no numbers.
_TYPES: dict[int, tuple[str, type | str | None]] = {
    1: ("float", np.float32),
    2: ("uint8", np.uint8),
    3: ("int8", np.int8),
    4: ("uint16", np.uint16),
    5: ("int16", np.int16),
    6: ("int32", np.int32),
    7: ("int64", np.int64),
    8: ("string", None),
    9: ("bool", np.bool_),
    10: ("float16", np.float16),
    11: ("double", np.float64),
    12: ("uint32", np.uint32),
    13: ("uint64", np.uint64),
    14: ("complex64", np.complex64),
    15: ("complex128", np.complex128),
    16: ("bfloat16", "bfloat16"),
    17: ("float8e4m3fn", "float8_e4m3fn"),
    18: ("float8e4m3fnuz", "float8_e4m3fnuz"),
    19: ("float8e5m2", "float8_e5m2"),
    20: ("float8e5m2fnuz", "float8_e5m2fnuz"),
    21: ("uint4", None),
    22: ("int4", None),
    23: ("float4e2m1", None),
    24: ("float8e8m0", "float8_e8m0fnu"),
    25: ("uint2", None),
    26: ("int2", None),
}
_NUMBERS = {np.dtype(kind): number for number, (_, kind) in _TYPES.items() if isinstance(kind, type)}
_EXTENSIONS = {kind: number for number, (_, kind) in _TYPES.items() if isinstance(kind, str)}
_PASSED = "bool, (u)int8 to 64, float16 to 64, complex64 and 128, and ml_dtypes' bfloat16 and float8 types"


def name_of(element_type: int) -> str:
    """`"float"` for 1; the number itself for what this package does not know."""
    return _TYPES[element_type][0] if element_type in _TYPES else str(element_type)


def dtype_of(element_type: int, what: str) -> np.dtype:
    """NumPy's type of ONNX's.

    Args:
        what: whose type it is, for the message.
    Raises:
        UnsupportedError: for strings, elements of 4 and 2 bits, and those of ml_dtypes where that is not installed.
    """
    kind = _TYPES.get(element_type, ("", None))[1]
    if isinstance(kind, str):
        try:
            import ml_dtypes

            kind = getattr(ml_dtypes, kind)
        except (ImportError, AttributeError):
            raise _errors.UnsupportedError(
                f"{what} has elements of type {name_of(element_type)}, for which NumPy has no type"
                "\nhint: install a recent ml_dtypes, which has one"
            ) from None
    if kind is None:
        raise _errors.UnsupportedError(
            f"{what} has elements of type {name_of(element_type)}, expected one that NumPy has: {_PASSED}"
        )
    return np.dtype(kind)


def number_of(dtype: np.dtype, what: str) -> int:
    """ONNX's number of NumPy's type, whatever its byte order.

    Raises:
        TypeMismatchError: for strings, objects, dates, records, and elements that are not whole bytes.
    """
    if dtype.type.__module__ == "ml_dtypes":
        number = _EXTENSIONS.get(dtype.name)
    else:
        number = _NUMBERS.get(dtype.newbyteorder("="))
    if number is None:
        raise _errors.TypeMismatchError(f"{what} is an array of {dtype}, expected one of {_PASSED}")
    return number
