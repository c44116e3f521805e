"""longtail.h against _abi.py: constants, structs, layouts and signatures, so that neither changes alone."""

from __future__ import annotations

import ast
import ctypes
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from support import HEADER, LIBRARY, PACKAGE, LibraryTestCase

import longtail
from longtail import _abi, _library

SCALARS = {
    "size_t": ctypes.c_size_t,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint8_t": ctypes.c_uint8,
    "float": ctypes.c_float,
}
HANDLES = {"lt_model", "lt_session", "lt_results", "lt_cancellation"}
FUNCTIONS = {"lt_log_function"}


class Header:
    """What longtail.h declares, as ctypes would say it."""

    def __init__(self, text: str) -> None:
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
        self.constants = {name: int(value) for name, value in re.findall(r"#define (LT_\w+) (\d+)", text)}
        for body in re.findall(r"enum \{(.*?)\}", text, flags=re.S):
            self.constants.update((name, int(value)) for name, value in re.findall(r"(LT_\w+) = (\d+)", body))
        self.numbers = set(re.findall(r"typedef int32_t (lt_\w+);", text))
        self.structs: dict[str, list[tuple[str, object]]] = {}
        for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S):
            self.structs[name] = [field for line in body.split(";") for field in self._fields(" ".join(line.split()))]
        self.opaque = set(re.findall(r"typedef struct (\w+) \1;", text))
        plain = re.sub(r"typedef struct \w+ \{.*?\} \w+;", " ", text, flags=re.S)
        plain = " ".join(re.sub(r"enum \{[^}]*\};|typedef [^;]*;|#.*", " ", plain).split())
        self.functions: dict[str, tuple[object, list[object]]] = {}
        for result, name, arguments in re.findall(r"([\w ]+[ *])(lt_\w+)\(([^)]*)\);", plain):
            result = result.replace("extern", "").strip()
            taken = [] if arguments.strip() == "void" else [self._declared(one)[1] for one in arguments.split(",")]
            self.functions[name] = (None if result == "void" else self._type(result), taken)

    def _fields(self, declaration: str) -> list[tuple[str, object]]:
        if not declaration:
            return []
        function = re.fullmatch(r"(\w+) (\*?)\(\*(\w+)\)\(([^)]*)\)", declaration)
        if function:
            result, star, name, arguments = function.groups()
            taken = [self._declared(one)[1] for one in arguments.split(",")]
            given = ctypes.c_void_p if star else (None if result == "void" else self._type(result))
            return [(name, ctypes.CFUNCTYPE(given, *taken))]
        first, *more = declaration.split(",")
        name, kind = self._declared(first)
        return [(name, kind)] + [(other.strip(), kind) for other in more]

    def _declared(self, declaration: str) -> tuple[str, object]:
        """A name and its type, of "const char *name" or "int64_t dims[LT_MAX_RANK]"."""
        kind, name, length = re.fullmatch(r"\s*(.*?[ *])(\w+)(?:\[(\w+)\])?\s*", declaration).groups()
        found = self._type(kind)
        return name, found if length is None else found * self.constants[length]

    def _type(self, text: str) -> object:
        text = text.replace("const", " ")
        stars, name = text.count("*"), text.replace("*", " ").strip()
        if name == "char":
            found, stars = ctypes.c_char_p, stars - 1
        elif name == "void":
            found, stars = ctypes.c_void_p, stars - 1
        elif name in HANDLES:
            found, stars = ctypes.c_void_p, stars - 1
        elif name in self.numbers:
            found = ctypes.c_int32
        elif name in SCALARS:
            found = SCALARS[name]
        elif name in self.structs or name in FUNCTIONS:
            found = getattr(_abi, name)
        else:
            raise AssertionError(f"the type '{text}' of longtail.h is not known here")
        for _ in range(stars):
            found = ctypes.POINTER(found)
        return found


def signature(kind: object) -> object:
    """What tells types apart; ctypes makes a class anew for each function type."""
    if isinstance(kind, type) and issubclass(kind, ctypes._CFuncPtr):
        return (kind._restype_, tuple(kind._argtypes_))
    return kind


