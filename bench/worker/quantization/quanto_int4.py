"""optimum-quanto in 4 bits."""

from bench.worker.quantizers.quanto import Quanto

METHOD = Quanto(meaning="optimum-quanto, 4 bits in groups", weights="int4")
