"""What is compared with what was asked. What is read off real models is tested with them."""

import warnings

import pytest

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.network import attention, kernels, observe

ASKED: dict[str, Json] = {
    "model": "tiny-gpt2",
    "task": "text-generation",
    "scenario": "inference",
    "dtype": "auto",
    "attention": "sdpa:math",
    "device": "cuda",
    "batch_size": 2,
    "environment": "this",
    "ranks": 1,
    "parallel": "tensor",
}
GOT: dict[str, Json] = {"dtype": "float32", "attention": "sdpa", "device": "cuda:0", "batch_size": 2, "ranks": 1}


def test_what_was_asked_and_got_is_not_refused() -> None:
    observe.refuse_differences(ASKED, GOT)


@pytest.mark.parametrize("asked", ["cuda", "cuda:0"])
def test_a_first_device_is_itself_in_either_spelling(asked: str) -> None:
    requested = {**ASKED, "device": asked}
    observe.refuse_differences(requested, {**GOT, **observe.spell_as_requested(requested, GOT)})


@pytest.mark.parametrize(
    ("axis", "got", "said"),
    [
        ("batch_size", 3, "batch_size 2 was asked for and 3 was got"),
        ("attention", "eager", "attention 'sdpa:math' was asked for and 'eager' was got"),
        ("attention", "eager+sdpa", "attention 'sdpa:math' was asked for and 'eager+sdpa' was got"),
        ("device", "cpu", "device 'cuda' was asked for and 'cpu' was got"),
        ("device", "cuda:1", "device 'cuda' was asked for and 'cuda:1' was got"),
    ],
)
def test_any_other_axis_is_refused_with_both_values(axis: str, got: Json, said: str) -> None:
    with pytest.raises(Refused) as refused:
        observe.refuse_differences(ASKED, {**GOT, axis: got})
    assert str(refused.value) == said
    assert refused.value.refusal.reason_code is ReasonCode.NOT_AS_REQUESTED


def test_an_axis_that_nothing_observed_is_refused_unless_it_was_auto() -> None:
    with pytest.raises(Refused, match="batch_size 2 was asked for and 'nothing that could be observed' was got"):
        observe.refuse_differences(ASKED, {name: value for name, value in GOT.items() if name != "batch_size"})
    observe.refuse_differences({"dtype": "auto"}, {})


def test_how_ranks_share_a_model_matters_with_more_than_one() -> None:
    with pytest.raises(Refused, match="parallel 'tensor' was asked for"):
        observe.refuse_differences({**ASKED, "ranks": 2}, {**GOT, "ranks": 2})


def test_all_differences_are_named() -> None:
    with pytest.raises(Refused, match=r"batch_size .*; device "):
        observe.refuse_differences({"batch_size": 1, "device": "cpu"}, {"batch_size": 2, "device": "mps"})


@pytest.mark.parametrize("got", [{"realised_prompt_tokens": 20.5, "prompt_lengths": [9, 32]}, {"realised_prompt_tokens": 8}])
def test_lengths_of_a_distribution_are_what_was_asked(got: dict[str, Json]) -> None:
    asked: dict[str, Json] = {"prompt_tokens": {"uniform": [8, 40]}}
    observe.refuse_differences(asked, {**got, "prompt_tokens": got["realised_prompt_tokens"]})
    assert observe.spell_as_requested(asked, got) == asked


@pytest.mark.parametrize("got", [{"realised_prompt_tokens": 20.5, "prompt_lengths": [9, 41]}, {"realised_prompt_tokens": 7}, {}])
def test_one_length_outside_of_its_distribution_is_refused(got: dict[str, Json]) -> None:
    asked: dict[str, Json] = {"prompt_tokens": {"uniform": [8, 40]}}
    assert observe.spell_as_requested(asked, got) == {}
    with pytest.raises(Refused, match=r"prompt_tokens .*uniform.* was asked for and "):
        observe.refuse_differences(asked, {**got, "prompt_tokens": got.get("realised_prompt_tokens")})


def test_a_mean_is_no_plain_length() -> None:
    with pytest.raises(Refused, match=r"prompt_tokens 20 was asked for and \[10, 30\] was got"):
        observe.refuse_differences({"prompt_tokens": 20}, {"prompt_tokens": 20.5, "prompt_lengths": [10, 30]})


