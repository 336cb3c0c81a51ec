"""Lines of code of a folder, by its own folders: `python scripts/lines_of_code.py src/decaylab`.

Counted is each physical line of a .py file that holds a token; docstrings, comments and blank lines are none.
"""

from __future__ import annotations

import ast
import collections
import io
import sys
import tokenize
from pathlib import Path

_NOTHING = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(source: str) -> int:
    """Lines of one file that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NOTHING:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node
        ):
            first = node.body[0]
            lines.difference_update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(lines)


def main(folder: str) -> None:
    """Print the sum, and each folder's."""
    counts: collections.Counter[str] = collections.Counter()
    for path in Path(folder).rglob("*.py"):
        parts = path.relative_to(folder).parts
        counts[parts[0] if len(parts) > 1 else "."] += code_lines(path.read_text(encoding="utf-8"))
    print(sum(counts.values()), dict(sorted(counts.items())))


if __name__ == "__main__":
    main(sys.argv[1])
