"""A public name as Markdown: signature, docstring, fields, methods; Google sections become lists.

A name without a docstring is an error: what is public is documented.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

_SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes|Notes?|Examples?):\s*$")
_REMARK = re.compile(r"^(Cost|Source|Sources|Needs|Assumes|Shapes): +(?=\S)")
_ITEM = re.compile(r"^(\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*): +(.*)$", re.DOTALL)
_TITLES = {"Args": "Arguments"}
_WIDTH = 96


def documented(value: Any) -> str:
    """The docstring, cleaned.

    Raises:
        ValueError: There is none.
    """
    text = inspect.cleandoc(value.__doc__ or "")
    # a dataclass without docstring gets its signature as one; an exception its parent's
    if not text or text.startswith(f"{getattr(value, '__name__', '')}("):
        raise ValueError(f"{value!r} is public and has no docstring")
    return text


def first_line(value: Any) -> str:
    """The first line of the docstring, as Markdown."""
    return _escaped(documented(value).split("\n")[0])


def entry(name: str, value: Any) -> str:
    """Everything about one public name but its heading."""
    parts = [_signature(f"hl.{name}", value), _markdown(documented(value))]
    if inspect.isclass(value):
        parts += [_fields(value), *_members(value)]
    parts += [_source_of_module(value), f"Defined in `{value.__module__}`."]
    return "\n\n".join(part for part in parts if part)


def _signature(called: str, value: Any) -> str:
    """How it is called, on one line or one argument a line; a class that is not called, by its parents."""
    try:
        signature = None if _is_plain(value) else inspect.signature(value)
    except ValueError:  # an error without arguments of its own
        signature = None
    if signature is None:
        parents = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        return f"```python\nclass {called}{f'({parents})' if parents else ''}\n```"
    parts = [_argument(part) for part in _with_marks(signature)]
    returned = signature.return_annotation
    tail = "" if returned is inspect.Signature.empty or inspect.isclass(value) else f" -> {_named(returned)}"
    line = f"{called}({', '.join(parts)}){tail}"
    if len(line) > _WIDTH:
        line = f"{called}(\n" + "".join(f"    {part},\n" for part in parts) + f"){tail}"
    return f"```python\n{line}\n```"


def _is_plain(value: Any) -> bool:
    """A class that nobody calls: an enumeration, a protocol, or one without arguments."""
    return inspect.isclass(value) and (
        issubclass(value, enum.Enum)
        or getattr(value, "_is_protocol", False)
        or value.__init__ is object.__init__
    )


def _with_marks(signature: inspect.Signature) -> Iterator[inspect.Parameter | str]:
    """The parameters without `self`, and a star before those that must be named."""
    starred = False
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        starred = starred or parameter.kind is parameter.VAR_POSITIONAL
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield parameter


def _argument(part: inspect.Parameter | str) -> str:
    if isinstance(part, str):
        return part
    stars = {part.VAR_POSITIONAL: "*", part.VAR_KEYWORD: "**"}.get(part.kind, "")
    annotated = "" if part.annotation is part.empty else f": {_named(part.annotation)}"
    default = "" if part.default is part.empty else f" = {_value(part.default)}"
    return f"{stars}{part.name}{annotated}{default}" if annotated else f"{stars}{part.name}{default.strip()}"


def _named(annotation: Any) -> str:
    """An annotation as it stands in the source."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:typing|collections\.abc|numpy|hingeline(?:\.\w+)*)\.(?=\w)", "", text)


def _value(default: Any) -> str:
    """A default as it could be typed; an object of ours by its class, a factory by dots."""
    if isinstance(default, enum.Enum):
        return f"{type(default).__name__}.{default.name}"
    if inspect.isfunction(default) or inspect.isclass(default):
        return default.__name__
    if type(default).__module__.startswith("hingeline"):
        return f"{type(default).__name__}()" if default == type(default)() else "..."
    text = repr(default)
    return "..." if text.startswith("<") or len(text) > 60 else text


def _fields(cls: type) -> str:
    """The documented attributes of a class, parents first."""
    rows = {
        name: row for parent in reversed(cls.__mro__) if _ours(parent) for name, row in _own_fields(parent)
    }
    if not rows:
        return ""
    title = "Values" if issubclass(cls, enum.Enum) else "Fields"
    return f"**{title}**\n\n" + "\n".join(rows.values())


