#include "tests/bench/meanwhile.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/error.h"

namespace panda::bench {
namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string one_decimal(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

}  // namespace

Reading Reading::of_stat(const std::string& text) {
    // cpu user nice system idle iowait irq softirq steal guest guest_nice, in ticks; a guest's time is in user's.
    std::istringstream stream(text);
    std::string name;
    double user, nice, system, idle, iowait, irq, softirq, steal;
    if (!(stream >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal) ||
        name != "cpu")
        throw Error("/proc/stat does not begin with the processors' times");
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    return {.all = (user + nice + system + irq + softirq) / ticks, .stolen = steal / ticks};
}

Reading Reading::now() {
    std::ostringstream text;
    text << std::ifstream("/proc/stat").rdbuf();
    Reading reading = of_stat(text.str());
    reading.clock =
        std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    rusage usage;
    ::getrusage(RUSAGE_SELF, &usage);
    reading.own = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    return reading;
}

Others others_between(const Reading& start, const Reading& end, unsigned processors) {
    Others others;
    // The kernel counts in ticks, so others can seem to have used a little less than nothing.
    others.seconds = std::max(0.0, end.all - start.all - (end.own - start.own));
    others.stolen = end.stolen - start.stolen;
    const double available = (end.clock - start.clock) * processors;
    if (available > 0)
        others.share = (others.seconds + others.stolen) / available;
    return others;
}

std::string Others::sentence() const {
    std::string text = "Meanwhile others used " + one_decimal(seconds) + " s of processor time";
    if (stolen >= 0.05)
        text += ", and the host took " + one_decimal(stolen) + " s";
    text += ": " + one_decimal(100 * share) + "% of the machine.";
    if (much())
        text += " That is MUCH: do not believe these figures, measure again on a quiet machine.";
    return text;
}

Meanwhile::~Meanwhile() {
    try {
        const Others others =
            others_between(start_, Reading::now(), std::max(1u, std::thread::hardware_concurrency()));
        std::puts(others.sentence().c_str());
    } catch (const std::exception& problem) {
        std::printf("Nobody knows what else ran meanwhile: %s\n", problem.what());
    }
}

}  // namespace panda::bench
