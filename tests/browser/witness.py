"""What a failing browser test leaves behind: a page that did not do what was expected cannot be looked at later."""

from playwright.sync_api import Error

TOLD = """() => ({
  address: location.href,
  state: document.querySelector("[data-testid=stApp]")?.dataset.testScriptState,
  "asked, heard": [window.asked, window.heard],
  uploads: [...document.querySelectorAll("[data-testid=stFileUploader]")].map(one => one.innerText),
  page: document.querySelector("[data-testid=stMain]")?.innerText,
})"""
MOST = 3000
"""Characters of each."""


def witness(report, visit):
    """Add to a test's report what its pages show, what they sent, and the end of their server's log.

    Args:
        report: pytest's, of a test that failed.
        visit: the fixture by which the test opened its pages; None for a test that opened none.
    """
    for number, (page, sent) in enumerate(getattr(visit, "opened", ()), 1):
        report.sections.append((f"page {number}", f"{_told(page)}\nsent: {_tail(chr(10).join(sent))}"))
    if log := getattr(visit, "log", None):
        report.sections.append(("log of the server", _tail(log.read_text())))


def _told(page):
    try:
        return "\n".join(f"{name}: {str(value)[:MOST]}" for name, value in page.evaluate(TOLD).items())
    except Error as error:
        return f"the page does not answer: {error}"


def _tail(text):
    return text[-MOST:]
