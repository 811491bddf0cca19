// Booted guests, kept in the cache so that the next recording starts at once.
#pragma once

#include <string>

#include "recorder/cli/machine.h"
#include "recorder/cli/vm.h"

namespace panda::record {

// Cached snapshots of guests that wait at their agent, one file a machine:
// $PANDA_CACHE/snapshots/KEY.vmstate, where KEY covers QEMU's file, the contents of kernel and initrd, and
// the machine's arguments. The least recently used go when there are more than ten.
class SnapshotCache {
  public:
    explicit SnapshotCache(const std::string& cache_directory);

    // The snapshot of this machine; inherited: descriptors that its arguments mention. Boots it and makes the
    // snapshot (about five seconds) if there is none; if another process is at it, waits for that. The file
    // appears whole or not at all. Throws Error.
    std::string get(const Machine& machine, const std::vector<int>& inherited, launch::StopSignals& signals);
    // Forgets a snapshot that turned out to be unusable.
    void remove(const std::string& file);

  private:
    void make(const Machine& machine, const std::vector<int>& inherited, const std::string& file,
              launch::StopSignals& signals);
    void prune();

    std::string directory_;
};

// Arguments that make QEMU wait for a snapshot instead of booting.
std::vector<std::string> restore_arguments();
// Loads the snapshot into a Vm started with them; the guest is stopped afterwards. Throws Error.
void restore(Vm& vm, const std::string& file);

}  // namespace panda::record
