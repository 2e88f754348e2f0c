"""Small is measurable. A budget that needs raising is a conversation, not an edit of this file."""

from statistics import mean

from tests.architecture.tree import ROOT, body_lines, functions, written_modules

LONGEST_FILE = 350
LONGEST_BODY = 40
MEAN_BODY = 8


def test_no_file_is_too_long() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in written_modules()}
    assert {name: size for name, size in sizes.items() if size > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    sizes = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": body_lines(function)
        for path in written_modules()
        for function in functions(path)
    }
    assert {name: size for name, size in sizes.items() if size > LONGEST_BODY} == {}


def test_functions_are_short_on_average() -> None:
    ours = [path for path in written_modules() if not path.is_relative_to(ROOT / "tests")]
    assert mean(body_lines(function) for path in ours for function in functions(path)) <= MEAN_BODY
