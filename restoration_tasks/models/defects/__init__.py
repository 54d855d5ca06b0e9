"""Dirt, hairs and scratches: our own detector and repair networks, how they are fed, and how their weights are loaded.

    detector = load_detector()
    maps = detector.detect(centre, before=[previous], after=[following])   # (3, H, W) probabilities
    repairer = load_repairer()
    filled = repairer.repair(centre, mask, Around([…], […]))               # (C, H, W), changed inside the mask only

Pictures are `(C, H, W)` float32, R, G, B or grey alone, as shares of the code range. torch is imported when a network
is loaded, not before. Who calls chooses the neighbours: distinct frames (no near-duplicates) of the same shot, nearest
first.
"""

from __future__ import annotations