def _own_fields(cls: type) -> Iterator[tuple[str, str]]:
    """Name and line of each attribute that has a docstring under it, or is a field of a dataclass."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body  # type: ignore[attr-defined]
    fields = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    for node, following in zip(body, [*body[1:], None], strict=True):
        name = _assigned(node)
        if name is None or name.startswith("_"):
            continue
        told = _said(following)
        if told or name in fields or issubclass(cls, enum.Enum):
            kind = f" (`{ast.unparse(node.annotation)}`)" if isinstance(node, ast.AnnAssign) else ""
            yield name, f"- `{name}`{kind}" + (f": {told}" if told else "")


def _assigned(node: ast.stmt) -> str | None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def _said(node: ast.stmt | None) -> str:
    """The string that stands under an attribute, on one line."""
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ):
        return _escaped(" ".join(inspect.cleandoc(node.value.value).split()))
    return ""


def _members(cls: type) -> Iterator[str]:
    """Public methods and properties that a package of ours defines, in the order of the source."""
    found = [item for item in inspect.classify_class_attrs(cls) if not item.name.startswith("_")]
    found = [item for item in found if _ours(item.defining_class) and item.kind != "data"]
    for item in sorted(found, key=lambda item: _line(item.object)):
        yield _member(item)


def _member(item: inspect.Attribute) -> str:
    function = _function(item.object)
    text = _markdown(documented(function))
    if item.kind == "property" or not inspect.isroutine(function):
        returned = (
            inspect.signature(function).return_annotation if callable(function) else inspect.Signature.empty
        )
        kind = "" if returned is inspect.Signature.empty else f": {_named(returned)}"
        return f"**`.{item.name}{kind}`**\n\n{text}"
    return f"**`.{item.name}()`**\n\n{_signature(item.name, function)}\n\n{text}"


def _function(member: Any) -> Any:
    """The function behind a property, a cached property, a static or a class method."""
    for inner in ("fget", "func", "__func__"):
        if getattr(member, inner, None) is not None:
            return getattr(member, inner)
    return member


def _line(member: Any) -> tuple[str, int]:
    # a decorator such as contextmanager hides the function that stands in the class
    code = getattr(inspect.unwrap(_function(member)), "__code__", None)
    return ("", 0) if code is None else (code.co_filename, code.co_firstlineno)


def _ours(cls: type) -> bool:
    return cls.__module__.startswith("hingeline")


def _source_of_module(value: Any) -> str:
    """The source that the module names, where the docstring itself names none."""
    if re.search(r"^Sources?:", value.__doc__ or "", re.MULTILINE):
        return ""
    module = importlib.import_module(value.__module__)
    text = inspect.cleandoc(module.__doc__ or "")
    found = re.search(r"^Sources?: .*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return _markdown(found[0]) if found else ""


def _markdown(text: str) -> str:
    """A cleaned Google docstring as Markdown."""
    out: list[str] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        section, remark = _SECTION.match(lines[at]), _REMARK.match(lines[at])
        end = _end_of_indented(lines, at + 1)
        if section:
            inside = _section(textwrap.dedent("\n".join(lines[at + 1 : end])))
            out += ["", f"**{_TITLES.get(section[1], section[1])}**", "", inside, ""]
        elif remark:
            told = [lines[at][remark.end() :], *(line.strip() for line in lines[at + 1 : end])]
            out += ["", f"**{remark[1]}.** {_escaped(' '.join(filter(None, told)))}", ""]
        else:
            out.append(lines[at] if lines[at].startswith("    ") else _escaped(lines[at]))
            end = at + 1
        at = end
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()


def _end_of_indented(lines: list[str], start: int) -> int:
    """The first line from `start` on that is neither empty nor indented."""
    return next(
        (i for i in range(start, len(lines)) if lines[i] and not lines[i].startswith(" ")), len(lines)
    )


def _section(text: str) -> str:
    """A list where every item is `name: text`, otherwise prose."""
    items = re.split(r"\n(?=\S)", text.strip())
    matches = [_ITEM.match(item) for item in items]
    if not all(matches):
        return "\n".join(
            line if line.startswith("    ") else _escaped(line) for line in text.strip().split("\n")
        )
    return "\n".join(f"- `{found[1]}`: {_escaped(' '.join(found[2].split()))}" for found in matches if found)


def _escaped(text: str) -> str:
    """Text whose less-than signs and underscores are no HTML and no emphasis; code spans stay."""
    parts = re.split(r"(`+[^`]*`+)", text)
    return "".join(
        part if number % 2 else re.sub(r"(?<!\\)([<\[\]]|(?<!\w)_|_(?!\w)|\*(?=\S))", r"\\\1", part)
        for number, part in enumerate(parts)
    )
