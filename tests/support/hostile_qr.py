"""An archive that means no good: one operation is answered by a script, the others as they ought to be.

``with hostile(find=finds_data(GARBAGE)) as port:`` answers every C-FIND so. What is in the archive is one
series of two images, ``INSTANCES``.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dcmtools.acceptor.service import Service
from dcmtools.encoding.dataset import DataSet, encode, made, text
from dcmtools.encoding.syntax import encoding_of
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import read
from dcmtools.net.p_data import COMMAND, LAST, data_header
from dcmtools.net.status import PENDING
from tests.support.accepting import accepting
from tests.support.served import CT, EXPLICIT, IMPLICIT, SUCCESS, data_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.acceptor.session import Session
    from dcmtools.net.incoming import Message
    from dcmtools.net.peer import TlsOptions

PATIENT, STUDY, SERIES = "P1", "1.2.3", "1.2.3.1"
INSTANCES: Final = ("1.2.3.1.1", "1.2.3.1.2")
SOME_FAILED: Final = 0xB000
SUBOPERATIONS: Final = tuple(
    f"NumberOf{kind}Suboperations" for kind in ("Remaining", "Completed", "Failed", "Warning")
)


class Asked(NamedTuple):
    """A C-FIND, C-MOVE or C-GET that has come, and what a script may do about it."""

    session: Session
    message: Message
    keys: DataSet

    def respond(
        self, status: int = SUCCESS, data: bytes | DataSet | None = None, /, **fields: dimse.Value | None
    ) -> None:
        """Respond with any ``fields``, right or wrong; None leaves out what would be there."""
        command = dimse.response(self.message.command, status, data_set=data is not None)
        changed = {**command, **fields}
        sound = {keyword: value for keyword, value in changed.items() if value is not None}
        blocks = () if data is None else (self.encoded(data),)
        self.session.association.send(self.message.context, sound, blocks)

    def encoded(self, data: bytes | DataSet) -> bytes:
        if isinstance(data, bytes):
            return data
        return encode(data, encoding_of(self.message.context.transfer_syntax))

    def counts(self, status: int, *counts: int | None, data: bytes | DataSet | None = None) -> None:
        """Respond with numbers of sub-operations: remaining, completed, failed, warning."""
        self.respond(status, data, **dict(zip(SUBOPERATIONS, counts, strict=False)))

    def store(self, uid: str, data: bytes | None = None, sop_class: str = CT, **fields: dimse.Value) -> int:
        """Send a C-STORE request as a sub-operation; the status that comes, -1 where none does."""
        association = self.session.association
        context = association.context_for(sop_class) or self.message.context
        command: dimse.Command = {
            "CommandField": CommandField.C_STORE_RQ,
            "MessageID": association.next_message_id(),
            "CommandDataSetType": dimse.DATA_SET,
            "AffectedSOPClassUID": sop_class,
            "AffectedSOPInstanceUID": uid,
            "Priority": dimse.MEDIUM,
            **fields,
        }
        whole = data_set(uid, study=STUDY, series=SERIES) if data is None else data
        association.send(context, command, [whole])
        answer = association.receive()
        return dimse.number(answer.command, "Status", -1) if answer else -1

    def raw(self, *values: tuple[int, bytes]) -> None:
        """Send a P-DATA-TF with these control headers and fragments on the request's context."""
        body = b"".join(
            data_header(self.message.context.context_id, control, len(data))[6:] + data
            for control, data in values
        )
        self.session.association.transport.send([struct.pack(">BxI", 4, len(body)), body], 10)

    def wait(self) -> None:
        """Take what comes and say nothing more, until the peer leaves."""
        while self.session.association.receive() is not None:
            pass


Script: TypeAlias = "Callable[[Asked], None]"


@contextmanager
def hostile(
    find: Script | None = None,
    move: Script | None = None,
    get: Script | None = None,
    tls: TlsOptions | None = None,
) -> Iterator[int]:
    """Serve on the port that is yielded; what has no script of its own is answered as it ought to be."""
    answers = {
        CommandField.C_FIND_RQ: find or finds,
        CommandField.C_MOVE_RQ: move or moves,
        CommandField.C_GET_RQ: get or gets,
    }

    def answer(session: Session, message: Message) -> None:
        script = answers[CommandField(dimse.number(message.command, "CommandField"))]
        script(Asked(session, message, read(session.association, message)))

    any_class = Service(lambda _: True, dict.fromkeys(answers, answer), (EXPLICIT, IMPLICIT), reversed=True)
    with accepting(any_class, tls=tls) as port:
        yield port


# ---------------------------------------------------------------- as it ought to be


def match(level: str, uid: str = "", **more: str) -> DataSet:
    """What a C-FIND at ``level`` finds; at the IMAGE level, the instance ``uid``."""
    found = {
        "QueryRetrieveLevel": level,
        "PatientID": PATIENT,
        "PatientName": "Doe^Jane",
        "StudyInstanceUID": STUDY,
        "SOPClassesInStudy": CT,
        "NumberOfStudyRelatedInstances": str(len(INSTANCES)),
    }
    if level in ("SERIES", "IMAGE"):
        found |= {"SeriesInstanceUID": SERIES, "Modality": "CT"}
    if level == "IMAGE":
        found |= {"SOPInstanceUID": uid or INSTANCES[0], "SOPClassUID": CT}
    return made(**{**found, **more})


