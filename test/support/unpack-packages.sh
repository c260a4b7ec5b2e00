#!/bin/sh
# Unpacks Debian packages of another suite than the machine's into a directory below the user's cache, and prints
# that directory. Nothing is installed, and apt's own lists and sources stay as they are.
#
#     unpack-packages.sh SUITE PACKAGE…
set -eu

fail() {
  echo "$*" >&2
  exit 1
}

# Debian's archive as this machine reaches it: the address is the business of whoever set the machine up.
archive() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1
}

apt() {
  program=$1
  shift
  "$program" -qq -o Dir::Etc::sourcelist="$home/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::State="$home" -o Dir::State::status=/dev/null -o Dir::Cache="$home" -o Acquire::Languages=none \
    -o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 \
    -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any "$@"
}

suite=$1
shift
command -v apt-get >/dev/null || fail "there is no apt-get here"
home=${XDG_CACHE_HOME:-$HOME/.cache}/ctr-tests/$suite
tree=$home/$1
[ $# = 1 ] || tree=$tree-$(echo "$*" | sha256sum | cut -c 1-12)
mkdir -p "$home/lists/partial" "$home/archives/partial"

# One at a time: others wait for the lists and find the tree.
exec 9>"$home/lock"
flock 9
if [ ! -d "$tree" ]; then
  uri=$(archive)
  [ -n "$uri" ] || fail "apt knows no archive of Debian's here"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$home/sources.list"
  apt apt-get update >&2
  new=$(mktemp -d "$home/new.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  (cd "$new" && apt apt-get download "$@" >&2)
  mkdir "$new/tree"
  for package in "$new"/*.deb; do dpkg-deb --extract "$package" "$new/tree"; done
  mv "$new/tree" "$tree"
fi
echo "$tree"
