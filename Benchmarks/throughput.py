#!/usr/bin/env python3
"""Cycles of each kernel's inner loop on processors that need not be here, by llvm-mca's models of their ports.

Compiles Sources/CKernels as SwiftPM does in a release build, for x86-64 and arm64, finds the loop of each register tile
in the object files, and prints for each processor:

  cycles       of one iteration in the steady state, all data in the first-level cache
  limit        cycles that the multiplying instructions alone occupy their ports
  of limit     limit / cycles
  bytes        read from memory in one iteration, per cycle
  ops          multiplications and additions of products, per cycle

Then measures the same kernels on this processor (kernel_rate.c) and prints the model's error. What is measured of fp32
GEMM and attention contains packing, softmax and epilogues.

Needs llvm-mca 19 or newer (apt-get install llvm-19), clang of the Swift toolchain, and for the kernels of the other
architecture its C library's headers (apt-get install libc6-dev-arm64-cross).
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import estimates
import inner_loops

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNELS = ROOT / "Sources" / "CKernels"
# What `swift build -c release` passes for the target CKernels.
FLAGS = ["-O2", "-DSWIFT_PACKAGE=1", "-fblocks", "-Werror", "-fPIC", "-fno-omit-frame-pointer",
         f"-I{KERNELS / 'include'}", f"-I{KERNELS}"]
X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
# The processors, and the suffixes of the files whose kernels they run.
PROCESSORS = {
    "znver3": (X86, {"avx2", "avx2_exact"}),
    "znver4": (X86, {"avx2", "avx2_exact", "avx512", "avx512vl", "avx512vnni", "avx512bf16"}),
    "skylake": (X86, {"avx2", "avx2_exact"}),
    "alderlake": (X86, {"avx2", "avx2_exact", "avxvnni"}),
    # The core of the Raspberry Pi 5, Cortex-A76, under its name for servers; LLVM models only that one.
    "neoverse-n1": (ARM, {"neon", "dotprod"}),
    "neoverse-v1": (ARM, {"neon", "dotprod", "i8mm"}),
    # The Raspberry Pi 4.
    "cortex-a72": (ARM, {"neon"}),
}


class Missing(Exception):
    """A program that is needed and not installed."""


def version_of(program):
    text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"LLVM version (\d+)", text)
    return int(found[1]) if found else 0


def llvm_tools():
    """llvm-mca and the llvm-objdump beside it: the newest of those in PATH."""
    names = ["llvm-mca", *(f"llvm-mca-{version}" for version in range(19, 31))]
    found = [path for path in map(shutil.which, names) if path]
    newest = max(found, key=version_of, default=None)
    if not newest:
        raise Missing("llvm-mca is missing: apt-get install llvm-19")
    if (version := version_of(newest)) < 19:
        raise Missing(f"{newest} is version {version}, 19 or newer is needed: apt-get install llvm-19")
    mca = pathlib.Path(newest).resolve()
    objdump = mca.parent / mca.name.replace("mca", "objdump")
    if not objdump.exists():
        raise Missing(f"{objdump} is missing: apt-get install {'llvm-' + str(version)}")
    return mca, objdump


def compiler():
    """The clang that SwiftPM uses: the one beside `swift`."""
    swift = shutil.which("swift")
    clang = pathlib.Path(swift).parent / "clang" if swift else None
    if not clang or not clang.exists():
        raise Missing("clang of the Swift toolchain is missing: install Swift as tools/setup.sh says")
    return clang


def compile_kernel(clang, triple, source, to):
    command = [clang, "-target", triple, *FLAGS, "-c", source, "-o", to]
    if triple == ARM and not subprocess.run([clang, "-print-target-triple"], capture_output=True,
                                            text=True).stdout.startswith("aarch64"):
        if not pathlib.Path("/usr/aarch64-linux-gnu/include").exists():
            raise Missing("Arm's C headers are missing: apt-get install libc6-dev-arm64-cross")
        command[1:1] = ["-isystem", "/usr/aarch64-linux-gnu/include"]
    subprocess.run(command, check=True)


def analyse(mca, triple, processor, instructions, iterations):
    """llvm-mca's report on a loop of these instructions."""
    text = "\n".join(one.text for one in instructions) + "\n"
    command = [mca, f"-mtriple={triple}", f"-mcpu={processor}", f"-iterations={iterations}", "-json", "-"]
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"llvm-mca cannot read a loop for {processor}:\n{result.stderr[:2000]}")
    return json.loads(result.stdout)["CodeRegions"][0]["SummaryView"]


def measure(mca, triple, processor, loop):
    """Cycles of an iteration in the steady state, and of its multiplying instructions alone."""
    short, long = (analyse(mca, triple, processor, loop.instructions, count)["TotalCycles"] for count in (100, 300))
    limit = analyse(mca, triple, processor, loop.products(), 1)["BlockRThroughput"]
    return (long - short) / 200, limit


def loops_of(objdump, path):
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    return inner_loops.register_tiles(text)


