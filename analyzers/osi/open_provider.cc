#include "analyzers/osi/open_provider.h"

#include "analyzers/osi/kernelinfo_path.h"
#include "common/command_line.h"
#include "common/error.h"
#include "kernelinfo/key_file.h"
#include "osi/linux/select.h"

namespace panda::analyze_osi {
namespace {

using kernelinfo::KeyFile;
using osi::linux_guest::OsiLinux;

// The file that was named, and the default one, if it is there and may be needed.
struct Files {
    std::optional<KeyFile> named, usual;
};

Files open_files(const ProviderOptions& options) {
    Files files;
    if (!options.kconf.empty())
        files.named = KeyFile::open(options.kconf);
    else if (!options.group.empty())
        files.named = KeyFile::open(default_kernelinfo(options.directory));
    if (options.group.empty())
        if (const auto path = find_kernelinfo(options.directory))
            files.usual = KeyFile::open(*path);
    return files;
}

// The group that was named, by --kconf-group or, with its whole name, by --os.
std::string group_of(const ProviderOptions& options, const KeyFile* file) {
    if (options.group.empty() && options.os && file != nullptr)
        for (const std::string& group : file->groups())
            if (group == options.os->variant ||
                group == options.os->variant + ":" + std::to_string(options.os->bits))
                return group;
    return options.group;
}

}  // namespace

void add_kernel_options(boost::program_options::options_description& options) {
    namespace po = boost::program_options;
    auto add = options.add_options();
    add("kconf", po::value<std::string>()->value_name("FILE"),
        "offsets of the guest's kernel (default: kernelinfo.conf next to the build or where it is installed, "
        "or else the guest's own memory)");
    add("kconf-group", po::value<std::string>()->value_name("NAME"),
        "group in that file (default: the one whose kernel is found in the guest)");
    add("os", po::value<std::string>()->value_name("NAME"),
        "what must run in the guest: linux-64-debian, or with a whole group, linux-64-debian:6.1.0-9-amd64");
    add("load-now",
        "fail unless the kernel is found at the moment itself; default: also look at later snapshots");
}

ProviderOptions provider_options(const boost::program_options::variables_map& given) {
    const auto text = [&](const char* option) {
        return given.count(option) != 0 ? given[option].as<std::string>() : std::string();
    };
    ProviderOptions wanted;
    wanted.kconf = text("kconf");
    wanted.group = text("kconf-group");
    if (given.count("os") != 0)
        wanted.os = parse_os(text("os"));
    wanted.load_now = given.count("load-now") != 0;
    wanted.directory = executable_directory();
    return wanted;
}

osi::OpenProvider provider_opener(const ProviderOptions& options, const std::string& trace) {
    const auto files = std::make_shared<const Files>(open_files(options));
    const KeyFile* usual = files->usual ? &*files->usual : nullptr;
    const KeyFile* first = files->named ? &*files->named : usual;
    const std::string group = group_of(options, first);
    const auto complete = std::make_shared<osi::linux_guest::GroupCompleter>(trace);
    return [options, files, usual, first, group, trace, complete](const osi::Point& point) {
        using namespace osi::linux_guest;
        auto provider = std::make_shared<const OsiLinux>(
            (*complete)(files->named || !group.empty() ? open_named_kernel(*first, group, point, trace, usual)
                                                       : open_unknown_kernel(usual, point, trace),
                        point));
        if (options.os)
            check_os(*options.os, provider->info(), !options.group.empty());
        return provider;
    };
}

std::shared_ptr<const osi::Provider> open_provider(const osi::OpenProvider& open, bool load_now,
                                                   trace::TraceReader& reader, const trace::Moment& moment) {
    try {
        return open({&moment.memory(), &moment.cpu()});
    } catch (const Error&) {
        if (load_now)
            throw;
        if (auto found = osi::find_in_snapshots(reader, moment.instr(), open))
            return found;
        throw;
    }
}

}  // namespace panda::analyze_osi
