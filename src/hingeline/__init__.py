"""Ask a neural network through whatever door it has; learn how much of it leaks.

Names are loaded when first used (PEP 562), so `import hingeline` costs no solver and no optional package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hingeline.core.version import __version__

if TYPE_CHECKING:
    from hingeline.absolute_value.recover import recover_absolute_value
    from hingeline.auditing.audit import audit
    from hingeline.auditing.policy import Policy
    from hingeline.auditing.record import Audit
    from hingeline.auditing.settings import AuditSettings
    from hingeline.core.errors import (
        AmbiguousSign,
        BudgetExhausted,
        FormatError,
        HingelineError,
        IllConditioned,
        InvalidInput,
        MissingExtra,
        NotComplete,
        NotRecorded,
        OracleError,
        OutsideDomain,
        QueryFailed,
        RecoveryError,
        Refused,
        TooFewWitnesses,
        UnsupportedOracle,
    )
    from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
    from hingeline.defences.detector.detector import HiddenLayerDetector
    from hingeline.defences.detector.fitting import fit_detector
    from hingeline.defences.detector.judging import judge_detector
    from hingeline.defences.detector.storage import load_detector
    from hingeline.defences.doors.defence import Defence
    from hingeline.defences.doors.defended import defended
    from hingeline.defences.family.family import ModelFamily
    from hingeline.defences.family.muldef import train_family
    from hingeline.defences.family.storage import load_family, save_family
    from hingeline.defences.family.study import judge_muldef
    from hingeline.defences.filtration.filtered_pool import FilteredPool
    from hingeline.defences.filtration.filtering import filter_hard
    from hingeline.defences.filtration.rebuilding import rebuild
    from hingeline.defences.filtration.transfer import transfer
    from hingeline.defences.monitoring.fitting import fit_monitor
    from hingeline.defences.monitoring.judging import judge_monitor
    from hingeline.defences.monitoring.query_monitor import QueryMonitor
    from hingeline.defences.training.adversarial import train_robust
    from hingeline.defences.training.classifier import TrainingSettings, train_classifier
    from hingeline.evaluation.defending.defend import defend
    from hingeline.evaluation.defending.grid import DefenceGrid
    from hingeline.evaluation.defending.settings import DefendSettings
    from hingeline.evaluation.demo_data import demo_oracle
    from hingeline.extraction.extract import extract
    from hingeline.extraction.settings import ExtractSettings
    from hingeline.networks.absolute_value import AbsoluteValueNetwork
    from hingeline.networks.certificate import certify_gap
    from hingeline.networks.convolution import ConvolutionLayer
    from hingeline.networks.difference import NetworkDifference
    from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
    from hingeline.networks.gap_certificate import GapCertificate
    from hingeline.networks.gap_from_errors import gap_from_errors
    from hingeline.networks.loading import diff
    from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
    from hingeline.oracles.opening import oracle
    from hingeline.oracles.outward.auto_attack_model import for_autoattack
    from hingeline.oracles.outward.counted import CountedOracle, counted
    from hingeline.oracles.outward.foolbox_model import for_foolbox
    from hingeline.oracles.outward.kept import KeptFlips, kept_flips
    from hingeline.oracles.outward.seeding import seeded
    from hingeline.oracles.protocol import Oracle, OracleSpec
    from hingeline.oracles.session import QuerySession
    from hingeline.probing.card import DoctorCard
    from hingeline.probing.doctor import doctor
    from hingeline.renormalisation.diagnosis import StabilityDiagnosis
    from hingeline.renormalisation.flow.estimate import estimate_stability
    from hingeline.renormalisation.flow.estimate_undirected import estimate_undirected_stability
    from hingeline.renormalisation.flow.identification import Identification
    from hingeline.renormalisation.flow.relevance import relevance
    from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
    from hingeline.renormalisation.information.chain import chain_information
    from hingeline.renormalisation.information.direct import direct_information
    from hingeline.renormalisation.known_answers.mcrg import ising_exponents
    from hingeline.renormalisation.operators.operator_set import (
        CollectiveOperators,
        product_operators,
        single_units,
    )
    from hingeline.renormalisation.settings import StabilitySettings
    from hingeline.renormalisation.stability import stability
    from hingeline.renormalisation.stacks.exact import ExactStack
    from hingeline.renormalisation.stacks.importing import stack_from_machines
    from hingeline.renormalisation.stacks.stack import StochasticStack
    from hingeline.renormalisation.stacks.storage import load_stack, save_stack
    from hingeline.renormalisation.stacks.training import TrainedStack, train_stack
    from hingeline.renormalisation.stacks.undirected import UndirectedStack
    from hingeline.report.building import save_report
    from hingeline.report.citations import cite
    from hingeline.report.model import Report
    from hingeline.sensitivity.exact.minimal import MinimalFlips, minimal_flips
    from hingeline.sensitivity.exact.search import ExactSettings
    from hingeline.sensitivity.fragility import fragility
    from hingeline.sensitivity.profile import FragilityProfile
    from hingeline.sensitivity.settings import FragilitySettings
    from hingeline.sensitivity.threat import Threat
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
    "AbsoluteValueNetwork": "hingeline.networks.absolute_value",
    "AmbiguousSign": _ERRORS,
    "Audit": "hingeline.auditing.record",
    "AuditSettings": "hingeline.auditing.settings",
    "Policy": "hingeline.auditing.policy",
    "audit": "hingeline.auditing.audit",
    "BudgetExhausted": _ERRORS,
    "CollectiveOperators": "hingeline.renormalisation.operators.operator_set",
    "CountedOracle": "hingeline.oracles.outward.counted",
    "Defence": "hingeline.defences.doors.defence",
    "DefenceGrid": "hingeline.evaluation.defending.grid",
    "DefendSettings": "hingeline.evaluation.defending.settings",
    "DoctorCard": "hingeline.probing.card",
    "ExactSettings": "hingeline.sensitivity.exact.search",
    "ExactStack": "hingeline.renormalisation.stacks.exact",
    "ExtractSettings": "hingeline.extraction.settings",
    "FeedForwardNetwork": "hingeline.networks.feed_forward",
    "FilteredPool": "hingeline.defences.filtration.filtered_pool",
    "Finding": _OUTCOME,
    "FormatError": _ERRORS,
    "FragilityProfile": "hingeline.sensitivity.profile",
    "FragilitySettings": "hingeline.sensitivity.settings",
    "HiddenLayerDetector": "hingeline.defences.detector.detector",
    "HingelineError": _ERRORS,
    "Identification": "hingeline.renormalisation.flow.identification",
    "IllConditioned": _ERRORS,
    "InvalidInput": _ERRORS,
    "KeptFlips": "hingeline.oracles.outward.kept",
    "MinimalFlips": "hingeline.sensitivity.exact.minimal",
    "MissingExtra": _ERRORS,
    "ModelFamily": "hingeline.defences.family.family",
    "ConvolutionLayer": "hingeline.networks.convolution",
    "GapCertificate": "hingeline.networks.gap_certificate",
    "certify_gap": "hingeline.networks.certificate",
    "gap_from_errors": "hingeline.networks.gap_from_errors",
    "NetworkDifference": "hingeline.networks.difference",
    "NotComplete": _ERRORS,
    "NotRecorded": _ERRORS,
    "Obfuscation": "hingeline.subspace.obfuscated",
    "Oracle": _PROTOCOL,
    "OracleError": _ERRORS,
    "OracleSpec": _PROTOCOL,
    "Outcome": _OUTCOME,
    "OutsideDomain": _ERRORS,
    "PiecewiseLinearNetwork": "hingeline.networks.piecewise_linear",
    "Provenance": _OUTCOME,
    "QueryFailed": _ERRORS,
    "QueryMonitor": "hingeline.defences.monitoring.query_monitor",
    "QuerySession": "hingeline.oracles.session",
    "RecoveredSpan": "hingeline.subspace.recovered",
    "RecoveryError": _ERRORS,
    "Refused": _ERRORS,
    "Report": "hingeline.report.model",
    "SpanSettings": "hingeline.subspace.settings",
    "Spending": _OUTCOME,
    "StabilityDiagnosis": "hingeline.renormalisation.diagnosis",
    "StabilityMatrix": "hingeline.renormalisation.flow.stability_matrix",
    "StabilitySettings": "hingeline.renormalisation.settings",
    "Status": _OUTCOME,
    "StochasticStack": "hingeline.renormalisation.stacks.stack",
    "Threat": "hingeline.sensitivity.threat",
    "TooFewWitnesses": _ERRORS,
    "TrainedStack": "hingeline.renormalisation.stacks.training",
    "TrainingSettings": "hingeline.defences.training.classifier",
    "UndirectedStack": "hingeline.renormalisation.stacks.undirected",
    "UnsupportedOracle": _ERRORS,
    "chain_information": "hingeline.renormalisation.information.chain",
    "counted": "hingeline.oracles.outward.counted",
    "cite": "hingeline.report.citations",
    "defend": "hingeline.evaluation.defending.defend",
    "defended": "hingeline.defences.doors.defended",
    "demo_oracle": "hingeline.evaluation.demo_data",
    "diff": "hingeline.networks.loading",
    "direct_information": "hingeline.renormalisation.information.direct",
    "doctor": "hingeline.probing.doctor",
    "estimate_stability": "hingeline.renormalisation.flow.estimate",
    "estimate_undirected_stability": "hingeline.renormalisation.flow.estimate_undirected",
    "extract": "hingeline.extraction.extract",
    "filter_hard": "hingeline.defences.filtration.filtering",
    "fit_detector": "hingeline.defences.detector.fitting",
    "fit_monitor": "hingeline.defences.monitoring.fitting",
    "for_autoattack": "hingeline.oracles.outward.auto_attack_model",
    "for_foolbox": "hingeline.oracles.outward.foolbox_model",
    "fragility": "hingeline.sensitivity.fragility",
    "ising_exponents": "hingeline.renormalisation.known_answers.mcrg",
    "judge_detector": "hingeline.defences.detector.judging",
    "judge_monitor": "hingeline.defences.monitoring.judging",
    "judge_muldef": "hingeline.defences.family.study",
    "kept_flips": "hingeline.oracles.outward.kept",
    "load_detector": "hingeline.defences.detector.storage",
    "load_family": "hingeline.defences.family.storage",
    "load_stack": "hingeline.renormalisation.stacks.storage",
    "minimal_flips": "hingeline.sensitivity.exact.minimal",
    "obfuscate": "hingeline.subspace.obfuscate",
    "oracle": "hingeline.oracles.opening",
    "product_operators": "hingeline.renormalisation.operators.operator_set",
    "random_network": "hingeline.networks.feed_forward",
    "rank_profile": "hingeline.subspace.rank_profile",
    "rebuild": "hingeline.defences.filtration.rebuilding",
    "recover_absolute_value": "hingeline.absolute_value.recover",
    "relevance": "hingeline.renormalisation.flow.relevance",
    "save_family": "hingeline.defences.family.storage",
    "save_report": "hingeline.report.building",
    "save_stack": "hingeline.renormalisation.stacks.storage",
    "seeded": "hingeline.oracles.outward.seeding",
    "single_units": "hingeline.renormalisation.operators.operator_set",
    "span": "hingeline.subspace.span",
    "stability": "hingeline.renormalisation.stability",
    "stack_from_machines": "hingeline.renormalisation.stacks.importing",
    "train_classifier": "hingeline.defences.training.classifier",
    "train_family": "hingeline.defences.family.muldef",
    "train_robust": "hingeline.defences.training.adversarial",
    "train_stack": "hingeline.renormalisation.stacks.training",
    "transfer": "hingeline.defences.filtration.transfer",
    "white_box_span": "hingeline.subspace.white_box",
}

__all__ = [
    "AbsoluteValueNetwork",
    "AmbiguousSign",
    "Audit",
    "AuditSettings",
    "BudgetExhausted",
    "CollectiveOperators",
    "ConvolutionLayer",
    "CountedOracle",
    "Defence",
    "DefenceGrid",
    "DefendSettings",
    "DoctorCard",
    "ExactSettings",
    "ExactStack",
    "ExtractSettings",
    "FeedForwardNetwork",
    "FilteredPool",
    "Finding",
    "FormatError",
    "FragilityProfile",
    "FragilitySettings",
    "GapCertificate",
    "HiddenLayerDetector",
    "HingelineError",
    "Identification",
    "IllConditioned",
    "InvalidInput",
    "KeptFlips",
    "MinimalFlips",
    "MissingExtra",
    "ModelFamily",
    "NetworkDifference",
    "NotComplete",
    "NotRecorded",
    "Obfuscation",
    "Oracle",
    "OracleError",
    "OracleSpec",
    "Outcome",
    "OutsideDomain",
    "PiecewiseLinearNetwork",
    "Policy",
    "Provenance",
    "QueryFailed",
    "QueryMonitor",
    "QuerySession",
    "RecoveredSpan",
    "RecoveryError",
    "Refused",
    "Report",
    "SpanSettings",
    "Spending",
    "StabilityDiagnosis",
    "StabilityMatrix",
    "StabilitySettings",
    "Status",
    "StochasticStack",
    "Threat",
    "TooFewWitnesses",
    "TrainedStack",
    "TrainingSettings",
    "UndirectedStack",
    "UnsupportedOracle",
    "__version__",
    "audit",
    "certify_gap",
    "chain_information",
    "cite",
    "counted",
    "defend",
    "defended",
    "demo_oracle",
    "diff",
    "direct_information",
    "doctor",
    "estimate_stability",
    "estimate_undirected_stability",
    "extract",
    "filter_hard",
    "fit_detector",
    "fit_monitor",
    "for_autoattack",
    "for_foolbox",
    "fragility",
    "gap_from_errors",
    "ising_exponents",
    "judge_detector",
    "judge_monitor",
    "judge_muldef",
    "kept_flips",
    "load_detector",
    "load_family",
    "load_stack",
    "minimal_flips",
    "obfuscate",
    "oracle",
    "product_operators",
    "random_network",
    "rank_profile",
    "rebuild",
    "recover_absolute_value",
    "relevance",
    "save_family",
    "save_report",
    "save_stack",
    "seeded",
    "single_units",
    "span",
    "stability",
    "stack_from_machines",
    "train_classifier",
    "train_family",
    "train_robust",
    "train_stack",
    "transfer",
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
