"""How the detector and the repair network of `models.defects` are trained: material, samples, training, evaluation."""

from __future__ import annotations
