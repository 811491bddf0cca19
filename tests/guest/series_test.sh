#!/bin/bash
# The patches of QEMU are what recorder/qemu/series.sh exports after it has applied them with git.
. "$(dirname "$0")/common.sh"
TMPDIR=$scratch "$repository/recorder/qemu/series.sh" check
