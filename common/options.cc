#include "common/options.h"

#include "common/error.h"

template class boost::program_options::typed_value<std::string>;
template class boost::program_options::typed_value<int>;
template class boost::program_options::typed_value<uint32_t>;
template class boost::program_options::typed_value<uint64_t>;
template void boost::program_options::typed_value<std::vector<std::string>>::xparse(
    boost::any&, const std::vector<std::string>&) const;

namespace panda {

template class NumberValue<int>;
template class NumberValue<uint32_t>;
template class NumberValue<uint64_t>;

namespace po = boost::program_options;

void throw_option_not_a_number(const std::string& text, uint64_t limit) {
    po::error_with_option_name error("%canonical_option% %complaint%");
    error.set_substitute("complaint", number_complaint(text, limit));
    throw error;
}

void add_range_options(po::options_description& options, const char* from_help) {
    options.add_options()("from", number_value<uint64_t>()->default_value(0), from_help)(
        "to", number_value<uint64_t>()->default_value(~uint64_t{0}, "end"), "instr to stop before");
}

NumberRange range_option(const po::variables_map& given) {
    const NumberRange range{given["from"].as<uint64_t>(), given["to"].as<uint64_t>()};
    if (range.from > range.to)
        throw UsageError("--from is after --to");
    return range;
}

}  // namespace panda
