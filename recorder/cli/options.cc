#include "recorder/cli/options.h"

#include <boost/program_options.hpp>
#include <filesystem>
#include <iostream>

#include "common/command_line.h"
#include "common/error.h"
#include "common/numbers.h"

namespace panda::record {
namespace {

namespace po = boost::program_options;

constexpr const char* usage =
    "Usage: panda-record -o FILE.panda [options] -- COMMAND [ARGUMENT...]\n"
    "       panda-record -o FILE.panda [options] --boot\n"
    "       panda-record [-o FILE.panda] --vm -- QEMU-ARGUMENT...\n\n"
    "Records a virtual machine: a command in the default guest, a whole boot, or your own machine.\n";

po::options_description describe(Options& options, std::string& memory, std::vector<std::string>& copy_in) {
    po::options_description description("options");
    auto add = description.add_options();
    add("output,o", po::value(&options.output), "file to record into");
    add("boot", "record the default guest from power-on to power-off");
    add("vm",
        "run QEMU with your own arguments; its monitor has the commands begin_record FILE and end_record");
    add("force,f", po::bool_switch(&options.force), "overwrite an existing file");
    add("memory,m", po::value(&memory)->default_value("256M"), "memory of the guest, for example 512M or 2G");
    add("cpu", po::value(&options.cpu)->default_value("qemu64"), "CPU model, for example max");
    add("guest", po::value(&options.guest), "directory of a guest that tools/guest/build.sh built");
    add("kernel", po::value(&options.kernel), "kernel image instead of the guest's");
    add("initrd", po::value(&options.initrd), "initramfs instead of the guest's");
    add("append", po::value(&options.append), "words to add to the kernel's command line");
    add("copy-in", po::value(&copy_in)->composing(),
        "copy a file or directory into the guest, HOST:GUEST; repeatable");
    add("disk", po::value(&options.disk), "disk image for /dev/vda; the image is not changed");
    add("net", po::bool_switch(&options.network), "add a network card behind QEMU's user network");
    add("qemu", po::value(&options.qemu), "patched QEMU to run");
    add("quiet,q", po::bool_switch(&options.quiet), "do not pass on what the guest prints");
    add("help,h", "show this help");
    add("version", "show the version");
    return description;
}

// Splits at the first "--". What follows it belongs to the guest or to QEMU and is not looked at.
std::vector<std::string> arguments_before(int argc, char** argv, std::vector<std::string>& rest) {
    std::vector<std::string> own;
    int i = 1;
    for (; i < argc && std::string_view(argv[i]) != "--"; i++)
        own.emplace_back(argv[i]);
    for (i++; i < argc; i++)
        rest.emplace_back(argv[i]);
    return own;
}

void check_mode(const Options& options) {
    switch (options.mode) {
        case Mode::command:
            if (options.command.empty())
                throw UsageError("no command: give one after --, or give --boot or --vm");
            break;
        case Mode::boot:
            if (!options.command.empty())
                throw UsageError("--boot records the guest's own boot workload and takes no command");
            break;
        case Mode::user_machine:
            if (options.command.empty())
                throw UsageError("--vm needs QEMU's arguments after --");
            if (!options.copy_in.empty() || options.network ||
                !(options.guest + options.kernel + options.initrd + options.append + options.disk).empty())
                throw UsageError("with --vm the machine is described by QEMU's arguments alone");
            return;
    }
    if (options.output.empty())
        throw UsageError("no file to record into: give one with -o");
}

// A recording must not replace a file by accident, and it is better to know before the guest runs that the
// file cannot be written.
void check_output(const Options& options) {
    namespace fs = std::filesystem;
    if (options.output.empty())
        return;
    if (fs::is_directory(options.output))
        throw FileError(options.output, "is a directory");
    if (!options.force && fs::exists(options.output))
        throw FileError(options.output, "already exists (--force overwrites it)");
    if (!fs::is_directory(fs::path(options.output).parent_path()))
        throw FileError(options.output, "its directory does not exist");
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv) {
    Options options;
    std::string memory;
    std::vector<std::string> copy_in;
    const po::options_description description = describe(options, memory, copy_in);
    const std::vector<std::string> own = arguments_before(argc, argv, options.command);
    po::variables_map values;
    const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    const po::positional_options_description none;
    po::store(po::command_line_parser(own).options(description).positional(none).style(style).run(), values);
    if (values.contains("help")) {
        std::cout << usage << "\n" << description;
        return std::nullopt;
    }
    if (values.contains("version")) {
        std::cout << version_line("panda-record") << "\n";
        return std::nullopt;
    }
    po::notify(values);
    if (values.contains("boot") && values.contains("vm"))
        throw UsageError("--boot and --vm exclude each other");
    if (values.contains("boot"))
        options.mode = Mode::boot;
    if (values.contains("vm"))
        options.mode = Mode::user_machine;
    options.memory = parse_memory(memory);
    for (const std::string& text : copy_in)
        options.copy_in.push_back(parse_copy_in(text));
    check_mode(options);
    if (!options.output.empty())
        options.output = std::filesystem::absolute(options.output).lexically_normal().string();
    check_output(options);
    return options;
}

uint64_t parse_memory(const std::string& text) {
    const auto fail = [&]() -> uint64_t {
        throw UsageError("--memory " + text + ": want a size in M or G, from 32M to 1024G");
    };
    const size_t unit = std::min(text.find_first_of("GgMm"), text.size());
    const auto number = read_number(text.substr(0, unit));
    constexpr uint64_t mebibytes_limit = uint64_t{1} << 20;
    if (!number || *number > mebibytes_limit || text.size() > unit + 1)
        return fail();
    const bool gibibytes = unit < text.size() && (text[unit] == 'G' || text[unit] == 'g');
    const uint64_t mebibytes = gibibytes ? *number * 1024 : *number;
    if (mebibytes < 32 || mebibytes > mebibytes_limit)
        return fail();
    return mebibytes << 20;
}

}  // namespace panda::record
