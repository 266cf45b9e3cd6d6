"""The axes that decide a deployment on a GPU at true size: the suite that is shipped for them, with fewer calls.

It needs 8 GB of disk for checkpoints that are written once, and no network.
"""

from typing import Any

import pytest

from tests.support.shipped import rows_of

pytestmark = pytest.mark.gpu

KERNELS = ("math", "flash", "efficient", "cudnn")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return rows_of("gpu/axes.yaml", tmp_path_factory.mktemp("gpu"))


def test_every_case_is_measured_or_says_why_not(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row["outcome"] in {"finished", "unsupported"}, (row["case"]["label"], row["reason"])
        assert row["outcome"] == "finished" or row["reason"], row["case"]["label"]
    assert any(row["outcome"] == "finished" for row in rows)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_that_is_asked_for_is_the_one_seen(kernel: str, rows: list[dict[str, Any]]) -> None:
    asked = [row for row in rows if row["case"]["requested"].get("attention") == f"sdpa:{kernel}"]
    finished = [row for row in asked if row["outcome"] == "finished"]
    for row in finished:
        assert kernel in str(row["case"]["observed"]["attention_kernel"]), row["case"]["label"]
    if not finished and kernel == "cudnn":  # which GPUs and versions have it is for torch to say
        assert asked
        assert all("cudnn" in row["reason"].lower() for row in asked)
        pytest.skip(asked[0]["reason"])
    assert finished


@pytest.mark.parametrize("version", ["flash_attention_2", "flash_attention_3"])
def test_flash_attention_is_what_ran_where_its_package_is_installed(version: str, rows: list[dict[str, Any]]) -> None:
    asked = [row for row in rows if row["case"]["requested"].get("attention") == version]
    assert asked
    for row in asked:
        if row["outcome"] == "finished":
            assert row["case"]["observed"]["attention_kernel"] == version, row["case"]["label"]
            assert row["case"]["observed"]["flops_uncounted"] == [], row["case"]["label"]
        else:
            assert row["reason_code"] in {"missing_package", "no_device"}, row["reason"]


def test_outputs_are_compared_with_the_reference(rows: list[dict[str, Any]]) -> None:
    compared = [row for row in rows if row["outcome"] == "finished" and "quantization" not in row["case"]["label"]]
    for row in compared:
        assert any(name.startswith("parity.") for name in row["metrics"]), row["case"]["label"]
        assert not row["drifted"], row["case"]["label"]
