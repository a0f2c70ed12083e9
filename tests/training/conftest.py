"""Shards of twelve small pictures, on which the tests of this folder train."""

import pytest
from small_training import write_data


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("training"))
