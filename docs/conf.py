"""Sphinx settings: Markdown pages, every reference checked, every warning an error (`make docs`)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import linking

import hingeline

project = "hingeline"
author = "The hingeline authors"
project_copyright = author
version = release = hingeline.__version__
language = "en_GB"

extensions = ["myst_parser", "sphinx_copybutton"]
nitpicky = True
# the same anchors as a code host makes, so that a link to a heading works in both places
myst_heading_anchors = 4
# `text: value` at the top of a page is text, not settings of Sphinx
myst_links_external_new_tab = True
# long signatures and tables of names are no prose
highlight_language = "text"

html_theme = "furo"
html_title = "hingeline"
html_static_path = ["static"]
html_css_files = ["hingeline.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
# only what stands in a block of commands or Python is worth copying
copybutton_selector = "div.highlight-default pre, div.highlight-text pre, div.highlight-python pre"


def setup(app):
    """Link public names and verbs wherever they stand in code type."""
    app.connect("doctree-resolved", linking.link_names)
