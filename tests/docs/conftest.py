"""The command line for these tests."""

from tests.support.commands import bench

__all__ = ["bench"]
