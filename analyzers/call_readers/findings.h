// What small readers of system calls find, kept until the pass is over.
#pragma once

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/shared/frame.h"
#include "common/json_value.h"

namespace panda::call_readers {

// Lines in the order of time: each an object for --json and a text for people. Takes what they take.
class Findings {
  public:
    void add(Json object, std::string text) { lines_.emplace_back(std::move(object), std::move(text)); }
    void write(const analyzers::Run& run) const {
        for (const auto& [object, text] : lines_)
            if (run.json())
                write_json_line(std::cout, object);
            else
                std::cout << text << '\n';
    }

  private:
    std::vector<std::pair<Json, std::string>> lines_;
};

}  // namespace panda::call_readers
