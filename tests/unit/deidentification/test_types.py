from __future__ import annotations

import pytest

from dcmtools.deidentification.types import UNKNOWN, attribute_type, resolved

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
GRAYSCALE_PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"


@pytest.mark.parametrize(
    ("sop_class", "parent", "tag", "kind"),
    [
        (CT, 0, 0x00100020, "2"),  # Patient ID
        (CT, 0x00100027, 0x00100020, "1"),  # that of the other patients of a group
        (CT, 0, 0x00181000, ""),  # Device Serial Number: General Equipment alone has it, as type 3
        (ENHANCED_MR, 0, 0x00181000, "1"),  # Enhanced General Equipment, too: the stricter counts
        (CT, 0, 0x00080023, "2C"),  # Content Date
        (ENHANCED_MR, 0, 0x00080023, "1"),
        (COMPREHENSIVE_SR, 0x0040A370, 0x00401001, "2"),  # in the Referenced Request Sequence
        (COMPREHENSIVE_SR, 0, 0x00401001, ""),
        (GRAYSCALE_PRESENTATION_STATE, 0, 0x00700082, "1"),  # the table has X, and nothing else
        (CT, 0, 0x00100010, ""),  # the code is Z, which type 2 does not mind
        ("1.3.46.670589.11.0.0.12.2", 0, 0x00100020, UNKNOWN),  # a private SOP Class
        ("", 0, 0x00100020, UNKNOWN),
    ],
)
def test_the_type_in_an_iod_at_a_place(sop_class: str, parent: int, tag: int, kind: str) -> None:
    assert attribute_type(sop_class, parent, tag) == kind


@pytest.mark.parametrize(
    ("code", "optional", "type_2", "type_1", "unknown"),
    [
        ("X", "X", "Z", "D", "X"),
        ("Z", "Z", "Z", "D", "Z"),
        ("D", "D", "D", "D", "D"),
        ("U", "U", "U", "U", "U"),
        ("K", "K", "K", "K", "K"),
        ("C", "C", "C", "C", "C"),
        ("X/Z", "X", "Z", "D", "Z"),
        ("X/D", "X", "Z", "D", "D"),
        ("Z/D", "Z", "Z", "D", "D"),
        ("X/Z/D", "X", "Z", "D", "D"),
        ("X/Z/U*", "X", "Z", "U", "U"),
        ("", "", "", "", ""),
    ],
)
def test_what_a_code_asks_for(code: str, optional: str, type_2: str, type_1: str, unknown: str) -> None:
    asked = [resolved(code, kind) for kind in ("", "2", "2C", "1", "1C", UNKNOWN)]
    assert asked == [optional, type_2, type_2, type_1, type_1, unknown]
