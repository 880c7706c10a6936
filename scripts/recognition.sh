#!/usr/bin/env bash
# Prints what recognition is worth on the public sets that are in DATA; docs/recognition.md says how to fetch them.
# usage: recognition.sh SECLYZER_BINARY DATA
# DATA holds a copy of each set's repository: freetext, aalto, gradtype, balabit, sapimouse, or some of them.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${2:-}" ] || [ ! -d "$2" ]; then
    echo "usage: make recognition DATA=DIR, where DIR holds the sets (docs/recognition.md: how to fetch them)" >&2
    exit 64
fi
seclyzer=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
data=$(cd "$2" && pwd)
work=$here/target/recognition
cd "$here"

found=()
for set in freetext aalto gradtype balabit sapimouse; do
    [ ! -d "$data/$set" ] || found+=("$set")
done
if [ ${#found[@]} -eq 0 ]; then
    echo "$data contains none of freetext, aalto, gradtype, balabit, sapimouse (docs/recognition.md: how to fetch them)" >&2
    exit 66
fi

# convert SET [--people NUMBER]: traces in $work/SET
convert() {
    local set=$1
    shift
    rm -rf "${work:?}/$set"
    python3 -B scripts/recognition/convert.py "$@" "$set" "$data/$set" "$work/$set"
}

# evaluate SET TITLE ARGUMENTS…: the table, and the picture $work/SET.svg
evaluate() {
    local set=$1
    echo
    echo "== $set: $2"
    shift 2
    "$seclyzer" evaluate --svg "$work/$set.svg" "$@"
}

mkdir -p "$work"
echo "$("$seclyzer" --version), $(date -u +%F)"
for set in "${found[@]}"; do
    people=$work/$set/people
    case $set in
        freetext)
            convert freetext
            mapfile -t returned < <(dirname "$people"/*/2.jsonl)
            evaluate freetext "people who came back on another day; the first day learnt" --learn first "${returned[@]}"
            evaluate freetext "2,000 keystrokes learnt" --learn 2000keys --takeovers 0 "$people"/*
            evaluate freetext "60 % learnt" "$people"/*
            ;;
        aalto)
            convert aalto --people 400
            evaluate aalto "ten sentences learnt, each of five judged, up to 50 keys of it" --keys 50 --at-most \
                --takeovers 0 "$people"/*
            rm "$people"/*/learn/0[6-9].jsonl "$people"/*/learn/10.jsonl
            evaluate aalto "five sentences learnt" --keys 50 --at-most --takeovers 0 "$people"/*
            ;;
        gradtype)
            convert gradtype --people 200
            evaluate gradtype "1,000 keystrokes learnt" --learn 1000keys --ready 1000 --takeovers 3 "$people"/*
            ;;
        balabit)
            convert balabit
            evaluate balabit "the labelled sessions, from their beginning" --strokes 5,10,20,40,80,all --takeovers 40 "$people"/*
            ;;
        sapimouse)
            convert sapimouse
            evaluate sapimouse "three minutes learnt, one judged" --strokes 5,10,20,40,all --takeovers 0 "$people"/*
            ;;
    esac
done
echo
echo "Pictures: $work/*.svg. The traces in $work are derived from the sets: keep them to yourself, and remove them."
