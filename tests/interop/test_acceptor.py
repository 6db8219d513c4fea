"""Services of the test's own as DCMTK's query and retrieve programs find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom

from dcmtools.acceptor.service import Service
from dcmtools.encoding.uids import is_storage_class
from dcmtools.net.dimse import CommandField
from tests.support.accepting import STUDY_FIND, STUDY_GET, Finder, Getter, accepting
from tests.support.peers import HOST, dcmtk, requires_dcmtk
from tests.support.served import EXPLICIT, SUCCESS

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID")
SYNTAXES = (EXPLICIT,)


def finding(finder: Finder) -> Service:
    return Service(STUDY_FIND.__eq__, {CommandField.C_FIND_RQ: finder.answer_find}, SYNTAXES)


@requires_dcmtk
def test_findscu_gets_a_thousand_matches() -> None:
    with accepting(finding(Finder(1000))) as port:
        found = dcmtk("findscu", "-v", "-S", *KEYS, HOST, port)
    assert found.returncode == 0
    assert found.stderr.count("(Pending)") == 1000
    assert "Received Final Find Response (Success)" in found.stderr


@requires_dcmtk
def test_findscu_cancels_after_three_and_is_heard() -> None:
    finder = Finder(1000, waits=500)
    with accepting(finding(finder)) as port:
        found = dcmtk("findscu", "-v", "-S", "--cancel", 3, *KEYS, HOST, port)
        assert 3 <= finder.sent <= 500
        assert "Received Final Find Response (Cancel" in found.stderr
        finder.waits = -1
        again = dcmtk("findscu", "-v", "-S", *KEYS, HOST, port)
    assert again.stderr.count("(Pending)") == 1000


@requires_dcmtk
def test_getscu_takes_the_scp_role_and_gets_all(tmp_path: Path) -> None:
    uids = [f"1.2.{number}" for number in range(20)]
    getter = Getter(uids)
    services = [
        Service(STUDY_GET.__eq__, {CommandField.C_GET_RQ: getter.answer_get}, SYNTAXES),
        Service(is_storage_class, {}, SYNTAXES, reversed=True),
    ]
    with accepting(*services) as port:
        got = dcmtk("getscu", "-S", "-od", tmp_path, *KEYS, HOST, port)
    assert got.returncode == 0, got.stderr
    assert getter.statuses == [SUCCESS] * len(uids)
    assert sorted(str(pydicom.dcmread(path).SOPInstanceUID) for path in tmp_path.iterdir()) == sorted(uids)
