"""In the built site, `hl.name` and `hingeline verb` in code type lead to their reference.

Sources stay plain Markdown: nobody has to type a link, and a code host shows the name as code.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from generate import anchor_of, entry_anchor, page_of

import hingeline
from hingeline.cli.main import COMMANDS

# with `hl.`, or the bare name of a class
_NAME = re.compile(r"(?:hl\.(?=\w)|(?=[A-Z]))([A-Za-z_]\w*)")
_VERB = re.compile(r"hingeline ([a-z]+)\b")


def link_names(app: Any, doctree: nodes.document, here: str) -> None:
    """Wrap each such literal into a link, unless it stands in one, in a heading, or on its own page."""
    for literal in list(doctree.findall(nodes.literal)):
        words = literal.astext()
        if _inside(literal, nodes.entry):
            _let_break(literal)
        target = _target(words)
        if target is None or target[0] == here or _inside(literal, nodes.reference, nodes.title):
            continue
        page, anchor = target
        link = nodes.reference("", "", internal=True)
        link["refuri"] = f"{app.builder.get_relative_uri(here, page)}#{anchor}"
        literal.replace_self(link)
        link += literal


def _let_break(literal: nodes.literal) -> None:
    """Dotted names and paths in tables may break after a dot, a slash or an underscore."""
    parts = re.split(r"(?<=[./_])(?=\w)", literal.astext())
    if len(parts) > 1:
        breaks = [(nodes.Text(part), nodes.raw("", "<wbr>", format="html")) for part in parts]
        literal.children = []
        literal.extend([node for pair in breaks for node in pair][:-1])


def _target(text: str) -> tuple[str, str] | None:
    """Page and anchor that a literal names, if it names one."""
    name = _NAME.match(text)
    if name and name[1] in hingeline.__all__:
        return f"reference/api/{page_of(name[1])}", entry_anchor(name[1])
    verb = _VERB.match(text)
    if verb and verb[1] in COMMANDS:
        return "reference/commands", anchor_of(f"hingeline {verb[1]}")
    return None


def _inside(node: nodes.Node, *kinds: type[nodes.Node]) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, kinds):
            return True
        parent = parent.parent
    return False