def test_an_accelerator_s_first_device_is_spelt_as_asked() -> None:
    assert observe.spell_as_requested({"device": "cuda"}, {"device": "cuda:0"}) == {"device": "cuda"}
    assert observe.spell_as_requested({"device": "cuda"}, {"device": "cuda:1"}) == {}
    assert observe.spell_as_requested({"device": "cuda:0"}, {"device": "cuda:0"}) == {}


@pytest.mark.parametrize(
    ("asked", "given"), [("auto", None), ("eager", "eager"), ("sdpa:math", "sdpa"), ("flash_attention_2", "flash_attention_2")]
)
def test_an_attention_of_the_axis_is_an_implementation_of_transformers(asked: str, given: str | None) -> None:
    assert attention.implementation(asked) == given


@pytest.mark.parametrize(
    ("asked", "ran", "fits"),
    [
        ("auto", "eager+flash", True),
        ("eager", "eager", True),
        ("eager", "flash", False),
        ("sdpa", "flash+math", True),
        ("sdpa", "eager+flash", True),
        ("sdpa", "eager", False),
        ("sdpa:flash", "eager+flash", True),
        ("sdpa:flash", "flash+math", False),
        ("flex_attention", "flex", True),
        ("flex_attention", "math", False),
        ("flash_attention_2", "flash_attention_2", True),
        ("flash_attention_2", "flash", False),
    ],
)
def test_what_ran_fits_what_was_asked_or_is_refused(asked: str, ran: str, *, fits: bool) -> None:
    if fits:
        attention.check_kernel(asked, ran)
    else:
        with pytest.raises(Refused, match="but the kernel that ran is"):
            attention.check_kernel(asked, ran)


def test_a_kernel_that_was_not_asked_for_is_refused() -> None:
    for ran in ("flash", "flash+math", "eager"):
        with pytest.raises(Refused, match=f"'sdpa:math' was asked for, but the kernel that ran is '{ran}'".replace("+", r"\+")):
            attention.check_kernel("sdpa:math", ran)


def test_eager_attention_that_a_compiler_fused_is_said_to_be_that() -> None:
    with pytest.raises(Refused, match="the kernel that ran is 'flash': the compiler fused it, and `attention: sdpa` says so"):
        attention.check_kernel("eager", "flash", compiled=True)


def test_without_a_named_kernel_nothing_is_forced() -> None:
    with attention.kernel("sdpa"):
        pass


@pytest.mark.torch
def test_of_torch_s_reasons_those_of_the_kernel_asked_for_are_told() -> None:
    why = "For dense input, both fused kernels require query, key and value to have the same num_heads."
    every = (
        "Memory efficient kernel not used because:", why,
        "Flash attention kernel not used because:", "Flash attention has been runtime disabled.",
        "cuDNN attention kernel not used because:", "cuDNN attention has been runtime disabled.",
    )  # fmt: skip

    def refuses() -> None:
        with attention.kernel("sdpa:efficient"):
            for said in every:
                warnings.warn(f"{said} (Triggered internally at /torch/aten/cuda/sdp_utils.cpp:1.)", UserWarning, stacklevel=1)
            msg = "No available kernel. Aborting execution."
            raise RuntimeError(msg)

    with pytest.warns(UserWarning, match=" "), pytest.raises(RuntimeError) as caught:
        refuses()
    assert str(caught.value) == f"No available kernel. Aborting execution. Memory efficient kernel not used because: {why}"


@pytest.mark.parametrize(
    ("operator", "kernel"),
    [
        ("flash_attn::_flash_attn_varlen_forward", "flash_attention_2"),
        ("flash_attn_3::_flash_attn_forward", "flash_attention_3"),
        ("fa3_fwd::_flash_attn_forward", "flash_attention_3"),
        ("_vllm_fa3_C::fwd", "flash_attention_3"),
        ("_flash_attn3_1d39a44::fwd", "flash_attention_3"),
        ("_flash_attn2_8fa3b1c::fwd", "flash_attention_2"),
        ("_flash_attn_3c0ffee::fwd", "flash_attention_2"),
        ("aten::_scaled_dot_product_flash_attention", "flash"),
        ("aten::_scaled_dot_product_cudnn_attention", "cudnn"),
    ],
)
def test_the_operators_of_kernels_are_known_by_their_names(operator: str, kernel: str) -> None:
    assert kernels.named(operator) == kernel
