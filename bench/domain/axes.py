"""The axes of the matrix: their names, defaults, spellings, and what they apply to.

This table is the vocabulary of suites, cases, records and reports alike. Whether a value can be had on a machine is not
decided here: the worker measures what was asked, or says that it cannot.
"""

from bench.domain import lengths
from bench.domain.axis import Axis
from bench.domain.scenario import Scenario
from bench.domain.task import Trait

_TEXT = (frozenset({Trait.TEXT}),)
_GENERATES = (frozenset({Trait.GENERATES}),)
_IMAGE = (frozenset({Trait.IMAGE}),)
_PIXELS = (frozenset({Trait.IMAGE, Trait.VIDEO}),)
_INFERENCE = frozenset({Scenario.INFERENCE})
_TRAINING = frozenset({Scenario.TRAIN_STEP, Scenario.DATA})
"""Where steps may train; of scenario data those that `step: train` feeds."""
_LOADING = frozenset({Scenario.LOAD})
_NO_CALL = _LOADING
_FEEDING = frozenset({Scenario.DATA})
_OF_REQUESTS = ("static", "continuous")
_OF_ITEMS = ("as-is", "by-length", "packed")
_QUANTIZATIONS = (
    "none", "bnb-int8", "bnb-nf4", "bnb-nf4-dq", "bnb-fp4", "torchao-int8", "torchao-int4", "torchao-float8", "quanto-int8",
    "quanto-int4", "dynamic-int8", "checkpoint",
)  # fmt: skip
_ATTENTIONS = (
    "auto", "eager", "sdpa", "sdpa:math", "sdpa:flash", "sdpa:efficient", "sdpa:cudnn", "flex_attention", "flash_attention_2",
    "flash_attention_3",
)  # fmt: skip
_OPTIMIZERS = ("adamw", "adamw-fused", "sgd", "bnb-adamw8bit", "bnb-paged-adamw8bit")