@unittest.skipUnless(HEADER.exists(), "longtail.h is not beside this package")
class HeaderTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.header = Header(HEADER.read_text())

    def test_constants(self) -> None:
        self.assertGreater(len(self.header.constants), 30)
        own = {name: value for name, value in vars(_abi).items() if name.startswith("LT_")}
        self.assertEqual(own, self.header.constants)
        self.assertEqual(
            {name for name in self.header.numbers},
            {name for name, value in vars(_abi).items() if name.startswith("lt_") and value is ctypes.c_int32},
        )

    def test_statuses_have_errors(self) -> None:
        from longtail import _errors

        first, last = self.header.constants["LT_INVALID_ARGUMENT"], self.header.constants["LT_INTERNAL"]
        names = {value: name for name, value in self.header.constants.items() if name in _errors._KINDS}
        self.assertEqual(sorted(names), list(range(first, last + 1)))
        for status in range(first, last + 1):
            error = _errors.of_status(status, "text")
            self.assertEqual((error.status, error.status_name, str(error)), (status, names[status], "text"))

    def test_structs(self) -> None:
        own = {
            name
            for name, value in vars(_abi).items()
            if isinstance(value, type) and issubclass(value, ctypes.Structure) and name.startswith("lt_")
        }
        self.assertEqual(own, set(self.header.structs))
        self.assertEqual(self.header.opaque, HANDLES)
        for name, fields in self.header.structs.items():
            kind = getattr(_abi, name)
            with self.subTest(struct=name):
                self.assertEqual(
                    [(field[0], signature(field[1])) for field in kind._fields_],
                    [(field, signature(declared)) for field, declared in fields],
                )
                self.assertEqual(issubclass(kind, _abi.Sized), fields[0][0] == "struct_size")
                if issubclass(kind, _abi.Sized):
                    self.assertEqual(kind().struct_size, ctypes.sizeof(kind))
                    self.assertEqual([one.struct_size for one in kind.array(2)], [ctypes.sizeof(kind)] * 2)

    def test_functions(self) -> None:
        self.assertGreater(len(self.header.functions), 25)
        self.assertEqual(set(_abi.PROTOTYPES), set(self.header.functions))
        for name, (result, arguments) in self.header.functions.items():
            with self.subTest(function=name):
                self.assertEqual(_abi.PROTOTYPES[name][0], result)
                self.assertEqual(
                    [signature(one) for one in _abi.PROTOTYPES[name][1]], [signature(one) for one in arguments]
                )

    def test_log_function(self) -> None:
        text = " ".join(HEADER.read_text().split())
        self.assertIn("typedef void (*lt_log_function)(void *context, lt_log_level level, const char *message);", text)
        self.assertEqual(signature(_abi.lt_log_function), (None, (ctypes.c_void_p, ctypes.c_int32, ctypes.c_char_p)))

    def test_layouts_are_those_of_the_compiler(self) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            self.skipTest("a C compiler is not installed")
        lines, expected = [], []
        for name in self.header.structs:
            kind = getattr(_abi, name)
            lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
            expected.append(f"{name} {ctypes.sizeof(kind)}")
            for field, *_ in kind._fields_:
                lines.append(f'printf("{name}.{field} %zu\\n", offsetof({name}, {field}));')
                expected.append(f"{name}.{field} {getattr(kind, field).offset}")
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "layout.c")
            source.write_text(f'#include <stdio.h>\n#include "{HEADER}"\nint main(void) {{ {" ".join(lines)} }}\n')
            subprocess.run([compiler, str(source), "-o", f"{folder}/layout"], check=True)
            printed = subprocess.run([f"{folder}/layout"], check=True, stdout=subprocess.PIPE).stdout.decode()
        self.assertEqual(printed.split("\n")[:-1], expected)


class VersionTests(LibraryTestCase):
    def test_versions(self) -> None:
        self.assertGreaterEqual(longtail.abi_version(), _abi.LT_ABI_VERSION)
        self.assertRegex(longtail.library_version(), r"^\d+\.\d+\.\d+")
        self.assertEqual(longtail.library_path(), str(pathlib.Path(LIBRARY).absolute()))

    def test_status_names(self) -> None:
        for status in range(-1, 20):
            self.assertEqual(
                _library.text(longtail._library.library().lt_status_name(status)),
                longtail.LongTailError("", status).status_name,
            )


class SourceTests(unittest.TestCase):
    """Python 3.9 reads the package."""

    def test_grammar(self) -> None:
        sources = sorted(PACKAGE.glob("src/longtail/*.py"))
        self.assertTrue(sources)
        for path in sources:
            with self.subTest(file=path.name):
                tree = ast.parse(path.read_text(), feature_version=(3, 9))
                # Annotations such as `int | None` are never evaluated.
                first = next((node for node in tree.body if isinstance(node, ast.ImportFrom)), None)
                if any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) for node in ast.walk(tree)):
                    self.assertEqual(first and first.module, "__future__")


if __name__ == "__main__":
    unittest.main()
