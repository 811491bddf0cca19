// What else used the processors while a benchmark ran: one process left over from something else can double a figure.
// meanwhile.py is the same for the scripts.
#pragma once

#include <string>

namespace panda::bench {

// In seconds. of_stat throws Error when the text is not that of /proc/stat.
struct Reading {
    double clock = 0;
    double all = 0;     // processor time of all processes since the machine started
    double stolen = 0;  // what other machines on the same host took
    double own = 0;     // of this process

    static Reading now();
    // all and stolen, from the text of /proc/stat.
    static Reading of_stat(const std::string& text);
};

// What others used between two readings.
struct Others {
    double seconds = 0;
    double stolen = 0;
    double share = 0;  // of what the processors could have given

    // Above this share, figures are not to be believed.
    bool much() const { return share > 0.05; }
    // For people: one line, without its end.
    std::string sentence() const;
};

// processors: at least 1.
Others others_between(const Reading& start, const Reading& end, unsigned processors);

// Prints that sentence to standard output at the end of its life.
class Meanwhile {
  public:
    Meanwhile() : start_(Reading::now()) {}
    ~Meanwhile();
    Meanwhile(const Meanwhile&) = delete;
    Meanwhile& operator=(const Meanwhile&) = delete;

  private:
    Reading start_;
};

}  // namespace panda::bench
