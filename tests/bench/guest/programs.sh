#!/bin/sh
# What the guest of tests/bench/programs does, in a Debian system: it compiles, interprets, compresses, sorts, and serves
# HTTP over loopback. Every step prints a line, and a failure ends it. Real programs' own code and data are the input.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/tmp PYTHONDONTWRITEBYTECODE=1
cd /tmp

say() { echo "programs: $*"; }

say compile C
cat >tables.py <<'END'
print("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>")
for i in range(30):
    print(f"""
struct node{i} {{ struct node{i} *next; long key; double weight; char name[16]; }};
static long walk{i}(struct node{i} *list, long limit) {{
    long sum = 0;
    for (struct node{i} *at = list; at && sum < limit; at = at->next) {{
        switch (at->key % 7) {{
        case 0: sum += at->key * {i + 3}; break;
        case 1: sum ^= (long)(at->weight * sqrt(at->key + {i})); break;
        case 2: sum += (long)strlen(at->name) << {i % 13}; break;
        default: sum -= at->key >> {i % 5}; break;
        }}
    }}
    return sum;
}}
long fill{i}(long count) {{
    struct node{i} *list = NULL;
    for (long j = 0; j < count; ++j) {{
        struct node{i} *made = malloc(sizeof(*made));
        made->next = list; made->key = j * {i + 1}; made->weight = j / 3.0;
        snprintf(made->name, sizeof(made->name), "n%ld", j);
        list = made;
    }}
    return walk{i}(list, 1L << {20 + i % 20});
}}""")
print("int main(void) { long sum = 0;")
for i in range(30):
    print(f"sum += fill{i}({i * 10});")
print('printf("%ld\\n", sum); return 0; }')
END
python3 tables.py >tables.c
gcc -O2 -o tables tables.c -lm
./tables

say compile C++
cat >words.cc <<'END'
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>
int main() {
    std::unordered_map<std::string, long> counts;
    const std::regex word("[A-Za-z_]{3,}");
    for (std::string line; std::getline(std::cin, line);)
        for (std::sregex_iterator at(line.begin(), line.end(), word), end; at != end; ++at)
            ++counts[at->str()];
    std::vector<std::pair<std::string, long>> order(counts.begin(), counts.end());
    std::sort(order.begin(), order.end(), [](auto& a, auto& b) { return a.second > b.second || (a.second == b.second && a.first < b.first); });
    for (size_t i = 0; i < 5 && i < order.size(); ++i)
        std::cout << order[i].first << ' ' << order[i].second << '\n';
}
END
g++ -O1 -o words words.cc
head -c 100000 tables.c | ./words

say interpret
python3 - <<'END'
import ast, glob, json, re, zlib
names = sorted(glob.glob("/usr/lib/python3*/*.py"))[:25]
nodes = 0
tokens = {}
for name in names:
    text = open(name, encoding="utf-8", errors="replace").read()
    nodes += sum(1 for _ in ast.walk(ast.parse(text)))
    for token in re.findall(r"\w+", text):
        tokens[token] = tokens.get(token, 0) + 1
packed = zlib.compress(json.dumps(tokens, sort_keys=True).encode())
print(len(names), nodes, len(tokens), len(packed))
END
perl -e 'my %seen; open(my $file, "<", "tables.c"); while (<$file>) { $seen{$_}++ for split /\W+/ } printf "%d\n", scalar(keys %seen);'

say compress and sort
tar -cf - -C /usr/share doc | head -c 6000000 >docs.tar
gzip -6 -k docs.tar
gzip -t docs.tar.gz
xz -1 -k docs.tar
find /usr -type f | sort >files
tr -cs 'A-Za-z' '\n' <docs.tar | sort | uniq -c | sort -rn | head -n 3
sha256sum docs.tar.gz files | cut -c 1-8

say serve
ip link set lo up
python3 -m http.server --bind 127.0.0.1 8000 --directory /tmp >server.log 2>&1 &
server=$!
tries=0
until curl -sf -o /dev/null http://127.0.0.1:8000/; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ]
    sleep 0.2
done
for i in 1 2 3 4 5; do
    curl -sf -o "got$i" http://127.0.0.1:8000/docs.tar.gz
    cmp "got$i" docs.tar.gz
done
kill "$server"
say 'done'
