"""Finds the inner loops of the kernels in disassembled objects, and counts what an iteration does.

Used by throughput.py; tested by Tests/tools/test_throughput.py.
"""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Instruction:
    address: int
    mnemonic: str
    operands: str
    prefix: str = ""

    @property
    def text(self):
        return f"{self.prefix}{self.mnemonic} {self.operands}".rstrip()


@dataclasses.dataclass(frozen=True)
class Loop:
    """The instructions from the target of a backward branch to the branch."""

    function: str
    instructions: tuple

    def products(self):
        """The instructions that multiply, helpers (below) included."""
        return [one for one in self.instructions if operations(one) or is_helper(one, self.instructions)]

    def operations(self):
        """Multiplications and additions of products, in one iteration."""
        return sum(operations(one) for one in self.products() if not is_helper(one, self.instructions))

    def bytes_loaded(self):
        return sum(bytes_loaded(one) for one in self.instructions)

    def is_register_tile(self):
        """Whether it only accumulates: no branch but its own, and stores only to the stack, as spilled registers are."""
        branches = sum(bool(ANY_BRANCH.fullmatch(one.mnemonic)) for one in self.instructions)
        return branches == 1 and not any(is_store(one) for one in self.instructions)


# `  640:      vpmaddubsw %ymm12, %ymm15, %ymm0`, as llvm-objdump prints it without the bytes of instructions.
LINE = re.compile(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)")
PREFIX = re.compile(r"(\{\w+\} *)?(\S+)\s*(.*)")
HEAD = re.compile(r"([0-9a-f]+) <(.+)>:")
# `# imm = 0x2C0` (x86) and `// =3` (Arm) are comments; `<rows_6+0x90>` repeats a target.
COMMENT = re.compile(r"\s*(#\s.*|//.*|<[^>]*>.*)$")


def functions(disassembly):
    """The functions of a disassembled object: {name: [Instruction]}."""
    found, current = {}, None
    for line in disassembly.splitlines():
        if head := HEAD.fullmatch(line.strip()):
            current = found.setdefault(head[2], [])
        elif (match := LINE.match(line)) and current is not None:
            # `{vex}` before a mnemonic chooses its encoding.
            prefix, name, operands = PREFIX.fullmatch(f"{match[2]} {COMMENT.sub('', match[3])}").groups("")
            current.append(Instruction(int(match[1], 16), name, operands.strip(), prefix))
    return found


BRANCH = re.compile(r"j(?!mp)\w+|b\.\w+|cbn?z|tbn?z")
ANY_BRANCH = re.compile(rf"{BRANCH.pattern}|jmpq?|callq?|retq?|b|bl|br|blr")


def target(instruction):
    """Where a conditional branch leads, or None."""
    if not BRANCH.fullmatch(instruction.mnemonic):
        return None
    last = instruction.operands.split(",")[-1].strip().lstrip("#")
    return int(last, 16) if re.fullmatch(r"(0x)?[0-9a-f]+", last) else None


def innermost_loops(function, instructions):
    """The loops of a function that contain no other loop, in the order of their addresses."""
    ranges = set()
    for instruction in instructions:
        start = target(instruction)
        if start is not None and instructions[0].address <= start <= instruction.address:
            ranges.add((start, instruction.address))
    inner = [one for one in ranges
             if not any(other != one and one[0] <= other[0] and other[1] <= one[1] for other in ranges)]
    return [Loop(function, tuple(one for one in instructions if start <= one.address <= end))
            for start, end in sorted(inner)]


def register_tiles(disassembly):
    """The loops of an object that multiply most and do nothing else. A loop that the compiler copied, for several
    epilogues for instance, is returned once."""
    loops = [loop for name, instructions in functions(disassembly).items() if instructions
             for loop in innermost_loops(name, instructions) if loop.is_register_tile()]
    most = max((loop.operations() for loop in loops), default=0)
    found = {}
    for loop in loops:
        if most and loop.operations() >= 0.75 * most:
            found.setdefault((loop.function, tuple(one.mnemonic for one in loop.instructions)), loop)
    return list(found.values())


# ---- What an instruction does.
# Operations for each four bytes of the result.
X86_OPERATIONS = [
    (r"vf(n?)m(add|sub)(132|213|231)ps", 2),
    (r"vdpbf16ps", 4),
    (r"vpdpbusds?", 8),
    (r"vpmaddubsw", 8),
    (r"vpmaddwd", 4),
]
ARM_OPERATIONS = [
    (r"fml[as]", "4s", 2),
    (r"[su]dot|usdot|sudot", "4s", 8),
    (r"u?s?mmla", "4s", 16),
    (r"bfdot", "4s", 4),
    (r"bfmmla", "4s", 8),
    (r"[su]mull2?", "8h", 4),
    (r"[su]mlal2?", "8h", 4),
    (r"[su]mull2?|[su]mlal2?", "4s", 2),
]
X86_ELEMENT_BYTES = {"b": 1, "w": 2, "d": 4}
X86_REGISTER_BYTES = {"z": 64, "y": 32, "x": 16}


