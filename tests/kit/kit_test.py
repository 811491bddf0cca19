#!/usr/bin/env python3
"""Uses the installed kit as a stranger would. CC and CXX are the compilers.

usage: kit_test.py install SOURCE BUILD PREFIX  installs the kit, moves it to PREFIX and looks at what came
       kit_test.py headers PREFIX               compiles each installed header alone
"""
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

# Flags that are for building this project and nobody else's.
PRIVATE_FLAGS = ("-Werror", "-Wall", "-Wextra", "-fvisibility", "-fno-omit-frame-pointer")

# A few that must be there whatever else is; each includes many others.
HEADERS = ("trace/pass/pass.h", "trace/trace.capnp.h", "osi/osi.h", "osi/provider.h", "analyzers/syscalls/program.h",
           "analyzers/syscalls/typed_calls.h", "analyzers/pandalog/pandalog.capnp.h")


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


def main(arguments):
    commands = {"install": (install, 3), "headers": (headers, 1)}
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
