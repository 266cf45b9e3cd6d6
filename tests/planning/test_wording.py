from bench.domain.axes import BY_NAME
from bench.planning import wording


def test_an_unknown_word_names_the_choices_and_the_nearest() -> None:
    assert (
        wording.unknown("quantization", "nf5", ["none", "bnb-nf4", "bnb-int8"])
        == 'quantization "nf5" is not known (knows: none, bnb-nf4, bnb-int8). Did you mean "bnb-nf4"?'
    )


def test_nothing_near_is_not_guessed_at() -> None:
    assert wording.unknown("dtype", "zzz", ["float32"]) == 'dtype "zzz" is not known (knows: float32)'
    assert wording.did_you_mean(5, ["5"]) == ""


def test_long_lists_are_cut_and_counted() -> None:
    assert wording.knows(str(number) for number in range(15)) == "(knows: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 … 3 more)"


def test_values_are_shown_as_they_would_be_written() -> None:
    assert wording.quoted(value=True) == "true"
    assert wording.quoted({"a": (1, None)}) == '{"a":[1,null]}'
    assert wording.quoted(3j) == "3j"
    assert wording.quoted("x" * 100) == '"' + "x" * 59 + "…"


def test_an_axis_says_what_it_takes() -> None:
    assert wording.spellings(BY_NAME["threads"]) == ("auto", "integers from 1")
    assert wording.spellings(BY_NAME["gradient_checkpointing"]) == ("true", "false")
    assert wording.spellings(BY_NAME["freeze"]) == ("lists of strings",)
    assert wording.spellings(BY_NAME["device_map"])[-1] == "a mapping with max_memory, offload, modules"
    assert wording.spellings(BY_NAME["image_size"])[1].startswith("strings like ")


def test_an_unknown_value_of_an_axis_is_named_with_what_was_probably_meant() -> None:
    assert wording.unknown_value(BY_NAME["dtype"], "bfloat") == (
        'dtype "bfloat" is not known (knows: float32, bfloat16, float16, auto). Did you mean "bfloat16"?'
    )
    assert wording.unknown_value(BY_NAME["batch_size"], 0) == "batch_size 0 is not known (knows: integers from 1)"
