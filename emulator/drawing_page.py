"""The page on which a card is drawn: Microsoft's renderer with a host configuration like that of Teams."""

import json
from pathlib import Path
from typing import Any

_MODULES = Path(__file__).parent / "node" / "node_modules"
_SCRIPTS = ("adaptivecards/dist/adaptivecards.min.js", "markdown-it/dist/browser/markdown-it.umd.min.js")
_FONT = "'Segoe UI', 'Selawik', 'Liberation Sans', 'DejaVu Sans', sans-serif"
_MONO = "Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace"

type Palette = dict[str, tuple[str, str]]

# name: (strong, subtle); Microsoft publishes no host configuration for Teams, these follow its Fluent palette.
_LIGHT: Palette = {
    "default": ("#242424", "#616161"),
    "accent": ("#4f52b2", "#5b5fc7"),
    "good": ("#0e700e", "#107c10"),
    "warning": ("#835b00", "#8a6100"),
    "attention": ("#b10e1c", "#c4314b"),
    "light": ("#ffffff", "#f0f0f0"),
    "dark": ("#242424", "#616161"),
}
_DARK: Palette = {
    "default": ("#ffffff", "#adadad"),
    "accent": ("#aab1fa", "#9299f7"),
    "good": ("#9fd89f", "#54b054"),
    "warning": ("#fde300", "#f2c661"),
    "attention": ("#f1bbbc", "#e37d80"),
    "light": ("#ffffff", "#adadad"),
    "dark": ("#242424", "#616161"),
}
_LIGHT_GROUNDS = {
    "default": "#ffffff",
    "emphasis": "#f5f5f5",
    "accent": "#e8ebfa",
    "good": "#e7f2da",
    "warning": "#fbf6d9",
    "attention": "#fcf4f6",
}
_DARK_GROUNDS = {
    "default": "#292929",
    "emphasis": "#1f1f1f",
    "accent": "#2f2f4a",
    "good": "#0f2e10",
    "warning": "#3b2e05",
    "attention": "#3f1011",
}


def card_page(card: dict[str, Any], *, dark: bool) -> str:
    """Return an HTML page that draws the card and leaves its parse events and failures in `window.outcome`."""
    palette, grounds = (_DARK, _DARK_GROUNDS) if dark else (_LIGHT, _LIGHT_GROUNDS)
    sources = "".join(f'<script src="{_script(name)}"></script>' for name in _SCRIPTS)
    page, line = ("#1b1b1b", "#3d3d3d") if dark else ("#f0f0f0", "#e0e0e0")
    ink, link = palette["default"][0], palette["accent"][0]
    return f"""<!doctype html><html><meta charset="utf-8"><title>card</title>
<style>
body {{ margin: 0; padding: 16px; background: {page}; }}
#card {{ background: {grounds["default"]}; border: 1px solid {line}; border-radius: 6px; overflow: hidden; }}
#card {{ color: {ink}; }}
.ac-pushButton {{ font: 600 14px {_FONT}; color: {ink}; background: {grounds["default"]}; border: 1px solid {line};
  border-radius: 4px; padding: 5px 12px; margin: 2px 0; }}
a {{ color: {link}; }}
p {{ margin: 0; }}
#card * {{ overflow-wrap: break-word; }}
#card .ac-factset td:last-child * {{ overflow-wrap: anywhere; }}
.ac-actionSet {{ flex-wrap: wrap !important; row-gap: 4px; }}
</style>
<script>addEventListener("error", event => {{ window.failure = event.message; }});</script>
{sources}
<div id="card"></div>
<script>
const card = new AdaptiveCards.AdaptiveCard();
card.hostConfig = new AdaptiveCards.HostConfig({_inline(_host_config(palette, grounds, line))});
AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, result) => {{
  result.outputHtml = markdownit().render(text);
  result.didProcess = true;
}};
const context = new AdaptiveCards.SerializationContext();
card.parse({_inline(card)}, context);
const events = Array.from({{ length: context.eventCount }}, (_, index) => context.getEventAt(index).message);
const failures = card.validateProperties().validationEvents.map(event => event.message);
window.outcome = {{ events, failures }};
document.getElementById("card").appendChild(card.render());
</script></html>"""


def _script(name: str) -> str:
    path = _MODULES / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `make setup` installs it")
    return path.as_uri()


def _inline(value: object) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return json.dumps(value).replace("<", "\\u003c")


def _host_config(palette: Palette, grounds: dict[str, str], line: str) -> dict[str, Any]:
    colours = {name: {"default": strong, "subtle": subtle} for name, (strong, subtle) in palette.items()}
    styles = {name: {"backgroundColor": ground, "foregroundColors": colours} for name, ground in grounds.items()}
    return {
        "supportsInteractivity": True,
        "fontTypes": {
            "default": _font(_FONT, {"small": 12, "default": 14, "medium": 14, "large": 18, "extraLarge": 24}),
            "monospace": _font(_MONO, {"small": 12, "default": 13, "medium": 14, "large": 18, "extraLarge": 24}),
        },
        "spacing": {"small": 8, "default": 12, "medium": 16, "large": 20, "extraLarge": 24, "padding": 16},
        "separator": {"lineThickness": 1, "lineColor": line},
        "containerStyles": styles,
        "factSet": {
            "title": {"weight": "Bolder", "wrap": True, "maxWidth": 150},
            "value": {"wrap": True},
            "spacing": 12,
        },
        "actions": {
            "maxActions": 6,
            "spacing": "Default",
            "buttonSpacing": 8,
            "actionsOrientation": "Horizontal",
            "actionAlignment": "Left",
        },
    }


def _font(family: str, sizes: dict[str, int]) -> dict[str, Any]:
    return {"fontFamily": family, "fontSizes": sizes, "fontWeights": {"lighter": 300, "default": 400, "bolder": 600}}
