// The operations of a real trace, for tests that make blocks of their own.
#pragma once

#include "tests/unit/tcg_samples.h"
#include "trace/tcg/dialect.h"

namespace panda::tests {

inline const trace::tcg::Dialect& dialect() {
    static const TcgSamples samples = read_tcg_samples(TCG_SAMPLES);
    static const trace::tcg::Dialect made = trace::tcg::Dialect::of(samples.header);
    return made;
}

}  // namespace panda::tests
