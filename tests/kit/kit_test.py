#!/usr/bin/env python3
"""Uses the installed kit as a stranger would. CC and CXX are the compilers.

usage: kit_test.py install SOURCE BUILD PREFIX  installs the kit, moves it to PREFIX and looks at what came
       kit_test.py headers PREFIX               compiles each installed header alone
       kit_test.py tutorial SOURCE BUILD PREFIX follows analyzers/README.md word by word
"""
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

# Flags that are for building this project and nobody else's.
PRIVATE_FLAGS = ("-Werror", "-Wall", "-Wextra", "-fvisibility", "-fno-omit-frame-pointer")

# A few that must be there whatever else is; each includes many others.
HEADERS = ("trace/pass/pass.h", "trace/trace.capnp.h", "osi/osi.h", "osi/provider.h", "analyzers/syscalls/program.h",
           "analyzers/syscalls/typed_calls.h", "analyzers/pandalog/pandalog.capnp.h", "analyzers/shared/frame.h")


class Failure(Exception):
    pass


def run(command, **options):
    """A command's output; Failure with all it printed when it fails."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def files(folder):
    for below, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(below, name)


def include_folder(prefix):
    return os.path.join(prefix, "include", "panda")


def environment(prefix):
    """That in which pkg-config finds the kit."""
    (folder,) = {os.path.dirname(path) for path in files(prefix) if path.endswith("/panda.pc")}
    return {**os.environ, "PKG_CONFIG_PATH": folder}


def install(source, build, prefix):
    """To another place first: what knows where it was installed does not work where it was moved to."""
    first = prefix + "-before"
    for folder in (first, prefix):
        shutil.rmtree(folder, ignore_errors=True)
    run(["cmake", "--install", build, "--component", "kit", "--prefix", first])
    os.rename(first, prefix)
    for header in HEADERS:
        if not os.path.exists(os.path.join(include_folder(prefix), header)):
            raise Failure(f"{header} was not installed")
    for path in files(prefix):
        if path.endswith((".cmake", ".pc")):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for word in (source + "/", build + "/", first, *PRIVATE_FLAGS):
                if word in text:
                    raise Failure(f"{path} names {word}")
    version = run(["pkg-config", "--modversion", "panda"], env=environment(prefix)).strip()
    print(f"{len(list(files(prefix)))} files, version {version}")


def compiles_alone(prefix, header, flags):
    """Nothing, or why a source that includes just this header does not compile: as C too where it is made for that."""
    with open(os.path.join(include_folder(prefix), header), encoding="utf-8") as file:
        both = "__cplusplus" in file.read()
    languages = [([os.environ.get("CXX", "c++"), "-std=c++20"], "c++")]
    if both:
        languages.append(([os.environ.get("CC", "cc"), "-std=c11"], "c"))
    with tempfile.TemporaryDirectory() as empty:
        for compiler, language in languages:
            done = subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *flags, "-x", language, "-"],
                                  input=f'#include "{header}"\n', text=True, capture_output=True, check=False, cwd=empty)
            if done.returncode != 0:
                return f"{header} alone, as {language}:\n{done.stderr}"
    return None


def headers(prefix):
    folder = include_folder(prefix)
    found = sorted(os.path.relpath(path, folder) for path in files(folder))
    if len(found) < 50:
        raise Failure(f"only {len(found)} headers in {folder}")
    flags = run(["pkg-config", "--cflags", "panda"], env=environment(prefix)).split()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [why for why in pool.map(lambda header: compiles_alone(prefix, header, flags), found) if why]
    if complaints:
        raise Failure("\n".join(complaints))
    print(f"{len(found)} headers compile alone")


def tutorial_script(text, folder):
    """The tutorial as a script: its blocks of shell as they are, and a copy of each block of a file that the line before
    names, such as "**`CMakeLists.txt`**:"; blocks of the same file follow one another, with a blank line between. And the files' texts by name."""
    script, texts, name, block = [], {}, None, None
    for line in text.splitlines():
        fence = re.match(r"```(\w*)$", line)
        named = re.match(r".*\*\*`([^`]+)`\*\*.*:$", line)
        if block is None and fence:
            block, language = [], fence.group(1)
        elif block is not None and fence:
            code = "".join(part + "\n" for part in block)
            if language == "sh":
                script.append(code)
            elif name:
                if name in texts:
                    code = "\n" + code
                piece = os.path.join(folder, f"piece-{len(script)}")
                with open(piece, "w", encoding="utf-8") as file:
                    file.write(code)
                script.append(f"cat {piece} >> {name}\n")
                texts[name] = texts.get(name, "") + code
            block, name = None, None
        elif block is not None:
            block.append(line)
        elif named:
            name = named.group(1)
    return "".join(script), texts