AXES: tuple[Axis, ...] = (
    Axis(
        name="dtype",
        default="auto",
        meaning="type of the weights; auto is the checkpoint's",
        choices=("float32", "bfloat16", "float16", "auto"),
    ),
    Axis(
        name="autocast",
        default="none",
        meaning="torch.autocast around the step",
        choices=("none", "bfloat16", "float16"),
        never=_NO_CALL,
    ),
    Axis(
        name="quantization",
        default="none",
        meaning="how the weights are quantized on loading",
        choices=_QUANTIZATIONS,
        mapping_keys=("method", "skip", "compute_dtype"),
    ),
    Axis(
        name="attention",
        default="auto",
        meaning="attention implementation, and for sdpa the kernel",
        choices=_ATTENTIONS,
    ),
    Axis(
        name="engine",
        default="eager",
        meaning="what runs the graph",
        choices=("eager", "compile", "onnxruntime", "openvino", "optimum-onnx"),
        mapping_keys=("name", "mode", "dynamic", "fullgraph", "fusions"),
    ),
    Axis(
        name="device",
        default="auto",
        meaning="first accelerator, else cpu; or a device",
        choices=("auto", "cpu", "mps", "xpu", "cuda"),
        pattern=r"(cuda|xpu):[0-9]+",
    ),
    Axis(
        name="device_map",
        default="none",
        meaning="accelerate's placement over devices",
        choices=("none", "auto"),
        mapping_keys=("max_memory", "offload", "modules"),
    ),
    Axis(name="ranks", default=1, meaning="processes that share one model", least=1),
    Axis(
        name="parallel",
        default="tensor",
        meaning="how ranks share the model",
        choices=("tensor", "data", "pipeline"),
    ),
    Axis(
        name="threads",
        default="auto",
        meaning="intra-op threads; auto is one a core of the affinity mask",
        choices=("auto",),
        least=1,
    ),
    Axis(name="batch_size", default=1, meaning="sequences, images or pairs in one call", least=1, never=_NO_CALL),
    Axis(
        name="prompt_tokens",
        default=32,
        meaning="text tokens a sequence, specials included; or what each one's are drawn from; 0 (image-to-text): no text at all",
        least=0,
        mapping_keys=lengths.KEYS,
        needs=_TEXT,
        of_data=True,
        never=_NO_CALL,
    ),
    Axis(name="new_tokens", default=16, meaning="tokens generated a sequence", least=1, needs=_GENERATES),
    Axis(
        name="image_size",
        default="auto",
        meaning="width x height of the raw image or frame; auto is the processor's own; or what each image's is drawn from",
        choices=("auto",),
        pattern=r"[1-9][0-9]*x[1-9][0-9]*",
        mapping_keys=lengths.KEYS_OF_SIZES,
        needs=_PIXELS,
        of_data=True,
        never=_NO_CALL,
    ),
    Axis(
        name="images",
        default="auto",
        meaning="images an item, or what each item's are drawn from; where images are matched with texts those of the matrix, "
        "and auto is one a pair of the batch",
        choices=("auto",),
        least=1,
        mapping_keys=lengths.KEYS,
        needs=_IMAGE,
        of_data=True,
        never=_NO_CALL,
    ),
    Axis(
        name="texts",
        default="auto",
        meaning="texts of the matrix; auto is as many as images, and no matrix where both are auto",
        choices=("auto",),
        least=1,
        needs=(frozenset({Trait.MATCHES}),),
        of_data=True,
        never=_NO_CALL,
    ),
    Axis(
        name="video_frames",
        default="auto",
        meaning="frames a clip, or what each clip's are drawn from",
        choices=("auto",),
        least=1,
        mapping_keys=lengths.KEYS,
        needs=(frozenset({Trait.VIDEO}),),
        of_data=True,
        never=_NO_CALL,
    ),
    Axis(
        name="video_fps",
        default="auto",
        meaning="frames a second of the clips in hand, of which the processor takes its own; auto hands over frames already chosen",
        choices=("auto",),
        least=1,
        needs=(frozenset({Trait.VIDEO}),),
        of_data=True,
        never=_NO_CALL,
    ),
    Axis(
        name="audio_seconds",
        default="auto",
        meaning="seconds a clip, or what each clip's are drawn from",
        choices=("auto",),
        least=1,
        mapping_keys=lengths.KEYS,
        needs=(frozenset({Trait.AUDIO}),),
        of_data=True,
        never=_NO_CALL,
    ),
    Axis(
        name="audio_rate",
        default="auto",
        meaning="samples a second of the sound in hand; auto is the extractor's own rate",
        choices=("auto",),
        least=1000,
        needs=(frozenset({Trait.AUDIO}),),
        of_data=True,
        never=_NO_CALL,
    ),
    Axis(
        name="media",
        default="auto",
        meaning="form of media in hand: auto is PIL, numpy for sound; encoded is JPEG, WAV; sound in tensors goes on as arrays",
        choices=("auto", "pil", "numpy", "tensor", "encoded", "png"),
        needs=(frozenset({Trait.IMAGE, Trait.VIDEO, Trait.AUDIO}),),
        of_data=True,
        never=_NO_CALL,
    ),
    Axis(
        name="cache",
        default="dynamic",
        meaning="key-value cache of generation",
        choices=("dynamic", "static", "offloaded", "quantized", "none"),
        needs=_GENERATES,
    ),
    Axis(
        name="depth",
        default=0,
        meaning="tokens in the cache before the timed ones",
        least=0,
        needs=_GENERATES,
    ),
    Axis(
        name="sampling",
        default="greedy",
        meaning="how the next token is chosen: the likeliest, or drawn, with a temperature and of the top_k or top_p",
        choices=("greedy",),
        mapping_keys=("temperature", "top_p", "top_k"),
        needs=_GENERATES,
        scenarios=_INFERENCE,
    ),
    Axis(
        name="num_beams",
        default=1,
        meaning="beams a sequence, of which the best is returned",
        least=1,
        needs=_GENERATES,
        scenarios=_INFERENCE,
    ),
    Axis(
        name="draft",
        default="none",
        meaning="model that proposes tokens for this one to check: a preset, or the folder of a checkpoint",
        choices=("none",),
        pattern=r".+",
        needs=_GENERATES,
        scenarios=_INFERENCE,
    ),
    Axis(
        name="prefill_chunk",
        default="none",
        meaning="tokens of the prompt that a generation takes into its cache at once; none takes all",
        choices=("none",),
        least=1,
        needs=_GENERATES,
        scenarios=_INFERENCE,
    ),
    Axis(
        name="stop",
        default="fixed",
        meaning="fixed generates new_tokens whatever comes; eos ends a sequence at the model's end token, after new_tokens at most",
        choices=("fixed", "eos"),
        needs=_GENERATES,
        scenarios=_INFERENCE,
    ),
    Axis(
        name="mask",
        default="padding",
        meaning="attention mask handed to the model",
        choices=("none", "padding", "explicit"),
        needs=_TEXT,
        never=_NO_CALL,
    ),
    Axis(
        name="output_attentions",
        default=False,
        meaning="the forward returns the attention weights of every layer, which only eager attention has",
        choices=(True, False),
        scenarios=frozenset({Scenario.INFERENCE}),
        never=_NO_CALL,
    ),
    Axis(
        name="output_hidden_states",
        default=False,
        meaning="the forward returns the hidden states of every layer",
        choices=(True, False),
        scenarios=frozenset({Scenario.INFERENCE}),
        never=_NO_CALL,
    ),
    Axis(
        name="environment",
        default="this",
        meaning="Python environment of the worker: this one, an interpreter's path, or a requirement list",
        choices=("this",),
        pattern=r".+",
    ),
    Axis(
        name="experts",
        default="auto",
        meaning="implementation of a mixture of experts",
        choices=("auto", "eager", "batched_mm", "grouped_mm"),
        needs=(frozenset({Trait.EXPERTS}),),
        never=_NO_CALL,
    ),
    Axis(
        name="processor_backend",
        default="auto",
        meaning="library that the image processor uses",
        choices=("auto", "torchvision", "pil"),
        needs=_PIXELS,
    ),
    Axis(
        name="batching",
        default="static",
        meaning="how requests are batched; with scenario data how items are: as they come, with those of like length, or packed",
        choices=(*_OF_REQUESTS, *_OF_ITEMS),
        scenarios=frozenset({Scenario.REQUESTS, Scenario.DATA}),
        choices_in={Scenario.REQUESTS: _OF_REQUESTS, Scenario.DATA: _OF_ITEMS},
    ),
    Axis(name="workers", default=0, meaning="loader processes", least=0, scenarios=_FEEDING),
    Axis(name="prefetch", default=2, meaning="batches fetched ahead by each loader process", least=1, scenarios=_FEEDING),
    Axis(
        name="pin_memory",
        default=False,
        meaning="batches are put into page-locked memory, which an accelerator copies from faster",
        choices=(True, False),
        scenarios=_FEEDING,
    ),
    Axis(
        name="gradient_checkpointing",
        default=False,
        meaning="recompute activations in the backward pass",
        choices=(True, False),
        scenarios=_TRAINING,
    ),
    Axis(name="gradient_accumulation", default=1, meaning="micro-batches a step", least=1, scenarios=_TRAINING),
    Axis(name="optimizer", default="adamw", meaning="optimizer of the step", choices=_OPTIMIZERS, scenarios=_TRAINING),
    Axis(name="freeze", default=(), meaning="modules kept from training", lists=True, scenarios=_TRAINING),
    Axis(
        name="train",
        default=(),
        meaning="modules that alone are trained, less what freeze names; none named: all",
        lists=True,
        scenarios=_TRAINING,
    ),
    Axis(
        name="trainer",
        default="plain",
        meaning="who runs the step: a plain loop, or accelerate's Accelerator",
        choices=("plain", "accelerate"),
        scenarios=_TRAINING,
    ),
    Axis(
        name="page_cache",
        default="auto",
        meaning="state of the checkpoint's pages before each load; auto leaves them as they are",
        choices=("auto", "warm", "cold"),
        scenarios=_LOADING,
    ),
    Axis(
        name="mmap",
        default="auto",
        meaning="map the weight files, or read them into memory; auto as the library does",
        choices=("auto", True, False),
        scenarios=_LOADING,
    ),
    Axis(
        name="local_files_only",
        default="auto",
        meaning="load a model of the Hub by its name, from the cache alone, or with the Hub asked whether it is still right; "
        "auto loads from the snapshot's folder",
        choices=("auto", True, False),
        scenarios=_LOADING,
    ),
    Axis(
        name="format",
        default="auto",
        meaning="of the weight files: one of safetensors, several, or pickled; auto is the checkpoint's",
        choices=("auto", "safetensors", "sharded", "pickle"),
        scenarios=_LOADING,
    ),
)

BY_NAME: dict[str, Axis] = {axis.name: axis for axis in AXES}
