#!/bin/sh
# A minute with dcmtools: start an archive, send it real files, find and fetch them, prove that nothing changed;
# tabulate and compress them, put them on a medium, edit one, and de-identify one.
# The files are those that come with the pydicom package. Everything happens in a temporary folder.
set -eu

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

here=$(dirname "$0")
work=$(mktemp -d)
server=
finish() {
    status=$?
    if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Real files: CT, MR, RT plan and dose, SR, waveform, colour, and compressed ones.
samples=$(python3 -c 'import pydicom, os; print(os.path.dirname(pydicom.__file__))')/data/test_files
mkdir "$work/files"
for name in CT_small MR_small rtplan rtdose test-SR waveform_ecg examples_rgb_color examples_ybr_color \
    JPEG2000 examples_palette SC_rgb_rle examples_jpeg2k; do
    cp "$samples/$name.dcm" "$work/files/"
done

printf '\n$ dcmtools serve %s --port 0 --ready-file %s &\n' "$work/archive" "$work/port"
dcmtools serve "$work/archive" --port 0 --ready-file "$work/port" &
server=$!
until [ -s "$work/port" ]; do
    kill -0 "$server" # if the server is gone, so are we
    sleep 0.1
done
port=$(cat "$work/port")

run dcmtools echo "ARCHIVE@127.0.0.1:$port" --count 3 --interval 0.1
run dcmtools store "ARCHIVE@127.0.0.1:$port" "$work/files"

stored=$(find "$work/archive" -path '*1CT1*' -name '*.dcm')
run dcmtools dump +P PatientName +P StudyDate +P Modality +P Rows "$stored"
run dcmtools dump --value SOPInstanceUID "$stored"
run python3 "$here/same_data_sets.py" "$work/files" "$work/archive"
run dcmtools find "ARCHIVE@127.0.0.1:$port" -k ModalitiesInStudy=CT
printf '\n$ dcmtools find ARCHIVE@127.0.0.1:%s | dcmtools get ARCHIVE@127.0.0.1:%s -o %s -\n' \
    "$port" "$port" "$work/fetched"
dcmtools find "ARCHIVE@127.0.0.1:$port" | dcmtools get "ARCHIVE@127.0.0.1:$port" -o "$work/fetched" -
run python3 "$here/same_data_sets.py" "$work/files" "$work/fetched"

run dcmtools scan "$work/fetched" -k Modality -k Rows -k TransferSyntaxUID --where 'Rows > 100'
run dcmtools modify "$work/files/CT_small.dcm" -o "$work/modified.dcm" --set PatientID=4711 --erase PatientAge
run dcmtools dump +P PatientName +P PatientID "$work/modified.dcm"
printf '\n$ dcmtools diff %s %s    # status 1: they differ\n' "$work/files/CT_small.dcm" "$work/modified.dcm"
dcmtools diff --ignore-meta "$work/files/CT_small.dcm" "$work/modified.dcm" && exit 1
run dcmtools sort "$work/fetched" -o "$work/sorted" --template '{PatientID|"unknown"}/{Modality}/{SOPInstanceUID}.dcm'
run dcmtools convert "$work/files/CT_small.dcm" -o "$work/ct.json"
run dcmtools convert "$work/ct.json" -o "$work/again.dcm"
run dcmtools diff --ignore-meta --ignore-charset "$work/files/CT_small.dcm" "$work/again.dcm"
run dcmtools dicomdir create "$work/files" -o "$work/medium" --file-set-id DEMO
run dcmtools dicomdir list "$work/medium" --level series
run dcmtools dicomdir verify "$work/medium"
run dcmtools scan "$work/medium/DICOMDIR" -k Modality -k PatientID --where 'Modality == CT'
run dcmtools compress "$work/files" -o "$work/small" --to htj2k-lossless
run dcmtools anonymize "$work/files/CT_small.dcm" -o "$work/clean" --new-key "$work/project.key"
run dcmtools dump +P PatientName +P StudyDate +P Modality +P DeidentificationMethod "$work/clean"

printf '\n$ kill -TERM %s\n' "$server"
kill -TERM "$server"
wait "$server"
printf 'the server has stopped with status %s\n' "$?"
server=
