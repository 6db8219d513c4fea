"""What de-identification does and does not do, for the manual; see ``dcmtools.cli.topics``."""

from __future__ import annotations

from typing import Final

DEIDENTIFICATION: Final = """
# DESCRIPTION

"dcmtools anonymize" makes files of which it should not be possible to tell whose they are, by the Basic
Application Level Confidentiality Profile of PS3.15 Annex E, edition 2026d, and its options. It changes
copies, unless --in-place is given. Whether what comes out may be given away is for people to decide, who
know what else is known of the patients; read LIMITS.

A file is walked to its end, in any transfer syntax. One with a fault before that is refused: nothing is
passed on that was not understood. What follows the last element and is no element is dropped, and told of.

# THE PROFILE

For each element, at any depth, the first of these that speaks of it decides:

* Rules | --set, --keep, --remove and --empty, then those of the profile's file; see dcmtools-tag-paths(7)
  for how to name elements.
* The table | PS3.15 Table E.1-1, with the options that are asked for. Where it leaves several ways the IOD
  of the SOP Class decides: what it requires to be there is emptied, what it requires to have a value gets
  another one, what it does not require is removed. Of a SOP Class that is not known the strictest way is
  taken that leaves the file readable. Sequences that stay are gone through; items stay where they are.
* The safety net | For what the table does not list: names of persons are emptied, dates and times treated
  as those of the table, private elements removed, curves and overlays as a whole, elements that no
  dictionary has, and opaque bytes but for pixels, waveforms, look-up tables and their like. Some fifty
  attributes of text that identify as those of the table do go as these would, with the same options: birth
  and death dates in other calendars, retired order numbers, HL7 Instance Identifier, Document Title, Contact
  Display Name, Device ID, Radiation Machine Name, NTP Source Address, comments of people and the like.
* The search | All text that stays is searched for the names, identifiers and dates that were removed.

The file meta information and the preamble are written anew. UIDs are replaced everywhere, in the same way,
but for those of the Standard and of coding schemes. Patient Identity Removed, the codes of De-identification
Method (PS3.16 CID 7050) and Longitudinal Temporal Information Modified (MODIFIED where a rule keeps dates)
tell what was really done; what was there before stays. What rules keep although the Basic Profile protects it
is named in De-identification Method, a value for each. Everything else stays as it was, byte for byte:
waveforms, calibration, what an image was made with.

--explain tells of each element what would become of it, in the letters of PS3.15 E.1 (K is kept, X removed,
Z emptied, D replaced, C cleaned, U another UID; A is added), and by which rule. It never shows values. What
was to be cleaned, and has nothing that has to go, is K.

# OPTIONS OF THE PROFILE

--retain and --clean take these names, and a profile's file, too:

* uids | UIDs stay (Retain UIDs).
* dates | Dates and times stay (Full Dates), but for the birth date.
* dates-shifted | Dates move back by one number of days for each patient, up to ten years, and times stay
  (Modified Dates). With the same key it is the same number in each run. Where there is no Patient ID it is
  one number for each study, and a remark says so. A date that is none is emptied, with a remark.
* patient | Sex, age, weight and the like stay (Patient Characteristics). Ages of 90 years and more become
  90.
* device | What the machine is, and which one (Device Identity).
* institution | Where it stands (Institution Identity).
* safe-private | Private elements that are known to be harmless stay (Safe Private).
* descriptors | Descriptions and comments are cleaned, not removed.
* graphics | Overlays and annotations are cleaned, not removed.
* structured | Structured reports are cleaned by concept (PS3.15 Table E.3.4-1), not emptied. Where nothing
  tells what a value is about, as in cells of tables and in items without a code for their name, it goes.
* pixels | Regions of pixels that may show text are blanked: --pixels regions. That no text is left (Burned In
  Annotation NO, and the code of the option) is said where all is blanked, or a rule of yours is about the
  device. Nobody has looked into the regions that an image has, nor tried what is known of some devices
  already: then Burned In Annotation stays as it is.

A file for --profile, or profiles/NAME.toml beside config.toml for --profile NAME:

    base = "basic"
    retain = ["dates-shifted", "device"]
    clean = ["descriptors"]

    [rules]
    StudyDescription = "keep"
    "0019,10,GEMS_ACQU_01" = "keep"
    PatientComments = "remove"
    ClinicalTrialSponsorName = { set = "ACME" }

    [pixels]
    policy = "check"

The value of a set stands in quotes. "rules" of [pixels] is the path, from where this file lies, of a TOML
file that tells where the screens of devices show text, for --pixels regions; it goes before what is known of
some devices already. The first rule that fits an image counts; boxes are left, top, width and height:

    [rules."Ours in room 3"]
    manufacturer = "*acme*"
    model = ["*u1*", "*u2*"]
    modality = "US"
    rows = 480
    columns = 640
    blank = [[0, 0, 640, 40]]

In the place of blank there may be keep, boxes outside of which everything is blanked, or harmless = true, for
devices whose images show no text. Examples of profiles are in share/doc/dcmtools/profiles.

Whatever is not known in these files is an error that names the line. Where a rule keeps what the Basic
Profile protects, the file does not claim to follow it; where that is a name, a Patient ID, the birth date or
another identifier of the patient, Patient Identity Removed is NO, too.

# KEYS

New UIDs, Patient IDs, accession numbers and shifts of dates are derived from the old ones and a key, by
HMAC-SHA-256. Runs with one key give the same ones, on any day, on any machine and with any --jobs, so that
what belongs together stays together; no table is kept. Of the same input and options they make the same
bytes. A patient is who has the same Patient ID and Issuer of Patient ID: with another issuer, or without one,
it is another patient. Those without a Patient ID get none; they share the folder UNKNOWN.

* --new-key FILE | Makes a key, 256 bits of chance, in a new file that its owner alone can read, and uses
  it.
* --key-file FILE | Uses that, or any other secret of 16 bytes or more. It is refused where others than the
  owner may read it.
* neither | A key is made, used, and forgotten: nobody can find out who was who, and no other run fits to
  this one. stderr says so.

Whoever has the key and suspects who somebody is can make sure of it: look after it as after the originals,
and never beside what was made. Who destroys it makes the pseudonyms final. Records and reports name the key
by a few digits that tell nothing of it.

Who loses the key cannot go on: with another one the same patients become others, their studies do not join
those that were made before, and dates are shifted by another number of days. What has been made stays as it
is. There is no way to get the key back from it; a list of --map-out tells who became whom, no more. So keep a
copy of the key where the originals are kept; or do all batches again with a new one, into a new OUT.

# THE WAY BACK

With --encrypt-for CERT what is removed or replaced stays in the file, encrypted for the RSA key of that
certificate, of 2048 bits or more (Encrypted Attributes, PS3.15 E.1.1: CMS, AES-256). "dcmtools reidentify"
puts it back with that key, and no other; of several certificates each key will do. Nothing but the key can:
whoever loses it has what is de-identified, and no more. A key with a password, and a certificate for it that
is good for nothing else, are made by

    openssl req -x509 -newkey rsa:3072 -days 3650 -subj /CN=trial -keyout trial.pem -out trial.crt

trial.crt is for --encrypt-for, trial.pem for "reidentify --key". What reidentify writes its owner alone can
read. A certificate that has expired, is not valid yet, or is for signatures alone is used all the same, with
a warning.

* What comes back | The data set, byte for byte. Not the preamble, nor what the file meta information told of
  the sender, nor bytes behind the last element.
* What does not go | Files whose elements are not in the order of their tags, and those of which more than 64
  MiB would have to be encrypted, as may be with --pixels blank or regions: they fail.
* What is seen | The names of who issued the certificate, and its serial number, stand there for all to read:
  choose one that tells nothing of the house. Where the file goes the originals go, and whatever may become
  of ciphers and keys in years to come.
* Not the same twice | What is encrypted is another each time, even with one key. So of two inputs that are
  the same the second fails, and another run into the same OUT wants --overwrite.

reidentify fails, and writes nothing, where the key is another one, where a single bit of what is encrypted
has changed, and where it is that of another instance. What others have changed elsewhere in the file stays.

# MAPS

--map FILE gives patients the Patient IDs of a trial. It is CSV in UTF-8, separated by commas, semicolons or
tabs:

    id_old,issuer_old,id_new,name_new
    4711,HOSPITAL A,TRIAL-001,Subject^One
    4712,,TRIAL-002,

issuer_old and name_new may be left out; without an issuer a row is for any. Without a header there are two
columns, old and new. Spreadsheets call such a file CSV UTF-8. A fault names the line. So does what would give
somebody away: an id_new or name_new that is any id_old of the map, or has its own, of four characters or
more, in it. Two patients with one id_new are an error, unless --map-merge says that they are to become one.
Where one has a name or a date in it that is removed from a file, that file fails; where an id_new is another
identifier that is removed from a file, a remark says so. Files of patients who are not in the map fail,
unless --map-missing hash derives an identifier for these from the key.

--map-out FILE writes old and new Patient IDs and UIDs as CSV with the columns id_old and id_new. To a file
that earlier runs have written the pairs are added that it lacks: one map does for all batches of a project.
In identifiers some signs stand escaped, which --map reads: a byte that the file's character set does not have
as \\x85, control characters, backslashes and what a spreadsheet would take for a formula as \\u003d. Where a
row that an earlier run has written has another id_new for the same patient or UID, a warning says so: most
likely the key is another one. Nothing in it is ever replaced, as it may be the only way back, and any other
file is refused. Pairs are written before the file they are of gets its name, so that of whatever is in OUT
they are there, even if the run is killed; with --in-place, --names original for one file, and - they are
written just after that.

Neither the map, the key nor a report has a place within OUT; --force allows it.

# OUTPUT

In OUT files are called PATIENT/STUDY/SERIES/INSTANCE.dcm, after their new identifiers, as "dcmtools serve"
would keep them. Inputs that become the same bytes become one file; of two that would have one name and differ
the second, in the order of the inputs, fails. --names original takes the names of the inputs, which often
tell who the patient is: a remark says where one holds what was removed from the file, and one warning how
many there are. With --in-place names stay in any case, those of folders too, and are told of likewise; on
many disks what was there before stays as well, until something else is written over it. A file that is marked
as de-identified is not done again.

Files get their names when they are whole and have been searched; until then they lie in OUT in a folder
whose name begins with .dcmtools-waiting- and that goes with the run. If a run is killed such a folder stays
until the next run into OUT; what is in it is whole, and has been searched too. Nothing that was removed is
ever in OUT under any name.

Results, reports and logs name the inputs, which may tell of patients: they are for whoever has the
originals. They hold new identifiers, but no old ones, and no values.

A DICOMDIR is left out, as it names patients and files; the closing line counts it. With --in-place it stays
as it is, with the names in it, and so it has failed: remove it, and have another one made.

"dcmtools store --anonymize" does the same to what it sends, with a profile and a key alone: without --map and
--map-out, and without blanking pixels. Files that need these are written by "dcmtools anonymize" first. With
--set is done after it: what would put back what was removed from a file is not sent. With --dry-run it tells
what would be refused. Its records have sent_sop_instance_uid, and no sop_instance_uid.

# VERIFICATION AND QUARANTINE

What was written is read again, all but the samples of pixels that are not compressed, and searched for the
names, identifiers and dates that were removed. What is found, but is also to be found in attributes that
carry no identity (a patient may be called Head), or is a word like others, is a remark: the closing line
counts these, -v, --format json and reports have them. There is none of what a rule keeps, of makers' names
where these belong, and of short numbers among numbers. An identifier, a name or a date that a rule keeps may
stay where it is, even if one that was removed is in it. Anything else fails. So do files whose pixels may
show text (--pixels check), and, under the same options, whose waveforms may be sound, such as a dictation,
or have bytes behind their last sample: --pixels keep passes these on, blank and reject refuse them.

Video, and frames in a transfer syntax that is not known, are passed on with --pixels keep alone; they are
searched as bytes, not looked into.

Failed files of these two kinds go to a folder beside OUT, OUT.quarantine or --quarantine DIR, which its
owner alone can read. They are called by a digest, and records and reports tell which is which. They are
what would have been written, not the originals; look at them, and do the originals again with other
options. With --in-place, for one file and for - there is no quarantine: nothing is written, and originals
stay as they are.

# LIMITS

* Faces | A head can be made out of slices. Nothing is done about it.
* Pixels | What is drawn into them is found by what the header says of them, not by looking at them. Of native
  samples the bits that none of them has are cleared, as overlays may be there, but where a sample is the
  Pixel Padding Value; of compressed ones only where an overlay is said to be in them.
* Edges | Where two pixels share their chrominance (YBR_FULL_422) and one is blanked, so is the other: a
  remark says so.
* Free text | What stays with --clean descriptors, structured or --keep is searched for this patient's own
  names, identifiers and dates as the header has them: names as words of their own, identifiers of six digits
  and more also between letters, and with signs between the digits; dates also with two digits of the year,
  where there are dots, dashes or slashes. Names of two letters are not found next to a low line (OB_GENERAL).
  Nicknames, relatives, other spellings, parts of an address, an age in words,
  names that are part of a word (AMiller, Millers), shorter identifiers that are, and other people's names
  are not found. The same goes for text that no table lists. kept_text in records and reports tells where free
  text stays that no table lists or that was cleaned, so that people can look at it.
* Rare things | A rare disease, an odd implant, an exact dose or time may tell who it was.
* Documents | An encapsulated document is replaced by an empty one.
* Other files | What is no DICOM file is not written, and neither is a DICOMDIR.
* Weak keys | A secret that can be guessed is none.

# EXIT STATUS

Status 1 means that some files failed or were refused, or that files are in quarantine; 2 that options,
profile, key or map are wrong, or that the map has none of the patients; 3 that nothing could be done of what
was given: that no input could be read, or that all were refused.

# EXAMPLES

    dcmtools anonymize study/ -o out/ --new-key trial.key
    dcmtools anonymize more/ -o out/ --key-file trial.key
    dcmtools anonymize study/ -o out/ --retain dates-shifted,device --clean descriptors
    dcmtools anonymize study/ -o out/ --keep StudyDescription --report out.csv
    dcmtools anonymize --explain ct.dcm | grep Date
"""
