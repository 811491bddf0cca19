#include "osi/symbols/symbolizer.h"

#include <algorithm>

#include "osi/x86_paging.h"

namespace panda::osi {
namespace {

constexpr uint64_t page_bytes = 4096;
constexpr unsigned max_attempts = 16;     // to read a file that was not in memory as a whole
constexpr size_t max_missed = 1024;       // pages of a process
constexpr size_t max_mappings = 1 << 17;  // 65530 is Linux's limit
constexpr uint64_t whole_module = ~uint64_t{0};

// Executable mappings alone have code, but data has names too.
bool has_elf(const Mapping& mapping) {
    return (mapping.has_file && !mapping.name.empty()) || mapping.name == "[vdso]";
}

}  // namespace

// What an address belongs to.
struct Symbolizer::Found {
    FunctionId function = 0;
    uint64_t offset = 0;
    Module* module = nullptr;  // of a process
    uint64_t linked = 0;       // the address at link time; in the kernel, the address itself
    bool in_kernel = false;
};

Symbolizer::Symbolizer(std::vector<std::string> directories) : files_(std::move(directories)) {}

void Symbolizer::forget_all() {
    kernel_.reset();
    kernel_functions_.clear();
    spaces_.clear();
}

Place Symbolizer::place(const Provider& provider, const Point& point, const ProcessHandle& process,
                        uint64_t address, bool lines) {
    const Found found = find(provider, point, process, address);
    Place place = functions_[found.function];
    place.offset = found.offset;
    if (!lines)
        return place;
    std::optional<SourceLine> line;
    if (found.in_kernel && place.module == "kernel")
        line = kernel_->line(address);
    else if (found.module != nullptr && found.module->file)
        line = found.module->file->line(found.linked);
    if (line)
        place.source = std::move(*line);
    return place;
}

Symbolizer::Located Symbolizer::locate(const Provider& provider, const Point& point,
                                       const ProcessHandle& process, uint64_t address) {
    const Found found = find(provider, point, process, address);
    return {found.function, found.offset};
}

std::optional<Symbolizer::InFile> Symbolizer::in_file(const Provider& provider, const Point& point,
                                                      const ProcessHandle& process, uint64_t address) {
    const Found found = find(provider, point, process, address);
    if (found.module == nullptr)
        return std::nullopt;
    const uint64_t bias = address - found.linked;
    InFile place{found.module->name, address, address + 1, found.linked, found.module->file};
    for (const LoadSegment& segment : found.module->segments) {
        place.base = std::min(place.base, bias + segment.address / page_bytes * page_bytes);
        place.end = std::max(place.end, bias + segment.address + segment.size);
    }
    // Without its header in memory, link-time addresses are offsets in the file.
    if (found.module->segments.empty())
        place.base = bias;
    return place;
}

FunctionId Symbolizer::number(std::unordered_map<uint64_t, FunctionId>& known, uint64_t key,
                              const std::string& module, std::string_view symbol) {
    const auto [entry, fresh] = known.try_emplace(key, static_cast<FunctionId>(functions_.size()));
    if (fresh)
        functions_.push_back({module, demangle(std::string(symbol)), 0, {}});
    return entry->second;
}

void Symbolizer::read_kernel(const Provider& provider, const Point& point) {
    kernel_.emplace(provider, point, files_);
}

Symbolizer::Found Symbolizer::find_in_kernel(const Provider& provider, const Point& point, uint64_t address) {
    if (!kernel_)
        kernel_.emplace(provider, point, files_);
    const auto hit = kernel_->find(provider, point, address);
    if (!hit)
        return {number(kernel_functions_, whole_module, "kernel", {}), address, nullptr, address, true};
    return {number(kernel_functions_, hit->symbol.start, *hit->module, hit->symbol.name),
            address - hit->symbol.start, nullptr, address, true};
}

Symbolizer::Found Symbolizer::find(const Provider& provider, const Point& point, const ProcessHandle& process,
                                   uint64_t address) {
    // 32-bit kernels leave programs 3 GiB; 64-bit ones leave them the lower half.
    const bool wide = point.cpu->long_mode();
    if (wide ? address >> 63 != 0 : address >= 0xc000'0000)
        return find_in_kernel(provider, point, address);
    if (process.asid == 0)
        return {0, address};
    Space& space = space_of(provider, point, process, address);
    auto mapped = std::upper_bound(space.mappings.begin(), space.mappings.end(), address,
                                   [](uint64_t wanted, const Mapped& entry) { return wanted < entry.start; });
    if (mapped == space.mappings.begin() || address >= (--mapped)->end || !mapped->module)
        return {0, address};
    Module& module = *mapped->module;
    const uint64_t offset = address - mapped->start + mapped->offset;
    const uint64_t linked = address_of_offset(module.segments, offset).value_or(offset);
    const auto hit = module.symbols.find(linked);
    if (!hit)
        return {number(module.functions, whole_module, module.name, {}), linked, &module, linked};
    return {number(module.functions, hit->start, module.name, hit->name), linked - hit->start, &module,
            linked};
}

// What the process has mapped; read anew if the address's page is not in what is known, once for each page.
Symbolizer::Space& Symbolizer::space_of(const Provider& provider, const Point& point,
                                        const ProcessHandle& process, uint64_t address) {
    const auto [entry, fresh] = spaces_.try_emplace(process.task);
    Space& space = entry->second;
    if (fresh || space.asid != process.asid) {
        space = {};
        space.asid = process.asid;
        read_space(provider, point, process, space);
        return space;
    }
    const auto mapped =
        std::upper_bound(space.mappings.begin(), space.mappings.end(), address,
                         [](uint64_t wanted, const Mapped& one) { return wanted < one.start; });
    const bool known = mapped != space.mappings.begin() && address < std::prev(mapped)->end;
    const bool complete = known && (!std::prev(mapped)->module || std::prev(mapped)->module->complete);
    if (complete || space.missed.size() >= max_missed)
        return space;
    // A page's name may come later: when it is mapped, or when the file's symbols are in memory.
    if (unsigned& times = space.missed[address / page_bytes]; times < (known ? 4 : 1)) {
        ++times;
        read_space(provider, point, process, space);
    }
    return space;
}

void Symbolizer::read_space(const Provider& provider, const Point& point, const ProcessHandle& process,
                            Space& space) {
    const trace::AddressSpace memory(*point.memory, process.asid, trace::paging_of(*point.cpu));
    const ReadGuest read = [&](uint64_t address, std::span<std::byte> out) {
        return memory.read(address, out);
    };
    space.mappings.clear();
    std::map<std::string, std::shared_ptr<Module>>
        here;  // by name; a file that is mapped twice counts from the last
    for (const Mapping& mapping : provider.mappings(point, process).entries) {
        if (space.mappings.size() >= max_mappings)
            break;
        std::shared_ptr<Module> module;
        if (has_elf(mapping)) {
            auto& known = here[mapping.name];
            if (!known || mapping.offset == 0)
                known = module_at(read, mapping.name, mapping.start - mapping.offset);
            module = known;
        }
        space.mappings.push_back({mapping.start, mapping.end, mapping.offset, std::move(module)});
    }
}

std::shared_ptr<Symbolizer::Module> Symbolizer::module_at(const ReadGuest& read, const std::string& name,
                                                          uint64_t base) {
    // The header has the build id, so a file is known without reading its symbols again.
    auto elf = read_guest_elf(read, base);
    // A header that is not in memory now may have been in another process.
    std::string& key = keys_[name];
    if (elf && !elf->build_id.empty())
        key = elf->build_id;
    else if (key.empty())
        key = name;
    auto& module = modules_[key];
    if (!module) {
        module = std::make_shared<Module>();
        module->name = name;
        module->file = files_.find(name, elf ? elf->build_id : std::string());
        if (module->file) {
            module->segments = module->file->segments();
            module->symbols = module->file->symbols();
        }
    }
    // A file with what was stripped off does not say where the rest was in the program's file.
    if (elf && !elf->segments.empty())
        module->segments = elf->segments;
    if (module->file && module->symbols.size() != 0)
        return module;
    if (elf && elf->symbols.size() >= module->symbols.size())
        module->symbols = std::move(elf->symbols);
    module->complete = (elf && elf->complete) || ++module->attempts >= max_attempts;
    return module;
}

}  // namespace panda::osi
