"""The look of the app as plain data: one accent, a light and a dark design, and the colours of charts.

Streamlit takes these as its ``theme.*`` options, so the same values reach the launcher
(`app.server.options.launch_options`) and ``.streamlit/config.toml``. Tune them here, then run
``python -m app.server.options`` to write that file again. Text has a contrast of at least 4.5 to 1 on every
background it stands on, chart colours at least 3 to 1, in both designs; the tests compute it.

Fonts are those of Streamlit, so no page requests one from another server.
"""

from __future__ import annotations

from typing import Final, TypeAlias

ThemeValue: TypeAlias = str | int | bool | list[str] | list[int]

# Shape and type: the same in both designs.
SHARED: Final[dict[str, ThemeValue]] = {
    "font": "sans-serif",
    "headingFont": "sans-serif",
    "codeFont": "monospace",
    "baseFontSize": 16,
    "headingFontSizes": ["1.35rem", "1.125rem", "1rem", "1rem", "1rem", "1rem"],
    "headingFontWeights": [600, 600, 600, 600, 600, 600],
    "metricValueFontSize": "1.5rem",
    "baseRadius": "0.5rem",
    "buttonRadius": "0.5rem",
    "paddingTop": "0.75rem",
    "paddingBottom": "2rem",
    "linkUnderline": True,
    "showWidgetBorder": True,
    "showSidebarBorder": True,
    # viridis in ten steps, so that a Plotly colour scale matches the overlays.
    "chartSequentialColors": [
        "#440154", "#482878", "#3e4989", "#31688e", "#26828e",
        "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
    ],
    # Blue to orange through pale tones: distinguishable with every common kind of colour blindness.
    "chartDivergingColors": [
        "#0a4a6b", "#1f6f93", "#5597b5", "#92bed2", "#cfe1e9",
        "#f3dcc9", "#e8b48a", "#d6864a", "#b35c1c", "#7d3a08",
    ],
}  # fmt: skip

# A calm teal-blue, the hue in the middle of viridis, dark enough for white text on it. The text colour is
# nearly black because captions are drawn with 60 % of it.
LIGHT: Final[dict[str, ThemeValue]] = {
    "primaryColor": "#0b6e82",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f1f6f7",
    "textColor": "#0a161a",
    "linkColor": "#0a6376",
    "borderColor": "#d3dee1",
    "codeTextColor": "#0a161a",
    "codeBackgroundColor": "#eef3f4",
    "chartCategoricalColors": [
        "#0b6e82", "#c2570c", "#5b4b9a", "#6b7a00", "#b0306a", "#8a6431", "#46627f",
    ],
}  # fmt: skip

LIGHT_SIDEBAR: Final[dict[str, ThemeValue]] = {
    "backgroundColor": "#f4f8f9",
    "secondaryBackgroundColor": "#e6eef0",
    "borderColor": "#d3dee1",
}

# The same hue, lifted until it reads as text on a dark ground. Streamlit writes white on primary buttons in
# both designs; on this accent that is a contrast of only 3 to 1, so pages keep their buttons plain.
DARK: Final[dict[str, ThemeValue]] = {
    "primaryColor": "#33a1b4",
    "backgroundColor": "#10171a",
    "secondaryBackgroundColor": "#182227",
    "textColor": "#e3ebee",
    "linkColor": "#7fd0dc",
    "borderColor": "#324047",
    "codeTextColor": "#e3ebee",
    "codeBackgroundColor": "#162025",
    "chartCategoricalColors": [
        "#4fb8c9", "#f0a35e", "#a99be8", "#c3d254", "#ee8fb7", "#d3b98b", "#93b1cf",
    ],
}  # fmt: skip

DARK_SIDEBAR: Final[dict[str, ThemeValue]] = {
    "backgroundColor": "#0c1214",
    "secondaryBackgroundColor": "#162025",
    "borderColor": "#2a363c",
}

_SECTIONS: Final[dict[str, dict[str, ThemeValue]]] = {
    "theme": SHARED,
    "theme.light": LIGHT,
    "theme.light.sidebar": LIGHT_SIDEBAR,
    "theme.dark": DARK,
    "theme.dark.sidebar": DARK_SIDEBAR,
}


def theme_options() -> dict[str, ThemeValue]:
    """Every value above under Streamlit's full option name, such as ``"theme.dark.primaryColor"``."""
    return {f"{section}.{name}": value for section, values in _SECTIONS.items() for name, value in values.items()}
