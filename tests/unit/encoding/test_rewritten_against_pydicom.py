"""Every real file as pydicom writes it, in each encoding, with lengths and without: walked as it reads it.

``DCMTOOLS_TEST_MUTATIONS=20000`` takes the larger files as well.
"""

from __future__ import annotations

import warnings
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from pydicom import config, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_dataset

from tests.support.encoded import part10
from tests.support.mutating import MUTATIONS
from tests.support.samples import pydicom_data_files, real_files
from tests.unit.encoding.test_against_pydicom import differences

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

LARGEST: Final = 1 << 40 if MUTATIONS >= 20_000 else 12_000
EXCEPTIONS: Final = {
    (
        "mlut_18.dcm",
        "implicit",
        True,
    ): "what may be US or SS goes by the Pixel Representation around the item, "
    "which pydicom has forgotten within a sequence without a length, and not within one with a length",
}


class Form(NamedTuple):
    implicit: bool
    little: bool
    syntax: str


FORMS: Final = {
    "implicit": Form(True, True, "1.2.840.10008.1.2"),
    "explicit little": Form(False, True, "1.2.840.10008.1.2.1"),
    "explicit big": Form(False, False, "1.2.840.10008.1.2.2"),
    "deflated": Form(False, True, "1.2.840.10008.1.2.1.99"),
}


def read(path: Path) -> Dataset | None:
    """The data set with all that is in it; None where pydicom finds none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return dcmread(path, force=True)
        except Exception:
            return None


def define(data_set: Dataset, *, undefined: bool) -> bool:
    """Have all sequences and items written in one style; tell whether nothing is encapsulated."""
    native = True
    for each in data_set:
        if each.VR == "SQ":
            each.is_undefined_length = each.value.is_undefined_length = undefined
            for item in each.value:
                item.is_undefined_length_sequence_item = undefined
                native &= define(item, undefined=undefined)
        else:
            native &= not each.is_undefined_length
    return native


def written(path: Path, form: Form, *, undefined: bool) -> bytes | None:
    data_set = read(path)
    if data_set is None:
        return None
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = form.implicit, form.little
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            native = define(data_set, undefined=undefined)
            if not native and form is not FORMS["explicit little"]:
                return None
            write_dataset(out, correct_ambiguous_vr(data_set, form.little))
        except Exception:
            return None
    body = out.getvalue()
    return part10(zlib.compress(body, wbits=-15) if form is FORMS["deflated"] else body, form.syntax)


@pytest.fixture(autouse=True)
def _lenient_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.settings, "_reading_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "_writing_validation_mode", config.IGNORE)


@pytest.mark.parametrize("undefined", [False, True], ids=["lengths", "delimiters"])
@pytest.mark.parametrize("name", FORMS)
def test_what_pydicom_writes_is_walked_as_it_reads_it(name: str, undefined: bool, tmp_path: Path) -> None:
    path, wrong, count = tmp_path / "a.dcm", {}, 0
    argued = {file for file, form, style in EXCEPTIONS if (form, style) == (name, undefined)}
    for original in [*real_files(), *pydicom_data_files()]:
        if original.stat().st_size > LARGEST and original.name not in argued:
            continue
        data = written(original, FORMS[name], undefined=undefined)
        if data is None:
            continue
        count += 1
        path.write_bytes(data)
        if told := differences(path):
            wrong[original.name] = told
    assert wrong.keys() == argued, wrong
    assert count > 130
