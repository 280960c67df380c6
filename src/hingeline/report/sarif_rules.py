"""The rules of the SARIF file: what an audit may find, with ids that stay.

Ids are never used again for something else: code scanning follows an alert by its rule. Tags name techniques
of MITRE ATLAS: AML.T0040 is asking a model through its interface, AML.T0024 taking something out that way
(.002: the model itself), AML.T0043 and AML.T0015 making inputs that it gets wrong, and using them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["error", "warning", "note"]
_ASKING = ("security", "AML.T0040")
_TAKING = (*_ASKING, "AML.T0024", "AML.T0024.002")
_MISLEADING = (*_ASKING, "AML.T0043", "AML.T0015")


@dataclass(frozen=True)
class Rule:
    """One kind of finding."""

    identifier: str
    name: str
    level: Level
    short: str
    """One sentence."""
    full: str
    """Why it matters."""
    help: str
    """What can be done."""
    tags: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """A `reportingDescriptor`."""
        return {
            "id": self.identifier,
            "name": self.name,
            "shortDescription": {"text": self.short},
            "fullDescription": {"text": self.full},
            "help": {"text": self.help, "markdown": self.help},
            "defaultConfiguration": {"level": self.level},
            "properties": {"tags": list(self.tags)},
        }


COPIED = Rule(
    "HL001",
    "WeightsCanBeCopied",
    "warning",
    "The weights can be copied through the answers.",
    "Whoever may ask this model can rebuild it and use the copy without asking: to serve it, to look for "
    "inputs that it gets wrong, or to study what it was trained on.",
    "Answer labels only, or round answers coarsely, and measure what that buys with `hingeline defend`. "
    "Limit the number of questions for each user.",
    _TAKING,
)
LAYERS = Rule(
    "HL002",
    "LayersLeak",
    "warning",
    "Weights of hidden neurons leak through the answers.",
    "Part of the network was measured from its answers; more questions, or a better method, may bring the "
    "rest.",
    "Answer labels only, or round answers coarsely, and measure what that buys with `hingeline defend`.",
    _TAKING,
)
HIDDEN = Rule(
    "HL003",
    "InputsCanBeObfuscated",
    "warning",
    "Inputs can be replaced by others that look different and are answered alike.",
    "The model looks at fewer directions than its inputs have, so what people or filters see of an input "
    "need not be what the model sees.",
    "Do not rely on looking at inputs to judge what the model was asked. Reduce inputs to what the model "
    "uses before they are stored or reviewed.",
    _MISLEADING,
)
FLIPS = Rule(
    "HL004",
    "SmallChangesFlip",
    "note",
    "Small changes of an input flip the decision.",
    "Every classifier flips somewhere; the distance says how much room there is for noise and for intent.",
    "Compare the distance with changes that users cannot see or that sensors make. `hingeline fragility` "
    "tells more, `hingeline defend` what defences buy.",
    _MISLEADING,
)
VALUES = Rule(
    "HL005",
    "AnswersAreValues",
    "note",
    "Answers are values or probabilities where labels may be enough.",
    "Values say how an answer changes with its input; labels say only which class it is.",
    "Answer labels only where nobody needs more.",
    (*_ASKING, "AML.T0024"),
)
BROKEN = Rule(
    "HL006",
    "PolicyBroken",
    "error",
    "A policy of this audit is broken.",
    "The audit was run with conditions that must not hold, and one of them does.",
    "Change the door or the model, or the policy if it was wrong.",
    ("security",),
)
NOT_JUDGED = Rule(
    "HL007",
    "PolicyNotJudged",
    "warning",
    "A policy could not be judged.",
    "The audit could not establish the number that the policy is about, so the policy has not been passed.",
    "See what could not be established and why; give a larger budget or inputs if these were missing.",
    ("security",),
)
OPEN = Rule(
    "HL008",
    "NotEstablished",
    "note",
    "Something could not be established.",
    "What an audit does not know it names. Nothing follows from this in either direction.",
    "The message says why; `hingeline resume` goes on where a budget ended.",
    ("security",),
)
RULES = (COPIED, LAYERS, HIDDEN, FLIPS, VALUES, BROKEN, NOT_JUDGED, OPEN)
"""In the order of their ids."""
