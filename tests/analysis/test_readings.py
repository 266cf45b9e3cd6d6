from bench.analysis.reading import readings
from bench.domain.metric import Unit
from tests.support.builders import a_peak, an_amount, samples


def test_warm_up_is_no_part_of_a_trial_s_value() -> None:
    [reading] = readings((samples("forward", [9.0, 9.0], "warmup.forward"), samples("forward", [1.0, 2.0, 3.0])))
    assert (reading.value, reading.values) == (2.0, (1.0, 2.0, 3.0))


def test_a_metric_that_was_only_warmed_up_has_no_reading() -> None:
    assert readings((samples("forward", 9.0, "warmup.forward"),)) == ()


def test_a_peak_is_the_largest_of_the_phases_but_not_of_a_probe_s_own_pass() -> None:
    peak = a_peak()
    [reading] = readings(
        (
            samples(peak, 5, "load"),
            samples(peak, 7, "warmup.forward"),
            samples(peak, 6, "measure.forward"),
            samples(peak, 99, "probe.x"),
        )
    )
    assert reading.value == 7
    assert reading.phases == {"load": 5, "warmup.forward": 7, "measure.forward": 6, "probe.x": 99}


def test_parts_stand_beside_the_whole_and_not_in_it() -> None:
    count = an_amount("params.count", Unit.ONE)
    [reading] = readings((samples(count, 10, "load"), samples(count, 4, "load", part="component=vision")))
    assert (reading.value, reading.values, reading.parts) == (10, (10,), {"component=vision": 4})


def test_samples_without_values_say_nothing() -> None:
    assert readings((samples("itl", []),)) == ()


def test_what_was_read_in_a_probe_s_pass_counts_where_it_is_no_peak() -> None:
    [reading] = readings((samples(an_amount("memory.kv_cache"), 64, "probe.kv_cache"),))
    assert reading.value == 64
    assert reading.phases == {}
