#!/usr/bin/env bash
# Makes a Debian package of the release binary that is there.
# usage: deb.sh CARGO
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=$1
version=3.8.0
tools=$PWD/target/tools

scripts/packages.sh deb
if [ "$("$tools/bin/cargo-deb" --version 2>/dev/null)" != "cargo-deb $version" ]; then
    # It runs for a second; to optimise it would take a minute.
    "$cargo" install --quiet --locked --debug --root "$tools" "cargo-deb@$version"
fi
rm -rf target/packaging
"$cargo" run --quiet --locked --example packaging -- target/packaging

# For Debian's tools. What people read is the project's own, which the package has as changelog.gz.
package=$(sed -n 's/^version = "\(.*\)"$/\1/p;T;q' Cargo.toml)-1
cat >target/packaging/changelog <<END
seclyzer ($package) unstable; urgency=medium

  * What is new is in changelog.gz.

 -- $(sed -n 's/^maintainer = "\(.*\)"$/\1/p' Cargo.toml)  $(date -R -r CHANGELOG.md)
END
"$tools/bin/cargo-deb" deb --no-build --locked --deb-version "$package"
