"""Speed, memory and cost, measured: each figure beside what it is compared with, its bound and whether it holds.

``python -m benchmarks`` runs them all, ``python -m benchmarks.webhook`` one of them. On a shared, noisy machine only ratios measured
side by side in one run mean anything, so that is what the bounds are on.
"""