def expected_places():
    """(address space, program counter) and the first instr there, of the trace that make_trace.cc writes."""
    places, instr = {}, 0
    for turn in range(40):
        instr += 3 * 5
        for number in range(turn // 8 + 1):
            for _ in range(turn % 3):
                places.setdefault((0x1000 if turn % 2 == 0 else 0x2000, 0x400000 + 16 * number), instr)
                instr += number + 1
    return places


def outputs(program, trace, schema, work):
    """All that an example says of a trace: text, JSON, pandalog."""
    log = os.path.join(work, "log")
    text = run([program, trace])
    lines = run([program, "--json", "--pandalog", log, trace])
    with open(log, "rb") as file:
        facts = subprocess.run(["capnp", "decode", schema, "Entry"], stdin=file, capture_output=True, check=True, text=True)
    return text, lines, facts.stdout


def tutorial(source, build, prefix):
    with open(os.path.join(source, "analyzers/README.md"), encoding="utf-8") as file:
        text = file.read()
    own = os.path.join(source, "analyzers/example")
    schema = os.path.join(source, "analyzers/pandalog/pandalog.capnp")
    with tempfile.TemporaryDirectory() as work:
        script, texts = tutorial_script(text, work)
        for name in sorted(texts.keys() | {name for name in os.listdir(own) if name != "README.md"}):
            with open(os.path.join(own, name), encoding="utf-8") as file:
                if file.read() != texts.get(name):
                    raise Failure(f"{own}/{name} is not what analyzers/README.md shows")
        lines = sum(text.count("\n") for text in texts.values())
        if lines >= 60:
            raise Failure(f"the example has grown to {lines} lines")
        trace = os.path.join(work, "demo.capnp")
        run([os.path.join(build, "bin/kit_trace"), trace])
        # The driver alone: beside it, where it looks first, is the tree's own example.
        os.mkdir(os.path.join(work, "bin"))
        shutil.copy(os.path.join(build, "bin/panda-analyze"), os.path.join(work, "bin"))
        path = os.pathsep.join([os.path.join(work, "bin"), os.environ["PATH"]])
        said = run(["bash", "-euc", script], cwd=work, env={**os.environ, "PREFIX": prefix, "PATH": path})
        if not re.search(r"^  example +which code of programs ran, and when first$", said, re.MULTILINE):
            raise Failure(f"panda-analyze --list does not tell of the example:\n{said}")
        # The two that the tutorial built, and the tree's own.
        built = sorted(path for path in files(work) if os.path.basename(path) == "panda-analyze-example")
        if len(built) != 2:
            raise Failure(f"the tutorial built {built}")
        wanted = outputs(os.path.join(build, "bin/panda-analyze-example"), trace, schema, work)
        for program in built:
            if outputs(program, trace, schema, work) != wanted:
                raise Failure(f"{program} says other things than the tree's own")
    found = {(int(line["asid"], 16), int(line["pc"], 16)): line["instr"] for line in map(json.loads, wanted[1].splitlines())}
    if found != expected_places() or len(found) != len(wanted[0].splitlines()) or wanted[2].count("fact = (") != len(found):
        raise Failure(f"the example finds {found}, but the trace has {expected_places()}\n{wanted[0]}{wanted[2]}")
    print(f"{lines} lines of an example, {len(found)} places, built in two ways")


def main(arguments):
    commands = {"install": (install, 3), "headers": (headers, 1), "tutorial": (tutorial, 3)}
    command, count = commands.get(arguments[0] if arguments else "", (None, 0))
    if command is None or len(arguments) != count + 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        command(*map(os.path.abspath, arguments[1:]))
    except Failure as failure:
        print(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
