"""Results as HTML that needs nothing else: one file for any browser, and outputs of a notebook.

Both hold the viewer, and load nothing. A page's Content-Security-Policy allows its own script and style alone. A
notebook shows the viewer inside a frame, so that outputs cannot touch each other, below a summary that needs no script.
"""

from cbam_core.report.entries import Entry, Report, worst_first
from cbam_core.report.notebook import gallery_html, output_html
from cbam_core.report.page import report_html
from cbam_core.report.words import WORDS

__all__ = ["WORDS", "Entry", "Report", "gallery_html", "output_html", "report_html", "worst_first"]
