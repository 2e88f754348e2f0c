"""Whether the simulator tells the truth: its answers beside formulas, beside a peer's, and beside what AWS measured.

``formulas`` are the closed forms, ``references`` what others published, ``instances`` a peer's platform, and ``page``
runs everything and says what agrees.
"""