def operations(instruction):
    """Operations of one instruction; 0 for one that does not multiply vectors."""
    if widest := re.search(r"%([zyx])mm\d+(\s|$|\{)", instruction.operands.split(",")[-1] + " "):
        for pattern, in_four_bytes in X86_OPERATIONS:
            if re.fullmatch(pattern, instruction.mnemonic):
                return in_four_bytes * X86_REGISTER_BYTES[widest[1]] // 4
    if kind := re.match(r"v\d+\.(\w+)", instruction.operands):
        for pattern, result, in_four_bytes in ARM_OPERATIONS:
            if kind[1] == result and re.fullmatch(pattern, instruction.mnemonic):
                return in_four_bytes * 4
    return 0


def is_helper(instruction, loop):
    """Whether an instruction only adds up products of another one on the multiplying ports: it is part of the port
    limit, but its operations are counted with the other's."""
    if instruction.mnemonic == "vpmaddwd":
        return any(one.mnemonic == "vpmaddubsw" for one in loop)
    return instruction.mnemonic in ("sadalp", "uadalp", "saddlp") and any(operations(one) for one in loop)


def is_store(instruction):
    """Whether an instruction writes to memory other than the stack."""
    name, operands = instruction.mnemonic, instruction.operands
    if "[" in operands:
        return name.startswith("st") and not re.search(r"\[(sp|x29)\b", operands)
    memory = re.search(r"\(([^()]*)\)( *\{%k\d\})?$", operands)
    reads = name.startswith(("cmp", "test", "prefetch", "lea", "push"))
    return bool(memory) and "," in operands.replace(memory[0], "") and not reads and not re.match(
        r"%r[sb]p", memory[1])


X86_SCALAR_LOADS = {"vpbroadcastd": 4, "vbroadcastss": 4, "vpbroadcastq": 8, "vbroadcastsd": 8, "vmovss": 4, "vmovd": 4,
                    "movss": 4, "vmovsd": 8, "vmovq": 8, "vbroadcasti128": 16, "vbroadcastf128": 16, "vpbroadcastw": 2,
                    "vpbroadcastb": 1}


def bytes_loaded(instruction):
    """Bytes that an instruction reads from memory."""
    name, operands = instruction.mnemonic, instruction.operands
    return arm_bytes(name, operands) if "[" in operands else x86_bytes(name, operands)


ARM_ELEMENT_BYTES = {"b": 1, "h": 2, "s": 4, "d": 8, "q": 16, "w": 4, "x": 8}


def arm_bytes(name, operands):
    if not name.startswith("ld"):
        return 0
    registers = operands.split("[x")[0].split("[sp")[0]
    if vectors := re.findall(r"v\d+\.(\d*)([bhsd])", registers):
        count, element = vectors[0]
        # One element of each: all lanes get it (ld1r), or one lane (ld1 { v0.s }[1]).
        lanes = 1 if name.endswith("r") or not count else int(count)
        return len(vectors) * lanes * ARM_ELEMENT_BYTES[element]
    size = {"b": 1, "h": 2}.get(name[-1]) if name.startswith(("ldrb", "ldrh", "ldrs", "ldurb", "ldurh")) else None
    return sum(size or ARM_ELEMENT_BYTES[one] for one in re.findall(r"\b([qdshbxw])\d+", registers))


def x86_bytes(name, operands):
    # AT&T syntax: the last operand is the destination, so memory in another one is read.
    if not re.search(r"\([^)]*\)[^(]*,", operands) or name.startswith(("lea", "prefetch")):
        return 0
    if name in X86_SCALAR_LOADS:
        return X86_SCALAR_LOADS[name]
    if "{1to" in operands:
        return 4
    registers = re.findall(r"%([zyx])mm", operands)
    size = X86_REGISTER_BYTES[registers[-1]] if registers else 8
    # vpmovsxbw and its kin read a half or a quarter of what they write.
    if widening := re.fullmatch(r"vpmov[sz]x([bw])([wd])", name):
        return size * X86_ELEMENT_BYTES[widening[1]] // X86_ELEMENT_BYTES[widening[2]]
    return size