def matches(asked: Asked) -> list[DataSet]:
    level = text(asked.keys, "QueryRetrieveLevel")
    return [match(level, uid) for uid in INSTANCES] if level == "IMAGE" else [match(level)]


def finds(asked: Asked) -> None:
    for each in matches(asked):
        asked.respond(PENDING, each)
    asked.respond()


def moves(asked: Asked) -> None:
    asked.counts(PENDING, 1, 1, 0, 0)
    asked.counts(SUCCESS, None, 2, 0, 0)


def gets(asked: Asked) -> None:
    done = failed = 0
    for left, uid in zip((1, 0), INSTANCES, strict=True):
        stored = asked.store(uid) == SUCCESS
        done, failed = done + stored, failed + (not stored)
        asked.counts(PENDING, left, done, failed, 0)
    asked.counts(SOME_FAILED if failed else SUCCESS, None, done, failed, 0)


# ---------------------------------------------------------------- scripts for any operation


def answers(status: int, data: bytes | DataSet | None = None, /, **fields: dimse.Value | None) -> Script:
    """Respond once, as it is."""
    return lambda asked: asked.respond(status, data, **fields)


def first(script: Script, then: Script) -> Script:
    def both(asked: Asked) -> None:
        script(asked)
        then(asked)

    return both


def silent(asked: Asked) -> None:
    asked.wait()


def aborts(asked: Asked) -> None:
    asked.session.association.abort()


def releases(asked: Asked) -> None:
    """Release the association in the middle of the operation."""
    asked.session.association.release()


def closes(asked: Asked) -> None:
    asked.session.association.transport.close()


def promises_data(asked: Asked) -> None:
    """Respond that a data set follows, and send none."""
    command = encode_command(dimse.response(asked.message.command, PENDING, data_set=True))
    asked.raw((COMMAND | LAST, command))
    asked.wait()


def begins_data(asked: Asked) -> None:
    """Send a data set that does not come to its end, and then another command."""
    command = encode_command(dimse.response(asked.message.command, PENDING, data_set=True))
    asked.raw((COMMAND | LAST, command), (0, b"\x08\x00\x52\x00"), (COMMAND | LAST, command))
    asked.wait()


def sends_a_request(field: CommandField) -> Script:
    """Ask for something itself, where a response is due."""

    def script(asked: Asked) -> None:
        command: dimse.Command = {
            "CommandField": int(field),
            "MessageID": 77,
            "CommandDataSetType": dimse.NO_DATA_SET,
            "AffectedSOPClassUID": asked.message.context.abstract_syntax,
        }
        asked.session.association.send(asked.message.context, command)
        asked.wait()

    return script


def encode_command(command: dimse.Command) -> bytes:
    from dcmtools.net.command_set import encode as encoded

    return encoded(command)


def never_ends(asked: Asked) -> None:
    """Pending responses for ever, whether they are cancelled or not."""
    level = text(asked.keys, "QueryRetrieveLevel")
    number = 0
    while True:
        number += 1
        if dimse.number(asked.message.command, "CommandField") == CommandField.C_FIND_RQ:
            asked.respond(PENDING, match(level, StudyInstanceUID=f"1.2.{number}"))
        else:
            asked.counts(PENDING, 7, number % 60000, 0, 0)


# ---------------------------------------------------------------- scripts for C-FIND


def finds_data(data: bytes | Callable[[str], DataSet], times: int = 1) -> Script:
    """One good match, ``times`` this, and another good one, as if nothing had happened."""

    def script(asked: Asked) -> None:
        level = text(asked.keys, "QueryRetrieveLevel")
        bad = data if isinstance(data, bytes) else data(level)
        asked.respond(PENDING, match(level, INSTANCES[0]))
        for _ in range(times):
            asked.respond(PENDING, bad)
        asked.respond(PENDING, match(level, INSTANCES[1]))
        asked.respond()

    return script


GARBAGE: Final = bytes(range(256)) * 4
TRUNCATED: Final = struct.pack("<HH2sH", 0x0008, 0x0052, b"CS", 600) + b"STUDY "
NESTED: Final = (
    struct.pack("<HH2sxxI", 0x0040, 0x0275, b"SQ", 0xFFFFFFFF)
    + (
        struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        + struct.pack("<HH2sxxI", 0x0040, 0x0275, b"SQ", 0xFFFFFFFF)
    )
    * 5000
)
HUGE: Final = struct.pack("<HH2sxxI", 0x0009, 0x1001, b"UN", 64 << 20) + bytes(64 << 20)
TERMINAL: Final = "\x1b]0;owned\x07\x1b[2Jred\r\nline\x00\x9b31m"


# ---------------------------------------------------------------- scripts for C-MOVE and C-GET


def counting(*counted: tuple[int, int | None, int | None, int | None, int | None]) -> Script:
    """Respond with these statuses and counts, nothing being sent at all."""

    def script(asked: Asked) -> None:
        for status, *counts in counted:
            asked.counts(status, *counts)

    return script


def storing(*stores: tuple[str, bytes | None], final: Script) -> Script:
    """Send these instances, then end as ``final`` does."""

    def script(asked: Asked) -> None:
        for uid, data in stores:
            asked.store(uid, data)
        final(asked)

    return script


def failed_list(*uids: str) -> bytes:
    listed = "\\".join(uids).encode()
    listed += b"\0" * (len(listed) % 2)
    return struct.pack("<HH2sH", 0x0008, 0x0058, b"UI", len(listed)) + listed
