#!/bin/sh
# A peer: the curl tool, CONCURRENCY pages at a time on kept connections, and jq.
#    sh curl.sh URL CA_FILE TOKEN PAGES PAGE_SIZE CONCURRENCY [careful]
# jq makes one line of JSON of each user. With `careful` curl's own --retry repeats what was answered 429 or 503, as
# Retry-After says or else after 1, 2, 4 … s; without it a page refused is a page less, and curl's exit code the only
# word about it. Pages go through files, since curl mixes what it writes to one output in parallel.
set -eu

retry=
[ "${7:-}" = careful ] && retry="--retry 5"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
began=$(date +%s.%N)
code=0
curl -sf $retry --no-progress-meter --parallel --parallel-immediate --parallel-max "$6" --http1.1 --cacert "$2" --compressed \
  -H "Authorization: Bearer $3" -H 'Content-Type: application/json' -H 'Accept: application/json' \
  -H 'Accept-Encoding: gzip' --data '{}' -o "$dir/#1" "$1?pageIndex=[1-$4]&pageSize=$5" || code=$?
users=0
for page in "$dir"/*; do  # one that failed may have left an empty file
  users=$(cat "$dir"/* | jq -c '.data[]' | wc -l)
  break
done
awk -v users="$users" -v code="$code" -v began="$began" -v now="$(date +%s.%N)" 'BEGIN {
  printf "users=%d\nelapsed=%.6f\ncode=%d\n", users, now - began, code }'
