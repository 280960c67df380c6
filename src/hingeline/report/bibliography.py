"""The papers that methods come from, with what is known of each.

A source is told in one line wherever it is used, such as "Rolnick and Körding, Reverse-Engineering Deep ReLU
Networks, ICML 2020 (the idea)". Such lines end as their use wants it, so a paper is found by how they begin.
A test holds that every line in the code has its paper here and that no paper here is without a line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["article", "inproceedings", "misc"]


@dataclass(frozen=True)
class Paper:
    """What is known of a paper; nothing here is guessed, so much may be empty."""

    key: str
    """Its name in BibTeX."""
    begins: str
    """How every line begins that tells it as a source."""
    authors: tuple[str, ...]
    """Family name, then given names."""
    title: str
    year: int
    kind: Kind = "misc"
    """In a journal, in proceedings, or neither."""
    venue: str = ""
    """The journal or the proceedings."""
    volume: str = ""
    pages: str = ""
    arxiv: str = ""


BIBLIOGRAPHY = (
    Paper(
        "rolnick2020reverse",
        "Rolnick and Körding, Reverse-Engineering Deep ReLU Networks",
        ("Rolnick, David", "Körding, Konrad P."),
        "Reverse-Engineering Deep ReLU Networks",
        2020,
        "inproceedings",
        "International Conference on Machine Learning",
        arxiv="1910.00744",
    ),
    Paper(
        "carlini2020cryptanalytic",
        "Carlini, Jagielski and Mironov, Cryptanalytic Extraction of Neural Network Models",
        ("Carlini, Nicholas", "Jagielski, Matthew", "Mironov, Ilya"),
        "Cryptanalytic Extraction of Neural Network Models",
        2020,
        "inproceedings",
        "CRYPTO",
        arxiv="2003.04884",
    ),
    Paper(
        "jayaram2020span",
        "Jayaram, Woodruff and Zhang, Span Recovery for Deep Neural Networks",
        ("Jayaram, Rajesh", "Woodruff, David P.", "Zhang, Qiuyi"),
        "Span Recovery for Deep Neural Networks with Applications to Input Obfuscation",
        2020,
        "inproceedings",
        "International Conference on Learning Representations",
        arxiv="2002.08202",
    ),
    Paper(
        "li2020beyond",
        "Li, Ma and Zhang, Learning Over-Parametrized Two-Layer",
        ("Li, Yuanzhi", "Ma, Tengyu", "Zhang, Hongyang R."),
        "Learning Over-Parametrized Two-Layer Neural Networks beyond NTK",
        2020,
        "inproceedings",
        "Conference on Learning Theory",
        arxiv="2007.04596",
    ),
    Paper(
        "bartlett2021adversarial",
        "Bartlett, Bubeck and Cherapanamjeri, Adversarial Examples in Multi-Layer Random ReLU Networks",
        ("Bartlett, Peter L.", "Bubeck, Sébastien", "Cherapanamjeri, Yeshwanth"),
        "Adversarial Examples in Multi-Layer Random ReLU Networks",
        2021,
        arxiv="2106.12611",
    ),
    Paper(
        "bubeck2021single",
        "Bubeck, Cherapanamjeri, Gidel and Tachet des Combes, A single gradient step",
        ("Bubeck, Sébastien", "Cherapanamjeri, Yeshwanth", "Gidel, Gauthier", "Tachet des Combes, Rémi"),
        "A single gradient step finds adversarial examples on random two-layers neural networks",
        2021,
        arxiv="2104.03863",
    ),
    Paper(
        "jordan2019provable",
        "Jordan, Lewis and Dimakis, Provable Certificates for Adversarial Examples",
        ("Jordan, Matt", "Lewis, Justin", "Dimakis, Alexandros G."),
        "Provable Certificates for Adversarial Examples: Fitting a Ball in the Union of Polytopes",
        2019,
        "inproceedings",
        "Advances in Neural Information Processing Systems",
        arxiv="1903.08778",
    ),
    Paper(
        "zhang2018efficient",
        "Zhang, Weng, Chen, Hsieh and Daniel, CROWN",
        ("Zhang, Huan", "Weng, Tsui-Wei", "Chen, Pin-Yu", "Hsieh, Cho-Jui", "Daniel, Luca"),
        "Efficient Neural Network Robustness Certification with General Activation Functions",
        2018,
        "inproceedings",
        "Advances in Neural Information Processing Systems",
        arxiv="1811.00866",
    ),
    Paper(
        "andriushchenko2020square",
        "Andriushchenko et al., Square Attack",
        ("Andriushchenko, Maksym", "Croce, Francesco", "Flammarion, Nicolas", "Hein, Matthias"),
        "Square Attack: a query-efficient black-box adversarial attack via random search",
        2020,
        "inproceedings",
        "European Conference on Computer Vision",
        arxiv="1912.00049",
    ),
    Paper(
        "athalye2018obfuscated",
        "Athalye, Carlini and Wagner, Obfuscated Gradients Give a False Sense of Security",
        ("Athalye, Anish", "Carlini, Nicholas", "Wagner, David"),
        "Obfuscated Gradients Give a False Sense of Security: Circumventing Defenses to Adversarial Examples",
        2018,
        "inproceedings",
        "International Conference on Machine Learning",
        arxiv="1802.00420",
    ),
    Paper(
        "zhao2019fisher",
        "Zhao et al., The Adversarial Attack and Detection under the Fisher Information Metric",
        (
            "Zhao, Chenxiao",
            "Fletcher, P. Thomas",
            "Yu, Mixue",
            "Peng, Yaxin",
            "Zhang, Guixu",
            "Shen, Chaomin",
        ),
        "The Adversarial Attack and Detection under the Fisher Information Metric",
        2019,
        "inproceedings",
        "AAAI Conference on Artificial Intelligence",
        arxiv="1810.03806",
    ),
    Paper(
        "kenway2018vulnerability",
        "Kenway, Vulnerability of Deep Learning",
        ("Kenway, Richard",),
        "Vulnerability of Deep Learning",
        2018,
        arxiv="1803.06111",
    ),
    Paper(
        "swendsen1979monte",
        "Swendsen, Monte Carlo renormalization group",
        ("Swendsen, Robert H.",),
        "Monte Carlo Renormalization Group",
        1979,
        "article",
        "Physical Review Letters",
        volume="42",
        pages="859",
    ),
    Paper(
        "wu2017variational",
        "Wu and Car, Variational approach to Monte Carlo renormalization group",
        ("Wu, Yantao", "Car, Roberto"),
        "Variational Approach to Monte Carlo Renormalization Group",
        2017,
        "article",
        "Physical Review Letters",
        volume="119",
        pages="220602",
        arxiv="1707.08683",
    ),
    Paper(
        "raju2018information",
        "Raju, Machta and Sethna, Information loss under coarse-graining",
        ("Raju, Archishman", "Machta, Benjamin B.", "Sethna, James P."),
        "Information loss under coarse-graining: a geometric approach",
        2018,
        "article",
        "Physical Review E",
        volume="98",
        pages="052112",
        arxiv="1710.05787",
    ),
    Paper(
        "carlini2019evaluating",
        "Carlini et al., On Evaluating Adversarial Robustness",
        (
            "Carlini, Nicholas",
            "Athalye, Anish",
            "Papernot, Nicolas",
            "Brendel, Wieland",
            "Rauber, Jonas",
            "Tsipras, Dimitris",
            "Goodfellow, Ian",
            "Madry, Aleksander",
            "Kurakin, Alexey",
        ),
        "On Evaluating Adversarial Robustness",
        2019,
        arxiv="1902.06705",
    ),
    Paper(
        "tramer2020adaptive",
        "Tramèr, Carlini, Brendel and Madry, On Adaptive Attacks to Adversarial Example Defenses",
        ("Tramèr, Florian", "Carlini, Nicholas", "Brendel, Wieland", "Madry, Aleksander"),
        "On Adaptive Attacks to Adversarial Example Defenses",
        2020,
        "inproceedings",
        "Advances in Neural Information Processing Systems",
        arxiv="2002.08347",
    ),
    Paper(
        "satopaa2011kneedle",
        "Satopää et al., Finding a Kneedle in a Haystack",
        ("Satopää, Ville", "Albrecht, Jeannie", "Irwin, David", "Raghavan, Barath"),
        "Finding a “Kneedle” in a Haystack: Detecting Knee Points in System Behavior",
        2011,
        "inproceedings",
        "International Conference on Distributed Computing Systems Workshops",
    ),
    Paper(
        "chen2020hopskipjump",
        "Chen, Jordan and Wainwright, HopSkipJumpAttack",
        ("Chen, Jianbo", "Jordan, Michael I.", "Wainwright, Martin J."),
        "HopSkipJumpAttack: A Query-Efficient Decision-Based Attack",
        2020,
        "inproceedings",
        "IEEE Symposium on Security and Privacy",
        arxiv="1904.02144",
    ),
    Paper(
        "juuti2019prada",
        "Juuti, Szyller, Marchal and Asokan, PRADA",
        ("Juuti, Mika", "Szyller, Sebastian", "Marchal, Samuel", "Asokan, N."),
        "PRADA: Protecting Against DNN Model Stealing Attacks",
        2019,
        "inproceedings",
        "IEEE European Symposium on Security and Privacy",
        arxiv="1805.02628",
    ),
)
"""Every paper that a line of sources names."""


def paper_of(source: str) -> Paper | None:
    """The paper that a line of sources is about; None if it is not known here."""
    return next((paper for paper in BIBLIOGRAPHY if source.startswith(paper.begins)), None)


def papers_of(sources: Iterable[str]) -> tuple[tuple[Paper, ...], tuple[str, ...]]:
    """Each paper once, in the order of the lines, and the lines that are not known here."""
    papers: dict[str, Paper] = {}
    unknown: dict[str, None] = {}
    for source in sources:
        paper = paper_of(source)
        if paper is None:
            unknown[source] = None
        else:
            papers[paper.key] = paper
    return tuple(papers.values()), tuple(unknown)
