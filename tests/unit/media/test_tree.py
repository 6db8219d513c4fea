"""Records of a File-set, grown file by file, and the File IDs of new ones."""

from __future__ import annotations

from typing import Any

import pytest

from dcmtools.encoding.dataset import decode, made, text
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.errors import InputError
from dcmtools.files.file_ids import conformant
from dcmtools.files.inputs import Input
from dcmtools.media.entries import Entry, FileSet, Reference, references, walk
from dcmtools.media.looking import Facts, Level
from dcmtools.media.numbering import Names, is_ours
from dcmtools.media.record_keys import Rules, keys_of
from dcmtools.media.tree import Added, Tree

CT = "1.2.840.10008.5.1.4.1.1.2"
WHOLE = {
    "PatientID": "P1",
    "PatientName": "Doe",
    "StudyInstanceUID": "1.2.3",
    "StudyDate": "20240102",
    "StudyTime": "10",
    "StudyID": "1",
    "SeriesInstanceUID": "1.2.3.4",
    "SeriesNumber": "1",
    "Modality": "CT",
    "InstanceNumber": "1",
}


def facts(uid: str = "1.2.9", **values: Any) -> Facts:  # noqa: ANN401  as made
    given = {name: value for name, value in (WHOLE | values).items() if value is not None}
    data_set = made(**given)
    levels = []
    for kind, name in (
        ("PATIENT", "PatientID"),
        ("STUDY", "StudyInstanceUID"),
        ("SERIES", "SeriesInstanceUID"),
    ):
        keys = keys_of(data_set, kind, Rules())
        level = Level(text(decode(keys.encoded, EXPLICIT), name), keys, person=given.get("PatientName", ""))
        levels.append(level._replace(issuer=given.get("IssuerOfPatientID", "")))
    keys = keys_of(data_set, "IMAGE", Rules())
    syntax = "1.2.840.10008.1.2.1"
    return Facts(Input("a"), "IMAGE", CT, uid, syntax, (), tuple(levels), keys, 1, 2, 3)


def grown(*several: Facts, file_set: FileSet | None = None) -> tuple[Tree, list[Added]]:
    tree = Tree(file_set or FileSet(uid="1.2"))
    return tree, [tree.add(each) for each in several]


def values(entry: Entry, keyword: str) -> str:
    return text(decode(entry.keys, EXPLICIT), keyword)


def of(tree: Tree, kind: str) -> list[Entry]:
    return [entry for entry in walk(tree.file_set.roots) if entry.type == kind]


def test_what_was_made_up_gives_way_to_what_a_later_file_says() -> None:
    tree, added = grown(
        facts("1.2.9", PatientID=None, StudyID=None), facts("1.2.10", PatientID="P7", StudyID="S7")
    )
    assert [len(each.invented) for each in added] == [2, 0]
    (patient,), (study,) = of(tree, "PATIENT"), of(tree, "STUDY")
    assert (values(patient, "PatientID"), values(study, "StudyID")) == ("P7", "S7")
    tree.add(facts("1.2.11", PatientID="P7", StudyInstanceUID="1.2.4", SeriesInstanceUID="1.2.4.5"))
    assert len(of(tree, "PATIENT")) == 1
    assert tree.differing == 0


def test_text_of_several_character_sets_is_kept_in_one() -> None:
    def written(charset: str, **values: str) -> Facts:
        about = made(SpecificCharacterSet=charset, **WHOLE | values)
        about.charset = b"ISO_IR 192"
        keys = keys_of(about, "PATIENT", Rules(charset=charset.encode()))
        plain = facts(**values)
        return plain._replace(levels=(plain.levels[0]._replace(keys=keys), *plain.levels[1:]))

    first = written("ISO_IR 100", PatientName="Größe")
    second = written("ISO_IR 144", PatientName="", IssuerOfPatientID="Дом")
    tree, _ = grown(first, second._replace(sop_instance="1.2.10"))
    (patient,) = of(tree, "PATIENT")
    assert (values(patient, "PatientName"), values(patient, "IssuerOfPatientID")) == ("Größe", "Дом")
    assert values(patient, "SpecificCharacterSet") == "ISO_IR 192"


