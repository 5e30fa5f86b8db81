#!/bin/sh
# Install Debian's packages that the tests need if permitted; otherwise list what is missing.
# With `soak`, also what only the long tests need.
missing=""
command -v chromium >/dev/null || [ -n "$ONECOPY_CHROMIUM" ] || missing="$missing chromium"
command -v curl >/dev/null || missing="$missing curl"
command -v java >/dev/null || missing="$missing default-jre-headless"
command -v firefox-esr >/dev/null || [ -n "$ONECOPY_FIREFOX" ] || missing="$missing firefox-esr"
command -v jdupes >/dev/null || missing="$missing jdupes"
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx"
command -v openssl >/dev/null || missing="$missing openssl"
command -v promtool >/dev/null || missing="$missing prometheus"
command -v rdfind >/dev/null || missing="$missing rdfind"
command -v systemd-analyze >/dev/null || missing="$missing systemd"
if [ "$1" = soak ]; then
    command -v mkfs.btrfs >/dev/null || [ -x /usr/sbin/mkfs.btrfs ] || missing="$missing btrfs-progs"
    command -v mkfs.xfs >/dev/null || [ -x /usr/sbin/mkfs.xfs ] || missing="$missing xfsprogs"
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
else
    echo "The tests need:$missing (on Debian: apt-get install$missing). Without them they fail." >&2
fi
