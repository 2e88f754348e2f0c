"""Warmscaler: a KEDA external scaler that pushes, holds and explains.

Start reading at :mod:`scaler.service`.
"""