def sources():
    """(kind, suffix, path) of the files whose kernels are analysed."""
    for folder in ("attention", "gemm"):
        for path in sorted((KERNELS / folder).glob("*_*.c")):
            kind, suffix = path.stem.split("_", 1)
            yield f"{folder} {kind}", suffix, path


def rows(mca, objdump, clang, processors, folder):
    compiled = {}
    for processor in processors:
        triple, suffixes = PROCESSORS[processor]
        for kind, suffix, source in sources():
            if suffix not in suffixes:
                continue
            if (triple, source) not in compiled:
                to = folder / f"{triple}-{source.parent.name}-{source.stem}.o"
                compile_kernel(clang, triple, source, to)
                compiled[triple, source] = loops_of(objdump, to)
            for number, loop in enumerate(compiled[triple, source], 1):
                cycles, limit = measure(mca, triple, processor, loop)
                yield {"processor": processor, "kernel": f"{kind} {suffix}", "loop": f"{loop.function} {number}",
                       "instructions": len(loop.instructions), "cycles": cycles, "limit": limit,
                       "bytes_per_cycle": loop.bytes_loaded() / cycles,
                       "operations_per_cycle": loop.operations() / cycles,
                       "operations": loop.operations()}


def host(clang):
    """This processor's name in LLVM, such as znver4."""
    text = subprocess.run([clang, "-march=native", "-###", "-E", "-x", "c", "/dev/null"], capture_output=True,
                          text=True).stderr
    found = re.search(r'"-target-cpu" "([^"]+)"', text)
    return found[1] if found else "unknown"


def measured(clang, folder):
    """What kernel_rate.c prints: the rows of the kernels, and the clock in GHz before and after."""
    program = folder / "kernel_rate"
    subprocess.run([clang, *FLAGS, ROOT / "Benchmarks" / "kernel_rate.c", *sorted(KERNELS.glob("*.c")),
                    *sorted(KERNELS.glob("*/*.c")), "-lm", "-o", program], check=True)
    *rows, clock = map(json.loads, subprocess.run([program], check=True, capture_output=True,
                                                  text=True).stdout.splitlines())
    return rows, clock["clock_ghz"]


def print_models(found):
    print(f"{'processor':12} {'kernel':25} {'loop':18} {'cycles':>7} {'limit':>7} {'of limit':>8} {'bytes':>6} {'ops':>6}")
    for row in found:
        print(f"{row['processor']:12} {row['kernel']:25} {row['loop']:18} {row['cycles']:7.2f} {row['limit']:7.2f} "
              f"{row['limit'] / row['cycles']:8.0%} {row['bytes_per_cycle']:6.1f} {row['operations_per_cycle']:6.1f}",
              flush=True)
        yield row


def print_measured(rows, clock, processor, models):
    print(f"\nMeasured on this processor ({processor}, {clock[0]:.2f} to {clock[1]:.2f} GHz):")
    print(f"{'kernel':25} {'cycles':>7} {'model':>7} {'error':>6} {'ops':>6} {'model':>6}")
    for row in rows:
        same = [model for model in models if (model["processor"], model["kernel"]) == (processor, row["kernel"])]
        model = max(same, key=lambda one: one["cycles"], default=None)
        cycles, ops = row.get("cycles"), row["operations_per_cycle"]
        columns = [f"{cycles:7.2f}" if cycles else " " * 7, f"{model['cycles']:7.2f}" if model and cycles else " " * 7,
                   f"{model['cycles'] / cycles - 1:+6.0%}" if model and cycles else " " * 6, f"{ops:6.1f}",
                   f"{model['operations_per_cycle']:6.1f}" if model else ""]
        print(f"{row['kernel']:25}", *columns)


def print_estimates(models):
    # The slower loop of a kernel counts.
    rates = {}
    for row in models:
        key = row["processor"], row["kernel"]
        rates[key] = min(row["operations_per_cycle"], rates.get(key, row["operations_per_cycle"]))
    lines = list(estimates.table(rates))
    if len(lines) > 1:
        print("\nEstimated time of a window with all cores (estimates.py has the formula):", *lines, sep="\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processor", nargs="+", default=list(PROCESSORS), choices=list(PROCESSORS))
    parser.add_argument("--json", action="store_true", help="print one JSON object per loop, and per measured kernel")
    parser.add_argument("--no-measure", action="store_true", help="only the models")
    options = parser.parse_args()
    try:
        mca, objdump = llvm_tools()
        clang = compiler()
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            found = rows(mca, objdump, clang, options.processor, folder)
            if options.json:
                for row in found:
                    print(json.dumps(row), flush=True)
            else:
                found = list(print_models(found))
                print_estimates(found)
            if options.no_measure:
                return
            here, clock = measured(clang, folder)
            if options.json:
                for row in here:
                    print(json.dumps(row | {"processor": host(clang), "measured": True, "clock_ghz": clock}))
            else:
                print_measured(here, clock, host(clang), found)
    except Missing as error:
        sys.exit(f"throughput: {error}")


if __name__ == "__main__":
    main()
