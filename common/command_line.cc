#include "common/command_line.h"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <csignal>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>

#include "common/error.h"

namespace panda {

int run_main(const char* name, const std::function<int()>& body) {
    std::signal(SIGPIPE, SIG_IGN);
    const auto complain = [name](const std::string& message) {
        std::cerr << name << ": " << message << std::endl;
    };
    try {
        const int status = body();
        std::cout.flush();
        if (!std::cout) {
            complain("cannot write to standard output");
            return exit_failed;
        }
        return status;
    } catch (const UsageError& error) {
        complain(std::string(error.what()) + " (see --help)");
        return exit_usage;
    } catch (const boost::program_options::error& error) {
        complain(std::string(error.what()) + " (see --help)");
        return exit_usage;
    } catch (const std::bad_alloc&) {
        complain("out of memory");
        return exit_failed;
    } catch (const std::exception& error) {
        complain(error.what());
        return exit_failed;
    }
}

std::string version_line(const char* name) {
    return std::string(name) + " (panda) " PANDA_VERSION;
}

std::string executable_directory() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

std::string without_controls(std::string text) {
    std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
    return text;
}

}  // namespace panda
