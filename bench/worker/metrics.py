"""The metrics that a worker samples. docs/metrics.md defines each; the number behind `.v` changes with the definition."""

from bench.domain.metric import Better, Metric, Reduce, Samples, Unit


def seconds(name: str, reduce: Reduce = Reduce.MEDIAN) -> Metric:
    """Declare a wall time."""
    return Metric(name=name, unit=Unit.SECOND, better=Better.LOWER, definition=f"{name}.v1", reduce=reduce)


def amount(name: str, unit: Unit, better: Better = Better.LOWER) -> Metric:
    """Declare a quantity that is the same in every trial, and is compared exactly."""
    return Metric(name=name, unit=unit, better=better, definition=f"{name}.v1", reduce=Reduce.LAST, deterministic=True)


def peak(name: str) -> Metric:
    """Declare a peak of memory: the largest of a trial's phases."""
    return Metric(name=name, unit=Unit.BYTE, better=Better.LOWER, definition=f"{name}.v1", reduce=Reduce.MAX)


LOAD_TOTAL = seconds("load.total")
LOAD_UNATTRIBUTED = seconds("load.unattributed")
LOAD_PLAIN_READ = seconds("load.plain_read")
LOAD_FILE_BYTES = amount("load.file_bytes", Unit.BYTE)
FIRST_CALL = seconds("first_call")
MEDIA_DECODE = seconds("media_decode")
PROCESSOR = seconds("processor")
H2D = seconds("h2d")
FORWARD = seconds("forward")
E2E = seconds("e2e")
TTFT_MODEL = seconds("ttft_model")
ITL = seconds("itl")
LEDGER = seconds("ledger")
LEDGER_PLAIN = seconds("ledger.plain")
PARAMS_COUNT = amount("params.count", Unit.ONE, Better.NONE)
PARAMS_TRAINABLE = amount("params.trainable", Unit.ONE, Better.NONE)
PARAMS_BYTES = amount("params.bytes", Unit.BYTE)
BUFFERS_BYTES = amount("buffers.bytes", Unit.BYTE)
PROCESSOR_DISK = amount("processor.bytes_on_disk", Unit.BYTE)
PROCESSOR_GROWTH = Metric(
    name="processor.resident_growth", unit=Unit.BYTE, better=Better.LOWER, definition="processor.resident_growth.v1"
)
FLOPS = amount("flops", Unit.ONE)
PADDING_WASTE = amount("padding_waste", Unit.ONE)
RETRIEVAL_EMBED = seconds("retrieval.embed")
RETRIEVAL_MATRIX = seconds("retrieval.matrix")
RETRIEVAL_TEXT_QUERY = seconds("retrieval.text_query")
RETRIEVAL_IMAGE_QUERY = seconds("retrieval.image_query")
RETRIEVAL_EMBEDDING_BYTES = amount("retrieval.embedding_bytes", Unit.BYTE)
KV_CACHE = amount("memory.kv_cache", Unit.BYTE)
HOST_PEAK = peak("memory.host_peak")
DEVICE_ALLOCATED_PEAK = peak("memory.device_allocated_peak")
DEVICE_RESERVED_PEAK = peak("memory.device_reserved_peak")


def sample(metric: Metric, phase: str, *values: float, part: str | None = None) -> Samples:
    """Put VALUES of METRIC, taken in PHASE, into the form that travels."""
    return Samples(metric=metric, phase=phase, values=values, part=part)
