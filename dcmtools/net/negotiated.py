"""What both sides of an association agreed on (PS3.8 7.1.1, PS3.7 Annex D.3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmtools.net.presentation import ACCEPTANCE, TRANSFER_SYNTAXES_NOT_SUPPORTED
from dcmtools.net.user_information import RoleSelection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.errors import PeerFailure
    from dcmtools.net.pdu import AssociateAC, AssociateRQ
    from dcmtools.net.presentation import ContextResult, PresentationContext


class Context(NamedTuple):
    """A presentation context that both sides agreed on (PS3.8 7.1.1.13)."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str


class Negotiated:
    """What a request for an association and its acceptance come to.

    ``contexts`` holds the agreed presentation contexts by ID, ``refused`` the results of the others.
    ``roles`` holds the requestor's agreed roles where they were negotiated, ``extended`` the acceptor's
    answer to an extended negotiation, both by SOP class (PS3.7 D.3.3.4 and D.3.3.5).
    """

    def __init__(self, request: AssociateRQ, accept: AssociateAC) -> None:
        """Compare ``accept`` with ``request``: what was not asked for does not count."""
        asked, answered = request.user_information, accept.user_information
        self._proposed = request.contexts
        self.contexts, self.refused = _compared(request.contexts, accept.contexts)
        self.roles = _agreed_roles(asked.roles, answered.roles)
        classes = {entry.sop_class_uid for entry in asked.extended}
        self.extended = {
            entry.sop_class_uid: entry.information
            for entry in answered.extended
            if entry.sop_class_uid in classes
        }

    def context_for(self, abstract_syntax: str, transfer_syntax: str | None = None) -> Context | None:
        """Return an agreed context for ``abstract_syntax``, in ``transfer_syntax`` where that is given."""
        for context in self.contexts.values():
            if context.abstract_syntax == abstract_syntax and transfer_syntax in (
                None,
                context.transfer_syntax,
            ):
                return context
        return None

    def refusal(self, abstract_syntax: str, transfer_syntax: str | None = None) -> str:
        """Return in words why ``context_for`` finds nothing: the answer to the first such proposal."""
        from dcmtools.net.refusals import context_text

        for context_id, proposed, transfer_syntaxes in self._proposed:
            if proposed == abstract_syntax and (not transfer_syntax or transfer_syntax in transfer_syntaxes):
                other = TRANSFER_SYNTAXES_NOT_SUPPORTED if context_id in self.contexts else None
                return context_text(self.refused.get(context_id, other))
        return "it was not proposed"

    def require(self, abstract_syntax: str, transfer_syntax: str | None = None) -> Context:
        """Return what ``context_for`` does; raise PeerFailure, with the refusal in words, for None."""
        context = self.context_for(abstract_syntax, transfer_syntax)
        if context is None:
            raise self._failure(abstract_syntax, transfer_syntax)
        return context

    def _failure(self, abstract_syntax: str, transfer_syntax: str | None) -> PeerFailure:
        from dcmtools.encoding.uids import uid_name
        from dcmtools.errors import PeerFailure

        where = f" in {uid_name(transfer_syntax)}" if transfer_syntax else ""
        refusal = self.refusal(abstract_syntax, transfer_syntax)
        return PeerFailure(f"the peer accepts no {uid_name(abstract_syntax)}{where}: {refusal}")


def _compared(
    proposed: Iterable[PresentationContext], answers: Iterable[ContextResult]
) -> tuple[dict[int, Context], dict[int, int]]:
    """Return the contexts that were accepted in a syntax that was proposed, and the results of the others."""
    by_id = {context.context_id: context for context in proposed}
    contexts: dict[int, Context] = {}
    refused: dict[int, int] = {}
    for context_id, result, transfer_syntax in answers:
        context = by_id.get(context_id)
        if context is None:
            continue
        if result == ACCEPTANCE and transfer_syntax in context.transfer_syntaxes:
            contexts[context_id] = Context(context_id, context.abstract_syntax, transfer_syntax)
        else:
            refused[context_id] = result or TRANSFER_SYNTAXES_NOT_SUPPORTED
    return contexts, refused


def _agreed_roles(
    asked: Iterable[RoleSelection], answered: Iterable[RoleSelection]
) -> dict[str, RoleSelection]:
    """Return the roles that were asked for and granted; the acceptor may take some away, and add none."""
    granted = {role.sop_class_uid: role for role in answered}
    return {
        role.sop_class_uid: RoleSelection(
            role.sop_class_uid, role.scu and answer.scu, role.scp and answer.scp
        )
        for role in asked
        if (answer := granted.get(role.sop_class_uid)) is not None
    }
