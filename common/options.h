// Values of command-line options that Boost.Program_options would not read as this project wants them.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

#include "common/numbers.h"

// Compiled once, in options.cc, with all their conversions from text; a file with options would else compile them again.
extern template class boost::program_options::typed_value<std::string>;
extern template class boost::program_options::typed_value<int>;
extern template class boost::program_options::typed_value<uint32_t>;
extern template class boost::program_options::typed_value<uint64_t>;
extern template void boost::program_options::typed_value<std::vector<std::string>>::xparse(
    boost::any&, const std::vector<std::string>&) const;

namespace panda {

// Throws an error of Boost.Program_options, which adds the option's name to it. The program exits with 2.
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

// The value of an option that is a number. It is used like boost::program_options::value<T>(), and Boost owns
// what it returns.
template <std::integral T = uint64_t>
NumberValue<T>* number_value(T* store = nullptr) {
    return new NumberValue<T>(store);
}

// Adds --from and --to, in instructions. from_help: what --help says about --from.
void add_range_options(boost::program_options::options_description& options,
                       const char* from_help = "first instr");

// The range that they give. Throws UsageError when --from is after --to; the two may be equal.
NumberRange range_option(const boost::program_options::variables_map& given);

extern template class NumberValue<int>;
extern template class NumberValue<uint32_t>;
extern template class NumberValue<uint64_t>;

}  // namespace panda
