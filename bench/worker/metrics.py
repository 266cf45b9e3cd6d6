"""The metrics that a worker samples. docs/metrics.md defines each; the number behind `.v` changes with the definition."""

from bench.domain.metric import Better, Metric, Reduce, Samples, Unit


def seconds(name: str, reduce: Reduce = Reduce.MEDIAN) -> Metric:
    """Declare a wall time."""
    return Metric(name=name, unit=Unit.SECOND, better=Better.LOWER, definition=f"{name}.v1", reduce=reduce)


def amount(name: str, unit: Unit, better: Better = Better.LOWER) -> Metric:
    """Declare a quantity that is the same in every trial, and is compared exactly."""
    return Metric(name=name, unit=unit, better=better, definition=f"{name}.v1", reduce=Reduce.LAST, deterministic=True)


def peak(name: str, version: int = 1) -> Metric:
    """Declare a peak of memory: the largest of a trial's phases."""
    return Metric(name=name, unit=Unit.BYTE, better=Better.LOWER, definition=f"{name}.v{version}", reduce=Reduce.MAX)


def distance(name: str, better: Better) -> Metric:
    """Declare how far outputs are from a reference's."""
    return Metric(name=name, unit=Unit.ONE, better=better, definition=f"{name}.v1")


COMPILE_GRAPH_BREAKS = amount("compile.graph_breaks", Unit.ONE)
COMPILE_RECOMPILES = Metric(
    name="compile.recompiles", unit=Unit.ONE, better=Better.LOWER, definition="compile.recompiles.v1", reduce=Reduce.LAST
)
EXPORT_TIME = seconds("export.time")
DRAFT_ACCEPTANCE = Metric(
    name="draft.acceptance", unit=Unit.ONE, better=Better.HIGHER, definition="draft.acceptance.v1", reduce=Reduce.LAST
)
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
PARAMS_BYTES_AFTER_CALL = amount("params.bytes_after_call", Unit.BYTE)
BUFFERS_BYTES = amount("buffers.bytes", Unit.BYTE)
PROCESSOR_DISK = amount("processor.bytes_on_disk", Unit.BYTE)
PROCESSOR_GROWTH = Metric(
    name="processor.resident_growth", unit=Unit.BYTE, better=Better.LOWER, definition="processor.resident_growth.v1"
)
FLOPS = amount("flops", Unit.ONE)
DATA_WAIT = seconds("data.wait", Reduce.MEAN)
DATA_STEP = seconds("data.step", Reduce.MEAN)
DATA_IN_HAND = seconds("data.in_hand", Reduce.MEAN)
DATA_FIRST_WAIT = seconds("data.first_wait")
PADDING_WASTE = amount("padding_waste", Unit.ONE)
RETRIEVAL_EMBED = seconds("retrieval.embed")
RETRIEVAL_MATRIX = seconds("retrieval.matrix")
RETRIEVAL_TEXT_QUERY = seconds("retrieval.text_query")
RETRIEVAL_IMAGE_QUERY = seconds("retrieval.image_query")
RETRIEVAL_EMBEDDING_BYTES = amount("retrieval.embedding_bytes", Unit.BYTE)
TRAIN_STEP = seconds("train.step")
TRAIN_FORWARD = seconds("train.forward")
TRAIN_BACKWARD = seconds("train.backward")
TRAIN_OPTIMIZER = seconds("train.optimizer")
TRAIN_LOSS = Metric(name="train.loss", unit=Unit.ONE, better=Better.NONE, definition="train.loss.v1", reduce=Reduce.LAST)
PARITY_LOSS = Metric(name="parity.loss", unit=Unit.ONE, better=Better.LOWER, definition="parity.loss.v1", reduce=Reduce.MAX)
GRADIENT_BYTES = amount("memory.gradients", Unit.BYTE)
OPTIMIZER_BYTES = amount("memory.optimizer_state", Unit.BYTE)
ACTIVATION_BYTES = amount("memory.activations", Unit.BYTE)
RESTING = Metric(name="memory.resting", unit=Unit.BYTE, better=Better.LOWER, definition="memory.resting.v1")
DEVICE_RESTING = Metric(name="memory.device_resting", unit=Unit.BYTE, better=Better.LOWER, definition="memory.device_resting.v1")
RETAINED = Metric(name="memory.retained", unit=Unit.BYTE, better=Better.LOWER, definition="memory.retained.v1", reduce=Reduce.LAST)
DEVICE_RETAINED = Metric(
    name="memory.device_retained", unit=Unit.BYTE, better=Better.LOWER, definition="memory.device_retained.v1", reduce=Reduce.LAST
)
STEPS_DONE = Metric(name="endurance.steps", unit=Unit.ONE, better=Better.NONE, definition="endurance.steps.v1", reduce=Reduce.LAST)
KV_CACHE = amount("memory.kv_cache", Unit.BYTE)
PARITY_KL = distance("parity.kl", Better.LOWER)
PARITY_TOP1 = distance("parity.top1_agreement", Better.HIGHER)
PARITY_ERROR = distance("parity.max_relative_error", Better.LOWER)
PARITY_VALUES_ERROR = distance("parity.values_max_relative_error", Better.LOWER)
PARITY_COSINE = distance("parity.cosine", Better.HIGHER)
PARITY_GENERATION_KL = distance("parity.generation_kl", Better.LOWER)
PARITY_GENERATION_ERROR = distance("parity.generation_max_relative_error", Better.LOWER)
MAKESPAN = seconds("requests.makespan")
QUEUE_WAIT = seconds("queue_wait")
REQUEST_TTFT = seconds("request.ttft")
REQUEST_E2E = seconds("request.e2e")
REQUEST_TPOT = seconds("request.tpot")
REQUESTS_IN_STEP = Metric(name="requests.in_step", unit=Unit.ONE, better=Better.HIGHER, definition="requests.in_step.v1")
BLOCKS_USED = Metric(
    name="cache.blocks_used", unit=Unit.ONE, better=Better.NONE, definition="cache.blocks_used.v1", reduce=Reduce.MAX
)
BLOCKS_FREE = Metric(name="cache.blocks_free", unit=Unit.ONE, better=Better.NONE, definition="cache.blocks_free.v1")
PREEMPTIONS = Metric(
    name="requests.preemptions", unit=Unit.ONE, better=Better.LOWER, definition="requests.preemptions.v1", reduce=Reduce.LAST
)
SAME_TOKENS = Metric(
    name="requests.same_tokens", unit=Unit.ONE, better=Better.HIGHER, definition="requests.same_tokens.v1", reduce=Reduce.LAST
)
TRANSFER_BYTES = amount("transfer.bytes", Unit.BYTE)
TRANSFER_CALLS = amount("transfer.calls", Unit.ONE)
PIPELINE_IDLE = Metric(name="pipeline.idle_share", unit=Unit.ONE, better=Better.LOWER, definition="pipeline.idle_share.v1")
HOST_PEAK = peak("memory.host_peak", version=2)
DEVICE_ALLOCATED_PEAK = peak("memory.device_allocated_peak")
DEVICE_RESERVED_PEAK = peak("memory.device_reserved_peak")


def sample(metric: Metric, phase: str, *values: float, part: str | None = None) -> Samples:
    """Put VALUES of METRIC, taken in PHASE, into the form that travels."""
    return Samples(metric=metric, phase=phase, values=values, part=part)
