"""The SOP classes that a C-FIND can be about, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.uids import is_uid
from dcmtools.query.models import MODELS

if TYPE_CHECKING:
    from dcmtools.query.models import Model

_ENDINGS: Final = ("Find", "Query")
_SHORT: Final = {"worklist": "1.2.840.10008.5.1.4.31"}


def find_class_named(text: str) -> str:
    """Return the UID of the find SOP class that ``text`` is, is the keyword of, or begins the keyword of.

    The names of the models of PS3.4 C.6 (patient, study, patient-study) do as well; letter case and dashes
    are passed over. Raises ValueError where there is none, or more than one.
    """
    if is_uid(text):
        return text
    wanted = text.lower().replace("-", "")
    classes = _classes()
    found = [uid for name, uid in classes.items() if name == wanted]
    found = found or [uid for name, uid in classes.items() if wanted and name.startswith(wanted)]
    if len(set(found)) == 1:
        return found[0]
    if found:
        message = f"{text!r} may be each of {len(set(found))} models; give more of the name"
        raise ValueError(message)
    from difflib import get_close_matches

    beginnings = {name[: len(wanted) + 1]: uid for name, uid in classes.items()}
    near = get_close_matches(wanted, beginnings, 1, 0.8)
    hint = f"; did you mean {find_class_names()[beginnings[near[0]]]}?" if near else ""
    message = f"{text!r} is no model that can be queried, neither a name of PS3.6 nor a UID{hint}"
    raise ValueError(message)


def find_class_names() -> dict[str, str]:
    """Return the name of every find SOP class of PS3.6 by its UID."""
    from dcmtools.data.uids import UIDS

    return {
        uid: name for uid, (name, kind) in UIDS.items() if kind == "SOP Class" and name.endswith(_ENDINGS)
    }


def model_of(sop_class_uid: str) -> Model | None:
    """Return the information model with levels whose find SOP class this is; None for all others."""
    return next((model for model in MODELS if model.find == sop_class_uid), None)


def _classes() -> dict[str, str]:
    named = {model.name.replace("-", ""): model.find for model in MODELS} | _SHORT
    return named | {name.lower(): uid for uid, name in find_class_names().items()}
