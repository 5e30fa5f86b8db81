#!/bin/sh
# Ask a service over plain HTTP whether the content of a file is already stored.
#
#     sh examples/ask_over_http.sh http://127.0.0.1:8000 photo.jpg
#
# For files below 8 MiB. Larger files are identified by a digest over parts: see docs/http.md.
set -eu
server=$1
file=$2

request() {
    path=$1
    shift
    curl --silent --show-error --fail \
        ${ONECOPY_TOKEN:+--header "Authorization: Bearer $ONECOPY_TOKEN"} "$@" "$server$path"
    echo
}

echo "The service accepts:"
request /v1/config

size=$(($(wc -c < "$file")))
sha256=$(sha256sum "$file" | cut -c 1-64)
echo "$file, $size bytes:"
request /v1/check --header "Content-Type: application/json" \
    --data "{\"files\": [{\"size\": $size, \"digests\": [\"sha256:$sha256\"]}]}"
