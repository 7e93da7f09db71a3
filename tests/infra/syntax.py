"""Parses Bicep with two parsers that know nothing of each other, each file within a time limit.

Neither is Microsoft's compiler, which cannot be had from a package index. `pycep-parser` (a Lark grammar) has been seen
never to finish on an official file, so the parsing happens in a child process that a timer interrupts.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

import tree_sitter
import tree_sitter_bicep

_SECONDS = 10
_WHOLE = 120.0
_ROOT = Path(__file__).parents[2]
_BICEP = tree_sitter.Language(tree_sitter_bicep.language())


class SyntaxFinding(Exception):
    """A file that a parser does not accept."""


def parse(text: str) -> tree_sitter.Node:
    """Return the syntax tree of one file.

    Raises:
        SyntaxFinding: the file is no Bicep; the line is in the message.
    """
    root = tree_sitter.Parser(_BICEP).parse(_known_grammar(text).encode()).root_node
    wrong = _first_error(root)
    if wrong is not None:
        message = f"line {wrong.start_point[0] + 1}: {wrong.type}"
        raise SyntaxFinding(message)
    return root


def syntax_findings(folder: Path) -> list[str]:
    """Return what either parser finds wrong in the `.bicep` files below a folder."""
    files = sorted(str(path) for path in folder.rglob("*.bicep"))
    ran = subprocess.run(
        [sys.executable, "-m", "tests.infra.syntax", *files],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_WHOLE,
        check=True,
    )
    findings: list[str] = json.loads(ran.stdout)
    return [finding.replace(f"{folder}/", "") for finding in findings]


def _known_grammar(text: str) -> str:
    """Blank the one statement that the tree-sitter grammar does not know."""
    return "".join("\n" if line.startswith("extension ") else line for line in text.splitlines(keepends=True))


def _first_error(node: tree_sitter.Node) -> tree_sitter.Node | None:
    if node.is_error or node.is_missing:
        return node
    for child in node.children:
        if child.has_error and (found := _first_error(child)) is not None:
            return found
    return None


class _TooLong(BaseException):
    """Raised by the timer; no parser's `except Exception` may swallow it."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise _TooLong


def _findings_of(files: list[str]) -> list[str]:
    import pycep  # noqa: PLC0415 -- its grammar takes 0.4 s to build, and only the child needs it

    parser = pycep.BicepParser()
    findings = []
    signal.signal(signal.SIGALRM, _interrupt)
    for name in files:
        text = Path(name).read_text("utf-8")
        signal.alarm(_SECONDS)
        try:
            parser.parse(text=text)
            parse(text)
        except _TooLong:
            findings.append(f"{name}: not parsed within {_SECONDS} s")
        except Exception as error:  # noqa: BLE001 -- whatever a parser raises is a finding
            findings.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}")
        finally:
            signal.alarm(0)
    return findings


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_findings_of(sys.argv[1:])))