def test_numbers_are_made_up_by_place() -> None:
    tree, _ = grown(*(facts(f"1.2.{number}", InstanceNumber=None) for number in range(3)))
    assert [values(image, "InstanceNumber") for image in of(tree, "IMAGE")] == ["1", "2", "3"]


def test_what_is_taken_out_takes_those_above_it_along() -> None:
    tree, added = grown(
        facts("1.2.9"),
        facts("1.2.10", SeriesInstanceUID="1.2.3.5"),
        facts("1.2.11", SeriesInstanceUID="1.2.3.5"),
    )
    tree.remove(added[0].entry)
    assert [entry.type for entry in walk(tree.file_set.roots)] == [
        "PATIENT",
        "STUDY",
        "SERIES",
        "IMAGE",
        "IMAGE",
    ]
    assert tree.get("1.2.9") is None
    for each in added[1:]:
        tree.remove(each.entry)
    assert tree.file_set.roots == []
    tree.add(facts("1.2.9", PatientID="P2"))
    assert len(of(tree, "PATIENT")) == 1


def test_a_series_is_of_one_study() -> None:
    tree, _ = grown(facts("1.2.9"))
    with pytest.raises(InputError, match="another study"):
        tree.add(facts("1.2.10", StudyInstanceUID="1.2.4"))
    with pytest.raises(InputError, match="has 'P2'"):
        tree.add(facts("1.2.10", PatientID="P2", SeriesInstanceUID="1.2.3.5"))
    assert len(list(references(tree.file_set.roots))) == 1


# ---------------------------------------------------------------- going on with one that is there


def there(*parts: str) -> FileSet:
    tree, (added,) = grown(facts("1.2.9"))
    tree.settle(added.entry, parts, None)
    return tree.file_set


def test_a_file_set_that_is_there_is_gone_on_with() -> None:
    tree, (added,) = grown(
        facts("1.2.10"), file_set=there("DICOM", "PA000001", "ST000001", "SE000001", "IM000001")
    )
    assert [entry.type for entry in walk(tree.file_set.roots)] == [
        "PATIENT",
        "STUDY",
        "SERIES",
        "IMAGE",
        "IMAGE",
    ]
    names = Names(tree, lambda _: False)
    assert names.name(added.entry) == ("DICOM", "PA000001", "ST000001", "SE000001", "IM000002")


def test_other_names_are_left_alone() -> None:
    tree, (added,) = grown(facts("1.2.10"), file_set=there("IMAGES", "I1"))
    assert Names(tree, lambda _: False).name(added.entry) == (
        *("DICOM", "PA000001", "ST000001", "SE000001", "IM000001"),
    )


def test_a_name_that_is_on_the_medium_is_not_given() -> None:
    tree, (added,) = grown(facts("1.2.10"))
    taken = {("DICOM", "PA000001"), ("DICOM", "PA000002", "ST000001", "SE000001", "IM000001")}
    assert Names(tree, taken.__contains__).name(added.entry) == (
        *("DICOM", "PA000002", "ST000001", "SE000001", "IM000002"),
    )


def test_an_instance_keeps_its_private_uid() -> None:
    entry = Entry("PRIVATE", b"", Reference(("A",), "1.9", "1.2.9", "1.2.840.10008.1.2.1"), private_uid="1.7")
    tree = Tree(FileSet(uid="1.2", roots=[entry]))
    assert tree.get("1.2.9") is entry
    assert tree.above(entry) == []


def test_no_name_is_longer_than_eight() -> None:
    tree = Tree(FileSet())
    names = Names(tree, lambda _: False)
    added = tree.add(facts())
    folder = names.name(added.entry)[:-1]
    names._next[folder, "IM"] = 999_998
    assert names.name(added.entry)[-1] == "IM999999"
    further = names.name(added.entry)
    assert further[-1] == "I1000000"
    assert not conformant(further)
    assert is_ours(further)
