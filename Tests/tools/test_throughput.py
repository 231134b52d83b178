#!/usr/bin/env python3
"""Tests how Benchmarks/inner_loops.py reads disassembled kernels, with pieces of real ones, and the sums of
estimates.py."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Benchmarks"))
import estimates  # noqa: E402
import inner_loops  # noqa: E402

X86 = """
kernel.o:\tfile format elf64-x86-64

Disassembly of section .text:

00000000000005b0 <rows_6>:
     5b0:      \tpushq\t%rbp
     5bf:      \tsubq\t$0x2c0, %rsp            # imm = 0x2C0
     600:      \tvpbroadcastw\t(%rip), %ymm8   # 0x60c <rows_6+0x5c>
     640:      \tvmovdqa\t%ymm15, 0x20(%rsp)
     64a:      \tvmovdqu\t-0x20(%r9), %ymm12
     659:      \tvpbroadcastd\t(%r14,%r15,4), %ymm15
     663:      \tvpmaddubsw\t%ymm12, %ymm15, %ymm0
     668:      \tvpmaddwd\t%ymm0, %ymm8, %ymm0
     66c:      \tvpaddd\t%ymm5, %ymm0, %ymm5
     6ff:      \tvmovdqa\t0x20(%rsp), %ymm15
     73d:      \tcmpq\t%r15, %rdi
     740:      \tjne\t0x640 <rows_6+0x90>
     746:      \tjmp\t0x5b0 <rows_6>
     750:      \tvpmaddubsw\t%ymm12, %ymm15, %ymm0
     752:      \tvmovdqu\t%ymm0, (%rdi,%r9)
     758:      \tjb\t0x750 <rows_6+0x1a0>
     760:      \tcallq\t0x843 <finish_part>
     768:      \tjle\t0x640 <rows_6+0x90>

0000000000000800 <quantize>:
     800:      \tvpaddd\t%ymm5, %ymm0, %ymm5
     804:      \tjne\t0x800 <quantize>
     806:      \tjne\t0x640 <rows_6+0x90>
