"""A target.toml to begin with: every key with what it means, the optional ones commented out."""

from __future__ import annotations

import json

_WORDS: tuple[tuple[str, str, bool], ...] = (
    # line, what it means, needed
    (
        """request = '{"inputs": {{rows}}}'""",
        "{{rows}}: all rows of a batch; {{row}}: one row.",
        True,
    ),
    ('response = "predictions"', "Where the numbers are in the answer: a.0.b steps in, * takes each.", True),
    ('method = "POST"', "", False),
    ('headers = { Accept = "application/json" }', "Sent along; nothing secret.", False),
    ('token_env = "API_TOKEN"', "The NAME of the variable that holds the token, never the token.", False),
    (
        'headers_env = { X-Api-Key = "API_KEY" }',
        "Headers whose values are in such variables.",
        False,
    ),
    ("input_shape = [28, 28, 1]", "Shape of one row as it is written, instead of input_dim.", False),
    ("output_dim = 10", "Numbers in one answer.", False),
    ("max_batch = 64", "Most rows in one request.", False),
    ("rate = 20", "Most rows per second.", False),
    ("timeout = 30", "Seconds to wait for one answer.", False),
    ("bounds = [0.0, 1.0]", "Smallest and largest value of an input.", False),
    ('answers = "probabilities"', "logits, probabilities or labels, if you know.", False),
    ('dtype = "float32"', "Precision that the endpoint reads.", False),
    ('name = "fraud"', "In reports.", False),
    ("idempotent = true", "It recognises repeated request ids.", False),
)


def draft_target(url: str, input_dim: int | None) -> str:
    """The content of a target.toml for `url`, to be completed by hand.

    Args:
        url: Where requests go.
        input_dim: Numbers in one row, if known; a placeholder of 64 stands there otherwise.
    """
    said = "" if input_dim is not None else "   # change this: numbers in one row"
    lines = [
        "# How hingeline asks this endpoint. Complete it, then try:  hingeline doctor THIS_FILE",
        "",
        f"url = {json.dumps(url)}",
        f"input_dim = {input_dim or 64}{said}",
        "",
    ]
    for line, meaning, needed in _WORDS:
        lines += [f"# {meaning}"] if meaning else []
        lines += [line if needed else f"# {line}", ""]
    return "\n".join(lines)
