// panda-analyze-keyfind: the secrets of TLS sessions, and where they pass by.
#include <iostream>
#include <set>

#include "analyzers/keyfind/capture.h"
#include "analyzers/keyfind/key_finder.h"
#include "analyzers/keyfind/tls_session.h"
#include "analyzers/taps/tap_program.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::keyfind;
using analyzers::Run;
namespace po = boost::program_options;

std::vector<TlsSession> read_sessions(Run& run, const std::string& path) {
    const MappedFile file(path);
    std::vector<TlsSession> sessions;
    for (const Connection& connection : read_capture(file.bytes(), path)) {
        std::string why;
        if (auto session = find_session(connection, why))
            sessions.push_back(std::move(*session));
        else if (!why.empty())
            run.warn(path + ": " + connection.name + ": " + why);
    }
    if (sessions.empty())
        throw FileError(path, "has no TLS session that can be looked for");
    return sessions;
}

// The taps to look at: those of a list, and those of an address space.
taps::TapNumbers::Wanted wanted(const Run& run) {
    auto in_space = taps::wanted_taps(run);
    if (!run.has("tap-points"))
        return in_space;
    const auto list = taps::read_taps(run.text("tap-points"));
    return [in_space, listed = std::set<taps::Tap>(list.begin(), list.end())](const taps::Tap& tap) {
        return listed.contains(tap) && (!in_space || in_space(tap));
    };
}

void write_text(const TlsSession& session, const FoundSecret& secret, const taps::TapNumbers& numbers) {
    std::cout << session.name << "  " << label_of(secret.kind) << "  instr " << secret.instr << '\n'
              << "  " << hex_bytes(std::as_bytes(std::span(secret.bytes))) << '\n';
    for (const auto& [tap, count] : secret.taps)
        std::cout << "  " << (tap.second ? "WRITE " : "READ  ") << taps::tap_text(numbers[tap.first]) << "  "
                  << count << '\n';
}

void write_json(const TlsSession& session, const FoundSecret& secret, const taps::TapNumbers& numbers) {
    Json object = {{"kind", "secret"},
                   {"connection", session.name},
                   {"version", session.tls13 ? "1.3" : "1.2"},
                   {"suite", session.suite->name},
                   {"label", label_of(secret.kind)},
                   {"client_random", hex_bytes(std::as_bytes(std::span(session.client_random)))},
                   {"secret", hex_bytes(std::as_bytes(std::span(secret.bytes)))},
                   {"instr", secret.instr}};
    for (const auto& [tap, count] : secret.taps) {
        Json one = {{"direction", tap.second ? "write" : "read"}};
        taps::add_tap(one, numbers[tap.first]);
        one["count"] = count;
        object["taps"].push_back(std::move(one));
    }
    write_json_line(std::cout, object);
}

void write_files(OutputFile& matches, OutputFile& keys, const std::vector<TlsSession>& sessions,
                 const std::vector<FoundSecret>& found, const taps::TapNumbers& numbers) {
    std::string log;
    std::string lines;
    std::set<uint32_t> matching;
    for (const FoundSecret& secret : found) {
        log += key_log_line(sessions[secret.session], secret.kind, secret.bytes);
        for (const auto& [tap, count] : secret.taps)
            matching.insert(tap.first);
    }
    for (const uint32_t tap : matching)
        lines += taps::tap_text(numbers[tap]) + "\n";
    keys.write(std::as_bytes(std::span(log)));
    keys.close();
    matches.write(std::as_bytes(std::span(lines)));
    matches.close();
}

// Says which sessions cannot be read with what was found.
void warn_of_missing(Run& run, const std::vector<TlsSession>& sessions,
                     const std::vector<FoundSecret>& found) {
    for (size_t number = 0; number < sessions.size(); ++number) {
        std::set<SecretKind> missing = {SecretKind::master};
        if (sessions[number].tls13)
            missing = {SecretKind::client_handshake, SecretKind::server_handshake, SecretKind::client_traffic,
                       SecretKind::server_traffic};
        for (const FoundSecret& secret : found)
            if (secret.session == number)
                missing.erase(secret.kind);
        for (const SecretKind kind : missing)
            run.warn(sessions[number].name + ": " + label_of(kind) + " was not found");
    }
}

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("capture", po::value<std::string>()->value_name("FILE"), "a pcap file with the sessions");
    add("tap-points", po::value<std::string>()->value_name("FILE"),
        "look only at these taps: lines of caller, pc and asid");
    taps::add_file_option(options, "keylog", "keyfind_keylog.txt",
                          "where to write the secrets, as NSS logs keys");
    taps::add_file_option(options, "output", "key_matches.txt", "where to write the taps");
    taps::add_tap_options(options);
}

void analyze(Run& run) {
    if (!run.has("capture"))
        throw UsageError("--capture FILE is missing");
    const std::vector<TlsSession> sessions = read_sessions(run, run.text("capture"));
    trace::TraceReader& reader = run.reader();
    for (const char* option : {"keylog", "output"})
        require_other_file(reader.path(), run.text(option));
    OutputFile keys(run.text("keylog"), IfExists::overwrite);
    OutputFile matches(run.text("output"), IfExists::overwrite);
    taps::TapNumbers numbers(wanted(run));
    KeyFinder finder(sessions);
    taps::run_tap_pass(run, numbers, finder);
    const std::vector<FoundSecret> found = finder.found();
    write_files(matches, keys, sessions, found, numbers);
    for (const FoundSecret& secret : found)
        run.json() ? write_json(sessions[secret.session], secret, numbers)
                   : write_text(sessions[secret.session], secret, numbers);
    if (!run.json())
        std::cout << found.size() << " secrets of " << sessions.size() << " sessions, " << finder.tried()
                  << " byte strings tried\n";
    warn_of_missing(run, sessions, found);
}

constexpr analyzers::Program program = {
    .name = "keyfind",
    .summary = "the secrets of TLS sessions, and where they pass by",
    .description =
        "Finds what decrypts the TLS sessions of a capture in what each tap point reads and writes.\n"
        "TRACE is a file, or - for standard input.",
    .arguments = "--capture FILE TRACE",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