"""

ARM = """
0000000000000464 <rows_6>:
     510:      \tmovi\tv0.2d, #0000000000000000
     514:      \tldp\tq31, q25, [x12, #-0x20]
     518:      \tld1r\t{ v12.4s }, [x11], #4
     51c:      \tldr\ts13, [x13, x10]
     524:      \tsubs\tx6, x6, #0x1
     530:      \tsdot\tv24.4s, v31.16b, v12.16b
     534:      \tsdot\tv27.4s, v25.16b, v13.4b[0]
     538:      \tstr\tq27, [sp, #0x20]
     59c:      \tb.ne\t0x514 <rows_6+0xb0>
     5a0:      \tmov\tw15, #0x3               // =3
     5a4:      \tcbnz\tw15, 0x5a4 <rows_6+0x140>
     5a8:      \ttbz\tw15, #0x1, 0x510 <rows_6+0xac>
"""


def one(text):
    name, _, operands = text.partition(" ")
    return inner_loops.Instruction(0, name, operands)


class Loops(unittest.TestCase):
    def test_comments_and_symbols_are_no_operands(self):
        first = inner_loops.functions(X86)["rows_6"]
        self.assertEqual(first[1].text, "subq $0x2c0, %rsp")
        self.assertEqual(first[2].text, "vpbroadcastw (%rip), %ymm8")
        self.assertEqual(inner_loops.functions(ARM)["rows_6"][9].text, "mov w15, #0x3")

    def test_an_encoding_prefix_is_kept_beside_the_mnemonic(self):
        text = "0000 <f>:\n  10:  \t{vex}\tvpdpbusd\t%ymm1, %ymm2, %ymm3\n  18:  \tjne\t0x10 <f>\n"
        tile, = inner_loops.register_tiles(text)
        self.assertEqual(tile.operations(), 64)
        self.assertEqual(tile.instructions[0].text, "{vex} vpdpbusd %ymm1, %ymm2, %ymm3")

    def test_a_loop_is_innermost_and_ends_with_a_branch_back(self):
        code = inner_loops.functions(X86)
        loops = inner_loops.innermost_loops("rows_6", code["rows_6"])
        ends = [(loop.instructions[0].address, loop.instructions[-1].address) for loop in loops]
        self.assertEqual(ends, [(0x640, 0x740), (0x750, 0x758)])
        # A branch into another function is not a loop.
        self.assertEqual(len(inner_loops.innermost_loops("quantize", code["quantize"])), 1)

    def test_arm_branches_with_a_register_or_bit_to_test(self):
        loops = inner_loops.innermost_loops("rows_6", inner_loops.functions(ARM)["rows_6"])
        self.assertEqual([loop.instructions[0].address for loop in loops], [0x514, 0x5a4])

    def test_a_tile_stores_only_spilled_registers(self):
        x86, = inner_loops.register_tiles(X86)
        self.assertEqual((x86.function, x86.instructions[0].address), ("rows_6", 0x640))
        arm, = inner_loops.register_tiles(ARM)
        self.assertEqual(arm.instructions[0].address, 0x514)

    def test_products_and_bytes_of_a_tile(self):
        x86, = inner_loops.register_tiles(X86)
        self.assertEqual([one.mnemonic for one in x86.products()], ["vpmaddubsw", "vpmaddwd"])
        self.assertEqual(x86.operations(), 64)
        self.assertEqual(x86.bytes_loaded(), 32 + 4 + 32)
        arm, = inner_loops.register_tiles(ARM)
        self.assertEqual(arm.operations(), 2 * 32)
        self.assertEqual(arm.bytes_loaded(), 32 + 4 + 4)

    def test_copies_of_a_loop_are_one_tile(self):
        loop = "  {0:x}:  \tvfmadd231ps\t%ymm{1}, %ymm2, %ymm3\n  {2:x}:  \tjne\t0x{0:x} <f>\n"
        copies = inner_loops.register_tiles("0000 <f>:\n" + loop.format(16, 1, 20) + loop.format(32, 7, 36))
        self.assertEqual(len(copies), 1)

    def test_a_loop_that_calls_or_branches_is_no_tile(self):
        for inside in ("callq\t0x843 <finish_part>", "je\t0x80 <f+0x70>"):
            text = f"0000 <f>:\n  10:  \tvpdpbusd\t%ymm1, %ymm2, %ymm3\n  14:  \t{inside}\n  18:  \tjne\t0x10 <f>\n"
            self.assertEqual(inner_loops.register_tiles(text), [], inside)

    def test_an_object_without_products_has_no_tile(self):
        self.assertEqual(inner_loops.register_tiles("0000 <f>:\n  10:  \taddq\t%rax, %rbx\n  14:  \tjne\t0x10 <f>\n"), [])


class Instructions(unittest.TestCase):
    def test_operations(self):
        for text, count in {
            "vfmadd231ps %zmm1, %zmm2, %zmm3": 32, "vfmadd231ps (%rax){1to16}, %zmm2, %zmm3": 32,
            "vfnmadd213ps %ymm1, %ymm2, %ymm3": 16, "vfmadd231ss %xmm1, %xmm2, %xmm3": 0,
            "vdpbf16ps %zmm1, %zmm2, %zmm3": 64, "vpdpbusd %zmm1, %zmm2, %zmm3": 128,
            "vpmaddubsw (%r9), %ymm1, %ymm2": 64, "vpmaddwd %ymm1, %ymm2, %ymm3": 32, "vpaddd %ymm1, %ymm2, %ymm3": 0,
            "fmla v1.4s, v2.4s, v3.s[1]": 8, "fmla v1.2d, v2.2d, v3.2d": 0, "sdot v1.4s, v2.16b, v3.4b[2]": 32,
            "usmmla v1.4s, v2.16b, v3.16b": 64, "smlal2 v1.4s, v2.8h, v3.8h": 8, "smull v1.8h, v2.8b, v3.8b": 16,
            "smlal v1.8h, v2.8b, v3.8b": 16, "add v1.4s, v2.4s, v3.4s": 0,
        }.items():
            self.assertEqual(inner_loops.operations(one(text)), count, text)

    def test_bytes(self):
        for text, count in {
            "vmovdqu -0x20(%r9), %ymm12": 32, "vmovdqa %ymm15, 0x20(%rsp)": 0, "vpbroadcastd (%rbx,%r12), %ymm0": 4,
            "vpaddd %ymm1, %ymm2, %ymm3": 0, "vpmaddubsw (%r9,%rax,4), %ymm1, %ymm2": 32,
            "vfmadd231ps (%rax){1to16}, %zmm2, %zmm3": 4, "leaq (%r14,%r15,4), %r12": 0, "addq 0x8(%rsp), %rax": 8,
            "vpmovsxbw (%rax), %ymm3": 16, "vpmovzxbd (%rax), %ymm3": 8, "vmovss (%rax), %xmm3": 4,
            "ldr q1, [x2, #0x10]": 16, "ldp q1, q2, [x2], #0x20": 32, "ldr s1, [x2]": 4, "ldrb w3, [x2]": 1,
            "ld1r { v12.4s }, [x11], #4": 4, "ld1 { v1.16b, v2.16b }, [x3]": 32, "ld1 { v0.s }[1], [x3]": 4,
            "str q1, [x2]": 0, "ldr x10, [sp, #0x108]": 8,
        }.items():
            self.assertEqual(inner_loops.bytes_loaded(one(text)), count, text)

    def test_stores(self):
        for text, expected in {
            "vmovups %ymm1, (%rdi,%rax,4)": True, "vmovaps %ymm1, 0x40(%rsp)": False, "vmovups (%rdi), %ymm1": False,
            "cmpq %rax, (%rdi)": False, "vmovdqu32 %zmm0, (%rdi) {%k1}": True, "stp q1, q2, [x3]": True,
            "stp q1, q2, [sp, #0x10]": False, "str q1, [x29, #-0x10]": False, "ldr q1, [x3]": False,
        }.items():
            self.assertEqual(inner_loops.is_store(one(text)), expected, text)


class Estimates(unittest.TestCase):
    # 12 layers of 1214 tokens: 192 GOP of products in the layers, 50 in attention (Benchmarks/README.md).
    base = next(model for model in estimates.MODELS if model.name == "AST-base")

    def test_operations_of_ast_base(self):
        self.assertEqual(round(self.base.layer_operations() / 1e9), 192)
        self.assertEqual(round(self.base.attention_operations() / 1e9), 50)
        self.assertEqual(self.base.matrices * self.base.layers, 84_934_656)

    def test_a_window_of_one_core(self):
        rate = estimates.Rate("here", "all", 0.5)
        machine = estimates.Machine("this", "int8", 1, 2, 10, rate, rate)
        compute, memory = estimates.window_ms(machine, self.base, {("here", "all"): 100})
        operations = self.base.layer_operations() + self.base.attention_operations()
        self.assertAlmostEqual(compute, 1.1 * operations / (50 * 2e9) * 1000)
        # 26 blocks of 48 rows.
        self.assertAlmostEqual(memory, 26 * 84_934_656 / 10e9 * 1000)

    def test_machines_whose_loops_were_not_modelled_are_left_out(self):
        pi_4 = {("cortex-a72", "gemm fp32 neon"): 8, ("cortex-a72", "attention fp32 neon"): 8}
        self.assertEqual([line.split("  ")[0] for line in estimates.table(pi_4)][1:], ["Raspberry Pi 4"])


if __name__ == "__main__":
    unittest.main()
