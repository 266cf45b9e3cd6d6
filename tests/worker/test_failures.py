import errno

import pytest
from huggingface_hub.errors import StrictDataclassFieldValidationError

from bench.domain.errors import UsageError
from bench.domain.outcome import Outcome, ReasonCode
from bench.worker.failures import Refused, classify


class OutOfMemoryError(RuntimeError):
    """Named as torch's own."""


class SafetensorError(Exception):
    """Named as safetensors' own."""


def hidden(root: Exception) -> ImportError:
    """Give ROOT as a lazy module raises it."""
    error = ModuleNotFoundError("Could not import module 'GPT2LMHeadModel'.\nSet the verbosity to see more")
    error.__cause__ = RuntimeError("a stage between")
    error.__cause__.__context__ = root
    return error


FOUND = [
    (Refused("no such device", ReasonCode.NO_DEVICE), Outcome.UNSUPPORTED, ReasonCode.NO_DEVICE),
    (MemoryError(), Outcome.OUT_OF_MEMORY, ReasonCode.ALLOCATION_FAILED),
    (MemoryError("Cannot allocate memory (os error 12)"), Outcome.OUT_OF_MEMORY, ReasonCode.ALLOCATION_FAILED),
    (OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), Outcome.OUT_OF_MEMORY, ReasonCode.ALLOCATION_FAILED),
    (
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried …"),
        Outcome.OUT_OF_MEMORY,
        ReasonCode.ALLOCATION_FAILED,
    ),
    (
        RuntimeError("unable to mmap 1192135096 bytes from file <x>: Cannot allocate memory (12)"),
        Outcome.OUT_OF_MEMORY,
        ReasonCode.ALLOCATION_FAILED,
    ),
    (RuntimeError("std::bad_alloc"), Outcome.OUT_OF_MEMORY, ReasonCode.ALLOCATION_FAILED),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), Outcome.OUT_OF_MEMORY, ReasonCode.ALLOCATION_FAILED),
    (OSError(errno.ENOSPC, "No space left on device"), Outcome.ERROR, ReasonCode.DISK_SPACE),
    (OSError(errno.EACCES, "Permission denied"), Outcome.ERROR, ReasonCode.EXCEPTION),
    (
        ImportError("FlashAttention2 … the package for FlashAttention2 doesn't seem to be installed."),
        Outcome.UNSUPPORTED,
        ReasonCode.MISSING_PACKAGE,
    ),
    (ModuleNotFoundError("No module named 'bitsandbytes'"), Outcome.UNSUPPORTED, ReasonCode.MISSING_PACKAGE),
    (
        ImportError("Using `bitsandbytes` requires the latest version: pip install -U bitsandbytes"),
        Outcome.UNSUPPORTED,
        ReasonCode.MISSING_PACKAGE,
    ),
    (ImportError("cannot import name 'x' from partially initialized module"), Outcome.ERROR, ReasonCode.EXCEPTION),
    (
        ValueError("GPT2LMHeadModel does not support an attention implementation through torch's flex_attention."),
        Outcome.UNSUPPORTED,
        ReasonCode.NOT_IN_CLASS,
    ),
    (
        ValueError("`QuantizedCache` is only supported for models with only full attention layers."),
        Outcome.UNSUPPORTED,
        ReasonCode.NOT_IN_CLASS,
    ),
    (ValueError("Cannot use prefill chunking without a cache"), Outcome.UNSUPPORTED, ReasonCode.NOT_IN_CLASS),
    (NotImplementedError("this is not supported for mps"), Outcome.UNSUPPORTED, ReasonCode.NOT_IN_CLASS),
    (
        RuntimeError("No viable backend for scaled_dot_product_attention was found."),
        Outcome.UNSUPPORTED,
        ReasonCode.NOT_IN_CLASS,
    ),
    (RuntimeError("No available kernel. Aborting execution."), Outcome.UNSUPPORTED, ReasonCode.NOT_IN_CLASS),
    (SafetensorError("Error while deserializing header: incomplete metadata"), Outcome.ERROR, ReasonCode.BROKEN_WEIGHTS),
    (
        ValueError("The checkpoint you are trying to load has model type `gptx` but Transformers does not recognize this one"),
        Outcome.UNSUPPORTED,
        ReasonCode.NOT_IN_VERSION,
    ),
    (StrictDataclassFieldValidationError("n_layer", TypeError("expected int")), Outcome.UNSUPPORTED, ReasonCode.INPUT_MISMATCH),
    (RuntimeError("shape mismatch"), Outcome.ERROR, ReasonCode.EXCEPTION),
    (KeyError("x"), Outcome.ERROR, ReasonCode.EXCEPTION),
    (SystemExit(3), Outcome.ERROR, ReasonCode.EXCEPTION),
]


@pytest.mark.parametrize(
    ("error", "outcome", "code"), FOUND, ids=[f"{type(one[0]).__name__}-{one[2]}-{index}" for index, one in enumerate(FOUND)]
)
def test_an_exception_becomes_an_outcome_with_a_reason(error: BaseException, outcome: Outcome, code: ReasonCode) -> None:
    failed = classify(error)
    assert (failed.outcome, failed.reason_code) == (outcome, code)
    assert failed.reason
    assert "\n" not in failed.reason


def test_an_error_of_ours_speaks_for_itself() -> None:
    assert classify(UsageError("a folder is not empty")).reason == "a folder is not empty"


def test_other_errors_are_named_in_one_line_of_bounded_length() -> None:
    failed = classify(ZeroDivisionError("one\n  two " + "x" * 1000))
    assert failed.reason.startswith("ZeroDivisionError: one two xxx")
    assert failed.reason.endswith("…")
    assert len(failed.reason) <= 620
    assert classify(KeyError()).reason == "KeyError: KeyError"


def test_a_compiler_s_own_complaint_comes_before_its_command_and_warnings() -> None:
    output = f"g++ {'-D X ' * 300}\n/tmp/a.cpp:1:2: warning: odd\n/tmp/a.cpp:3:4: error: 'f' was not declared\n  3 | f();"
    assert classify(ZeroDivisionError(output)).reason.startswith(
        "ZeroDivisionError: /tmp/a.cpp:3:4: error: 'f' was not declared (g++"
    )


def test_a_failed_import_says_on_one_line_what_it_comes_from() -> None:
    found = classify(hidden(RuntimeError("operator torchvision::nms\ndoes not exist")))
    assert found.outcome is Outcome.ERROR
    assert found.reason == (
        "ModuleNotFoundError: Could not import module 'GPT2LMHeadModel'. Set the verbosity to see more "
        "(from RuntimeError: operator torchvision::nms does not exist)"
    )


def test_a_package_that_a_lazy_module_misses_is_a_missing_package() -> None:
    found = classify(hidden(ModuleNotFoundError("No module named 'mamba_ssm'")))
    assert (found.outcome, found.reason_code) == (Outcome.UNSUPPORTED, ReasonCode.MISSING_PACKAGE)


def test_an_import_error_that_names_its_cause_itself_says_it_once() -> None:
    error = ImportError("cannot go on: no kernel")
    error.__cause__ = RuntimeError("no kernel")
    assert classify(error).reason == "ImportError: cannot go on: no kernel"


def test_a_family_that_is_not_known_is_named() -> None:
    said = "The checkpoint you are trying to load has model type `gptx` but Transformers does not recognize this architecture. You"
    reason = classify(ValueError(said)).reason
    assert reason == "model_type 'gptx' of config.json is none that this version of transformers knows: a newer one may"
