// Names for addresses that an analyzer prints, each at a moment of a trace.
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/osi/open_provider.h"
#include "osi/symbols/symbolizer.h"
#include "trace/moment/moment.h"

namespace panda::analyzers {

// What the command line says about names.
struct NameOptions {
    bool wanted = true;
    std::vector<std::string> directories;  // with programs, libraries and debug files
    analyze_osi::ProviderOptions kernel;
};

// Adds --symbols, and the options that say which kernel runs: see analyze_osi::add_kernel_options. optional: also
// --no-names.
void add_name_options(boost::program_options::options_description& options, bool optional = true);
// What these options say. Throws UsageError.
NameOptions name_options(const boost::program_options::variables_map& given);

// The kernel that runs in the trace, as the latest snapshot shows it that has one; null if names are not wanted, if
// the trace is a pipe or leaves out instructions, or if no known kernel is in it.
std::shared_ptr<const osi::Provider> find_kernel(trace::TraceReader& reader, const NameOptions& options);
// The same, and reads its symbols and its modules' as they are at the last snapshot, for a pass that asks for names all
// along. symbolizer: gets them.
std::shared_ptr<const osi::Provider> read_kernel(trace::TraceReader& reader, const NameOptions& options,
                                                 osi::Symbolizer& symbolizer);
// For a pass that follows the processes of this kernel, and of those that it or a reset makes way for. provider: what
// read_kernel() returned.
osi::EventFollower::System followed_system(const trace::TraceReader& reader, const NameOptions& options,
                                           std::shared_ptr<const osi::Provider> provider);

// An address, and whose it is when.
struct NamedAddress {
    uint64_t instr = 0;  // the moment: right before this instruction
    uint64_t asid = 0;   // the address space
    uint64_t address = 0;
};

// Looks at one moment after another, so ask for addresses in the order of time. The first name takes about 0.3 s, because it
// reads the kernel's tables; another moment takes what the pages cost that are read there (trace/moment/moment.h). Between two
// switches of address spaces one process runs: there, names are those of the first moment that was asked for, and a file
// that was mapped since is looked for again. A name that a thread gave itself since is not seen.
class MomentNames {
  public:
    // reader: must outlive this. Without names for the whole trace if they are not wanted, if the trace is a pipe or
    // leaves out instructions, or if no known kernel is in it.
    MomentNames(trace::TraceReader& reader, const NameOptions& options);

    // Whether there can be names at all.
    bool available() const { return provider_ != nullptr; }
    // The address's name, with its source line if there are debug files; nothing if it has none. Throws FileError
    // when the trace is damaged where the name is looked for.
    std::optional<osi::Place> find(const NamedAddress& address);
    // The process that runs right before an instruction; nothing if that is not known. Throws as find() does.
    std::optional<osi::Process> process_at(uint64_t instr);

  private:
    uint64_t known_moment(uint64_t instr) const;
    // Looks at the moment, or stays where it is when no other process has run since.
    void go_near(uint64_t wanted);
    void go_to(uint64_t wanted);
    bool same_run(uint64_t wanted);
    void find_switches(size_t chunk);
    std::optional<osi::Place> find_here(const NamedAddress& wanted);
    osi::ProcessHandle process_with(uint64_t asid) const;

    trace::TraceReader& reader_;
    bool lines_;
    std::shared_ptr<const osi::Provider> provider_;  // null: no names
    osi::Symbolizer symbolizer_;
    std::unique_ptr<trace::Moment> moment_;
    uint64_t instr_ = 0;                 // of moment_
    std::optional<size_t> switches_of_;  // a chunk, and where in it address spaces are switched, ascending
    std::vector<uint64_t> switches_;
};

// Which address space is looked at with page table isolation is one of a pair; the kernel's is the even one.
bool same_space(uint64_t asid, uint64_t other);

}  // namespace panda::analyzers
