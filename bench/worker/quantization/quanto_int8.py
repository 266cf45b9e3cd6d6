"""optimum-quanto in 8 bits."""

from bench.worker.quantizers.quanto import Quanto

METHOD = Quanto(meaning="optimum-quanto, 8 bits by rows", weights="int8")
