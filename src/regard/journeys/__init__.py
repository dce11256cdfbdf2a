"""What did each person go through? Interactions become touches with a meaning, and touches become journeys.

in  : `interactions` with person_id, the blueprint's touchpoints and `journeys`
out : `touches`, `journeys`, `steps`, `step_names`, `flows`, `variants`
"""

from __future__ import annotations

from regard.journeys.map import Map, journey_map
from regard.journeys.split import split
from regard.journeys.touch import TOUCH_ORDER, touch

__all__ = ["TOUCH_ORDER", "Map", "journey_map", "split", "touch"]
