"""Encrypted Attributes: back to the same bytes, whatever the file; what cannot be put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.deidentification import encrypting
from dcmtools.deidentification.cms import Damaged, Recipients, WrongKey
from dcmtools.deidentification.encrypting import ENCRYPTED_ATTRIBUTES, modified_attributes
from dcmtools.deidentification.identifiers import Identifiers
from dcmtools.deidentification.policies import policy_from
from dcmtools.deidentification.reading import Elements
from dcmtools.deidentification.restoring import Restored, restored
from dcmtools.deidentification.verification import leaks
from dcmtools.encoding.dataset import encode, made
from dcmtools.encoding.syntax import EXPLICIT, IMPLICIT
from dcmtools.encoding.writing import element, item
from dcmtools.errors import DcmtoolsError, InputError
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource, spooled
from tests.support.encoded import part10
from tests.support.planting import NATIVE, planted
from tests.support.samples import ct, mr, named_files, pydicom_data_files, real_file
from tests.support.sealed import certificate_of, deidentifier, rsa_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dcmtools.deidentification.policies import PixelPolicy

REMOVED = 0x00120062


@pytest.fixture(scope="module")
def recipients() -> Recipients:
    return Recipients([certificate_of(rsa_key())])


def sealed(
    path: Path,
    out: Path,
    recipients: Recipients,
    pixels: PixelPolicy | None = None,
    retain: Sequence[str] = (),
) -> Path:
    engine = deidentifier(recipients, pixels=pixels, retain=retain)
    with Part10File.open(str(path)) as file, engine.deidentified(file) as done, out.open("w+b") as written:
        done.write(written)
        written.flush()
        with Part10File.open(str(out)) as again:
            found = leaks(
                again, done.identifiers, private=done.private, before=done.before, sealed=done.sealed
            )
            assert not [leak for leak in found if leak.certain]
    return out


def body_of(path: Path) -> bytes:
    """The data set, inflated, without what follows its last element."""
    with Part10File.open(str(path)) as file:
        elements = Elements(file)
        return elements.source.read(elements.start, elements.end - elements.start)


def written(path: Path, out: Path, *, number: int = 0) -> Restored:
    with Part10File.open(str(path)) as file:
        done = restored(file, rsa_key(number))
        out.write_bytes(done.meta + b"".join(done.blocks()))
        return done


def comes_back(path: Path, tmp_path: Path, recipients: Recipients, pixels: PixelPolicy | None = None) -> None:
    hidden = sealed(path, tmp_path / "hidden", recipients, pixels)
    written(hidden, tmp_path / "back")
    assert body_of(tmp_path / "back") == body_of(path)
    with Part10File.open(str(path)) as before, Part10File.open(str(tmp_path / "back")) as after:
        for tag in (0x00020002, 0x00020003, 0x00020010):
            assert after.meta_text(tag) == before.meta_text(tag)


# ---------------------------------------------------------------- there and back


def test_real_files_come_back(tmp_path: Path, recipients: Recipients) -> None:
    done = 0
    for name, path in named_files():
        try:
            sealed(path, tmp_path / "hidden", recipients)
        except DcmtoolsError:
            continue  # damaged, a DICOMDIR, or in no order
        comes_back(path, tmp_path, recipients)
        done += 1
        assert name
    assert done > 150


def test_larger_files_come_back(tmp_path: Path, recipients: Recipients) -> None:
    for path in pydicom_data_files():
        try:
            sealed(path, tmp_path / "hidden", recipients)
        except DcmtoolsError:
            continue
        comes_back(path, tmp_path, recipients)


@pytest.mark.parametrize(
    "name", ["SC_rgb_jpeg_dcmtk.dcm", "ExplVR_BigEnd.dcm", "JPEG2000.dcm", "SC_rgb_rle.dcm", "MR_small.dcm"]
)
def test_pixels_that_were_blanked_come_back(name: str, tmp_path: Path, recipients: Recipients) -> None:
    comes_back(real_file(name), tmp_path, recipients, policy_from("blank"))
    before = body_of(real_file(name))
    assert before[len(before) // 2 :] not in (tmp_path / "hidden").read_bytes()


@pytest.mark.parametrize("syntax", NATIVE)
def test_what_was_planted_comes_back(syntax: str, tmp_path: Path, recipients: Recipients) -> None:
    origin = planted(syntax)
    path = tmp_path / "planted.dcm"
    path.write_bytes(origin.data)
    comes_back(path, tmp_path, recipients, policy_from("check"))
    assert not origin.leaked((tmp_path / "hidden").read_bytes())


def test_done_twice_it_is_undone_twice(tmp_path: Path, recipients: Recipients) -> None:
    once = sealed(ct(), tmp_path / "once", recipients)
    sealed(once, tmp_path / "twice", recipients)
    written(tmp_path / "twice", tmp_path / "back")
    assert body_of(tmp_path / "back") == body_of(once)
    written(tmp_path / "back", tmp_path / "first")
    assert body_of(tmp_path / "first") == body_of(ct())


def test_flags_go_unless_they_were_there(tmp_path: Path, recipients: Recipients) -> None:
    hidden = sealed(ct(), tmp_path / "hidden", recipients)
    written(hidden, tmp_path / "back")
    with Part10File.open(str(tmp_path / "back")) as file:
        tags = Elements(file).top
    assert not {REMOVED, 0x00120063, 0x00120064, 0x00280303, ENCRYPTED_ATTRIBUTES} & tags.keys()


def test_what_was_said_of_an_earlier_method_comes_back(tmp_path: Path, recipients: Recipients) -> None:
    code = made(CodeValue="113109", CodingSchemeDesignator="DCM", CodeMeaning="Retain Device Identity Option")
    before = made(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        SOPInstanceUID="1.2.3",
        PatientIdentityRemoved="YES",
        DeidentificationMethod="by hand",
        DeidentificationMethodCodeSequence=[code],
    )
    path = tmp_path / "before.dcm"
    path.write_bytes(part10(encode(before, EXPLICIT)))
    comes_back(path, tmp_path, recipients)


def test_what_is_encrypted_is_not_searched() -> None:
    """By chance anything may stand there; what only pretends to be encrypted is searched."""
    identifiers = Identifiers()
    identifiers.take(0x00100010, "PN", ["Quendtsson^Ida"])
    content = b"\x30\x80 QUENDTSSON \0\0"
    encrypted = item(element(0x04000520, "OB", content, EXPLICIT), EXPLICIT)
    file = part10(element(ENCRYPTED_ATTRIBUTES, "SQ", encrypted, EXPLICIT))
    with Part10File(FileSource(spooled([file]))) as written_file:
        said = {leak.where for leak in leaks(written_file, identifiers)}
        unsaid = {leak.where for leak in leaks(written_file, identifiers, sealed=content)}
    assert said - unsaid == {"(0400,0520)"}


def test_lengths_of_groups_come_back(tmp_path: Path, recipients: Recipients) -> None:
    def grouped(group: int, body: bytes, wrong: int = 0) -> bytes:
        length = (len(body) + wrong).to_bytes(4, "little")
        return element(group << 16, "UL", length, EXPLICIT) + body

    inner = grouped(8, element(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2", EXPLICIT), wrong=2)
    identity = grouped(
        8, encode(made(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID="1.2.3"), EXPLICIT)
    )
    kept = element(0x00186011, "SQ", item(inner, EXPLICIT), EXPLICIT)
    patient = grouped(0x10, encode(made(PatientName="Doe^Jane", PatientID="J4711"), EXPLICIT))
    path = tmp_path / "grouped.dcm"
    path.write_bytes(part10(identity + patient + kept))
    comes_back(path, tmp_path, recipients)


def test_what_others_add_stays(tmp_path: Path, recipients: Recipients) -> None:
    hidden = sealed(ct(), tmp_path / "hidden", recipients)
    comment = element(0x00209158, "LT", b"seen by the core lab", EXPLICIT)
    data = hidden.read_bytes()
    at = data.index(b"\x28\x00\x02\x00US")
    hidden.write_bytes(data[:at] + comment + data[at:])
    written(hidden, tmp_path / "back")
    assert comment in body_of(tmp_path / "back")


# ---------------------------------------------------------------- what cannot be, or must not


def test_for_another_key(tmp_path: Path, recipients: Recipients) -> None:
    hidden = sealed(ct(), tmp_path / "hidden", recipients)
    with pytest.raises((WrongKey, Damaged)):
        written(hidden, tmp_path / "back", number=1)
    assert not (tmp_path / "back").exists()


def test_nothing_is_encrypted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Encrypted Attributes"):
        written(ct(), tmp_path / "back")


def test_attributes_of_another_instance(tmp_path: Path, recipients: Recipients) -> None:
    """Somebody has copied the sequence of one file into another: that would be the wrong patient."""
    one, other = (sealed(path, tmp_path / path.name, recipients) for path in (ct(), mr()))
    sequences = []
    for path in (one, other):
        with Part10File.open(str(path)) as file:
            elements = Elements(file)
            begin = elements.top[ENCRYPTED_ATTRIBUTES][2]
            after = min(each[2] for each in elements.top.values() if each[2] > begin)
            sequences.append((begin, elements.source.read(begin, after - begin)))
    data = other.read_bytes()
    begin, old = sequences[1]
    other.write_bytes(data[:begin] + sequences[0][1] + data[begin + len(old) :])
    with pytest.raises(InputError, match=r"belongs to the instance 2\.25\."):
        written(other, tmp_path / "back")


def test_a_single_bit_of_the_encrypted_is_noticed(tmp_path: Path, recipients: Recipients) -> None:
    """CBC lets a bit be turned in one block at the price of another: a name would be another name."""
    hidden = sealed(ct(), tmp_path / "hidden", recipients)
    data = hidden.read_bytes()
    with Part10File.open(str(hidden)) as file:
        begin = Elements(file).top[ENCRYPTED_ATTRIBUTES][3]
    for at in range(begin + 700, begin + 2600, 97):
        harmed = bytearray(data)
        harmed[at] ^= 1
        hidden.write_bytes(harmed)
        with pytest.raises(Damaged):
            written(hidden, tmp_path / "back")


def test_elements_in_no_order_are_refused(tmp_path: Path, recipients: Recipients) -> None:
    path = tmp_path / "unordered.dcm"
    path.write_bytes(part10(_NAME + encode(made(SOPInstanceUID="1.2.3"), EXPLICIT)))
    with pytest.raises(InputError, match="could not be put back there"):
        sealed(path, tmp_path / "hidden", recipients)


def test_too_much_is_refused(tmp_path: Path, recipients: Recipients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypting, "MOST_ORIGINALS", 1000)
    with pytest.raises(InputError, match="bytes; at most"):
        sealed(ct(), tmp_path / "hidden", recipients, policy_from("blank"))


def _data(*parts: bytes) -> bytes:
    return element(0x04000550, "SQ", b"".join(parts), EXPLICIT)


_NAME = element(0x00100010, "PN", b"Doe", EXPLICIT)
_CREATOR = element(0x04010010, "LO", b"DCMTOOLS REVERSAL", EXPLICIT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 9,
        _NAME,
        _data(),
        _data(item(_NAME, EXPLICIT), item(_NAME, EXPLICIT)),
        _data(item(_NAME, EXPLICIT)) + _CREATOR,
        _data(item(_NAME, EXPLICIT)) + _CREATOR + element(0x04011003, "LO", b"patient", EXPLICIT),
        _data(item(_NAME, EXPLICIT))[:-3],
    ],
)
def test_what_is_no_encrypted_data_set(data: bytes) -> None:
    with pytest.raises(Damaged):
        modified_attributes(data, EXPLICIT)


def _with_sequence(path: Path, items: bytes) -> Path:
    body = encode(made(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID="1.2.3"), EXPLICIT)
    path.write_bytes(part10(body + element(ENCRYPTED_ATTRIBUTES, "SQ", items, EXPLICIT)))
    return path


_SYNTAX = element(0x04000510, "UI", b"1.2.840.10008.1.2.1", EXPLICIT)
_DEFLATED = element(0x04000510, "UI", b"1.2.840.10008.1.2.1.99", EXPLICIT)
_CONTENT = element(0x04000520, "OB", b"\x30\0", EXPLICIT)


@pytest.mark.parametrize(
    ("items", "why"),
    [
        (b"", "no Encrypted Attributes"),
        (item(b"", EXPLICIT), "no content"),
        (item(_SYNTAX, EXPLICIT), "no content"),
        (item(_CONTENT, EXPLICIT), "no transfer syntax"),
        (item(_DEFLATED + _CONTENT, EXPLICIT), "not read here"),
        (item(_SYNTAX + _CONTENT, EXPLICIT), "damaged"),
        (item(b"", EXPLICIT) * 100, "more than 64 items"),
    ],
)
def test_sequences_that_are_not_whole(items: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=why):
        written(_with_sequence(tmp_path / "hidden", items), tmp_path / "back")


# ---------------------------------------------------------------- as others have it


@pytest.fixture
def theirs(tmp_path: Path, recipients: Recipients) -> Callable[..., Path]:
    """A file whose attributes somebody else has encrypted, each of the ``parts`` in an item of its own."""

    def make(*parts: bytes, syntax: str = "1.2.840.10008.1.2.1", to: Recipients = recipients) -> Path:
        items = b""
        for part in parts:
            content = to.sealed(part)
            whole = element(0x04000510, "UI", syntax.encode(), EXPLICIT)
            items += item(whole + element(0x04000520, "OB", content, EXPLICIT), EXPLICIT)
        return _with_sequence(tmp_path / "theirs", items)

    return make


def test_without_our_note(theirs: Callable[..., Path], tmp_path: Path) -> None:
    uid = element(0x00080018, "UI", b"1.2.4", EXPLICIT)
    path = theirs(_data(item(uid + _NAME, EXPLICIT)))
    assert written(path, tmp_path / "back").count == 2
    assert body_of(tmp_path / "back").endswith(b"1.2.4\0" + _NAME)
    with Part10File.open(str(tmp_path / "back")) as file:
        assert file.meta_text(0x00020003) == "1.2.4"


def test_in_another_encoding(theirs: Callable[..., Path], tmp_path: Path) -> None:
    data = element(0x04000550, "SQ", item(element(0x00100010, "PN", b"Doe", IMPLICIT), IMPLICIT), IMPLICIT)
    written(theirs(data, syntax="1.2.840.10008.1.2"), tmp_path / "back")
    assert body_of(tmp_path / "back").endswith(_NAME)


def test_several_items(theirs: Callable[..., Path], tmp_path: Path) -> None:
    patient_id = element(0x00100020, "LO", b"J4711", EXPLICIT)
    path = theirs(_data(item(_NAME, EXPLICIT)), _data(item(patient_id, EXPLICIT)))
    assert written(path, tmp_path / "back").count == 2
    assert body_of(tmp_path / "back").endswith(_NAME + patient_id)


def test_items_that_contradict_each_other(theirs: Callable[..., Path], tmp_path: Path) -> None:
    other = element(0x00100010, "PN", b"Roe", EXPLICIT)
    path = theirs(_data(item(_NAME, EXPLICIT)), _data(item(other, EXPLICIT)))
    with pytest.raises(Damaged, match="encrypted twice"):
        written(path, tmp_path / "back")
