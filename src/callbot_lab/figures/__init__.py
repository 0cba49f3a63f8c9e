"""The figures: each a function from a data frame to a matplotlib figure, and each against one way to misread.

They use the object interface only, so that nothing of theirs stays behind in pyplot.
"""

from .amdahl import amdahl
from .boundary import boundary_costs
from .carried import calls_carried
from .cost import cost
from .forest import forest_title, ordered, ratio_forest
from .grid import language_grid, language_grid_title
from .ladder import call_ladder, call_ladder_title
from .message import message_parts
from .run_order import run_order, run_order_title
from .selftest import power_curve
from .style import NULL_STYLE, OTHER, STYLES, Style, style_of
from .waterfall import waterfall

__all__ = [
    "NULL_STYLE",
    "OTHER",
    "STYLES",
    "Style",
    "amdahl",
    "boundary_costs",
    "call_ladder",
    "call_ladder_title",
    "calls_carried",
    "cost",
    "forest_title",
    "language_grid",
    "language_grid_title",
    "message_parts",
    "ordered",
    "power_curve",
    "ratio_forest",
    "run_order",
    "run_order_title",
    "style_of",
    "waterfall",
]
