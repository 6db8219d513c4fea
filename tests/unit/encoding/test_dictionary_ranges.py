"""Repeating groups, private blocks, and the tables being those of the installed pydicom."""

from __future__ import annotations

import subprocess
import sys
import time

import pydicom
import pytest
from pydicom._dicom_dict import RepeatersDictionary
from pydicom.datadict import get_entry

from dcmtools.data import uids
from dcmtools.encoding.dictionary import PrivateBlocks, lookup


@pytest.mark.parametrize("mask", RepeatersDictionary)
def test_every_range_of_ps36(mask: str) -> None:
    """PS3.6: 50xx and 60xx for even groups, (0020,31xx) and the like."""
    for digits in ("00", "02", "1E", "22", "FE"):
        tag = int(mask.replace("xx", digits).replace("x", digits[-1]), 16)
        if not tag & 0xFFFF:
            continue  # a group length, whatever range it falls into (PS3.5 7.2)
        vr, vm, _, _, keyword = get_entry(tag)
        assert lookup(tag) == (vr, vm, keyword)


def test_an_odd_group_in_a_range_is_private() -> None:
    assert lookup(0x60010010) == ("LO", "1", "PrivateCreator")
    assert lookup(0x60013000) == ("UN", "1", "")


def test_looking_unknown_tags_up_stays_quick() -> None:
    began = time.process_time()
    for tag in range(0x12340001, 0x12340001 + 20_000):
        assert lookup(tag) == ("UN", "1", "")
    assert time.process_time() - began < 2


def test_a_block_belongs_to_its_level_group_and_number() -> None:
    """PS3.5 7.8.1."""
    blocks = PrivateBlocks()
    blocks.reserve(0, 0x00290011, "A")
    blocks.reserve(2, 0x00290011, "B")
    assert blocks.creator(0, 0x00291101) == "A"
    assert blocks.creator(2, 0x002911FF) == "B"
    assert [blocks.creator(*place) for place in ((0, 0x00291001), (0, 0x00311101), (4, 0x00291101))] == [
        ""
    ] * 3
    blocks.enter(2)
    assert blocks.creator(2, 0x00291101) == ""
    assert blocks.creator(0, 0x00291101) == "A"


def test_the_tables_are_what_pydicom_gives() -> None:
    """In a process of its own: pynetdicom adds UIDs of its own to pydicom's table."""
    if f"pydicom {pydicom.__version__};" not in (uids.__doc__ or ""):
        pytest.skip(f"the tables come from another version than pydicom {pydicom.__version__}")
    check = [sys.executable, "-m", "dcmtools.data.generate", "--check"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")
