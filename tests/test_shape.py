"""No file and no function of the package is so long that nobody reads it to its end."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "ccc"
LONGEST_FILE, LONGEST_FUNCTION = 300, 60  # lines, docstrings and blank ones included

SOURCES = sorted(PACKAGE.rglob("*.py"))


def long_parts(path: Path) -> dict[str, int]:
    """Lines of the file and of each function in it that has more than it may, by name."""
    name, text = path.relative_to(PACKAGE.parent).as_posix(), path.read_text(encoding="utf-8")
    found = {name: lines} if (lines := len(text.splitlines())) > LONGEST_FILE else {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                found[f"{name}:{node.name}"] = lines
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_files_and_functions_are_short(path):
    too_long = long_parts(path)
    assert not too_long, f"split them (files {LONGEST_FILE} lines, functions {LONGEST_FUNCTION}): {too_long}"


def test_the_architecture_page_says_where_every_module_and_package_is():
    rooms = [path.name + "/" for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()]
    modules = [path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")]
    text = (PACKAGE.parent / "docs/architecture.md").read_text(encoding="utf-8").partition("## Where things are")[2]
    assert "cli/" in rooms and "encoder.py" in modules
    assert [name for name in rooms + modules if f"`{name}`" not in text.partition("\n## ")[0]] == []
