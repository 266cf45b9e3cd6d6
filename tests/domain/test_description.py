"""How a description reads."""

from bench.domain.description import Description


def test_a_description_is_drawn_as_a_tree_largest_part_first() -> None:
    told = Description(
        model_class="XForY",
        processor_class="XProcessor",
        tasks=("fill-mask",),
        classes={"fill-mask": "XForY"},
        fresh_head={"text-classification": "XForZ"},
        parameters=1_234_000,
        trainable=1_000,
        bytes=2_468_000,
        by_component={"head": 468_000, "language": 2_000_000},
        by_dtype={"float16": 2_468_000},
        parameters_by_component={"head": 234_000, "language": 1_000_000},
        devices={"cpu": 2_468_000},
        attention={"eager": True, "sdpa": False, "flex_attention": True},
        gradient_checkpointing=True,
        disk_bytes=2_500_000_000,
        remarks=("a remark",),
    )
    assert str(told).splitlines() == [
        "XForY, 2.47 MB",
        "├─ parameters 1,234,000 (1,000 trainable)",
        "│  ├─ language          1,000,000 parameters       2 MB",
        "│  └─ head                234,000 parameters     468 kB",
        "├─ dtype float16 (2.47 MB)",
        "├─ device cpu (2.47 MB)",
        "├─ attention eager, flex_attention",
        "├─ gradient checkpointing yes",
        "├─ processor XProcessor",
        "├─ on disk 2.5 GB",
        "├─ task fill-mask: XForY",
        "├─ with a fresh head text-classification: XForZ",
        "└─ remark: a remark",
    ]


def test_what_is_not_known_is_left_out() -> None:
    assert str(Description(model_class="X")).splitlines() == [
        "X, 0 B",
        "├─ parameters 0 (0 trainable)",
        "├─ dtype none",
        "├─ device none",
        "├─ attention its own",
        "└─ gradient checkpointing no",
    ]


def test_sizes_have_decimal_prefixes_and_three_digits() -> None:
    sizes = (999, 1_000, 65_432, 7_063_427_072, 5 * 10**15)
    shown = [str(Description(model_class="X", bytes=size)).splitlines()[0] for size in sizes]
    assert shown == ["X, 999 B", "X, 1 kB", "X, 65.4 kB", "X, 7.06 GB", "X, 5e+03 TB"]
