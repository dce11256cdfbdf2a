"""What did each person go through? Interactions become touches with a meaning, and touches become journeys.

in  : `interactions` with person_id, the blueprint's touchpoints and `journeys`
out : `touches`, `object_people`, `journeys`, `steps`, `step_names`, `flows`, `variants`
"""

from __future__ import annotations

from regard.journeys.map import Map, journey_map
from regard.journeys.objects import object_kinds, object_people
from regard.journeys.resume import Told, resume
from regard.journeys.split import split
from regard.journeys.touch import TOUCH_ORDER, touch, with_object

__all__ = [
    "TOUCH_ORDER",
    "Map",
    "Told",
    "journey_map",
    "object_kinds",
    "object_people",
    "resume",
    "split",
    "touch",
    "with_object",
]
