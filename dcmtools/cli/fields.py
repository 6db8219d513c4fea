"""The JSON fields of each command's records, in their frozen order."""

from __future__ import annotations

from typing import Final

_PEER_FIELDS: Final = (
    "name host port aet calling_aet connect_timeout acse_timeout dimse_timeout max_pdu bind_address tls"
    " tls_ca tls_cert tls_key tls_key_password_file tls_server_name tls_profile tls_min_version user"
    " password_file"
)
_COMPRESS_FIELDS: Final = (
    "file output from to transfer_syntax_uid sop_instance_uid frames input_bytes output_bytes ratio verified"
    " copied changes elapsed_ms"
)
_ADDED: Final = (
    "file file_id state type sop_class_uid sop_instance_uid transfer_syntax_uid invented"
    " patients studies series instances"
)
FIELDS: Final = {
    "dump": "file transfer_syntax dataset values",
    "scan": "file values level by value name files bytes path keyword output rows",
    "diff": "file other result differences pixels",
    "sort": "file target action state sop_instance_uid missing",
    "modify": "file output altered changes copied elapsed_ms",
    "convert": "file to outputs data_sets bytes elapsed_ms",
    "wrap": "file output kind sop_class_uid sop_instance_uid series_instance_uid study_instance_uid frames",
    "unwrap": "file outputs mime_type frames sop_instance_uid",
    "split": "file output outputs frames written there sop_class_uid series_instance_uid copied missing"
    " elapsed_ms",
    "dicomdir create": _ADDED,
    "dicomdir append": _ADDED,
    "dicomdir update": _ADDED,
    "dicomdir remove": "file file_id state sop_instance_uid",
    "dicomdir compact": "file state records_before records size_before size",
    "dicomdir rebuild": _ADDED,
    "dicomdir list": "level patient_id patient_name birth_date sex study_date accession_number description"
    " modality type number studies series instances study_instance_uid series_instance_uid sop_class_uid"
    " sop_instance_uid transfer_syntax_uid file_id",
    "dicomdir verify": "file kind severity record type offset path message records files errors warnings",
    "dicomdir extract": "file target action state sop_instance_uid missing",
    "dicomdir profiles": "name annex medium title sop_classes transfer_syntaxes icon keys",
    "compress": _COMPRESS_FIELDS,
    "decompress": _COMPRESS_FIELDS,
    "codecs": "name transfer_syntax_uid keyword encapsulated lossless read write bits signed colour",
    "anonymize": "file output quarantine patient_id study_instance_uid series_instance_uid sop_instance_uid"
    " removed emptied replaced cleaned uids methods kept_text key verified elapsed_ms path keyword vr"
    " action rule",
    "reidentify": "file output restored elapsed_ms",
    "echo": "peer status elapsed_ms step steps_ms tls sent answered min_ms mean_ms max_ms association_ms",
    "store": "file sop_class_uid sop_instance_uid transfer_syntax_uid status attempts sent_as association"
    " proposed sent_sop_instance_uid changes methods kept_text",
    "find": "peer level patient_id study_instance_uid series_instance_uid sop_instance_uid status dataset"
    " file",
    "move": "peer destination level patient_id study_instance_uid series_instance_uid sop_instance_uids"
    " status completed failed warning remaining failed_sop_instance_uids elapsed_ms received",
    "get": "file sop_class_uid sop_instance_uid study_instance_uid series_instance_uid transfer_syntax_uid"
    " bytes kept status peer level patient_id sop_instance_uids completed failed warning remaining"
    " failed_sop_instance_uids received elapsed_ms",
    "serve": "host port aet folder file sop_class_uid sop_instance_uid study_instance_uid"
    " series_instance_uid transfer_syntax_uid bytes kept status elapsed_ms association peer calling_aet"
    " called_aet",
    "archive list": "level patient_id patient_name birth_date sex study_date accession_number modalities"
    " modality number description studies series instances study_instance_uid series_instance_uid"
    " sop_class_uid sop_instance_uid transfer_syntax_uid bytes file",
    "archive index": "path patients studies series instances added updated removed",
    "archive verify": "file sop_class_uid sop_instance_uid study_instance_uid series_instance_uid"
    " transfer_syntax_uid",
    "archive remove": "file patient_id study_instance_uid series_instance_uid sop_instance_uid",
    "peers list": _PEER_FIELDS,
    "peers show": _PEER_FIELDS,
    "peers add": _PEER_FIELDS,
    "peers remove": "name",
    "peers path": "file exists",
    "completion": "shell script",
}
"""What a record of each command can have beside outcome, error and note."""
