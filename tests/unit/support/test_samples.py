"""The sample files are what they claim to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

from tests.support import samples


def test_every_dicom_file_of_pydicom_is_found() -> None:
    names = {path.name for path in samples.real_files()}
    assert {"CT_small.dcm", "MR_truncated.dcm", "DICOMDIR", "6154", "chrGreek.dcm", "pet.dcm"} <= names
    assert not {"README.txt", "zipMR.gz", "rtplan.dump", "test1.json"} & names


def test_names_are_unique() -> None:
    named = samples.named_files()
    assert len({name for name, _ in named}) == len(named) == len(samples.real_files())


def test_the_larger_files_are_found() -> None:
    assert {"liver.dcm", "emri_small.dcm"} <= {path.name for path in samples.pydicom_data_files()}


def test_finding_files_does_not_import_pydicom() -> None:
    code = (
        "import sys; from tests.support import samples; samples.real_files(); print('pydicom' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=root)
    assert result.stdout == b"False\n"


@pytest.mark.parametrize(("size", "columns"), [(512 * 1024, 512), (10 * 1024, 64)])
def test_synthetic_ct_images_are_distinct_and_of_the_size_asked_for(
    tmp_path: Path, size: int, columns: int
) -> None:
    files = samples.make_ct(tmp_path, 3, size, first=5)
    images = [pydicom.dcmread(path) for path in files]
    assert [image.SOPInstanceUID for image in images] == [samples.sop_instance_uid(n) for n in (5, 6, 7)]
    assert [image.InstanceNumber for image in images] == [5, 6, 7]
    for path, image in zip(files, images, strict=True):
        assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
        assert len(image.PixelData) == image.Rows * columns * 2
        assert abs(path.stat().st_size - size) < 1024


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    [one], [two] = samples.make_small(tmp_path / "1", 1), samples.make_small(tmp_path / "2", 1)
    assert one.read_bytes() == two.read_bytes()


def test_dataset_bytes_begin_after_the_file_meta_information() -> None:
    meta = pydicom.filereader.read_file_meta_info(samples.ct())
    start = 128 + 4 + 12 + meta.FileMetaInformationGroupLength
    assert samples.dataset_bytes(samples.ct()) == samples.ct().read_bytes()[start:]


def test_dataset_bytes_of_a_file_without_meta_are_the_file() -> None:
    bare = samples.real_file("ExplVR_LitEndNoMeta.dcm")
    assert samples.dataset_bytes(bare) == bare.read_bytes()


def test_a_wrong_name_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        samples.real_file("no-such-file.dcm")
