"""The figures: each a function from a data frame to a matplotlib figure, and each against one way to misread.

They use the object interface only, so that nothing of theirs stays behind in pyplot.
"""

from .amdahl import amdahl
from .boundary import boundary_costs
from .carried import calls_carried
from .claims import claims_table, claims_title, with_figures
from .cost import cost
from .decision_matrix import decision_matrix, decision_matrix_title
from .flip_map import flip_map, flip_map_title
from .forest import forest_title, ordered, ratio_forest
from .grid import language_grid, language_grid_title
from .instructions import instruction_counts
from .ladder import call_ladder, call_ladder_title
from .latency import latency_tail
from .memory import memory_over_time
from .message import message_parts
from .ownership import ownership_costs
from .run_order import run_order, run_order_title
from .selftest import power_curve
from .style import NULL_STYLE, OTHER, STYLES, Style, style_of
from .threads import thread_scaling
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
    "claims_table",
    "claims_title",
    "cost",
    "decision_matrix",
    "decision_matrix_title",
    "flip_map",
    "flip_map_title",
    "forest_title",
    "instruction_counts",
    "language_grid",
    "language_grid_title",
    "latency_tail",
    "memory_over_time",
    "message_parts",
    "ordered",
    "ownership_costs",
    "power_curve",
    "ratio_forest",
    "run_order",
    "run_order_title",
    "style_of",
    "thread_scaling",
    "waterfall",
    "with_figures",
]
