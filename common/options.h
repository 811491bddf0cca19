// Values of command-line options, beyond those that Boost.Program_options reads as this project wants them
// read.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

#include "common/numbers.h"

namespace panda {

// Throws the error of Boost.Program_options, which adds the option's name: exit status 2.
[[noreturn]] void throw_option_not_a_number(const std::string& text, uint64_t limit);

// A number as numbers.h reads it: Boost reads 0x10 as garbage, and takes -1 for the largest unsigned number.
template <std::integral T>
class NumberValue : public boost::program_options::typed_value<T> {
  public:
    explicit NumberValue(T* store) : boost::program_options::typed_value<T>(store) {}

    void xparse(boost::any& value, const std::vector<std::string>& tokens) const override {
        boost::program_options::validators::check_first_occurrence(value);
        const std::string& text = boost::program_options::validators::get_single_string(tokens);
        const auto number = read_number<T>(text);
        if (!number)
            throw_option_not_a_number(text, static_cast<uint64_t>(std::numeric_limits<T>::max()));
        value = *number;
    }
};

// For an option that is a number; instead of boost::program_options::value<T>(), and used like it. Boost owns
// what it returns.
template <std::integral T = uint64_t>
NumberValue<T>* number_value(T* store = nullptr) {
    return new NumberValue<T>(store);
}

// --from and --to, in instructions. from_help: what --help says of --from.
void add_range_options(boost::program_options::options_description& options,
                       const char* from_help = "first instr");

// What they say. Throws UsageError when --from is after --to; both may be the same.
NumberRange range_option(const boost::program_options::variables_map& given);

}  // namespace panda
