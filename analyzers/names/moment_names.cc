#include "analyzers/names/moment_names.h"

#include <algorithm>

#include "common/error.h"

namespace panda::analyzers {
namespace {

namespace po = boost::program_options;

constexpr uint64_t isolation_bit = 0x1000;  // PTI_USER_PGTABLE_BIT of arch/x86/entry/calling.h

}  // namespace

void add_name_options(po::options_description& options, bool optional) {
    auto add = options.add_options();
    add("symbols", po::value<std::vector<std::string>>()->composing()->value_name("DIR"),
        "directory with programs, libraries or debug files of the guest; repeatable");
    if (optional)
        add("no-names", "addresses only");
    analyze_osi::add_kernel_options(options);
}

NameOptions name_options(const po::variables_map& given) {
    NameOptions options;
    options.wanted = given.count("no-names") == 0;
    if (given.count("symbols") != 0)
        options.directories = given["symbols"].as<std::vector<std::string>>();
    if (!options.wanted && !options.directories.empty())
        throw UsageError("--no-names and --symbols exclude each other");
    options.kernel = analyze_osi::provider_options(given);
    return options;
}

// Looked for at the end, where a kernel that booted is still there, and at snapshots, which have all of memory at hand.
std::shared_ptr<const osi::Provider> find_kernel(trace::TraceReader& reader, const NameOptions& options) {
    // A trace that leaves out instructions does not know memory behind them.
    if (!options.wanted || !reader.seekable() || reader.header().facts.count("trace-filter") != 0)
        return nullptr;
    const osi::OpenProvider open = provider_opener(options.kernel, reader.path());
    const auto& snapshots = reader.contents().snapshots;
    for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
        const trace::Moment moment(reader, snapshot->instr);
        try {
            return open({&moment.memory(), &moment.cpu()});
        } catch (const Error&) {
            continue;  // none that is known, or not yet
        }
    }
    return nullptr;
}

std::shared_ptr<const osi::Provider> read_kernel(trace::TraceReader& reader, const NameOptions& options,
                                                 osi::Symbolizer& symbolizer) {
    auto provider = find_kernel(reader, options);
    if (provider) {
        // The pass may begin before the kernel runs.
        const trace::Moment moment(reader, reader.contents().snapshots.back().instr);
        symbolizer.read_kernel(*provider, {&moment.memory(), &moment.cpu()});
    }
    return provider;
}

osi::EventFollower::System followed_system(const trace::TraceReader& reader, const NameOptions& options,
                                           std::shared_ptr<const osi::Provider> provider) {
    if (!provider)
        return {};
    return {std::move(provider), provider_opener(options.kernel, reader.path())};
}

bool same_space(uint64_t asid, uint64_t other) {
    return asid == other || (asid ^ other) == isolation_bit;
}

MomentNames::MomentNames(trace::TraceReader& reader, const NameOptions& options)
    : reader_(reader),
      lines_(!options.directories.empty()),
      provider_(find_kernel(reader, options)),
      symbolizer_(options.directories) {}

// A trace without the values of stores knows memory at its snapshots only. Names change rarely, so those of the
// snapshot before will do.
uint64_t MomentNames::known_moment(uint64_t instr) const {
    const trace::Contents& contents = reader_.contents();
    const bool everywhere =
        !contents.chunks.empty() && reader_.chunk(0).summary().memory == trace::MemoryColumns::values;
    const size_t before = contents.snapshots_up_to(instr);
    return everywhere || before == 0 ? instr : contents.snapshots[before - 1].instr;
}

void MomentNames::go_to(uint64_t wanted) {
    const uint64_t instr = known_moment(wanted);
    if (moment_ && instr_ == instr)
        return;
    moment_ = std::make_unique<trace::Moment>(reader_, instr);
    instr_ = instr;
}

// Where the address space changes in a chunk. Decodes its blocks: some milliseconds.
void MomentNames::find_switches(size_t chunk) {
    if (switches_of_ == chunk)
        return;
    reader_.load_blocks();
    trace::ChunkCursor cursor(reader_.blocks());
    cursor.start(reader_.chunk(chunk));
    switches_.clear();
    for (auto step = cursor.next(); step != trace::ChunkCursor::Step::end; step = cursor.next()) {
        if (step == trace::ChunkCursor::Step::event &&
            (std::holds_alternative<trace::AddressSpaceChange>(cursor.event().detail) ||
             std::holds_alternative<trace::Gap>(cursor.event().detail) ||
             std::holds_alternative<trace::Reset>(cursor.event().detail)))
            switches_.push_back(cursor.event().instr);
    }
    std::ranges::sort(switches_);
    switches_of_ = chunk;
}

// Whether no other process has run between the moment that is looked at and a later one of the same chunk.
bool MomentNames::same_run(uint64_t wanted) {
    if (!moment_ || wanted < instr_)
        return false;
    const auto& chunks = reader_.contents().chunks;
    const auto next = std::ranges::upper_bound(chunks, instr_, {}, &trace::ChunkEntry::first_instr);
    if (next == chunks.begin() || (next != chunks.end() && wanted >= next->first_instr))
        return false;
    find_switches(static_cast<size_t>(next - chunks.begin()) - 1);
    const auto change = std::ranges::upper_bound(switches_, instr_);
    return change == switches_.end() || *change > wanted;
}

void MomentNames::go_near(uint64_t wanted) {
    if (!same_run(known_moment(wanted)))
        go_to(wanted);
}

osi::ProcessHandle MomentNames::process_with(uint64_t asid) const {
    const osi::Point point{&moment_->memory(), &moment_->cpu()};
    if (const auto current = provider_->current_process_handle(point);
        current && same_space(current->asid, asid))
        return *current;
    for (const osi::ProcessHandle& handle : provider_->process_handles(point).entries)
        if (handle.asid != 0 && same_space(handle.asid, asid))
            return handle;
    return {};
}

std::optional<osi::Process> MomentNames::process_at(uint64_t instr) {
    if (!provider_)
        return std::nullopt;
    go_near(instr);
    const osi::Point point{&moment_->memory(), &moment_->cpu()};
    const auto current = provider_->current_process_handle(point);
    return current ? provider_->process(point, *current) : std::nullopt;
}

std::optional<osi::Place> MomentNames::find(const NamedAddress& wanted) {
    if (!provider_)
        return std::nullopt;
    go_near(wanted.instr);
    auto place = find_here(wanted);
    if (!place && instr_ != known_moment(wanted.instr)) {
        go_to(wanted.instr);
        place = find_here(wanted);
    }
    return place;
}

std::optional<osi::Place> MomentNames::find_here(const NamedAddress& wanted) {
    const osi::Point point{&moment_->memory(), &moment_->cpu()};
    const bool wide = point.cpu->long_mode();
    const bool kernel = wide ? wanted.address >> 63 != 0 : wanted.address >= 0xc000'0000;
    const osi::ProcessHandle process = kernel ? osi::ProcessHandle{} : process_with(wanted.asid);
    osi::Place place = symbolizer_.place(*provider_, point, process, wanted.address, lines_);
    if (place.module.empty() || (place.module == "kernel" && place.function.empty()))
        return std::nullopt;
    return place;
}

}  // namespace panda::analyzers
