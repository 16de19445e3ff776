"""Templates that anybody may write: Jinja without loader, with every value, step and output bounded.

Jinja's own sandbox keeps a template away from Python's insides, not from memory and time: ``{{ 'a' * 10**9 }}`` renders
a gigabyte. Here every value that a template makes is measured when it is made (so that none is ever large), every step
is counted, and the output stops at a limit. Only the constructs, methods and filters named here exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import BuiltinMethodType
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from gensup.errors import GensupError

MAX_SOURCE = 16_384  # characters of a template
MAX_OUTPUT = 4_096  # characters of a caption
MAX_VALUE = 4_096  # characters and items of one value, its parts' parts included
MAX_NUMBER = 10**9
MAX_STEPS = 5_000  # operations, calls and loop rounds of one rendering

Scalar = str | int | float | bool | None
Value = Scalar | tuple[Scalar, ...]

_METHODS = frozenset(
    {
        "capitalize",
        "casefold",
        "count",
        "endswith",
        "find",
        "isalpha",
        "isdigit",
        "islower",
        "isupper",
        "lower",
        "lstrip",
    }
    | {
        "removeprefix",
        "removesuffix",
        "replace",
        "rstrip",
        "split",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
    }
)
_LOOP = frozenset({"first", "last", "index", "index0", "length", "revindex", "revindex0"})
_NODES = frozenset(
    {"Template", "Output", "TemplateData", "Name", "Const", "If", "CondExpr", "For", "Assign", "With", "Tuple", "List"}
    | {"Filter", "Test", "Compare", "Operand", "And", "Or", "Not", "Neg", "Pos", "Add", "Sub", "Mul", "Div", "FloorDiv"}
    | {"Mod", "Pow", "Concat", "Getattr", "Getitem", "Slice", "Call", "Keyword"}
)
_STEPS = "steps left"  # no template can spell a name with a blank in it


def render(source: str, context: Mapping[str, Value], *, where: str) -> str:
    """A template's text with the context filled in. Values are never read as templates again.

    Raises:
        GensupError: the template is too large, uses what is not allowed, names something that is not there, or grows
            beyond a limit.
    """
    template = _compiled(source, where)
    parts: list[str] = []
    length = 0
    try:
        for value in context.values():
            _measured(value)
        for part in template.generate({**context, _STEPS: [MAX_STEPS]}):
            length += len(part)
            if length > MAX_OUTPUT:
                raise SecurityError(f"more than {MAX_OUTPUT} characters of output")
            parts.append(part)
    except GensupError:
        raise
    except Exception as error:  # a template may fail in any way that Python can
        raise _refused(error, where) from None
    return "".join(parts)


@lru_cache(maxsize=64)
def variables(source: str, where: str) -> frozenset[str]:
    """The names a template reads from its context.

    Raises:
        GensupError: as ``render``.
    """
    _compiled(source, where)
    return frozenset(find_undeclared_variables(_ENVIRONMENT.parse(source)))


@lru_cache(maxsize=64)
def _compiled(source: str, where: str) -> Any:
    if len(source) > MAX_SOURCE:
        raise GensupError(
            "the template is too large", where=where, value=len(source), rule=f"at most {MAX_SOURCE} characters"
        )
    try:
        return _ENVIRONMENT.from_string(source)
    except Exception as error:  # the parser and Python's compiler have limits of their own
        raise _refused(error, where) from None


def _refused(error: Exception, where: str) -> GensupError:
    line = f":{error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
    kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
    text = " ".join(str(error).split())[:200]
    return GensupError(
        f"the template cannot be rendered: {kind}{text}", where=f"{where}{line}", remedy="mend the template"
    )


class _Bounded(NodeTransformer):
    """Refuses constructs that are not listed, and measures what Jinja has no hook for: literals, ``~`` and loops."""

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        name = type(node).__name__
        if name not in _NODES or (isinstance(node, nodes.For) and node.recursive):
            raise TemplateSyntaxError(f"{name.lower()} is not allowed in a caption", getattr(node, "lineno", 1))
        return super().visit(node, *args, **kwargs)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's naming
        parts = nodes.Tuple([self.visit(part) for part in node.nodes], "load", lineno=node.lineno)
        return _call("a concatenation", parts)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        return _call("a literal", self.generic_visit(node))

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        inner = self.generic_visit(node)
        return inner if node.ctx != "load" else _call("a literal", inner)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = _call("a loop", node.iter)
        return node


def _call(name: str, node: Any) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Bounded().visit(super()._parse(source, name, filename))
        return tree

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, LoopContext):
            return attr in _LOOP
        return isinstance(obj, str) and attr in _METHODS

    def wrap_str_format(self, value: Any) -> None:
        return None  # str.format is none of the allowed methods

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        _step(context)
        sizes = _measured(left), _measured(right)
        if operator == "%" and isinstance(left, str):
            raise SecurityError("'%' on text is not allowed")
        if operator == "*":
            for size, times in ((sizes[0], right), (sizes[1], left)):
                if size > 1 and isinstance(times, int) and size * times > MAX_VALUE:
                    raise SecurityError(f"'*' makes a value of more than {MAX_VALUE}")
        if operator == "**" and isinstance(right, int) and abs(right) > 64:
            raise SecurityError("'**' with an exponent beyond 64")
        return _kept(super().call_binop(context, operator, left, right))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - Jinja's signature
        _step(__context)
        for name in ("_loop_vars", "_block_vars"):  # Jinja adds its own bookkeeping to every call
            kwargs.pop(name, None)
        for value in (*args, *kwargs.values()):
            _measured(value)
        if __obj is range:
            return _kept(range(*args))
        text = getattr(__obj, "__self__", None)
        if not (isinstance(__obj, BuiltinMethodType) and isinstance(text, str) and __obj.__name__ in _METHODS):
            raise SecurityError("only text methods and range can be called")
        if __obj.__name__ == "replace":
            _check_replace(text, *args)
        return _kept(__obj(*args, **kwargs))


def _step(context: Context) -> None:
    left: list[int] = context[_STEPS]
    left[0] -= 1
    if left[0] < 0:
        raise SecurityError(f"more than {MAX_STEPS} steps")


def _measured(value: Any) -> int:
    """Characters and items of a value, down to its last part.

    Raises:
        SecurityError: there are more than ``MAX_VALUE``, or it is no plain value.
    """
    size, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, bool) or part is None or isinstance(part, float):
            size += 1
        elif isinstance(part, int):
            if abs(part) > MAX_NUMBER:
                raise SecurityError(f"a number beyond {MAX_NUMBER}")
            size += 1
        elif isinstance(part, str | range):
            size += len(part) + 1
        elif isinstance(part, list | tuple):
            size += len(part) + 1
            if size <= MAX_VALUE:
                waiting.extend(part)
        elif isinstance(part, Undefined):
            str(part)  # StrictUndefined names what is missing
        else:
            raise SecurityError(f"a value of type {type(part).__name__}")
        if size > MAX_VALUE:
            raise SecurityError(f"a value of more than {MAX_VALUE} characters or items")
    return size


def _kept(value: Any) -> Any:
    _measured(value)
    return value


def _check_replace(text: str, *args: Any) -> None:
    if len(args) >= 2 and all(isinstance(arg, str) for arg in args[:2]):
        found = text.count(args[0])
        if len(text) + found * len(args[1]) > MAX_VALUE:
            raise SecurityError(f"replace makes a value of more than {MAX_VALUE}")


def _replace(text: str, old: str, new: str) -> str:
    _check_replace(str(text), old, new)
    return str(text).replace(old, new)


def _join(items: Iterable[Any], separator: str = "") -> str:
    parts = [str(item) for item in items]
    if sum(map(len, parts)) + len(parts) * len(separator) > MAX_VALUE:
        raise SecurityError(f"join makes a value of more than {MAX_VALUE}")
    return str(separator).join(parts)


def listed(items: Iterable[Any]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = [str(item) for item in items] or [""]
    return f"{', '.join(most)} and {last}" if most else last


_FILTERS: dict[str, Callable[..., Any]] = {
    "capitalize": lambda text: str(text).capitalize(),
    "first": lambda items: next(iter(items)),
    "join": _join,
    "last": lambda items: items[-1],
    "length": len,
    "listed": listed,
    "lower": lambda text: str(text).lower(),
    "replace": _replace,
    "title": lambda text: str(text).title(),
    "trim": lambda text: str(text).strip(),
    "upper": lambda text: str(text).upper(),
    "a concatenation": lambda parts: _join([_kept(part) for part in parts]),
    "a literal": lambda items: items,
}


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    @pass_context
    def run(context: Context, *args: Any, **kwargs: Any) -> Any:
        _step(context)
        for value in (*args, *kwargs.values()):
            _measured(value)
        return _kept(function(*args, **kwargs))

    return run


@pass_context
def _loop(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    _measured(items)
    return _rounds(context, items)


def _rounds(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        _step(context)
        yield item


@pass_context
def _output(context: Context, value: Any) -> Any:
    _step(context)
    return _kept(value)


def _environment() -> _Environment:
    # Without the optimiser nothing is computed while compiling, where no limit holds.
    made = _Environment(undefined=StrictUndefined, loader=None, autoescape=False, optimized=False, finalize=_output)
    made.globals.clear()
    made.globals["range"] = range
    made.filters.clear()
    made.filters.update({name: _bounded(function) for name, function in _FILTERS.items()})
    made.filters["a loop"] = _loop
    return made


_ENVIRONMENT = _environment()
