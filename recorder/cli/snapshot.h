// Snapshots of booted guests, kept in the cache so that the next recording starts at once.
#pragma once

#include <string>

#include "recorder/cli/machine.h"
#include "recorder/cli/vm.h"

namespace panda::record {

// Cached snapshots of guests that wait at their agent. Each machine has a file,
// $PANDA_CACHE/snapshots/KEY.vmstate, where KEY is a hash of QEMU's file, the contents of kernel and initrd,
// and the machine's arguments. When there are more than ten, the least recently used are removed.
class SnapshotCache {
  public:
    explicit SnapshotCache(const std::string& cache_directory);

    // The file of this machine's snapshot. inherited: descriptors that the machine's arguments mention. If
    // there is no snapshot, boots the machine and makes one, which takes about five seconds; if another
    // process is making it, waits for that. The file appears whole or not at all. Throws Error.
    std::string get(const Machine& machine, const std::vector<int>& inherited, launch::StopSignals& signals);
    // Removes a snapshot that turned out to be unusable.
    void remove(const std::string& file);

  private:
    void make(const Machine& machine, const std::vector<int>& inherited, const std::string& file,
              launch::StopSignals& signals);
    void prune();

    std::string directory_;
};

// Arguments that make QEMU wait for a snapshot instead of booting.
std::vector<std::string> restore_arguments();
// Loads the snapshot into a Vm that was started with restore_arguments(). The guest is stopped then. Throws
// Error.
void restore(Vm& vm, const std::string& file);

}  // namespace panda::record
