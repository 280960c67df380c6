"""Ask a neural network through whatever door it has; learn how much of it leaks.

Names are loaded when first used (PEP 562), so `import hingeline` costs no solver and no optional package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hingeline.core.version import __version__

if TYPE_CHECKING:
    from hingeline.core.errors import (
        AmbiguousSign,
        BudgetExhausted,
        FormatError,
        HingelineError,
        IllConditioned,
        InvalidInput,
        MissingExtra,
        NotComplete,
        OracleError,
        OutsideDomain,
        QueryFailed,
        RecoveryError,
        Refused,
        TooFewWitnesses,
        UnsupportedOracle,
    )
    from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
    from hingeline.evaluation.demo_data import demo_oracle
    from hingeline.extraction.extract import extract
    from hingeline.extraction.settings import ExtractSettings
    from hingeline.networks.difference import NetworkDifference
    from hingeline.networks.loading import diff
    from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
    from hingeline.oracles.opening import oracle
    from hingeline.oracles.protocol import Oracle, OracleSpec
    from hingeline.oracles.session import QuerySession
    from hingeline.probing.card import DoctorCard
    from hingeline.probing.doctor import doctor
    from hingeline.report.building import save_report
    from hingeline.report.model import Report
    from hingeline.subspace.obfuscate import obfuscate
    from hingeline.subspace.obfuscated import Obfuscation
    from hingeline.subspace.rank_profile import rank_profile
    from hingeline.subspace.recovered import RecoveredSpan
    from hingeline.subspace.settings import SpanSettings
    from hingeline.subspace.span import span
    from hingeline.subspace.white_box import white_box_span

_ERRORS = "hingeline.core.errors"
_OUTCOME = "hingeline.core.outcome"
_PROTOCOL = "hingeline.oracles.protocol"

# Where each public name lives; a test holds this table, `__all__` and the types above together.
_HOMES = {
    "AmbiguousSign": _ERRORS,
    "BudgetExhausted": _ERRORS,
    "DoctorCard": "hingeline.probing.card",
    "ExtractSettings": "hingeline.extraction.settings",
    "Finding": _OUTCOME,
    "FormatError": _ERRORS,
    "HingelineError": _ERRORS,
    "IllConditioned": _ERRORS,
    "InvalidInput": _ERRORS,
    "MissingExtra": _ERRORS,
    "NetworkDifference": "hingeline.networks.difference",
    "NotComplete": _ERRORS,
    "Oracle": _PROTOCOL,
    "OracleError": _ERRORS,
    "Obfuscation": "hingeline.subspace.obfuscated",
    "OracleSpec": _PROTOCOL,
    "Outcome": _OUTCOME,
    "OutsideDomain": _ERRORS,
    "PiecewiseLinearNetwork": "hingeline.networks.piecewise_linear",
    "Provenance": _OUTCOME,
    "QueryFailed": _ERRORS,
    "QuerySession": "hingeline.oracles.session",
    "RecoveredSpan": "hingeline.subspace.recovered",
    "RecoveryError": _ERRORS,
    "Refused": _ERRORS,
    "Report": "hingeline.report.model",
    "SpanSettings": "hingeline.subspace.settings",
    "Spending": _OUTCOME,
    "Status": _OUTCOME,
    "TooFewWitnesses": _ERRORS,
    "UnsupportedOracle": _ERRORS,
    "demo_oracle": "hingeline.evaluation.demo_data",
    "diff": "hingeline.networks.loading",
    "doctor": "hingeline.probing.doctor",
    "extract": "hingeline.extraction.extract",
    "obfuscate": "hingeline.subspace.obfuscate",
    "oracle": "hingeline.oracles.opening",
    "rank_profile": "hingeline.subspace.rank_profile",
    "save_report": "hingeline.report.building",
    "span": "hingeline.subspace.span",
    "white_box_span": "hingeline.subspace.white_box",
}

__all__ = [
    "AmbiguousSign",
    "BudgetExhausted",
    "DoctorCard",
    "ExtractSettings",
    "Finding",
    "FormatError",
    "HingelineError",
    "IllConditioned",
    "InvalidInput",
    "MissingExtra",
    "NetworkDifference",
    "NotComplete",
    "Obfuscation",
    "Oracle",
    "OracleError",
    "OracleSpec",
    "Outcome",
    "OutsideDomain",
    "PiecewiseLinearNetwork",
    "Provenance",
    "QueryFailed",
    "QuerySession",
    "RecoveredSpan",
    "RecoveryError",
    "Refused",
    "Report",
    "SpanSettings",
    "Spending",
    "Status",
    "TooFewWitnesses",
    "UnsupportedOracle",
    "__version__",
    "demo_oracle",
    "diff",
    "doctor",
    "extract",
    "obfuscate",
    "oracle",
    "rank_profile",
    "save_report",
    "span",
    "white_box_span",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home, once."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hingeline' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
