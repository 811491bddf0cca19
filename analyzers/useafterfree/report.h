// Findings for people and programs to read.
#pragma once

#include <ostream>

#include "analyzers/pandalog/pandalog_file.h"
#include "analyzers/useafterfree/findings.h"

namespace panda::useafterfree {

void write_text(std::ostream& out, const Finding& finding);
// Writes a JSON object whose kind is the problem's name.
void write_json(std::ostream& out, const Finding& finding);
// Appends a fact.
void write_pandalog(pandalog::PandalogFile& file, const Finding& finding);

}  // namespace panda::useafterfree
