#include "analyzers/osi/process_tree.h"

#include <unordered_map>

namespace panda::analyze_osi {
namespace {

constexpr unsigned max_drawn_depth = 32;  // deeper processes are drawn at this depth

class Tree {
  public:
    explicit Tree(const std::vector<osi::Process>& processes)
        : children_(processes.size()), placed_(processes.size()) {
        std::unordered_map<int64_t, size_t> by_pid;
        for (size_t i = 0; i < processes.size(); ++i)
            by_pid.emplace(processes[i].pid, i);
        std::vector<size_t> roots;
        for (size_t i = 0; i < processes.size(); ++i) {
            const auto parent = by_pid.find(processes[i].ppid);
            if (parent == by_pid.end() || parent->second == i)
                roots.push_back(i);
            else
                children_[parent->second].push_back(i);
        }
        for (const size_t root : roots)
            place(root);
        for (size_t i = 0; i < processes.size(); ++i)  // those that are on a circle or below one
            place(i);
    }
    std::vector<TreePlace> take() { return std::move(places_); }

  private:
    struct Pending {
        size_t index;
        unsigned depth;
        std::string trunk;  // of the parent's other children
        bool last;
    };

    void place(size_t root) {
        std::vector<Pending> pending{{root, 0, "", true}};
        while (!pending.empty()) {
            const Pending now = std::move(pending.back());
            pending.pop_back();
            if (placed_[now.index])
                continue;
            placed_[now.index] = true;
            places_.push_back({now.index, now.depth, now.depth == 0 ? "" : now.trunk + " \\_ "});
            std::string trunk = now.trunk;
            if (now.depth > 0 && now.depth < max_drawn_depth)
                trunk += now.last ? "    " : " |  ";
            const auto& children = children_[now.index];
            for (size_t i = children.size(); i-- > 0;)
                pending.push_back({children[i], now.depth + 1, trunk, i + 1 == children.size()});
        }
    }

    std::vector<std::vector<size_t>> children_;
    std::vector<bool> placed_;
    std::vector<TreePlace> places_;
};

}  // namespace

std::vector<TreePlace> make_tree(const std::vector<osi::Process>& processes) {
    return Tree(processes).take();
}

}  // namespace panda::analyze_osi
