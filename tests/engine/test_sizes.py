import pytest

from regard.engine.sizes import bytes_of
from regard.errors import SettingError


@pytest.mark.parametrize(("text", "expected"), [("512MB", 2**29), ("8 GiB", 2**33), ("1.5k", 1536), ("7", 7)])
def test_sizes_as_people_write_them(text, expected):
    assert bytes_of(text) == expected


@pytest.mark.parametrize("text", ["", "lots", "8 GX", "-1MB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(SettingError, match="512MB"):
        bytes_of(text)
