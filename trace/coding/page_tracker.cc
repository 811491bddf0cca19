#include "trace/coding/page_tracker.h"

#include <algorithm>
#include <utility>

namespace panda::trace {
namespace {

constexpr uint64_t no_page = ~uint64_t{0};          // not a page number: these have 52 bits
constexpr size_t tidy_threshold = size_t{1} << 20;  // entries of a list of pages, in which some stand twice

template <typename Page>
void sort_out(std::vector<Page>& pages) {
    std::sort(pages.begin(), pages.end());
    pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
}

}  // namespace

void PageTracker::begin(std::span<const Translation> translations) {
    pages_.clear();
    for (const Translation& translation : translations)
        pages_[translation.page] = {translation.frame, translation.address_space, false};
    recent_.fill(no_page);
}

std::vector<Translation> PageTracker::translations() const {
    std::vector<Translation> result;
    result.reserve(pages_.size());
    for (const auto& [page, target] : pages_)
        result.push_back({page, target.frame, target.address_space});
    std::sort(result.begin(), result.end(),
              [](const Translation& a, const Translation& b) { return a.page < b.page; });
    return result;
}

bool PageTracker::fill(const Translation& translation) {
    const auto [place, is_new] = pages_.try_emplace(translation.page);
    Target& target = place->second;
    if (!is_new && target.frame == translation.frame && target.address_space == translation.address_space)
        return false;
    target = {translation.frame, translation.address_space, false};
    recent_[translation.page % recent_pages] = no_page;
    return true;
}

void PageTracker::add(uint64_t page) {
    recent_[page % recent_pages] = page;
    const auto found = pages_.find(page);
    if (found == pages_.end()) {
        written_.complete = false;
        return;
    }
    Target& target = found->second;
    if (std::exchange(target.listed, true))
        return;
    written_.physical.push_back({target.address_space, target.frame});
    if (written_.physical.size() % tidy_threshold == 0)
        sort_out(written_.physical);
}

void PageTracker::transferred(uint32_t block, uint64_t offset, uint64_t size) {
    if (size == 0)
        return;
    for (uint64_t page = offset >> 12; page <= (offset + size - 1) >> 12; ++page) {
        if (written_.transferred.empty() || written_.transferred.back() != BlockPage{block, page})
            written_.transferred.push_back({block, page});
    }
}

void PageTracker::forget_stores() {
    for (auto& [page, target] : pages_)
        target.listed = false;
    recent_.fill(no_page);
}

WrittenPages PageTracker::take() {
    sort_out(written_.physical);
    sort_out(written_.transferred);
    forget_stores();
    return std::exchange(written_, WrittenPages());
}

}  // namespace panda::trace
