"""What others do in place of KEDA, of the HPA or of the pool's own rules, to be laid over any world and compared.

Sizers decide how many pods are warm, ``knative`` how many replicas there are, ``overlays`` are whole policies by name,
``oracle`` says what nobody can beat. None of them knows a clock or chance: instants and draws arrive as arguments.
"""

from simulations.policies.sizers import SizerRule, sizer

__all__ = ["SizerRule", "sizer"]
