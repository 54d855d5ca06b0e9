"""Tests of what the images, the chart and the cluster are given."""
