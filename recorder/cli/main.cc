// panda-record: see docs/man/panda-record.1.
#include "common/command_line.h"
#include "recorder/cli/options.h"
#include "recorder/cli/recorder.h"

namespace {

int run(int argc, char** argv) {
    using namespace panda::record;
    const std::optional<Options> options = parse_options(argc, argv);
    if (!options)
        return panda::exit_ok;
    switch (options->mode) {
        case Mode::command:
            return record_command(*options);
        case Mode::boot:
            return record_boot(*options);
        case Mode::user_machine:
            return run_user_machine(*options);
    }
    return panda::exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
    return panda::run_main("panda-record", [&] { return run(argc, argv); });
}
