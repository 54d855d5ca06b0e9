"""What keeps people out of a page: fields without names, pictures without words, skipped headings, faint text."""

from __future__ import annotations

from pathlib import Path

from tests.browser import Browser

LEAST_CONTRAST = 4.5
"""Of text against what lies behind it; WCAG 2.2, 1.4.3."""

_FAULTS = (Path(__file__).parent / "accessible.js").read_text(encoding="utf-8")


def faults(page: Browser) -> list[str]:
    """What is wrong with the page shown, a line each; by the rules that a program can tell."""
    found: list[str] = page.evaluate(_FAULTS.replace("LEAST", str(LEAST_CONTRAST)))
    return found


def unseen_focus(page: Browser, presses: int) -> list[str]:
    """Press *Tab* so many times; give what had the focus and did not show it."""
    unseen = []
    for _ in range(presses):
        page.press("Tab")
        outline = (
            "(() => { const one = document.activeElement; if (one === document.body) return '';"
            " const seen = (at) => { const style = getComputedStyle(at); return style.outlineStyle !== 'none'"
            " && parseFloat(style.outlineWidth) >= 2 };"
            " const around = [one, one.nextElementSibling, one.parentElement].filter(Boolean);"
            " return around.some(seen) ? '' : one.outerHTML.slice(0, 100) })()"
        )
        if fault := page.evaluate(outline):
            unseen.append(str(fault))
    return unseen
